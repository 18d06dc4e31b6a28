//! Extractive answers: the best passages, quoted byte for byte, each with its citation. Knows no markup and no wire.

mod function_words;
mod phrases;
mod quote;
mod relevance;
mod select;
mod units;

use nexus_domain::{LineRange, Passage};
pub use nexus_text::Language as AnswerLanguage;

use crate::error::RagError;
use crate::retrieve::{Question, Retrieval, RetrievalReport, Retriever};

/// What an extractive answer may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerSettings {
    /// Quotes, at most.
    pub max_citations: usize,
    /// Characters of one quote, at most.
    pub max_quote_chars: usize,
    /// Tokens ([`nexus_text::count_tokens`]) of all quotes, at most; the first quote is taken in any case.
    pub max_tokens: usize,
    /// A passage is quoted only if its score is at least this share of the first one's.
    pub min_relative_score: f32,
    /// A passage is quoted only if it holds at least this share of what the first one holds of the question's terms,
    /// or is [near in meaning](Self::near_cosine).
    pub min_relative_coverage: f32,
    /// A passage that is not near in meaning is related to the question if it holds this share of its terms, weighted
    /// by rarity.
    pub min_coverage: f32,
    /// Cosine from which a passage is near in meaning to the question, on the scale of the embedding model. Too low
    /// for a model, it quotes too much; `None` leaves the judgement to words.
    pub near_cosine: Option<f32>,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self {
            max_citations: 4,
            max_quote_chars: 600,
            max_tokens: 700,
            min_relative_score: 0.55,
            min_relative_coverage: 0.5,
            min_coverage: 0.2,
            // all-MiniLM-L6-v2: unrelated questions stay below it 19 times of 20, half of the related ones reach 0.6.
            near_cosine: Some(0.45),
        }
    }
}

/// A piece of an answer, with the numbers of the citations that it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub text: String,
    /// Empty where the answer speaks for itself.
    pub citations: Vec<u32>,
}

/// An exact quote and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Citation {
    /// From 1, in the order of the answer.
    pub number: u32,
    pub passage: Passage,
    /// Byte for byte a part of the passage's text.
    pub quote: String,
    /// The quote's lines in the document.
    pub quote_lines: LineRange,
    /// What the passage was ranked by.
    pub score: f32,
    /// BM25, where the lexical index proposed the passage.
    pub lexical: Option<f32>,
    /// Cosine, where the dense index proposed it.
    pub dense: Option<f32>,
    /// The reranker's score, where it put the passage into its place.
    pub rerank: Option<f32>,
}

/// An answer as plain structure. How it looks is the renderer's matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The blocks in order, each followed by its numbers (` [1]`), a blank line between them.
    pub text: String,
    /// What a renderer reads instead of parsing `text`.
    pub blocks: Vec<Block>,
    pub citations: Vec<Citation>,
    /// Whether the knowledge bases hold anything on the question.
    pub found: bool,
    pub language: AnswerLanguage,
    pub retrieval: RetrievalReport,
}

/// Answers questions from passages. Small and cheap to clone.
#[derive(Clone, Debug)]
pub struct Answering {
    pub retriever: Retriever,
    pub settings: AnswerSettings,
}

impl Answering {
    /// Retrieves, selects and quotes. Finding nothing is an answer, too.
    pub async fn answer(&self, question: &Question) -> Result<Answer, RagError> {
        let Retrieval { hits, report } = self.retriever.retrieve(question).await?;
        let language = nexus_text::language_of(question.searched());
        let citations = select::citations(question.searched(), hits, &self.settings);
        let blocks = if citations.is_empty() {
            let text = if question.searched().is_empty() {
                phrases::nothing_asked(language)
            } else {
                phrases::nothing_found(language)
            };
            vec![Block {
                text: text.to_owned(),
                citations: Vec::new(),
            }]
        } else {
            let block = |citation: &Citation| Block {
                text: citation.quote.clone(),
                citations: vec![citation.number],
            };
            citations.iter().map(block).collect()
        };
        let text = blocks.iter().map(plain).collect::<Vec<_>>().join("\n\n");
        Ok(Answer {
            text,
            blocks,
            found: !citations.is_empty(),
            citations,
            language,
            retrieval: report,
        })
    }
}

fn plain(block: &Block) -> String {
    block
        .citations
        .iter()
        .fold(block.text.clone(), |text, number| format!("{text} [{number}]"))
}
