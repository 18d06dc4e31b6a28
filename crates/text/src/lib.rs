//! What Nexus knows about text itself: terms for BM25, sizes for cutting chunks, scripts and languages.
//!
//! Pure functions over strings: no files, no index, no model. Every function takes any input, runs in linear time
//! and never panics.
//!
//! - [`analyze`] turns a text into the terms that the lexical index holds, [`terms`] tells where they stand.
//! - [`Bm25`] turns an analysis into the vectors of the lexical index.
//! - [`count_tokens`] is the size by which documents are cut into chunks.
//! - [`script_of`] and [`language_of`] say how a text is written.

mod analysis;
mod bm25;
mod chars;
mod normal;
mod parts;
mod scan;
mod script;
mod stem;
mod tokens;

pub use analysis::{ANALYZER_VERSION, Analysis, Term, TermKind, analyze, terms};
pub use bm25::{Bm25, query_vector};
pub use script::{Language, language_of, script_of};
pub use stem::term_id;
pub use tokens::count_tokens;
