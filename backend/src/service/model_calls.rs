//! Calls of chat models: noted while a question is answered, priced, and kept once each, with the answer where that is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nexus_domain::{
    Access, Amount, AnswerId, Asker, CallLog, CallOutcome, ChatUsage, Clock, Cost, Currency, ModelCall,
    ModelCallId, NotedCall, Prices, Role, Scope, Timestamp,
};
use nexus_storage::{CallFilter, CallGroup, CallTotals, Db, StorageError, Tx};
use tokio_util::task::TaskTracker;

use super::ServiceError;
use crate::metrics::Metrics;

/// Groups that are told at once.
pub const MAX_GROUPS: usize = 1_000;
/// Time for what is still to be kept when the process ends.
const LAST_ROWS: Duration = Duration::from_secs(5);

/// What models cost, as the settings say.
#[derive(Clone, Debug)]
pub struct PriceList {
    pub currency: Currency,
    /// Provider, model, and what it takes.
    pub prices: Vec<(String, String, Prices)>,
}

impl PriceList {
    fn of(&self, provider: &str, model: &str) -> Option<Prices> {
        let mut named = self
            .prices
            .iter()
            .filter(|(of, name, _)| of == provider && name == model);
        named.next().map(|(.., prices)| *prices)
    }

    /// The most that so many tokens may cost; `None` where no model has a price.
    pub fn most(&self, usage: ChatUsage) -> Option<u64> {
        self.prices.iter().map(|(.., prices)| prices.of(usage)).max()
    }
}

#[derive(Clone, Debug)]
pub struct ModelCalls {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub prices: Arc<PriceList>,
    pub metrics: Metrics,
    /// Calls that are kept while nobody waits for them.
    pub left: TaskTracker,
}

/// The calls for one question. Those that nobody has kept when it is dropped are kept then: what was spent is known even where
/// the asker has gone.
#[derive(Clone, Debug)]
pub struct Calls(Arc<Open>);

#[derive(Debug)]
struct Open {
    service: ModelCalls,
    asker: Asker,
    log: CallLog,
    began: Instant,
    began_at: Timestamp,
    /// Set once, when nothing more is called.
    rows: OnceLock<Vec<ModelCall>>,
    /// Whether each of them is priced or was for nothing.
    complete: OnceLock<bool>,
    kept: AtomicBool,
}

/// What calls took, for those who count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// `None`: some of it is not known.
    pub tokens: Option<u64>,
    /// Of models that have a price; `None`: some of it is not known.
    pub cost_micros: Option<u64>,
}

impl ModelCalls {
    /// A list for what is called from now on.
    pub fn open(&self, asker: Asker) -> Calls {
        Calls(Arc::new(Open {
            asker,
            log: CallLog::default(),
            began: Instant::now(),
            began_at: self.clock.now(),
            rows: OnceLock::new(),
            complete: OnceLock::new(),
            kept: AtomicBool::new(false),
            service: self.clone(),
        }))
    }

    /// Newest first, older than `before`.
    pub async fn list(
        &self,
        access: &Access,
        filter: &CallFilter,
        before: Option<ModelCallId>,
        limit: usize,
    ) -> Result<Vec<ModelCall>, ServiceError> {
        access.require(Role::Admin, Scope::Logs)?;
        Ok(self.db.model_calls().list(filter, before, limit).await?)
    }

    pub async fn totals(
        &self,
        access: &Access,
        filter: &CallFilter,
        by: Option<CallGroup>,
    ) -> Result<Vec<CallTotals>, ServiceError> {
        access.require(Role::Admin, Scope::Logs)?;
        let mut totals = self.db.model_calls().totals(filter, by, MAX_GROUPS).await?;
        // The two databases put what is absent in different places.
        totals.sort_by(|one, other| {
            let key = |it: &CallTotals| (it.day, it.cost_micros, it.calls, it.prompt_tokens);
            key(other).cmp(&key(one))
        });
        Ok(totals)
    }

    /// Waits until what was left is kept, before the database closes.
    pub async fn finish(&self) {
        self.left.close();
        if tokio::time::timeout(LAST_ROWS, self.left.wait()).await.is_err() {
            let questions = self.left.len();
            tracing::error!(
                questions,
                "calls of chat models were not kept: the end came first"
            );
        }
    }

    async fn insert(&self, rows: &[ModelCall]) -> Result<(), StorageError> {
        let mut tx = self.db.begin().await?;
        tx.model_calls().insert(rows).await?;
        tx.commit().await
    }
}

impl Calls {
    /// Where calls are noted.
    pub fn log(&self) -> &CallLog {
        &self.0.log
    }

    /// What the calls cost. Nothing more is called after this.
    pub fn cost(&self) -> Option<Cost> {
        let rows = self.0.rows();
        let priced = rows.iter().filter_map(|row| row.price);
        let micros = priced.reduce(|one, other| Amount {
            micros: one.micros.saturating_add(other.micros),
            ..one
        });
        micros.map(|amount| Cost {
            amount,
            complete: self.0.is_complete(),
        })
    }

    /// What is to be counted of it. Nothing more is called after this.
    pub fn spent(&self) -> Spent {
        let rows = self.0.rows();
        let noted = self.0.log.noted();
        let prices = &self.0.service.prices;
        let mut spent = Spent {
            tokens: Some(0),
            cost_micros: Some(0),
        };
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            *sum = sum.zip(more).map(|(sum, more)| sum.saturating_add(more));
        };
        for (row, call) in rows.iter().zip(&noted) {
            if row.usage.is_none() && !may_cost(call) {
                continue;
            }
            add(&mut spent.tokens, row.usage.map(ChatUsage::tokens));
            if prices.of(&row.provider, &row.model).is_some() {
                add(&mut spent.cost_micros, row.price.map(|price| price.micros));
            }
        }
        spent
    }

    /// Keeps the calls in the transaction that keeps what they were made for; [`Self::are_kept`] is said when that has ended.
    pub async fn keep_in(&self, tx: &mut Tx, answer: Option<AnswerId>) -> Result<(), StorageError> {
        let rows = self.0.rows().iter().cloned();
        let rows: Vec<_> = rows.map(|row| ModelCall { answer, ..row }).collect();
        tx.model_calls().insert(&rows).await
    }

    pub fn are_kept(&self) {
        self.0.kept.store(true, Ordering::Relaxed);
    }

    /// Keeps the calls by themselves. Where that fails, or nobody waits for it, it is tried again at the end: rows have their ids,
    /// and none is written twice.
    pub async fn keep(&self) {
        if self.0.kept.load(Ordering::Relaxed) || self.0.rows().is_empty() {
            return;
        }
        match self.0.service.insert(self.0.rows()).await {
            Ok(()) => self.are_kept(),
            Err(error) => {
                tracing::warn!(%error, calls = self.0.rows().len(), "calls of chat models are not kept yet");
            }
        }
    }
}

impl Open {
    fn rows(&self) -> &[ModelCall] {
        self.rows.get_or_init(|| {
            let noted = self.log.noted();
            let rows: Vec<_> = noted.iter().map(|call| self.row(call)).collect();
            for row in &rows {
                self.service.metrics.model_call(row);
            }
            rows
        })
    }

    fn row(&self, call: &NotedCall) -> ModelCall {
        let service = &self.service;
        let (outcome, took) = call.ended.unwrap_or((CallOutcome::Cut, call.began_at.elapsed()));
        let created_at = self
            .began_at
            .plus(call.began_at.saturating_duration_since(self.began));
        let prices = service.prices.of(&call.provider, &call.model);
        ModelCall {
            id: ModelCallId::new(created_at),
            created_at,
            purpose: call.purpose,
            model: call.model.clone(),
            provider: call.provider.clone(),
            asker: self.asker,
            answer: None,
            usage: call.usage,
            micros: micros(took),
            outcome,
            price: prices.zip(call.usage).map(|(prices, usage)| Amount {
                micros: prices.of(usage),
                currency: service.prices.currency,
            }),
        }
    }

    fn is_complete(&self) -> bool {
        *self.complete.get_or_init(|| {
            let noted = self.log.noted();
            let mut all = self.rows().iter().zip(&noted);
            all.all(|(row, call)| row.price.is_some() || row.usage.is_none() && !may_cost(call))
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) || self.rows().is_empty() {
            return;
        }
        let (service, rows) = (self.service.clone(), self.rows.take().unwrap_or_default());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let left = service.left.clone();
                let keeping = async move {
                    if let Err(error) = service.insert(&rows).await {
                        tracing::error!(%error, calls = rows.len(), "calls of chat models could not be kept");
                    }
                };
                left.spawn_on(keeping, &runtime);
            }
            Err(_) => tracing::error!(
                calls = rows.len(),
                "calls of chat models were not kept: the end came first"
            ),
        }
    }
}

/// Whether a call whose tokens nobody told may have taken some: it had begun, or was given up before anybody could know.
fn may_cost(call: &NotedCall) -> bool {
    call.began || !matches!(call.ended, Some((CallOutcome::Failed, _)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
