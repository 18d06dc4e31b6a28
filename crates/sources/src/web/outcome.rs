//! What becomes of a page that is not simply there: it has moved, is another one, is closed, gone or broken.

use nexus_domain::{Problem, ProblemCode};
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::crawl::{Crawl, Job, Origin};
use super::naming;
use super::scope::{normalise, path_and_query};
use crate::http::HttpError;
use crate::patient::{Answer, Failure};
use crate::{Item, SourceError};

/// So many pages in a row that are not reached at all: it is the site.
const MOST_SILENT: u32 = 3;

impl Crawl<'_> {
    /// Whether a page is left out for the one that it names as canonical, which is then read in its place. Pages that name each
    /// other in a circle are not all left out.
    pub(super) fn merges(&mut self, job: &Job, canonical: &Url) -> bool {
        let merges = *canonical != job.url
            && !job.is_itself
            && self.scope.admits(canonical)
            && self.robots.allows(path_and_query(canonical))
            && !self.state.merged.contains_key(canonical.as_str())
            && !self.state.gone.contains(canonical.as_str());
        if merges {
            self.state.merged.insert(job.url.to_string(), canonical.clone());
            let left_out = self.state.left_out.entry(canonical.to_string()).or_default();
            left_out.push(job.url.clone());
            self.enqueue(job.in_its_place(canonical.clone()));
        }
        merges
    }

    pub(super) fn redirected(&mut self, job: &Job, target: &Url) -> Result<(), SourceError> {
        let target = normalise(target.clone());
        self.cache.forget(job.url.as_str());
        let within = |target: &Url| self.scope.admits(target) || *target == self.scope.start;
        match target {
            Some(target) if within(&target) => {
                if self.state.merged.get(target.as_str()) == Some(&job.url) {
                    self.unmerge(&target);
                }
                self.enqueue(job.in_its_place(target));
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

    pub(super) fn gone(&mut self, job: &Job) -> Result<(), SourceError> {
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
        for url in self.state.left_out.remove(job.url.as_str()).unwrap_or_default() {
            self.unmerge(&url);
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

    pub(super) fn not_a_document(&mut self, job: &Job, answer: &Answer) -> Result<(), SourceError> {
        if job.origin == Origin::Start {
            let media = answer.header(CONTENT_TYPE).unwrap_or("nothing that is known");
            let media: String = media.chars().take(100).collect();
            let message = format!("{} is no page but {media}", job.url);
            return Err(SourceError::refused("invalid_source", message));
        }
        self.cache.forget(job.url.as_str());
        Ok(())
    }

    pub(super) fn disallowed(&mut self, job: &Job, why: &str) -> Result<(), SourceError> {
        if job.origin == Origin::Linked {
            return Ok(());
        }
        if job.origin == Origin::Start && !self.state.has_started {
            self.state.has_started = true;
            self.state.has_gaps = true;
        }
        self.problem(job, ProblemCode::RobotsDisallowed, why.to_owned())
    }

    pub(super) fn denied(&mut self, job: &Job, status: u16) -> Result<(), SourceError> {
        if job.origin == Origin::Start {
            let message = format!("{} is not shown to us (the site answers {status})", job.url);
            return Err(SourceError::refused("access_denied", message));
        }
        let links = self.cache.get(job.url.as_str()).map(|known| known.links);
        let path = self.path_of_silent(job);
        // A page that was never read leads to nothing that is known; one that was may.
        self.state.has_gaps |=
            self.follows_links && links.is_none() && self.context.manifest.fingerprint(&path).is_some();
        let message = format!("The page is not shown to us (the site answers {status})");
        self.problem(job, ProblemCode::AccessDenied, message)?;
        self.follow(job, &links.unwrap_or_default());
        Ok(())
    }

    pub(super) fn failed(&mut self, job: &Job, failure: Failure) -> Result<(), SourceError> {
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
    pub(super) fn unreachable(
        &mut self,
        job: &Job,
        code: ProblemCode,
        reason: String,
    ) -> Result<(), SourceError> {
        self.state.has_gaps = true;
        self.problem(job, code, reason)?;
        let links = self.cache.get(job.url.as_str()).map(|known| known.links);
        self.follow(job, &links.unwrap_or_default());
        Ok(())
    }

    pub(super) fn problem(
        &mut self,
        job: &Job,
        code: ProblemCode,
        message: String,
    ) -> Result<(), SourceError> {
        let path = self.path_of_silent(job);
        self.hand_out_page(&job.url, Item::Problem(Problem::of_file(path, code, message)))
    }

    fn path_of_silent(&mut self, job: &Job) -> String {
        match self.cache.get(job.url.as_str()) {
            Some(known) => known.path,
            None => naming::guess(
                &mut self.state.names,
                &job.url,
                self.context.manifest,
                self.context.limits,
            ),
        }
    }
}
