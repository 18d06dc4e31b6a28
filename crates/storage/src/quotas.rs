//! What was used of which quota on which day. A use is counted before it happens and given back if it does not, so
//! that callers who race never pass a limit together.

use nexus_domain::{Measure, QuotaSubject};

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::statements;
use crate::types::{int, number, word};

statements! {
    TAKE = "INSERT INTO quota_usage (subject_kind, subject_id, measure, day, used) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (subject_kind, subject_id, measure, day)
        DO UPDATE SET used = quota_usage.used + excluded.used WHERE quota_usage.used <= $6 - excluded.used
        RETURNING used";
    GIVE_BACK = "UPDATE quota_usage SET used = CASE WHEN used > $5 THEN used - $5 ELSE 0 END
        WHERE subject_kind = $1 AND subject_id = $2 AND measure = $3 AND day = $4";
    USED = "SELECT measure, used FROM quota_usage WHERE subject_kind = $1 AND subject_id = $2 AND day = $3
        ORDER BY measure";
    DELETE_BEFORE = "DELETE FROM quota_usage WHERE day < $1";
}

#[derive(Debug)]
pub struct QuotaUsage<C>(pub(crate) C);

impl<C: Connect> QuotaUsage<C> {
    /// What was used on a day; measures that were not used are left out.
    pub async fn used(
        &mut self,
        subject: QuotaSubject,
        day: i32,
    ) -> Result<Vec<(Measure, u64)>, StorageError> {
        let rows: Vec<(String, i64)> = on!(self.0, |c| sqlx::query_as(USED)
            .bind(subject.kind())
            .bind(subject.id())
            .bind(i64::from(day))
            .fetch_all(c)
            .await?);
        rows.into_iter()
            .map(|(measure, used)| Ok((word(&measure)?, number(used, "use of a quota")?)))
            .collect()
    }
}

impl QuotaUsage<&mut Tx> {
    /// Uses `amount` more on a day: what is used with it, or `None`, with nothing changed, if that would pass the limit.
    /// Others who use the same quota wait until this transaction ends.
    pub async fn take(
        &mut self,
        subject: QuotaSubject,
        measure: Measure,
        day: i32,
        amount: u64,
        limit: Option<u64>,
    ) -> Result<Option<u64>, StorageError> {
        let limit = limit.unwrap_or(u64::MAX);
        // The statement asks only where there is a row already.
        if amount > limit {
            return Ok(None);
        }
        let used: Option<i64> = on!(self.0, |c| {
            let insert = sqlx::query_scalar(TAKE).bind(subject.kind()).bind(subject.id());
            let insert = insert.bind(measure.as_str()).bind(i64::from(day));
            insert
                .bind(int(amount))
                .bind(int(limit))
                .fetch_optional(c)
                .await?
        });
        used.map(|used| number(used, "use of a quota")).transpose()
    }

    /// Uses `amount` more, or what is left of the limit; how much that was.
    pub async fn take_up_to(
        &mut self,
        subject: QuotaSubject,
        measure: Measure,
        day: i32,
        amount: u64,
        limit: u64,
    ) -> Result<u64, StorageError> {
        // Makes the row where there is none, and locks it: what is left stays left.
        let used = self.take(subject, measure, day, 0, None).await?.unwrap_or(0);
        let got = amount.min(limit.saturating_sub(used));
        if got > 0 {
            self.take(subject, measure, day, got, Some(limit)).await?;
        }
        Ok(got)
    }

    /// Takes back what was used in vain; never below 0.
    pub async fn give_back(
        &mut self,
        subject: QuotaSubject,
        measure: Measure,
        day: i32,
        amount: u64,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            let update = sqlx::query(GIVE_BACK).bind(subject.kind()).bind(subject.id());
            let update = update.bind(measure.as_str()).bind(i64::from(day));
            update.bind(int(amount)).execute(c).await?.rows_affected()
        });
        Ok(())
    }

    /// Forgets the days before `day`; how many rows.
    pub async fn delete_before(&mut self, day: i32) -> Result<u64, StorageError> {
        Ok(on!(self.0, |c| sqlx::query(DELETE_BEFORE)
            .bind(i64::from(day))
            .execute(c)
            .await?
            .rows_affected()))
    }
}
