//! How long questions without an answer stand, and how many.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;
use super::sections::in_range;

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct StandingConfig {
    pub keep_days: u32,
    pub per_person: usize,
    pub in_all: usize,
    pub settle_seconds: u64,
}

impl StandingConfig {
    /// How long a question stands; zero: none does.
    pub const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days as u64 * 24 * 3_600)
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        in_range("standing.keep_days", u64::from(self.keep_days), 0, 3_650)?;
        in_range("standing.per_person", self.per_person as u64, 1, 1_000)?;
        in_range("standing.in_all", self.in_all as u64, 1, 1_000_000)?;
        in_range("standing.settle_seconds", self.settle_seconds, 0, 86_400)
    }
}
