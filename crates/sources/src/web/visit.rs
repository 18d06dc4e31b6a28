//! One page: asked for, read, handed out.

use nexus_domain::{ContentHash, Problem, ProblemCode};
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
use crate::http::{HttpError, Request};
use crate::patient::{Answer, Failure, Terms};
use crate::{Item, SourceError};

const X_ROBOTS_TAG: HeaderName = HeaderName::from_static("x-robots-tag");
/// So many pages in a row that are not reached at all: it is the site.
const MOST_SILENT: u32 = 3;
/// Longer validators are not kept.
const MOST_VALIDATOR: usize = 200;

impl Crawl<'_> {
    pub(super) fn page(&mut self, job: &Job) -> Result<(), SourceError> {
        let key = job.url.as_str();
        if !self.robots.allows(path_and_query(&job.url)) {
            return self.disallowed(job, "robots.txt asks robots not to read it");
        }
        let known = self.cache.get(key).cloned();
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
        self.hand_out(Item::Unchanged(known.path.clone()))?;
        self.follow(job, &known.links);
        Ok(())
    }

    fn read(&mut self, job: &Job, answer: Answer, kind: Kind) -> Result<(), SourceError> {
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
        let (bytes, page) = decoded(&answer, kind);
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
        self.hand_out(item)?;
        let known = Known {
            path,
            fingerprint,
            links,
        };
        self.cache.put(job.url.as_str().to_owned(), known);
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

    /// Whether a page is left out for the one that it names as canonical, which is then read in its place. Pages that name each
    /// other in a circle are not all left out.
    fn merges(&mut self, job: &Job, canonical: &Url) -> bool {
        let merges = *canonical != job.url
            && !job.is_itself
            && self.scope.admits(canonical)
            && self.robots.allows(path_and_query(canonical))
            && !self.state.merged.contains_key(canonical.as_str())
            && !self.state.gone.contains(canonical.as_str());
        if merges {
            self.state.merged.insert(job.url.to_string(), canonical.clone());
            self.enqueue(Job {
                url: canonical.clone(),
                ..job.clone()
            });
        }
        merges
    }

    fn redirected(&mut self, job: &Job, target: &Url) -> Result<(), SourceError> {
        let target = normalise(target.clone());
        self.cache.forget(job.url.as_str());
        let within = |target: &Url| self.scope.admits(target) || *target == self.scope.start;
        match target {
            Some(target) if within(&target) => {
                if self.state.merged.get(target.as_str()) == Some(&job.url) {
                    self.unmerge(&target);
                }
                self.enqueue(Job {
                    url: target,
                    ..job.clone()
                });
                Ok(())
            }
            Some(target) if job.origin == Origin::Start => {
                let scope = self.scope.shown();
                let message = format!("{} leads to {target}, which is not under {scope}", job.url);
                Err(SourceError::refused("invalid_source", message))
            }
            _ => {
                self.leads_nowhere(job);
                Ok(())
            }
        }
    }

    fn gone(&mut self, job: &Job) -> Result<(), SourceError> {
        if job.origin == Origin::Start {
            let message = format!("{} does not exist", job.url);
            return Err(SourceError::refused("not_found", message));
        }
        self.cache.forget(job.url.as_str());
        self.leads_nowhere(job);
        Ok(())
    }

    /// There is no page, so those that were left out for it are read after all.
    fn leads_nowhere(&mut self, job: &Job) {
        self.state.gone.insert(job.url.to_string());
        let merged = &self.state.merged;
        let left_out = merged.iter().filter(|(_, canonical)| **canonical == job.url);
        let left_out: Vec<String> = left_out.map(|(url, _)| url.clone()).collect();
        for url in left_out {
            if let Ok(url) = Url::parse(&url) {
                self.unmerge(&url);
            }
        }
    }

    /// Reads a page that was left out for another one.
    fn unmerge(&mut self, url: &Url) {
        if self.state.merged.remove(url.as_str()).is_some() {
            self.state.queue.push_back(Job {
                url: url.clone(),
                depth: 0,
                lastmod: None,
                origin: Origin::Linked,
                is_itself: true,
            });
        }
    }

    fn not_a_document(&mut self, job: &Job, answer: &Answer) -> Result<(), SourceError> {
        if job.origin == Origin::Start {
            let media = answer.header(CONTENT_TYPE).unwrap_or("nothing that is known");
            let media: String = media.chars().take(100).collect();
            let message = format!("{} is no page but {media}", job.url);
            return Err(SourceError::refused("invalid_source", message));
        }
        self.cache.forget(job.url.as_str());
        Ok(())
    }

    fn disallowed(&mut self, job: &Job, why: &str) -> Result<(), SourceError> {
        if job.origin == Origin::Linked {
            return Ok(());
        }
        if job.origin == Origin::Start && !self.state.has_started {
            self.state.has_started = true;
            self.state.has_gaps = true;
        }
        self.problem(job, ProblemCode::RobotsDisallowed, why.to_owned())
    }

    fn denied(&mut self, job: &Job, status: u16) -> Result<(), SourceError> {
        if job.origin == Origin::Start {
            let message = format!("{} is not shown to us (the site answers {status})", job.url);
            return Err(SourceError::refused("access_denied", message));
        }
        let links = self.cache.get(job.url.as_str()).map(|known| known.links.clone());
        let path = self.path_of_silent(job);
        // A page that was never read leads to nothing that is known; one that was may.
        self.state.has_gaps |=
            self.follows_links && links.is_none() && self.context.manifest.fingerprint(&path).is_some();
        let message = format!("The page is not shown to us (the site answers {status})");
        self.problem(job, ProblemCode::AccessDenied, message)?;
        self.follow(job, &links.unwrap_or_default());
        Ok(())
    }

    fn failed(&mut self, job: &Job, failure: Failure) -> Result<(), SourceError> {
        match failure {
            Failure::Ends(_) => Err(failure.into_source_error()),
            _ if job.origin == Origin::Start => Err(failure.into_source_error()),
            Failure::Unreachable { reason, is_silent } => {
                self.state.silent = if is_silent { self.state.silent + 1 } else { 0 };
                if self.state.silent >= MOST_SILENT {
                    return Err(SourceError::Away {
                        reason,
                        retry_after: None,
                    });
                }
                self.unreachable(job, ProblemCode::Unreachable, reason)
            }
            Failure::Refused(HttpError::Refused(refused)) => {
                self.unreachable(job, ProblemCode::AddressRefused, refused.to_string())
            }
            Failure::Refused(error) => self.unreachable(job, ProblemCode::Unreachable, error.to_string()),
        }
    }

    /// The page was not seen: what is known of it stays, and so do the pages that it led to.
    fn unreachable(&mut self, job: &Job, code: ProblemCode, reason: String) -> Result<(), SourceError> {
        self.state.has_gaps = true;
        self.problem(job, code, reason)?;
        let links = self.cache.get(job.url.as_str()).map(|known| known.links.clone());
        self.follow(job, &links.unwrap_or_default());
        Ok(())
    }

    fn problem(&mut self, job: &Job, code: ProblemCode, message: String) -> Result<(), SourceError> {
        let path = self.path_of_silent(job);
        self.hand_out(Item::Problem(Problem::of_file(path, code, message)))
    }

    fn path_of_silent(&mut self, job: &Job) -> String {
        match self.cache.get(job.url.as_str()) {
            Some(known) => known.path.clone(),
            None => naming::guess(
                &mut self.state.names,
                &job.url,
                self.context.manifest,
                self.context.limits,
            ),
        }
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
fn decoded(answer: &Answer, kind: Kind) -> (Vec<u8>, Option<Page>) {
    if !kind.is_text {
        return (answer.bytes.clone(), None);
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
