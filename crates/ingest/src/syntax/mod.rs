//! What a grammar says about the lines of a piece of code, apart from its tree: it can be sent from one process to another.
//!
//! Grammars are generated C with hand-written scanners, and what some of those cannot bear ends the process: Ruby's here
//! documents with a long mark, Python's blocks in 511 others, a few hundred kilobytes of opened strings. So the code of
//! strangers is parsed by [`serve_child`](crate::serve_child) alone.

mod definition;
mod tree;

use serde::{Deserialize, Serialize};

use crate::extract::Language;

/// Longest code that is parsed, in bytes. What is longer is generated, mostly, and cut by its lines.
const LONGEST: usize = 512 << 10;

/// Where statements and definitions begin. Rows are from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syntax {
    /// Rows at which a statement, a comment or a definition begins, and how many others it stands in at least. Each row
    /// once, in order.
    pub(crate) statements: Vec<(u32, u16)>,
    /// In the order of their begin, so what stands in a definition comes behind it.
    pub(crate) definitions: Vec<Definition>,
}

/// A function, a class, or whatever else gives a name to what it contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) name: String,
    /// Its rows, with the comments and attributes that stand right before it.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// The definition that it stands in, by its place in the list.
    pub(crate) within: Option<u32>,
}

/// Whether [`of`] would parse it.
pub(crate) fn is_parsed(text: &str) -> bool {
    text.len() < LONGEST
}

/// Parses code. `None` where it is too long, or ambiguous or damaged so much that the parser gives up.
pub(crate) fn of(text: &str, language: Language) -> Option<Syntax> {
    is_parsed(text).then(|| tree::read(text, language)).flatten()
}
