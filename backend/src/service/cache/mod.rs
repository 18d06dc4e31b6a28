//! The cache of answers (`docs/adr/0019-answers-are-cached-by-what-they-rest-on.md`), in two tiers: whole answers, known by the
//! question, every setting on its way, the knowledge bases that the caller sees and the state of their rows; and texts of chat
//! models, known by every word that the model was given. Both lie in this process and, where there is one, in a Redis for all
//! processes. A cache never decides anything: rights are read before it is asked, and what it lacks is made anew.

mod entry;
mod memory;
mod shared;
mod texts;

use std::sync::Arc;
use std::time::Duration;

use nexus_auth::KeyRing;
use nexus_domain::{Clock, Condition, ContentHash, KbId};
use nexus_rag::{Answer, Answering, KeptAnswer, KeptTexts, Question, RankedPassage};
use nexus_storage::{Db, KbStamp, StorageError};
use tokio_util::sync::CancellationToken;

use super::answers::KeptAs;
use crate::metrics::Metrics;
use entry::{Content, Entry, contents};
use memory::Memory;
use shared::Shared;
pub use shared::SharedOptions;
use texts::Texts;

/// How often a process looks for what its cache holds of texts that are deleted.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// Part of every key: another program may judge and cut otherwise.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How much is kept, how long, and where.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// Of both tiers in this process.
    pub bytes: u64,
    /// Zero: nothing is kept anywhere.
    pub life: Duration,
    pub shared: Option<SharedOptions>,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct AnswerCache {
    db: Db,
    /// `None`: it is turned off.
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    memory: Memory,
    shared: Option<Shared>,
    metrics: Metrics,
}

/// A question that the cache had no answer to: under which key its answer may be kept, and what that was made from.
#[derive(Debug)]
pub struct Ticket {
    key: ContentHash,
    stamps: Vec<KbStamp>,
    answering: Answering,
    question: Question,
    pub(super) kept_as: KeptAs,
}

/// What the cache says to a question.
#[derive(Debug)]
pub enum Looked {
    /// It was answered, and nothing has changed since.
    Known(Arc<Entry<KeptAnswer>>),
    Unknown(Box<Ticket>),
    /// There is no cache, or it cannot be told what it would rest on.
    Off,
}

impl AnswerCache {
    pub fn open(
        db: Db,
        keys: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        options: CacheOptions,
    ) -> anyhow::Result<Self> {
        if options.life.is_zero() {
            return Ok(Self { db, inner: None });
        }
        let shared = options
            .shared
            .map(|shared| Shared::open(&shared, options.life, keys, clock));
        let inner = Inner {
            db: db.clone(),
            memory: Memory::new(options.bytes, options.life),
            shared: shared.transpose()?,
            metrics,
        };
        Ok(Self {
            db,
            inner: Some(Arc::new(inner)),
        })
    }

    /// Tries the shared part once, so that its condition is known and said from the start. Takes no longer than a question
    /// would wait for it, and one that is away stops nobody.
    pub async fn greet(&self) {
        if let Some(shared) = self.inner.as_ref().and_then(|inner| inner.shared.as_ref()) {
            shared.greet().await;
        }
    }

    /// The state of the knowledge bases that are asked, read before anything is searched.
    pub(super) async fn stamps(&self, kbs: &[KbId]) -> Result<Vec<KbStamp>, StorageError> {
        self.db.cached().stamps(kbs).await
    }

    /// The answer to a question in this state, if it was given before.
    pub(super) async fn look(
        &self,
        answering: &Answering,
        question: &Question,
        stamps: &[KbStamp],
    ) -> Looked {
        let Some(inner) = &self.inner else {
            return Looked::Off;
        };
        let Some(key) = key(answering, question, stamps).await else {
            return Looked::Off;
        };
        match inner.answer(&key, stamps).await {
            Some(known) => Looked::Known(known),
            None => Looked::Unknown(Box::new(Ticket {
                key,
                stamps: stamps.to_vec(),
                answering: answering.clone(),
                question: question.clone(),
                kept_as: KeptAs::default(),
            })),
        }
    }

    /// Whether a question has an answer here: all that a look costs, and no more.
    pub async fn holds(&self, answering: &Answering, question: &Question) -> bool {
        let kbs: Vec<KbId> = question.filter.kbs().collect();
        match self.stamps(&kbs).await {
            Ok(stamps) => matches!(self.look(answering, question, &stamps).await, Looked::Known(_)),
            Err(_) => false,
        }
    }

    /// What chat models wrote before, for an answer that is made now.
    pub(super) fn texts(&self, ticket: &Ticket) -> Option<Arc<dyn KeptTexts>> {
        let inner = Arc::clone(self.inner.as_ref()?);
        Some(Arc::new(Texts::new(inner, &ticket.stamps)))
    }

    /// Keeps an answer if it is certain which state of the rows it was made from: nothing has moved while it was made.
    pub(super) async fn keep(&self, ticket: &Ticket, hits: &[RankedPassage], answer: &Answer) {
        let Some(inner) = &self.inner else { return };
        if ticket.stamps.iter().any(|stamp| stamp.moving) {
            return;
        }
        let Some(kept) = KeptAnswer::of(&ticket.answering, hits, answer) else {
            return;
        };
        if key(&ticket.answering, &ticket.question, &ticket.stamps).await != Some(ticket.key) {
            return;
        }
        let contents = contents(kept.passages());
        let entry = Entry::new(kept, contents, &ticket.stamps).kept_as(ticket.kept_as.clone());
        if !inner.is_unmoved(&ticket.stamps).await {
            return;
        }
        if let Some(shared) = &inner.shared {
            let confirmed = async || inner.is_unmoved(&ticket.stamps).await;
            shared.put(shared::ANSWERS, ticket.key, &entry, confirmed).await;
        }
        inner.memory.put_answer(ticket.key, entry);
    }

    /// Forgets what was made from these texts where all processes see it; each looks after itself.
    pub async fn forget(&self, contents: &[Content]) {
        if let Some(shared) = self.inner.as_ref().and_then(|inner| inner.shared.as_ref()) {
            shared.forget_contents(contents).await;
        }
    }

    /// The same for all of a knowledge base.
    pub async fn forget_kb(&self, kb: KbId) {
        if let Some(shared) = self.inner.as_ref().and_then(|inner| inner.shared.as_ref()) {
            shared.forget_kb(kb).await;
        }
    }

    /// Forgets in this process what rests on texts that are no more, and asks a shared part that was away whether it is back, to
    /// tell it what it could not be told before.
    pub async fn tidy(&self) -> Result<(), StorageError> {
        let Some(inner) = &self.inner else {
            return Ok(());
        };
        if let Some(shared) = &inner.shared {
            shared.try_again().await;
        }
        inner.memory.tidy(&inner.db).await
    }

    /// Tidies up now and then, until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        if self.inner.is_none() {
            return;
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TIDY_EVERY) => {}
            }
            if let Err(error) = self.tidy().await {
                tracing::warn!(%error, "the cache of answers could not be tidied up; it is tried again");
            }
        }
    }

    /// How many answers and how many texts of chat models this process holds.
    pub fn sizes(&self) -> (usize, usize) {
        self.inner.as_ref().map_or((0, 0), |inner| inner.memory.sizes())
    }

    /// How the shared part does, by what became of the last request; `None` where there is none.
    pub fn shared_condition(&self) -> Option<Condition> {
        let inner = self.inner.as_ref()?;
        inner.shared.as_ref().map(Shared::condition)
    }
}

impl Inner {
    async fn answer(&self, key: &ContentHash, stamps: &[KbStamp]) -> Option<Arc<Entry<KeptAnswer>>> {
        let known = match self.memory.answer(key) {
            Some(known) => Some(known),
            None => match &self.shared {
                Some(shared) => {
                    let found = shared.get::<KeptAnswer>(shared::ANSWERS, key, stamps).await;
                    found.map(|found| self.memory.put_answer(*key, found))
                }
                None => None,
            },
        };
        self.metrics.cached("answer", known.is_some());
        known
    }

    /// Whether the rows are as they were.
    async fn is_unmoved(&self, stamps: &[KbStamp]) -> bool {
        let kbs: Vec<KbId> = stamps.iter().map(|stamp| stamp.kb).collect();
        match self.db.cached().stamps(&kbs).await {
            Ok(now) => now == stamps,
            Err(error) => {
                tracing::warn!(%error, "an answer is not cached: the state of the rows is not known");
                false
            }
        }
    }
}

/// What a question is known by in this state of the rows. `None`: which vectors answer is not known.
async fn key(answering: &Answering, question: &Question, stamps: &[KbStamp]) -> Option<ContentHash> {
    let side = answering.retriever.dense.side().await.ok()?;
    let dense = side.map(|side| format!("{:?} {}", side.collection, side.embedder.info().model));
    let kbs = stamps.iter().map(|stamp| {
        format!(
            "{} {} {:?} {:?}",
            stamp.kb, stamp.revision, stamp.updated_at, stamp.calibrated_at
        )
    });
    let parts: Vec<String> = [VERSION.to_owned(), format!("{dense:?}")]
        .into_iter()
        .chain(answering.identity_of(question))
        .chain(kbs)
        .collect();
    Some(ContentHash::of_parts(parts.iter().map(String::as_bytes)))
}
