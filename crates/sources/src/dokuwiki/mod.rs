//! A DokuWiki, read by its remote API: the list of pages with their revisions, then the text of those that changed.

mod api;
mod fault;
mod xmlrpc;

use std::ops::ControlFlow;

use nexus_domain::{ContentHash, DokuWikiRemote, Problem, ProblemCode};
use nexus_ingest::{Link, Places, Provenance, RawFile};
use url::Url;

use crate::names::Names;
use crate::patient::Patient;
use crate::{Context, Filter, Item, SourceError, Summary};
use api::{Api, Got, Listed};

const EXTENSION: &str = ".dokuwiki";

/// Hands out the pages of a wiki that have changed.
pub fn sync(
    remote: &DokuWikiRemote,
    context: &Context<'_>,
    visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<Summary, SourceError> {
    let invalid = |message: String| SourceError::refused("invalid_source", message);
    let filter = Filter::new(&remote.filter).map_err(|error| invalid(error.to_string()))?;
    let url = Url::parse(&remote.url).map_err(|_| invalid(format!("{} is not an address", remote.url)))?;
    if let Err(refused) = context.http.guard().check(&url) {
        return Err(SourceError::refused("address_refused", refused.to_string()));
    }
    let patient = Patient::new(context, &url);
    let namespace = remote.namespace.as_deref().unwrap_or_default().trim_matches(':');
    let (api, listed) = Api::find(&url, namespace, &patient, context)?;
    let mut sync = Sync {
        context,
        api: &api,
        names: Names::default(),
        has_gaps: false,
        has_absent: false,
        failed_in_row: 0,
        visit,
    };
    let within = |id: &str| {
        namespace.is_empty()
            || id
                .strip_prefix(namespace)
                .is_some_and(|rest| rest.starts_with(':'))
    };
    let listed = listed
        .into_iter()
        .filter(|page| within(&page.id) && filter.takes(&page.id.replace(':', "/")))
        .collect();
    sync.run(listed)
}

/// One sync on its way.
struct Sync<'a> {
    context: &'a Context<'a>,
    api: &'a Api<'a>,
    names: Names,
    /// Whether something was missed, so that absence means nothing.
    has_gaps: bool,
    /// Whether a page was listed and is not there.
    has_absent: bool,
    /// Pages that could not be had, one after the other.
    failed_in_row: u32,
    visit: &'a mut dyn FnMut(Item) -> ControlFlow<()>,
}

/// So many pages in a row that cannot be had: it is the wiki.
const MOST_FAILED: u32 = 5;

impl Sync<'_> {
    fn run(&mut self, mut listed: Vec<Listed>) -> Result<Summary, SourceError> {
        listed.sort_by(|one, other| one.id.cmp(&other.id));
        listed.dedup_by(|one, other| one.id == other.id);
        let most = self.context.settings.pages;
        if listed.len() as u64 > most {
            self.has_gaps = true;
            let message = format!("The wiki has {} pages, {most} are allowed", listed.len());
            self.hand_out(Item::Problem(Problem::of_upload(
                ProblemCode::TooManyPages,
                message,
            )))?;
            listed.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        }
        self.context.watch.total(listed.len() as u64);
        for page in listed {
            self.api.is_stopped()?;
            self.page(&page)?;
        }
        if self.has_absent {
            // Whoever was signed out meanwhile was shown nothing for that reason.
            self.api.expect_signed_in(true)?;
        }
        Ok(Summary {
            complete: !self.has_gaps,
            ..Summary::default()
        })
    }

    fn page(&mut self, page: &Listed) -> Result<(), SourceError> {
        let limits = self.context.limits;
        let parts: Vec<String> = page
            .id
            .split(':')
            .map(|part| crate::names::segment(part, limits))
            .collect();
        let path = match self.names.claim(&parts.join("/"), EXTENSION, &page.id, limits) {
            Ok(path) => path,
            Err((code, message)) => {
                let problem =
                    Problem::of_file(crate::names::shown(&page.id.replace(':', "/")), code, message);
                return self.hand_out(Item::Problem(problem));
            }
        };
        let fingerprint = format!("rev:{}", page.revision);
        if self.context.manifest.is_known(&path, &fingerprint) {
            return self.hand_out(Item::Unchanged(path));
        }
        let problem = match self.api.page(&page.id)? {
            Got::Text(text) if text.len() as u64 <= self.api.most_text() => {
                self.failed_in_row = 0;
                let file = self.file(page, path, text, fingerprint);
                return self.hand_out(Item::File(file));
            }
            // Deleted since it was listed.
            Got::Gone => {
                self.has_absent = true;
                return Ok(());
            }
            Got::Text(_) | Got::TooLarge => {
                let most = self.api.most_text();
                let message = format!("The page has more than the {most} bytes that are allowed");
                Problem::of_file(path, ProblemCode::TooLarge, message)
            }
            Got::Denied(message) => Problem::of_file(path, ProblemCode::AccessDenied, message),
            Got::Failed(message) => {
                self.has_gaps = true;
                self.failed_in_row += 1;
                if self.failed_in_row >= MOST_FAILED {
                    return Err(SourceError::Away {
                        reason: message,
                        retry_after: None,
                    });
                }
                Problem::of_file(path, ProblemCode::Unreachable, message)
            }
        };
        self.hand_out(Item::Problem(problem))
    }

    fn file(&self, page: &Listed, path: String, text: String, fingerprint: String) -> RawFile {
        let bytes = text.into_bytes();
        RawFile {
            path,
            hash: ContentHash::of(&bytes),
            packed_size: bytes.len() as u64,
            bytes,
            provenance: Provenance {
                title: None,
                link: Some(Link {
                    url: self.api.link(page),
                    places: Places::Anchors,
                }),
                fingerprint: Some(fingerprint),
            },
        }
    }

    fn hand_out(&mut self, item: Item) -> Result<(), SourceError> {
        match (self.visit)(item) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SourceError::Stopped),
        }
    }
}
