//! What an upload and a document may cost. Every bound that a stranger can run into stands here.

use serde::{Deserialize, Serialize};

/// Bounds of one upload and of each file in it. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The upload as it lies on the disk; an archive inside it that has to lie there while it is read may be as large.
    /// Default 2 GiB.
    pub packed_bytes: u64,
    /// Everything that is unpacked from one upload, nested archives and what they hold, counted while it is read, never
    /// as declared, and whether or not it was refused: this bounds what any number of bombs may cost. Default 8 GiB.
    pub unpacked_bytes: u64,
    /// One file. This much is held in memory at once. Default 64 MiB.
    pub file_bytes: u64,
    /// Entries of any kind (folders and links count). Default 200,000.
    pub entries: u64,
    /// Folders above a file. Default 32.
    pub path_depth: usize,
    /// A path in UTF-8. Default 1,024.
    pub path_bytes: usize,
    /// Unpacked bytes per packed byte, once [`Self::ratio_floor_bytes`] are passed: of the upload, of each archive in it, and
    /// of each file that is packed by itself. Default 200: text seldom passes 20,
    /// logs and tables 100; deflate ends at 1,032, the other methods go far beyond.
    pub ratio: u64,
    /// Below this many unpacked bytes no ratio is suspicious. Default 16 MiB.
    pub ratio_floor_bytes: u64,
    /// Memory that a 7z or xz archive may ask for to be unpacked: dictionaries and models. It fills as data comes out. A
    /// nested archive may ask for as much again. Default 288 MiB: 7-Zip's strongest preset asks for 256 MiB and some.
    pub decoder_bytes: u64,
    /// Nesting of JSON containers, HTML and XML elements, templates and links of wikis, and groups of RTF. Default 128.
    pub nesting: usize,
    /// Pages of a document, slides, sheets, or messages of a mailbox. Default 2,000.
    pub pages: u64,
    /// Text that is derived from one document. Default 64 MiB.
    pub document_text_bytes: u64,
    /// Everything that is unpacked from one document that is a zip file inside. Its parts are bounded by
    /// [`Self::file_bytes`], too. Default 256 MiB.
    pub document_unpacked_bytes: u64,
    /// Cells of all tables of a document, empty ones between others included. Default 2,000,000.
    pub cells: u64,
    /// Memory of a process that reads risky formats or parses code, beyond what it has when it starts. Default 320 MiB.
    pub child_memory_bytes: u64,
    /// How long one document may be read by such a process, in seconds. Default 120.
    pub document_seconds: u64,
    /// How long such a process may read without finishing a page, in seconds. Default 20.
    pub page_seconds: u64,
    /// How long such a process may parse one file of code, in seconds; beyond that the file is cut by its lines. Half a
    /// megabyte of sound code takes a fifth of a second. Default 5.
    pub syntax_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packed_bytes: 2 << 30,
            unpacked_bytes: 8 << 30,
            file_bytes: 64 << 20,
            entries: 200_000,
            path_depth: 32,
            path_bytes: 1_024,
            ratio: 200,
            ratio_floor_bytes: 16 << 20,
            decoder_bytes: 288 << 20,
            nesting: 128,
            pages: 2_000,
            document_text_bytes: 64 << 20,
            document_unpacked_bytes: 256 << 20,
            cells: 2_000_000,
            child_memory_bytes: 320 << 20,
            document_seconds: 120,
            page_seconds: 20,
            syntax_seconds: 5,
        }
    }
}
