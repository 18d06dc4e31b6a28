//! Cuts a passage into the units that a quote is made of: whole lines of code, tables and lists, whole sentences of
//! prose. A unit is a byte range of the passage; together they hold all of it but the blanks between them and the front
//! matter of a document, which is there for programs.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// What a unit is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A heading: says what follows, answers nothing itself.
    Heading,
    /// A sentence, or a line, of prose.
    Prose,
    /// A list item, or a line that continues one.
    Item,
    /// A row of a table.
    Row,
    /// A line of code, fences included.
    Code,
}

/// A piece of a passage that a quote takes whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
    /// Paragraph, list, table or code block that it belongs to, counted from 0.
    pub(crate) block: usize,
}

/// The units of `text`, in order; none is longer than `max_chars` (at least 1), none is blank.
pub(crate) fn units(text: &str, max_chars: usize) -> Vec<Unit> {
    let mut cutter = Cutter {
        text,
        max_chars,
        units: Vec::new(),
        block: 0,
        last: None,
        fence: None,
        paragraph: None,
    };
    let mut at = front_matter_end(text);
    for line in text[at..].split_inclusive('\n') {
        cutter.line(at..at + line.len());
        at += line.len();
    }
    cutter.end_paragraph();
    cutter.units
}

/// Where a passage's text begins: behind the YAML between two `---` lines that it may start with, unless that is all.
fn front_matter_end(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n');
    let is_key = |line: &str| {
        line.split_once(':').is_some_and(|(key, _)| {
            !key.is_empty()
                && key
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        })
    };
    let Some(mut at) = lines.next().filter(|line| line.trim_end() == "---").map(str::len) else {
        return 0;
    };
    let mut first = true;
    for line in lines {
        if first && !is_key(line) {
            return 0;
        }
        first = false;
        at += line.len();
        if line.trim_end() == "---" {
            return if text[at..].trim().is_empty() { 0 } else { at };
        }
    }
    0
}

struct Cutter<'a> {
    text: &'a str,
    max_chars: usize,
    units: Vec<Unit>,
    block: usize,
    /// Kind of the line before, `None` after a blank one.
    last: Option<Kind>,
    /// The open code fence.
    fence: Option<&'a str>,
    /// Lines of prose that are not cut into sentences yet.
    paragraph: Option<Range<usize>>,
}

impl<'a> Cutter<'a> {
    fn line(&mut self, span: Range<usize>) {
        let text = self.text;
        let line = &text[span.clone()];
        let content = line.trim();
        if content.is_empty() {
            // A blank line inside a fence is code; anywhere else it ends the block.
            if self.fence.is_none() {
                self.end_paragraph();
                self.last = None;
            }
            return;
        }
        let kind = self.kind(line, content);
        if self.last.is_none_or(|last| last != kind || kind == Kind::Heading) {
            self.end_paragraph();
            self.block += usize::from(!self.units.is_empty());
        }
        self.last = Some(kind);
        let end = span.start + line.trim_end().len();
        if kind == Kind::Prose {
            let start = end - content.len();
            self.paragraph = Some(self.paragraph.as_ref().map_or(start, |open| open.start)..end);
        } else {
            self.push(span.start..end, kind);
        }
    }

    fn kind(&mut self, line: &'a str, content: &'a str) -> Kind {
        if let Some(fence) = self.fence {
            if content.starts_with(fence) && content.trim_start_matches(&fence[..1]).is_empty() {
                self.fence = None;
            }
            return Kind::Code;
        }
        if let Some(fence) = ["```", "~~~"]
            .into_iter()
            .find(|fence| content.starts_with(fence))
        {
            self.fence = Some(fence);
            self.last = None;
            return Kind::Code;
        }
        let indented = line.starts_with("    ") || line.starts_with('\t');
        if content.starts_with('#') && content.trim_start_matches('#').starts_with(' ') && !indented {
            Kind::Heading
        } else if content.starts_with('|') {
            Kind::Row
        } else if is_item(content) || self.last == Some(Kind::Item) {
            Kind::Item
        } else if indented {
            Kind::Code
        } else {
            Kind::Prose
        }
    }

    fn end_paragraph(&mut self) {
        let Some(paragraph) = self.paragraph.take() else {
            return;
        };
        let (mut start, mut at) = (paragraph.start, paragraph.start);
        for piece in self.text[paragraph.clone()].split_sentence_bounds() {
            at += piece.len();
            if at == paragraph.end || ends_sentence(&self.text[start..at], &self.text[at..paragraph.end]) {
                self.push(start..at, Kind::Prose);
                start = at;
            }
        }
    }

    /// Adds a unit without blanks at its end, in pieces if it is too long.
    fn push(&mut self, span: Range<usize>, kind: Kind) {
        let mut start = span.start;
        while start < span.end {
            let rest = &self.text[start..span.end];
            let piece = &rest[..cut(rest, self.max_chars)];
            if !piece.trim().is_empty() {
                let span = start..start + piece.trim_end().len();
                self.units.push(Unit {
                    span,
                    kind,
                    block: self.block,
                });
            }
            start += piece.len();
            let rest = &self.text[start..span.end];
            start += rest.len() - rest.trim_start().len();
        }
    }
}

pub(crate) fn is_item(content: &str) -> bool {
    let bulleted = ["- ", "* ", "+ ", "• "]
        .iter()
        .any(|mark| content.starts_with(mark));
    let digits = content.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=3).contains(&digits)
        && matches!(content.as_bytes().get(digits), Some(b'.' | b')'))
        && content.as_bytes().get(digits + 1) == Some(&b' ');
    bulleted || numbered
}

/// Whether a sentence ends between `text` and what follows it in the paragraph.
///
/// It does not after an abbreviation (`т. е.`, `рис. 2`), nor where a line is merely wrapped: a long line, or one that
/// goes on in lower case.
fn ends_sentence(text: &str, rest: &str) -> bool {
    let body = text
        .trim_end()
        .trim_end_matches(['"', '\'', ')', ']', '»', '”', '*', '_', '`']);
    if body.ends_with(['!', '?', '…', ':', ';']) {
        return true;
    }
    let Some(body) = body.strip_suffix('.') else {
        let line = text.trim_end().rsplit('\n').next().unwrap_or(text);
        return line.chars().count() < WRAPPED_LINE && !rest.trim_start().starts_with(char::is_lowercase);
    };
    let last = body
        .rsplit(|c: char| c.is_whitespace() || c == '.' || c == '(')
        .next()
        .unwrap_or(body);
    last.chars().count() > 1 && !ABBREVIATIONS.contains(&last.to_lowercase().as_str())
}

/// A shorter line, in characters, was ended by its writer and not by the margin.
const WRAPPED_LINE: usize = 60;

/// Words that are written with a full stop inside of a sentence.
const ABBREVIATIONS: [&str; 18] = [
    "др", "пр", "рис", "табл", "стр", "см", "ср", "напр", "им", "руб", "тыс", "млн", "млрд", "mr", "mrs",
    "dr", "vs", "fig",
];

/// Length of the first piece of `text` that holds at most `max_chars`: up to a blank where there is one in its second
/// half; never 0.
fn cut(text: &str, max_chars: usize) -> usize {
    let Some((limit, _)) = text.char_indices().nth(max_chars.max(1)) else {
        return text.len();
    };
    match text[..limit].rfind(char::is_whitespace) {
        Some(blank) if blank > limit / 2 => blank,
        _ => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_up(text: &str) -> Vec<(&str, Kind, usize)> {
        units(text, 600)
            .into_iter()
            .map(|unit| (&text[unit.span], unit.kind, unit.block))
            .collect()
    }

    #[test]
    fn front_matter_is_not_quoted() {
        let page = "---\ntitle: \"Pumps\"\ntags:\n  - blue\n---\n\n# Pumps\n\nThe pump is blue.\n";
        let first = &units(page, 600)[0];
        assert_eq!(&page[first.span.clone()], "# Pumps");
        for whole in [
            "---\ntitle: only\n---\n",
            "---\n\nText between rules.\n\n---\n",
            "---\nkey: never closed\n",
        ] {
            assert_eq!(units(whole, 600)[0].span.start, 0, "{whole:?}");
        }
    }

    #[test]
    fn prose_is_cut_into_sentences_in_both_languages() {
        assert_eq!(
            cut_up("Hold the button. The lamp blinks!\nСм. рис. 2 и т. д. Потом подождите."),
            [
                ("Hold the button.", Kind::Prose, 0),
                ("The lamp blinks!", Kind::Prose, 0),
                ("См. рис. 2 и т. д. Потом подождите.", Kind::Prose, 0),
            ]
        );
    }

    #[test]
    fn a_wrapped_sentence_stays_whole_and_short_lines_stand_alone() {
        let wrapped = "The gateway keeps its settings for ten days after the power\nis cut. Then it forgets.";
        assert_eq!(cut_up(wrapped).len(), 2);
        assert_eq!(cut_up("Name: Gate\nPort: 80").len(), 2);
    }

    #[test]
    fn headings_lists_tables_and_code_are_cut_by_line() {
        let text = "# Reset\n\n1. Press it.\n   Firmly.\n2. Wait.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nreset --now\n\nexit\n```\nDone.";
        assert_eq!(
            cut_up(text),
            [
                ("# Reset", Kind::Heading, 0),
                ("1. Press it.", Kind::Item, 1),
                ("   Firmly.", Kind::Item, 1),
                ("2. Wait.", Kind::Item, 1),
                ("| a | b |", Kind::Row, 2),
                ("|---|---|", Kind::Row, 2),
                ("| 1 | 2 |", Kind::Row, 2),
                ("```sh", Kind::Code, 3),
                ("reset --now", Kind::Code, 3),
                ("exit", Kind::Code, 3),
                ("```", Kind::Code, 3),
                ("Done.", Kind::Prose, 4),
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_blank() {
        let text = "слово ".repeat(300);
        let cut = units(&text, 100);
        assert!(cut.len() >= 18);
        assert!(
            cut.iter()
                .all(|unit| text[unit.span.clone()].chars().count() <= 100
                    && text[unit.span.clone()].ends_with("слово"))
        );
    }
}
