//! Calls of models at their providers: written once each, listed, added up, and forgotten when they are old.

use std::time::Duration;

use nexus_domain::{
    Amount, AnswerId, ApiKeyId, Asker, BotId, CallOutcome, Currency, KbId, ModelCall, ModelCallId, Purpose,
    Timestamp, UserId, quota,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{At, displayable, int, limit, number, usage, word};

/// Longest name of a model or a provider that is stored, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// No call is older (1970) or newer (the year 9999): bounds for those who name none, so that every time is looked up.
const FIRST: Timestamp = Timestamp::from_micros(0);
const LAST: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

macro_rules! columns {
    () => {
        "id, created_at, purpose, model, provider, user_id, bot_id, api_key_id, answer_id, kb_id, \
         requests, prompt_tokens, completion_tokens, micros, outcome, cost_micros, currency"
    };
}

macro_rules! matching {
    () => {
        "(user_id = $1 OR $1 IS NULL) AND (bot_id = $2 OR $2 IS NULL) AND (model = $3 OR $3 IS NULL)
            AND (purpose = $4 OR $4 IS NULL) AND created_at >= $5 AND created_at <= $6"
    };
}

statements! {
    // Whoever is not sure whether a call was written writes it again.
    INSERT = concat!("INSERT INTO model_calls (", columns!(), ", day)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (id) DO NOTHING");
    // Nothing is of a time after $7: what is left out is the call $8, and those of its time that stand before it.
    LIST = concat!("SELECT ", columns!(), " FROM model_calls WHERE ", matching!(), " AND NOT (created_at = $7 AND id >= $8)
        ORDER BY created_at DESC, id DESC LIMIT $9");
    BEGAN = "SELECT created_at FROM model_calls WHERE id = $1";
    TOTALS = concat!("SELECT CASE WHEN $7 THEN day END AS day, CASE WHEN $8 THEN model END AS model,
            CASE WHEN $9 THEN bot_id END AS bot_id, CASE WHEN $10 THEN user_id END AS user_id,
            CASE WHEN $11 THEN purpose END AS purpose, currency, CAST(SUM(requests) AS BIGINT) AS calls,
            CAST(SUM(CASE WHEN outcome = 'ok' THEN 0 ELSE requests END) AS BIGINT) AS not_ok,
            CAST(SUM(CASE WHEN prompt_tokens IS NULL THEN requests ELSE 0 END) AS BIGINT) AS untold,
            CAST(SUM(CASE WHEN cost_micros IS NULL THEN requests ELSE 0 END) AS BIGINT) AS unpriced,
            CAST(COALESCE(SUM(prompt_tokens), 0) AS BIGINT) AS prompt_tokens,
            CAST(COALESCE(SUM(completion_tokens), 0) AS BIGINT) AS completion_tokens,
            CAST(COALESCE(SUM(cost_micros), 0) AS BIGINT) AS cost_micros
        FROM model_calls WHERE ", matching!(), " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY SUM(requests) DESC LIMIT $12");
    OLDEST = "SELECT id, created_at FROM model_calls ORDER BY id LIMIT $1";
    DELETE = "DELETE FROM model_calls WHERE id = $1";
}

/// Which calls are meant; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    pub user: Option<UserId>,
    pub bot: Option<BotId>,
    pub model: Option<String>,
    pub purpose: Option<Purpose>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl CallFilter {
    /// The first and the last instant that are meant.
    fn times(&self) -> (Timestamp, Timestamp) {
        let last = self
            .until
            .map_or(LAST, |until| until.minus(Duration::from_micros(1)));
        (self.from.unwrap_or(FIRST), last)
    }
}

/// What calls are added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallGroup {
    /// Days of UTC.
    Day,
    Model,
    Bot,
    User,
    Purpose,
}

/// Calls of one group and one currency together. Of what they are grouped by, only that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTotals {
    /// [`quota::utc_day`].
    pub day: Option<i32>,
    pub model: Option<String>,
    pub bot: Option<BotId>,
    pub user: Option<UserId>,
    pub purpose: Option<Purpose>,
    pub currency: Option<Currency>,
    pub calls: u64,
    /// Of them, that failed or were cut.
    pub not_ok: u64,
    /// Of them, whose tokens are not known.
    pub untold: u64,
    /// Of them, whose price is not known.
    pub unpriced: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub cost_micros: u64,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    created_at: At,
    purpose: String,
    model: String,
    provider: String,
    user_id: Option<Uuid>,
    bot_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    answer_id: Option<Uuid>,
    kb_id: Option<Uuid>,
    requests: i64,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    micros: i64,
    outcome: String,
    cost_micros: Option<i64>,
    currency: Option<String>,
}

impl TryFrom<Row> for ModelCall {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let usage = usage(row.prompt_tokens, row.completion_tokens)?;
        let price = match (row.cost_micros, row.currency) {
            (Some(micros), Some(currency)) => Some(Amount {
                micros: number(micros, "price of a call")?,
                currency: word(&currency)?,
            }),
            _ => None,
        };
        Ok(Self {
            id: ModelCallId::from_uuid(row.id),
            created_at: row.created_at.0,
            purpose: word(&row.purpose)?,
            model: row.model,
            provider: row.provider,
            asker: Asker {
                user: row.user_id.map(UserId::from_uuid),
                bot: row.bot_id.map(BotId::from_uuid),
                api_key: row.api_key_id.map(ApiKeyId::from_uuid),
            },
            kb: row.kb_id.map(KbId::from_uuid),
            requests: number(row.requests, "requests of a call")?,
            answer: row.answer_id.map(AnswerId::from_uuid),
            usage,
            micros: number(row.micros, "time of a call")?,
            outcome: word::<CallOutcome>(&row.outcome)?,
            price,
        })
    }
}

#[derive(FromRow)]
struct TotalsRow {
    day: Option<i64>,
    model: Option<String>,
    bot_id: Option<Uuid>,
    user_id: Option<Uuid>,
    purpose: Option<String>,
    currency: Option<String>,
    calls: i64,
    not_ok: i64,
    untold: i64,
    unpriced: i64,
    prompt_tokens: i64,
    completion_tokens: i64,
    cost_micros: i64,
}

impl TryFrom<TotalsRow> for CallTotals {
    type Error = StorageError;

    fn try_from(row: TotalsRow) -> Result<Self, StorageError> {
        let sum = |value| number(value, "sum of calls");
        Ok(Self {
            day: row.day.map(|day| number(day, "day of calls")).transpose()?,
            model: row.model,
            bot: row.bot_id.map(BotId::from_uuid),
            user: row.user_id.map(UserId::from_uuid),
            purpose: row.purpose.as_deref().map(word).transpose()?,
            currency: row.currency.as_deref().map(word).transpose()?,
            calls: sum(row.calls)?,
            not_ok: sum(row.not_ok)?,
            untold: sum(row.untold)?,
            unpriced: sum(row.unpriced)?,
            prompt_tokens: sum(row.prompt_tokens)?,
            completion_tokens: sum(row.completion_tokens)?,
            cost_micros: sum(row.cost_micros)?,
        })
    }
}

#[derive(Debug)]
pub struct ModelCalls<C>(pub(crate) C);

impl<C: Connect> ModelCalls<C> {
    /// Newest first, before the call `before`.
    pub async fn list(
        &mut self,
        filter: &CallFilter,
        before: Option<ModelCallId>,
        rows: usize,
    ) -> Result<Vec<ModelCall>, StorageError> {
        let (from, last) = filter.times();
        // No call has this time: without a call to begin behind, none is left out.
        let mut after = (LAST.plus(Duration::from_secs(1)), Uuid::nil());
        if let Some(before) = before {
            let began: Option<(At,)> = on!(self.0, |c| sqlx::query_as(BEGAN)
                .bind(before.as_uuid())
                .fetch_optional(c)
                .await?);
            let Some((began,)) = began else {
                // What was forgotten was the oldest there was.
                return Ok(Vec::new());
            };
            after = (began.0, before.as_uuid());
        }
        let last = last.min(after.0);
        let rows: Vec<Row> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST)
                .bind(filter.user.map(UserId::as_uuid))
                .bind(filter.bot.map(BotId::as_uuid))
                .bind(filter.model.as_deref())
                .bind(filter.purpose.map(Purpose::as_str));
            let select = select.bind(At(from)).bind(At(last));
            let select = select.bind(At(after.0)).bind(after.1);
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Added up by one thing, or all together, and by currency; the groups of most calls, at most `rows`.
    pub async fn totals(
        &mut self,
        filter: &CallFilter,
        by: Option<CallGroup>,
        rows: usize,
    ) -> Result<Vec<CallTotals>, StorageError> {
        let (from, last) = filter.times();
        let rows: Vec<TotalsRow> = on!(self.0, |c| {
            let select = sqlx::query_as(TOTALS)
                .bind(filter.user.map(UserId::as_uuid))
                .bind(filter.bot.map(BotId::as_uuid))
                .bind(filter.model.as_deref())
                .bind(filter.purpose.map(Purpose::as_str));
            let select = select.bind(At(from)).bind(At(last));
            let select = select
                .bind(by == Some(CallGroup::Day))
                .bind(by == Some(CallGroup::Model))
                .bind(by == Some(CallGroup::Bot));
            let select = select
                .bind(by == Some(CallGroup::User))
                .bind(by == Some(CallGroup::Purpose));
            select.bind(limit(rows)).fetch_all(c).await?
        });
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl ModelCalls<&mut Tx> {
    /// Keeps calls; those that are kept already stay as they are.
    pub async fn insert(&mut self, calls: &[ModelCall]) -> Result<(), StorageError> {
        let name = |text: &str| displayable(text, MAX_NAME_BYTES);
        on!(self.0, |c| {
            for call in calls {
                let insert = sqlx::query(INSERT)
                    .bind(call.id.as_uuid())
                    .bind(At(call.created_at))
                    .bind(call.purpose.as_str())
                    .bind(name(&call.model))
                    .bind(name(&call.provider));
                let insert = insert
                    .bind(call.asker.user.map(UserId::as_uuid))
                    .bind(call.asker.bot.map(BotId::as_uuid))
                    .bind(call.asker.api_key.map(ApiKeyId::as_uuid))
                    .bind(call.answer.map(AnswerId::as_uuid))
                    .bind(call.kb.map(KbId::as_uuid))
                    .bind(int(call.requests));
                let insert = insert
                    .bind(call.usage.map(|usage| i64::from(usage.prompt_tokens)))
                    .bind(call.usage.map(|usage| i64::from(usage.completion_tokens)))
                    .bind(int(call.micros))
                    .bind(call.outcome.as_str());
                let insert = insert
                    .bind(call.price.map(|price| int(price.micros)))
                    .bind(call.price.map(|price| price.currency.to_string()))
                    .bind(i64::from(quota::utc_day(call.created_at)));
                insert.execute(&mut *c).await?;
            }
        });
        Ok(())
    }

    /// Forgets some of the calls that are older. How many it were.
    pub async fn delete_before(&mut self, at: Timestamp, rows: usize) -> Result<u64, StorageError> {
        let oldest: Vec<(Uuid, At)> = on!(self.0, |c| sqlx::query_as(OLDEST)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        let old: Vec<_> = oldest.into_iter().filter(|(_, made)| made.0 < at).collect();
        on!(self.0, |c| {
            for (id, _) in &old {
                sqlx::query(DELETE).bind(id).execute(&mut *c).await?;
            }
        });
        Ok(old.len() as u64)
    }
}
