//! Answers made of quotes: the best passages, byte for byte.

use nexus_text::Language;

use super::{AnswerSettings, Block, Citation, phrases, select};
use crate::retrieve::RankedPassage;

/// What an answer says, whoever wrote it.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    pub(super) citations: Vec<Citation>,
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
            found: false,
        }
    }

    /// The best quotes, or the word that there are none.
    pub(super) fn quoted(
        question: &str,
        language: Language,
        hits: Vec<RankedPassage>,
        settings: &AnswerSettings,
    ) -> Self {
        if question.is_empty() {
            return Self::nothing(phrases::nothing_asked(language));
        }
        let citations = select::citations(question, hits, settings);
        if citations.is_empty() {
            return Self::nothing(phrases::nothing_found(language));
        }
        let block = |citation: &Citation| Block {
            text: citation.quote.clone(),
            citations: vec![citation.number],
            supported: true,
            faults: Vec::new(),
        };
        let blocks: Vec<Block> = citations.iter().map(block).collect();
        Self {
            text: blocks.iter().map(plain).collect::<Vec<_>>().join("\n\n"),
            blocks,
            citations,
            found: true,
        }
    }
}

/// A block, followed by its numbers.
fn plain(block: &Block) -> String {
    block
        .citations
        .iter()
        .fold(block.text.clone(), |text, number| format!("{text} [{number}]"))
}
