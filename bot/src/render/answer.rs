//! Answers: what was said, what it rests on, and what a reader should know about how it came about.

use nexus_api::{Answer, AnswerBlock, Citation, GenerationStatus};

use super::markdown::{self, Marks, Reading};
use super::passage;
use super::rich::RichText;
use super::sources;
use super::style::Style;
use super::tag::Tag;
use super::unsupported;
use super::writer::Writer;
use crate::words::{Phrase, Value, Words};

/// Of a question that was asked before; who asked it knows the rest.
const MAX_QUESTION_CHARS: usize = 240;

/// An answer with its sources. Says something in any case.
pub fn answer(answer: &Answer, style: &Style) -> RichText {
    let words = Words::of(style.language);
    let mut out = Writer::new();
    if !answer.found {
        out.text(&answer.text);
        sources::write_nearest(&mut out, &answer.nearest, style);
        out.gap(2);
        out.tagged(Tag::Italic, &words.say(Phrase::NotFoundHint));
        return out.finish();
    }
    if answer.generation.status == GenerationStatus::Written {
        write_written(&mut out, answer, style);
    } else {
        let note = words.say(Phrase::of_generation(answer.generation.reason));
        out.tagged(Tag::Italic, &note);
        write_quotes(&mut out, answer, style);
    }
    write_notes(&mut out, answer, words);
    let with_quotes = answer.generation.status == GenerationStatus::Written;
    sources::write(&mut out, &answer.citations, with_quotes, style);
    let rich = out.finish();
    if rich.is_empty() {
        super::message(&words.say(Phrase::NothingToShow))
    } else {
        rich
    }
}

/// An answer that nobody waits for any more, below the question that it answers.
pub fn asked_before(question: &str, answer: &RichText, style: &Style) -> RichText {
    let words = Words::of(style.language);
    let mut out = Writer::new();
    out.tagged(Tag::Bold, &words.say(Phrase::NowThereIsAnAnswer));
    out.gap(1);
    let quoted = words.say_with(Phrase::Quoted, &[("quote", Value::Text(&cut(question)))]);
    out.tagged(Tag::Italic, &quoted);
    out.gap(2);
    out.rich(answer);
    out.finish()
}

/// A question in one line that is not too long.
fn cut(question: &str) -> String {
    let line = question.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_QUESTION_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

fn write_written(out: &mut Writer, answer: &Answer, style: &Style) {
    let reading = Reading {
        marks: marks(&answer.citations, style),
        join_lines: false,
        table_columns: style.table_columns,
    };
    markdown::write(out, &unsupported::marked(answer), &reading);
}

fn marks(citations: &[Citation], style: &Style) -> Marks {
    let href = |citation: &Citation| {
        let href = sources::href_of(&citation.passage, &citation.link, style)?;
        Some((citation.number, href))
    };
    citations.iter().filter_map(href).collect()
}

/// Quotes as their documents write them, each with its number.
fn write_quotes(out: &mut Writer, answer: &Answer, style: &Style) {
    let marks = marks(&answer.citations, style);
    for block in &answer.blocks {
        out.gap(2);
        let format = citation_of(block, &answer.citations).map(|citation| &citation.passage);
        match format {
            Some(passage) => passage::write_text(out, &block.text, passage, style),
            None => out.text(&block.text),
        }
        let numbers: Vec<_> = block
            .citations
            .iter()
            .map(|number| format!("[{number}]"))
            .collect();
        // Behind code the numbers stand on a line of their own: within it they would be code.
        if format.is_some_and(passage::is_shown_as_code) {
            out.gap(1);
        } else {
            out.text(" ");
        }
        marks.write(out, &numbers.join(" "));
    }
}

fn citation_of<'a>(block: &AnswerBlock, citations: &'a [Citation]) -> Option<&'a Citation> {
    let number = block.citations.first()?;
    citations.iter().find(|citation| citation.number == *number)
}

/// What the reader should know: signs, and an end that is missing.
fn write_notes(out: &mut Writer, answer: &Answer, words: &Words) {
    let mut note = |text: &str| {
        out.gap(2);
        out.tagged(Tag::Italic, text);
    };
    if answer.generation.truncated {
        note(&words.say(Phrase::AnswerTruncated));
    }
    if answer.blocks.iter().any(|block| !block.supported) {
        note(&format!(
            "{} — {}",
            unsupported::SIGN,
            words.say(Phrase::UnsupportedNote)
        ));
    }
}
