//! Stand-ins for the ports: an index and rows in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use nexus_domain::testing::FakeEmbedder;
use nexus_domain::{
    Access, ApiKeyId, CallLog, Chunk, ChunkId, Collection, ContentHash, DocumentId, Embedder, Format,
    GenerationId, Hit, KbFilter, KbId, LineRange, Passage, PassageError, Passages, Point, Role, SparseVector,
    Standing, StoreStatus, Timestamp, Vector, VectorError, VectorQuery, VectorStore, VersionId,
};
use nexus_rag::support::FixedLimits;
use nexus_rag::{AnswerSettings, Answering, DenseSide, Mode, Question, RetrievalSettings, Retriever};
use nexus_text::{Bm25, analyze};

pub(crate) const AT: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
const DENSE: Collection = Collection::Dense {
    generation: GenerationId(1),
    dimension: 64,
};

/// What is broken where points cannot be looked up by their ids.
const LOOKUPS: &str = "look-ups";

/// A knowledge base in memory, and what was asked of it.
pub(crate) struct World {
    pub(crate) kb: KbId,
    store: Arc<MemoryStore>,
    rows: Arc<MemoryRows>,
    embedder: Arc<FakeEmbedder>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            kb: KbId::new(AT),
            store: Arc::default(),
            rows: Arc::default(),
            embedder: Arc::new(FakeEmbedder::new("fake-latin")),
        }
    }

    /// A world of documents with one passage each.
    pub(crate) async fn of(documents: &[(&str, &str)]) -> Self {
        let world = Self::new();
        for (path, text) in documents {
            world.add(path, text).await;
        }
        world
    }

    /// Adds a document with one passage to rows and both indexes.
    pub(crate) async fn add(&self, path: &str, text: &str) -> ChunkId {
        let id = self.add_lexical(path, text, DocumentId::new(AT));
        self.embed(id, text).await;
        id
    }

    /// Adds a passage whose dense vector has yet to come.
    pub(crate) fn add_lexical(&self, path: &str, text: &str, document_id: DocumentId) -> ChunkId {
        let id = ChunkId::new(AT);
        self.rows
            .0
            .lock()
            .unwrap()
            .insert(id, passage(self.kb, id, document_id, path, text));
        let vector = Bm25::default().document_vector(&analyze(text), 20.0);
        self.store.put(Collection::Lexical, id, Vector::Sparse(vector));
        id
    }

    pub(crate) async fn embed(&self, id: ChunkId, text: &str) {
        let vectors = self.embedder.embed_passages(vec![text.to_owned()]).await.unwrap();
        self.store
            .put(DENSE, id, Vector::Dense(vectors.into_iter().next().unwrap()));
    }

    /// Deletes the row and leaves the points: a ghost.
    pub(crate) fn delete_row(&self, id: ChunkId) {
        self.rows.0.lock().unwrap().remove(&id);
    }

    pub(crate) fn break_collection(&self, collection: &'static str) {
        self.store.broken.lock().unwrap().insert(collection);
    }

    /// Breaks the look-ups by ids.
    pub(crate) fn break_lookups(&self) {
        self.break_collection(LOOKUPS);
    }

    pub(crate) fn reads(&self) -> Vec<usize> {
        self.rows.1.lock().unwrap().clone()
    }

    pub(crate) fn retriever(&self, embedder: bool) -> Retriever {
        let side = DenseSide {
            embedder: self.embedder.clone(),
            collection: DENSE,
        };
        Retriever {
            vectors: self.store.clone(),
            dense: Arc::new(embedder.then_some(side)),
            passages: self.rows.clone(),
            reranking: None,
            settings: RetrievalSettings::default(),
            calls: CallLog::default(),
        }
    }

    pub(crate) fn answering(&self) -> Answering {
        Answering {
            retriever: self.retriever(true),
            settings: AnswerSettings::default(),
            writing: None,
            calibrations: Arc::new(FixedLimits),
            rewriting: None,
            kept: None,
        }
    }

    pub(crate) fn question(&self, text: &str, mode: Mode) -> Question {
        let standing = Standing::of_key(ApiKeyId::new(AT), Role::Reader);
        let filter = Access::decide(standing).filter([self.kb]);
        Question {
            text: text.to_owned(),
            history: Vec::new(),
            filter,
            mode,
            limit: 10,
            distinct_documents: false,
        }
    }
}

fn passage(kb: KbId, id: ChunkId, document_id: DocumentId, path: &str, text: &str) -> Passage {
    Passage {
        chunk: chunk(kb, id, document_id, text),
        kb_name: "handbook".to_owned(),
        source_name: "docs.zip".to_owned(),
        document_path: path.to_owned(),
        document_title: String::new(),
        format: Format::Markdown,
        document_link: None,
    }
}

fn chunk(kb_id: KbId, id: ChunkId, document_id: DocumentId, text: &str) -> Chunk {
    let lines = u32::try_from(text.trim_end().lines().count().max(1)).unwrap();
    Chunk {
        id,
        version_id: VersionId::from_uuid(document_id.as_uuid()),
        document_id,
        kb_id,
        ordinal: 0,
        text: text.to_owned(),
        heading_path: Vec::new(),
        lines: LineRange {
            first: 11,
            last: 10 + lines,
        },
        pages: None,
        anchor: None,
        term_count: analyze(text).length,
        content_hash: ContentHash::of(text.as_bytes()),
    }
}

#[derive(Debug, Default)]
struct MemoryStore {
    points: Mutex<BTreeMap<String, BTreeMap<ChunkId, Vector>>>,
    broken: Mutex<HashSet<&'static str>>,
}

impl MemoryStore {
    fn put(&self, collection: Collection, id: ChunkId, vector: Vector) {
        self.points
            .lock()
            .unwrap()
            .entry(collection.name())
            .or_default()
            .insert(id, vector);
    }
}

fn dot(a: &SparseVector, b: &SparseVector, idf: impl Fn(u32) -> f32) -> f32 {
    let value = |id: &u32| b.ids.binary_search(id).ok().map(|at| b.values[at]);
    a.ids
        .iter()
        .zip(&a.values)
        .filter_map(|(id, x)| value(id).map(|y| x * y * idf(*id)))
        .sum()
}

#[async_trait]
impl VectorStore for MemoryStore {
    async fn ensure(&self, _: Collection) -> Result<(), VectorError> {
        Ok(())
    }

    async fn upsert(&self, collection: Collection, points: Vec<Point>) -> Result<(), VectorError> {
        points
            .into_iter()
            .for_each(|point| self.put(collection, point.id, point.vector));
        Ok(())
    }

    async fn delete(&self, _: Collection, _: Vec<ChunkId>) -> Result<(), VectorError> {
        Ok(())
    }

    async fn delete_kb(&self, _: Collection, _: KbId) -> Result<(), VectorError> {
        Ok(())
    }

    async fn persist(&self, _: Collection) -> Result<(), VectorError> {
        Ok(())
    }

    async fn search(&self, query: VectorQuery) -> Result<Vec<Hit>, VectorError> {
        let name = query.collection.name();
        if self.broken.lock().unwrap().contains(name.as_str()) {
            return Err(VectorError::Unavailable(format!("{name} is away")));
        }
        let points = self.points.lock().unwrap();
        let Some(points) = points.get(&name) else {
            return Ok(Vec::new());
        };
        let holding = |id: u32| {
            let holds = |vector: &&Vector| matches!(vector, Vector::Sparse(v) if v.ids.contains(&id));
            points.values().filter(holds).count() as f32
        };
        let count = points.len() as f32;
        let idf = |id: u32| (1.0 + (count - holding(id) + 0.5) / (holding(id) + 0.5)).ln();
        let mut hits: Vec<Hit> = points
            .iter()
            .filter_map(|(id, vector)| match (vector, &query.vector) {
                (Vector::Sparse(point), Vector::Sparse(query)) => {
                    let score = dot(query, point, idf);
                    (score > 0.0).then_some(Hit { id: *id, score })
                }
                (Vector::Dense(point), Vector::Dense(query)) => {
                    let score = point.iter().zip(query).map(|(x, y)| x * y).sum();
                    Some(Hit { id: *id, score })
                }
                _ => None,
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits.truncate(query.limit);
        Ok(hits)
    }

    async fn count(&self, collection: Collection, _: Option<KbId>) -> Result<u64, VectorError> {
        let points = self.points.lock().unwrap();
        Ok(points
            .get(&collection.name())
            .map_or(0, |points| points.len() as u64))
    }

    async fn contained(
        &self,
        collection: Collection,
        mut ids: Vec<ChunkId>,
    ) -> Result<Vec<ChunkId>, VectorError> {
        if self.broken.lock().unwrap().contains(LOOKUPS) {
            return Err(VectorError::Unavailable(format!("{LOOKUPS} are away")));
        }
        let points = self.points.lock().unwrap();
        let points = points.get(&collection.name());
        ids.retain(|id| points.is_some_and(|points| points.contains_key(id)));
        Ok(ids)
    }

    async fn ids(
        &self,
        _: Collection,
        _: KbId,
        _: Option<ChunkId>,
        _: usize,
    ) -> Result<Vec<ChunkId>, VectorError> {
        Ok(Vec::new())
    }

    async fn drop_collection(&self, _: Collection) -> Result<(), VectorError> {
        Ok(())
    }

    async fn status(&self) -> Result<StoreStatus, VectorError> {
        Ok(StoreStatus {
            engine: "memory".to_owned(),
            collections: Vec::new(),
        })
    }
}

/// Rows, and how many ids each read asked for.
#[derive(Default)]
struct MemoryRows(Mutex<BTreeMap<ChunkId, Passage>>, Mutex<Vec<usize>>);

#[async_trait]
impl Passages for MemoryRows {
    async fn current(&self, ids: &[ChunkId], filter: &KbFilter) -> Result<Vec<Passage>, PassageError> {
        self.1.lock().unwrap().push(ids.len());
        let rows = self.0.lock().unwrap();
        let visible = |passage: &&Passage| filter.kbs().any(|kb| kb == passage.chunk.kb_id);
        // In no particular order, as the port says.
        Ok(ids
            .iter()
            .rev()
            .filter_map(|id| rows.get(id))
            .filter(visible)
            .cloned()
            .collect())
    }

    async fn versions_of(&self, ids: &[ChunkId]) -> Result<HashMap<ChunkId, VersionId>, PassageError> {
        let rows = self.0.lock().unwrap();
        let version = |id| rows.get(id).map(|row| (*id, row.chunk.version_id));
        Ok(ids.iter().filter_map(version).collect())
    }
}
