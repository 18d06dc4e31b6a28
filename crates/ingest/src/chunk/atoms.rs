//! What is cut between: lines, and pieces of lines that are longer than a passage.

use super::ChunkOptions;
use super::lines::Slice;
use super::outline::{Outline, Place};
use super::plan::{Mark, Plan, cut};

/// A run of blank text longer than this ends a passage: passages quote what stands between their ends.
const BLANK: u32 = 256;

/// Bytes in the slice, `start..end`, neither of them blank.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) row: u32,
    pub(super) weight: u32,
    pub(super) mark: Mark,
}

#[derive(Debug)]
pub(super) struct Atoms {
    pub(super) list: Vec<Atom>,
    outline: Outline,
}

impl Atoms {
    /// The headings that hold for all of these atoms. What says nothing, such as the bracket that closes a class, has no
    /// say in it.
    pub(super) fn path(&self, part: &[Atom], text: &str) -> Vec<String> {
        let says = |atom: &&Atom| {
            let words = text
                .get(atom.start as usize..atom.end as usize)
                .unwrap_or_default();
            words.contains(char::is_alphanumeric)
        };
        let mut places = part.iter().filter(says).map(|atom| atom.mark.place);
        let first: Place = places.next().unwrap_or_default();
        self.outline
            .path(places.fold(first, |common, place| self.outline.common(common, place)))
    }
}

pub(super) fn of(slice: &Slice<'_>, (plan, weights): (Plan, Vec<u32>), options: &ChunkOptions) -> Atoms {
    let mut list: Vec<Atom> = Vec::with_capacity(slice.lines.len());
    let max = options.max_tokens as u32;
    for (at, ((line, mark), weight)) in slice.lines.iter().zip(&plan.marks).zip(weights).enumerate() {
        let mut mark = *mark;
        mark.hard |= list.last().is_some_and(|before| line.start - before.end > BLANK);
        if weight <= max {
            list.push(Atom {
                start: line.start,
                end: line.end,
                row: line.row,
                weight,
                mark,
            });
        } else {
            split(slice.text_of(at), options, &mut |start, end, weight, cost| {
                let (start, end) = (line.start + start as u32, line.start + end as u32);
                let hard = list.last().is_some_and(|before| start - before.end > BLANK);
                let inner = Mark {
                    cut: cost,
                    cross: 0,
                    hard,
                    place: mark.place,
                };
                let mark = if list.last().is_some_and(|before| before.row == line.row) {
                    inner
                } else {
                    mark
                };
                list.push(Atom {
                    start,
                    end,
                    row: line.row,
                    weight: weight.min(max as usize) as u32,
                    mark,
                });
            });
        }
    }
    Atoms {
        list,
        outline: plan.outline,
    }
}

type Emit<'a> = &'a mut dyn FnMut(usize, usize, usize, u16);

/// Splits a line into sentences, those that are too long into groups of words, and words that are too long anywhere.
fn split(line: &str, options: &ChunkOptions, emit: Emit<'_>) {
    let mut start = 0;
    while start < line.len() {
        let end = sentence_end(line, start);
        if let Some((from, to)) = trimmed(line, start, end) {
            let weight = if to - from > options.max_tokens * 32 {
                usize::MAX
            } else {
                options.weigh(&line[from..to])
            };
            if weight <= options.max_tokens {
                emit(from, to, weight, cut::SENTENCE);
            } else {
                split_words(line, from, to, options, emit);
            }
        }
        start = end;
    }
}

/// Groups of words of about a quarter of a passage each, so that they can still be joined to the target. The blanks
/// between its words weigh what they weigh: a counter may count them.
fn split_words(line: &str, from: usize, to: usize, options: &ChunkOptions, emit: Emit<'_>) {
    let limit = (options.max_tokens / 4).max(1);
    let weigh = |from: usize, to: usize| match to - from > limit * 32 {
        true => usize::MAX,
        false => options.weigh(&line[from..to]),
    };
    let mut group: Option<(usize, usize, usize)> = None;
    let mut cost = cut::SENTENCE;
    for (at, end) in words(line, from, to) {
        if let Some((_, group_end, sum)) = &mut group
            && at - *group_end <= BLANK as usize
        {
            let joined = sum.saturating_add(weigh(*group_end, end));
            if joined <= limit {
                (*group_end, *sum) = (end, joined);
                continue;
            }
        }
        if let Some((start, end, sum)) = group.take() {
            emit(start, end, sum, cost);
            cost = cut::WORD;
        }
        let weight = weigh(at, end);
        if weight <= options.max_tokens {
            group = Some((at, end, weight));
        } else {
            split_word(line, at, end, options, cost, emit);
            cost = cut::WORD;
        }
    }
    if let Some((start, end, sum)) = group {
        emit(start, end, sum, cost);
    }
}

/// What stands between white space, as bytes of the line.
fn words(line: &str, from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = from;
    line[from..to]
        .split_inclusive(char::is_whitespace)
        .filter_map(move |piece| {
            let start = at;
            at += piece.len();
            let word = piece.trim_end();
            (!word.is_empty()).then_some((start, start + word.len()))
        })
}

/// Pieces of something without white space, after a separator where one is near.
fn split_word(line: &str, from: usize, to: usize, options: &ChunkOptions, first_cost: u16, emit: Emit<'_>) {
    let mut at = from;
    let mut cost = first_cost;
    let mut guess = options.max_tokens * 32;
    while at < to {
        let mut end = line.floor_char_boundary((at + guess).min(to));
        let mut weight = usize::MAX;
        loop {
            let one = at + line[at..to].chars().next().map_or(1, char::len_utf8);
            end = end.max(one);
            weight = weight.min(options.weigh(&line[at..end]));
            if weight <= options.max_tokens || end == one {
                break;
            }
            end = line.floor_char_boundary(at + (end - at) / 2);
            weight = usize::MAX;
        }
        guess = ((end - at) * 2).max(16);
        let half = line.floor_char_boundary(at + (end - at) / 2);
        if end < to
            && let Some(near) = line[half..end].rfind([';', ',', '}', ')', ']', '>', '/', '&'])
        {
            end = half + near + 1;
            weight = weight.min(options.weigh(&line[at..end]));
        }
        emit(at, end, weight, cost);
        cost = cut::CHARACTER;
        at = end;
    }
}

/// Where the sentence that begins at `start` ends: behind `.`, `!`, `?`, `…` and closing marks, before white space; the full
/// stops of Chinese and Japanese need none.
fn sentence_end(line: &str, start: usize) -> usize {
    let mut ended = false;
    for (at, c) in line[start..].char_indices() {
        let at = start + at;
        match c {
            '.' | '!' | '?' | '…' => ended = true,
            '。' | '！' | '？' => return at + c.len_utf8(),
            ')' | ']' | '"' | '\'' | '»' | '”' | '’' | '*' | '_' | '`' if ended => {}
            c if c.is_whitespace() && ended => return at + c.len_utf8(),
            _ => ended = false,
        }
    }
    line.len()
}

fn trimmed(line: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let piece = &line[start..end];
    let from = start + (piece.len() - piece.trim_start().len());
    let to = start + piece.trim_end().len();
    (from < to).then_some((from, to))
}
