//! What is kept between two syncs of a site on this machine: where unchanged pages lead, which is needed to go on from them.
//! It may vanish or be damaged at any time; all pages are then fetched anew.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

const FILE: &str = "pages.json";
/// A larger file is not ours.
const MOST_BYTES: u64 = 256 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) path: String,
    pub(super) fingerprint: String,
    /// Addresses within the scope, normalised.
    pub(super) links: Vec<String>,
}

/// Pages by their address.
#[derive(Debug, Default)]
pub(super) struct Cache {
    scope: String,
    pages: HashMap<String, Known>,
}

/// On the disk: each address stands once, links are numbers, because every page of a site repeats its menu.
#[derive(Serialize, Deserialize)]
struct Stored {
    scope: String,
    urls: Vec<String>,
    pages: Vec<StoredPage>,
}

#[derive(Serialize, Deserialize)]
struct StoredPage {
    url: u32,
    path: String,
    fingerprint: String,
    links: Vec<u32>,
}

impl Cache {
    /// What was kept for this scope; empty where nothing was, or it cannot be read.
    pub(super) fn load(folder: &Path, scope: String) -> Self {
        let pages = read(folder)
            .filter(|stored| stored.scope == scope)
            .and_then(unpack)
            .unwrap_or_default();
        Self { scope, pages }
    }

    pub(super) fn get(&self, url: &str) -> Option<&Known> {
        self.pages.get(url)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pages
            .iter()
            .map(|(url, known)| (known.path.as_str(), url.as_str()))
    }

    pub(super) fn put(&mut self, url: String, known: Known) {
        self.pages.insert(url, known);
    }

    pub(super) fn forget(&mut self, url: &str) {
        self.pages.remove(url);
    }

    /// Forgets what was not met.
    pub(super) fn keep(&mut self, met: &HashSet<String>) {
        self.pages.retain(|url, _| met.contains(url));
    }

    /// Replaces the file as a whole.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let part = folder.join("pages.json.part");
        let mut file = BufWriter::new(File::create(&part)?);
        serde_json::to_writer(&mut file, &self.pack())?;
        file.flush()?;
        fs::rename(part, folder.join(FILE))
    }

    fn pack<'c>(&'c self) -> Stored {
        let mut urls: Vec<String> = Vec::new();
        let mut numbers: HashMap<&'c str, u32> = HashMap::new();
        let mut number = |url: &'c str| -> u32 {
            *numbers.entry(url).or_insert_with(|| {
                urls.push(url.to_owned());
                u32::try_from(urls.len() - 1).unwrap_or(u32::MAX)
            })
        };
        let mut pages = Vec::with_capacity(self.pages.len());
        for (url, known) in &self.pages {
            pages.push(StoredPage {
                url: number(url),
                path: known.path.clone(),
                fingerprint: known.fingerprint.clone(),
                links: known.links.iter().map(|link| number(link)).collect(),
            });
        }
        Stored {
            scope: self.scope.clone(),
            urls,
            pages,
        }
    }
}

fn read(folder: &Path) -> Option<Stored> {
    let file = File::open(folder.join(FILE)).ok()?;
    serde_json::from_reader(BufReader::new(file.take(MOST_BYTES))).ok()
}

/// `None` where a number leads nowhere.
fn unpack(stored: Stored) -> Option<HashMap<String, Known>> {
    let url = |number: u32| stored.urls.get(usize::try_from(number).ok()?).cloned();
    stored
        .pages
        .iter()
        .map(|page| {
            let known = Known {
                path: page.path.clone(),
                fingerprint: page.fingerprint.clone(),
                links: page.links.iter().map(|&link| url(link)).collect::<Option<_>>()?,
            };
            Some((url(page.url)?, known))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(links: &[&str]) -> Known {
        Known {
            path: "a.html".into(),
            fingerprint: "etag:\"1\"".into(),
            links: links.iter().map(|&link| link.to_owned()).collect(),
        }
    }

    #[test]
    fn what_was_saved_is_read_back_for_the_same_scope_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::load(folder.path(), "s".into());
        cache.put("u".into(), known(&["v", "u"]));
        cache.save(folder.path()).unwrap();
        let again = Cache::load(folder.path(), "s".into());
        assert_eq!(again.get("u"), Some(&known(&["v", "u"])));
        assert_eq!(Cache::load(folder.path(), "t".into()).get("u"), None);
    }

    #[test]
    fn a_damaged_file_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for text in [
            "",
            "{",
            r#"{"scope":"s","urls":[],"pages":[{"url":7,"path":"","fingerprint":"","links":[]}]}"#,
        ] {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(Cache::load(folder.path(), "s".into()).paths().count(), 0);
        }
    }
}
