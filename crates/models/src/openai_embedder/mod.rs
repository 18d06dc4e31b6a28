//! The `Embedder` port over an OpenAI-compatible embeddings API. The API is another's machine: it may be slow, away, out of
//! quota or wrong, so calls are bounded, paced and repeated, and answers are checked before anything believes them.

mod allowance;
mod answer;
mod call;
mod health;
mod options;
#[cfg(feature = "testing")]
mod stand_in;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use nexus_domain::{CallLog, Condition, EmbedError, Embedder, EmbedderInfo, Purpose};

pub use options::{OpenAiOptions, Patience};
#[cfg(feature = "testing")]
pub use stand_in::{EmbeddingsStandIn, Reply};

use crate::length::estimated_tokens;
use allowance::Allowance;
use call::{Api, CallError};
use health::Health;

/// First wait before a call is repeated; doubled each time.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(8);

/// Whose call it is. Questions go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Question,
    Ingestion,
}

/// An embeddings API as an embedder.
#[derive(Debug)]
pub struct OpenAiEmbedder {
    info: EmbedderInfo,
    options: OpenAiOptions,
    api: Api,
    allowance: Allowance,
    health: Health,
    /// Texts per call: as configured, or fewer once the API has found a call too large.
    batch: AtomicUsize,
}

impl OpenAiEmbedder {
    /// Asks the API for one vector, which tells its length. With the length configured, both must agree.
    pub async fn connect(options: OpenAiOptions) -> Result<Self, EmbedError> {
        let api = Api::new(&options)?;
        let probe = ["probe".to_owned()];
        // A word at each start, which nobody has asked for.
        let calls = CallLog::default();
        let vectors = api
            .embed(&probe, None, &calls)
            .await
            .map_err(CallError::into_embed)?;
        let found = vectors.first().map_or(0, Vec::len);
        match options.dimension {
            Some(configured) if configured != found => Err(EmbedError::Failed(format!(
                "the embeddings API makes vectors of {found} numbers, and {configured} are configured"
            ))),
            _ => Self::with_dimension(options, found),
        }
    }

    /// Believes that vectors have this length, for a start while the API is away for this reason.
    pub fn assume(options: OpenAiOptions, dimension: usize, away: &EmbedError) -> Result<Self, EmbedError> {
        let embedder = Self::with_dimension(options, dimension)?;
        embedder.health.failed(away);
        Ok(embedder)
    }

    fn with_dimension(options: OpenAiOptions, dimension: usize) -> Result<Self, EmbedError> {
        let info = EmbedderInfo {
            model: options.name(dimension),
            dimension,
            scripts: options.scripts.clone(),
            runtime: format!("embeddings API at {}", options.host()),
        };
        Ok(Self {
            info,
            api: Api::new(&options)?,
            allowance: Allowance::new(options.requests_per_minute, options.tokens_per_minute),
            health: Health::default(),
            batch: AtomicUsize::new(options.batch.max(1)),
            options,
        })
    }

    /// One call's worth of texts. What is too large for the API is halved, down to single texts.
    async fn embed(
        &self,
        caller: Caller,
        texts: &[String],
        calls: &CallLog,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut open = vec![texts];
        let mut vectors = Vec::with_capacity(texts.len());
        while let Some(part) = open.pop() {
            match self.with_patience(caller, part, calls).await {
                Ok(found) => vectors.extend(found),
                Err(CallError::TooLarge) if part.len() > 1 => {
                    let (front, back) = part.split_at(part.len().div_ceil(2));
                    self.batch.fetch_min(front.len(), Ordering::Relaxed);
                    tracing::warn!(
                        texts = part.len(),
                        "a call is too large for the embeddings API and is halved"
                    );
                    open.extend([back, front]);
                }
                Err(error) => {
                    let error = error.into_embed();
                    self.health.failed(&error);
                    return Err(error);
                }
            }
        }
        Ok(vectors)
    }

    /// One call, repeated while the API is away and the caller's patience lasts, counted from the first failure: waiting
    /// for the allowance is no failure.
    async fn with_patience(
        &self,
        caller: Caller,
        texts: &[String],
        calls: &CallLog,
    ) -> Result<Vec<Vec<f32>>, CallError> {
        let patience = match caller {
            Caller::Question => self.options.patience.question,
            Caller::Ingestion => self.options.patience.ingestion,
        };
        let tokens = texts.iter().map(|text| estimated_tokens(text)).sum();
        let mut backoff = self.options.patience.first_wait;
        let mut until = None;
        loop {
            if let Some(wait) = self.health.closed_for() {
                let deadline = *until.get_or_insert_with(|| Instant::now() + patience);
                self.wait(wait, deadline).await?;
            }
            self.allowance.take(caller, tokens).await;
            let error = match self.api.embed(texts, Some(self.info.dimension), calls).await {
                Ok(vectors) => {
                    self.health.answered();
                    return Ok(vectors);
                }
                Err(error) => error,
            };
            let CallError::Away { retry_after, .. } = &error else {
                return Err(error);
            };
            let wait = retry_after.unwrap_or_default().max(backoff);
            let deadline = *until.get_or_insert_with(|| Instant::now() + patience);
            if Instant::now() + wait > deadline {
                // The next callers need not find out by themselves.
                self.health.close_for(wait.max(self.options.patience.rest));
                return Err(error);
            }
            tracing::debug!(%error, ?wait, "the embeddings API is asked again");
            if retry_after.is_some() {
                self.health.close_for(wait);
            } else {
                tokio::time::sleep(wait).await;
            }
            backoff = (backoff * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits until the API may be asked again, unless that is later than the caller wants to wait.
    async fn wait(&self, wait: std::time::Duration, deadline: Instant) -> Result<(), CallError> {
        if Instant::now() + wait > deadline {
            return Err(CallError::away("it did not answer a moment ago"));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn info(&self) -> &EmbedderInfo {
        &self.info
    }

    fn condition(&self) -> Condition {
        self.health.fault().map_or(Condition::Fine, Condition::Away)
    }

    fn passages_at_once(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    async fn embed_passages(&self, passages: Vec<String>) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.embed_passages_noting(passages, &CallLog::default()).await
    }

    async fn embed_query(&self, query: String) -> Result<Vec<f32>, EmbedError> {
        self.embed_query_noting(query, &CallLog::default()).await
    }

    async fn embed_passages_noting(
        &self,
        passages: Vec<String>,
        calls: &CallLog,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let calls = calls.of(Purpose::Embedding);
        let texts: Vec<String> = passages
            .into_iter()
            .map(|passage| self.options.passage(&passage))
            .collect();
        let mut vectors = Vec::with_capacity(texts.len());
        for part in texts.chunks(self.passages_at_once()) {
            vectors.extend(self.embed(Caller::Ingestion, part, &calls).await?);
        }
        Ok(vectors)
    }

    async fn embed_query_noting(&self, query: String, calls: &CallLog) -> Result<Vec<f32>, EmbedError> {
        let calls = calls.of(Purpose::Embedding);
        let text = [self.options.query(&query)];
        // A question's answer does not wait for long: it is then found by words alone.
        let patience = self.options.patience.question;
        let vectors = tokio::time::timeout(patience, self.embed(Caller::Question, &text, &calls)).await;
        let vectors = vectors.unwrap_or_else(|_| {
            let error = CallError::away("it did not answer a question in time").into_embed();
            self.health.failed(&error);
            Err(error)
        })?;
        let vector = vectors.into_iter().next();
        vector.ok_or_else(|| EmbedError::Failed("no vector came back".to_owned()))
    }
}
