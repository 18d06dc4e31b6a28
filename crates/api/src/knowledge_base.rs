//! Knowledge bases.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::patch::object;
use crate::role::{KbRole, Quotas, Visibility};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeBase {
    pub id: Uuid,
    /// Unique; requests may name a knowledge base by it instead of its id.
    #[schema(example = "handbook")]
    pub name: String,
    pub description: String,
    /// Rises with every change of what can be retrieved.
    pub revision: i64,
    pub documents: u64,
    pub chunks: u64,
    /// Chunks that the dense index holds; the rest is found lexically until their vectors follow.
    pub embedded_chunks: u64,
    pub visibility: Visibility,
    /// What all who use it together may use in a day.
    pub quotas: Quotas,
    /// What the caller may do in it.
    pub my_role: KbRole,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKnowledgeBase {
    /// 1-64 characters: letters, digits, spaces, `-`, `_`, `.`; starts with a letter or digit.
    #[schema(example = "handbook", min_length = 1, max_length = 64)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: String,
    #[serde(default)]
    pub visibility: Visibility,
}

/// Fields that are absent stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateKnowledgeBase {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}
