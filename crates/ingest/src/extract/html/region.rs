//! The part of a page that is its main text: what surrounds it (menus, bread crumbs, footers) is the same on every page of
//! a site and answers nothing.

use std::ops::Range;

use crate::extract::derived::Derived;

/// What says of a part that it is the main text, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// `<main>`, `role="main"`.
    Main,
    Article,
    /// An id that content systems give to it.
    Content,
}

impl Region {
    pub(super) fn of_element(name: &[u8]) -> Option<Self> {
        match name {
            b"main" => Some(Self::Main),
            b"article" => Some(Self::Article),
            _ => None,
        }
    }

    pub(super) fn of_id(id: &str) -> Option<Self> {
        ["main-content", "content", "bodyContent", "mw-content-text"]
            .contains(&id)
            .then_some(Self::Content)
    }
}

#[derive(Debug)]
struct Open {
    region: Region,
    name: Vec<u8>,
    /// Elements of this name that are open, this one among them.
    depth: u32,
    start: usize,
}

/// Regions as ranges of the text that was written.
#[derive(Debug, Default)]
pub(super) struct Regions {
    /// One of each kind at most.
    open: Vec<Open>,
    closed: Vec<(Region, Range<usize>)>,
}

impl Regions {
    pub(super) const fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn start(&mut self, name: &[u8]) {
        for open in self.open.iter_mut().filter(|open| open.name == name) {
            open.depth = open.depth.saturating_add(1);
        }
    }

    /// The element that was started last begins a region.
    pub(super) fn open(&mut self, region: Region, name: &[u8], start: usize) {
        if self.open.iter().all(|open| open.region != region) {
            self.open.push(Open {
                region,
                name: name.to_vec(),
                depth: 1,
                start,
            });
        }
    }

    pub(super) fn end(&mut self, name: &[u8], at: usize) {
        for open in self.open.iter_mut().filter(|open| open.name == name) {
            open.depth = open.depth.saturating_sub(1);
        }
        let closed = &mut self.closed;
        self.open.retain(|open| {
            if open.depth == 0 && at > open.start {
                closed.push((open.region, open.start..at));
            }
            open.depth > 0
        });
    }

    /// The ranges of the surest kind that holds half of the text; empty where none does.
    pub(super) fn main(&mut self, len: usize) -> Vec<Range<usize>> {
        for open in std::mem::take(&mut self.open) {
            self.closed.push((open.region, open.start..len));
        }
        for kind in [Region::Main, Region::Article, Region::Content] {
            let of_kind = self.closed.iter().filter(|(region, _)| *region == kind);
            let mut ranges: Vec<Range<usize>> = of_kind.map(|(_, range)| range.clone()).collect();
            ranges.sort_by_key(|range| range.start);
            if ranges.iter().map(Range::len).sum::<usize>() * 2 > len {
                return ranges;
            }
        }
        Vec::new()
    }
}

/// The page with these parts of its text only; all of it where there are none.
pub(super) fn cut(page: Derived, ranges: &[Range<usize>]) -> Derived {
    if ranges.is_empty() {
        return page;
    }
    let mut text = String::new();
    let mut anchors = Vec::new();
    let mut old = page.anchors.into_iter().peekable();
    // Line ends before the range in the old text, and in the new one.
    let (mut read, mut before, mut written) = (0, 0, 0);
    for range in ranges {
        let part = page.text.get(range.clone()).unwrap_or_default();
        let body = part.trim_start_matches('\n');
        let start = range.end.saturating_sub(body.len()).max(read);
        let body = body.trim_end_matches('\n');
        if body.is_empty() {
            continue;
        }
        before += line_ends(page.text.get(read..start).unwrap_or_default());
        read = start;
        if !text.is_empty() {
            text.push_str("\n\n");
            written += 2;
        }
        let lines = line_ends(body);
        while let Some((line, id)) = old.next_if(|(line, _)| *line <= before + lines + 1) {
            if line > before {
                anchors.push((line - before + written, id));
            }
        }
        text.push_str(body);
        written += lines;
    }
    Derived {
        title: page.title,
        text,
        anchors,
    }
}

fn line_ends(text: &str) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes()).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_move_with_their_lines() {
        let text = "menu\n\n# A\n\none\n\nadvert\n\n## B\n\ntwo\n\nfooter";
        let (a, b) = (text.find("\n\n# A").unwrap(), text.find("\n\n## B").unwrap());
        let ranges = [
            a..text.find("\n\nadvert").unwrap(),
            b..text.find("\n\nfooter").unwrap(),
        ];
        let page = Derived {
            title: String::new(),
            text: text.to_owned(),
            anchors: vec![(3, "a".into()), (9, "b".into())],
        };
        let cut = cut(page, &ranges);
        assert_eq!(cut.text, "# A\n\none\n\n## B\n\ntwo");
        assert_eq!(cut.anchors, [(1, "a".into()), (5, "b".into())]);
    }
}
