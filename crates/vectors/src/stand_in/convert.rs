//! The server's words in the port's.

use nexus_domain::{
    Access, ApiKeyId, ChunkId, Collection, KbFilter, KbId, Point, Role, SparseVector, Standing, Timestamp,
    Vector,
};
use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vector::Vector as WireVector;
use qdrant_client::qdrant::vector_input::Variant;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{CreateCollection, Filter, PointId, PointStruct, QueryPoints, query};
use tonic::Status;

/// The only vector and the only field that the stand-in knows.
const VECTOR: &str = "v";
const KB_ID: &str = "kb_id";

pub(super) fn wrong(what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("Wrong input: {what}"))
}

/// `nexus-dense-2` with the dimension that it is created with.
pub(super) fn collection(create: &CreateCollection) -> Result<Collection, Status> {
    let name = &create.collection_name;
    if name.ends_with("lexical") {
        let sparse = create.sparse_vectors_config.as_ref();
        return match sparse.and_then(|config| config.map.get(VECTOR)) {
            Some(_) => Ok(Collection::Lexical),
            None => Err(wrong("no sparse vector")),
        };
    }
    let generation = name
        .rsplit_once("dense-")
        .and_then(|(_, number)| number.parse().ok());
    let dense = create
        .vectors_config
        .as_ref()
        .and_then(|config| config.config.as_ref());
    let size = match dense {
        Some(Config::ParamsMap(vectors)) => vectors.map.get(VECTOR).map(|vector| vector.size),
        _ => None,
    };
    match (generation, size) {
        (Some(generation), Some(size)) => Ok(Collection::Dense {
            generation: nexus_domain::GenerationId(generation),
            dimension: usize::try_from(size).map_err(wrong)?,
        }),
        _ => Err(wrong(format_args!("cannot stand in for {name}"))),
    }
}

pub(super) fn chunk_id(id: Option<PointId>) -> Result<ChunkId, Status> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(uuid)) => uuid.parse().map_err(|_| wrong("unable to parse UUID")),
        _ => Err(wrong("no id, or one that is a number")),
    }
}

pub(super) fn point(mut point: PointStruct) -> Result<Point, Status> {
    let id = chunk_id(point.id)?;
    let kb = point.payload.remove(KB_ID).and_then(|value| value.kind);
    let Some(Kind::StringValue(kb)) = kb else {
        return Err(wrong("no knowledge base"));
    };
    let vectors = point.vectors.and_then(|vectors| vectors.vectors_options);
    let Some(VectorsOptions::Vectors(mut named)) = vectors else {
        return Err(wrong("no named vectors"));
    };
    let vector = match named.vectors.remove(VECTOR).and_then(|vector| vector.vector) {
        Some(WireVector::Dense(dense)) => Vector::Dense(dense.data),
        Some(WireVector::Sparse(sparse)) => Vector::Sparse(SparseVector {
            ids: sparse.indices,
            values: sparse.values,
        }),
        _ => return Err(wrong("no such vector")),
    };
    Ok(Point {
        id,
        kb_id: kb.parse().map_err(|_| wrong("the knowledge base is no UUID"))?,
        vector,
    })
}

/// The knowledge bases of a filter that asks for nothing else.
pub(super) fn kbs(filter: &Filter) -> Result<Vec<KbId>, Status> {
    let Filter { must, should, .. } = filter;
    let [condition] = must.as_slice() else {
        return Err(wrong("not one condition"));
    };
    let Some(ConditionOneOf::Field(field)) = &condition.condition_one_of else {
        return Err(wrong("not a condition on a field"));
    };
    if !should.is_empty() || field.key != KB_ID {
        return Err(wrong("not a condition on the knowledge base"));
    }
    let wanted = match field
        .r#match
        .as_ref()
        .and_then(|wanted| wanted.match_value.as_ref())
    {
        Some(MatchValue::Keyword(one)) => std::slice::from_ref(one),
        Some(MatchValue::Keywords(many)) => many.strings.as_slice(),
        _ => return Err(wrong("not a match of keywords")),
    };
    let parse = |kb: &String| kb.parse().map_err(|_| wrong("no UUID"));
    wanted.iter().map(parse).collect()
}

/// Filters of the port come from an access; the stand-in's clients have decided theirs.
pub(super) fn filter(kbs: Vec<KbId>) -> KbFilter {
    Access::decide(Standing::of_key(
        ApiKeyId::new(Timestamp::from_micros(0)),
        Role::Reader,
    ))
    .filter(kbs)
}

/// The vector of a query, which must be one that the engine is asked as the port means it.
pub(super) fn asked(query: &QueryPoints) -> Result<Vector, Status> {
    if query.using.as_deref() != Some(VECTOR) {
        return Err(wrong("no such vector"));
    }
    let nearest = match query.query.as_ref().and_then(|query| query.variant.as_ref()) {
        Some(query::Variant::Nearest(nearest)) => nearest.variant.as_ref(),
        _ => None,
    };
    match nearest {
        Some(Variant::Dense(dense)) => Ok(Vector::Dense(dense.data.clone())),
        Some(Variant::Sparse(sparse)) => {
            let idf = query.params.as_ref().and_then(|params| params.idf.as_ref());
            if idf.and_then(|idf| idf.corpus.as_ref()) != query.filter.as_ref() {
                return Err(wrong("rarity is not counted over the knowledge bases asked"));
            }
            Ok(Vector::Sparse(SparseVector {
                ids: sparse.indices.clone(),
                values: sparse.values.clone(),
            }))
        }
        _ => Err(wrong("not a vector")),
    }
}
