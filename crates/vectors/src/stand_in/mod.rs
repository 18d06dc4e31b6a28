//! A stand-in for a Qdrant server in tests: the gRPC services that [`ServerStore`](crate::ServerStore) calls, served from
//! an [`EdgeStore`](crate::EdgeStore), which is the same engine. It refuses what the real one refuses, and what a test
//! must not forget (a write that does not wait); it can lose requests and answers, and be ended and started again.

mod convert;
mod service;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::{Server, TcpIncoming};

use service::{Service, State};

/// Calls that go wrong, counted down as they come.
#[derive(Debug, Default)]
pub struct Faults {
    /// Calls that fail before anything was done.
    pub refused: AtomicU32,
    /// Calls that are carried out and whose answer is lost.
    pub unanswered: AtomicU32,
}

impl Faults {
    fn take(counter: &AtomicU32) -> bool {
        counter
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// What a stand-in says it is, and whom it lets in.
#[derive(Clone, Debug)]
pub struct Persona {
    pub version: &'static str,
    pub api_key: Option<&'static str>,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            version: "1.20.0",
            api_key: None,
        }
    }
}

/// A running stand-in. Dropped, it ends as a killed server would.
#[derive(Debug)]
pub struct StandIn {
    pub faults: Arc<Faults>,
    address: SocketAddr,
    folder: PathBuf,
    state: Arc<State>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl StandIn {
    /// Serves the store in `folder` on a free port.
    pub async fn start(folder: &Path, persona: Persona) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), folder, persona).await
    }

    async fn start_at(address: SocketAddr, folder: &Path, persona: Persona) -> Self {
        let faults = Arc::<Faults>::default();
        let state = Arc::new(State::open(folder, persona, Arc::clone(&faults)).await);
        let incoming = TcpIncoming::bind(address).expect("the address is free");
        let address = incoming.local_addr().expect("a bound socket has an address");
        let stop = CancellationToken::new();
        let service = Service(Arc::clone(&state));
        let server = Server::builder()
            .add_service(CollectionsServer::new(service.clone()))
            .add_service(PointsServer::new(service.clone()))
            .add_service(QdrantServer::new(service))
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move { server.await.expect("the stand-in serves") });
        Self {
            faults,
            address,
            folder: folder.to_owned(),
            state,
            stop,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it in order; nobody is served until [`Stopped::start`].
    pub async fn stop(self) -> Stopped {
        self.stop.cancel();
        // Connections that clients keep open are cut.
        self.serving.abort();
        let _ = self.serving.await;
        self.state.close().await;
        Stopped {
            address: self.address,
            folder: self.folder,
            persona: self.state.persona.clone(),
        }
    }
}

/// A stand-in that was ended, and can be had again at the same address.
#[derive(Debug)]
pub struct Stopped {
    address: SocketAddr,
    folder: PathBuf,
    persona: Persona,
}

impl Stopped {
    pub async fn start(self) -> StandIn {
        StandIn::start_at(self.address, &self.folder, self.persona).await
    }
}
