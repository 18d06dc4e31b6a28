//! Fakes for what is remote or slow: the clock, the embedding model, the reranker and the chat model. Databases and indexes
//! are not faked; their embedded back ends are the test doubles.

mod chat;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use crate::embedder::{EmbedError, Embedder, EmbedderInfo};
use crate::hash::ContentHash;
use crate::reranker::{RerankError, Reranker, RerankerInfo};
use crate::script::Script;
use crate::time::{Clock, Timestamp};

pub use chat::{FakeChat, FakeChatModel};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub const fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_micros()))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(
            i64::try_from(by.as_micros()).expect("a test's duration fits"),
            Ordering::SeqCst,
        );
    }
}

impl Default for ManualClock {
    /// 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_767_225_600_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Embeds a text as the hashed bag of its words: texts that share words are close. Knows Latin script only.
#[derive(Debug)]
pub struct FakeEmbedder {
    info: EmbedderInfo,
    embedded: Mutex<Vec<String>>,
}

impl FakeEmbedder {
    pub fn new(model: &str) -> Self {
        Self::with_dimension(model, 64)
    }

    pub fn with_dimension(model: &str, dimension: usize) -> Self {
        let info = EmbedderInfo {
            model: model.to_owned(),
            dimension,
            scripts: vec![Script::Latin],
            runtime: "fake".to_owned(),
        };
        Self {
            info,
            embedded: Mutex::default(),
        }
    }

    /// Every passage that was embedded so far, in order.
    pub fn embedded(&self) -> Vec<String> {
        self.embedded
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    fn vector(&self, text: &str) -> Vec<f32> {
        let mut vector = vec![0.0_f32; self.info.dimension];
        for word in text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let slot = usize::from(ContentHash::of(word.as_bytes()).as_bytes()[0]) % vector.len();
            vector[slot] += 1.0;
        }
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm == 0.0 {
            vector[0] = 1.0;
        } else {
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        vector
    }
}

#[async_trait]
impl Embedder for FakeEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    async fn embed_passages(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        let vectors = passages.iter().map(|passage| self.vector(passage)).collect();
        self.embedded
            .lock()
            .expect("no test panics while it holds this")
            .extend(passages);
        Ok(vectors)
    }

    async fn embed_query(&self, query: String) -> Result<Vec<f32>, EmbedError> {
        Ok(self.vector(&query))
    }
}

/// How a [`FakeReranker`] scores a passage for a question.
pub type Scoring = fn(question: &str, passage: &str) -> f32;

#[derive(Clone, Copy, Debug)]
enum Conduct {
    Score(Scoring),
    Fail,
    Hang,
}

/// Scores as the test says, fails, or never answers. Knows Latin script only.
#[derive(Debug)]
pub struct FakeReranker {
    info: RerankerInfo,
    conduct: Conduct,
    asked: Mutex<Vec<Vec<String>>>,
}

impl FakeReranker {
    pub fn scoring(scoring: Scoring) -> Self {
        Self::new(Conduct::Score(scoring))
    }

    pub fn failing() -> Self {
        Self::new(Conduct::Fail)
    }

    pub fn hanging() -> Self {
        Self::new(Conduct::Hang)
    }

    fn new(conduct: Conduct) -> Self {
        Self {
            info: RerankerInfo {
                model: "fake-reranker".to_owned(),
                scripts: vec![Script::Latin],
                runtime: "fake".to_owned(),
            },
            conduct,
            asked: Mutex::default(),
        }
    }

    /// The passages of every call so far.
    pub fn asked(&self) -> Vec<Vec<String>> {
        self.asked
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }
}

#[async_trait]
impl Reranker for FakeReranker {
    fn info(&self) -> &RerankerInfo {
        &self.info
    }

    async fn rerank(&self, question: String, passages: Vec<String>) -> Result<Vec<f32>, RerankError> {
        self.asked
            .lock()
            .expect("no test panics while it holds this")
            .push(passages.clone());
        match self.conduct {
            Conduct::Score(scoring) => Ok(passages
                .iter()
                .map(|passage| scoring(&question, passage))
                .collect()),
            Conduct::Fail => Err(RerankError::Failed("the test wants it so".to_owned())),
            Conduct::Hang => std::future::pending().await,
        }
    }
}
