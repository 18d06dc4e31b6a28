//! The sources of an answer, or what comes nearest to one: one block quote that opens, a few lines each.

use nexus_api::{Citation, LineRange, Passage};

use super::link::Href;
use super::style::Style;
use super::tag::Tag;
use super::writer::Writer;
use crate::words::{Phrase, Value, Words};

/// Between a title and the headings below it.
const BELOW: &str = " › ";

pub(super) fn write(out: &mut Writer, citations: &[Citation], with_quotes: bool, style: &Style) {
    write_under(out, Phrase::Sources, citations, with_quotes, style);
}

/// What comes nearest where there is no answer, each with its quote.
pub(super) fn write_nearest(out: &mut Writer, nearest: &[Citation], style: &Style) {
    write_under(out, Phrase::NearestPassages, nearest, true, style);
}

fn write_under(out: &mut Writer, heading: Phrase, citations: &[Citation], with_quotes: bool, style: &Style) {
    if citations.is_empty() {
        return;
    }
    let words = Words::of(style.language);
    out.gap(2);
    out.open(Tag::Quote { expandable: true });
    out.tagged(Tag::Bold, &words.say(heading));
    out.glue();
    for (place, citation) in citations.iter().enumerate() {
        out.gap(if place == 0 || !with_quotes { 1 } else { 2 });
        write_place(out, citation, style);
        if with_quotes {
            out.gap(1);
            out.tagged(Tag::Italic, &quoted(&citation.quote, style, words));
        }
    }
    out.close();
}

/// Number, title, headings and lines; the title leads there.
fn write_place(out: &mut Writer, citation: &Citation, style: &Style) {
    let words = Words::of(style.language);
    out.text(&format!("[{}] ", citation.number));
    let passage = &citation.passage;
    let href = href_of(passage, &citation.link, style);
    titled(out, &passage.document_title, &passage.document_path, href);
    for heading in headings(&passage.heading_path, &passage.document_title) {
        out.text(BELOW);
        out.text(&on_one_line(heading));
    }
    out.text(" · ");
    out.text(&place(passage, citation.quote_lines, words));
}

/// A document's title, or its path where it has none.
pub(super) fn titled(out: &mut Writer, title: &str, path: &str, href: Option<Href>) {
    let title = on_one_line(title);
    let name = if title.is_empty() {
        on_one_line(path)
    } else {
        title
    };
    match href {
        Some(href) => out.tagged(Tag::Link(href), &name),
        None => out.text(&name),
    }
}

/// The heading path without a first heading that repeats the title.
pub(super) fn headings<'a>(path: &'a [String], title: &str) -> &'a [String] {
    match path {
        [first, rest @ ..] if first.trim() == title.trim() => rest,
        path => path,
    }
}

/// Where people find the place: in the original, else in the text as the backend has it.
pub(super) fn href_of(passage: &Passage, link: &str, style: &Style) -> Option<Href> {
    let original = passage.source_link.as_deref().and_then(Href::parse);
    original.or_else(|| Href::below(style.base_address.as_deref(), link))
}

/// Pages where the document has them, else lines.
pub(super) fn place(passage: &Passage, within: LineRange, words: &Words) -> String {
    let Some(pages) = passage.pages else {
        return lines(within, words);
    };
    let (first, last) = (pages.first.to_string(), pages.last.to_string());
    if first == last {
        return words.say_with(Phrase::OnePage, &[("page", Value::Text(&first))]);
    }
    let arguments = [("first", Value::Text(&first)), ("last", Value::Text(&last))];
    words.say_with(Phrase::PageRange, &arguments)
}

fn lines(lines: LineRange, words: &Words) -> String {
    if lines.first == lines.last {
        words.say_with(
            Phrase::OneLine,
            &[("line", Value::Text(&lines.first.to_string()))],
        )
    } else {
        let (first, last) = (lines.first.to_string(), lines.last.to_string());
        let arguments = [("first", Value::Text(&first)), ("last", Value::Text(&last))];
        words.say_with(Phrase::LineRange, &arguments)
    }
}

/// The exact words, on one line and shortened at a word.
fn quoted(quote: &str, style: &Style, words: &Words) -> String {
    let quote = shortened(&on_one_line(quote), style.quote_chars);
    words.say_with(Phrase::Quoted, &[("quote", Value::Text(&quote))])
}

pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `max_chars` characters, and `…` where something is missing.
pub(super) fn shortened(text: &str, max_chars: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max_chars) else {
        return text.to_owned();
    };
    let kept = &text[..end];
    // A word that takes more than half of the room is cut.
    let word = kept.rfind(' ').filter(|space| *space > end / 2);
    let kept = &kept[..word.unwrap_or(end)];
    format!(
        "{}…",
        kept.trim_end_matches([' ', ',', ';', ':', '.', '-', '–', '—'])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_quote_ends_after_a_word() {
        assert_eq!(shortened("Hold the button, then wait", 18), "Hold the button…");
        assert_eq!(shortened("Hold", 4), "Hold");
        assert_eq!(shortened("Держите кнопку", 10), "Держите…");
        assert_eq!(shortened("абвгдежзик", 4), "абвг…");
    }
}
