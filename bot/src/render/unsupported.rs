//! Marks the statements of an answer that rest on no source.

use nexus_api::{Answer, AnswerBlock};

use super::markdown::next_mark;

/// Stands behind a statement that no source confirms. Explained once, below the answer.
pub(super) const SIGN: &str = "⚠️";

/// The answer's Markdown, with the sign behind each unsupported block.
pub(super) fn marked(answer: &Answer) -> String {
    let text = Letters::of(&answer.text);
    let mut marked = String::with_capacity(answer.text.len() + 32);
    let (mut letter, mut from) = (0, 0);
    for block in &answer.blocks {
        // Blocks stand in the order of the text. One that is not found, for whatever reason, is passed over.
        let wanted = Letters::of(&block.text);
        let Some(found) = text.find(&wanted, letter) else {
            continue;
        };
        letter = found + wanted.text.len();
        if block.supported {
            continue;
        }
        let end = text.place_after(letter);
        let (place, sign) = placed(&answer.text, end, block);
        if place >= from {
            marked.push_str(&answer.text[from..place]);
            marked.push_str(&sign);
            from = place;
        }
    }
    marked.push_str(&answer.text[from..]);
    marked
}

/// Where the sign stands, and what it looks like in Markdown.
fn placed(text: &str, end: usize, block: &AnswerBlock) -> (usize, String) {
    let block = block.text.trim_end();
    if block.ends_with("```") || block.ends_with("~~~") {
        return (end, format!("\n{SIGN}"));
    }
    // Behind the last bar of a table's row it would be a cell too many.
    if block.starts_with('|') && text[..end].ends_with('|') {
        return (end - 1, format!(" {SIGN} "));
    }
    (end, format!(" {SIGN}"))
}

/// A text without white space and marks, which blocks do not keep as the text has them.
struct Letters {
    text: String,
    /// For every byte of `text`, where it stands in the original.
    places: Vec<usize>,
}

impl Letters {
    fn of(original: &str) -> Self {
        let mut letters = Self {
            text: String::with_capacity(original.len()),
            places: Vec::with_capacity(original.len()),
        };
        let mut rest = original;
        while let Some((before, _, _, after)) = next_mark(rest) {
            letters.add(before, original.len() - rest.len());
            rest = after;
        }
        letters.add(rest, original.len() - rest.len());
        letters
    }

    fn add(&mut self, piece: &str, offset: usize) {
        for (at, c) in piece.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            self.text.push(c);
            self.places
                .extend((0..c.len_utf8()).map(|byte| offset + at + byte));
        }
    }

    /// Where `wanted` stands from `from` on, if it is anything.
    fn find(&self, wanted: &Self, from: usize) -> Option<usize> {
        let found = self.text.get(from..)?.find(&wanted.text)?;
        (!wanted.text.is_empty()).then_some(from + found)
    }

    /// Where the original goes on behind the first `letters` bytes.
    fn place_after(&self, letters: usize) -> usize {
        let last = letters.checked_sub(1).and_then(|last| self.places.get(last));
        last.map_or(0, |place| place + 1)
    }
}
