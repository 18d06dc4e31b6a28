//! What is asked.

use nexus_domain::KbFilter;
use serde::{Deserialize, Serialize};

use crate::follow_up::Turn;

/// Which indexes are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words only (BM25).
    Lexical,
    /// Vectors only, whatever the question's script.
    Dense,
    /// Both, fused by score; vectors count only where their model knows the question's script.
    #[default]
    Hybrid,
}

/// A question to the knowledge bases of `filter`.
#[derive(Clone, Debug)]
pub struct Question {
    /// As it was asked. Only the first [`MAX_QUESTION_CHARS`] are searched for.
    pub text: String,
    /// The questions before it, oldest first. An answer makes the question stand alone by them; a mere search does not
    /// look at them.
    pub history: Vec<Turn>,
    pub filter: KbFilter,
    pub mode: Mode,
    /// How many passages are wanted.
    pub limit: usize,
    /// Keep only the best passage of each document.
    pub distinct_documents: bool,
}

/// What follows is not searched for: it bounds the work that one question can cause, and no model reads further.
pub const MAX_QUESTION_CHARS: usize = 8_000;

impl Question {
    /// The part of the text that is searched for, without blanks around it.
    pub(crate) fn searched(&self) -> &str {
        let text = self.text.trim();
        let end = text
            .char_indices()
            .nth(MAX_QUESTION_CHARS)
            .map_or(text.len(), |(at, _)| at);
        &text[..end]
    }
}
