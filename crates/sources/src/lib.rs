//! Sources that Nexus fetches itself: git repositories, web sites, wikis. Each lists what it holds, compares that with the
//! manifest of what is known already, and hands out the files that have changed, one by one.
//!
//! Everything here is blocking and belongs on a thread of its own. Whatever answers is a stranger: addresses are checked
//! before every connection ([`Guard`]), sizes, counts and times are bounded, and nothing that comes with a source is run.
//!
//! Must not know: databases, vectors, what a document is.

mod check;
pub mod dokuwiki;
mod filter;
mod git;
mod guard;
mod http;
pub mod mediawiki;
mod names;
mod pace;
mod patient;
mod retry_after;
mod turns;
pub mod web;
mod xml;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use nexus_domain::{Problem, Remote};
use nexus_ingest::{Limits, RawFile};
use secrecy::SecretString;

pub use check::check;
pub use filter::{Filter, FilterError};
pub use git::address::https_of_ssh;
pub use guard::{AddressRefused, Guard};
pub use http::{Http, HttpError, Request, Response};
pub use pace::Pace;

/// What proves to a source that it may be read.
#[derive(Clone, Debug)]
pub enum Credential {
    /// User name and password, or a token in the place of one.
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
}

/// What is known of a source's documents: the fingerprint of each path.
#[derive(Clone, Default)]
pub struct Manifest(HashMap<String, String>);

impl Manifest {
    pub fn new(known: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(known.into_iter().collect())
    }

    pub fn fingerprint(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    pub fn is_known(&self, path: &str, fingerprint: &str) -> bool {
        self.fingerprint(path) == Some(fingerprint)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({} paths)", self.0.len())
    }
}

/// Follows a sync from outside.
pub trait Watch: Send + Sync {
    /// How many items there are, as soon as that is known; may be told again.
    fn total(&self, items: u64);
    /// What it waits for, in words; `None` while it works.
    fn waits_for(&self, what: Option<&str>);
    /// Asked often: whether to end with [`SourceError::Stopped`].
    fn is_stopped(&self) -> bool;
}

/// What a sync is given.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub http: &'a Http,
    pub limits: &'a Limits,
    pub settings: &'a Settings,
    pub credential: Option<&'a Credential>,
    /// A folder of this source alone, kept between syncs on this machine. It may vanish at any time: a cache.
    pub folder: &'a Path,
    pub manifest: &'a Manifest,
    /// [`Summary::state`] of the last sync that was whole.
    pub last_state: Option<&'a str>,
    /// Only what has one of these paths is handed out, or had it the last time: a page whose address is the same may have got
    /// another one. `None` is all.
    pub only: Option<&'a HashSet<String>>,
    pub watch: &'a dyn Watch,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Bounds and manners.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a git repository may be a folder of this machine (`file://`).
    pub local_repositories: bool,
    /// Bytes that one repository may bring over the network and hold on the disk.
    pub repository_bytes: u64,
    /// Most pages of a site or wiki.
    pub pages: u64,
    /// Least time between two requests to one site, unless its robots.txt asks for more.
    pub politeness: Duration,
    /// How long a source may tell us to wait before the sync is put off instead.
    pub patience: Duration,
    /// How slow it may be.
    pub pace: Pace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            local_repositories: false,
            repository_bytes: 8 << 30,
            pages: 20_000,
            politeness: Duration::from_millis(250),
            patience: Duration::from_secs(60),
            pace: Pace::default(),
        }
    }
}

/// What a sync meets.
#[derive(Debug)]
pub enum Item {
    /// Listed under the fingerprint that the manifest has: not fetched.
    Unchanged(String),
    /// New or changed; its provenance says which fingerprint it has now.
    File(RawFile),
    Problem(Problem),
}

impl Item {
    fn path(&self) -> Option<&str> {
        match self {
            Self::Unchanged(path) => Some(path),
            Self::File(file) => Some(&file.path),
            Self::Problem(problem) => problem.path.as_deref(),
        }
    }
}

/// How a sync went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the source calls the state that was read (a commit). `None` where it has no name for it.
    pub state: Option<String>,
    /// Nothing was handed out, because the state is that of the last sync.
    pub is_unchanged: bool,
    /// Whether all of it was seen. Where it is `false`, nothing may be removed because of its absence.
    pub complete: bool,
}

/// Why a sync ended early. Items that were handed out before are good.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not answer, or asks to come back later. Going on then takes up where this ended.
    #[error("{reason}")]
    Away {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// Trying again changes nothing until somebody changes something. The code is for programs: `not_found`,
    /// `access_denied`, `address_refused`, `invalid_source`, `too_large`.
    #[error("{message}")]
    Refused { code: &'static str, message: String },
    /// This machine's disk failed.
    #[error("the source's folder could not be used")]
    Io(#[from] std::io::Error),
    /// The watch, or the visitor, asked for it.
    #[error("stopped on request")]
    Stopped,
}

impl SourceError {
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused {
            code,
            message: message.into(),
        }
    }
}

/// Hands out what has changed in a source. `visit` ends the sync by `Break`.
pub fn sync(
    remote: &Remote,
    context: &Context<'_>,
    visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<Summary, SourceError> {
    let mut wanted = |item: Item| match (context.only, item.path()) {
        (Some(only), Some(path)) if !only.contains(path) => ControlFlow::Continue(()),
        _ => visit(item),
    };
    match remote {
        Remote::Git(remote) => git::sync(remote, context, &mut wanted),
        // Looks at addresses itself.
        Remote::Web(remote) => web::sync(remote, context, visit),
        Remote::MediaWiki(remote) => mediawiki::sync(remote, context, &mut wanted),
        Remote::DokuWiki(remote) => dokuwiki::sync(remote, context, &mut wanted),
    }
}
