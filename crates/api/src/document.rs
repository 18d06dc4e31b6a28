//! Documents.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a document was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentFormat {
    Markdown,
    Html,
    PlainText,
    Csv,
    Json,
    Rst,
    Code,
    Pdf,
    Docx,
    Pptx,
    Spreadsheet,
    OpenDocument,
    Epub,
    Rtf,
    Notebook,
    Email,
    #[serde(rename = "mediawiki")]
    MediaWiki,
    #[serde(rename = "dokuwiki")]
    DokuWiki,
}

/// Lines of the document's text, counted from 1, both ends included. For everything but plain text, Markdown and code the
/// text is what Nexus made of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineRange {
    pub first: u32,
    pub last: u32,
}

/// Pages (or slides), counted from 1, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PageRange {
    pub first: u32,
    pub last: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    pub id: Uuid,
    pub knowledge_base_id: Uuid,
    pub source_id: Uuid,
    /// Path inside its source.
    #[schema(example = "en/install/linux.md")]
    pub path: String,
    pub title: String,
    pub format: DocumentFormat,
    /// Size of the original file.
    pub size_bytes: u64,
    pub chunk_count: u32,
    /// Where the text can be read: `GET` it, with `first_line` and `last_line` for a part.
    #[schema(example = "/api/v1/documents/0190b2d4-0000-7000-8000-000000000000/text")]
    pub text_link: String,
    /// Where people find the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
