//! One qdrant-edge shard: its configuration, and the port's operations in the engine's words. Everything here blocks.

use std::collections::HashMap;
use std::path::Path;

use nexus_domain::{ChunkId, Collection, Hit, KbId, Point, Vector};
use qdrant_edge::{
    Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard,
    EdgeSparseVectorParams, EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, HnswIndexConfig,
    IdfCorpusParams, IdfParams, JsonPath, Match, Modifier, NamedQuery, OperationError, OperationResult,
    PayloadFieldSchema, PayloadSchemaParams, PointId, PointInsertOperations, PointOperations, PointStruct,
    QueryEnum, ResourceBudget, RetrieveRequest, ScrollRequest, SearchParams, SearchRequest, SparseVector,
    UpdateOperation, UuidIndexParamsBuilder, Vector as EdgeVector, VectorInternal, Vectors, WalOptions,
    WithPayloadInterface,
};

use super::options::EdgeOptions;
use crate::{batch, ties};

/// The only vector of a point.
const VECTOR: &str = "v";
/// The only field of a point's payload: its knowledge base.
const KB_ID: &str = "kb_id";
/// See the module `edge` for why.
const WRITE_AHEAD_LOG: bool = true;
/// Size of a file of the write-ahead log. A larger write gets a larger file.
const WAL_SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// Points of one write of the engine: short enough that searches get in between.
const WRITE_BATCH: usize = 256;

/// Creates an empty, complete shard in `path`, on disk, and closes it.
pub(super) fn create(path: &Path, collection: &Collection, options: &EdgeOptions) -> OperationResult<()> {
    let shard = EdgeShard::new(path, config(collection, options))?;
    let index = UuidIndexParamsBuilder::new().is_tenant(true).build();
    shard.update(UpdateOperation::FieldIndexOperation(
        FieldIndexOperations::CreateIndex(CreateIndex {
            field_name: kb_field()?,
            field_schema: Some(PayloadFieldSchema::FieldParams(PayloadSchemaParams::Uuid(index))),
        }),
    ))?;
    shard.flush()
}

/// Improves the segments until there is nothing left to improve; returns whether anything was. One thread.
pub(super) fn optimise(shard: &EdgeShard) -> OperationResult<bool> {
    shard.optimize_with_budget(ResourceBudget::new(1, 1))
}

/// Opens a shard with today's settings; its kind and dimension are what it was created with.
pub(super) fn load(path: &Path, options: &EdgeOptions) -> OperationResult<EdgeShard> {
    EdgeShard::load(path, Some(tunables(options)))
}

/// Whether the shard is what the collection says; else what is wrong.
pub(super) fn fits(shard: &EdgeShard, collection: &Collection) -> Result<(), String> {
    let config = shard.config();
    match collection {
        Collection::Lexical if config.sparse_vectors.contains_key(VECTOR) => Ok(()),
        Collection::Lexical => Err("it holds dense vectors".to_owned()),
        Collection::Dense { dimension, .. } => match config.vectors.get(VECTOR) {
            Some(vector) if vector.size == *dimension => Ok(()),
            Some(vector) => Err(format!(
                "it holds vectors of {} dimensions, not {dimension}",
                vector.size
            )),
            None => Err("it holds sparse vectors".to_owned()),
        },
    }
}

fn config(collection: &Collection, options: &EdgeOptions) -> EdgeConfig {
    let mut config = tunables(options);
    config.wal_enabled = Some(WRITE_AHEAD_LOG);
    config.wal_options = Some(WalOptions {
        segment_capacity: WAL_SEGMENT_BYTES,
        ..Default::default()
    });
    match collection {
        Collection::Lexical => {
            let sparse = EdgeSparseVectorParams {
                modifier: Some(Modifier::Idf),
                ..Default::default()
            };
            config.sparse_vectors = HashMap::from([(VECTOR.to_owned(), sparse)]);
        }
        Collection::Dense { dimension, .. } => {
            let dense = EdgeVectorParams::builder(*dimension, Distance::Cosine).build();
            config.vectors = HashMap::from([(VECTOR.to_owned(), dense)]);
        }
    }
    config
}

fn tunables(options: &EdgeOptions) -> EdgeConfig {
    EdgeConfig {
        // A search runs on the thread that asks; many run side by side.
        max_search_threads: Some(1),
        hnsw_config: Some(HnswIndexConfig {
            max_indexing_threads: 1,
            ..Default::default()
        }),
        optimizers: Some(EdgeOptimizersConfig {
            default_segment_number: Some(2),
            indexing_threshold: Some(options.index_above_kib),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Writes points; of several with one id the last one counts.
pub(super) fn upsert(shard: &EdgeShard, points: Vec<Point>) -> OperationResult<()> {
    let mut points = batch::last_of_each(points).into_iter();
    loop {
        let batch: Vec<_> = points
            .by_ref()
            .take(WRITE_BATCH)
            .map(to_point)
            .collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(());
        }
        let insert = PointOperations::UpsertPoints(PointInsertOperations::PointsList(batch));
        shard.update(UpdateOperation::PointOperation(insert))?;
    }
}

pub(super) fn delete(shard: &EdgeShard, ids: &[ChunkId]) -> OperationResult<()> {
    for batch in ids.chunks(WRITE_BATCH * 4) {
        let ids = batch.iter().copied().map(to_id).collect();
        shard.update(UpdateOperation::PointOperation(PointOperations::DeletePoints {
            ids,
        }))?;
    }
    Ok(())
}

pub(super) fn delete_kb(shard: &EdgeShard, kb: KbId) -> OperationResult<()> {
    let delete = PointOperations::DeletePointsByFilter(in_kbs([kb])?);
    shard.update(UpdateOperation::PointOperation(delete))
}

/// The best `limit` hits among the knowledge bases, best first, equal scores by id.
pub(super) fn search(
    shard: &EdgeShard,
    vector: Vector,
    kbs: impl IntoIterator<Item = KbId>,
    limit: usize,
) -> OperationResult<Vec<Hit>> {
    let filter = in_kbs(kbs)?;
    let is_cosine = matches!(vector, Vector::Dense(_));
    let (query, params) = match vector {
        Vector::Sparse(sparse) => {
            let query = VectorInternal::Sparse(SparseVector {
                indices: sparse.ids,
                values: sparse.values,
            });
            let corpus = IdfParams::Corpus(IdfCorpusParams {
                corpus: filter.clone(),
            });
            (
                query,
                SearchParams {
                    idf: Some(corpus),
                    ..Default::default()
                },
            )
        }
        Vector::Dense(values) => (VectorInternal::Dense(values), SearchParams::default()),
    };
    let mut request = SearchRequest::new(
        QueryEnum::Nearest(NamedQuery {
            query,
            using: Some(VECTOR.to_owned()),
        }),
        limit,
    );
    request.filter = Some(filter);
    request.params = Some(params);
    request.with_payload = Some(WithPayloadInterface::Bool(false));
    let mut hits = best_hits(shard, request, limit)?;
    if is_cosine {
        // Rounding may go beyond what a cosine is.
        hits.iter_mut()
            .for_each(|hit| hit.score = hit.score.clamp(-1.0, 1.0));
    }
    Ok(hits)
}

/// Asks until what stands at the limit is no tie of what was left out.
fn best_hits(shard: &EdgeShard, mut request: SearchRequest, limit: usize) -> OperationResult<Vec<Hit>> {
    request.limit = ties::first_fetch(limit);
    loop {
        let found = shard.search(request.clone())?;
        let hits = found.into_iter().filter_map(|point| {
            from_id(point.id).map(|id| Hit {
                id,
                score: point.score,
            })
        });
        match ties::settle(hits.collect(), request.limit, limit) {
            Ok(hits) => return Ok(hits),
            Err(more) => request.limit = more,
        }
    }
}

pub(super) fn count(shard: &EdgeShard, kb: Option<KbId>) -> OperationResult<u64> {
    let filter = kb.map(|kb| in_kbs([kb])).transpose()?;
    let count = shard.count(CountRequest { filter, exact: true })?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Those of the ids that have a point.
pub(super) fn contained(shard: &EdgeShard, ids: Vec<ChunkId>) -> OperationResult<Vec<ChunkId>> {
    let request = RetrieveRequest {
        with_payload: Some(WithPayloadInterface::Bool(false)),
        ..RetrieveRequest::new(ids.into_iter().map(to_id).collect())
    };
    let records = shard.retrieve(request)?;
    Ok(records
        .into_iter()
        .filter_map(|record| from_id(record.id))
        .collect())
}

pub(super) fn ids(
    shard: &EdgeShard,
    kb: KbId,
    after: Option<ChunkId>,
    limit: usize,
) -> OperationResult<Vec<ChunkId>> {
    let request = ScrollRequest {
        // The engine starts with the offset itself: one more is asked for, and that one left out.
        offset: after.map(to_id),
        limit: Some(limit.saturating_add(usize::from(after.is_some()))),
        filter: Some(in_kbs([kb])?),
        with_payload: Some(WithPayloadInterface::Bool(false)),
        ..Default::default()
    };
    let (records, _) = shard.scroll(request)?;
    let ids = records.into_iter().filter_map(|record| from_id(record.id));
    Ok(ids.filter(|id| Some(*id) != after).take(limit).collect())
}

fn to_point(point: Point) -> OperationResult<qdrant_edge::PointStructPersisted> {
    let vector = match point.vector {
        Vector::Sparse(sparse) => EdgeVector::new_sparse(sparse.ids, sparse.values)?,
        Vector::Dense(values) => EdgeVector::new_dense(values),
    };
    let payload = serde_json::json!({ KB_ID: point.kb_id.to_string() });
    Ok(PointStruct::new(to_id(point.id), Vectors::new_named([(VECTOR, vector)]), payload).into())
}

fn to_id(id: ChunkId) -> PointId {
    PointId::Uuid(id.as_uuid())
}

fn from_id(id: PointId) -> Option<ChunkId> {
    match id {
        PointId::Uuid(uuid) => Some(ChunkId::from_uuid(uuid)),
        PointId::NumId(_) => None,
    }
}

fn in_kbs(kbs: impl IntoIterator<Item = KbId>) -> OperationResult<Filter> {
    let kbs: Vec<String> = kbs.into_iter().map(|kb| kb.to_string()).collect();
    let wanted = match <[String; 1]>::try_from(kbs) {
        Ok([one]) => Match::from(one),
        Err(many) => Match::from(many),
    };
    Ok(Filter::new_must(Condition::Field(FieldCondition::new_match(
        kb_field()?,
        wanted,
    ))))
}

fn kb_field() -> OperationResult<JsonPath> {
    KB_ID
        .parse()
        .map_err(|()| OperationError::service_error("the payload field's name is no path"))
}
