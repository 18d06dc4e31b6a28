//! What was asked: answers in a list, without what they say.

use std::collections::HashMap;

use nexus_domain::{AnswerId, BotId, KbId, Timestamp, UserId, Verdict};
use sqlx::types::Uuid;

use super::{AnswerRow, Answers, Row, answer_columns};
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, limit};

statements! {
    LIST = concat!("SELECT ", answer_columns!(), " FROM answers WHERE id < $1
            AND (user_id = $2 OR $2 IS NULL) AND (bot_id = $3 OR $3 IS NULL) AND (found = $4 OR $4 IS NULL)
            AND (verdict = $5 OR $5 IS NULL) AND (created_at >= $6 OR $6 IS NULL) AND (created_at < $7 OR $7 IS NULL)
            AND (EXISTS (SELECT 1 FROM answer_kbs k WHERE k.kb_id = $8 AND k.answer_id = answers.id) OR $8 IS NULL)
        ORDER BY id DESC LIMIT $9");
    KBS = ids_in!("SELECT answer_id, kb_id FROM answer_kbs WHERE answer_id IN ", " ORDER BY answer_id, kb_id");
}

/// Which answers to list; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryFilter {
    pub kb: Option<KbId>,
    pub bot: Option<BotId>,
    pub user: Option<UserId>,
    pub found: Option<bool>,
    pub verdict: Option<Verdict>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// An answer and the knowledge bases that were asked for it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedAnswer {
    pub answer: AnswerRow,
    pub kbs: Vec<KbId>,
}

impl<C: Connect> Answers<C> {
    /// Newest first, before the answer `before`.
    pub async fn list(
        &mut self,
        filter: &QueryFilter,
        before: Option<AnswerId>,
        rows: usize,
    ) -> Result<Vec<LoggedAnswer>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| {
            let select = sqlx::query_as(LIST).bind(before.map_or(Uuid::max(), AnswerId::as_uuid));
            let select = select
                .bind(filter.user.map(UserId::as_uuid))
                .bind(filter.bot.map(BotId::as_uuid))
                .bind(filter.found)
                .bind(filter.verdict.map(Verdict::as_str));
            let select = select.bind(filter.from.map(At)).bind(filter.until.map(At));
            let select = select.bind(filter.kb.map(KbId::as_uuid)).bind(limit(rows));
            select.fetch_all(c).await?
        });
        let answers = rows.into_iter().map(AnswerRow::try_from);
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        let mut kbs = self.kbs_of(&answers).await?;
        let logged = answers.into_iter().map(|answer| LoggedAnswer {
            kbs: kbs.remove(&answer.id).unwrap_or_default(),
            answer,
        });
        Ok(logged.collect())
    }

    async fn kbs_of(&mut self, answers: &[AnswerRow]) -> Result<HashMap<AnswerId, Vec<KbId>>, StorageError> {
        let rows: Vec<(Uuid, Uuid)> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in answers.chunks(IDS) {
                let mut select = sqlx::query_as(KBS);
                for answer in padded(batch) {
                    select = select.bind(answer.id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let mut kbs: HashMap<_, Vec<_>> = HashMap::new();
        for (answer, kb) in rows {
            let of = kbs.entry(AnswerId::from_uuid(answer)).or_default();
            of.push(KbId::from_uuid(kb));
        }
        Ok(kbs)
    }
}
