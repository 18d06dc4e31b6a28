//! The port's words in the server's, and back.

use std::collections::HashMap;

use nexus_domain::{ChunkId, Collection, Hit, KbId, Point, SparseVector, Vector};
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{
    CollectionInfo, Condition, CreateCollection, CreateCollectionBuilder, CreateFieldIndexCollection,
    CreateFieldIndexCollectionBuilder, Distance, FieldType, Filter, IdfParamsBuilder, Modifier, NamedVectors,
    PointId, PointStruct, Query, QueryPoints, QueryPointsBuilder, ScoredPoint, SearchParamsBuilder,
    SparseVectorParamsBuilder, SparseVectorsConfigBuilder, UuidIndexParamsBuilder, Value,
    Vector as WireVector, VectorInput, VectorParamsBuilder, VectorsConfigBuilder,
};

/// The only vector of a point.
pub(super) const VECTOR: &str = "v";
/// The only field of a point's payload: its knowledge base.
pub(super) const KB_ID: &str = "kb_id";

pub(super) fn create(name: &str, collection: &Collection) -> CreateCollection {
    let create = CreateCollectionBuilder::new(name).shard_number(1);
    match collection {
        Collection::Lexical => {
            let mut sparse = SparseVectorsConfigBuilder::default();
            let params = SparseVectorParamsBuilder::default().modifier(Modifier::Idf);
            sparse.add_named_vector_params(VECTOR, params);
            create.sparse_vectors_config(sparse).build()
        }
        Collection::Dense { dimension, .. } => {
            let mut dense = VectorsConfigBuilder::default();
            let params = VectorParamsBuilder::new(*dimension as u64, Distance::Cosine);
            dense.add_named_vector_params(VECTOR, params);
            create.vectors_config(dense).build()
        }
    }
}

/// The index that keeps each knowledge base's points together.
pub(super) fn tenant_index(name: &str) -> CreateFieldIndexCollection {
    CreateFieldIndexCollectionBuilder::new(name, KB_ID, FieldType::Uuid)
        .field_index_params(UuidIndexParamsBuilder::default().is_tenant(true))
        .wait(true)
        .build()
}

/// Whether a collection on the server is what it should be; else what is wrong.
pub(super) fn fits(info: &CollectionInfo, collection: &Collection) -> Result<(), String> {
    let params = info.config.as_ref().and_then(|config| config.params.as_ref());
    let sparse = params.and_then(|params| params.sparse_vectors_config.as_ref());
    let sparse = sparse.and_then(|config| config.map.get(VECTOR));
    let dense = params
        .and_then(|params| params.vectors_config.as_ref()?.config.as_ref())
        .and_then(|config| match config {
            Config::ParamsMap(vectors) => vectors.map.get(VECTOR),
            Config::Params(_) => None,
        });
    match collection {
        Collection::Lexical => match sparse {
            Some(sparse) if sparse.modifier == Some(Modifier::Idf.into()) => Ok(()),
            Some(_) => Err("its sparse vectors are not weighed by rarity".to_owned()),
            None => Err("it holds no sparse vectors".to_owned()),
        },
        Collection::Dense { dimension, .. } => match dense {
            Some(dense) if dense.size != *dimension as u64 => Err(format!(
                "it holds vectors of {} dimensions, not {dimension}",
                dense.size
            )),
            Some(dense) if dense.distance != i32::from(Distance::Cosine) => {
                Err("it does not compare by cosine".to_owned())
            }
            Some(_) => Ok(()),
            None => Err("it holds no dense vectors".to_owned()),
        },
    }
}

pub(super) fn point(point: Point) -> PointStruct {
    let vector = match point.vector {
        Vector::Sparse(SparseVector { ids, values }) => WireVector::new_sparse(ids, values),
        Vector::Dense(values) => WireVector::new_dense(values),
    };
    let payload = HashMap::from([(KB_ID, Value::from(point.kb_id.to_string()))]);
    let vectors = NamedVectors::default().add_vector(VECTOR, vector);
    PointStruct::new(id(point.id), vectors, payload)
}

pub(super) fn id(id: ChunkId) -> PointId {
    id.to_string().into()
}

pub(super) fn chunk_id(id: Option<PointId>) -> Option<ChunkId> {
    match id?.point_id_options? {
        PointIdOptions::Uuid(uuid) => uuid.parse().ok(),
        PointIdOptions::Num(_) => None,
    }
}

pub(super) fn in_kbs(kbs: impl IntoIterator<Item = KbId>) -> Filter {
    let kbs: Vec<String> = kbs.into_iter().map(|kb| kb.to_string()).collect();
    Filter::must([match <[String; 1]>::try_from(kbs) {
        Ok([one]) => Condition::matches(KB_ID, one),
        Err(many) => Condition::matches(KB_ID, many),
    }])
}

pub(super) fn query(name: &str, vector: &Vector, filter: Filter, limit: usize) -> QueryPoints {
    let mut query = QueryPointsBuilder::new(name)
        .using(VECTOR)
        .limit(limit as u64)
        .with_payload(false);
    let vector = match vector {
        Vector::Sparse(SparseVector { ids, values }) => {
            let corpus = IdfParamsBuilder::default().corpus(filter.clone());
            query = query.params(SearchParamsBuilder::default().idf(corpus));
            VectorInput::new_sparse(ids.clone(), values.clone())
        }
        Vector::Dense(values) => VectorInput::new_dense(values.clone()),
    };
    query.query(Query::new_nearest(vector)).filter(filter).build()
}

pub(super) fn hit(point: ScoredPoint) -> Option<Hit> {
    Some(Hit {
        id: chunk_id(point.id)?,
        score: point.score,
    })
}
