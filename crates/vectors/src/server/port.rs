//! The port, as a server serves it.

use async_trait::async_trait;
use nexus_domain::{
    ChunkId, Collection, Hit, KbId, Point, StoreStatus, Vector, VectorError, VectorQuery, VectorStore,
};
use qdrant_client::qdrant::{
    CountPointsBuilder, DeletePointsBuilder, GetPointsBuilder, PointId, PointStruct, PointsIdsList,
    ScrollPointsBuilder, UpsertPointsBuilder,
};

use super::connection::{Connection, Kind, Patience, fail, kind};
use super::options::ServerOptions;
use super::wire;
use crate::{batch, check, ties};

/// The first server whose searches count rarity over the knowledge bases asked. An older one would ignore that silently.
const OLDEST: (u64, u64) = (1, 19);
/// Points of one write: 400 KB for 384 dimensions, within what a server takes at once.
const WRITE_BATCH: usize = 256;

/// The indexes on a Qdrant server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerStore {
    connection: Connection,
}

impl ServerStore {
    /// Connects, and makes sure that the server is one that can do what is needed.
    ///
    /// # Errors
    /// [`VectorError::Unavailable`] if it does not answer, [`VectorError::Failed`] if it is too old or refuses the key.
    pub async fn open(options: ServerOptions) -> Result<Self, VectorError> {
        let connection = Connection::new(options)?;
        let store = Self { connection };
        let version = store.version().await?;
        if is_older(&version, OLDEST) {
            let (major, minor) = OLDEST;
            return Err(VectorError::Failed(format!(
                "the Qdrant server is version {version}; {major}.{minor} or later is needed"
            )));
        }
        // A wrong key is heard of here, not with the first question.
        store
            .connection
            .call(
                "listing collections",
                Patience::Write,
                &(),
                |client, ()| async move { client.list_collections().await },
            )
            .await?;
        Ok(store)
    }

    async fn version(&self) -> Result<String, VectorError> {
        let reply = self.connection.call(
            "asking for the version",
            Patience::Write,
            &(),
            |client, ()| async move { client.health_check().await },
        );
        Ok(reply.await?.version)
    }

    fn name(&self, collection: &Collection) -> String {
        format!("{}{}", self.connection.options().prefix, collection.name())
    }

    async fn create(&self, name: &str, collection: &Collection) -> Result<(), VectorError> {
        let create = wire::create(name, collection);
        let created = self
            .connection
            .attempt(Patience::Write, &create, |client, create| async move {
                client.create_collection(create).await
            })
            .await;
        match created {
            Ok(_) => {}
            // Another process was faster, or an answer was lost on its way.
            Err(error) if kind(&error) == Kind::Exists => {}
            Err(error) => return Err(fail("creating a collection", &error)),
        }
        Ok(())
    }

    async fn delete_where(
        &self,
        collection: &Collection,
        selected: impl Fn(DeletePointsBuilder) -> DeletePointsBuilder,
    ) -> Result<(), VectorError> {
        let delete = selected(DeletePointsBuilder::new(self.name(collection)).wait(true)).build();
        self.connection
            .call(
                "deleting points",
                Patience::Write,
                &delete,
                |client, delete| async move { client.delete_points(delete).await },
            )
            .await?;
        Ok(())
    }

    async fn count_in(&self, name: &str, kb: Option<KbId>) -> Result<u64, VectorError> {
        let mut count = CountPointsBuilder::new(name).exact(true);
        if let Some(kb) = kb {
            count = count.filter(wire::in_kbs([kb]));
        }
        let count = count.build();
        let reply = self.connection.call(
            "counting points",
            Patience::Read,
            &count,
            |client, count| async move { client.count(count).await },
        );
        Ok(reply.await?.result.map_or(0, |result| result.count))
    }
}

#[async_trait]
impl VectorStore for ServerStore {
    async fn ensure(&self, collection: Collection) -> Result<(), VectorError> {
        let name = self.name(&collection);
        let exists = self
            .connection
            .call(
                "looking for a collection",
                Patience::Write,
                &name,
                |client, name| async move { client.collection_exists(name).await },
            )
            .await?;
        if !exists {
            self.create(&name, &collection).await?;
        }
        let info = self
            .connection
            .call(
                "reading a collection",
                Patience::Write,
                &name,
                |client, name| async move { client.collection_info(name).await },
            )
            .await?;
        let info = info.result.unwrap_or_default();
        wire::fits(&info, &collection)
            .map_err(|reason| VectorError::Failed(format!("collection {name} is another one's: {reason}")))?;
        if !info.payload_schema.contains_key(wire::KB_ID) {
            let index = wire::tenant_index(&name);
            self.connection
                .call(
                    "indexing the knowledge bases",
                    Patience::Write,
                    &index,
                    |client, index| async move { client.create_field_index(index).await },
                )
                .await?;
        }
        Ok(())
    }

    async fn upsert(&self, collection: Collection, points: Vec<Point>) -> Result<(), VectorError> {
        for point in &points {
            check::stored(&collection, &point.vector)?;
        }
        let points: Vec<PointStruct> = batch::last_of_each(points).into_iter().map(wire::point).collect();
        for batch in points.chunks(WRITE_BATCH) {
            let upsert = UpsertPointsBuilder::new(self.name(&collection), batch)
                .wait(true)
                .build();
            self.connection
                .call(
                    "writing points",
                    Patience::Write,
                    &upsert,
                    |client, upsert| async move { client.upsert_points(upsert).await },
                )
                .await?;
        }
        Ok(())
    }

    async fn delete(&self, collection: Collection, ids: Vec<ChunkId>) -> Result<(), VectorError> {
        for batch in ids.chunks(WRITE_BATCH * 4) {
            let ids: Vec<PointId> = batch.iter().copied().map(wire::id).collect();
            let selected = |delete: DeletePointsBuilder| delete.points(PointsIdsList { ids: ids.clone() });
            self.delete_where(&collection, selected).await?;
        }
        Ok(())
    }

    async fn delete_kb(&self, collection: Collection, kb: KbId) -> Result<(), VectorError> {
        self.delete_where(&collection, |delete| delete.points(wire::in_kbs([kb])))
            .await
    }

    async fn persist(&self, _collection: Collection) -> Result<(), VectorError> {
        // Every write has waited for the server already.
        Ok(())
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
        let name = self.name(&collection);
        let mut fetch = ties::first_fetch(limit);
        let hits = loop {
            let ask = wire::query(&name, &vector, wire::in_kbs(filter.kbs()), fetch);
            let reply = self
                .connection
                .call("searching", Patience::Read, &ask, |client, ask| async move {
                    client.query(ask).await
                })
                .await?;
            let found = reply.result.into_iter().filter_map(wire::hit).collect();
            match ties::settle(found, fetch, limit) {
                Ok(hits) => break hits,
                Err(more) => fetch = more,
            }
        };
        // Rounding may go beyond what a cosine is.
        let is_cosine = matches!(vector, Vector::Dense(_));
        let in_range = |hit: Hit| Hit {
            score: if is_cosine {
                hit.score.clamp(-1.0, 1.0)
            } else {
                hit.score
            },
            ..hit
        };
        Ok(hits.into_iter().map(in_range).collect())
    }

    async fn count(&self, collection: Collection, kb: Option<KbId>) -> Result<u64, VectorError> {
        self.count_in(&self.name(&collection), kb).await
    }

    async fn contained(
        &self,
        collection: Collection,
        ids: Vec<ChunkId>,
    ) -> Result<Vec<ChunkId>, VectorError> {
        let name = self.name(&collection);
        let mut contained = Vec::with_capacity(ids.len());
        for batch in ids.chunks(WRITE_BATCH * 4) {
            let ids: Vec<PointId> = batch.iter().copied().map(wire::id).collect();
            let get = GetPointsBuilder::new(&name, ids).with_payload(false).build();
            let found = self
                .connection
                .call(
                    "looking for points",
                    Patience::Read,
                    &get,
                    |client, get| async move { client.get_points(get).await },
                )
                .await?;
            let found = found.result.into_iter();
            contained.extend(found.filter_map(|point| wire::chunk_id(point.id)));
        }
        Ok(contained)
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
        // The server starts with the offset itself: one more is asked for, and that one left out.
        let asked = limit.saturating_add(usize::from(after.is_some()));
        let mut scroll = ScrollPointsBuilder::new(self.name(&collection))
            .filter(wire::in_kbs([kb]))
            .limit(u32::try_from(asked).unwrap_or(u32::MAX))
            .with_payload(false);
        if let Some(after) = after {
            scroll = scroll.offset(wire::id(after));
        }
        let scroll = scroll.build();
        let page = self
            .connection
            .call(
                "listing points",
                Patience::Read,
                &scroll,
                |client, scroll| async move { client.scroll(scroll).await },
            )
            .await?;
        let ids = page
            .result
            .into_iter()
            .filter_map(|point| wire::chunk_id(point.id));
        Ok(ids.filter(|id| Some(*id) != after).take(limit).collect())
    }

    async fn drop_collection(&self, collection: Collection) -> Result<(), VectorError> {
        let name = self.name(&collection);
        let dropped = self
            .connection
            .attempt(Patience::Write, &name, |client, name| async move {
                client.delete_collection(name).await
            })
            .await;
        match dropped {
            Ok(_) => Ok(()),
            Err(error) if kind(&error) == Kind::Missing => Ok(()),
            Err(error) => Err(fail("dropping a collection", &error)),
        }
    }

    async fn status(&self) -> Result<StoreStatus, VectorError> {
        let version = self.version().await?;
        let listed = self
            .connection
            .call(
                "listing collections",
                Patience::Read,
                &(),
                |client, ()| async move { client.list_collections().await },
            )
            .await?;
        let mut collections = Vec::new();
        for full in listed.collections.into_iter().map(|collection| collection.name) {
            if let Some(name) = full.strip_prefix(&self.connection.options().prefix) {
                collections.push((name.to_owned(), self.count_in(&full, None).await?));
            }
        }
        collections.sort();
        Ok(StoreStatus {
            engine: format!("qdrant {version}"),
            collections,
        })
    }
}

/// Whether `1.18.3` is older than 1.19. A version that cannot be read is taken as new enough.
fn is_older(version: &str, than: (u64, u64)) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map(str::parse::<u64>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < than,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for old in ["1.18.3", "1.9.0", "0.20.0", "v1.18.0"] {
            assert!(is_older(old, OLDEST), "{old}");
        }
        for new in ["1.19.0", "1.20.1-dev", "2.0.0", "dev"] {
            assert!(!is_older(new, OLDEST), "{new}");
        }
    }
}
