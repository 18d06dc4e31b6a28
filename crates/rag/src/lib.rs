//! Retrieves passages, fuses what both indexes say, and answers with exact quotes and citations, in the words of a chat
//! model where there is one.
//!
//! Pure over the ports of `nexus-domain`: no database, no HTTP, no wire types, no clock but for durations.
//!
//! - [`Retriever`] turns a [`Question`] into ranked passages; [`fusion`] is its rule.
//! - [`Answering`] turns them into an [`Answer`]: written by a chat model and checked, or the best passages quoted.
//! - [`support`] says whether what was found holds an answer, and learns of each knowledge base from where on.
//! - [`standing`] says whether what has come since answers a question that was refused; [`likeness`] puts such questions together.
//! - [`verify`] checks what was written against what it cites.
//! - [`follow_up`] makes a question stand alone that leans on the conversation before it.
//! - [`metrics`] and [`beir`] measure rankings against judgements.

mod answer;
pub mod beir;
mod error;
pub mod follow_up;
pub mod fusion;
pub mod likeness;
pub mod metrics;
mod retrieve;
pub mod standing;
pub mod support;
pub mod verify;

pub use answer::{
    Answer, AnswerDelta, AnswerEvent, AnswerLanguage, AnswerSettings, AnswerStream, Answering, Block, Cached,
    Citation, FreeAnswer, FreeEvent, FreeStream, Generation, GenerationReason, GenerationStatus, KeptAnswer,
    KeptText, KeptTexts, Manner, PROMPT_VERSION, Rewriting, Writing, WritingSettings, assembled,
};
pub use error::RagError;
pub use retrieve::{
    DenseSide, DenseSource, MAX_QUESTION_CHARS, Mode, Question, RankedPassage, RerankReport, RerankStatus,
    Reranking, Retrieval, RetrievalReport, RetrievalSettings, Retriever, SideReport, SideStatus,
};
