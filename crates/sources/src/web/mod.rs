//! A part of a web site: the pages that its sitemap lists, or those that links lead to.
//!
//! The site's wishes come first: robots.txt, `noindex`, `nofollow`, the time that it asks for. What is known is asked for
//! with its validators, so that an unchanged page costs the site an empty answer.

mod cache;
pub(crate) mod content;
mod crawl;
mod naming;
mod outcome;
pub(crate) mod page;
mod robots;
mod scope;
mod sitemap;
mod urlset;
mod visit;

use std::ops::ControlFlow;

use nexus_domain::WebRemote;
use url::Url;

use crate::http::Request;
use crate::patient::{Failure, Patient, Terms};
use crate::{Context, Item, SourceError, Summary};
use cache::Cache;
use crawl::Crawl;
use robots::Robots;
use scope::Scope;
use sitemap::Listing;

/// Hands out the pages of a site that have changed.
pub fn sync(
    remote: &WebRemote,
    context: &Context<'_>,
    visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<Summary, SourceError> {
    let scope = Scope::new(remote)?;
    if let Err(refused) = context.http.guard().check(&scope.start) {
        return Err(SourceError::refused("address_refused", refused.to_string()));
    }
    let configured = context.settings.pages;
    let most = remote
        .max_pages
        .map_or(configured, |most| configured.min(most.into()));
    let mut patient = Patient::new(context, &scope.start);
    let robots = fetch_robots(&scope.start, &patient)?;
    patient.pause = patient.pause.max(robots.delay.unwrap_or_default());
    let listing = listing(&scope, &robots, most, context, &patient)?;
    let cache = Cache::load(context.folder, cache_key(remote), crawl::most_seen(most));
    let mut crawl = Crawl {
        follows_links: listing.as_ref().is_none_or(|listing| listing.pages.is_empty()),
        most,
        context,
        scope: &scope,
        robots: &robots,
        patient: &patient,
        cache,
        visit,
        state: crawl::State::default(),
    };
    let outcome = crawl.run(listing);
    // Also after an early end: what was read until then need not be fetched again.
    if let Err(error) = crawl.cache.save(context.folder) {
        tracing::warn!(%error, "what is known of a site's pages could not be kept; they will be fetched anew");
    }
    outcome
}

/// Links are kept as far as they lie in the scope, so they are of no use under another one.
fn cache_key(remote: &WebRemote) -> String {
    let prefix = remote.prefix.as_deref().unwrap_or_default();
    format!("1 {} {prefix} {:?}", remote.url, remote.filter)
}

/// RFC 9309, 2.3.1: a file that is not there allows everything, one that cannot be had now forbids everything for now.
fn fetch_robots(start: &Url, patient: &Patient<'_>) -> Result<Robots, SourceError> {
    let Ok(url) = start.join("/robots.txt") else {
        return Ok(Robots::default());
    };
    let terms = Terms {
        most: robots::MOST_BYTES,
        wants: &|_| true,
        follows: &|_| true,
    };
    match patient.ask(&Request::get(url), &terms) {
        Ok(answer) if answer.status.is_success() => {
            Ok(Robots::parse(&String::from_utf8_lossy(&answer.bytes)))
        }
        // Redirects that lead nowhere count as no file.
        Ok(_) | Err(Failure::Refused(_)) => Ok(Robots::default()),
        Err(failure) => Err(failure.into_source_error()),
    }
}

/// The pages by the site's own list: the sitemap that the source names, or those of robots.txt where they list at least one
/// page within the scope.
fn listing(
    scope: &Scope,
    robots: &Robots,
    most: u64,
    context: &Context<'_>,
    patient: &Patient<'_>,
) -> Result<Option<Listing>, SourceError> {
    let path = scope.start.path().to_ascii_lowercase();
    if path.ends_with(".xml") || path.ends_with(".xml.gz") {
        let listing = sitemap::collect([scope.start.clone()], most, scope, context, patient)?;
        return match (listing.pages.is_empty(), listing.problems.first()) {
            (false, _) => Ok(Some(listing)),
            (true, Some(problem)) => Err(SourceError::refused("invalid_source", problem.message.clone())),
            (true, None) => {
                let message = format!("The sitemap lists no page under {}", scope.shown());
                Err(SourceError::refused("invalid_source", message))
            }
        };
    }
    if !scope.begins_at_root() || robots.sitemaps.is_empty() {
        return Ok(None);
    }
    let roots = robots
        .sitemaps
        .iter()
        .filter_map(|text| scope.start.join(text).ok());
    let listing = sitemap::collect(roots, most, scope, context, patient)?;
    // A list that could not be read is no list without pages: what it names must not be taken for gone.
    let is_of_use = !listing.pages.is_empty() || !listing.is_whole;
    Ok(is_of_use.then_some(listing))
}
