//! Bots and their credentials.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::patch::{object, present};
use crate::role::{Quotas, Role};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Bot {
    pub id: Uuid,
    /// Short name that the bot's own process is configured with; unique.
    #[schema(example = "docs")]
    pub code: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub version: String,
    pub is_active: bool,
    /// The bot's own id at Telegram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram_bot_id: Option<i64>,
    /// Whether its Telegram token is kept here, encrypted. The token is never returned.
    pub has_telegram_token: bool,
    /// Whether each of its requests must be signed.
    pub signs_requests: bool,
    /// Networks that it may call from, such as `203.0.113.0/24`; none means any.
    pub addresses: Vec<String>,
    /// The most that a person may do through this bot, whatever their own role.
    pub max_role: Role,
    /// Ids of the knowledge bases asked where a question names none; none means all that the asker sees.
    pub default_knowledge_bases: Vec<Uuid>,
    pub texts: BotTexts,
    pub settings: BotSettings,
    /// What all its people together may use in a day.
    pub quotas: Quotas,
    /// What each of its people may use in a day, unless they have limits of their own.
    pub person_quotas: Quotas,
    /// IANA name of the time zone in which its days begin.
    #[schema(example = "Europe/Moscow")]
    pub time_zone: String,
    /// The last thing that went wrong for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<BotError>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BotError {
    pub message: String,
    pub at: DateTime<Utc>,
}

/// What the bot says; where absent, it says what all bots say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotTexts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4096)]
    pub error: Option<String>,
}

/// How much answers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerStyle {
    /// One to three sentences.
    Brief,
    Normal,
    /// All that belongs to the question.
    Detailed,
}

/// How answers are written for this bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotSettings {
    /// Style and rules for the chat model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 4000)]
    pub instructions: Option<String>,
    /// Name of the chat model; the configured order where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub model: Option<String>,
    /// For people who have chosen none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<AnswerStyle>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBot {
    /// 1-64 of `a-z`, `0-9`, `-`, `_`; starts with a letter or digit.
    #[schema(example = "docs", pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
    pub code: String,
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub version: Option<String>,
    /// The token that BotFather gave; kept encrypted and never returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telegram_token: Option<String>,
    /// The bot's id at Telegram, where its token is not kept here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub telegram_bot_id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// Fields that are absent stay as they are; `null` removes what can be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub description: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub version: Option<String>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub telegram_token: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_knowledge_bases: Option<Vec<Uuid>>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub texts: Option<BotTexts>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub settings: Option<BotSettings>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub person_quotas: Option<Quotas>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A bot's token for this API, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceToken {
    pub id: Uuid,
    pub bot_id: Uuid,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceTokens {
    /// Newest first.
    pub items: Vec<ServiceToken>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateServiceToken {
    /// What it is for, so that it is known again.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// Days until it expires, 1 to 3,650.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 3650, default = 365)]
    pub expires_in_days: Option<u32>,
}

/// The only response that shows the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedServiceToken {
    /// Sent as `Authorization: Bearer …`.
    pub token: String,
    pub service_token: ServiceToken,
}

/// The only response that shows the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedSigningSecret {
    /// Key of the HMAC that signs each request of this bot from now on.
    pub secret: String,
}
