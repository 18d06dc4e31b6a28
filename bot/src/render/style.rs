//! What all renderings have in common.

use super::split::Limits;
use crate::words::Language;

/// How messages of one bot to one person look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Of the words around answers and passages.
    pub language: Language,
    /// Address under which people reach the backend, such as `https://kb.example`; without one, sources have no links.
    pub base_address: Option<String>,
    /// Of each part.
    pub limits: Limits,
    /// Columns that a table may take before it is told line by line.
    pub table_columns: usize,
    /// Characters of a source's quote.
    pub quote_chars: usize,
}

impl Style {
    /// What fits most bots: Telegram's own limits, tables for phones, short quotes, no links to sources.
    pub fn new(language: Language) -> Self {
        Self {
            language,
            base_address: None,
            limits: Limits::default(),
            // What Telegram shows of monospaced text on a phone held upright.
            table_columns: 36,
            quote_chars: 200,
        }
    }
}
