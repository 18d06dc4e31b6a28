//! Bullets, numbers and indents of nested lists.

/// Indents beyond this depth look alike: a phone shows few columns.
const MAX_INDENT: usize = 5;
/// Two spaces a level.
const SPACES: &str = "          ";

/// The lists that are open, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<List>);

#[derive(Debug)]
struct List {
    /// Of the next item; `None` in a list with bullets.
    number: Option<u64>,
    begun: bool,
}

impl Lists {
    pub(super) fn open(&mut self, first: Option<u64>) {
        self.0.push(List {
            number: first,
            begun: false,
        });
    }

    pub(super) fn close(&mut self) {
        self.0.pop();
    }

    pub(super) const fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether the next item is the first one of an outermost list.
    pub(super) fn begins(&self) -> bool {
        matches!(self.0.as_slice(), [list] if !list.begun)
    }

    /// Spaces before text that belongs to an item and stands on a line of its own.
    pub(super) fn indent(&self) -> &'static str {
        spaces(self.depth())
    }

    /// What stands before the next item.
    pub(super) fn item(&mut self) -> String {
        let depth = self.depth();
        let bullet = match self.0.last_mut() {
            Some(List {
                number: Some(number), ..
            }) => {
                let label = format!("{number}. ");
                *number = number.saturating_add(1);
                label
            }
            _ => ["• ", "◦ ", "▪ "][depth.saturating_sub(1).min(2)].to_owned(),
        };
        if let Some(list) = self.0.last_mut() {
            list.begun = true;
        }
        [spaces(depth.saturating_sub(1)), &bullet].concat()
    }
}

fn spaces(depth: usize) -> &'static str {
    &SPACES[..2 * depth.min(MAX_INDENT)]
}
