//! Paths of documents that come from addresses and titles: readable, safe, and no two alike.

use std::collections::HashMap;

use nexus_domain::{ContentHash, ProblemCode};
use nexus_ingest::{Limits, normalise_path};

/// Bytes of one folder or name; what is longer is cut and told apart by its hash.
const MOST_BYTES: usize = 160;

/// One part of a path out of any text: no separators, no controls, nothing that a system reserves.
pub(crate) fn segment(text: &str, limits: &Limits) -> String {
    let mut safe: String = text
        .chars()
        .map(|c| {
            if c.is_control() || matches!(c, '/' | '\\') {
                '_'
            } else {
                c
            }
        })
        .collect();
    if safe.len() > MOST_BYTES {
        let mut end = MOST_BYTES;
        while !safe.is_char_boundary(end) {
            end -= 1;
        }
        safe.truncate(end);
        safe.push('~');
        safe.push_str(&short_hash(text));
    }
    // What is refused or left out as the name of a folder (a device, a drive, `..`, `.git`) is none with a mark before it.
    let is_taken =
        matches!(normalise_path(&format!("{safe}/x"), limits), Ok(Some(path)) if path.ends_with("/x"));
    if is_taken { safe } else { format!("_{safe}") }
}

/// What gives no path, fit to be shown.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Enough to tell two names apart.
pub(crate) fn short_hash(text: &str) -> String {
    ContentHash::of(text.as_bytes())
        .to_string()
        .chars()
        .take(8)
        .collect()
}

/// Hands out paths, each to one identity.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// The path for what is called `identity`: `stem` and `extension`, with a hash between them where another one has that
    /// path already.
    pub(crate) fn claim(
        &mut self,
        stem: &str,
        extension: &str,
        identity: &str,
        limits: &Limits,
    ) -> Result<String, (ProblemCode, String)> {
        let plain = path(stem, extension, limits)?;
        if self.take(&plain, identity) {
            return Ok(plain);
        }
        let apart = apart(stem, extension, identity, limits)?;
        self.take(&apart, identity);
        Ok(apart)
    }

    /// Whether the path is, or now becomes, that of `identity`.
    pub(crate) fn take(&mut self, path: &str, identity: &str) -> bool {
        match self.0.get(path) {
            Some(owner) => owner == identity,
            None => {
                self.0.insert(path.to_owned(), identity.to_owned());
                true
            }
        }
    }
}

pub(crate) fn path(stem: &str, extension: &str, limits: &Limits) -> Result<String, (ProblemCode, String)> {
    let raw = format!("{stem}{extension}");
    let invalid = || (ProblemCode::InvalidPath, "The name gives no path".to_owned());
    normalise_path(&raw, limits)?.ok_or_else(invalid)
}

/// The path of the second one that would have the same.
pub(crate) fn apart(
    stem: &str,
    extension: &str,
    identity: &str,
    limits: &Limits,
) -> Result<String, (ProblemCode, String)> {
    path(&format!("{stem}~{}", short_hash(identity)), extension, limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_safe_name() {
        let limits = Limits::default();
        let name = |text: &str| segment(text, &limits);
        assert_eq!(name("Настройка"), "Настройка");
        assert_eq!(name("a/b\\c\0"), "a_b_c_");
        for text in ["", ".", "..", "CON", "nul.html", ".git", "C:", "._x"] {
            let safe = name(text);
            assert!(
                normalise_path(&format!("{safe}.html"), &limits)
                    .unwrap()
                    .is_some(),
                "{text}: {safe}"
            );
        }
        let long = name(&"я".repeat(300));
        assert!(long.len() < 180 && long.contains('~'), "{long}");
        assert_ne!(long, name(&"я".repeat(301)));
    }

    #[test]
    fn two_of_one_name_are_told_apart() {
        let limits = Limits::default();
        let mut names = Names::default();
        let mut claim = |identity: &str| names.claim("a", ".html", identity, &limits).unwrap();
        assert_eq!(claim("/a"), "a.html");
        assert_eq!(claim("/a"), "a.html");
        let second = claim("/a.html");
        assert!(second.starts_with("a~") && second.ends_with(".html"), "{second}");
        assert_eq!(claim("/a.html"), second);
    }
}
