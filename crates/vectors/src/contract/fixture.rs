//! How the scenarios get a store, and the points they put into it.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_domain::{
    Access, ApiKeyId, ChunkId, Collection, GenerationId, Hit, KbFilter, KbId, Point, Role, SparseVector,
    Standing, Timestamp, Vector, VectorQuery, VectorStore,
};

/// A dense collection small enough to write vectors by hand.
pub const DENSE: Collection = Collection::Dense {
    generation: GenerationId(1),
    dimension: 4,
};

/// One store for one scenario.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The store. Empty at first.
    fn store(&self) -> Arc<dyn VectorStore>;

    /// The same store after an orderly restart of whatever holds it.
    async fn restart(&self) -> Arc<dyn VectorStore>;
}

const EPOCH: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

pub(super) fn kb() -> KbId {
    KbId::new(EPOCH)
}

pub(super) fn chunk_id() -> ChunkId {
    ChunkId::new(EPOCH)
}

pub(super) fn filter(kbs: impl IntoIterator<Item = KbId>) -> KbFilter {
    Access::decide(Standing::of_key(ApiKeyId::new(EPOCH), Role::Reader)).filter(kbs)
}

pub(super) fn sparse(terms: &[(u32, f32)]) -> Vector {
    let (ids, values) = terms.iter().copied().unzip();
    Vector::Sparse(SparseVector { ids, values })
}

/// A point whose terms all weigh 1.
pub(super) fn words(kb_id: KbId, terms: &[u32]) -> Point {
    let terms: Vec<_> = terms.iter().map(|term| (*term, 1.0)).collect();
    Point {
        id: chunk_id(),
        kb_id,
        vector: sparse(&terms),
    }
}

pub(super) fn dense(kb_id: KbId, values: [f32; 4]) -> Point {
    Point {
        id: chunk_id(),
        kb_id,
        vector: Vector::Dense(values.to_vec()),
    }
}

pub(super) fn query(vector: Vector, kbs: impl IntoIterator<Item = KbId>, limit: usize) -> VectorQuery {
    let collection = match vector {
        Vector::Sparse(_) => Collection::Lexical,
        Vector::Dense(_) => DENSE,
    };
    VectorQuery {
        collection,
        vector,
        filter: filter(kbs),
        limit,
    }
}

/// The store with both collections.
pub(super) async fn ready(fixture: &impl Fixture) -> Arc<dyn VectorStore> {
    let store = fixture.store();
    for collection in [Collection::Lexical, DENSE] {
        store
            .ensure(collection)
            .await
            .expect("a collection can be created");
    }
    store
}

pub(super) async fn put(store: &Arc<dyn VectorStore>, points: &[Point]) {
    let lexical = points
        .iter()
        .filter(|point| matches!(point.vector, Vector::Sparse(_)))
        .cloned()
        .collect();
    let dense = points
        .iter()
        .filter(|point| matches!(point.vector, Vector::Dense(_)))
        .cloned()
        .collect();
    store
        .upsert(Collection::Lexical, lexical)
        .await
        .expect("sparse points can be written");
    store
        .upsert(DENSE, dense)
        .await
        .expect("dense points can be written");
}

pub(super) async fn find(store: &Arc<dyn VectorStore>, query: VectorQuery) -> Vec<Hit> {
    store.search(query).await.expect("the query is fit")
}

pub(super) fn ids(hits: &[Hit]) -> Vec<ChunkId> {
    hits.iter().map(|hit| hit.id).collect()
}
