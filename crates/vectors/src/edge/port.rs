//! The port, as the store's collections serve it.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_domain::{
    ChunkId, Collection, Hit, KbId, Point, StoreStatus, VectorError, VectorQuery, VectorStore,
};
use qdrant_edge::EdgeShard;

use super::optimiser::Collections as _;
use super::shard;
use super::store::EdgeStore;
use crate::check;

const ENGINE: &str = "qdrant-edge 0.9.0";

#[async_trait]
impl VectorStore for EdgeStore {
    async fn ensure(&self, collection: Collection) -> Result<(), VectorError> {
        to_the_end(Arc::clone(&self.inner).ensure(collection)).await?;
        self.collection(&collection)?.fits(collection).await
    }

    async fn upsert(&self, collection: Collection, points: Vec<Point>) -> Result<(), VectorError> {
        for point in &points {
            check::stored(&collection, &point.vector)?;
        }
        let written = u64::try_from(points.len()).unwrap_or(u64::MAX);
        let open = self.collection(&collection)?;
        let unseen = open
            .write(written, move |shard| shard::upsert(shard, points))
            .await?;
        self.wake_optimiser_at(unseen);
        Ok(())
    }

    async fn delete(&self, collection: Collection, ids: Vec<ChunkId>) -> Result<(), VectorError> {
        let removed = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let open = self.collection(&collection)?;
        let unseen = open
            .write(removed, move |shard| shard::delete(shard, &ids))
            .await?;
        self.wake_optimiser_at(unseen);
        Ok(())
    }

    async fn delete_kb(&self, collection: Collection, kb: KbId) -> Result<(), VectorError> {
        // How many points go is not known: enough for a look at the next interval.
        self.collection(&collection)?
            .write(1, move |shard| shard::delete_kb(shard, kb))
            .await?;
        Ok(())
    }

    async fn persist(&self, collection: Collection) -> Result<(), VectorError> {
        self.collection(&collection)?.persist().await
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>, VectorError> {
        let VectorQuery {
            collection,
            vector,
            filter,
            limit,
        } = query;
        if !check::asked(&collection, &vector)? || filter.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let search = move |shard: &EdgeShard| shard::search(shard, vector, filter.kbs(), limit);
        self.collection(&collection)?
            .read(&self.inner.reads, search)
            .await
    }

    async fn count(&self, collection: Collection, kb: Option<KbId>) -> Result<u64, VectorError> {
        let count = move |shard: &EdgeShard| shard::count(shard, kb);
        self.collection(&collection)?.read(&self.inner.reads, count).await
    }

    async fn contained(
        &self,
        collection: Collection,
        ids: Vec<ChunkId>,
    ) -> Result<Vec<ChunkId>, VectorError> {
        let contained = move |shard: &EdgeShard| shard::contained(shard, ids);
        self.collection(&collection)?
            .read(&self.inner.reads, contained)
            .await
    }

    async fn ids(
        &self,
        collection: Collection,
        kb: KbId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>, VectorError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let ids = move |shard: &EdgeShard| shard::ids(shard, kb, after, limit);
        self.collection(&collection)?.read(&self.inner.reads, ids).await
    }

    async fn drop_collection(&self, collection: Collection) -> Result<(), VectorError> {
        to_the_end(Arc::clone(&self.inner).drop_collection(collection)).await
    }

    async fn status(&self) -> Result<StoreStatus, VectorError> {
        let mut open = self.inner.open_collections();
        open.sort_by(|a, b| a.name().cmp(b.name()));
        let mut collections = Vec::with_capacity(open.len());
        for collection in open {
            let points = collection
                .read(&self.inner.reads, |shard| shard::count(shard, None))
                .await?;
            collections.push((collection.name().to_owned(), points));
        }
        Ok(StoreStatus {
            engine: ENGINE.to_owned(),
            collections,
        })
    }
}

/// Runs to its end even if the caller goes away: half a change of a collection would be in the way of the next one.
async fn to_the_end(
    change: impl Future<Output = Result<(), VectorError>> + Send + 'static,
) -> Result<(), VectorError> {
    match tokio::spawn(change).await {
        Ok(result) => result,
        Err(error) => Err(VectorError::Failed(error.to_string())),
    }
}
