//! People, and their use of bots.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::patch::object;
use crate::role::{Quotas, Role};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: Uuid,
    #[schema(example = 279_058_397)]
    pub telegram_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// IETF language tag, as Telegram tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "ru")]
    pub language_code: Option<String>,
    pub role: Role,
    /// May do nothing, anywhere.
    pub blocked: bool,
    /// Limits of this person's own; they come before those that a bot sets for its people.
    pub quotas: Quotas,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A person as Telegram shows them to a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserFromTelegram {
    /// Code of the bot that the person uses; of the calling bot where a bot calls.
    #[schema(example = "docs", min_length = 1, max_length = 64)]
    pub bot: String,
    #[schema(minimum = 1, maximum = 4_503_599_627_370_495i64, example = 279_058_397)]
    pub telegram_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub username: Option<String>,
    #[schema(max_length = 64)]
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub language_code: Option<String>,
}

/// A person and their use of the bot that they came with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserSubscription {
    pub user: User,
    pub subscription: Subscription,
    /// Whether the person was not known before.
    pub user_created: bool,
    /// Whether the person uses this bot for the first time.
    pub subscription_created: bool,
}

/// Fields that are absent stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}

/// A person's use of a bot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Subscription {
    pub id: Uuid,
    pub user_id: Uuid,
    pub bot_id: Uuid,
    pub installed_at: DateTime<Utc>,
    /// What the person has chosen.
    pub settings: Map<String, Value>,
    /// Rises with each change of the settings; `"3"` in `ETag` and `If-Match`.
    pub settings_version: i64,
    /// What the bot keeps about the person.
    pub state: Map<String, Value>,
    pub state_version: i64,
    pub last_interaction_at: DateTime<Utc>,
}

/// A bot that a person uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserBot {
    /// Code of the bot.
    pub bot: String,
    pub name: String,
    pub is_active: bool,
    pub subscription: Subscription,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UserBots {
    pub items: Vec<UserBot>,
}
