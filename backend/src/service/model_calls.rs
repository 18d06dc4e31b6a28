//! Calls of models at their providers: noted while a question is answered or a knowledge base is fed, priced, and kept once
//! each, with the answer where that is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use nexus_domain::{
    Access, Amount, AnswerId, Asker, CallLog, CallOutcome, ChatUsage, Clock, Cost, KbId, ModelCall,
    ModelCallId, NotedCall, Purpose, Role, Scope, Timestamp,
};
use nexus_storage::{CallFilter, CallGroup, CallTotals, Db, StorageError, Tx};
use tokio_util::task::TaskTracker;

use super::{PriceList, ServiceError};
use crate::metrics::Metrics;

/// Groups that are told at once.
pub const MAX_GROUPS: usize = 1_000;
/// Time for what is still to be kept when the process ends.
const LAST_ROWS: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct ModelCalls {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub prices: Arc<PriceList>,
    pub metrics: Metrics,
    /// Calls that are kept while nobody waits for them.
    pub left: TaskTracker,
}

/// The calls for one question, or of a while in which a knowledge base is fed. Those that nobody has kept when it is dropped
/// are kept then: what was spent is known even where the asker has gone.
#[derive(Clone, Debug)]
pub struct Calls(Arc<Open>);

#[derive(Debug)]
struct Open {
    service: ModelCalls,
    asker: Asker,
    /// The knowledge base that is fed; its calls are summed up.
    fed: Option<KbId>,
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
        self.opened(asker, None)
    }

    /// The same for calls that feed a knowledge base: of those that end alike, one row is kept.
    pub fn open_feeding(&self, kb: KbId) -> Calls {
        self.opened(Asker::default(), Some(kb))
    }

    fn opened(&self, asker: Asker, fed: Option<KbId>) -> Calls {
        Calls(Arc::new(Open {
            asker,
            fed,
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
            tracing::error!(questions, "calls of models were not kept: the end came first");
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

    /// How long ago the list was opened.
    pub fn age(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// What is to be counted of it. Nothing more is called after this. Limits in tokens are those of chat models.
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
            if call.purpose != Purpose::Embedding {
                add(&mut spent.tokens, row.usage.map(ChatUsage::tokens));
            }
            if let Some(prices) = prices.of(row.purpose, &row.provider, &row.model) {
                let told = row.price.map(|price| price.micros);
                // A vector is cheap: one that nobody told the tokens of does not leave a whole answer counted.
                let estimated = call.estimate.map(|usage| prices.of(usage));
                add(&mut spent.cost_micros, told.or(estimated));
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
                tracing::warn!(%error, calls = self.0.rows().len(), "calls of models are not kept yet");
            }
        }
    }
}

impl Open {
    fn rows(&self) -> &[ModelCall] {
        self.rows.get_or_init(|| {
            let noted = self.log.noted();
            let rows = noted.iter().map(|call| self.row(call));
            let rows = match self.fed {
                Some(_) => summed(rows),
                None => rows.collect(),
            };
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
        let prices = service.prices.of(call.purpose, &call.provider, &call.model);
        ModelCall {
            id: ModelCallId::new(created_at),
            created_at,
            purpose: call.purpose,
            model: call.model.clone(),
            provider: call.provider.clone(),
            asker: self.asker,
            kb: self.fed,
            requests: 1,
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
                        tracing::error!(%error, calls = rows.len(), "calls of models could not be kept");
                    }
                };
                left.spawn_on(keeping, &runtime);
            }
            Err(_) => tracing::error!(
                calls = rows.len(),
                "calls of models were not kept: the end came first"
            ),
        }
    }
}

/// One row for calls of one model that ended alike; of some the tokens are known, of others not. A sum is priced as the sum of
/// its calls.
fn summed(calls: impl Iterator<Item = ModelCall>) -> Vec<ModelCall> {
    let mut rows: Vec<ModelCall> = Vec::new();
    for call in calls {
        let is_like = |row: &&mut ModelCall| {
            (&row.provider, &row.model, row.purpose, row.outcome)
                == (&call.provider, &call.model, call.purpose, call.outcome)
                && row.usage.is_some() == call.usage.is_some()
        };
        let Some(row) = rows.iter_mut().find(is_like) else {
            rows.push(call);
            continue;
        };
        row.requests += call.requests;
        row.micros = row.micros.saturating_add(call.micros);
        row.usage = row.usage.zip(call.usage).map(|(sum, usage)| sum.plus(usage));
        row.price = row.price.zip(call.price).map(|(sum, price)| Amount {
            micros: sum.micros.saturating_add(price.micros),
            ..sum
        });
    }
    rows
}

/// Whether a call whose tokens nobody told may have taken some: it had begun, or was given up before anybody could know.
fn may_cost(call: &NotedCall) -> bool {
    call.began || !matches!(call.ended, Some((CallOutcome::Failed, _)))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use nexus_domain::Currency;

    use super::*;

    #[test]
    fn calls_that_ended_alike_are_summed_up_and_what_is_not_known_stands_for_itself() {
        let at = Timestamp::from_micros(0);
        let currency: Currency = "USD".parse().unwrap();
        let call = |outcome, tokens: Option<u32>| ModelCall {
            id: ModelCallId::new(at),
            created_at: at,
            purpose: Purpose::Embedding,
            model: "m".to_owned(),
            provider: "p".to_owned(),
            asker: Asker::default(),
            kb: None,
            requests: 1,
            answer: None,
            usage: tokens.map(|prompt_tokens| ChatUsage {
                prompt_tokens,
                completion_tokens: 0,
            }),
            micros: 10,
            outcome,
            price: tokens.map(|tokens| Amount {
                micros: u64::from(tokens) * 2,
                currency,
            }),
        };
        let (ok, failed) = (CallOutcome::Ok, CallOutcome::Failed);
        let calls = [
            call(failed, None),
            call(ok, Some(3)),
            call(ok, None),
            call(ok, Some(4)),
            call(failed, None),
        ];
        let rows = summed(calls.into_iter());
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                let tokens = row.usage.map(ChatUsage::tokens);
                let price = row.price.map(|price| price.micros);
                (row.outcome, row.requests, row.micros, tokens, price)
            })
            .collect();
        assert_eq!(
            told,
            [
                (failed, 2, 20, None, None),
                (ok, 2, 20, Some(7), Some(14)),
                (ok, 1, 10, None, None),
            ]
        );
    }
}
