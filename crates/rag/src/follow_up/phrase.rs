//! The words of a question.

use std::ops::Range;

use nexus_text::TermKind;

use crate::answer::function_words::is_function_word;

#[derive(Clone, Debug)]
pub(super) struct Word<'q> {
    pub(super) raw: &'q str,
    pub(super) span: Range<usize>,
    /// Of its stem.
    pub(super) id: u32,
    /// Whether it says what a question is about.
    pub(super) means: bool,
    pub(super) lower: String,
}

/// Words that ask, and say nothing of what is asked about.
const ASKING: [&str; 40] = [
    "how",
    "what",
    "when",
    "where",
    "why",
    "who",
    "which",
    "whose",
    "does",
    "do",
    "did",
    "is",
    "are",
    "was",
    "were",
    "can",
    "could",
    "should",
    "would",
    "will",
    "many",
    "much",
    "long",
    "often",
    "как",
    "что",
    "когда",
    "где",
    "куда",
    "почему",
    "зачем",
    "кто",
    "какой",
    "какая",
    "какие",
    "сколько",
    "можно",
    "ли",
    "нужно",
    "часто",
];

/// Words, with identifiers such as `E-1042`, `v2.3.1` and `data_dir` whole.
pub(super) fn words(question: &str) -> Vec<Word<'_>> {
    let terms = nexus_text::terms(question);
    let compounds: Vec<Range<usize>> = terms
        .iter()
        .filter(|term| term.kind == TermKind::Compound)
        .map(|term| term.span.clone())
        .collect();
    let inside = |span: &Range<usize>| {
        compounds
            .iter()
            .any(|whole| whole.start <= span.start && span.end <= whole.end)
    };
    let whole = terms.iter().filter(|term| match term.kind {
        TermKind::Compound => true,
        TermKind::Word => !inside(&term.span),
        TermKind::Part => false,
    });
    let mut words: Vec<Word<'_>> = whole
        .filter_map(|term| {
            let raw = question.get(term.span.clone())?;
            let lower = raw.to_lowercase();
            Some(Word {
                raw,
                span: term.span.clone(),
                id: term.id,
                means: !is_function_word(term.id) && !ASKING.contains(&lower.as_str()),
                lower,
            })
        })
        .collect();
    words.sort_by_key(|word| (word.span.start, std::cmp::Reverse(word.span.end)));
    words.dedup_by(|later, earlier| later.span.start < earlier.span.end);
    words
}
