//! Cuts a written answer into blocks and says which citations each one rests on.

use std::ops::Range;

use super::super::Block;
use super::super::units::{Kind, Unit, is_item, units};
use super::parser::Draft;
use crate::verify::Fault;

/// A block, and what it is in the text without marks.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) block: Block,
    pub(super) kind: Kind,
    /// Paragraph, list or table that it belongs to.
    pub(super) group: usize,
    pub(super) span: Range<usize>,
    /// Where in the text which numbers stand that belong to it.
    pub(super) marks: Vec<(usize, u32)>,
}

/// The blocks of an answer: sentences, list items, table rows, headings and whole code blocks, in order.
///
/// A block is supported if it holds a mark, or if it states nothing itself: a heading, the head of a table, words that
/// introduce what follows and is supported. Code rests on what the block before it rests on.
pub(super) fn pieces(draft: &Draft) -> Vec<Piece> {
    let plain = draft.plain.as_str();
    let units = joined(plain, units(plain, usize::MAX));
    let mut blocks: Vec<Block> = units
        .iter()
        .map(|unit| Block {
            text: plain[unit.span.clone()].trim().to_owned(),
            citations: Vec::new(),
            supported: false,
            faults: Vec::new(),
        })
        .collect();
    for at in &draft.invented {
        if let Some(block) = place(plain, &units, *at).and_then(|place| blocks.get_mut(place)) {
            let end = block.text.len();
            block.faults.push(Fault::Source(end..end));
        }
    }
    let mut marks = vec![Vec::new(); units.len()];
    for (at, number) in &draft.marks {
        let Some(place) = place(plain, &units, *at) else {
            continue;
        };
        marks[place].push((*at, *number));
        if !blocks[place].citations.contains(number) {
            blocks[place].citations.push(*number);
        }
    }
    // From the end: an introduction is as good as what it introduces.
    for at in (0..blocks.len()).rev() {
        if units[at].kind == Kind::Code && blocks[at].citations.is_empty() && at > 0 {
            blocks[at].citations = blocks[at - 1].citations.clone();
        }
        let states_nothing = match units[at].kind {
            Kind::Heading => true,
            Kind::Row => {
                is_rule(&blocks[at].text) || blocks.get(at + 1).is_some_and(|next| is_rule(&next.text))
            }
            _ => blocks[at].text.ends_with(':') && blocks.get(at + 1).is_some_and(|next| next.supported),
        };
        blocks[at].supported = states_nothing || !blocks[at].citations.is_empty();
    }
    let piece = |((block, unit), marks): ((Block, Unit), _)| Piece {
        block,
        kind: unit.kind,
        group: unit.block,
        span: unit.span,
        marks,
    };
    blocks.into_iter().zip(units).zip(marks).map(piece).collect()
}

/// Units that belong together: the lines of a code block or of a list item, and parts of one sentence.
fn joined(text: &str, units: Vec<Unit>) -> Vec<Unit> {
    let mut joined: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units {
        match joined.last_mut() {
            Some(last)
                if last.block == unit.block && last.kind == unit.kind && goes_on(text, last, &unit) =>
            {
                last.span.end = unit.span.end;
            }
            _ => joined.push(unit),
        }
    }
    joined
}

fn goes_on(text: &str, last: &Unit, unit: &Unit) -> bool {
    match unit.kind {
        Kind::Code => true,
        Kind::Item => !is_item(text[unit.span.clone()].trim_start()),
        Kind::Prose => text[last.span.clone()].ends_with([';', ':']),
        Kind::Heading | Kind::Row => false,
    }
}

/// The unit that a mark at `at` belongs to: the one before it, or the one after it where it begins a line.
fn place(text: &str, units: &[Unit], at: usize) -> Option<usize> {
    let begins_line =
        text[..at].trim_end_matches([' ', '\t']).ends_with('\n') || text[..at].trim().is_empty();
    let ends_line =
        text[at..].trim_start_matches([' ', '\t']).starts_with('\n') || text[at..].trim().is_empty();
    let before = units.partition_point(|unit| unit.span.start < at).checked_sub(1);
    let after = units.iter().position(|unit| unit.span.end > at);
    if begins_line && !ends_line {
        after.or(before)
    } else {
        before.or(after)
    }
}

/// The line under the head of a table.
fn is_rule(row: &str) -> bool {
    row.contains('-') && row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

#[cfg(test)]
mod tests {
    use super::super::parser::Parser;
    use super::*;

    /// Each block: its first words, its numbers, and `!` where it rests on nothing.
    fn cut(text: &str) -> Vec<String> {
        let mut parser = Parser::new(9);
        parser.push(text);
        let (_, draft) = parser.finish();
        pieces(&draft)
            .into_iter()
            .map(|Piece { block, .. }| {
                let alarm = if block.supported { "" } else { " !" };
                format!("{} {:?}{alarm}", block.text.replace('\n', "⏎"), block.citations)
            })
            .collect()
    }

    #[test]
    fn each_sentence_carries_its_numbers() {
        assert_eq!(
            cut("Hold the button [1][2]. The lamp blinks. [3] Wait; then let go [1]. It is blue."),
            [
                "Hold the button. [1, 2]",
                "The lamp blinks. [3]",
                "Wait; then let go. [1]",
                "It is blue. [] !"
            ]
        );
    }

    #[test]
    fn lists_tables_and_introductions_are_told_apart() {
        assert_eq!(
            cut(
                "# Reset\n\nDo this:\n\n1. Press it\n   firmly [1].\n2. Wait.\n\n| a | b |\n|---|---|\n| 1 | 2 [2] |\n| 3 | 4 |"
            ),
            [
                "# Reset []",
                "Do this: []",
                "1. Press it⏎   firmly. [1]",
                "2. Wait. [] !",
                "| a | b | []",
                "|---|---| []",
                "| 1 | 2 | [2]",
                "| 3 | 4 | [] !",
            ]
        );
    }

    #[test]
    fn code_rests_on_what_announces_it() {
        assert_eq!(
            cut("Run this [4]:\n\n```sh\nreset --now\n\nx[1]\n```\nDone."),
            ["Run this: [1]", "```sh⏎reset --now⏎⏎x[1]⏎``` [1]", "Done. [] !"]
        );
        assert_eq!(cut("```\nx\n```\n[2]"), ["```⏎x⏎``` [1]"]);
    }

    #[test]
    fn a_mark_that_begins_a_line_belongs_to_what_follows() {
        assert_eq!(cut("Alpha.\n\n[3] says beta."), ["Alpha. [] !", "says beta. [1]"]);
    }
}
