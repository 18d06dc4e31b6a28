//! Where to cut: the cheapest partition of the atoms into passages.
//!
//! A partition costs, for each passage, how far its size is from the target ([`size_costs`]), what cutting at its
//! begin costs, and the cost of each boundary that it runs over. The minimum is found by dynamic programming over the
//! last cut (as in Knuth and Plass, "Breaking Paragraphs into Lines", 1981); a passage holds at most [`WINDOW`] atoms,
//! so the time is linear in the text.

use std::ops::Range;

use nexus_domain::LineRange;

use super::atoms::{Atom, Atoms};
use super::lines::Slice;
use super::{ChunkDraft, ChunkOptions};

/// Most lines (or pieces of lines) in one passage.
const WINDOW: usize = 512;

/// Below this many tokens a passage is poor company for a question: too little to match, too little to answer.
const POOR: usize = 40;

/// Ranges of atoms, in order, without gaps.
pub(super) fn cut(atoms: &[Atom], options: &ChunkOptions) -> Vec<Range<usize>> {
    let sizes = size_costs(options);
    // best[j]: cost of the cheapest partition of atoms[..j]; from[j]: where its last passage begins.
    let mut best = vec![0_u64; atoms.len() + 1];
    let mut from = vec![0_u32; atoms.len() + 1];
    for end in 1..=atoms.len() {
        let mut cheapest = u64::MAX;
        let mut crossed = 0_u64;
        let mut weight = 0_usize;
        for begin in (end.saturating_sub(WINDOW)..end).rev() {
            let atom = &atoms[begin];
            weight += atom.weight as usize;
            if weight > options.max_tokens && begin + 1 < end {
                break;
            }
            let size = sizes.get(weight).or(sizes.last()).copied().unwrap_or(0);
            let cost = best[begin] + u64::from(size) + u64::from(atom.mark.cut) + crossed;
            if cost < cheapest {
                cheapest = cost;
                from[end] = begin as u32;
            }
            if atom.mark.hard {
                break;
            }
            crossed += u64::from(atom.mark.cross);
        }
        best[end] = cheapest;
    }
    let mut parts = Vec::new();
    let mut end = atoms.len();
    while end > 0 {
        let begin = from[end] as usize;
        parts.push(begin..end);
        end = begin;
    }
    parts.reverse();
    parts
}

/// Cost by size: 100 for nothing, falling to 0 at the target by the square, and poor passages cost up to 60 more; above the
/// target it rises to 60 at the maximum.
fn size_costs(options: &ChunkOptions) -> Vec<u32> {
    let (target, max) = (options.target_tokens, options.max_tokens);
    let poor = POOR.min(target / 4);
    (0..=max)
        .map(|tokens| {
            let cost = if tokens <= target {
                let missing = target - tokens;
                100 * missing * missing / (target * target)
            } else {
                60 * (tokens - target) / (max - target).max(1)
            };
            let shortfall = if tokens < poor {
                60 * (poor - tokens) / poor
            } else {
                0
            };
            (cost + shortfall) as u32
        })
        .collect()
}

/// Makes the passage of a range of atoms; where the counter is not additive and finds too many tokens, several.
pub(super) fn emit(
    slice: &Slice<'_>,
    atoms: &Atoms,
    part: Range<usize>,
    options: &ChunkOptions,
    chunks: &mut Vec<ChunkDraft>,
) {
    let mut waiting = vec![part];
    while let Some(part) = waiting.pop() {
        let Some((first, last)) = atoms
            .list
            .get(part.clone())
            .and_then(|p| Some((p.first()?, p.last()?)))
        else {
            continue;
        };
        let bytes = first.start as usize..last.end as usize;
        let tokens = (options.count)(&slice.text[bytes.clone()]);
        if tokens > options.max_tokens && part.len() > 1 {
            let middle = part.start + part.len() / 2;
            waiting.push(middle..part.end);
            waiting.push(part.start..middle);
            continue;
        }
        let lines = LineRange {
            first: slice.first_line + first.row,
            last: slice.first_line + last.row,
        };
        chunks.push(ChunkDraft {
            text: slice.text[bytes.clone()].to_owned(),
            heading_path: atoms.path(&atoms.list[part], slice.text),
            lines,
            pages: None,
            anchor: None,
            bytes: slice.offset + bytes.start..slice.offset + bytes.end,
            tokens,
        });
    }
}
