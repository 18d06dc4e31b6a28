//! A written answer beside the sources that it cites: what they do not hold is marked, or left out.

use super::super::Block;
use super::super::units::Kind;
use super::blocks::{Piece, pieces};
use super::parser::{Draft, Parser, number, write_mark};
use crate::verify::{Evidence, Fault, faults, invented_addresses};

/// A checked answer.
#[derive(Debug)]
pub(super) struct Written {
    /// With marks.
    pub(super) text: String,
    pub(super) pieces: Vec<Piece>,
    /// The place of the source behind each number, from 1.
    pub(super) cited: Vec<usize>,
    plain: String,
}

/// The blocks of an answer as a model writes it, checked against its numbered sources. This is what an answer goes through on
/// its way to a person, without the model.
pub fn checked(text: &str, sources: &[Evidence]) -> Vec<Block> {
    let mut parser = Parser::new(sources.len());
    parser.push(text);
    let (_, draft) = parser.finish();
    read(draft, sources).blocks()
}

/// Cuts a text into blocks and looks at each statement that cites something. Code and headings are not looked at: code is
/// announced by a statement, and a heading states nothing. Addresses are looked at wherever they stand.
pub(super) fn read(draft: Draft, sources: &[Evidence]) -> Written {
    let mut pieces = pieces(&draft);
    for piece in &mut pieces {
        let block = &mut piece.block;
        let invented = invented_addresses(&block.text, sources);
        block.supported &= invented.is_empty();
        block.faults.extend(invented.into_iter().map(Fault::Address));
        if matches!(piece.kind, Kind::Code | Kind::Heading) || block.citations.is_empty() {
            continue;
        }
        let places = block
            .citations
            .iter()
            .filter_map(|number| draft.cited.get((*number as usize).checked_sub(1)?));
        let cited: Vec<&Evidence> = places.filter_map(|place| sources.get(*place)).collect();
        block.faults.extend(faults(&block.text, &cited));
        block.supported = !block.faults.iter().any(Fault::refutes);
    }
    Written {
        text: draft.text,
        pieces,
        cited: draft.cited,
        plain: draft.plain,
    }
}

impl Written {
    pub(super) fn blocks(&self) -> Vec<Block> {
        self.pieces.iter().map(|piece| piece.block.clone()).collect()
    }

    /// The answer of the supported statements alone, its sources numbered anew; `None` if there are none. What only announced
    /// others goes with them.
    pub(super) fn without_unsupported(self) -> Option<Self> {
        let kept = kept(&self.pieces);
        self.only(&kept)
    }

    /// The answer without what holds an address that no source holds: a mark would not keep anybody from opening it. `None` if
    /// nothing is left that cites a source.
    pub(super) fn without_invented_addresses(self) -> Option<Self> {
        let is_invented = |fault: &Fault| matches!(fault, Fault::Address(_));
        let pieces = self.pieces.iter();
        let mut kept: Vec<bool> = pieces
            .map(|piece| !piece.block.faults.iter().any(is_invented))
            .collect();
        if kept.iter().all(|kept| *kept) {
            return Some(self);
        }
        leave_out_code_of(&self.pieces, &mut kept);
        self.only(&kept)
    }

    fn only(self, kept: &[bool]) -> Option<Self> {
        let mut left = Self {
            text: String::with_capacity(self.text.len()),
            pieces: Vec::with_capacity(self.pieces.len()),
            cited: Vec::new(),
            plain: String::with_capacity(self.plain.len()),
        };
        let mut before = 0;
        for (piece, is_kept) in self.pieces.into_iter().zip(kept.iter().copied()) {
            let gap = before..piece.span.start;
            before = piece.span.end;
            if !is_kept {
                continue;
            }
            if !left.plain.is_empty() {
                left.push(self.plain.get(gap).filter(|gap| !gap.is_empty()).unwrap_or(" "));
            }
            left.take(&self.plain, piece, &self.cited);
        }
        let holds = left.pieces.iter().any(|piece| !piece.block.citations.is_empty());
        holds.then_some(left)
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.plain.push_str(text);
    }

    /// Adds a piece with its marks, and gives its sources their numbers.
    fn take(&mut self, plain: &str, mut piece: Piece, cited: &[usize]) {
        let start = self.plain.len();
        let mut at = piece.span.start;
        let mut last = None;
        for (place, old) in std::mem::take(&mut piece.marks) {
            let Some(new) = self.renumbered(old, cited) else {
                continue;
            };
            let place = place.clamp(at, piece.span.end);
            self.push(plain.get(at..place).unwrap_or_default());
            write_mark(&mut self.text, new, last != Some(place));
            piece.marks.push((self.plain.len(), new));
            (at, last) = (place, Some(place));
        }
        self.push(plain.get(at..piece.span.end).unwrap_or_default());
        let old = std::mem::take(&mut piece.block.citations);
        piece.block.citations = old
            .into_iter()
            .filter_map(|old| self.renumbered(old, cited))
            .collect();
        piece.span = start..self.plain.len();
        self.pieces.push(piece);
    }

    fn renumbered(&mut self, old: u32, cited: &[usize]) -> Option<u32> {
        let source = *cited.get((old as usize).checked_sub(1)?)?;
        let known = self.cited.iter().position(|cited| *cited == source);
        Some(number(known.unwrap_or_else(|| {
            self.cited.push(source);
            self.cited.len() - 1
        })))
    }
}

/// Which pieces stay: supported statements, and what announces or belongs to one that stays.
fn kept(pieces: &[Piece]) -> Vec<bool> {
    let mut kept: Vec<bool> = pieces.iter().map(|piece| piece.block.supported).collect();
    for at in (0..pieces.len()).rev() {
        let piece = &pieces[at];
        let states = !piece.block.citations.is_empty();
        if states || !kept[at] {
            continue;
        }
        let behind = || pieces.iter().zip(&kept).skip(at + 1);
        kept[at] = match piece.kind {
            Kind::Heading => {
                behind()
                    .take_while(|(other, _)| other.kind != Kind::Heading)
                    .any(|(_, kept)| *kept)
                    || behind()
                        .next()
                        .is_some_and(|(other, kept)| other.kind == Kind::Heading && *kept)
            }
            Kind::Row => behind()
                .take_while(|(other, _)| other.group == piece.group)
                .any(|(_, kept)| *kept),
            _ => pieces.get(at + 1).is_some_and(|next| {
                behind()
                    .take_while(|(other, _)| other.group == next.group)
                    .any(|(_, kept)| *kept)
            }),
        };
    }
    leave_out_code_of(pieces, &mut kept);
    kept
}

/// Code goes with the statement that announces it.
fn leave_out_code_of(pieces: &[Piece], kept: &mut [bool]) {
    for at in 1..pieces.len() {
        if pieces[at].kind == Kind::Code && !kept[at - 1] {
            kept[at] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Vec<Evidence> {
        [
            "Hold the reset button for ten seconds. The lamp blinks. Wait for the green light before you let go.",
            "The gateway needs a power supply of 12 volts.",
        ]
        .iter()
        .map(|text| Evidence::new(text, ""))
        .collect()
    }

    fn left(text: &str) -> Option<(String, Vec<usize>)> {
        let sources = sources();
        let mut parser = Parser::new(sources.len());
        parser.push(text);
        let (_, draft) = parser.finish();
        let left = read(draft, &sources).without_unsupported()?;
        assert!(left.pieces.iter().all(|piece| piece.block.supported));
        for piece in &left.pieces {
            assert_eq!(left.plain[piece.span.clone()].trim(), piece.block.text);
        }
        Some((left.text, left.cited))
    }

    #[test]
    fn what_is_not_held_is_left_out_and_the_rest_is_numbered_anew() {
        let text = "It needs 24 volts [2]. Hold the button for ten seconds [1]. The sky is green. The lamp blinks [1][2].";
        let (text, cited) = left(text).expect("two statements are held");
        assert_eq!(
            text,
            "Hold the button for ten seconds [1]. The lamp blinks [1][2]."
        );
        assert_eq!(cited, [0, 1]);
    }

    #[test]
    fn what_announced_it_goes_with_it() {
        let text = "# Power\n\nIt needs:\n\n- 24 volts [2]\n- a fan\n\n# Reset\n\nDo this:\n\n1. Hold the button [1].\n2. Wait 3 hours [1].\n\n\
            | a | b |\n|---|---|\n| lamp | 3 [1] |\n";
        assert_eq!(
            left(text).expect("one is held").0,
            "# Reset\n\nDo this:\n\n1. Hold the button [1]."
        );
    }

    #[test]
    fn code_goes_with_its_announcement() {
        let text = "The lamp blinks [1]:\n\n```\nblink\n```\n\nWait 7 days [1]:\n\n```\nwait\n```\n";
        assert_eq!(
            left(text).expect("one is held").0,
            "The lamp blinks [1]:\n\n```\nblink\n```"
        );
    }

    #[test]
    fn nothing_may_be_left() {
        assert_eq!(left("It needs 24 volts [2]. The sky is green."), None);
    }

    #[test]
    fn a_number_that_was_taken_out_is_a_fault_of_its_own_and_leaves_the_others_standing() {
        let blocks = checked("Hold the button [1][9]. It needs 12 volts [9].", &sources());
        assert_eq!(blocks[0].faults, [Fault::Source(16..16)]);
        assert!(blocks[0].supported && !blocks[1].supported);
        assert_eq!(blocks[1].faults.len(), 1);
    }
}
