//! Questions that were refused and stand until a knowledge base holds an answer. A look at one is fenced by a lease: what was
//! asked again, forgotten or taken over meanwhile is not told of by it.

use std::collections::HashSet;
use std::time::Duration;

use nexus_domain::{
    AnswerId, BotId, ChatId, ContentHash, DeliveryId, KbId, LeaseToken, StandingQuestion, StandingQuestionId,
    StandingState, Timestamp, UserId,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::CLAIM_STANDING_QUESTION;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, displayable, from_json, hash, int, limit, number, to_json, word};

/// Rows that one person's oldest questions are deleted by at once: more than one is never too much by one question.
const AT_ONCE: i64 = 1_000;

macro_rules! standing_columns {
    () => {
        "id, bot_id, chat_id, topic_id, user_id, digest, language, question, searched, chosen, reply_to, answer_id,
         baseline, attempts, asked_at, expires_at"
    };
}
pub(crate) use standing_columns;

statements! {
    OPEN = "INSERT INTO standing_questions (id, bot_id, chat_id, topic_id, user_id, digest, language, question, searched,
            chosen, reply_to, answer_id, baseline, state, delivery_id, lease, due_at, attempts, asked_at, expires_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'open', NULL, NULL, $14, 0, $14, $15, $14)
        ON CONFLICT (chat_id, topic_id, user_id, digest) DO UPDATE SET language = excluded.language,
            question = excluded.question, searched = excluded.searched, chosen = excluded.chosen,
            reply_to = excluded.reply_to, answer_id = excluded.answer_id, baseline = excluded.baseline, state = 'open',
            delivery_id = NULL, lease = NULL, due_at = excluded.due_at, attempts = 0, asked_at = excluded.asked_at,
            expires_at = excluded.expires_at, updated_at = excluded.updated_at
        RETURNING id";
    FORGET_KBS = "DELETE FROM standing_question_kbs WHERE question_id = $1";
    PUT_KB = "INSERT INTO standing_question_kbs (question_id, kb_id, revision) VALUES ($1, $2, $3)
        ON CONFLICT (question_id, kb_id) DO UPDATE SET revision = excluded.revision";
    TRIM_OF_USER = "DELETE FROM standing_questions WHERE id IN (SELECT id FROM standing_questions
        WHERE user_id = $1 AND state = 'open' ORDER BY asked_at DESC, id DESC LIMIT $2 OFFSET $3)";
    // A question that was edited is another one.
    SUPERSEDE = "DELETE FROM standing_questions WHERE chat_id = $1 AND user_id = $2 AND reply_to = $3 AND digest <> $4
        AND state = 'open'";
    ANSWERED = "UPDATE standing_questions SET state = 'answered', question = '', searched = '', baseline = '{}', lease = NULL,
            updated_at = $5
        WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3 AND digest = $4 AND state = 'open'";
    FORGET_KBS_OF_ANSWERED = "DELETE FROM standing_question_kbs WHERE question_id IN (SELECT id FROM standing_questions
        WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3 AND digest = $4)";
    FORGET = "DELETE FROM standing_questions WHERE chat_id = $1 AND topic_id = $2 AND user_id = $3 AND state = 'open'";
    DELETE_OF_CHAT = "DELETE FROM standing_questions WHERE chat_id = $1";
    DELETE_TWINS = "DELETE FROM standing_questions WHERE chat_id = $1 AND EXISTS (SELECT 1 FROM standing_questions o
        WHERE o.chat_id = $2 AND o.topic_id = standing_questions.topic_id AND o.user_id = standing_questions.user_id
            AND o.digest = standing_questions.digest)";
    MOVE = "UPDATE standing_questions SET chat_id = $2, reply_to = NULL WHERE chat_id = $1";
    GET = concat!("SELECT ", standing_columns!(), ", state, delivery_id FROM standing_questions WHERE id = $1");
    OF_CHAT = concat!("SELECT ", standing_columns!(), ", state, delivery_id FROM standing_questions WHERE chat_id = $1
        ORDER BY asked_at, id");
    // A change has settled when nothing has come for a while. The order of the tables is that of the search in SQLite: of each
    // knowledge base it reads what is behind, and nothing else.
    DUE_KBS = "SELECT DISTINCT k.id FROM knowledge_bases k CROSS JOIN standing_question_kbs s CROSS JOIN standing_questions q
        WHERE k.deleted_at IS NULL AND k.updated_at <= $2 AND s.kb_id = k.id AND s.revision < k.revision
            AND q.id = s.question_id AND q.state = 'open' AND q.due_at <= $1
        LIMIT $3";
    // Whoever asks all that they see asks what is made later, too; there is news as soon as there is something in it.
    ENROL = "INSERT INTO standing_question_kbs (question_id, kb_id, revision)
        SELECT q.id, k.id, 0 FROM standing_questions q
        JOIN knowledge_bases k ON k.deleted_at IS NULL AND k.created_at >= q.asked_at
        WHERE q.state = 'open' AND q.chosen = '[]' ON CONFLICT DO NOTHING";
    // What is closed keeps no text.
    SET_ASIDE = "UPDATE standing_questions SET state = 'unreadable', question = '', searched = '', baseline = '{}', lease = NULL,
            updated_at = $2
        WHERE id = $1";
    HOLD = "UPDATE standing_questions SET lease = lease WHERE id = $1 AND lease = $2 AND state = 'open'";
    DELETE_ONE = "DELETE FROM standing_questions WHERE id = $1";
    LOOKED = "UPDATE standing_questions SET lease = NULL, due_at = $3, attempts = 0, baseline = $4
        WHERE id = $1 AND lease = $2 AND state = 'open'";
    LATER = "UPDATE standing_questions SET lease = NULL, due_at = $3, attempts = attempts + $4
        WHERE id = $1 AND lease = $2 AND state = 'open'";
    EXPIRE_LEASES = "UPDATE standing_questions SET lease = NULL, due_at = $1 WHERE lease IS NOT NULL AND state = 'open'";
    TOLD = "UPDATE standing_questions SET state = 'told', delivery_id = $3, question = '', searched = '', baseline = '{}',
            lease = NULL, updated_at = $4
        WHERE id = $1 AND lease = $2 AND state = 'open'";
    WITHDRAW = "UPDATE standing_questions SET state = 'withdrawn', updated_at = $2 WHERE delivery_id = $1 AND state = 'told'";
    LOOKS = "SELECT COUNT(*) FROM standing_questions WHERE lease IS NOT NULL AND state = 'open'";
    DELETE_EXPIRED = "DELETE FROM standing_questions WHERE id IN (SELECT id FROM standing_questions WHERE expires_at <= $1
        LIMIT $2)";
    TRIM = "DELETE FROM standing_questions WHERE id IN (SELECT id FROM standing_questions WHERE state = 'open'
        ORDER BY asked_at DESC, id DESC LIMIT $1 OFFSET $2)";
    COUNTS = "SELECT state, COUNT(*) FROM standing_questions GROUP BY state ORDER BY state";
    CLOSED = ids_in!("SELECT answer_id FROM standing_questions WHERE state IN ('told', 'answered') AND answer_id IN ", "");
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    bot_id: Uuid,
    chat_id: Uuid,
    topic_id: i64,
    user_id: Uuid,
    digest: Vec<u8>,
    language: String,
    question: String,
    searched: String,
    chosen: String,
    reply_to: Option<i64>,
    answer_id: Option<Uuid>,
    baseline: String,
    attempts: i64,
    asked_at: At,
    expires_at: At,
}

#[derive(FromRow)]
struct StateRow {
    #[sqlx(flatten)]
    row: Row,
    state: String,
    delivery_id: Option<Uuid>,
}

impl TryFrom<Row> for StandingQuestion {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        Ok(Self {
            id: StandingQuestionId::from_uuid(row.id),
            bot_id: BotId::from_uuid(row.bot_id),
            chat_id: ChatId::from_uuid(row.chat_id),
            topic_id: row.topic_id,
            user_id: UserId::from_uuid(row.user_id),
            digest: hash(&row.digest)?,
            language: word(&row.language)?,
            question: row.question,
            searched: row.searched,
            chosen: from_json(&row.chosen, "knowledge bases of a standing question")?,
            reply_to: row.reply_to,
            answer_id: row.answer_id.map(AnswerId::from_uuid),
            baseline: row.baseline,
            attempts: number(row.attempts, "attempts at a standing question")?,
            asked_at: row.asked_at.0,
            expires_at: row.expires_at.0,
        })
    }
}

/// A question and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingRow {
    pub question: StandingQuestion,
    pub state: StandingState,
    /// The message that tells the answer.
    pub delivery: Option<DeliveryId>,
}

impl TryFrom<StateRow> for StandingRow {
    type Error = StorageError;

    fn try_from(row: StateRow) -> Result<Self, StorageError> {
        Ok(Self {
            question: row.row.try_into()?,
            state: word(&row.state)?,
            delivery: row.delivery_id.map(DeliveryId::from_uuid),
        })
    }
}

/// What a claim comes upon.
#[derive(Debug)]
pub enum StandingClaim {
    /// A look at it begins.
    Question(Box<StandingQuestion>),
    /// It cannot be read, and was set aside: the transaction must be committed, else the next claim comes upon it again.
    Unreadable(StandingQuestionId, StorageError),
}

#[derive(Debug)]
pub struct StandingQuestions<C>(pub(crate) C);

impl<C: Connect> StandingQuestions<C> {
    pub async fn get(&mut self, id: StandingQuestionId) -> Result<Option<StandingRow>, StorageError> {
        let row: Option<StateRow> = on!(self.0, |c| sqlx::query_as(GET)
            .bind(id.as_uuid())
            .fetch_optional(c)
            .await?);
        row.map(TryInto::try_into).transpose()
    }

    /// Those of a chat, the oldest first.
    pub async fn of_chat(&mut self, chat: ChatId) -> Result<Vec<StandingRow>, StorageError> {
        let rows: Vec<StateRow> = on!(self.0, |c| sqlx::query_as(OF_CHAT)
            .bind(chat.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Knowledge bases that have changed since an open question that is due was looked at, and not after `quiet_since`.
    pub async fn due_kbs(
        &mut self,
        now: Timestamp,
        quiet_since: Timestamp,
        most: usize,
    ) -> Result<Vec<KbId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| sqlx::query_scalar(DUE_KBS)
            .bind(At(now))
            .bind(At(quiet_since))
            .bind(limit(most))
            .fetch_all(c)
            .await?);
        Ok(ids.into_iter().map(KbId::from_uuid).collect())
    }

    /// Those of these refusals that were answered since.
    pub async fn closed(&mut self, refusals: &[AnswerId]) -> Result<HashSet<AnswerId>, StorageError> {
        let ids: Vec<Uuid> = on!(self.0, |c| {
            let mut ids = Vec::new();
            for batch in refusals.chunks(IDS) {
                let mut select = sqlx::query_scalar(CLOSED);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                ids.append(&mut select.fetch_all(&mut *c).await?);
            }
            ids
        });
        Ok(ids.into_iter().map(AnswerId::from_uuid).collect())
    }

    /// How many are being looked at, or were when their worker died.
    pub async fn looks(&mut self) -> Result<u64, StorageError> {
        let count: i64 = on!(self.0, |c| sqlx::query_scalar(LOOKS).fetch_one(c).await?);
        number(count, "count of looks at standing questions")
    }

    /// How many there are, by state.
    pub async fn counts(&mut self) -> Result<Vec<(StandingState, u64)>, StorageError> {
        let rows: Vec<(String, i64)> = on!(self.0, |c| sqlx::query_as(COUNTS).fetch_all(c).await?);
        let counts = rows.into_iter().map(|(state, count)| {
            let count = number(count, "count of standing questions")?;
            Ok((word(&state)?, count))
        });
        counts.collect()
    }
}

impl StandingQuestions<&mut Tx> {
    /// Lets a question stand for these knowledge bases, each looked at up to a revision. The same question of the same person in
    /// the same place is refreshed; of more than `most` open ones of the person, the oldest go.
    pub async fn open(
        &mut self,
        new: &StandingQuestion,
        kbs: &[(KbId, i64)],
        most: usize,
    ) -> Result<StandingQuestionId, StorageError> {
        let text = |text: &str| displayable(text, usize::MAX);
        let id: Uuid = on!(self.0, |c| {
            let insert = sqlx::query_scalar(OPEN)
                .bind(new.id.as_uuid())
                .bind(new.bot_id.as_uuid())
                .bind(new.chat_id.as_uuid())
                .bind(new.topic_id)
                .bind(new.user_id.as_uuid());
            let insert = insert
                .bind(new.digest.as_bytes().as_slice())
                .bind(new.language.as_str())
                .bind(text(&new.question))
                .bind(text(&new.searched))
                .bind(to_json(&new.chosen));
            let insert = insert
                .bind(new.reply_to)
                .bind(new.answer_id.map(AnswerId::as_uuid))
                .bind(&new.baseline);
            let insert = insert.bind(At(new.asked_at)).bind(At(new.expires_at));
            let id: Uuid = insert.fetch_one(&mut *c).await?;
            sqlx::query(FORGET_KBS).bind(id).execute(&mut *c).await?;
            for (kb, revision) in kbs {
                let put = sqlx::query(PUT_KB).bind(id).bind(kb.as_uuid()).bind(revision);
                put.execute(&mut *c).await?;
            }
            let trim = sqlx::query(TRIM_OF_USER).bind(new.user_id.as_uuid());
            trim.bind(AT_ONCE).bind(limit(most)).execute(&mut *c).await?;
            id
        });
        Ok(StandingQuestionId::from_uuid(id))
    }

    /// What this message asked before it was edited stands no more.
    pub async fn supersede(
        &mut self,
        (chat, _, user): (ChatId, i64, UserId),
        message: i64,
        digest: ContentHash,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let delete = sqlx::query(SUPERSEDE).bind(chat.as_uuid()).bind(user.as_uuid());
            let delete = delete.bind(message).bind(digest.as_bytes().as_slice());
            delete.execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// The person has asked again and got an answer. Whether the question stood.
    pub async fn answered(
        &mut self,
        (chat, topic, user): (ChatId, i64, UserId),
        digest: ContentHash,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let closed = on!(self.0, |c| {
            let update = sqlx::query(ANSWERED).bind(chat.as_uuid()).bind(topic);
            let update = update.bind(user.as_uuid()).bind(digest.as_bytes().as_slice());
            let closed = update.bind(At(now)).execute(&mut *c).await?.rows_affected();
            if closed == 1 {
                let forget = sqlx::query(FORGET_KBS_OF_ANSWERED)
                    .bind(chat.as_uuid())
                    .bind(topic);
                let forget = forget.bind(user.as_uuid()).bind(digest.as_bytes().as_slice());
                forget.execute(&mut *c).await?;
            }
            closed
        });
        Ok(closed == 1)
    }

    /// What a person has asked in a place is forgotten, as far as it stands open.
    pub async fn forget(&mut self, (chat, topic, user): (ChatId, i64, UserId)) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(FORGET)
            .bind(chat.as_uuid())
            .bind(topic)
            .bind(user.as_uuid())
            .execute(c)
            .await?
            .rows_affected()))
    }

    pub async fn delete_of_chat(&mut self, chat: ChatId) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_OF_CHAT)
            .bind(chat.as_uuid())
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// What was asked in a chat is told in the one that has taken its place, whose messages have other numbers.
    pub async fn move_to(&mut self, from: ChatId, to: ChatId) -> Result<(), StorageError> {
        on!(self.0, |c| {
            if from != to {
                let twins = sqlx::query(DELETE_TWINS).bind(from.as_uuid());
                twins.bind(to.as_uuid()).execute(&mut *c).await?;
            }
            let update = sqlx::query(MOVE).bind(from.as_uuid()).bind(to.as_uuid());
            update.execute(&mut *c).await?;
        });
        Ok(())
    }

    /// Lets open questions that ask whatever their asker sees stand for knowledge bases that were made since.
    pub async fn enrol(&mut self) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(ENROL)
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Takes an open question that is due, of those that a change of the knowledge base is news for, under a new lease.
    pub async fn claim(
        &mut self,
        kb: KbId,
        now: Timestamp,
        lease_for: Duration,
        lease: LeaseToken,
    ) -> Result<Option<StandingClaim>, StorageError> {
        let claim = CLAIM_STANDING_QUESTION.on(self.0.kind());
        let row: Option<Row> = on!(self.0, |c| {
            let claim = sqlx::query_as(claim).bind(kb.as_uuid()).bind(At(now));
            let claim = claim.bind(lease.as_uuid()).bind(At(now.plus(lease_for)));
            claim.fetch_optional(c).await?
        });
        let Some(row) = row else { return Ok(None) };
        let id = row.id;
        let error = match StandingQuestion::try_from(row) {
            Ok(question) => return Ok(Some(StandingClaim::Question(Box::new(question)))),
            Err(error) => error,
        };
        on!(self.0, |c| {
            let update = sqlx::query(SET_ASIDE).bind(id).bind(At(now));
            update.execute(&mut *c).await?;
            sqlx::query(FORGET_KBS).bind(id).execute(&mut *c).await?;
        });
        let id = StandingQuestionId::from_uuid(id);
        Ok(Some(StandingClaim::Unreadable(id, error)))
    }

    /// It was looked at, up to these revisions, and stays open. `false`: the look does not count any more.
    pub async fn looked(
        &mut self,
        id: StandingQuestionId,
        lease: LeaseToken,
        kbs: &[(KbId, i64)],
        baseline: &str,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        Ok(on!(self.0, |c| {
            let update = sqlx::query(LOOKED).bind(id.as_uuid()).bind(lease.as_uuid());
            let update = update.bind(At(now)).bind(baseline);
            let held = update.execute(&mut *c).await?.rows_affected();
            if held == 1 {
                for (kb, revision) in kbs {
                    let put = sqlx::query(PUT_KB).bind(id.as_uuid()).bind(kb.as_uuid());
                    put.bind(revision).execute(&mut *c).await?;
                }
            }
            held == 1
        }))
    }

    /// Ends all looks, for a process that knows that it is alone.
    pub async fn expire_leases(&mut self, now: Timestamp) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(EXPIRE_LEASES)
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// It is looked at again at `at`; `failed`: because something went wrong.
    pub async fn later(
        &mut self,
        id: StandingQuestionId,
        lease: LeaseToken,
        at: Timestamp,
        failed: bool,
    ) -> Result<bool, StorageError> {
        let held = on!(self.0, |c| sqlx::query(LATER)
            .bind(id.as_uuid())
            .bind(lease.as_uuid())
            .bind(At(at))
            .bind(int(u64::from(failed)))
            .execute(c)
            .await?
            .rows_affected());
        Ok(held == 1)
    }

    /// Nobody can be told. `false`: the look does not count any more.
    pub async fn withdraw(
        &mut self,
        id: StandingQuestionId,
        lease: LeaseToken,
    ) -> Result<bool, StorageError> {
        Ok(on!(self.0, |c| {
            let hold = sqlx::query(HOLD).bind(id.as_uuid()).bind(lease.as_uuid());
            let held = hold.execute(&mut *c).await?.rows_affected();
            if held == 1 {
                sqlx::query(DELETE_ONE)
                    .bind(id.as_uuid())
                    .execute(&mut *c)
                    .await?;
            }
            held == 1
        }))
    }

    /// The asker is told by this message, which the same transaction writes. `false`: it is not open any more, or the look does
    /// not count: nothing may be written.
    pub async fn told(
        &mut self,
        id: StandingQuestionId,
        lease: LeaseToken,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let told = on!(self.0, |c| {
            let update = sqlx::query(TOLD).bind(id.as_uuid()).bind(lease.as_uuid());
            let update = update.bind(delivery.as_uuid()).bind(At(now));
            let told = update.execute(&mut *c).await?.rows_affected();
            if told == 1 {
                sqlx::query(FORGET_KBS)
                    .bind(id.as_uuid())
                    .execute(&mut *c)
                    .await?;
            }
            told
        });
        Ok(told == 1)
    }

    /// The message that tells was not sent: its reader may not see it any more. Whether it tells one.
    pub async fn withdraw_message(
        &mut self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let withdrawn = on!(self.0, |c| sqlx::query(WITHDRAW)
            .bind(delivery.as_uuid())
            .bind(At(now))
            .execute(c)
            .await?
            .rows_affected());
        Ok(withdrawn == 1)
    }

    /// Deletes some of those whose time is over. How many.
    pub async fn delete_expired(&mut self, now: Timestamp, rows: usize) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_EXPIRED)
            .bind(At(now))
            .bind(limit(rows))
            .execute(c)
            .await?
            .rows_affected()))
    }

    /// Of more than `most` open ones, deletes some of the oldest. How many.
    pub async fn trim(&mut self, most: usize, rows: usize) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(TRIM)
            .bind(limit(rows))
            .bind(limit(most))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
