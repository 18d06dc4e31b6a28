//! Documents, their versions and their chunks.
//!
//! A document shows one version at a time. A new version's chunks are written as rows, then to the indexes, then the
//! document is switched to it in one transaction and the old version is retired; retired versions are swept from the
//! indexes and then from the rows. A chunk is *current* when its version is the one its live document shows.

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::id::{ChunkId, DocumentId, KbId, SourceId, TaskId, VersionId};
use crate::time::Timestamp;

macro_rules! formats {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What a document was read as; decides how it is cut.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Format {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Format {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl std::str::FromStr for Format {
            type Err = UnknownFormat;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownFormat(text.to_owned())),
                }
            }
        }
    };
}

formats! {
    /// Markdown.
    Markdown = "markdown";
    /// HTML; its text is Markdown made from it, and lines are counted in that text.
    Html = "html";
    /// Text without known structure.
    PlainText = "plain_text";
    /// Comma- or tab-separated values.
    Csv = "csv";
    /// JSON; minified files are laid out first, and lines are counted in that text.
    Json = "json";
    /// reStructuredText.
    Rst = "rst";
    /// Source code of a known language.
    Code = "code";
    /// PDF; its text is Markdown made from it, page by page.
    Pdf = "pdf";
    /// Word (`docx`), as Markdown.
    Docx = "docx";
    /// PowerPoint (`pptx`), as Markdown; its pages are slides.
    Pptx = "pptx";
    /// Excel and OpenDocument sheets, as Markdown tables under the names of their sheets.
    Spreadsheet = "spreadsheet";
    /// OpenDocument text or presentation, as Markdown.
    OpenDocument = "open_document";
    /// EPUB, as Markdown.
    Epub = "epub";
    /// Rich Text Format, as Markdown.
    Rtf = "rtf";
    /// Jupyter notebook, as Markdown with code blocks.
    Notebook = "notebook";
    /// E-mail, as Markdown; what is attached is named.
    Email = "email";
    /// MediaWiki's markup, as Markdown.
    MediaWiki = "mediawiki";
    /// DokuWiki's markup, as Markdown.
    DokuWiki = "dokuwiki";
}

#[derive(Debug, thiserror::Error)]
#[error("unknown document format {0:?}")]
pub struct UnknownFormat(pub String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: DocumentId,
    pub kb_id: KbId,
    pub source_id: SourceId,
    /// Path inside the source, `/` between folders; unique among the source's live documents.
    pub path: String,
    pub title: String,
    pub format: Format,
    /// Size of the original file.
    pub size_bytes: u64,
    /// Hash of the original file's bytes: equal means there is nothing to do.
    pub content_hash: ContentHash,
    /// What the source calls this content (a git blob, a wiki's revision, an entity tag): equal means that it need not be
    /// fetched.
    pub fingerprint: Option<String>,
    /// Where people find the original, without a fragment.
    pub link: Option<String>,
    pub version_id: VersionId,
    pub chunk_count: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Where a version stands. `Pending` → `Current` → `Retired` → its rows are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// Being written; nobody sees it.
    Pending,
    /// Shown by its document.
    Current,
    /// Tombstoned: no longer seen, waiting to be swept from the indexes.
    Retired,
}

impl VersionState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentVersion {
    pub id: VersionId,
    pub document_id: DocumentId,
    pub kb_id: KbId,
    /// The task that writes it; pending versions of a task that starts again are retired first.
    pub task_id: TaskId,
    pub created_at: Timestamp,
}

/// Lines, counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LineRange {
    pub first: u32,
    pub last: u32,
}

/// Pages (or slides), counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageRange {
    pub first: u32,
    pub last: u32,
}

/// A passage: an exact piece of a document's text with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub id: ChunkId,
    pub version_id: VersionId,
    pub document_id: DocumentId,
    pub kb_id: KbId,
    /// Position in the document, from 0.
    pub ordinal: u32,
    /// The exact text, byte for byte as extracted.
    pub text: String,
    /// Headings (or names of modules, classes, functions, keys) from the outermost to the innermost.
    pub heading_path: Vec<String>,
    pub lines: LineRange,
    /// In formats that have pages.
    pub pages: Option<PageRange>,
    /// The fragment (without `#`) that leads from the document's link to this place.
    pub anchor: Option<String>,
    /// Number of analysed terms: the length that BM25 normalises by.
    pub term_count: u32,
    /// Hash of what an embedder is given ([`embedding_text`]): the key of the embedding cache.
    pub content_hash: ContentHash,
}

/// What both indexes see of a passage: its place, then its text.
///
/// The document's title comes first unless the outermost heading repeats it.
pub fn embedding_text(title: &str, heading_path: &[String], text: &str) -> String {
    let repeats = heading_path.first().is_some_and(|first| first == title);
    let headings = heading_path.iter().map(String::as_str);
    let place: Vec<&str> = std::iter::once(title)
        .filter(|title| !title.is_empty() && !repeats)
        .chain(headings)
        .collect();
    if place.is_empty() {
        text.to_owned()
    } else {
        format!("{}\n{text}", place.join(" > "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_passage_is_told_once() {
        let path = ["Install".to_owned(), "Linux".to_owned()];
        assert_eq!(
            embedding_text("Guide", &path, "Run it."),
            "Guide > Install > Linux\nRun it."
        );
        assert_eq!(
            embedding_text("Install", &path, "Run it."),
            "Install > Linux\nRun it."
        );
        assert_eq!(embedding_text("", &[], "Run it."), "Run it.");
    }
}
