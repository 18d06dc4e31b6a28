//! Frames, patterns and synonyms: data, in two sets.

use anyhow::Context as _;
use nexus_text::Language;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub struct Templates {
    pub seed: u64,
    /// Of every two passages, which one is used.
    pub parity: usize,
    pub en: Words,
    pub ru: Words,
}

/// What sentences of a language are retold with.
#[derive(Clone, Debug, Deserialize)]
pub struct Words {
    /// `{s}` is the sentence as it goes on behind other words, `{S}` as it begins.
    pub frames: Vec<String>,
    /// For two sentences of a passage, `{a}` and `{b}`.
    pub joined: Vec<String>,
    /// `{q}` is a part of the passage, word for word.
    pub quotes: Vec<String>,
    /// Whole sentences: what they look like, and what they become.
    pub patterns: Vec<(String, String)>,
    /// Words that stand for each other.
    pub synonyms: Vec<(String, String)>,
}

impl Templates {
    pub fn development() -> anyhow::Result<Self> {
        serde_json::from_str(include_str!("../templates/development.json"))
            .context("the development templates")
    }

    pub fn held_out() -> anyhow::Result<Self> {
        serde_json::from_str(include_str!("../templates/held-out.json")).context("the held-out templates")
    }

    pub const fn words(&self, language: Language) -> &Words {
        match language {
            Language::English => &self.en,
            Language::Russian => &self.ru,
        }
    }
}
