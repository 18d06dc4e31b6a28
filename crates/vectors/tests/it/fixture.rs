use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use nexus_domain::{
    Access, ApiKeyId, ChunkId, Collection, Hit, KbFilter, KbId, Point, Role, SparseVector, Standing,
    Timestamp, Vector, VectorQuery, VectorStore,
};
use nexus_vectors::contract::Fixture;
use nexus_vectors::{EdgeOptions, EdgeStore};
use tempfile::TempDir;

/// A store in a folder of its own.
pub struct EdgeFixture {
    dir: TempDir,
    store: Mutex<Option<Arc<EdgeStore>>>,
}

impl EdgeFixture {
    pub async fn new() -> Self {
        let dir = scratch();
        let store = Mutex::new(Some(open(dir.path()).await));
        Self { dir, store }
    }
}

#[async_trait]
impl Fixture for EdgeFixture {
    fn store(&self) -> Arc<dyn VectorStore> {
        self.store.lock().unwrap().clone().unwrap()
    }

    async fn restart(&self) -> Arc<dyn VectorStore> {
        let old = self.store.lock().unwrap().take().unwrap();
        old.close().await.unwrap();
        let new = open(self.dir.path()).await;
        *self.store.lock().unwrap() = Some(Arc::clone(&new));
        new
    }
}

/// A folder in memory where there is such a thing: every test flushes a few dozen times, and what is tested is not the
/// disk.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

pub fn options() -> EdgeOptions {
    EdgeOptions {
        close_patience: Duration::from_secs(60),
        ..EdgeOptions::default()
    }
}

pub async fn open(dir: &Path) -> Arc<EdgeStore> {
    Arc::new(EdgeStore::open(dir, options()).await.unwrap())
}

pub const EPOCH: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

pub fn kb() -> KbId {
    KbId::new(EPOCH)
}

pub fn filter(kbs: impl IntoIterator<Item = KbId>) -> KbFilter {
    Access::decide(Standing::of_key(ApiKeyId::new(EPOCH), Role::Reader)).filter(kbs)
}

/// A point whose weights differ with its number, so that no two have the same score.
pub fn point(kb_id: KbId, number: u32) -> Point {
    let ids = vec![number % 7, 10 + number % 100, 1_000 + number];
    let values = vec![1.0 + number as f32 / 10_000.0, 0.5, 1.0];
    Point {
        id: ChunkId::new(EPOCH),
        kb_id,
        vector: Vector::Sparse(SparseVector { ids, values }),
    }
}

pub async fn find(store: &EdgeStore, kb: KbId, terms: &[u32], limit: usize) -> Vec<Hit> {
    let vector = Vector::Sparse(SparseVector {
        ids: terms.to_vec(),
        values: vec![1.0; terms.len()],
    });
    let query = VectorQuery {
        collection: Collection::Lexical,
        vector,
        filter: filter([kb]),
        limit,
    };
    store.search(query).await.unwrap()
}
