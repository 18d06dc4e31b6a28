//! Sources to documents to chunks, in three pure and blocking steps:
//!
//! 1. [`walk`] opens an upload (zip, 7z, tar, a MediaWiki dump, a compressed stream or a single file) and hands out its files
//!    one by one; [`of_export`] makes documents of those of a wiki's export;
//! 2. [`extract`] turns one file's bytes into text with a title and a format;
//! 3. [`chunk`] cuts that text along its structure into passages that quote it exactly.
//!
//! Everything here is fed by strangers. No input makes it panic (but for grammars of code, see below), and time and memory are bounded by [`Limits`] and the
//! size of one file: nothing recurses over the input, nothing is linear in a declared size. What cannot be read becomes a
//! [`nexus_domain::Problem`] with its own code, and the rest is read on.
//!
//! Formats that only large parsers read (PDF, Excel, e-mail), and the syntax of code, are read in a process of their own,
//! which may run out of memory or time or break down: [`extract_guarded`].
//!
//! Must not know: databases, vectors, async, clocks, tokenizers (the counter is handed in).

mod archive;
mod bundle;
mod child;
mod chunk;
mod export;
mod extract;
mod limits;
mod pack;
mod provenance;
mod syntax;

pub use archive::{
    Container, Entry, RawFile, WalkError, WalkSummary, entries_hint, normalise_path, shown_path, walk,
};
pub use bundle::{
    BUNDLE_EXTENSION, BundleDocument, BundleError, BundleManifest, BundleModel, BundlePassage, BundleReader,
    BundleSource, BundleWriter, Totals as BundleTotals, manifest_of,
};
pub use child::{Readers, extract_guarded, is_risky, serve_child};
pub use chunk::{ChunkDraft, ChunkOptions, chunk};
pub use export::{Export, ExportPaths, detect_export, of_export};
pub use extract::{Extracted, Language, Marks, extract};
pub use limits::Limits;
pub use pack::{ArchiveWriter, pack_folder};
pub use provenance::{Link, Places, Provenance};
pub use syntax::Syntax;
