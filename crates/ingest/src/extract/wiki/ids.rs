//! Ids of headings, each once.

use std::collections::{HashMap, HashSet};

/// Longest id that is kept, in bytes; a longer one makes no useful link.
const LONGEST: usize = 512;

/// The ids that a page has given away. Letter case does not tell two ids apart.
#[derive(Debug, Default)]
pub(in crate::extract) struct Ids {
    taken: HashSet<String>,
    next: HashMap<String, u32>,
}

impl Ids {
    /// This id, or where it is taken the first free one of `id + joint + number`, counted from `first`.
    pub(in crate::extract) fn unique(&mut self, id: String, joint: &str, first: u32) -> Option<String> {
        if id.is_empty() || id.len() > LONGEST {
            return None;
        }
        let key = id.to_lowercase();
        if self.taken.insert(key.clone()) {
            return Some(id);
        }
        let next = self.next.entry(key.clone()).or_insert(first);
        loop {
            let number = *next;
            *next = next.checked_add(1)?;
            if self.taken.insert(format!("{key}{joint}{number}")) {
                return Some(format!("{id}{joint}{number}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn an_id_is_given_once() {
        let mut ids = Ids::default();
        let given: Vec<_> = ["Notes", "notes", "Notes_2", "Notes"]
            .map(|id| ids.unique(id.into(), "_", 2).unwrap())
            .into();
        assert_eq!(given, ["Notes", "notes_2", "Notes_2_2", "Notes_3"]);
        assert_eq!(ids.unique("x".repeat(600), "_", 2), None);
    }
}
