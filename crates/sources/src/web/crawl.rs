//! Which page is next, and when it is enough.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;

use nexus_domain::{Problem, ProblemCode};
use url::Url;

use super::cache::Cache;
use super::content;
use super::naming;
use super::robots::Robots;
use super::scope::Scope;
use super::sitemap::Listing;
use crate::names::Names;
use crate::patient::Patient;
use crate::{Context, Item, SourceError, Summary};

/// Different queries that are read of one path; a calendar has one for each day until the end of time.
const MOST_QUERIES: u32 = 100;
/// Links from the start to a page.
const MOST_DEPTH: u32 = 256;

/// Addresses that are looked at to find so many pages: some lead nowhere, or are no documents.
pub(super) fn most_seen(pages: u64) -> usize {
    let most = pages.saturating_mul(4).saturating_add(1_000);
    usize::try_from(most).unwrap_or(usize::MAX)
}

pub(super) struct Crawl<'c> {
    /// Whether pages are found by links; else a sitemap lists them.
    pub(super) follows_links: bool,
    /// Most pages.
    pub(super) most: u64,
    pub(super) context: &'c Context<'c>,
    pub(super) scope: &'c Scope,
    pub(super) robots: &'c Robots,
    pub(super) patient: &'c Patient<'c>,
    pub(super) cache: Cache,
    pub(super) visit: &'c mut dyn FnMut(Item) -> ControlFlow<()>,
    pub(super) state: State,
}

/// How far a crawl is.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) queue: VecDeque<Job>,
    /// Addresses that are or were in the queue.
    pub(super) seen: HashSet<String>,
    pub(super) names: Names,
    queries: HashMap<String, u32>,
    /// Pages that were left out for their canonical address, and that address.
    pub(super) merged: HashMap<String, Url>,
    /// The same the other way round.
    pub(super) left_out: HashMap<String, Vec<Url>>,
    /// Pages that are gone.
    pub(super) gone: HashSet<String>,
    /// What was handed out.
    pub(super) handed: u64,
    /// Pages that were not reached at all, one after the other.
    pub(super) silent: u32,
    /// Whether the start page was read, or is not to be.
    pub(super) has_started: bool,
    /// Whether something was missed, so that absence means nothing.
    pub(super) has_gaps: bool,
    /// Bounds that were run into.
    bounds: Vec<String>,
}

/// A page to be read.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) url: Url,
    pub(super) depth: u32,
    /// By its sitemap.
    pub(super) lastmod: Option<String>,
    pub(super) origin: Origin,
    /// Whether it is read although it names another address as canonical.
    pub(super) is_itself: bool,
}

impl Job {
    /// The page that is read where this one leads.
    pub(super) fn in_its_place(&self, url: Url) -> Self {
        Self {
            url,
            depth: self.depth + 1,
            lastmod: None,
            is_itself: false,
            ..self.clone()
        }
    }
}

/// How a page was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The address that the source names, or where that leads.
    Start,
    Listed,
    Linked,
}

impl Crawl<'_> {
    /// Reads pages until there is none left, or a bound is met.
    pub(super) fn run(&mut self, listing: Option<Listing>) -> Result<Summary, SourceError> {
        for (path, url) in self.cache.paths() {
            self.state.names.take(path, url);
        }
        let listed = match listing {
            Some(listing) => self.begin_with(listing)?,
            None => 0,
        };
        if self.follows_links {
            self.state.has_started = false;
            self.enqueue(Job {
                url: self.scope.start.clone(),
                depth: 0,
                lastmod: None,
                origin: Origin::Start,
                is_itself: false,
            });
        }
        while self.state.handed < self.most {
            let Some(job) = self.state.queue.pop_front() else {
                break;
            };
            self.patient.is_stopped()?;
            let rest = self.state.queue.len() as u64 + 1;
            self.context.watch.total(self.state.handed + rest);
            self.page(&job)?;
        }
        self.finish(listed)
    }

    fn begin_with(&mut self, listing: Listing) -> Result<u64, SourceError> {
        self.state.has_started = true;
        self.state.has_gaps |= !listing.is_whole;
        for problem in listing.problems {
            self.hand_out(Item::Problem(problem))?;
        }
        // Problems of the list are no pages.
        self.state.handed = 0;
        for listed in listing.pages {
            self.enqueue(Job {
                url: listed.url,
                depth: 0,
                lastmod: listed.lastmod,
                origin: Origin::Listed,
                is_itself: false,
            });
        }
        Ok(listing.total)
    }

    fn finish(&mut self, listed: u64) -> Result<Summary, SourceError> {
        if !self.state.has_started {
            let message = format!("{} leads to itself and never to a page", self.scope.start);
            return Err(SourceError::refused("invalid_source", message));
        }
        let met = self.state.handed + self.state.queue.len() as u64;
        let total = met.max(listed);
        if total > self.most && (listed > self.most || !self.state.queue.is_empty()) {
            self.bound(format!(
                "The site has at least {total} pages, {} are allowed",
                self.most
            ));
        }
        for message in std::mem::take(&mut self.state.bounds) {
            self.hand_out(Item::Problem(Problem::of_upload(
                ProblemCode::TooManyPages,
                message,
            )))?;
        }
        let complete = !self.state.has_gaps;
        if complete {
            self.cache.keep(&self.state.seen);
        }
        Ok(Summary {
            complete,
            ..Summary::default()
        })
    }

    /// Takes a page into the queue's end, unless it was there. Pages that lead on and on come to an end, too.
    pub(super) fn enqueue(&mut self, job: Job) {
        if job.depth > MOST_DEPTH {
            self.bound(format!(
                "Some pages lie more than {MOST_DEPTH} links deep: they are not read"
            ));
            return;
        }
        if self.state.seen.insert(job.url.as_str().to_owned()) {
            self.state.queue.push_back(job);
        }
    }

    /// Takes the links of a page that lead on.
    pub(super) fn follow(&mut self, from: &Job, links: &[String]) {
        if !self.follows_links {
            return;
        }
        let most_seen = most_seen(self.most);
        for link in links {
            let Ok(url) = Url::parse(link) else { continue };
            if self.state.seen.contains(link) || !self.scope.admits(&url) || content::is_asset(&url) {
                continue;
            }
            if from.depth >= MOST_DEPTH {
                self.bound(format!(
                    "Some pages lie more than {MOST_DEPTH} links deep: they are not read"
                ));
                return;
            }
            if self.state.seen.len() >= most_seen {
                self.bound(format!(
                    "More than {most_seen} links were met: the rest is not followed"
                ));
                return;
            }
            if url.query().is_some() && !self.may_ask(&url) {
                continue;
            }
            self.enqueue(Job {
                url,
                depth: from.depth + 1,
                lastmod: None,
                origin: Origin::Linked,
                is_itself: false,
            });
        }
    }

    /// Whether one more query of this path is read.
    fn may_ask(&mut self, url: &Url) -> bool {
        let count = self.state.queries.entry(url.path().to_owned()).or_default();
        *count = count.saturating_add(1);
        if *count == MOST_QUERIES + 1 {
            let message = format!(
                "{} has more than {MOST_QUERIES} different queries: the rest is not read",
                url.path()
            );
            self.bound(message);
        }
        self.state
            .queries
            .get(url.path())
            .is_some_and(|count| *count <= MOST_QUERIES)
    }

    /// Notes that a bound left something out.
    fn bound(&mut self, message: String) {
        const MOST_TOLD: usize = 20;
        self.state.has_gaps = true;
        if self.state.bounds.len() < MOST_TOLD && !self.state.bounds.contains(&message) {
            self.state.bounds.push(message);
        }
    }

    /// Hands out what a page became, unless others are wanted.
    pub(super) fn hand_out_page(&mut self, url: &Url, item: Item) -> Result<(), SourceError> {
        let Context { only, limits, .. } = *self.context;
        let is_wanted = only.is_none_or(|only| {
            item.path().is_some_and(|path| only.contains(path)) || naming::is_among(only, url, limits)
        });
        if is_wanted {
            return self.hand_out(item);
        }
        self.state.handed += 1;
        self.patient.is_stopped()
    }

    pub(super) fn hand_out(&mut self, item: Item) -> Result<(), SourceError> {
        self.state.handed += 1;
        match (self.visit)(item) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SourceError::Stopped),
        }
    }
}
