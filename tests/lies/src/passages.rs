//! Where passages come from: sets in BEIR layout, and folders of Markdown.

use std::path::Path;

use anyhow::Context as _;
use nexus_rag::beir::BeirSet;
use nexus_text::{Language, language_of};
use unicode_segmentation::UnicodeSegmentation as _;

/// About as long as what an answer is written from.
const PASSAGE_CHARS: usize = 1_500;
/// A shorter or longer sentence is seldom one.
const WORDS: std::ops::RangeInclusive<usize> = 6..=45;

/// A text that answers may be made from.
#[derive(Clone, Debug)]
pub struct Passage {
    pub text: String,
    pub language: Language,
    /// Whole sentences of prose.
    pub sentences: Vec<String>,
}

/// The passages of a set. Longer documents are cut between their paragraphs.
pub fn beir(set: &Path) -> anyhow::Result<Vec<Passage>> {
    let mut passages = Vec::new();
    for document in BeirSet::new(set)
        .corpus()
        .with_context(|| format!("{} is no set", set.display()))?
    {
        passages.extend(cut(&document?.text));
    }
    Ok(passages)
}

/// The passages of all Markdown below a folder, by name.
pub fn folder(folder: &Path) -> anyhow::Result<Vec<Passage>> {
    let mut files = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            for entry in path.read_dir()? {
                left.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    let mut passages = Vec::new();
    for file in files {
        passages.extend(cut(&std::fs::read_to_string(&file)?));
    }
    Ok(passages)
}

fn cut(text: &str) -> Vec<Passage> {
    let text = text.trim_start_matches('\u{feff}');
    let mut passages = Vec::new();
    let mut open = String::new();
    for paragraph in text.split("\n\n") {
        if !open.is_empty() && open.chars().count() + paragraph.chars().count() > PASSAGE_CHARS {
            passages.push(passage(std::mem::take(&mut open)));
        }
        if !open.is_empty() {
            open.push_str("\n\n");
        }
        open.push_str(paragraph);
    }
    passages.push(passage(open));
    passages.retain(|passage| !passage.sentences.is_empty());
    passages
}

fn passage(text: String) -> Passage {
    let language = language_of(&text);
    let mut sentences = sentences(&text);
    sentences.retain(|sentence| language_of(sentence) == language);
    Passage {
        language,
        sentences,
        text,
    }
}

fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for paragraph in text.split('\n') {
        in_code ^= paragraph.trim_start().starts_with("```");
        let begins = paragraph
            .chars()
            .next()
            .is_some_and(|c| c.is_alphabetic() || matches!(c, '«' | '"'));
        if in_code || !begins {
            continue;
        }
        let mut open = String::new();
        for piece in paragraph.split_sentence_bounds() {
            open.push_str(piece);
            if ends(&open) {
                found.extend(sentence(&std::mem::take(&mut open)));
            }
        }
        found.extend(sentence(&open));
    }
    found
}

fn ends(text: &str) -> bool {
    let text = text.trim_end();
    let last = text
        .trim_end_matches('.')
        .rsplit(|c: char| c.is_whitespace() || c == '.')
        .next()
        .unwrap_or_default();
    text.ends_with(['!', '?', '.']) && last.chars().count() > 3
}

/// A sentence that can be retold: whole, of prose, without signs of its own for quotes, links and markup.
fn sentence(text: &str) -> Option<String> {
    let text = text.trim();
    let words = text.split_whitespace().count();
    let is_prose = !text.contains([
        '[', ']', '|', '`', '*', '_', '<', '{', '=', '\\', '"', '“', '„', '#',
    ]);
    let is_whole = text.ends_with('.') && text.starts_with(|c: char| c.is_uppercase() || c == '«');
    let balanced = text.matches('(').count() == text.matches(')').count()
        && text.matches('«').count() == text.matches('»').count();
    (is_prose && is_whole && balanced && WORDS.contains(&words)).then(|| text.to_owned())
}
