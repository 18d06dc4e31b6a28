//! Fragments that lead to headings, and to the terms of lists of definitions (which is what references of programs are).

/// Longest id that is kept, in bytes.
const LONGEST: usize = 200;
/// Lists in lists whose surroundings are remembered.
const MOST_LISTS: usize = 64;

/// The ids of headings: their own, else the first one inside of them, else the last one before them that no text follows
/// (a section's, an empty link's).
#[derive(Debug, Default)]
pub(super) struct Anchors {
    list: Vec<(u32, String)>,
    before: Option<String>,
    /// Where the next text belongs to: a term, or what stood around a list that has ended.
    next: Option<String>,
    /// For each list of definitions that is open, what was last before it.
    around: Vec<Option<String>>,
    /// The heading that is open: its id, and the line that its text begins in.
    heading: Option<(Option<String>, Option<u32>)>,
}

impl Anchors {
    pub(super) fn id(&mut self, id: &str) {
        if !is_sound(id) {
            return;
        }
        match &mut self.heading {
            Some((own, _)) => {
                own.get_or_insert_with(|| id.to_owned());
            }
            None => self.before = Some(id.to_owned()),
        }
    }

    /// The id of a term.
    pub(super) fn term(&mut self, id: &str) {
        if self.heading.is_some() {
            self.id(id);
        } else if is_sound(id) {
            self.next = Some(id.to_owned());
        }
    }

    pub(super) fn start_list(&mut self) {
        if self.around.len() < MOST_LISTS {
            let last = self.list.last().map(|(_, id)| id.clone());
            self.around.push(self.next.clone().or(last));
        }
    }

    /// What follows a list is not its last term's any more.
    pub(super) fn end_list(&mut self) {
        if let Some(around) = self.around.pop() {
            let last = self.list.last().map(|(_, id)| id);
            self.next = around.filter(|around| Some(around) != last);
        }
    }

    pub(super) fn start_heading(&mut self) {
        self.end_heading();
        self.heading = Some((None, None));
    }

    /// Text was written, in this line.
    pub(super) fn text(&mut self, line: u32) {
        match &mut self.heading {
            Some((_, begins)) => {
                begins.get_or_insert(line);
            }
            None => {
                self.before = None;
                self.list.extend(self.next.take().map(|id| (line, id)));
            }
        }
    }

    pub(super) fn end_heading(&mut self) {
        if let Some((own, Some(line))) = self.heading.take() {
            let before = self.before.take();
            self.next = None;
            self.list.extend(own.or(before).map(|id| (line, id)));
        }
    }

    pub(super) fn finish(mut self) -> Vec<(u32, String)> {
        self.end_heading();
        self.list
    }
}

fn is_sound(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= LONGEST
        && !id.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#')
}
