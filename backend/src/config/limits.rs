//! How often callers may ask.

use serde::Deserialize;

use super::ConfigError;
use super::sections::in_range;

/// By who asks: a person's role, or a program (an API key, or a bot for itself).
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct LimitsConfig {
    pub reader: PerMinute,
    pub editor: PerMinute,
    pub admin: PerMinute,
    pub program: PerMinute,
}

/// Requests in a minute of one caller; as many may come at once. 0 sets no limit.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PerMinute {
    pub questions: u32,
    pub uploads: u32,
    pub requests: u32,
}

impl PerMinute {
    pub const NONE: Self = Self {
        questions: 0,
        uploads: 0,
        requests: 0,
    };
}

impl LimitsConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let all = [
            ("reader", self.reader),
            ("editor", self.editor),
            ("admin", self.admin),
            ("program", self.program),
        ];
        for (who, limits) in all {
            for (what, value) in [
                ("questions", limits.questions),
                ("uploads", limits.uploads),
                ("requests", limits.requests),
            ] {
                in_range(&format!("limits.{who}.{what}"), u64::from(value), 0, 10_000_000)?;
            }
        }
        Ok(())
    }
}
