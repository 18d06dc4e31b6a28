//! A Qdrant server: the contract, against a stand-in and, where `NEXUS_TEST_QDRANT_URL` names one, against a real server;
//! and what happens when the server is away.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use nexus_domain::{Collection, VectorError, VectorQuery, VectorStore};
use nexus_vectors::contract::Fixture;
use nexus_vectors::stand_in::{Persona, StandIn};
use nexus_vectors::{ServerOptions, ServerStore};
use tempfile::TempDir;

use crate::fixture::{filter, kb, open as open_edge, point, scratch};

/// A stand-in with a folder of its own, and a store that talks to it.
struct StandInFixture {
    _dir: TempDir,
    server: tokio::sync::Mutex<Option<StandIn>>,
    store: Mutex<Arc<ServerStore>>,
}

impl StandInFixture {
    async fn new() -> Self {
        let dir = scratch();
        let server = StandIn::start(dir.path(), Persona::default()).await;
        let store = Arc::new(ServerStore::open(options(server.url())).await.unwrap());
        Self {
            _dir: dir,
            server: tokio::sync::Mutex::new(Some(server)),
            store: Mutex::new(store),
        }
    }
}

#[async_trait]
impl Fixture for StandInFixture {
    fn store(&self) -> Arc<dyn VectorStore> {
        self.store.lock().unwrap().clone()
    }

    async fn restart(&self) -> Arc<dyn VectorStore> {
        let mut server = self.server.lock().await;
        let stopped = server.take().unwrap().stop().await;
        *server = Some(stopped.start().await);
        self.store()
    }
}

mod on_a_stand_in {
    use super::StandInFixture;

    nexus_vectors::contract_suite!(StandInFixture::new().await);
}

/// Collections of its own on the server that the environment names.
struct RealFixture {
    store: Arc<ServerStore>,
}

impl RealFixture {
    /// `None`, and a sentence, where no server is named.
    async fn new() -> Option<Self> {
        let Ok(url) = std::env::var("NEXUS_TEST_QDRANT_URL") else {
            eprintln!("not run: NEXUS_TEST_QDRANT_URL names no server");
            return None;
        };
        let options = ServerOptions {
            api_key: std::env::var("NEXUS_TEST_QDRANT_API_KEY").ok().map(Into::into),
            prefix: format!("nexus-test-{}-", uuid::Uuid::new_v4().simple()),
            ..ServerOptions::new(url)
        };
        let store = Arc::new(ServerStore::open(options).await.unwrap());
        Some(Self { store })
    }
}

impl Drop for RealFixture {
    /// Leaves nothing behind on a server that others use.
    fn drop(&mut self) {
        let store = Arc::clone(&self.store);
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let collections = [
                    Collection::Lexical,
                    nexus_vectors::contract::DENSE,
                    Collection::Dense {
                        generation: nexus_domain::GenerationId(2),
                        dimension: 2,
                    },
                ];
                for collection in collections {
                    store.drop_collection(collection).await.unwrap();
                }
            });
        });
        if cleaned.join().is_err() {
            eprintln!("collections of a test were left on the server");
        }
    }
}

#[async_trait]
impl Fixture for RealFixture {
    fn store(&self) -> Arc<dyn VectorStore> {
        self.store.clone()
    }

    async fn restart(&self) -> Arc<dyn VectorStore> {
        self.store()
    }
}

mod on_a_real_server {
    use super::RealFixture;

    nexus_vectors::contract_suite!(match RealFixture::new().await {
        Some(fixture) => fixture,
        None => return,
    });
}

fn options(url: String) -> ServerOptions {
    ServerOptions {
        read_patience: Duration::from_millis(500),
        write_patience: Duration::from_secs(20),
        ..ServerOptions::new(url)
    }
}

fn query(kb: nexus_domain::KbId, number: u32) -> VectorQuery {
    VectorQuery {
        collection: Collection::Lexical,
        vector: point(kb, number).vector,
        filter: filter([kb]),
        limit: 25,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_points_rank_the_same_on_edge_and_server() {
    let fixture = StandInFixture::new().await;
    let (dir, server) = (scratch(), fixture.store());
    let edge: Arc<dyn VectorStore> = open_edge(dir.path()).await;
    let kb = kb();
    let points: Vec<_> = (0..700).map(|number| point(kb, number)).collect();
    for store in [&server, &edge] {
        store.ensure(Collection::Lexical).await.unwrap();
        store.upsert(Collection::Lexical, points.clone()).await.unwrap();
    }
    for number in [0, 13, 99, 350, 699] {
        let (a, b) = (server.search(query(kb, number)), edge.search(query(kb, number)));
        let (a, b) = (a.await.unwrap(), b.await.unwrap());
        assert_eq!(a.len(), 25);
        assert_eq!(a, b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_calls_and_lost_answers_are_repeated() {
    let fixture = StandInFixture::new().await;
    let store = fixture.store();
    let server = fixture.server.lock().await;
    let faults = &server.as_ref().unwrap().faults;
    let kb = kb();
    faults.refused.store(2, Ordering::SeqCst);
    faults.unanswered.store(2, Ordering::SeqCst);
    store.ensure(Collection::Lexical).await.unwrap();
    let points: Vec<_> = (0..300).map(|number| point(kb, number)).collect();
    faults.refused.store(3, Ordering::SeqCst);
    faults.unanswered.store(3, Ordering::SeqCst);
    store.upsert(Collection::Lexical, points.clone()).await.unwrap();
    faults.unanswered.store(2, Ordering::SeqCst);
    store
        .delete(Collection::Lexical, vec![points[0].id])
        .await
        .unwrap();
    faults.refused.store(1, Ordering::SeqCst);
    assert_eq!(store.count(Collection::Lexical, Some(kb)).await.unwrap(), 299);
    faults.unanswered.store(1, Ordering::SeqCst);
    store.drop_collection(Collection::Lexical).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_soon_and_found_again_when_it_is_back() {
    let fixture = StandInFixture::new().await;
    let store = fixture.store();
    let kb = kb();
    store.ensure(Collection::Lexical).await.unwrap();
    store
        .upsert(Collection::Lexical, vec![point(kb, 1)])
        .await
        .unwrap();
    let mut server = fixture.server.lock().await;
    let stopped = server.take().unwrap().stop().await;

    let asked = Instant::now();
    let error = store.search(query(kb, 1)).await.unwrap_err();
    assert!(matches!(error, VectorError::Unavailable(_)), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());

    // A write of a task outlasts the outage.
    let writing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.upsert(Collection::Lexical, vec![point(kb, 2)]).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    *server = Some(stopped.start().await);
    writing.await.unwrap().unwrap();
    assert_eq!(store.count(Collection::Lexical, Some(kb)).await.unwrap(), 2);
    assert!(!store.search(query(kb, 1)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_serve_is_refused_at_once() {
    let dir = scratch();
    let old = Persona {
        version: "1.18.3",
        ..Persona::default()
    };
    let server = StandIn::start(dir.path(), old).await;
    let error = ServerStore::open(options(server.url())).await.unwrap_err();
    assert!(
        error.to_string().contains("1.18.3") && error.to_string().contains("1.19"),
        "{error}"
    );
    drop(server);

    let dir = scratch();
    let closed = Persona {
        api_key: Some("right"),
        ..Persona::default()
    };
    let server = StandIn::start(dir.path(), closed).await;
    let with_key = |key: &str| ServerOptions {
        api_key: Some(key.to_owned().into()),
        ..options(server.url())
    };
    let error = ServerStore::open(with_key("a-wrong-key")).await.unwrap_err();
    assert!(matches!(error, VectorError::Failed(_)), "{error}");
    assert!(!error.to_string().contains("a-wrong-key"), "{error}");
    assert!(!format!("{:?}", with_key("a-wrong-key")).contains("a-wrong-key"));
    ServerStore::open(with_key("right")).await.unwrap();
}
