//! Answers made of quotes: the best passages, byte for byte.

use nexus_text::Language;

use super::{AnswerSettings, Block, Citation, phrases, select};
use crate::retrieve::RankedPassage;
use crate::support::Asked;

/// What an answer says, whoever wrote it.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    pub(super) citations: Vec<Citation>,
    /// What comes nearest, where nothing was found.
    pub(super) nearest: Vec<Citation>,
    pub(super) found: bool,
}

impl Content {
    /// A sentence of the program's own, in place of an answer.
    pub(super) fn nothing(phrase: &str) -> Self {
        Self {
            text: phrase.to_owned(),
            blocks: vec![Block {
                text: phrase.to_owned(),
                citations: Vec::new(),
                supported: true,
                faults: Vec::new(),
            }],
            citations: Vec::new(),
            nearest: Vec::new(),
            found: false,
        }
    }

    /// The word that there is no answer, with what comes nearest to one.
    pub(super) fn refusal(
        question: &str,
        language: Language,
        hits: Vec<RankedPassage>,
        settings: &AnswerSettings,
    ) -> Self {
        if question.is_empty() {
            return Self::nothing(phrases::nothing_asked(language));
        }
        let nearest = select::nearest(question, hits, settings);
        if nearest.is_empty() {
            return Self::nothing(phrases::nothing_found(language));
        }
        Self {
            nearest,
            ..Self::nothing(phrases::not_answered(language))
        }
    }

    /// The best quotes; nothing where none of the passages has to do with the question.
    pub(super) fn quoted(
        question: &str,
        asked: &Asked,
        hits: Vec<RankedPassage>,
        settings: &AnswerSettings,
    ) -> Option<Self> {
        let citations = select::citations(question, asked, hits, settings);
        if citations.is_empty() {
            return None;
        }
        let block = |citation: &Citation| Block {
            text: citation.quote.clone(),
            citations: vec![citation.number],
            supported: true,
            faults: Vec::new(),
        };
        let blocks: Vec<Block> = citations.iter().map(block).collect();
        Some(Self {
            text: blocks.iter().map(plain).collect::<Vec<_>>().join("\n\n"),
            blocks,
            citations,
            nearest: Vec::new(),
            found: true,
        })
    }
}

/// A block, followed by its numbers.
fn plain(block: &Block) -> String {
    block
        .citations
        .iter()
        .fold(block.text.clone(), |text, number| format!("{text} [{number}]"))
}
