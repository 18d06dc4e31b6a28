//! reStructuredText: sections by their adornments, directives and literal blocks by their indentation.

use super::lines::Slice;
use super::markdown::crossing;
use super::outline::Place;
use super::plan::{Plan, Planner, cut};
use crate::extract::is_adornment;

/// An adornment and whether it also stands above: the first such style met is the outermost level, and so on.
type Style = (char, bool);

#[derive(Debug, Default)]
pub(super) struct RstPlanner {
    styles: Vec<Style>,
    /// Open sections by level.
    sections: Vec<(usize, String)>,
}

/// A section's title in a slice.
struct Title {
    /// Its first line, the adornment above included.
    first: usize,
    text: usize,
    /// The first line behind it.
    end: usize,
    style: Style,
}

impl Planner for RstPlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        let mut places: Vec<(usize, Place)> = vec![(0, self.place(plan))];
        let mut at = 0;
        while at < slice.lines.len() {
            if let Some(title) = title_at(slice, at) {
                self.section(slice, plan, &title, &mut places);
                at = title.end;
            } else {
                mark(slice, plan, at);
                at += 1;
            }
        }
        for (line, _) in places.iter().skip(1) {
            plan.cut(*line, cut::SECTION);
        }
        plan.places(&places);
        blocks(slice, plan);
    }
}

impl RstPlanner {
    fn place(&self, plan: &mut Plan) -> Place {
        self.sections
            .iter()
            .fold(0, |parent, (_, name)| plan.outline.add(parent, name))
    }

    fn section(
        &mut self,
        slice: &Slice<'_>,
        plan: &mut Plan,
        title: &Title,
        places: &mut Vec<(usize, Place)>,
    ) {
        let level = self
            .styles
            .iter()
            .position(|style| *style == title.style)
            .unwrap_or_else(|| {
                self.styles.push(title.style);
                self.styles.len() - 1
            });
        let opened = !self.sections.is_empty();
        self.sections.retain(|(open, _)| *open < level);
        self.sections
            .push((level, slice.text_of(title.text).trim().to_owned()));
        places.push((title.first, self.place(plan)));
        let depth = self.sections.len();
        plan.cross(title.first, crossing(depth));
        if depth == 1 && opened {
            plan.hard(title.first);
        }
        for line in title.first + 1..=title.end {
            plan.tie(line, cut::TIED);
        }
    }
}

fn title_at(slice: &Slice<'_>, at: usize) -> Option<Title> {
    let adornment = |line: usize| is_adornment(slice.text_of(line));
    let next_to = |a: usize, b: usize| {
        slice
            .lines
            .get(b)
            .is_some_and(|line| line.row == slice.lines[a].row + (b - a) as u32)
    };
    let fits = |title: usize, under: usize| {
        let (title, under) = (slice.text_of(title).trim(), slice.text_of(under).trim_end());
        // Adornments may be a little short (docutils warns); much shorter ones are something else.
        under.len() + 2 >= title.chars().count() && !title.starts_with("..")
    };
    if let Some(over) = adornment(at) {
        let titled = next_to(at, at + 2)
            && adornment(at + 1).is_none()
            && adornment(at + 2) == Some(over)
            && fits(at + 1, at + 2);
        return titled.then_some(Title {
            first: at,
            text: at + 1,
            end: at + 3,
            style: (over, true),
        });
    }
    let under = adornment(at + 1).filter(|_| next_to(at, at + 1) && slice.lines[at].indent == 0)?;
    let titled = (slice.lines[at].after_blank || at == 0) && fits(at, at + 1);
    titled.then_some(Title {
        first: at,
        text: at,
        end: at + 2,
        style: (under, false),
    })
}

fn mark(slice: &Slice<'_>, plan: &mut Plan, at: usize) {
    let line = slice.lines[at];
    let text = slice.text_of(at).trim_start();
    let item = text.starts_with("- ") || text.starts_with("* ") || text.starts_with("#. ");
    let indent = u16::from(line.indent.min(20));
    // Keeps the tie of a line right under a title.
    let tied = plan.marks[at].cut.saturating_sub(cut::CONTINUED);
    let cost = match (line.after_blank, item) {
        (true, _) => cut::BLOCK + indent,
        (false, true) => cut::ITEM + indent,
        (false, false) => cut::CONTINUED,
    };
    plan.cut(at, cost.saturating_add(tied));
    if at > 0 && line.after_blank && slice.text_of(at - 1).trim_end().ends_with(':') {
        plan.tie(at, cut::LED_IN);
    }
}

/// A directive or a literal block: a line at the margin and what is indented under it.
fn blocks(slice: &Slice<'_>, plan: &mut Plan) {
    let mut first = 0;
    for at in 1..=slice.lines.len() {
        if slice.lines.get(at).is_none_or(|line| line.indent == 0) {
            let head = slice.text_of(first).trim_end();
            if head.ends_with("::") || head.starts_with(".. ") {
                plan.whole(first, at - 1);
            }
            first = at;
        }
    }
}
