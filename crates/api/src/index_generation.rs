//! Generations: one dense index per embedding model.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexGenerationState {
    /// Questions are put to it.
    Active,
    /// It is filled, and takes over as soon as it holds all that the active one holds.
    Building,
    /// It answered before, or was never completed. What it holds is kept; new documents do not go into it.
    Standby,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexGeneration {
    pub id: i64,
    /// Names the vectors: model, pooling, window and a hash over everything that changes them.
    #[schema(example = "multilingual-e5-small/mean/512/1f3c5a7e9b2d")]
    pub model: String,
    /// Numbers in a vector.
    pub dimension: u32,
    pub state: IndexGenerationState,
    /// Its model is loaded in the process that answers this request.
    pub loaded: bool,
    /// Chunks of all knowledge bases.
    pub chunks: u64,
    /// Those of them whose documents it holds.
    pub embedded_chunks: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexGenerations {
    /// Oldest first.
    pub items: Vec<IndexGeneration>,
}
