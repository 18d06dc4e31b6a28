//! Times and sizes in words.

use super::{Phrase, Value, Words};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Bytes of a megabyte, as Telegram and file managers count.
const MEGABYTE: u64 = 1_000_000;
/// Millionths of a currency's unit.
const UNIT: u64 = 1_000_000;

/// What daily limits count; the names of [`nexus_api::Quotas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Questions answered.
    Questions,
    /// Tokens of chat models, in and out.
    Tokens,
    /// Bytes of uploads.
    UploadedBytes,
    /// What chat models cost in a day, in millionths of a currency's unit.
    Cost,
    /// The same in a month.
    MonthlyCost,
}

impl Measure {
    /// From its name in the API.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "questions" => Some(Self::Questions),
            "tokens" => Some(Self::Tokens),
            "uploaded_bytes" => Some(Self::UploadedBytes),
            "cost_micros" => Some(Self::Cost),
            "monthly_cost_micros" => Some(Self::MonthlyCost),
            _ => None,
        }
    }
}

impl Words {
    /// A time as people say it: one unit, rounded up, so that nobody comes back too early.
    pub fn duration(&self, seconds: u64) -> String {
        let (phrase, unit) = match seconds {
            0..=90 => (Phrase::Seconds, 1),
            91..=5_400 => (Phrase::Minutes, MINUTE),
            5_401..=172_800 => (Phrase::Hours, HOUR),
            _ => (Phrase::Days, DAY),
        };
        let count = seconds.max(1).div_ceil(unit);
        self.say_with(phrase, &[("count", Value::Count(count))])
    }

    /// What a limit allows. Without its `currency`, one in money is a number.
    pub fn limit(&self, measure: Measure, limit: u64, currency: Option<&str>) -> String {
        let money = |phrase| {
            let amount = self.amount(limit, currency.unwrap_or_default());
            self.say_with(phrase, &[("amount", Value::Text(&amount))])
        };
        let (phrase, count) = match measure {
            Measure::Cost => return money(Phrase::LimitCost),
            Measure::MonthlyCost => return money(Phrase::LimitMonthlyCost),
            Measure::Questions => (Phrase::LimitQuestions, limit),
            Measure::Tokens => (Phrase::LimitTokens, limit),
            Measure::UploadedBytes => (Phrase::LimitUploads, limit.div_ceil(MEGABYTE)),
        };
        self.say_with(phrase, &[("count", Value::Count(count))])
    }
}

impl Words {
    /// Money: two digits behind the mark, or as many as it needs.
    fn amount(&self, micros: u64, currency: &str) -> String {
        let mark = self.say(Phrase::DecimalMark);
        let fraction = format!("{:06}", micros % UNIT);
        let needed = fraction.trim_end_matches('0').len().max(2);
        let shown = fraction.get(..needed).unwrap_or(&fraction);
        let amount = format!("{}{mark}{shown} {currency}", micros / UNIT);
        amount.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use crate::words::{Language, Words};

    #[test]
    fn money_is_told_exactly() {
        let told = |language, micros| Words::of(language).amount(micros, "USD");
        assert_eq!(told(Language::En, 2_500_000), "2.50 USD");
        assert_eq!(told(Language::Ru, 2_500_000), "2,50 USD");
        assert_eq!(told(Language::En, 21), "0.000021 USD");
        assert_eq!(Words::of(Language::En).amount(1_000_000, ""), "1.00");
    }

    #[test]
    fn times_are_told_in_one_unit_with_the_right_plural() {
        let ru = |seconds| Words::of(Language::Ru).duration(seconds);
        assert_eq!(ru(0), "1 секунду");
        assert_eq!(ru(2), "2 секунды");
        assert_eq!(ru(11), "11 секунд");
        assert_eq!(ru(21), "21 секунду");
        assert_eq!(ru(100), "2 минуты");
        assert_eq!(ru(5 * 3_600), "5 часов");
        assert_eq!(ru(22 * 3_600), "22 часа");
        assert_eq!(ru(3 * 86_400), "3 дня");
        let en = |seconds| Words::of(Language::En).duration(seconds);
        assert_eq!(en(1), "1 second");
        assert_eq!(en(120), "2 minutes");
        assert_eq!(en(u64::MAX), "213503982334602 days");
    }
}
