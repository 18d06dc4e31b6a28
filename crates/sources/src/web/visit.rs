//! One page: asked for, read, handed out.

use nexus_domain::{ContentHash, ProblemCode};
use nexus_ingest::{Link, Places, Provenance, RawFile};
use reqwest::header::{
    ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED,
};
use url::Url;

use super::cache::Known;
use super::content::{self, Kind};
use super::crawl::{Crawl, Job, Origin};
use super::naming;
use super::page::{Page, Wishes};
use super::scope::{normalise, path_and_query};
use crate::http::Request;
use crate::patient::{Answer, Terms};
use crate::{Item, SourceError};

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
/// Longer validators are not kept.
const MOST_VALIDATOR: usize = 200;

impl Crawl<'_> {
    pub(super) fn page(&mut self, job: &Job) -> Result<(), SourceError> {
        let key = job.url.as_str();
        if !self.robots.allows(path_and_query(&job.url)) {
            return self.disallowed(job, "robots.txt asks robots not to read it");
        }
        let known = self.cache.get(key);
        let known = known.filter(|known| self.context.manifest.is_known(&known.path, &known.fingerprint));
        if let (Some(known), Some(lastmod)) = (&known, &job.lastmod)
            && known.fingerprint == format!("lastmod:{lastmod}")
        {
            return self.unchanged(job, known);
        }
        let kind_of = |headers: &HeaderMap| content::kind(text(headers, CONTENT_TYPE), &job.url);
        let terms = Terms {
            most: self.context.limits.file_bytes,
            wants: &|headers| kind_of(headers).is_some(),
            // A redirect is a link like any other: it has to be in the scope, and is read once.
            follows: &|_| false,
        };
        let answer = match self.patient.ask(&request(job, known.as_ref()), &terms) {
            Ok(answer) => answer,
            Err(failure) => return self.failed(job, failure),
        };
        self.state.silent = 0;
        if let Some(target) = &answer.redirect {
            return self.redirected(job, target);
        }
        match (answer.status.as_u16(), known) {
            (304, Some(known)) => self.unchanged(job, &known),
            (200..=299, _) => match kind_of(&answer.headers) {
                Some(kind) => self.read(job, answer, kind),
                None => self.not_a_document(job, &answer),
            },
            (401 | 403 | 407 | 451, _) => self.denied(job, answer.status.as_u16()),
            (404 | 410, _) => self.gone(job),
            (status, _) if job.origin == Origin::Start => {
                let message = format!("{} answers {status}", job.url);
                Err(SourceError::refused("invalid_source", message))
            }
            (status, _) => {
                let reason = format!("The site answers {status}");
                self.unreachable(job, ProblemCode::Unreachable, reason)
            }
        }
    }

    fn unchanged(&mut self, job: &Job, known: &Known) -> Result<(), SourceError> {
        self.state.has_started |= job.origin == Origin::Start;
        self.hand_out_page(&job.url, Item::Unchanged(known.path.clone()))?;
        self.follow(job, &known.links);
        Ok(())
    }

    fn read(&mut self, job: &Job, mut answer: Answer, kind: Kind) -> Result<(), SourceError> {
        self.state.has_started |= job.origin == Origin::Start;
        if answer.has_more {
            let most = self.context.limits.file_bytes;
            return self.problem(
                job,
                ProblemCode::TooLarge,
                format!("The page has more than the {most} bytes that are allowed"),
            );
        }
        let mut wishes = Wishes::default();
        for value in answer.headers.get_all(X_ROBOTS_TAG) {
            wishes.add(&String::from_utf8_lossy(value.as_bytes()));
        }
        let (bytes, page) = decoded(&mut answer, kind);
        let page = page.unwrap_or_default();
        wishes.noindex |= page.wishes.noindex;
        wishes.nofollow |= page.wishes.nofollow;
        let base = page.base.as_deref().and_then(|base| job.url.join(base).ok());
        let base = base.unwrap_or_else(|| job.url.clone());
        let links = if wishes.nofollow {
            Vec::new()
        } else {
            self.links(&base, &page)
        };
        self.follow(job, &links);
        if wishes.noindex {
            self.cache.forget(job.url.as_str());
            return self.disallowed(job, "The page asks robots not to list it");
        }
        let canonical = page.canonical.as_deref().and_then(|text| base.join(text).ok());
        if let Some(canonical) = canonical.and_then(normalise)
            && self.merges(job, &canonical)
        {
            self.cache.forget(job.url.as_str());
            return Ok(());
        }
        // The start page may lie beside the prefix or the filter: it is read for its links then.
        if !self.scope.admits(&job.url) {
            return Ok(());
        }
        let fingerprint = fingerprint(&answer.headers, job, &bytes);
        self.document(job, kind, bytes, fingerprint, links)
    }

    fn document(
        &mut self,
        job: &Job,
        kind: Kind,
        bytes: Vec<u8>,
        fingerprint: String,
        links: Vec<String>,
    ) -> Result<(), SourceError> {
        let path = match naming::claim(&mut self.state.names, &job.url, kind, self.context.limits) {
            Ok(path) => path,
            Err((code, message)) => return self.problem(job, code, message),
        };
        let is_same = !fingerprint.starts_with("date:") && !fingerprint.starts_with("lastmod:");
        let item = if is_same && self.context.manifest.is_known(&path, &fingerprint) {
            Item::Unchanged(path.clone())
        } else {
            Item::File(RawFile {
                path: path.clone(),
                hash: ContentHash::of(&bytes),
                packed_size: bytes.len() as u64,
                bytes,
                provenance: Provenance {
                    title: None,
                    link: Some(Link {
                        url: job.url.to_string(),
                        places: Places::Anchors,
                    }),
                    fingerprint: Some(fingerprint.clone()),
                },
            })
        };
        self.hand_out_page(&job.url, item)?;
        let known = Known {
            path,
            fingerprint,
            links,
        };
        self.cache.put(job.url.as_str(), &known);
        Ok(())
    }

    /// The addresses that a page leads to, within the scope.
    fn links(&self, base: &Url, page: &Page) -> Vec<String> {
        if !self.follows_links {
            return Vec::new();
        }
        let mut links: Vec<String> = page
            .links
            .iter()
            .filter_map(|link| base.join(link).ok().and_then(normalise))
            .filter(|url| self.scope.admits(url) && !content::is_asset(url))
            .map(String::from)
            .collect();
        let mut met = std::collections::HashSet::new();
        links.retain(|link| met.insert(link.clone()));
        links
    }
}

fn request(job: &Job, known: Option<&Known>) -> Request {
    let mut request = Request::get(job.url.clone());
    let accepted = HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8");
    request.headers.insert(ACCEPT, accepted);
    let validator = known.and_then(|known| known.fingerprint.split_once(':'));
    let (name, value) = match validator {
        Some(("etag", tag)) => (IF_NONE_MATCH, tag),
        Some(("date", date)) => (IF_MODIFIED_SINCE, date),
        _ => return request,
    };
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers.insert(name, value);
    }
    request
}

/// What the site calls this content: its entity tag, else its date, else what the sitemap says, else the content's hash.
fn fingerprint(headers: &HeaderMap, job: &Job, bytes: &[u8]) -> String {
    let short = |name| text(headers, name).filter(|text| !text.is_empty() && text.len() <= MOST_VALIDATOR);
    if let Some(tag) = short(ETAG) {
        format!("etag:{tag}")
    } else if let Some(date) = short(LAST_MODIFIED) {
        format!("date:{date}")
    } else if let Some(lastmod) = &job.lastmod {
        format!("lastmod:{lastmod}")
    } else {
        format!("hash:{}", ContentHash::of(bytes))
    }
}

/// The bytes in UTF-8, and what an HTML page says. The server's word on the encoding comes before the page's own.
fn decoded(answer: &mut Answer, kind: Kind) -> (Vec<u8>, Option<Page>) {
    if !kind.is_text {
        return (std::mem::take(&mut answer.bytes), None);
    }
    let named = answer.header(CONTENT_TYPE).and_then(content::charset);
    let mut bytes = content::to_utf8(&answer.bytes, named.as_deref()).into_owned();
    if !kind.is_html() {
        return (bytes, None);
    }
    let page = Page::read(&String::from_utf8_lossy(&bytes));
    if named.is_none() && page.charset.is_some() && std::str::from_utf8(&bytes).is_err() {
        bytes = content::to_utf8(&answer.bytes, page.charset.as_deref()).into_owned();
    }
    (bytes, Some(page))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
