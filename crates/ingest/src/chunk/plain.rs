//! Text without known structure: paragraphs by blank lines; and structured text without a grammar (settings, SQL, code
//! of other languages): parts by blank lines, indentation, section names.

use super::lines::Slice;
use super::markdown::crossing;
use super::outline::Place;
use super::plan::{Plan, Planner, cut};

#[derive(Debug)]
pub(super) struct TextPlanner;

impl Planner for TextPlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        for (at, line) in slice.lines.iter().enumerate() {
            let before = at
                .checked_sub(1)
                .map_or("", |before| slice.text_of(before))
                .trim_end();
            let ended = before.ends_with(['.', '!', '?', ':', ';', '…']);
            let cost = match (line.after_blank, ended) {
                (true, _) => cut::BLOCK,
                (false, true) => cut::CODE_PART,
                (false, false) => cut::CONTINUED,
            };
            plan.cut(at, cost);
            if before.ends_with(':') {
                plan.tie(at, cut::LED_IN);
            }
        }
    }
}

/// Lines of code or settings by their indentation. `[section]` and `key:` at the margin name what is under them.
pub(super) fn plan_by_indent(slice: &Slice<'_>, plan: &mut Plan) {
    let mut places: Vec<(usize, Place)> = vec![(0, 0)];
    for (at, line) in slice.lines.iter().enumerate() {
        let indent = u16::from(line.indent.min(24));
        let text = slice.text_of(at);
        let closing = text.trim_start().starts_with(['}', ')', ']']) || text.trim() == "end";
        plan.cut(
            at,
            match (closing, line.after_blank, indent) {
                (true, ..) => cut::WORD,
                (_, true, 0) => cut::BLOCK,
                (_, true, _) => cut::ITEM + indent,
                (_, false, 0) => cut::ROW,
                (_, false, _) => 30 + indent,
            },
        );
        if let Some(name) = (indent == 0).then(|| section_name(text)).flatten() {
            places.push((at, plan.outline.add(0, name)));
            plan.cut(at, 4);
            plan.cross(at, crossing(3));
        }
    }
    plan.places(&places);
}

fn section_name(line: &str) -> Option<&str> {
    let line = line.trim_end();
    if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Some(name.trim_matches(['[', ']']));
    }
    let (key, rest) = line.split_once(':')?;
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    (rest.is_empty() && !key.is_empty() && key.chars().all(word)).then_some(key)
}
