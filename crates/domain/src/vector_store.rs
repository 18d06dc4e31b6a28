//! The port to the indexes. Rows are the truth and indexes are derived: a store may hold points whose rows are gone
//! (they are dropped when hits are hydrated), and may be rebuilt from rows at any time.

use async_trait::async_trait;

use crate::access::KbFilter;
use crate::id::{ChunkId, GenerationId, KbId};

/// One of the indexes. They are never mixed: each has its own points, statistics and life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Collection {
    /// BM25: sparse vectors whose values hold term frequency and length; inverse document frequency is the store's,
    /// counted over the knowledge bases asked.
    Lexical,
    /// Unit vectors of one embedding model, compared by cosine.
    Dense {
        generation: GenerationId,
        dimension: usize,
    },
}

impl Collection {
    /// Name in the store: `lexical`, `dense-1`.
    pub fn name(&self) -> String {
        match self {
            Self::Lexical => "lexical".to_owned(),
            Self::Dense { generation, .. } => format!("dense-{generation}"),
        }
    }
}

/// Term ids and their weights; ids ascend and occur once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseVector {
    pub ids: Vec<u32>,
    pub values: Vec<f32>,
}

impl SparseVector {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Vector {
    Sparse(SparseVector),
    Dense(Vec<f32>),
}

/// A chunk in an index. Upserting an id again replaces it.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub id: ChunkId,
    pub kb_id: KbId,
    pub vector: Vector,
}

/// A search. The vector's kind must fit the collection.
#[derive(Clone, Debug)]
pub struct VectorQuery {
    pub collection: Collection,
    pub vector: Vector,
    pub filter: KbFilter,
    pub limit: usize,
}

/// A chunk that a search found. Scores of different collections are not comparable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub id: ChunkId,
    /// BM25 for the lexical collection (≥ 0, unbounded), cosine for a dense one (-1 to 1).
    pub score: f32,
}

/// What an operator is told about the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// Engine and version: "qdrant-edge 0.9.0".
    pub engine: String,
    /// Points per collection, by name.
    pub collections: Vec<(String, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The caller handed over something that cannot be stored or asked. A defect, never bad input of a user.
    #[error("invalid vector for {collection}: {reason}")]
    Invalid { collection: String, reason: String },
    /// Another process holds the store.
    #[error("the vector store at {path} is used by another process")]
    Locked { path: String },
    /// The store is away; trying again later may help.
    #[error("the vector store is not available: {0}")]
    Unavailable(String),
    /// The store failed.
    #[error("the vector store failed: {0}")]
    Failed(String),
}

/// Both kinds of index behind one door. All calls may be repeated.
#[async_trait]
pub trait VectorStore: Send + Sync + std::fmt::Debug {
    /// Creates the collection, or checks that the existing one fits.
    async fn ensure(&self, collection: Collection) -> Result<(), VectorError>;

    /// Writes points; they are found by searches that start after this returns.
    async fn upsert(&self, collection: Collection, points: Vec<Point>) -> Result<(), VectorError>;

    /// Removes points; unknown ids are no error.
    async fn delete(&self, collection: Collection, ids: Vec<ChunkId>) -> Result<(), VectorError>;

    /// Removes all points of a knowledge base.
    async fn delete_kb(&self, collection: Collection, kb: KbId) -> Result<(), VectorError>;

    /// When this returns, every write before it survives a power cut. Rows that depend on a write are changed after.
    async fn persist(&self, collection: Collection) -> Result<(), VectorError>;

    /// The best hits, best first; equal scores are ordered by id. An empty filter or vector finds nothing.
    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>, VectorError>;

    /// Number of points, of one knowledge base or of all.
    async fn count(&self, collection: Collection, kb: Option<KbId>) -> Result<u64, VectorError>;

    /// Those of the ids that have a point, in no particular order.
    async fn contained(&self, collection: Collection, ids: Vec<ChunkId>)
    -> Result<Vec<ChunkId>, VectorError>;

    /// Ids of a knowledge base's points in ascending order, after `after`: to compare an index with its rows.
    async fn ids(
        &self,
        collection: Collection,
        kb: KbId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>, VectorError>;

    /// Drops a collection and all its points.
    async fn drop_collection(&self, collection: Collection) -> Result<(), VectorError>;

    async fn status(&self) -> Result<StoreStatus, VectorError>;
}
