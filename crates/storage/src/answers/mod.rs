//! Answers as they were given. This file writes, reads and forgets them; [`kept`] holds the passages that they were made
//! from, [`log`] lists what was asked.
//!
//! How an answer came about and what it says are words and JSON of the caller's: only ids, counts and times mean something
//! here.

mod gaps;
mod kept;
mod log;

pub use gaps::RefusedQuestion;
pub(crate) use kept::gone_passages;
pub use kept::{KeptPassage, KeptPassages, UsedPassage};
pub use log::{LoggedAnswer, QueryFilter};

use nexus_domain::{
    AnswerId, ApiKeyId, Asker, BotId, ChatUsage, ContentHash, DeliveryId, Feedback, KbId, Timestamp, UserId,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::KEEP_LIKE;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sources::Sources;
use crate::sql::statements;
use crate::types::{At, displayable, hash, int, limit, number, usage, word};

macro_rules! columns {
    () => {
        "id, created_at, user_id, bot_id, api_key_id, delivery_id, found, language, mode, status, reason, model,
         prompt_version, prompt_tokens, completion_tokens, retrieval_micros, generation_micros, verdict, verdict_reason,
         context_hash, question, searched, report, body, trace_id"
    };
}
use columns as answer_columns;

statements! {
    GET = concat!("SELECT ", answer_columns!(), " FROM answers WHERE id = $1");
    KBS = "SELECT kb_id, revision FROM answer_kbs WHERE answer_id = $1 ORDER BY kb_id";
    INSERT = "INSERT INTO answers (id, created_at, user_id, bot_id, api_key_id, delivery_id, found, language, mode, status,
            reason, model, prompt_version, prompt_tokens, completion_tokens, retrieval_micros, generation_micros,
            context_hash, question, searched, report, body, trace_id, context_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
            (SELECT id FROM answer_contexts WHERE id = $24))
        RETURNING context_id";
    SET_CONTEXT = "UPDATE answers SET context_id = $2 WHERE id = $1";
    INSERT_KB = "INSERT INTO answer_kbs (answer_id, kb_id, revision) VALUES ($1, $2, $3)";
    RATE = "UPDATE answers SET verdict = $2, verdict_reason = $3, rated_at = $4 WHERE id = $1";
    RATE_DELIVERY = "UPDATE answers SET verdict = $2, verdict_reason = $3, rated_at = $4 WHERE delivery_id = $1
        RETURNING id";
    // Ids begin with the time of their making, so the oldest stand first.
    OLDEST = "SELECT id, created_at FROM answers ORDER BY id LIMIT $1";
    DELETE = "DELETE FROM answers WHERE id = $1";
}

#[cfg(feature = "testing")]
pub(crate) const ALL_STATEMENTS: [&[&str]; 4] =
    [STATEMENTS, gaps::STATEMENTS, kept::STATEMENTS, log::STATEMENTS];

/// An answer and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerRow {
    pub id: AnswerId,
    pub created_at: Timestamp,
    pub asker: Asker,
    /// The message that gives it.
    pub delivery: Option<DeliveryId>,
    pub question: String,
    /// What was looked for, where that was not the question.
    pub searched: Option<String>,
    pub found: bool,
    pub language: String,
    pub mode: String,
    pub status: String,
    pub reason: Option<String>,
    pub model: Option<String>,
    pub prompt_version: Option<String>,
    pub usage: Option<ChatUsage>,
    pub retrieval_micros: u64,
    pub generation_micros: u64,
    /// Of the passages that it was made from, as a model is given them.
    pub context_hash: ContentHash,
    pub report: String,
    /// What it says; `None` where text that it shows was deleted.
    pub body: Option<String>,
    /// Of the request or message that asked; `None` for answers from before it was kept.
    pub trace_id: Option<String>,
    /// The last word on it.
    pub feedback: Option<Feedback>,
}

/// An answer that is to be kept, with all that it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAnswer {
    pub row: AnswerRow,
    /// The knowledge bases that were asked, and their revisions.
    pub kbs: Vec<(KbId, i64)>,
    /// In their order.
    pub passages: Vec<UsedPassage>,
    /// One that was kept with the same knowledge bases and passages: what it refers to is referred to, where it is there.
    pub repeats: Option<AnswerId>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    created_at: At,
    user_id: Option<Uuid>,
    bot_id: Option<Uuid>,
    api_key_id: Option<Uuid>,
    delivery_id: Option<Uuid>,
    found: bool,
    language: String,
    mode: String,
    status: String,
    reason: Option<String>,
    model: Option<String>,
    prompt_version: Option<String>,
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    retrieval_micros: i64,
    generation_micros: i64,
    verdict: Option<String>,
    verdict_reason: Option<String>,
    context_hash: Vec<u8>,
    question: String,
    searched: Option<String>,
    report: String,
    body: Option<String>,
    trace_id: Option<String>,
}

impl TryFrom<Row> for AnswerRow {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let usage = usage(row.prompt_tokens, row.completion_tokens)?;
        let feedback = match row.verdict {
            Some(verdict) => Some(Feedback {
                verdict: word(&verdict)?,
                reason: row.verdict_reason.as_deref().map(word).transpose()?,
            }),
            None => None,
        };
        Ok(Self {
            id: AnswerId::from_uuid(row.id),
            created_at: row.created_at.0,
            asker: Asker {
                user: row.user_id.map(UserId::from_uuid),
                bot: row.bot_id.map(BotId::from_uuid),
                api_key: row.api_key_id.map(ApiKeyId::from_uuid),
            },
            delivery: row.delivery_id.map(DeliveryId::from_uuid),
            question: row.question,
            searched: row.searched,
            found: row.found,
            language: row.language,
            mode: row.mode,
            status: row.status,
            reason: row.reason,
            model: row.model,
            prompt_version: row.prompt_version,
            usage,
            retrieval_micros: number(row.retrieval_micros, "time of a retrieval")?,
            generation_micros: number(row.generation_micros, "time of a generation")?,
            context_hash: hash(&row.context_hash)?,
            report: row.report,
            body: row.body,
            trace_id: row.trace_id,
            feedback,
        })
    }
}

#[derive(Debug)]
pub struct Answers<C>(pub(crate) C);

impl<C: Connect> Answers<C> {
    pub async fn get(&mut self, id: AnswerId) -> Result<Option<AnswerRow>, StorageError> {
        let row: Option<Row> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// The knowledge bases that were asked, and which revision each had then.
    pub async fn kbs(&mut self, id: AnswerId) -> Result<Vec<(KbId, i64)>, StorageError> {
        let rows: Vec<(Uuid, i64)> = on!(self.0, |c| sqlx::query_as(KBS)
            .bind(id.as_uuid())
            .fetch_all(c)
            .await?);
        let kbs = rows
            .into_iter()
            .map(|(kb, revision)| (KbId::from_uuid(kb), revision));
        Ok(kbs.collect())
    }
}

impl Answers<&mut Tx> {
    /// Keeps an answer and, for all answers together, one copy of each passage. What was deleted since it was read is not
    /// kept, nor what the answer says of it.
    pub async fn insert(&mut self, new: &NewAnswer) -> Result<(), StorageError> {
        let list = self.insert_with_context(new).await.map_err(met_a_deletion)?;
        match list {
            Some(list) => KeptPassages(&mut *self.0).erase_what_is_gone(list).await,
            None => Ok(()),
        }
    }

    /// Which list of passages the answer refers to now, if something in it may be gone.
    async fn insert_with_context(&mut self, new: &NewAnswer) -> Result<Option<Uuid>, StorageError> {
        let id = new.row.id;
        let Some(other) = new.repeats else {
            KeptPassages(&mut *self.0).put(id, &new.passages).await?;
            let list = self.insert_row(&new.row, id).await?;
            self.insert_kbs_and_sources(new).await?;
            return Ok(list);
        };
        let list = self.insert_row(&new.row, other).await?;
        if let Some(list) = list {
            let is_whole = self.keep_like(other, list, new).await?;
            return Ok((!is_whole).then_some(list));
        }
        self.insert_kbs_and_sources(new).await?;
        if new.passages.is_empty() {
            return Ok(None);
        }
        // The other one is not kept yet, never was, or is not any more: whoever is next finds its list all the same.
        KeptPassages(&mut *self.0).put(other, &new.passages).await?;
        on!(self.0, |c| sqlx::query(SET_CONTEXT)
            .bind(id.as_uuid())
            .bind(other.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(Some(other.as_uuid()))
    }

    async fn insert_kbs_and_sources(&mut self, new: &NewAnswer) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for (kb, revision) in &new.kbs {
                sqlx::query(INSERT_KB)
                    .bind(new.row.id.as_uuid())
                    .bind(kb.as_uuid())
                    .bind(revision)
                    .execute(&mut *c)
                    .await?;
            }
        });
        let cited = new.passages.iter().filter(|used| used.is_cited);
        let cited = cited.map(|used| used.passage.chunk.document_id).collect();
        Sources(&mut *self.0).used(new.row.id, &cited).await
    }

    /// Asked the same knowledge bases and cites the same sources as another one; whether all that their list holds is there.
    async fn keep_like(
        &mut self,
        other: AnswerId,
        list: Uuid,
        new: &NewAnswer,
    ) -> Result<bool, StorageError> {
        let keep_like = KEEP_LIKE.on(self.0.kind());
        let (kbs, gone): (i64, i64) = on!(self.0, |c| sqlx::query_as(keep_like)
            .bind(new.row.id.as_uuid())
            .bind(other.as_uuid())
            .bind(list)
            .fetch_one(c)
            .await?);
        // It was forgotten, and its list of passages stays for those that repeat it.
        if kbs == 0 {
            self.insert_kbs_and_sources(new).await?;
        }
        Ok(gone == 0)
    }

    /// Refers to the list of passages that was written for `context`, if there is one; that is given back.
    async fn insert_row(&mut self, new: &AnswerRow, context: AnswerId) -> Result<Option<Uuid>, StorageError> {
        let text = |text: &str| displayable(text, usize::MAX);
        let usage = new.usage;
        Ok(on!(self.0, |c| {
            let insert = sqlx::query_scalar(INSERT)
                .bind(new.id.as_uuid())
                .bind(At(new.created_at))
                .bind(new.asker.user.map(UserId::as_uuid))
                .bind(new.asker.bot.map(BotId::as_uuid))
                .bind(new.asker.api_key.map(ApiKeyId::as_uuid));
            let insert = insert
                .bind(new.delivery.map(DeliveryId::as_uuid))
                .bind(new.found)
                .bind(&new.language)
                .bind(&new.mode)
                .bind(&new.status)
                .bind(&new.reason);
            let insert = insert
                .bind(new.model.as_deref().map(text))
                .bind(&new.prompt_version)
                .bind(usage.map(|usage| i64::from(usage.prompt_tokens)))
                .bind(usage.map(|usage| i64::from(usage.completion_tokens)));
            let insert = insert
                .bind(int(new.retrieval_micros))
                .bind(int(new.generation_micros))
                .bind(new.context_hash.as_bytes().as_slice());
            let insert = insert
                .bind(text(&new.question))
                .bind(new.searched.as_deref().map(text));
            insert
                .bind(&new.report)
                .bind(&new.body)
                .bind(&new.trace_id)
                .bind(context.as_uuid())
                .fetch_one(c)
                .await?
        }))
    }

    /// What the asker thinks of it.
    pub async fn rate(
        &mut self,
        id: AnswerId,
        feedback: Feedback,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let update = sqlx::query(RATE)
                .bind(id.as_uuid())
                .bind(feedback.verdict.as_str())
                .bind(feedback.reason.map(nexus_domain::FeedbackReason::as_str));
            update.bind(At(now)).execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// What is thought of the answer that a message gives; which one that is.
    pub(crate) async fn rate_delivery(
        &mut self,
        delivery: DeliveryId,
        feedback: Feedback,
        now: Timestamp,
    ) -> Result<Option<AnswerId>, StorageError> {
        let id: Option<Uuid> = on!(self.0, |c| {
            let update = sqlx::query_scalar(RATE_DELIVERY)
                .bind(delivery.as_uuid())
                .bind(feedback.verdict.as_str())
                .bind(feedback.reason.map(nexus_domain::FeedbackReason::as_str));
            update.bind(At(now)).fetch_optional(c).await?
        });
        Ok(id.map(AnswerId::from_uuid))
    }

    /// Forgets some of the answers that are older, and the passages that nothing else was made from. How many it were.
    pub async fn delete_before(&mut self, at: Timestamp, rows: usize) -> Result<u64, StorageError> {
        self.deleted_before(at, rows).await.map_err(met_a_deletion)
    }

    async fn deleted_before(&mut self, at: Timestamp, rows: usize) -> Result<u64, StorageError> {
        let oldest: Vec<(Uuid, At)> = on!(self.0, |c| sqlx::query_as(OLDEST)
            .bind(limit(rows))
            .fetch_all(c)
            .await?);
        let old = oldest.into_iter().filter(|(_, made)| made.0 < at);
        let old: Vec<_> = old.map(|(id, _)| AnswerId::from_uuid(id)).collect();
        let used = KeptPassages(&mut *self.0).used_by(&old).await?;
        on!(self.0, |c| {
            for id in &old {
                sqlx::query(DELETE).bind(id.as_uuid()).execute(&mut *c).await?;
            }
        });
        KeptPassages(&mut *self.0).delete_unused(&used).await?;
        Ok(old.len() as u64)
    }
}

/// One was about to refer to what another one forgot at this very moment, as nothing referred to it: whoever tries again finds
/// the one or the other.
fn met_a_deletion(error: StorageError) -> StorageError {
    match error {
        StorageError::ReferenceViolation(cause) => StorageError::Unavailable(cause),
        error => error,
    }
}
