//! From a page's address to its document's path.

use std::collections::HashSet;

use nexus_domain::ProblemCode;
use nexus_ingest::Limits;
use percent_encoding::percent_decode_str;
use url::Url;

use super::content::{self, HTML, Kind};
use crate::Manifest;
use crate::names::{self, Names};

/// The path of a page: `/docs/` becomes `docs/index.html`, `/docs/intro` served as HTML `docs/intro.html`, a query is part of
/// the name.
pub(super) fn claim(
    names: &mut Names,
    url: &Url,
    kind: Kind,
    limits: &Limits,
) -> Result<String, (ProblemCode, String)> {
    let (stem, extension) = split(url, kind, limits);
    names.claim(&stem, &extension, url.as_str(), limits)
}

/// The path of a page that does not answer now: that of its document, if there is one, else that of an HTML page.
pub(super) fn guess(names: &mut Names, url: &Url, manifest: &Manifest, limits: &Limits) -> String {
    let known = content::all().find_map(|kind| {
        let (stem, extension) = split(url, kind, limits);
        let plain = names::path(&stem, &extension, limits).ok();
        let apart = names::apart(&stem, &extension, url.as_str(), limits).ok();
        // The one with its hash belongs to this address alone.
        [apart, plain]
            .into_iter()
            .flatten()
            .find(|path| manifest.fingerprint(path).is_some() && names.take(path, url.as_str()))
    });
    known.unwrap_or_else(|| {
        let shown: String = url.path().trim_start_matches('/').chars().take(200).collect();
        claim(names, url, HTML, limits).unwrap_or(shown)
    })
}

/// Whether one of these paths is the page's, whatever it was served as the last time.
pub(super) fn is_among(paths: &HashSet<String>, url: &Url, limits: &Limits) -> bool {
    let mut candidates = content::all().flat_map(|kind| {
        let (stem, extension) = split(url, kind, limits);
        [
            names::path(&stem, &extension, limits),
            names::apart(&stem, &extension, url.as_str(), limits),
        ]
    });
    candidates.any(|path| path.is_ok_and(|path| paths.contains(&path)))
}

/// The path without its extension, and the extension with its dot.
fn split(url: &Url, kind: Kind, limits: &Limits) -> (String, String) {
    let mut parts: Vec<String> = url
        .path()
        .trim_start_matches('/')
        .split('/')
        .map(readable)
        .collect();
    let mut name = parts.pop().unwrap_or_default();
    let mut parts: Vec<String> = parts.iter().map(|part| names::segment(part, limits)).collect();
    if name.is_empty() {
        "index".clone_into(&mut name);
    }
    let mut extension = format!(".{}", kind.extension);
    if let Some(query) = url.query() {
        name = format!("{name}@{}", readable(query));
    } else if let Some((stem, own)) = name.rsplit_once('.')
        && kind.spellings.contains(&own.to_ascii_lowercase().as_str())
        && !stem.is_empty()
    {
        extension = format!(".{own}");
        name = stem.to_owned();
    }
    parts.push(names::segment(&name, limits));
    (parts.join("/"), extension)
}

/// Percent-decoded where that gives text.
fn readable(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str, content_type: &str) -> String {
        let url = Url::parse(url).unwrap();
        let kind = content::kind(Some(content_type), &url).unwrap();
        claim(&mut Names::default(), &url, kind, &Limits::default()).unwrap()
    }

    #[test]
    fn addresses_become_readable_paths() {
        for (url, content_type, expected) in [
            ("https://x.org/", "text/html", "index.html"),
            ("https://x.org/docs/", "text/html", "docs/index.html"),
            ("https://x.org/docs/intro", "text/html", "docs/intro.html"),
            ("https://x.org/docs/intro.htm", "text/html", "docs/intro.htm"),
            (
                "https://x.org/view.php?id=5&x=a/b",
                "text/html",
                "view.php@id=5&x=a_b.html",
            ),
            ("https://x.org/v1.2", "text/html", "v1.2.html"),
            ("https://x.org/a.md", "text/plain", "a.md"),
            ("https://x.org/LICENSE", "text/plain", "LICENSE.txt"),
            ("https://x.org/get/5", "application/pdf", "get/5.pdf"),
            ("https://x.org/вики/Ёж", "text/html", "вики/Ёж.html"),
            ("https://x.org/%ff/a", "text/html", "%ff/a.html"),
            ("https://x.org/a%2F..%2Fb", "text/html", "a_.._b.html"),
            ("https://x.org/c:/aux", "text/html", "_c:/_aux.html"),
            ("https://x.org//a//b", "text/html", "a/_/b.html"),
        ] {
            assert_eq!(path(url, content_type), expected, "{url}");
        }
    }

    #[test]
    fn a_silent_page_has_the_path_of_its_document() {
        let url = Url::parse("https://x.org/get/5").unwrap();
        let limits = Limits::default();
        let manifest = Manifest::new([("get/5.pdf".to_owned(), "etag:1".to_owned())]);
        assert_eq!(
            guess(&mut Names::default(), &url, &manifest, &limits),
            "get/5.pdf"
        );
        let manifest = Manifest::default();
        assert_eq!(
            guess(&mut Names::default(), &url, &manifest, &limits),
            "get/5.html"
        );
    }

    #[test]
    fn a_page_is_known_by_its_address_whatever_it_is_served_as() {
        let limits = Limits::default();
        let paths = HashSet::from(["get/5.html".to_owned()]);
        let is_among = |url: &str| is_among(&paths, &Url::parse(url).unwrap(), &limits);
        assert!(is_among("https://x.org/get/5"));
        assert!(is_among("https://x.org/get/5.html"));
        assert!(!is_among("https://x.org/get/6"));
    }
}
