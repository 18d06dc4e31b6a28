//! The words of rights.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do in general. A role includes the ones below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Searches and reads what is open to them.
    Reader,
    /// Also creates knowledge bases, and owns those.
    Editor,
    /// Does everything, everywhere.
    Admin,
}

/// What somebody may do in one knowledge base. A role includes the ones below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KbRole {
    /// Asks it and reads its documents.
    Reader,
    /// Also feeds it and removes documents.
    Editor,
    /// Also renames, opens, shares and deletes it.
    Owner,
}

/// An area of the API that a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Ask and search.
    Ask,
    /// See knowledge bases, documents, sources and tasks.
    Read,
    /// Upload, remove documents, control tasks.
    Ingest,
    /// Create, change, share and delete knowledge bases; index generations.
    Manage,
    /// People and their subscriptions.
    Users,
    /// Bots and their tokens.
    Bots,
    /// API keys.
    Keys,
    /// The audit log.
    Logs,
}

/// The kinds of callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// A bot for itself, by its service token.
    Bot,
    /// A person, by a session or named by a bot.
    Person,
    /// A program, by an API key.
    Key,
    /// Nobody in particular.
    Public,
}

/// Who reads a knowledge base besides its members, the people of the bots that it is opened to, and admins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody.
    #[default]
    Private,
    /// Every person and every bot.
    Everyone,
}

/// The most that may be used in a day, or in a month where that is said. What is absent or `null` has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// Questions answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000_000_000u64)]
    pub questions: Option<u64>,
    /// Tokens of chat models, in and out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000_000_000u64)]
    pub tokens: Option<u64>,
    /// Bytes of uploads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000_000_000u64)]
    pub uploaded_bytes: Option<u64>,
    /// What chat models cost in a day, in millionths of the unit of the installation's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000_000_000u64, example = 2_500_000)]
    pub cost_micros: Option<u64>,
    /// The same in a calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 1_000_000_000_000_000u64, example = 50_000_000)]
    pub monthly_cost_micros: Option<u64>,
}

/// What was used today of daily limits, and this month of monthly ones. Uses without a limit are not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    pub questions: Used,
    pub tokens: Used,
    pub uploaded_bytes: Used,
    pub cost_micros: Used,
    pub monthly_cost_micros: Used,
    /// Of prices and budgets.
    #[schema(example = "USD")]
    pub currency: String,
    /// Where the day begins and ends.
    #[schema(example = "Europe/Moscow")]
    pub time_zone: String,
    pub resets_at: DateTime<Utc>,
    pub month_resets_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Used {
    pub used: u64,
    /// Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}
