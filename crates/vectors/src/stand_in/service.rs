//! The calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nexus_domain::{ChunkId, Collection, GenerationId, VectorError, VectorQuery, VectorStore as _};
use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::qdrant_server::Qdrant;
use qdrant_client::qdrant::{
    self as wire, CollectionConfig, CollectionDescription, CollectionInfo, CollectionOperationResponse,
    CollectionParams, CountResponse, CountResult, CreateCollection, PayloadSchemaInfo,
    PointsOperationResponse, QueryResponse, RetrievedPoint, ScoredPoint, ScrollResponse,
};
use serde::{Deserialize, Serialize};
use tonic::{Request, Response, Status};

use super::convert::{asked, chunk_id, collection, filter, kbs, point, wrong};
use super::{Faults, Persona};
use crate::{EdgeOptions, EdgeStore};

/// Remembers, beside the store, which collections there are.
const CATALOGUE: &str = "stand-in.json";

/// A collection as it was created.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Created {
    /// Generation and dimension of a dense one.
    dense: Option<(i64, usize)>,
    indexed: bool,
}

impl Created {
    fn collection(self) -> Collection {
        self.dense
            .map_or(Collection::Lexical, |(generation, dimension)| Collection::Dense {
                generation: GenerationId(generation),
                dimension,
            })
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) persona: Persona,
    faults: Arc<Faults>,
    store: EdgeStore,
    catalogue: PathBuf,
    collections: Mutex<BTreeMap<String, Created>>,
}

#[derive(Clone, Debug)]
pub(super) struct Service(pub(super) Arc<State>);

impl State {
    pub(super) async fn open(folder: &Path, persona: Persona, faults: Arc<Faults>) -> Self {
        let store = EdgeStore::open(folder, EdgeOptions::default()).await;
        let catalogue = folder.join(CATALOGUE);
        let collections = std::fs::read(&catalogue)
            .ok()
            .and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default();
        Self {
            persona,
            faults,
            store: store.expect("the folder is free"),
            catalogue,
            collections: Mutex::new(collections),
        }
    }

    pub(super) async fn close(&self) {
        self.store.close().await.expect("the store closes");
    }

    fn catalogue(&self) -> MutexGuard<'_, BTreeMap<String, Created>> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Created>)) {
        let mut collections = self.catalogue();
        change(&mut collections);
        let json = serde_json::to_vec(&*collections).expect("plain data");
        std::fs::write(&self.catalogue, json).expect("the folder can be written to");
    }

    fn find(&self, name: &str) -> Result<Created, Status> {
        let found = self.catalogue().get(name).copied();
        found.ok_or_else(|| Status::not_found(format!("Not found: Collection `{name}` doesn't exist!")))
    }

    async fn written(&self, collection: Collection) -> Result<PointsOperationResponse, Status> {
        self.store.persist(collection).await.map_err(status)?;
        Ok(PointsOperationResponse::default())
    }
}

fn status(error: VectorError) -> Status {
    match error {
        VectorError::Invalid { .. } => wrong(error),
        VectorError::Unavailable(_) => Status::unavailable(error.to_string()),
        _ => Status::internal(format!("Service internal error: {error}")),
    }
}

fn waits(wait: Option<bool>) -> Result<(), Status> {
    match wait {
        Some(true) => Ok(()),
        _ => Err(wrong("the stand-in refuses writes that nobody waits for")),
    }
}

impl Service {
    /// Lets a call in, carries it out, and loses what it is told to lose.
    async fn answer<Q, R>(
        &self,
        request: Request<Q>,
        call: impl AsyncFnOnce(&State, Q) -> Result<R, Status>,
    ) -> Result<Response<R>, Status> {
        let key = request
            .metadata()
            .get("api-key")
            .and_then(|key| key.to_str().ok());
        if self.0.persona.api_key.is_some() && key != self.0.persona.api_key {
            return Err(Status::unauthenticated(
                "Must provide an API key or an Authorization bearer token",
            ));
        }
        if Faults::take(&self.0.faults.refused) {
            return Err(Status::unavailable("the stand-in was told to refuse"));
        }
        let answer = call(&self.0, request.into_inner()).await?;
        if Faults::take(&self.0.faults.unanswered) {
            return Err(Status::unavailable("the stand-in was told to lose the answer"));
        }
        Ok(Response::new(answer))
    }
}

async fn create(state: &State, create: CreateCollection) -> Result<CollectionOperationResponse, Status> {
    let name = create.collection_name.clone();
    if state.find(&name).is_ok() {
        return Err(wrong(format_args!("Collection `{name}` already exists!")));
    }
    let made = collection(&create)?;
    state.store.ensure(made).await.map_err(status)?;
    let dense = match made {
        Collection::Dense {
            generation,
            dimension,
        } => Some((generation.0, dimension)),
        Collection::Lexical => None,
    };
    let created = Created {
        dense,
        indexed: false,
    };
    state.change(|collections| {
        collections.insert(name, created);
    });
    Ok(CollectionOperationResponse {
        result: true,
        time: 0.0,
    })
}

async fn drop_collection(
    state: &State,
    request: wire::DeleteCollection,
) -> Result<CollectionOperationResponse, Status> {
    let found = state.find(&request.collection_name).ok();
    if let Some(found) = found {
        let dropped = state.store.drop_collection(found.collection());
        dropped.await.map_err(status)?;
        state.change(|collections| {
            collections.remove(&request.collection_name);
        });
    }
    Ok(CollectionOperationResponse {
        result: found.is_some(),
        time: 0.0,
    })
}

async fn list(
    state: &State,
    _: wire::ListCollectionsRequest,
) -> Result<wire::ListCollectionsResponse, Status> {
    let names = state.catalogue().keys().cloned().collect::<Vec<_>>();
    Ok(wire::ListCollectionsResponse {
        collections: names
            .into_iter()
            .map(|name| CollectionDescription { name })
            .collect(),
        time: 0.0,
    })
}

async fn exists(
    state: &State,
    request: wire::CollectionExistsRequest,
) -> Result<wire::CollectionExistsResponse, Status> {
    let exists = state.find(&request.collection_name).is_ok();
    Ok(wire::CollectionExistsResponse {
        result: Some(wire::CollectionExists { exists }),
        time: 0.0,
    })
}

async fn info(
    state: &State,
    request: wire::GetCollectionInfoRequest,
) -> Result<wire::GetCollectionInfoResponse, Status> {
    let found = state.find(&request.collection_name)?;
    let mut params = CollectionParams::default();
    match found.dense {
        Some((_, dimension)) => {
            let mut dense = wire::VectorsConfigBuilder::default();
            let vector = wire::VectorParamsBuilder::new(dimension as u64, wire::Distance::Cosine);
            dense.add_named_vector_params("v", vector);
            params.vectors_config = Some(dense.into());
        }
        None => {
            let mut sparse = wire::SparseVectorsConfigBuilder::default();
            let vector = wire::SparseVectorParamsBuilder::default().modifier(wire::Modifier::Idf);
            sparse.add_named_vector_params("v", vector);
            params.sparse_vectors_config = Some(sparse.into());
        }
    }
    let indexed = found
        .indexed
        .then(|| ("kb_id".to_owned(), PayloadSchemaInfo::default()));
    Ok(wire::GetCollectionInfoResponse {
        result: Some(CollectionInfo {
            config: Some(CollectionConfig {
                params: Some(params),
                ..CollectionConfig::default()
            }),
            payload_schema: indexed.into_iter().collect(),
            ..CollectionInfo::default()
        }),
        time: 0.0,
    })
}

async fn index_field(
    state: &State,
    request: wire::CreateFieldIndexCollection,
) -> Result<PointsOperationResponse, Status> {
    waits(request.wait)?;
    state.find(&request.collection_name)?;
    state.change(|collections| {
        if let Some(created) = collections.get_mut(&request.collection_name) {
            created.indexed = true;
        }
    });
    Ok(PointsOperationResponse::default())
}

async fn upsert(state: &State, request: wire::UpsertPoints) -> Result<PointsOperationResponse, Status> {
    waits(request.wait)?;
    let collection = state.find(&request.collection_name)?.collection();
    let points = request.points.into_iter().map(point).collect::<Result<_, _>>()?;
    state.store.upsert(collection, points).await.map_err(status)?;
    state.written(collection).await
}

async fn delete(state: &State, request: wire::DeletePoints) -> Result<PointsOperationResponse, Status> {
    waits(request.wait)?;
    let collection = state.find(&request.collection_name)?.collection();
    match request.points.and_then(|points| points.points_selector_one_of) {
        Some(PointsSelectorOneOf::Points(list)) => {
            let ids = list.ids.into_iter().map(|id| chunk_id(Some(id)));
            let ids = ids.collect::<Result<_, _>>()?;
            state.store.delete(collection, ids).await.map_err(status)?;
        }
        Some(PointsSelectorOneOf::Filter(filter)) => {
            for kb in kbs(&filter)? {
                state.store.delete_kb(collection, kb).await.map_err(status)?;
            }
        }
        None => return Err(wrong("no points")),
    }
    state.written(collection).await
}

async fn query(state: &State, request: wire::QueryPoints) -> Result<QueryResponse, Status> {
    let collection = state.find(&request.collection_name)?.collection();
    let vector = asked(&request)?;
    let wanted = kbs(request.filter.as_ref().ok_or_else(|| wrong("no filter"))?)?;
    let query = VectorQuery {
        collection,
        vector,
        filter: filter(wanted),
        limit: usize::try_from(request.limit.unwrap_or(10)).map_err(wrong)?,
    };
    let hits = state.store.search(query).await.map_err(status)?;
    let result = hits
        .into_iter()
        .map(|hit| ScoredPoint {
            id: Some(hit.id.to_string().into()),
            score: hit.score,
            ..ScoredPoint::default()
        })
        .collect();
    Ok(QueryResponse {
        result,
        ..QueryResponse::default()
    })
}

async fn count(state: &State, request: wire::CountPoints) -> Result<CountResponse, Status> {
    let collection = state.find(&request.collection_name)?.collection();
    let mut count = 0;
    match request.filter.as_ref().map(kbs).transpose()? {
        Some(kbs) => {
            for kb in kbs {
                count += state.store.count(collection, Some(kb)).await.map_err(status)?;
            }
        }
        None => count = state.store.count(collection, None).await.map_err(status)?,
    }
    Ok(CountResponse {
        result: Some(CountResult { count }),
        ..CountResponse::default()
    })
}

async fn get(state: &State, request: wire::GetPoints) -> Result<wire::GetResponse, Status> {
    let collection = state.find(&request.collection_name)?.collection();
    let ids = request.ids.into_iter().map(|id| chunk_id(Some(id)));
    let ids = ids.collect::<Result<_, _>>()?;
    let found = state.store.contained(collection, ids).await.map_err(status)?;
    Ok(wire::GetResponse {
        result: found.into_iter().map(retrieved).collect(),
        ..wire::GetResponse::default()
    })
}

fn retrieved(id: ChunkId) -> RetrievedPoint {
    RetrievedPoint {
        id: Some(id.to_string().into()),
        ..RetrievedPoint::default()
    }
}

async fn scroll(state: &State, request: wire::ScrollPoints) -> Result<ScrollResponse, Status> {
    let collection = state.find(&request.collection_name)?.collection();
    let wanted = kbs(request.filter.as_ref().ok_or_else(|| wrong("no filter"))?)?;
    let [kb] = wanted.as_slice() else {
        return Err(wrong("not one knowledge base"));
    };
    // The server starts with the offset itself, the port after it.
    let after = match request.offset {
        Some(offset) => {
            let before = chunk_id(Some(offset))?.as_uuid().as_u128().saturating_sub(1);
            Some(ChunkId::from_uuid(uuid::Uuid::from_u128(before)))
        }
        None => None,
    };
    let limit = usize::try_from(request.limit.unwrap_or(10)).map_err(wrong)?;
    let ids = state
        .store
        .ids(collection, *kb, after, limit)
        .await
        .map_err(status)?;
    Ok(ScrollResponse {
        result: ids.into_iter().map(retrieved).collect(),
        ..ScrollResponse::default()
    })
}

async fn health(state: &State, _: wire::HealthCheckRequest) -> Result<wire::HealthCheckReply, Status> {
    Ok(wire::HealthCheckReply {
        title: "a stand-in for tests".to_owned(),
        version: state.persona.version.to_owned(),
        commit: None,
    })
}

/// Implements a service: calls with a handler are served, the others are not there.
macro_rules! serve {
    ($service:ident { $($call:ident($request:ident) -> $response:ident $(= $handler:ident)?;)+ }) => {
        #[tonic::async_trait]
        impl $service for Service {$(
            async fn $call(
                &self,
                request: Request<wire::$request>,
            ) -> Result<Response<wire::$response>, Status> {
                serve!(@ self, request, $call $(, $handler)?)
            }
        )+}
    };
    (@ $self:ident, $request:ident, $call:ident, $handler:ident) => {
        $self.answer($request, $handler).await
    };
    (@ $self:ident, $request:ident, $call:ident) => {{
        drop($request);
        Err(Status::unimplemented(stringify!($call)))
    }};
}

serve!(Qdrant {
    health_check(HealthCheckRequest) -> HealthCheckReply = health;
});

serve!(Collections {
    get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = info;
    list(ListCollectionsRequest) -> ListCollectionsResponse = list;
    create(CreateCollection) -> CollectionOperationResponse = create;
    delete(DeleteCollection) -> CollectionOperationResponse = drop_collection;
    collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = exists;
    update(UpdateCollection) -> CollectionOperationResponse;
    update_aliases(ChangeAliases) -> CollectionOperationResponse;
    list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse;
    list_aliases(ListAliasesRequest) -> ListAliasesResponse;
    collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse;
    update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse;
    create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse;
    delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse;
    list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse;
});

serve!(Points {
    upsert(UpsertPoints) -> PointsOperationResponse = upsert;
    delete(DeletePoints) -> PointsOperationResponse = delete;
    create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = index_field;
    query(QueryPoints) -> QueryResponse = query;
    count(CountPoints) -> CountResponse = count;
    scroll(ScrollPoints) -> ScrollResponse = scroll;
    get(GetPoints) -> GetResponse = get;
    update_vectors(UpdatePointVectors) -> PointsOperationResponse;
    delete_vectors(DeletePointVectors) -> PointsOperationResponse;
    set_payload(SetPayloadPoints) -> PointsOperationResponse;
    overwrite_payload(SetPayloadPoints) -> PointsOperationResponse;
    delete_payload(DeletePayloadPoints) -> PointsOperationResponse;
    clear_payload(ClearPayloadPoints) -> PointsOperationResponse;
    delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse;
    create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse;
    delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse;
    search(SearchPoints) -> SearchResponse;
    search_batch(SearchBatchPoints) -> SearchBatchResponse;
    search_groups(SearchPointGroups) -> SearchGroupsResponse;
    recommend(RecommendPoints) -> RecommendResponse;
    recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse;
    recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse;
    discover(DiscoverPoints) -> DiscoverResponse;
    discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse;
    update_batch(UpdateBatchPoints) -> UpdateBatchResponse;
    query_batch(QueryBatchPoints) -> QueryBatchResponse;
    query_groups(QueryPointGroups) -> QueryGroupsResponse;
    facet(FacetCounts) -> FacetResponse;
    search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse;
    search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse;
});
