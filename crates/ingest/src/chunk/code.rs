//! Source code by its syntax tree: functions and classes whole, with their comments, under the names that contain them;
//! what is longer is cut between its statements.

mod definition;
mod tree;

use super::lines::{SLICE, Slice};
use super::plain::plan_by_indent;
use super::plan::{Plan, Planner};
use crate::extract::Language;

/// Code without a grammar, longer than a slice, or that the parser gives up on is cut by blank lines and indentation.
#[derive(Debug)]
pub(super) struct CodePlanner {
    language: Option<Language>,
}

impl CodePlanner {
    pub(super) fn new(language: Option<Language>) -> Self {
        Self { language }
    }
}

impl Planner for CodePlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        // A part of a long file may begin anywhere, which its syntax tree would not know.
        let whole = slice.offset == 0 && slice.text.len() < SLICE / 2;
        let tree = self
            .language
            .filter(|_| whole)
            .and_then(|language| tree::parse(slice.text, language));
        match tree {
            Some(tree) => tree::plan(&tree, slice, plan),
            None => plan_by_indent(slice, plan),
        }
    }
}
