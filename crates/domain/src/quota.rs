//! What may be used in a day. Uses are counted in rows, so they hold over all processes.

use chrono::{
    Datelike as _, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::id::{BotId, KbId, UserId};
use crate::time::Timestamp;

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// Questions answered.
    Questions,
    /// Tokens of chat models, in and out.
    Tokens,
    /// Bytes of uploads taken in.
    UploadedBytes,
    /// What chat models cost in a day, in millionths of the currency's unit.
    Cost,
    /// The same in a month.
    MonthlyCost,
}
words!(Measure, "measure": Questions = "questions", Tokens = "tokens", UploadedBytes = "uploaded_bytes",
    Cost = "cost_micros", MonthlyCost = "monthly_cost_micros");

impl Measure {
    /// Whether it is money.
    pub const fn is_cost(self) -> bool {
        matches!(self, Self::Cost | Self::MonthlyCost)
    }

    /// The day under which a use at this instant is counted: that day, or the first one of its month.
    pub fn counted_on(self, at: Timestamp, zone: Tz) -> i32 {
        match self {
            Self::MonthlyCost => first_of_month(at, zone).num_days_from_ce(),
            _ => day(at, zone),
        }
    }

    /// When that count ends and the next one begins.
    pub fn resets_at(self, at: Timestamp, zone: Tz) -> Timestamp {
        match self {
            Self::MonthlyCost => {
                let next = first_of_month(at, zone).checked_add_months(Months::new(1));
                begins(next, zone).unwrap_or_else(|| day_ends(at, zone)).max(at)
            }
            _ => day_ends(at, zone),
        }
    }
}

/// The most of each measure in a day, or where it says so in a month; `None` sets no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questions: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cost_micros: Option<u64>,
}

/// The largest limit, which sums of uses stay far below in 64 bits.
pub const MAX_LIMIT: u64 = 1_000_000_000_000_000;

impl Quotas {
    /// Whether no limit is beyond [`MAX_LIMIT`].
    pub fn is_sane(&self) -> bool {
        let mut limits = Measure::ALL.iter().filter_map(|measure| self.of(*measure));
        limits.all(|limit| limit <= MAX_LIMIT)
    }

    pub const fn of(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Questions => self.questions,
            Measure::Tokens => self.tokens,
            Measure::UploadedBytes => self.uploaded_bytes,
            Measure::Cost => self.cost_micros,
            Measure::MonthlyCost => self.monthly_cost_micros,
        }
    }

    /// These, and where they set no limit, the others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            questions: self.questions.or(others.questions),
            tokens: self.tokens.or(others.tokens),
            uploaded_bytes: self.uploaded_bytes.or(others.uploaded_bytes),
            cost_micros: self.cost_micros.or(others.cost_micros),
            monthly_cost_micros: self.monthly_cost_micros.or(others.monthly_cost_micros),
        }
    }
}

/// Whose use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaSubject {
    User(UserId),
    Bot(BotId),
    Kb(KbId),
}

impl QuotaSubject {
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Bot(_) => "bot",
            Self::Kb(_) => "knowledge_base",
        }
    }

    pub const fn id(self) -> uuid::Uuid {
        match self {
            Self::User(id) => id.as_uuid(),
            Self::Bot(id) => id.as_uuid(),
            Self::Kb(id) => id.as_uuid(),
        }
    }
}

/// The local day that an instant falls on, counted from 0001-01-01 (which is day 1).
pub fn day(at: Timestamp, zone: Tz) -> i32 {
    date(at, zone).num_days_from_ce()
}

/// The same in UTC.
pub fn utc_day(at: Timestamp) -> i32 {
    day(at, Tz::UTC)
}

/// The date of a [`day`].
pub fn date_of_day(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(day)
}

fn date(at: Timestamp, zone: Tz) -> NaiveDate {
    zone.from_utc_datetime(&at.to_datetime().naive_utc()).date_naive()
}

fn first_of_month(at: Timestamp, zone: Tz) -> NaiveDate {
    let date = date(at, zone);
    date.with_day(1).unwrap_or(date)
}

/// When that day ends. Where clocks skip its midnight, the next one begins with the first hour that there is.
pub fn day_ends(at: Timestamp, zone: Tz) -> Timestamp {
    let tomorrow = date(at, zone).checked_add_days(Days::new(1));
    // No zone skips six hours of a day but by skipping the day: the count goes on by then.
    let ends = begins(tomorrow, zone).unwrap_or_else(|| at.plus(DAY));
    ends.max(at)
}

/// When a day begins: where clocks skip its midnight, with the first quarter of an hour that there is.
fn begins(date: Option<NaiveDate>, zone: Tz) -> Option<Timestamp> {
    let midnight = date.map(|day| NaiveDateTime::new(day, NaiveTime::MIN));
    let steps = (0..24).filter_map(|quarter| midnight?.checked_add_signed(TimeDelta::minutes(15 * quarter)));
    let mut local = steps.filter_map(|local| zone.from_local_datetime(&local).earliest());
    Some(Timestamp::from(local.next()?.with_timezone(&Utc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_the_midnight_of_its_zone() {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        let (before, after) = (at("2026-03-01T20:59:59Z"), at("2026-03-01T21:00:00Z"));
        assert_eq!(
            day(before, Tz::Europe__Moscow) + 1,
            day(after, Tz::Europe__Moscow)
        );
        assert_eq!(day(before, Tz::UTC), day(after, Tz::UTC));
    }

    #[test]
    fn a_day_ends_where_the_next_one_begins() {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        let noon = at("2026-03-01T12:00:00Z");
        assert_eq!(day_ends(noon, Tz::UTC), at("2026-03-02T00:00:00Z"));
        assert_eq!(day_ends(noon, Tz::Europe__Moscow), at("2026-03-01T21:00:00Z"));
        // In Beirut the clocks go from 0:00 to 1:00 on the last Sunday of March; in Havana 1:00 comes twice in November.
        let before = at("2026-03-28T20:00:00Z");
        assert_eq!(day_ends(before, Tz::Asia__Beirut), at("2026-03-28T22:00:00Z"));
        for zone in [
            Tz::Asia__Beirut,
            Tz::America__Havana,
            Tz::Pacific__Apia,
            Tz::Asia__Kathmandu,
        ] {
            for hour in 0..24 * 366 {
                let now = noon.plus(std::time::Duration::from_secs(3_600 * hour));
                let ends = day_ends(now, zone);
                assert!(now < ends, "{zone} {now:?}");
                assert_eq!(day(ends, zone), day(now, zone) + 1, "{zone} {now:?}");
                let last = Timestamp::from_micros(ends.as_micros() - 1);
                assert_eq!(day(last, zone), day(now, zone), "{zone} {now:?}");
            }
        }
    }

    #[test]
    fn a_month_is_counted_on_its_first_day_and_ends_where_the_next_one_begins() {
        let at = |text: &str| Timestamp::from(text.parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        let (month, moscow) = (Measure::MonthlyCost, Tz::Europe__Moscow);
        let (before, after) = (at("2026-12-31T20:59:59Z"), at("2026-12-31T21:00:00Z"));
        assert_eq!(
            month.counted_on(before, moscow),
            day(at("2026-12-01T12:00:00Z"), moscow)
        );
        assert_eq!(
            month.counted_on(after, moscow),
            day(at("2027-01-01T12:00:00Z"), moscow)
        );
        assert_eq!(month.resets_at(before, moscow), after);
        assert_eq!(month.resets_at(after, moscow), at("2027-01-31T21:00:00Z"));
        assert_eq!(
            month.counted_on(after, Tz::UTC),
            month.counted_on(before, Tz::UTC)
        );
        assert_eq!(Measure::Cost.counted_on(after, moscow), day(after, moscow));
        assert_eq!(date_of_day(utc_day(after)).unwrap().to_string(), "2026-12-31");
    }

    #[test]
    fn own_limits_come_before_general_ones() {
        let own = Quotas {
            questions: Some(5),
            ..Quotas::default()
        };
        let general = Quotas {
            questions: Some(50),
            tokens: Some(1_000),
            ..Quotas::default()
        };
        let both = own.or(general);
        assert_eq!(
            (both.of(Measure::Questions), both.of(Measure::Tokens)),
            (Some(5), Some(1_000))
        );
        assert_eq!(both.of(Measure::UploadedBytes), None);
    }
}
