//! Daily limits: a use is counted before it happens, for everybody whom it counts for at once, and taken back if nothing
//! came of it. Uses without a limit are not counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono_tz::Tz;
use nexus_domain::{
    Access, Amount, Bot, Caller, ChatUsage, Clock, Currency, KbId, KnowledgeBase, Measure, QuotaSubject,
    Quotas, Timestamp, User, quota,
};
use nexus_rag::Mode;
use nexus_storage::{Db, Tx};

use super::{PriceList, ServiceError, Spent};

/// Of a request that no knowledge base pays for.
pub(super) const NO_KBS: &BTreeMap<KbId, Quotas> = &BTreeMap::new();

#[derive(Clone, Debug)]
pub struct Usage {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub prices: Arc<PriceList>,
}

/// Whom a request counts for, and when.
#[derive(Clone, Debug)]
pub struct Accounts {
    at: Timestamp,
    zone: Tz,
    currency: Currency,
    /// In the order in which their rows are locked.
    limits: Vec<(QuotaSubject, Quotas)>,
}

/// What was counted for a request that is being worked on. Dropped without a word, it stays counted.
#[derive(Debug)]
pub struct Taken {
    db: Db,
    takes: Vec<Take>,
}

#[derive(Clone, Copy, Debug)]
struct Take {
    subject: QuotaSubject,
    measure: Measure,
    day: i32,
    amount: u64,
}

/// The most that a question may take, as far as that can be told before.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Of chat models.
    pub chat: ChatUsage,
    /// To make a vector of what is asked.
    pub embedded_tokens: u64,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub subject: QuotaSubject,
    pub measure: Measure,
    pub limit: u64,
    /// Of limits in money.
    pub currency: Option<Currency>,
    pub resets_at: Timestamp,
    pub retry_after_seconds: u64,
}

/// What was used of a limit today, or where it is one of a month in this month.
#[derive(Clone, Debug)]
pub struct DayOfUse {
    pub zone: Tz,
    pub resets_at: Timestamp,
    pub month_resets_at: Timestamp,
    /// Of prices and budgets.
    pub currency: Currency,
    /// Measure, used, limit.
    pub measures: Vec<(Measure, u64, Option<u64>)>,
}

impl Most {
    /// A question that is searched for. Few texts take more than a token for two characters; what one takes is counted when
    /// it is known.
    pub fn of(chat: ChatUsage, text: &str, mode: Mode) -> Self {
        let embedded_tokens = match mode {
            Mode::Lexical => 0,
            Mode::Dense | Mode::Hybrid => text.chars().count().div_ceil(2) as u64,
        };
        Self {
            chat,
            embedded_tokens,
        }
    }
}

impl Exceeded {
    pub(super) fn amount(&self) -> String {
        match self.measure {
            Measure::Questions => of_these(self.limit, "question"),
            Measure::Tokens => of_these(self.limit, "token"),
            Measure::UploadedBytes => of_these(self.limit, "uploaded byte"),
            Measure::Cost | Measure::MonthlyCost => {
                let amount = |currency| Amount {
                    micros: self.limit,
                    currency,
                };
                let limit = self.currency.map(|currency| amount(currency).to_string());
                format!("{} for models", limit.unwrap_or_default())
            }
        }
    }

    /// What the limit is of.
    pub(super) const fn period(&self) -> &'static str {
        match self.measure {
            Measure::MonthlyCost => "this month's",
            _ => "today's",
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

fn of_these(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

impl Accounts {
    fn limited(&self, measure: Measure) -> impl Iterator<Item = (QuotaSubject, u64)> + '_ {
        let limits = self.limits.iter();
        limits.filter_map(move |(subject, quotas)| Some((*subject, quotas.of(measure)?)))
    }

    fn day(&self, measure: Measure) -> i32 {
        measure.counted_on(self.at, self.zone)
    }

    fn exceeded(&self, now: Timestamp, subject: QuotaSubject, measure: Measure, limit: u64) -> ServiceError {
        let resets_at = measure.resets_at(self.at, self.zone);
        let left = resets_at.as_micros() - now.as_micros();
        ServiceError::QuotaExceeded(Exceeded {
            subject,
            measure,
            limit,
            currency: measure.is_cost().then_some(self.currency),
            resets_at,
            retry_after_seconds: u64::try_from(left.div_euclid(1_000_000) + 1).unwrap_or(1),
        })
    }
}

impl Usage {
    /// The limits of the person, of the bot that the call comes through, and of the knowledge bases asked or fed that have some.
    pub async fn accounts(
        &self,
        access: &Access,
        bot: Option<&Bot>,
        kbs: &BTreeMap<KbId, Quotas>,
    ) -> Result<Accounts, ServiceError> {
        let mut accounts = self.accounts_of_nobody(bot, kbs);
        if let Caller::Person(person) = access.caller() {
            let user = self.db.users().get(person.user).await?;
            let limits = &mut accounts.limits;
            limits.extend(user.map(|user| (QuotaSubject::User(user.id), limits_of(&user, bot))));
            limits.sort_by_key(|(subject, _)| *subject);
        }
        Ok(accounts)
    }

    /// The same for what no person has asked for now.
    pub fn accounts_of_nobody(&self, bot: Option<&Bot>, kbs: &BTreeMap<KbId, Quotas>) -> Accounts {
        let mut limits = Vec::new();
        limits.extend(bot.map(|bot| (QuotaSubject::Bot(bot.id), bot.quotas)));
        limits.extend(kbs.iter().map(|(kb, quotas)| (QuotaSubject::Kb(*kb), *quotas)));
        limits.sort_by_key(|(subject, _)| *subject);
        Accounts {
            at: self.clock.now(),
            zone: zone(bot),
            currency: self.prices.currency,
            limits,
        }
    }

    /// Counts a question, and of tokens and money as much as its answer may take or as is left; fails if nothing is left of one
    /// of them. Models without a price take no money, and limits in tokens are those of chat models.
    pub async fn take_question(&self, accounts: &Accounts, most: Most) -> Result<Taken, ServiceError> {
        let mut taken = Taken {
            db: self.db.clone(),
            takes: Vec::new(),
        };
        let vector = self.prices.of_vector(most.embedded_tokens).unwrap_or(0);
        let cost = self.prices.most(most.chat).unwrap_or(0).saturating_add(vector);
        let wanted = [
            (Measure::Questions, 1),
            (Measure::Tokens, most.chat.tokens()),
            (Measure::Cost, cost),
            (Measure::MonthlyCost, cost),
        ];
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
                let day = accounts.day(measure);
                let got = tx
                    .quotas()
                    .take_up_to(subject, measure, day, amount, limit)
                    .await?;
                if got == 0 {
                    return Err(accounts.exceeded(now, subject, measure, limit));
                }
                taken.takes.push(Take {
                    subject,
                    measure,
                    day,
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
                .take(subject, measure, accounts.day(measure), bytes, Some(limit))
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
            let used = self.db.quotas().used(subject, accounts.day(measure)).await?;
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
        let month = Measure::MonthlyCost;
        let mut used = self.db.quotas().used(subject, quota::day(now, zone)).await?;
        used.retain(|(measure, _)| *measure != month);
        let of_month = self
            .db
            .quotas()
            .used(subject, month.counted_on(now, zone))
            .await?;
        used.extend(of_month.into_iter().filter(|(measure, _)| *measure == month));
        let of = |measure: Measure| {
            used.iter()
                .find(|(of, _)| *of == measure)
                .map_or(0, |(_, used)| *used)
        };
        let measures = Measure::ALL.iter().map(|it| (*it, of(*it), quotas.of(*it)));
        Ok(DayOfUse {
            zone,
            resets_at: quota::day_ends(now, zone),
            month_resets_at: month.resets_at(now, zone),
            currency: self.prices.currency,
            measures: measures.collect(),
        })
    }
}

impl Taken {
    /// Nothing came of it.
    pub async fn give_back(self) {
        self.correct(|_| 0).await;
    }

    /// The answer is there, and took this. What nobody knows stays as it was counted.
    pub async fn settle(self, spent: Spent) {
        self.correct(|take| {
            let spent = match take.measure {
                Measure::Tokens => spent.tokens,
                Measure::Cost | Measure::MonthlyCost => spent.cost_micros,
                Measure::Questions | Measure::UploadedBytes => None,
            };
            spent.unwrap_or(take.amount)
        })
        .await;
    }

    /// There is no answer; what was spent on it all the same is counted.
    pub async fn give_back_but(self, spent: Spent) {
        self.correct(|take| match take.measure {
            Measure::Tokens => spent.tokens.unwrap_or(take.amount),
            Measure::Cost | Measure::MonthlyCost => spent.cost_micros.unwrap_or(take.amount),
            Measure::Questions | Measure::UploadedBytes => 0,
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
                    day,
                    amount,
                } = *take;
                let right = right(take);
                let mut quotas = tx.quotas();
                if right < amount {
                    quotas.give_back(subject, measure, day, amount - right).await?;
                } else if right > amount {
                    quotas.take(subject, measure, day, right - amount, None).await?;
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
