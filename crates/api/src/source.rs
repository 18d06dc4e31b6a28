//! Sources: where the documents of a knowledge base come from, and how they are kept up to date.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ingestion::{TaskError, TaskState};
use crate::patch::{object, present};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum SourceKind {
    /// An archive, uploaded as a whole; what a later upload of it no longer holds is removed.
    #[serde(rename = "archive")]
    Archive,
    /// Single files.
    #[serde(rename = "files")]
    Files,
    /// A dump or export of a wiki, uploaded as a whole.
    #[serde(rename = "wiki_export")]
    WikiExport,
    /// A branch of a git repository.
    #[serde(rename = "git")]
    Git,
    /// A part of a web site.
    #[serde(rename = "web")]
    Web,
    /// A MediaWiki, read by its API.
    #[serde(rename = "mediawiki")]
    MediaWiki,
    /// A DokuWiki, read by its API.
    #[serde(rename = "dokuwiki")]
    DokuWiki,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    pub id: Uuid,
    pub knowledge_base_id: Uuid,
    pub kind: SourceKind,
    pub name: String,
    pub documents: u64,
    /// What is fetched, and from where; absent for uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<SourceRemote>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SourceSchedule>,
    /// When the schedule wants it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sync_at: Option<DateTime<Utc>>,
    /// When it was last read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<DateTime<Utc>>,
    /// What the source called its state then (a commit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The task that read it last, or is reading it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// Whether a credential is kept for it. It is never returned.
    #[serde(default)]
    pub has_credential: bool,
    /// Whether signed webhooks may start a sync.
    #[serde(default)]
    pub has_webhook: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How far behind its origin a source may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Read, and nothing says that it should have been read again since. What is uploaded, or fetched without a schedule, stays
    /// fresh.
    Fresh,
    /// A time of its schedule has passed since it was read.
    Due,
    /// Two times of its schedule have passed since.
    Overdue,
    /// Its last task failed, or tries again after a failure: it may have changed, and cannot be read.
    Failing,
    /// It was not read yet.
    Never,
}

/// A source as those see it who look after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceReport {
    pub id: Uuid,
    pub knowledge_base_id: Uuid,
    pub kind: SourceKind,
    pub name: String,
    pub documents: u64,
    /// Passages that its documents are cut into.
    pub chunks: u64,
    pub last_sync: LastSync,
    /// When the schedule wants it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_sync_at: Option<DateTime<Utc>>,
    /// Kept answers that cite a document of it.
    pub hits: SourceUses,
    /// Kept answers that say that nothing was found, and show a passage of it as one of the nearest.
    pub refusals: SourceUses,
    pub staleness: Staleness,
}

/// How a source was read last. What was uploaded is read once for each upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastSync {
    /// When it was last read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<DateTime<Utc>>,
    /// The task that read it last, or is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<LastSyncTask>,
}

/// How that task stands or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastSyncTask {
    pub state: TaskState,
    /// Why it, or its last attempt, failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

/// How many of the answers that are kept, and when the last one was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceUses {
    pub count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Staleness {
    pub state: Freshness,
    /// Since it was last read whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
}

/// Settings of a remote source; which ones there are depends on its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceRemote {
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<i32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

/// When a source is synced without being asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSchedule {
    /// Minute, hour, day of month, month, day of week, as cron reads them; not more often than every five minutes.
    #[schema(example = "30 4 * * 1-5")]
    pub cron: String,
    /// IANA name; the calling bot's where absent, else UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Europe/Moscow")]
    pub time_zone: Option<String>,
}

/// What proves to a source that it may be read. Kept encrypted and never returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceCredential {
    /// Where the source wants one; a token alone is sent as the source's kind expects it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    pub user: Option<String>,
    /// Token or password.
    #[schema(min_length = 1, max_length = 4096)]
    pub token: String,
}

/// A branch of a git repository as a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestGit {
    /// Name or id of the knowledge base.
    pub knowledge_base: String,
    /// Name of the source; made from the address where absent. One of the same name gets these settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub source: Option<String>,
    #[schema(example = "https://github.com/rust-lang/book.git", max_length = 2048)]
    pub url: String,
    /// The default branch where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub branch: Option<String>,
    /// Only what stands under this folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "docs", max_length = 1024)]
    pub folder: Option<String>,
    /// Globs of paths that are taken; all where empty. `*` stays within a folder, `**` does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["*.md"]))]
    pub include: Vec<String>,
    /// Globs of paths that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub credential: Option<SourceCredential>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SourceSchedule>,
}

/// A part of a web site as a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestWeb {
    /// Name or id of the knowledge base.
    pub knowledge_base: String,
    /// Name of the source; made from the address where absent. One of the same name gets these settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub source: Option<String>,
    /// Where the crawl begins, or the address of a sitemap.
    #[schema(example = "https://docs.example.org/guide/", max_length = 2048)]
    pub url: String,
    /// Only pages whose address begins so; the folder of `url` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2048)]
    pub prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub max_pages: Option<u32>,
    /// Globs of paths below the prefix that are taken; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Globs of paths that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub credential: Option<SourceCredential>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SourceSchedule>,
}

/// What a wiki runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WikiEngine {
    #[default]
    MediaWiki,
    DokuWiki,
    /// A wiki of GitHub, GitLab or Gitea: a git repository beside the project's own.
    Git,
}

/// A wiki as a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestWiki {
    /// Name or id of the knowledge base.
    pub knowledge_base: String,
    /// Name of the source; made from the address where absent. One of the same name gets these settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub source: Option<String>,
    pub engine: WikiEngine,
    /// MediaWiki: of `api.php` or any page. DokuWiki: where `doku.php` lies. Git: of the wiki's repository.
    #[schema(example = "https://wiki.example.org/w/api.php", max_length = 2048)]
    pub url: String,
    /// MediaWiki: numbers of namespaces; 0 (articles) where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<i32>,
    /// DokuWiki: only this namespace and those below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1024)]
    pub namespace: Option<String>,
    /// Globs of pages that are taken; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Globs of pages that are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub credential: Option<SourceCredential>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SourceSchedule>,
}

/// The answer to a remote source or a sync: the work has been written down and will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncAccepted {
    pub task_id: Uuid,
    pub knowledge_base_id: Uuid,
    pub source_id: Uuid,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSync {
    /// Only say what would change: see `plan` of the task.
    #[serde(default)]
    pub dry_run: bool,
    /// Remove what the source no longer shows, however much it is: see the problem `removals_held`.
    #[serde(default)]
    pub accept_removals: bool,
}

/// Fields that are absent stay as they are; `null` removes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSource {
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<SourceSchedule>)]
    pub schedule: Option<Option<SourceSchedule>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<SourceCredential>)]
    pub credential: Option<Option<SourceCredential>>,
}

/// Where webhooks of a source go, and what they are signed with: shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedSourceWebhook {
    /// Path on this server.
    #[schema(example = "/api/v1/webhooks/sources/0190b2d4-0000-7000-8000-000000000000")]
    pub path: String,
    pub secret: String,
}
