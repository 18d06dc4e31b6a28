//! JSON, a line for each key or element: cut between elements of outer containers, under the keys that lead to them.

use super::lines::Slice;
use super::outline::Place;
use super::plan::{Plan, Planner, cut};

/// Containers that are followed; what nests deeper counts as text of the deepest one.
const DEPTH: usize = 64;
/// Longest key that is kept, in bytes.
const KEY: usize = 120;

#[derive(Clone, Debug, Default)]
struct Container {
    /// Its key, or `[3]` in a list; empty for the outermost.
    name: String,
    is_list: bool,
    index: usize,
}

/// A scanner, not a parser: whatever the text is, it ends with some state.
#[derive(Debug, Default)]
pub(super) struct JsonPlanner {
    open: Vec<Container>,
    /// Containers below [`DEPTH`].
    deeper: usize,
    in_string: bool,
    escaped: bool,
    string: Vec<u8>,
    key: Option<String>,
}

impl Planner for JsonPlanner {
    fn plan(&mut self, slice: &Slice<'_>, plan: &mut Plan) {
        let mut open: Vec<(Place, usize)> = Vec::new();
        for container in &self.open {
            let parent = open.last().map_or(0, |(place, _)| *place);
            open.push((plan.outline.add(parent, &container.name), usize::MAX));
        }
        for at in 0..slice.lines.len() {
            let text = slice.text_of(at);
            self.mark(at, text, plan);
            let outer = open.len();
            for byte in text.bytes() {
                self.step(byte, at, &mut open, plan);
            }
            // A line that opens a container belongs to it; the line that closes it still does.
            let place = match open.len().cmp(&outer) {
                std::cmp::Ordering::Less => plan.marks.get(at.saturating_sub(1)).map_or(0, |mark| mark.place),
                _ => open.last().map_or(0, |(place, _)| *place),
            };
            if let Some(mark) = plan.marks.get_mut(at) {
                mark.place = place;
            }
        }
    }
}

impl JsonPlanner {
    fn mark(&self, at: usize, text: &str, plan: &mut Plan) {
        let depth = (self.open.len() + self.deeper).min(10) as u16;
        let cost = match text.trim_start().bytes().next() {
            _ if self.in_string => cut::CONTINUED,
            Some(b'}' | b']') => cut::TIED,
            _ => 4 + 5 * depth.saturating_sub(1),
        };
        plan.cut(at, cost);
    }

    fn step(&mut self, byte: u8, line: usize, open: &mut Vec<(Place, usize)>, plan: &mut Plan) {
        if self.in_string {
            self.in_string(byte);
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string.clear();
            }
            b':' => self.key = Some(String::from_utf8_lossy(&self.string).into_owned()),
            b',' => {
                self.key = None;
                if let Some(list) = self
                    .open
                    .last_mut()
                    .filter(|container| container.is_list && self.deeper == 0)
                {
                    list.index += 1;
                }
            }
            b'{' | b'[' if self.open.len() >= DEPTH => self.deeper += 1,
            b'{' | b'[' => self.open(byte == b'[', line, open, plan),
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => {
                self.open.pop();
                if let Some((_, first)) = open.pop().filter(|(_, first)| *first != usize::MAX) {
                    plan.whole(first, line);
                }
            }
            _ => {}
        }
    }

    fn in_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
            return;
        }
        if self.string.len() < KEY {
            self.string.push(byte);
        }
    }

    fn open(&mut self, is_list: bool, line: usize, open: &mut Vec<(Place, usize)>, plan: &mut Plan) {
        let name = match (self.key.take(), self.open.last()) {
            (Some(key), _) => key,
            (None, Some(list)) if list.is_list => format!("[{}]", list.index),
            _ => String::new(),
        };
        let parent = open.last().map_or(0, |(place, _)| *place);
        open.push((plan.outline.add(parent, &name), line));
        self.open.push(Container {
            name,
            is_list,
            index: 0,
        });
    }
}
