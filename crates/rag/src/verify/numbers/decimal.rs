//! Exact decimal numbers of any length.

/// `digits · 10^exponent`, without zeros at either end of the digits; no digits are zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// From the digits before and behind the decimal sign.
    pub(super) fn new(whole: &str, part: &str) -> Self {
        let all = format!("{whole}{part}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Self {
                digits: String::new(),
                exponent: 0,
            };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        Self {
            digits: digits.to_owned(),
            exponent: small(zeros).saturating_sub(small(part.len())),
        }
    }

    pub(super) fn of(number: u64) -> Self {
        Self::new(&number.to_string(), "")
    }

    /// Times a power of ten.
    pub(super) fn shifted(mut self, exponent: i32) -> Self {
        if !self.digits.is_empty() {
            self.exponent = self.exponent.saturating_add(exponent);
        }
        self
    }

    pub(super) fn approximate(&self) -> f64 {
        self.digits.parse::<f64>().unwrap_or(0.0) * 10_f64.powi(self.exponent)
    }
}

fn small(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        assert_eq!(Decimal::new("1200", ""), Decimal::new("12", "").shifted(2));
        assert_eq!(Decimal::new("0", "50"), Decimal::new("", "5"));
        assert_eq!(Decimal::new("007", "0"), Decimal::of(7));
        assert_eq!(Decimal::new("0", "0").shifted(3), Decimal::of(0));
        assert_ne!(
            Decimal::new("4722366482869645213697", ""),
            Decimal::new("4722366482869645213696", "")
        );
    }
}
