//! Parsing with a bound, and one walk over the tree that follows no recursion.

use std::ops::ControlFlow;

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree, TreeCursor};

use super::definition::{is_definition, is_preamble, is_wrapper, name_of};
use crate::chunk::lines::Slice;
use crate::chunk::outline::Place;
use crate::chunk::plan::{Plan, cut};
use crate::extract::Language;

/// Running over the begin of a definition: only small ones share a passage.
const CROSSING: u16 = 60;

/// The parser reports after every 100 of its operations; sound code needs about one operation a byte. A count instead
/// of a clock: the same file is always read the same way.
fn budget(text: &str) -> usize {
    1_000 + text.len() / 10
}

/// The syntax tree, or `None` where the parser needs too long (ambiguous or damaged code by the megabyte).
pub(super) fn parse(text: &str, language: Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let mut left = budget(text);
    let mut progress = |_: &ParseState| {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let mut read = |byte: usize, _| text.as_bytes().get(byte..).unwrap_or_default();
    parser.parse_with_options(
        &mut read,
        None,
        Some(ParseOptions::new().progress_callback(&mut progress)),
    )
}

/// One level of the walk: a node whose children are being seen.
#[derive(Clone, Copy, Debug)]
struct Level {
    place: Place,
    definitions: u16,
    depth: u16,
    /// Row where comments begin that stand right before the next child, and the row after them.
    preamble: Option<(usize, usize)>,
    /// Row where the wrapper of the next definition begins.
    wrapper: Option<usize>,
}

struct Walk<'w, 's> {
    slice: &'w Slice<'s>,
    plan: &'w mut Plan,
    levels: Vec<Level>,
    /// Definitions as (first line, line behind the last, place), in the order of their begin.
    spans: Vec<(usize, usize, Place)>,
}

pub(super) fn plan(tree: &Tree, slice: &Slice<'_>, plan: &mut Plan) {
    for at in 0..slice.lines.len() {
        plan.cut(at, cut::CHARACTER);
    }
    let root = Level {
        place: 0,
        definitions: 0,
        depth: 0,
        preamble: None,
        wrapper: None,
    };
    let mut walk = Walk {
        slice,
        plan,
        levels: vec![root],
        spans: Vec::new(),
    };
    walk.run(&mut tree.walk());
    walk.finish();
}

impl Walk<'_, '_> {
    fn run(&mut self, cursor: &mut TreeCursor<'_>) {
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let node = cursor.node();
            // Only what spans lines can be cut.
            let inner = if node.is_named() { self.visit(node) } else { None };
            if let Some(level) = inner
                && cursor.goto_first_child()
            {
                self.levels.push(level);
                continue;
            }
            while !cursor.goto_next_sibling() {
                self.levels.pop();
                if !cursor.goto_parent() || self.levels.is_empty() {
                    return;
                }
            }
        }
    }

    /// Marks a node; the level of its children, if they are worth a look.
    fn visit(&mut self, node: Node<'_>) -> Option<Level> {
        let level = *self.levels.last()?;
        let (row, end) = (node.start_position().row, node.end_position().row);
        let preamble = level
            .preamble
            .filter(|(_, next)| *next == row)
            .map(|(first, _)| first);
        if is_preamble(node.kind()) {
            self.statement(preamble.unwrap_or(row), level.depth);
            // A comment may end with its line end: then it ends on the next row already.
            let next = if node.end_position().column == 0 {
                end
            } else {
                end + 1
            };
            self.remember(Some((preamble.unwrap_or(row), next)));
            return None;
        }
        self.remember(None);
        let first = preamble.unwrap_or(row).min(level.wrapper.unwrap_or(row));
        self.statement(first, level.depth);
        let inside = Level {
            depth: level.depth.saturating_add(1),
            preamble: None,
            wrapper: None,
            ..level
        };
        if is_wrapper(node.kind()) {
            return (end > row).then_some(Level {
                wrapper: Some(first),
                depth: level.depth,
                ..inside
            });
        }
        let name = if is_definition(node.kind()) {
            name_of(node, self.slice.text)
        } else {
            None
        };
        match name {
            Some(name) => {
                let place = self.definition(&name, first, end, &level);
                (end > row).then_some(Level {
                    place,
                    definitions: level.definitions.saturating_add(1),
                    ..inside
                })
            }
            None => (end > row).then_some(inside),
        }
    }

    fn remember(&mut self, preamble: Option<(usize, usize)>) {
        if let Some(level) = self.levels.last_mut() {
            level.preamble = preamble;
        }
    }

    fn statement(&mut self, row: usize, depth: u16) {
        let line = self.slice.line_of_row(row);
        self.plan
            .cut_at_most(line, (10 + 5 * depth.min(10)).min(cut::WORD));
    }

    fn definition(&mut self, name: &str, first: usize, end: usize, level: &Level) -> Place {
        let place = self.plan.outline.add(level.place, name);
        let (from, behind) = (self.slice.line_of_row(first), self.slice.line_of_row(end + 1));
        self.plan.cut_at_most(from, 4 + 4 * level.definitions.min(5));
        if behind > from + 2 {
            self.plan.cross(from, CROSSING);
        }
        self.plan.whole(from, behind.saturating_sub(1));
        self.spans.push((from, behind, place));
        place
    }

    /// Lines stand under the innermost definition that holds them. Spans nest and come in the order of their begin, so
    /// later ones are further inside.
    fn finish(self) {
        let mut open: Vec<(usize, Place)> = Vec::new();
        let mut spans = self.spans.iter().peekable();
        for at in 0..self.plan.marks.len() {
            while let Some((_, behind, place)) = spans.next_if(|(first, ..)| *first <= at) {
                open.push((*behind, *place));
            }
            while open.last().is_some_and(|(behind, _)| *behind <= at) {
                open.pop();
            }
            self.plan.marks[at].place = open.last().map_or(0, |(_, place)| *place);
        }
    }
}
