//! Source code by its syntax: functions and classes whole, with their comments, under the names that contain them; what
//! is longer is cut between its statements.

use super::lines::Slice;
use super::outline::Place;
use super::plain::plan_by_indent;
use super::plan::{Plan, Planner, cut};
use crate::syntax::Syntax;

/// Running over the begin of a definition: only small ones share a passage.
const CROSSING: u16 = 60;

/// Code without a grammar, that is too long, or that the parser gave up on is cut by blank lines and indentation.
#[derive(Debug)]
pub(super) struct CodePlanner<'s> {
    syntax: Option<&'s Syntax>,
}

impl<'s> CodePlanner<'s> {
    pub(super) fn new(syntax: Option<&'s Syntax>) -> Self {
        Self { syntax }
    }
}

impl Planner for CodePlanner<'_> {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        // Rows are those of the document: they say nothing about a slice further on.
        match self.syntax.filter(|_| slice.offset == 0) {
            Some(syntax) => plan_by_syntax(syntax, slice, plan),
            None => plan_by_indent(slice, plan),
        }
    }
}

fn plan_by_syntax(syntax: &Syntax, slice: &Slice<'_>, plan: &mut Plan) {
    let line_of = |row: u32| slice.line_of_row(row as usize);
    for at in 0..slice.lines.len() {
        plan.cut(at, cut::CHARACTER);
    }
    for (row, depth) in &syntax.statements {
        plan.cut_at_most(line_of(*row), (10 + 5 * depth.min(&10)).min(cut::WORD));
    }
    // The place of each definition, and how many it stands in.
    let mut places: Vec<(Place, u16)> = Vec::with_capacity(syntax.definitions.len());
    // First line, line behind the last, place; in the order of their begin.
    let mut spans = Vec::with_capacity(syntax.definitions.len());
    for definition in &syntax.definitions {
        let around = definition
            .within
            .and_then(|at| places.get(at as usize))
            .map(|(place, depth)| (*place, depth.saturating_add(1)));
        let (parent, depth) = around.unwrap_or_default();
        let place = plan.outline.add(parent, &definition.name);
        let (from, behind) = (
            line_of(definition.first),
            line_of(definition.last.saturating_add(1)),
        );
        plan.cut_at_most(from, 4 + 4 * depth.min(5));
        if behind > from + 2 {
            plan.cross(from, CROSSING);
        }
        plan.whole(from, behind.saturating_sub(1));
        places.push((place, depth));
        spans.push((from, behind, place));
    }
    place_lines(&spans, plan);
}

/// Lines stand under the innermost definition that holds them. Spans nest and come in the order of their begin, so later
/// ones are further inside.
fn place_lines(spans: &[(usize, usize, Place)], plan: &mut Plan) {
    let mut open: Vec<(usize, Place)> = Vec::new();
    let mut spans = spans.iter().peekable();
    for (at, mark) in plan.marks.iter_mut().enumerate() {
        while let Some((_, behind, place)) = spans.next_if(|(first, ..)| *first <= at) {
            open.push((*behind, *place));
        }
        while open.last().is_some_and(|(behind, _)| *behind <= at) {
            open.pop();
        }
        mark.place = open.last().map_or(0, |(_, place)| *place);
    }
}
