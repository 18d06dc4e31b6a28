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
/// Links that are kept of one page.
const MOST_LINKS: usize = 2_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) path: String,
    pub(super) fingerprint: String,
    /// Addresses within the scope, normalised.
    pub(super) links: Vec<String>,
}

/// Pages by their address. Addresses stand once and links are numbers, because every page of a site repeats its menu.
#[derive(Debug, Default)]
pub(super) struct Cache {
    scope: String,
    urls: Vec<String>,
    numbers: HashMap<String, u32>,
    pages: HashMap<u32, Entry>,
    most_urls: usize,
}

#[derive(Debug)]
struct Entry {
    path: String,
    fingerprint: String,
    links: Vec<u32>,
}

/// As it lies on the disk.
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
    /// What was kept for this scope; empty where nothing was, or it cannot be read. Holds as many addresses as `most_urls`.
    pub(super) fn load(folder: &Path, scope: String, most_urls: usize) -> Self {
        let mut cache = Self {
            scope,
            most_urls,
            ..Self::default()
        };
        let stored = read(folder).filter(|stored| stored.scope == cache.scope);
        for page in stored.as_ref().map_or(&[][..], |stored| &stored.pages) {
            let url = |number: u32| {
                let at = usize::try_from(number).ok()?;
                stored.as_ref()?.urls.get(at).cloned()
            };
            // A number that leads nowhere: the page is fetched anew.
            let links = page.links.iter().map(|&link| url(link)).collect::<Option<_>>();
            if let (Some(url), Some(links)) = (url(page.url), links) {
                let (path, fingerprint) = (page.path.clone(), page.fingerprint.clone());
                let known = Known {
                    path,
                    fingerprint,
                    links,
                };
                cache.put(&url, &known);
            }
        }
        cache
    }

    pub(super) fn get(&self, url: &str) -> Option<Known> {
        let entry = self.pages.get(self.numbers.get(url)?)?;
        Some(Known {
            path: entry.path.clone(),
            fingerprint: entry.fingerprint.clone(),
            links: entry
                .links
                .iter()
                .filter_map(|&link| self.url(link))
                .map(str::to_owned)
                .collect(),
        })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, &str)> {
        let pages = self.pages.iter();
        pages.filter_map(|(&url, entry)| Some((entry.path.as_str(), self.url(url)?)))
    }

    /// Keeps a page, unless it leads to more than is kept: such a page is fetched anew each time.
    pub(super) fn put(&mut self, url: &str, known: &Known) {
        self.forget(url);
        if known.links.len() > MOST_LINKS {
            return;
        }
        let links: Option<Vec<u32>> = known.links.iter().map(|link| self.number(link)).collect();
        if let (Some(url), Some(links)) = (self.number(url), links) {
            let entry = Entry {
                path: known.path.clone(),
                fingerprint: known.fingerprint.clone(),
                links,
            };
            self.pages.insert(url, entry);
        }
    }

    pub(super) fn forget(&mut self, url: &str) {
        if let Some(number) = self.numbers.get(url) {
            self.pages.remove(number);
        }
    }

    /// Forgets what was not met.
    pub(super) fn keep(&mut self, met: &HashSet<String>) {
        let urls = &self.urls;
        let url = |number: u32| usize::try_from(number).ok().and_then(|at| urls.get(at));
        self.pages
            .retain(|number, _| url(*number).is_some_and(|url| met.contains(url)));
    }

    fn url(&self, number: u32) -> Option<&str> {
        self.urls.get(usize::try_from(number).ok()?).map(String::as_str)
    }

    /// `None` where there are too many.
    fn number(&mut self, url: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(url) {
            return Some(*number);
        }
        if self.urls.len() >= self.most_urls {
            return None;
        }
        let number = u32::try_from(self.urls.len()).ok()?;
        self.urls.push(url.to_owned());
        self.numbers.insert(url.to_owned(), number);
        Some(number)
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

    /// Only what is still led to keeps its address.
    fn pack(&self) -> Stored {
        let mut packed = Self {
            most_urls: usize::MAX,
            ..Self::default()
        };
        let mut pages = Vec::with_capacity(self.pages.len());
        for (&url, entry) in &self.pages {
            let mut number = |old: u32| self.url(old).and_then(|url| packed.number(url));
            let (Some(url), Some(links)) = (
                number(url),
                entry.links.iter().map(|&link| number(link)).collect(),
            ) else {
                continue;
            };
            pages.push(StoredPage {
                url,
                path: entry.path.clone(),
                fingerprint: entry.fingerprint.clone(),
                links,
            });
        }
        Stored {
            scope: self.scope.clone(),
            urls: packed.urls,
            pages,
        }
    }
}

fn read(folder: &Path) -> Option<Stored> {
    let file = File::open(folder.join(FILE)).ok()?;
    serde_json::from_reader(BufReader::new(file.take(MOST_BYTES))).ok()
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
        let mut cache = Cache::load(folder.path(), "s".into(), 10);
        cache.put("u", &known(&["v", "u"]));
        cache.save(folder.path()).unwrap();
        let again = Cache::load(folder.path(), "s".into(), 10);
        assert_eq!(again.get("u"), Some(known(&["v", "u"])));
        assert_eq!(Cache::load(folder.path(), "t".into(), 10).get("u"), None);
    }

    #[test]
    fn a_page_that_leads_to_too_much_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = Cache::load(folder.path(), "s".into(), 3);
        cache.put("a", &known(&["b", "c"]));
        cache.put("b", &known(&["d"]));
        assert!(cache.get("a").is_some());
        assert_eq!(cache.get("b"), None, "four addresses are one too many");
        cache.put("a", &known(&vec!["b"; MOST_LINKS + 1]));
        assert_eq!(cache.get("a"), None);
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
            assert_eq!(Cache::load(folder.path(), "s".into(), 10).paths().count(), 0);
        }
    }
}
