//! Background work. A task row is the queue: it is written in the transaction that gives it something to do, claimed
//! under a lease, and every later write of its worker is fenced by the lease's token.

use serde::{Deserialize, Serialize};

use crate::id::{KbId, LeaseToken, SourceId, TaskId, UploadId};
use crate::time::Timestamp;

macro_rules! text_enum {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[doc = $vdoc])* $variant,)+ }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownValue;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownValue { what: stringify!($name), value: text.to_owned() }),
                }
            }
        }
    };
}

/// A stored value that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what} {value:?}")]
pub struct UnknownValue {
    pub what: &'static str,
    pub value: String,
}

text_enum! {
    /// What a task does; one file of the worker each.
    TaskKind {
        /// Reads an upload into a knowledge base.
        IngestUpload = "ingest_upload",
        /// Removes one document that a caller has named by its path.
        RemoveDocument = "remove_document",
        /// Fetches what has changed in a remote source.
        SyncSource = "sync_source",
        /// Takes in a knowledge base that another installation has exported.
        ImportKb = "import_kb",
        /// Computes the dense vectors that a knowledge base's chunks lack.
        EmbedKb = "embed_kb",
        /// Writes a knowledge base's lexical points anew from its rows.
        RebuildLexical = "rebuild_lexical",
        /// Removes retired versions and deleted knowledge bases from the indexes, then from the rows.
        Sweep = "sweep",
    }
}

text_enum! {
    /// Where a task stands.
    TaskState {
        /// Waits for a worker.
        Queued = "queued",
        /// A worker holds its lease.
        Running = "running",
        /// Stopped on request; goes on where it was when resumed.
        Paused = "paused",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Nothing more will happen unless somebody resumes it.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// May go back to the queue. What succeeded has nothing left to do.
    pub const fn can_resume(self) -> bool {
        matches!(self, Self::Paused | Self::Failed | Self::Cancelled)
    }
}

text_enum! {
    /// What a running task is doing. `done` and `total` of [`Progress`] count the stage's units.
    Stage {
        /// Not started.
        Waiting = "waiting",
        /// Reading, cutting and lexically indexing documents (unit: documents).
        Indexing = "indexing",
        /// Computing dense vectors (unit: chunks).
        Embedding = "embedding",
        /// Tombstoning what the source no longer holds (unit: documents).
        Removing = "removing",
        /// Writing lexical points again (unit: chunks).
        Rebuilding = "rebuilding",
        /// Removing retired versions (unit: chunks).
        Sweeping = "sweeping",
        Finished = "finished",
    }
}

/// What a task needs to know; stored as JSON beside its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskPayload {
    IngestUpload {
        upload_id: UploadId,
        source_id: SourceId,
        /// Only the files that this task could not read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<TaskId>,
        /// The upload is one document and stands at this path, whatever is in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    RemoveDocument {
        source_id: SourceId,
        path: String,
    },
    SyncSource {
        source_id: SourceId,
        /// Says what would change, and changes nothing.
        #[serde(default)]
        dry_run: bool,
        /// Removes what the source no longer shows, however much it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        accept_removals: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again: Option<TaskId>,
    },
    ImportKb {
        upload_id: UploadId,
        /// Whether the vectors of the upload are taken for those of the model that it names: they are shared by all
        /// knowledge bases, so only an administrator's are.
        trusts_vectors: bool,
    },
    EmbedKb,
    RebuildLexical,
    Sweep,
}

impl TaskPayload {
    /// The source that is read.
    pub const fn source(&self) -> Option<SourceId> {
        match self {
            Self::IngestUpload { source_id, .. }
            | Self::RemoveDocument { source_id, .. }
            | Self::SyncSource { source_id, .. } => Some(*source_id),
            Self::ImportKb { .. } | Self::EmbedKb | Self::RebuildLexical | Self::Sweep => None,
        }
    }

    pub const fn kind(&self) -> TaskKind {
        match self {
            Self::IngestUpload { .. } => TaskKind::IngestUpload,
            Self::RemoveDocument { .. } => TaskKind::RemoveDocument,
            Self::SyncSource { .. } => TaskKind::SyncSource,
            Self::ImportKb { .. } => TaskKind::ImportKb,
            Self::EmbedKb => TaskKind::EmbedKb,
            Self::RebuildLexical => TaskKind::RebuildLexical,
            Self::Sweep => TaskKind::Sweep,
        }
    }
}

/// How far a task is. Written with every heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub stage: Stage,
    /// Units done in this stage.
    pub done: u64,
    /// Units of this stage in all, where known.
    pub total: Option<u64>,
    /// Units a second in this stage, times 1000.
    pub rate_milli: Option<u64>,
    /// Whole milliseconds to the end of this stage, where they can be told.
    pub eta_millis: Option<u64>,
    /// What it waits for, in words; `None` while it works.
    pub waits_for: Option<String>,
    pub counts: Counts,
    /// Since when its source has been away, over all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_since: Option<Timestamp>,
    /// What a dry run found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            stage: Stage::Waiting,
            done: 0,
            total: None,
            rate_milli: None,
            eta_millis: None,
            waits_for: None,
            counts: Counts::default(),
            away_since: None,
            plan: None,
        }
    }
}

/// What a sync would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Documents that are new.
    pub add: u64,
    /// Documents whose content has changed.
    pub change: u64,
    /// Documents that are gone.
    pub remove: u64,
    pub unchanged: u64,
    /// The first [`MAX_PLANNED`] changes, by kind.
    pub changes: Vec<PlannedChange>,
}

/// Changes that a plan names.
pub const MAX_PLANNED: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    pub path: String,
    pub change: ChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Add,
    Change,
    Remove,
}

/// What a task has done so far, over all stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Documents whose new content was switched on.
    pub documents_indexed: u64,
    /// Documents whose content was known already.
    pub documents_unchanged: u64,
    /// Documents tombstoned.
    pub documents_removed: u64,
    /// Files that could not be read; each has a problem row.
    pub files_with_problems: u64,
    pub chunks_indexed: u64,
    /// Chunks whose vector was computed.
    pub chunks_embedded: u64,
    /// Chunks whose vector came from the embedding cache.
    pub chunks_from_cache: u64,
    /// Bytes of the files read.
    pub bytes_read: u64,
}

/// Why a task failed: a code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub kb_id: Option<KbId>,
    pub payload: TaskPayload,
    pub state: TaskState,
    /// How often a worker has claimed it since it was queued or resumed.
    pub attempts: u32,
    /// Not before this instant.
    pub run_at: Timestamp,
    pub lease: Option<Lease>,
    /// The state that a running task has been asked to take: `Cancelled` or `Paused`.
    pub requested_state: Option<TaskState>,
    pub progress: Progress,
    pub error: Option<TaskError>,
    /// Joins the logs of the request that made the task with the worker's.
    pub trace_id: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// A worker's hold on a running task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub token: LeaseToken,
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_tells_its_kind_in_its_json() {
        let json = serde_json::to_value(TaskPayload::EmbedKb).unwrap();
        assert_eq!(json["kind"], TaskKind::EmbedKb.as_str());
    }

    #[test]
    fn progress_rows_of_an_older_version_are_read() {
        let progress: Progress =
            serde_json::from_str(r#"{"stage":"indexing","done":3,"total":null,"rate_milli":null,"eta_millis":null,"waits_for":null,"counts":{"bytes_read":7}}"#)
                .unwrap();
        assert_eq!(
            progress.counts,
            Counts {
                bytes_read: 7,
                ..Counts::default()
            }
        );
    }
}
