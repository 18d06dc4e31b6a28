//! Daily limits: a use is counted before it happens, for everybody whom it counts for at once, and taken back if nothing
//! came of it. Uses without a limit are not counted.

use std::sync::Arc;

use chrono_tz::Tz;
use nexus_domain::{
    Access, Bot, Caller, Clock, KbFilter, KnowledgeBase, Measure, QuotaSubject, Quotas, Timestamp, User,
    quota,
};
use nexus_storage::{Db, Tx};

use super::ServiceError;

#[derive(Clone, Debug)]
pub struct Usage {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
}

/// Whom a request counts for, on which day.
#[derive(Clone, Debug)]
pub struct Accounts {
    day: i32,
    ends: Timestamp,
    /// In the order in which their rows are locked.
    limits: Vec<(QuotaSubject, Quotas)>,
}

/// What was counted for a request that is being worked on. Dropped without a word, it stays counted.
#[derive(Debug)]
pub struct Taken {
    db: Db,
    day: i32,
    takes: Vec<Take>,
}

#[derive(Clone, Copy, Debug)]
struct Take {
    subject: QuotaSubject,
    measure: Measure,
    amount: u64,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub subject: QuotaSubject,
    pub measure: Measure,
    pub limit: u64,
    pub retry_after_seconds: u64,
}

/// What was used of a limit today.
#[derive(Clone, Debug)]
pub struct DayOfUse {
    pub zone: Tz,
    pub resets_at: Timestamp,
    /// Measure, used, limit.
    pub measures: Vec<(Measure, u64, Option<u64>)>,
}

impl Exceeded {
    pub(super) fn amount(&self) -> String {
        match self.measure {
            Measure::Questions => format!("{} questions", self.limit),
            Measure::Tokens => format!("{} tokens", self.limit),
            Measure::UploadedBytes => format!("{} uploaded bytes", self.limit),
        }
    }

    pub(super) const fn whom(&self) -> &'static str {
        match self.subject {
            QuotaSubject::User(_) => "this person",
            QuotaSubject::Bot(_) => "this bot",
            QuotaSubject::Kb(_) => "a knowledge base",
        }
    }
}

impl Accounts {
    fn limited(&self, measure: Measure) -> impl Iterator<Item = (QuotaSubject, u64)> + '_ {
        let limits = self.limits.iter();
        limits.filter_map(move |(subject, quotas)| Some((*subject, quotas.of(measure)?)))
    }

    fn exceeded(&self, now: Timestamp, subject: QuotaSubject, measure: Measure, limit: u64) -> ServiceError {
        let left = self.ends.as_micros() - now.as_micros();
        ServiceError::QuotaExceeded(Exceeded {
            subject,
            measure,
            limit,
            retry_after_seconds: u64::try_from(left.div_euclid(1_000_000) + 1).unwrap_or(1),
        })
    }
}

impl Usage {
    /// The limits of the person, of the bot that the call comes through, and of the knowledge bases asked or fed.
    pub async fn accounts(
        &self,
        access: &Access,
        bot: Option<&Bot>,
        kbs: Option<&KbFilter>,
    ) -> Result<Accounts, ServiceError> {
        let mut accounts = self.accounts_of_nobody(bot, kbs).await?;
        if let Caller::Person(person) = access.caller() {
            let user = self.db.users().get(person.user).await?;
            let limits = &mut accounts.limits;
            limits.extend(user.map(|user| (QuotaSubject::User(user.id), limits_of(&user, bot))));
            limits.sort_by_key(|(subject, _)| *subject);
        }
        Ok(accounts)
    }

    /// The same for what no person has asked for now.
    pub async fn accounts_of_nobody(
        &self,
        bot: Option<&Bot>,
        kbs: Option<&KbFilter>,
    ) -> Result<Accounts, ServiceError> {
        let mut limits = Vec::new();
        limits.extend(bot.map(|bot| (QuotaSubject::Bot(bot.id), bot.quotas)));
        if let Some(asked) = kbs {
            let limited = self.db.knowledge_bases().limited().await?;
            let limited = limited.into_iter().filter(|(kb, _)| asked.contains(*kb));
            limits.extend(limited.map(|(kb, quotas)| (QuotaSubject::Kb(kb), quotas)));
        }
        limits.sort_by_key(|(subject, _)| *subject);
        let (now, zone) = (self.clock.now(), zone(bot));
        Ok(Accounts {
            day: quota::day(now, zone),
            ends: quota::day_ends(now, zone),
            limits,
        })
    }

    /// Counts a question, and of tokens as many as its answer may take or as are left; fails if nothing is left of either.
    pub async fn take_question(&self, accounts: &Accounts, tokens: u64) -> Result<Taken, ServiceError> {
        let mut taken = Taken {
            db: self.db.clone(),
            day: accounts.day,
            takes: Vec::new(),
        };
        let wanted = [(Measure::Questions, 1), (Measure::Tokens, tokens)];
        if !wanted
            .iter()
            .any(|(measure, amount)| *amount > 0 && accounts.limited(*measure).next().is_some())
        {
            return Ok(taken);
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        for (measure, amount) in wanted.into_iter().filter(|(_, amount)| *amount > 0) {
            for (subject, limit) in accounts.limited(measure) {
                let got = tx
                    .quotas()
                    .take_up_to(subject, measure, accounts.day, amount, limit)
                    .await?;
                if got == 0 {
                    return Err(accounts.exceeded(now, subject, measure, limit));
                }
                taken.takes.push(Take {
                    subject,
                    measure,
                    amount: got,
                });
            }
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// Counts an upload, in the transaction that makes its row.
    pub async fn take_bytes(&self, tx: &mut Tx, accounts: &Accounts, bytes: u64) -> Result<(), ServiceError> {
        let measure = Measure::UploadedBytes;
        for (subject, limit) in accounts.limited(measure) {
            let used = tx
                .quotas()
                .take(subject, measure, accounts.day, bytes, Some(limit))
                .await?;
            if used.is_none() {
                return Err(accounts.exceeded(self.clock.now(), subject, measure, limit));
            }
        }
        Ok(())
    }

    /// Fails if an upload of this length could not be counted now: before its bytes are sent in vain.
    pub async fn expect_bytes(&self, accounts: &Accounts, bytes: u64) -> Result<(), ServiceError> {
        let measure = Measure::UploadedBytes;
        for (subject, limit) in accounts.limited(measure) {
            let used = self.db.quotas().used(subject, accounts.day).await?;
            let used = used
                .iter()
                .find(|(of, _)| *of == measure)
                .map_or(0, |(_, used)| *used);
            if used.saturating_add(bytes) > limit {
                return Err(accounts.exceeded(self.clock.now(), subject, measure, limit));
            }
        }
        Ok(())
    }

    /// What a person used today, where they come by a bot in its time zone.
    pub async fn of_person(&self, user: &User, bot: Option<&Bot>) -> Result<DayOfUse, ServiceError> {
        self.day(QuotaSubject::User(user.id), limits_of(user, bot), zone(bot))
            .await
    }

    pub async fn of_bot(&self, bot: &Bot) -> Result<DayOfUse, ServiceError> {
        self.day(QuotaSubject::Bot(bot.id), bot.quotas, bot.time_zone)
            .await
    }

    pub async fn of_kb(&self, kb: &KnowledgeBase, bot: Option<&Bot>) -> Result<DayOfUse, ServiceError> {
        self.day(QuotaSubject::Kb(kb.id), kb.quotas, zone(bot)).await
    }

    async fn day(&self, subject: QuotaSubject, quotas: Quotas, zone: Tz) -> Result<DayOfUse, ServiceError> {
        let now = self.clock.now();
        let used = self.db.quotas().used(subject, quota::day(now, zone)).await?;
        let of = |measure: Measure| {
            used.iter()
                .find(|(of, _)| *of == measure)
                .map_or(0, |(_, used)| *used)
        };
        let measures = Measure::ALL.iter().map(|it| (*it, of(*it), quotas.of(*it)));
        Ok(DayOfUse {
            zone,
            resets_at: quota::day_ends(now, zone),
            measures: measures.collect(),
        })
    }
}

impl Taken {
    /// Nothing came of it.
    pub async fn give_back(self) {
        self.correct(|_| 0).await;
    }

    /// The answer is there, and took this many tokens.
    pub async fn settle(self, tokens: u64) {
        self.correct(|take| match take.measure {
            Measure::Tokens => tokens,
            Measure::Questions | Measure::UploadedBytes => take.amount,
        })
        .await;
    }

    /// A count that cannot be corrected stays too high for the day; the answer is not held back for it.
    async fn correct(self, right: impl Fn(&Take) -> u64 + Send + Sync) {
        if self.takes.iter().all(|take| right(take) == take.amount) {
            return;
        }
        let corrected = async {
            let mut tx = self.db.begin().await?;
            for take in &self.takes {
                let Take {
                    subject,
                    measure,
                    amount,
                } = *take;
                let right = right(take);
                let mut quotas = tx.quotas();
                if right < amount {
                    quotas
                        .give_back(subject, measure, self.day, amount - right)
                        .await?;
                } else if right > amount {
                    quotas
                        .take(subject, measure, self.day, right - amount, None)
                        .await?;
                }
            }
            tx.commit().await
        };
        if let Err(error) = corrected.await {
            tracing::warn!(%error, "a use of quotas could not be corrected");
        }
    }
}

/// A person's own limits, and where there are none those of the bot for its people.
fn limits_of(user: &User, bot: Option<&Bot>) -> Quotas {
    user.quotas
        .or(bot.map(|bot| bot.person_quotas).unwrap_or_default())
}

fn zone(bot: Option<&Bot>) -> Tz {
    bot.map_or(Tz::UTC, |bot| bot.time_zone)
}
