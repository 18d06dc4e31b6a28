//! Sign-in, sessions, API keys.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::bot::Bot;
use crate::patch::present;
use crate::role::{CallerKind, Role, Scope};
use crate::user::User;

/// What Telegram has signed about a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum TelegramProof {
    /// `Telegram.WebApp.initData` of a Mini App, verified with the bot's token.
    InitData {
        #[schema(max_length = 4096)]
        init_data: String,
    },
    /// The same, verified with Telegram's public key: for bots whose token is not kept here.
    InitDataSignature {
        #[schema(max_length = 4096)]
        init_data: String,
    },
    /// The fields that the login widget gave.
    LoginWidget { fields: BTreeMap<String, String> },
    /// An OpenID Connect token of `oauth.telegram.org`.
    IdToken {
        #[schema(max_length = 8192)]
        id_token: String,
        /// The nonce that the request for it carried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// The token is returned, and sent as `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// The token is set as a cookie that scripts cannot read; changes need the header `X-CSRF-Token`.
    Cookie,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    /// Code of the bot that the person comes with.
    #[schema(example = "docs")]
    pub bot: String,
    #[serde(default)]
    pub session: SessionKind,
    #[serde(flatten)]
    pub proof: TelegramProof,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The session's token; absent where it went into a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What `X-CSRF-Token` must carry; only with a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
    pub expires_at: DateTime<Utc>,
    pub user: User,
}

/// Who the server takes the caller for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub kind: CallerKind,
    /// What the caller may do, with the limits of the way it came.
    pub role: Role,
    pub scopes: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<Bot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    pub role: Role,
    pub scopes: Vec<Scope>,
    /// Ids of the only knowledge bases that it reaches; all where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_bases: Option<Vec<Uuid>>,
    /// Networks that it may call from; none means any.
    pub addresses: Vec<String>,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    pub role: Role,
    /// All scopes where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_bases: Option<Vec<Uuid>>,
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Fields that are absent stay as they are; `null` removes what can be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateApiKey {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Scope>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub knowledge_bases: Option<Option<Vec<Uuid>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// The only response that shows the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedApiKey {
    /// Sent as `Authorization: Bearer …`.
    pub key: String,
    pub api_key: ApiKey,
}
