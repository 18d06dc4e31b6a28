//! Answers with citations: written by a chat model from the best passages, or, without one, made of their quotes. Every
//! citation is an exact quote, byte for byte. Knows no markup and no wire.

mod events;
mod extractive;
pub(crate) mod function_words;
mod generation;
mod kept;
mod phrases;
mod quote;
mod relevance;
mod select;
mod standing;
pub(crate) mod units;
mod write;

use std::sync::Arc;

use nexus_domain::{AnswerId, CallLog, ChatUsage, LineRange, Passage, Purpose};
pub use nexus_text::Language as AnswerLanguage;
use serde::{Deserialize, Serialize};

use crate::error::RagError;
use crate::retrieve::{Question, Retrieval, RetrievalReport, Retriever};
use crate::support::{Calibrations, Support, assess};
use crate::verify::Fault;
use events::Listener;
pub use events::{AnswerDelta, AnswerEvent, AnswerStream};
use extractive::Content;
pub use generation::{Cached, Generation, GenerationReason, GenerationStatus};
pub use kept::{KeptAnswer, KeptText, KeptTexts};
use write::{Assignment, Context};
pub use write::{
    FreeAnswer, FreeEvent, FreeStream, Manner, PROMPT_VERSION, Rewriting, Writing, WritingSettings,
    assembled, checked,
};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub text: String,
    /// Empty where the answer speaks for itself.
    pub citations: Vec<u32>,
    /// Whether it rests on a citation that holds it, as far as a program can tell, or states nothing that would need one (a
    /// heading, an introduction).
    pub supported: bool,
    /// What is wrong with it, compared with what it cites. Places are bytes of `text`.
    pub faults: Vec<Fault>,
}

/// An exact quote and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Under which it is kept; whoever keeps it says so.
    pub id: Option<AnswerId>,
    /// With numbers (` [1]`) where it rests on citations. Markdown if it was written; quotes with a blank line between
    /// them if it is extractive.
    pub text: String,
    /// What a renderer reads instead of parsing `text`: sentences, list items, rows, headings and code blocks of a
    /// written answer, quotes of an extractive one.
    pub blocks: Vec<Block>,
    pub citations: Vec<Citation>,
    /// What comes nearest to an answer where there is none, best first; numbered for themselves.
    pub nearest: Vec<Citation>,
    /// Whether the knowledge bases answer the question: what was found holds enough of it, and the model, where one
    /// writes, says so, too.
    pub found: bool,
    /// How well what was found holds the question, and what an answer takes.
    pub support: Support,
    #[serde(with = "kept::language")]
    pub language: AnswerLanguage,
    pub retrieval: RetrievalReport,
    pub generation: Generation,
}

impl Answer {
    /// How many blocks state something that no citation is known to hold.
    pub fn unsupported(&self) -> usize {
        self.blocks.iter().filter(|block| !block.supported).count()
    }
}

/// Answers questions from passages. Small and cheap to clone.
#[derive(Clone, Debug)]
pub struct Answering {
    pub retriever: Retriever,
    pub settings: AnswerSettings,
    /// `None`: answers are extractive.
    pub writing: Option<Writing>,
    /// From where on an answer is one.
    pub calibrations: Arc<dyn Calibrations>,
    /// What makes a question stand alone that leans on the conversation before it. `None`: rules, which cost nothing and keep
    /// nobody waiting.
    pub rewriting: Option<Rewriting>,
    /// What chat models wrote before. `None`: they are asked each time.
    pub kept: Option<Arc<dyn KeptTexts>>,
}

impl Answering {
    /// The same, writing in this manner.
    #[must_use]
    pub fn in_manner(mut self, manner: Manner) -> Self {
        if let Some(rewriting) = &mut self.rewriting {
            rewriting.prefer.clone_from(&manner.model);
        }
        if let Some(writing) = &mut self.writing {
            writing.manner = manner;
        }
        self
    }

    /// The same, noting its calls there.
    #[must_use]
    pub fn noting(mut self, calls: &CallLog) -> Self {
        self.retriever.calls = calls.of(Purpose::Embedding);
        if let Some(rewriting) = &mut self.rewriting {
            rewriting.calls = calls.of(Purpose::Rewrite);
        }
        if let Some(writing) = &mut self.writing {
            writing.calls = calls.of(Purpose::Answer);
        }
        self
    }

    /// The tokens that an answer may take: an upper bound by our own counter, none if no model is asked.
    pub fn most_usage(&self) -> ChatUsage {
        let rewriting = self.rewriting.as_ref().map(|_| write::REWRITING_USAGE);
        let both = [self.writing.as_ref().map(Writing::most_usage), rewriting];
        both.into_iter()
            .flatten()
            .fold(ChatUsage::default(), ChatUsage::plus)
    }

    /// Retrieves and answers. Finding nothing is an answer, too, and a chat model that fails leaves an extractive one.
    pub async fn answer(&self, question: &Question) -> Result<Answer, RagError> {
        self.respond(question, &Listener::NOBODY).await
    }

    async fn respond(&self, question: &Question, listener: &Listener) -> Result<Answer, RagError> {
        let standing = self.stand_alone(question).await;
        let text = standing.text.as_str();
        let mut found = self.retriever.retrieve_as(question, text).await?;
        standing.note(&mut found.report);
        let mut assessment = assess(&self.retriever, text, &question.filter, &found).await;
        let support = assessment.support(&found.hits, &*self.calibrations).await;
        found.report.hitch |= assessment.hitch;
        let Retrieval { hits, report } = found;
        let language = standing.language;
        let found = |hits| {
            AnswerEvent::Retrieved(Box::new(Retrieval {
                hits,
                report: report.clone(),
            }))
        };
        let (written, generation) = match &self.writing {
            Some(writing) if !hits.is_empty() && support.is_worth_asking() => {
                let context = Context::fitting(&hits, writing.settings.context_tokens);
                let sources = context.sources.iter().copied().cloned();
                listener.tell(|| found(sources.collect())).await;
                let assignment = Assignment {
                    question: text,
                    language,
                    context: &context,
                    max_quote_chars: self.settings.max_quote_chars,
                };
                writing.write(assignment, self.kept.as_deref(), listener).await
            }
            writing => {
                listener.tell(|| found(hits.clone())).await;
                let reason = match writing {
                    Some(_) => GenerationReason::NothingFound,
                    None => GenerationReason::NotConfigured,
                };
                (None, Generation::extractive(reason))
            }
        };
        // What a model says stands; without one, passages are an answer if they hold enough.
        let answered = match written {
            Some(content) => Some(content).filter(|content| content.found),
            None if support.is_enough() => {
                Content::quoted(text, &assessment.asked, hits.clone(), &self.settings)
            }
            None => None,
        };
        let content = answered.unwrap_or_else(|| Content::refusal(text, language, hits, &self.settings));
        Ok(Answer {
            id: None,
            text: content.text,
            blocks: content.blocks,
            citations: content.citations,
            nearest: content.nearest,
            found: content.found,
            support,
            language,
            retrieval: report,
            generation: generation.including(standing.spent),
        })
    }
}
