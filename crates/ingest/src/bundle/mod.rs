//! A knowledge base as one file: what an installation exports and another one imports without reading or embedding
//! anything again.
//!
//! The file is JSON lines, compressed by zstd (`zstd -dc file | head` shows it). Each line is a [`Record`]:
//!
//! 1. a manifest,
//! 2. for each source a source line, followed by its documents, each followed by its passages in order,
//! 3. an end line that counts what came before it, so that a file that was cut off is known to be.
//!
//! It holds no secret, no person and no right. Vectors are those of one model; who imports decides whether to believe them.

mod read;
mod write;

use nexus_domain::{Format, LineRange, PageRange, Remote, Schedule, SourceKind, Timestamp};
use serde::{Deserialize, Serialize};

pub use read::{BundleError, BundleReader, manifest_of};
pub use write::BundleWriter;

/// What the manifest calls the format.
const FORMAT: &str = "nexus-knowledge-base";
/// Raised when older programs could not read a file; readers refuse what is newer than they are.
const VERSION: u32 = 1;
/// The largest line that is written or read, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// How the names of bundles end.
pub const BUNDLE_EXTENSION: &str = "kb.jsonl.zst";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum Record {
    Manifest(Header),
    Source(BundleSource),
    Document(DocumentLine),
    Passage(PassageLine),
    End(Totals),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    #[serde(flatten)]
    manifest: BundleManifest,
}

/// What stands first in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleManifest {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub exported_at: Timestamp,
    /// The average length of a passage, in analysed terms x 1000, that the lexical weights were computed with.
    pub lexical_average_milli: i64,
    /// Whose vectors the passages have.
    #[serde(default)]
    pub model: Option<BundleModel>,
    /// Documents and passages when the export began, to tell how far an import is.
    pub documents: u64,
    pub passages: u64,
}

/// An embedding model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleModel {
    pub name: String,
    pub dimension: usize,
}

/// Where documents come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleSource {
    pub kind: SourceKind,
    pub name: String,
    #[serde(default)]
    pub remote: Option<Remote>,
    #[serde(default)]
    pub schedule: Option<Schedule>,
    /// Whether a credential for it is kept where it comes from; the credential itself is not in the bundle.
    #[serde(default)]
    pub had_credential: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct DocumentLine {
    path: String,
    title: String,
    format: Format,
    size_bytes: u64,
    /// In hexadecimal.
    content_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// Passages that follow.
    passages: u64,
}

/// A document with its passages. Its text is theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct BundleDocument {
    pub path: String,
    pub title: String,
    pub format: Format,
    pub size_bytes: u64,
    pub content_hash: nexus_domain::ContentHash,
    pub fingerprint: Option<String>,
    pub link: Option<String>,
    pub passages: Vec<BundlePassage>,
}

/// A passage, and its vector if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct BundlePassage {
    pub text: String,
    pub heading_path: Vec<String>,
    pub lines: LineRange,
    pub pages: Option<PageRange>,
    pub anchor: Option<String>,
    pub vector: Option<Vec<f32>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PassageLine {
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    heading_path: Vec<String>,
    lines: LineRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pages: Option<PageRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<String>,
    /// Little-endian `f32`s in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vector: Option<String>,
}

/// What a bundle holds in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub sources: u64,
    pub documents: u64,
    pub passages: u64,
}
