//! Which addresses belong to a source, and when two of them are one.

use nexus_domain::WebRemote;
use percent_encoding::percent_decode_str;
use url::Url;

use super::robots::normalised;
use crate::{Filter, SourceError};

/// Longer addresses are made by traps, not by people.
const MOST_URL_BYTES: usize = 2_000;
/// Parameters that tell where a reader came from, never what the page is.
const TRACKING: [&str; 17] = [
    "fbclid",
    "gclid",
    "dclid",
    "gbraid",
    "wbraid",
    "msclkid",
    "yclid",
    "ysclid",
    "twclid",
    "igshid",
    "mc_cid",
    "mc_eid",
    "_openstat",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
];
/// Parameters that name a session.
const SESSION: [&str; 8] = [
    "phpsessid",
    "jsessionid",
    "sessionid",
    "session_id",
    "cfid",
    "cftoken",
    "zenid",
    "oscsid",
];

#[derive(Debug)]
pub(super) struct Scope {
    /// Where the crawl begins, normalised.
    pub(super) start: Url,
    /// Beginning of the paths within it; with a query where the prefix has one.
    prefix: String,
    filter: Filter,
}

impl Scope {
    pub(super) fn new(remote: &WebRemote) -> Result<Self, SourceError> {
        let invalid = |message: String| SourceError::refused("invalid_source", message);
        let start = Url::parse(&remote.url)
            .ok()
            .and_then(normalise)
            .ok_or_else(|| invalid(format!("{} is not the address of a page", remote.url)))?;
        let prefix = match &remote.prefix {
            Some(prefix) => start
                .join(prefix)
                .ok()
                .and_then(normalise)
                .ok_or_else(|| invalid(format!("the prefix {prefix} is not an address")))?,
            None => start.join(".").map_err(|error| invalid(error.to_string()))?,
        };
        if prefix.origin() != start.origin() {
            return Err(invalid(format!(
                "the prefix {prefix} is on another site than {start}"
            )));
        }
        let filter = Filter::new(&remote.filter).map_err(|error| invalid(error.to_string()))?;
        Ok(Self {
            prefix: path_and_query(&prefix).to_owned(),
            start,
            filter,
        })
    }

    /// Whether the address is on the site and under the prefix.
    pub(super) fn holds(&self, url: &Url) -> bool {
        url.origin() == self.start.origin() && path_and_query(url).starts_with(&self.prefix)
    }

    /// Whether the address belongs to the source: under the prefix, and taken by the filter.
    pub(super) fn admits(&self, url: &Url) -> bool {
        self.holds(url) && self.filter.takes(&self.below(url))
    }

    /// Whether the crawl begins at the root of the site or of the prefix: what a sitemap lists is then all of it.
    pub(super) fn begins_at_root(&self) -> bool {
        matches!(self.start.path(), "/") || path_and_query(&self.start) == self.prefix
    }

    /// Told to people.
    pub(super) fn shown(&self) -> String {
        format!("{}{}", self.start.origin().ascii_serialization(), self.prefix)
    }

    /// The path below the prefix's folder, readable.
    fn below(&self, url: &Url) -> String {
        let folder = self.prefix.rfind('/').map_or(0, |at| at + 1);
        let path = url.path().get(folder..).unwrap_or_default();
        percent_decode_str(path).decode_utf8_lossy().into_owned()
    }
}

/// The part of an address after its host.
pub(super) fn path_and_query(url: &Url) -> &str {
    url.as_str()
        .get(url.origin().ascii_serialization().len()..)
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or_else(|| url.path())
}

/// One spelling for all addresses of a page; `None` for what no page has as its address.
pub(super) fn normalise(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https")
        || !url.has_host()
        || !url.username().is_empty()
        || url.password().is_some()
        || url.as_str().len() > MOST_URL_BYTES
    {
        return None;
    }
    url.set_fragment(None);
    let path = normalised(&without_session(url.path()));
    url.set_path(&path);
    let query = url.query().map(|query| {
        let kept: Vec<&str> = query.split('&').filter(|pair| is_identity(pair)).collect();
        normalised(&kept.join("&"))
    });
    url.set_query(query.as_deref().filter(|query| !query.is_empty()));
    Some(url)
}

/// Servlets put the session at the end of the path: `/page;jsessionid=…`.
fn without_session(path: &str) -> String {
    match path.to_ascii_lowercase().find(";jsessionid=") {
        Some(at) => path.get(..at).unwrap_or(path).to_owned(),
        None => path.to_owned(),
    }
}

fn is_identity(pair: &str) -> bool {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let name = name.to_ascii_lowercase();
    let is_opaque = value.len() >= 16 && value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_session = SESSION.contains(&name.as_str())
        || name.starts_with("aspsessionid")
        || (matches!(name.as_str(), "sid" | "s" | "session") && is_opaque);
    !(pair.is_empty() || is_session || name.starts_with("utm_") || TRACKING.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::PathFilter;

    fn one(text: &str) -> String {
        normalise(Url::parse(text).unwrap()).unwrap().to_string()
    }

    fn scope(url: &str, prefix: Option<&str>, exclude: &[&str]) -> Scope {
        Scope::new(&WebRemote {
            url: url.into(),
            prefix: prefix.map(str::to_owned),
            max_pages: None,
            filter: PathFilter {
                include: vec![],
                exclude: exclude.iter().map(|&glob| glob.to_owned()).collect(),
            },
        })
        .unwrap()
    }

    #[test]
    fn spellings_of_one_address_become_one() {
        for text in [
            "https://x.org/a?b=1",
            "HTTPS://X.ORG:443/a?b=1#part",
            "https://x.org/c/../a?b=1&utm_source=mail&fbclid=1",
            "https://x.org/%61?PHPSESSID=abc&b=1",
            "https://x.org/a;jsessionid=1F?b=1&sid=0123456789abcdef01",
        ] {
            assert_eq!(one(text), "https://x.org/a?b=1", "{text}");
        }
        assert_eq!(
            one("https://x.org/тест"),
            one("https://x.org/%d1%82%d0%b5%d1%81%d1%82")
        );
        assert_eq!(one("https://x.org/a?sid=5"), "https://x.org/a?sid=5");
        assert!(normalise(Url::parse("mailto:me@x.org").unwrap()).is_none());
        assert!(normalise(Url::parse("https://me:word@x.org/").unwrap()).is_none());
    }

    #[test]
    fn a_source_holds_what_lies_in_the_folder_of_its_page() {
        let scope = scope("https://x.org/docs/index.html", None, &["old/"]);
        let admits = |text: &str| scope.admits(&Url::parse(text).unwrap());
        assert!(admits("https://x.org/docs/"));
        assert!(admits("https://x.org/docs/a/b?c"));
        assert!(!admits("https://x.org/blog/"));
        assert!(!admits("http://x.org/docs/"));
        assert!(!admits("https://y.org/docs/"));
        assert!(!admits("https://x.org/docs/old/a"));
    }

    #[test]
    fn a_prefix_is_taken_literally_and_stays_on_the_site() {
        let scope = scope("https://x.org/", Some("/wiki/Help:"), &[]);
        assert!(scope.admits(&Url::parse("https://x.org/wiki/Help:A").unwrap()));
        assert!(!scope.admits(&Url::parse("https://x.org/wiki/B").unwrap()));
        let elsewhere = WebRemote {
            url: "https://x.org/".into(),
            prefix: Some("https://y.org/".into()),
            max_pages: None,
            filter: PathFilter::default(),
        };
        assert!(
            Scope::new(&elsewhere)
                .unwrap_err()
                .to_string()
                .contains("another site")
        );
    }
}
