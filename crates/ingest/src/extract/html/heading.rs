//! Fragments that lead to headings.

/// Longest id that is kept, in bytes.
const LONGEST: usize = 200;

/// The ids of headings: their own, else the first one inside of them, else the last one before them that no text follows
/// (a section's, an empty link's).
#[derive(Debug, Default)]
pub(super) struct Anchors {
    list: Vec<(u32, String)>,
    before: Option<String>,
    /// The heading that is open: its id, and the line that its text begins in.
    heading: Option<(Option<String>, Option<u32>)>,
}

impl Anchors {
    pub(super) fn id(&mut self, id: &str) {
        let sound = !id.is_empty()
            && id.len() <= LONGEST
            && !id.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
        if !sound {
            return;
        }
        match &mut self.heading {
            Some((own, _)) => {
                own.get_or_insert_with(|| id.to_owned());
            }
            None => self.before = Some(id.to_owned()),
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
            None => self.before = None,
        }
    }

    pub(super) fn end_heading(&mut self) {
        if let Some((own, Some(line))) = self.heading.take() {
            let before = self.before.take();
            self.list.extend(own.or(before).map(|id| (line, id)));
        }
    }

    pub(super) fn finish(mut self) -> Vec<(u32, String)> {
        self.end_heading();
        self.list
    }
}
