//! Where documents come from. A sync of a source touches only the documents that came from it.

use serde::{Deserialize, Serialize};

use crate::id::{KbId, SourceId, TaskId};
use crate::time::Timestamp;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum SourceKind { $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+ }

        impl SourceKind {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl std::str::FromStr for SourceKind {
            type Err = UnknownSourceKind;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownSourceKind(text.to_owned())),
                }
            }
        }
    };
}

kinds! {
    /// An archive that is uploaded as a whole: what a later upload of it no longer holds is removed.
    Archive = "archive";
    /// Single files, uploaded one by one: each replaces the file of its name and removes nothing else.
    Files = "files";
    /// A wiki that is uploaded as a whole: a MediaWiki dump, an export of Confluence or Notion.
    WikiExport = "wiki_export";
    /// A branch of a git repository.
    Git = "git";
    /// A part of a web site.
    Web = "web";
    /// A MediaWiki, read by its API.
    MediaWiki = "mediawiki";
    /// A DokuWiki, read by its API.
    DokuWiki = "dokuwiki";
}

impl SourceKind {
    /// Whether documents that a sync did not meet are removed at its end.
    pub const fn removes_missing(self) -> bool {
        !matches!(self, Self::Files)
    }

    /// Whether Nexus fetches it; the others are uploaded.
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::Git | Self::Web | Self::MediaWiki | Self::DokuWiki)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown source kind {0:?}")]
pub struct UnknownSourceKind(pub String);

/// Longest name of a source or of an uploaded file, in characters.
pub const MAX_NAME_CHARS: usize = 255;

/// What is fetched, and from where. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Remote {
    Git(GitRemote),
    Web(WebRemote),
    MediaWiki(MediaWikiRemote),
    DokuWiki(DokuWikiRemote),
}

impl Remote {
    pub const fn kind(&self) -> SourceKind {
        match self {
            Self::Git(_) => SourceKind::Git,
            Self::Web(_) => SourceKind::Web,
            Self::MediaWiki(_) => SourceKind::MediaWiki,
            Self::DokuWiki(_) => SourceKind::DokuWiki,
        }
    }

    /// The address that it is fetched from.
    pub fn url(&self) -> &str {
        match self {
            Self::Git(git) => &git.url,
            Self::Web(web) => &web.url,
            Self::MediaWiki(wiki) => &wiki.url,
            Self::DokuWiki(wiki) => &wiki.url,
        }
    }

    pub const fn filter(&self) -> &PathFilter {
        match self {
            Self::Git(git) => &git.filter,
            Self::Web(web) => &web.filter,
            Self::MediaWiki(wiki) => &wiki.filter,
            Self::DokuWiki(wiki) => &wiki.filter,
        }
    }
}

/// Which paths are taken: those that match an `include` glob (all, where there is none) and no `exclude` glob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathFilter {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitRemote {
    /// `https://`, or `file://` and `http://` where the configuration allows them.
    pub url: String,
    /// The remote's default branch where absent.
    #[serde(default)]
    pub branch: Option<String>,
    /// Only what stands under this folder; paths of documents begin below it.
    #[serde(default)]
    pub folder: Option<String>,
    #[serde(flatten)]
    pub filter: PathFilter,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebRemote {
    /// Where the crawl begins, or the address of a sitemap.
    pub url: String,
    /// Only pages whose address begins so; the folder of `url` where absent.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Most pages of one sync; the configured bound where absent.
    #[serde(default)]
    pub max_pages: Option<u32>,
    #[serde(flatten)]
    pub filter: PathFilter,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaWikiRemote {
    /// The address of `api.php`, or of any page of the wiki.
    pub url: String,
    /// Numbers of namespaces; 0 (articles) where empty.
    #[serde(default)]
    pub namespaces: Vec<i32>,
    #[serde(flatten)]
    pub filter: PathFilter,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DokuWikiRemote {
    /// The address of the wiki (where `doku.php` lies).
    pub url: String,
    /// Only this namespace and those below it.
    #[serde(default)]
    pub namespace: Option<String>,
    #[serde(flatten)]
    pub filter: PathFilter,
}

/// When a source is synced without being asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five fields, as cron reads them.
    pub cron: String,
    /// IANA name of the time zone that the expression is read in.
    pub time_zone: String,
}

/// One source of one knowledge base, unique by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub kb_id: KbId,
    pub kind: SourceKind,
    pub name: String,
    /// What is fetched; `None` for uploads.
    pub remote: Option<Remote>,
    pub schedule: Option<Schedule>,
    /// When the schedule wants it next.
    pub next_sync_at: Option<Timestamp>,
    pub sync: SyncState,
    /// Whether a credential for it is kept here, sealed.
    pub has_credential: bool,
    /// Whether signed webhooks may start a sync.
    pub has_webhook: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How far a source has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncState {
    /// What the source called its state when it was last read whole (a commit); equal means there is nothing to do.
    pub state: Option<String>,
    /// The task that read it last, or is reading it.
    pub task: Option<TaskId>,
    /// When it was last read whole.
    pub synced_at: Option<Timestamp>,
}
