//! Uploads and the tasks that read them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The answer to an upload: the work has been written down and will be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskAccepted {
    pub task_id: Uuid,
    pub knowledge_base_id: Uuid,
    pub source_id: Uuid,
    /// Bytes that arrived.
    pub size_bytes: u64,
}

/// The answer to an import: the knowledge base is there, and its documents follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportAccepted {
    pub task_id: Uuid,
    pub knowledge_base_id: Uuid,
    /// Bytes that arrived.
    pub size_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    IngestUpload,
    RemoveDocument,
    SyncSource,
    ImportKb,
    EmbedKb,
    RebuildLexical,
    Sweep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    Queued,
    Running,
    Paused,
    Succeeded,
    Failed,
    Cancelled,
}

impl TaskState {
    /// Nothing more will happen unless somebody resumes the task.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// What a task is doing; says what `done` and `total` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStage {
    /// Waits in the queue.
    Waiting,
    /// Reads, cuts and lexically indexes documents (counts files).
    Indexing,
    /// Computes dense vectors (counts chunks).
    Embedding,
    /// Removes what the source no longer holds (counts documents).
    Removing,
    /// Writes lexical points again (counts chunks).
    Rebuilding,
    /// Removes old versions from the indexes (counts chunks).
    Sweeping,
    Finished,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskProgress {
    pub stage: TaskStage,
    pub done: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Units of the stage a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
    /// Seconds to the end of the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<f64>,
    /// What it waits for; absent while it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// How many tasks come before it in the queue; absent once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_before: Option<u64>,
}

/// What a sync would do: the result of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncPlan {
    /// Documents that are new.
    pub add: u64,
    /// Documents whose content has changed.
    pub change: u64,
    /// Documents that are gone.
    pub remove: u64,
    pub unchanged: u64,
    /// The first hundred changes.
    pub changes: Vec<PlannedChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedChange {
    pub path: String,
    pub change: PlannedChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannedChangeKind {
    Add,
    Change,
    Remove,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskCounts {
    pub documents_indexed: u64,
    pub documents_unchanged: u64,
    pub documents_removed: u64,
    pub files_with_problems: u64,
    pub chunks_indexed: u64,
    pub chunks_embedded: u64,
    /// Chunks whose vector was known already.
    pub chunks_from_cache: u64,
    pub bytes_read: u64,
}

/// Why a task failed. `code` is a [`ProblemCode`] where the upload is to blame, else `internal` or `unavailable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskError {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    pub id: Uuid,
    pub kind: TaskKind,
    pub state: TaskState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_base_id: Option<Uuid>,
    pub progress: TaskProgress,
    pub counts: TaskCounts,
    /// The source that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<Uuid>,
    /// What a dry run found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<SyncPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// How often a worker has taken it up since it was queued or resumed.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<DateTime<Utc>>,
}

macro_rules! problem_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:tt;)+) => {
        /// Why a file, or an upload as a whole, could not be read. Codes are added, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ProblemCode { $($(#[doc = $doc])+ #[serde(rename = $code)] $variant,)+ }
    };
}

problem_codes! {
    /// The archive or entry is encrypted.
    Encrypted = "encrypted";
    /// The data ends before its format says it should.
    Truncated = "truncated";
    /// The container's structure is damaged or contradicts itself.
    Corrupt = "corrupt";
    /// An archive in an archive in the upload; only the first one inside is opened.
    NestedArchive = "nested_archive";
    /// The path has more folders than allowed.
    TooDeep = "too_deep";
    /// A file, or the sum of all files, is larger than allowed.
    TooLarge = "too_large";
    /// The archive holds more entries than allowed.
    TooManyEntries = "too_many_entries";
    /// A decompression bomb.
    SuspiciousRatio = "suspicious_ratio";
    /// The path is absolute or leaves the archive's root.
    PathEscapesRoot = "path_escapes_root";
    /// The path is not valid text, is empty or is longer than allowed.
    InvalidPath = "invalid_path";
    /// A symbolic or hard link.
    Link = "link";
    /// A device, pipe or socket, or a name that a system reserves for a device.
    DeviceName = "device_name";
    /// The same path occurs twice; the first one was taken.
    DuplicatePath = "duplicate_path";
    /// Not text.
    Binary = "binary";
    /// A document format that is not read yet.
    UnsupportedFormat = "unsupported_format";
    /// A compression or container method that is not read.
    UnsupportedCompression = "unsupported_compression";
    /// No known encoding gives readable text.
    UnknownEncoding = "unknown_encoding";
    /// The file holds no text.
    Empty = "empty";
    /// The parser of this format gave up.
    ParseFailed = "parse_failed";
    /// The format nests deeper than allowed.
    NestedTooDeep = "nested_too_deep";
    /// Unpacking would take more memory than allowed.
    MemoryLimit = "memory_limit";
    /// The document has more pages (slides, sheets, messages) than allowed.
    TooManyPages = "too_many_pages";
    /// Reading it took longer than allowed.
    TimedOut = "timed_out";
    /// The reader of this format broke down on it.
    ReaderCrashed = "reader_crashed";
    /// The source lists it and does not have it.
    NotFound = "not_found";
    /// The source does not show it to the given account.
    AccessDenied = "access_denied";
    /// The source did not answer, however often it was asked.
    Unreachable = "unreachable";
    /// Its address leads where this installation does not go.
    AddressRefused = "address_refused";
    /// The site asks robots not to read it.
    RobotsDisallowed = "robots_disallowed";
    /// A repository in a repository.
    Submodule = "submodule";
    /// A pointer to large file storage.
    LfsPointer = "lfs_pointer";
    /// The source no longer shows most of its documents; they are kept until a sync is told to accept it.
    RemovalsHeld = "removals_held";
}

/// One file that could not be read, or the upload itself where `path` is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub code: ProblemCode,
    pub message: String,
}
