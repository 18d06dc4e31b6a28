//! Listening, plain or with TLS.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tower::service_fn;

use super::Authority;
use super::service::serve;
use crate::shared::Shared;
use crate::telegram::StartError;

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    handle: Handle<SocketAddr>,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.handle.shutdown();
        self.task.abort();
    }
}

/// Must be called on a runtime of tokio.
pub(crate) fn listen(
    shared: &Arc<Shared>,
    at: SocketAddr,
    tls: Option<&Authority>,
) -> Result<Listening, StartError> {
    let listener = TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let handle = Handle::new();
    let shared = Arc::clone(shared);
    let make = service_fn(move |_: SocketAddr| {
        let shared = Arc::clone(&shared);
        let service =
            service_fn(move |request: Request<Incoming>| serve(Arc::clone(&shared), request.map(Body::new)));
        async move { Ok::<_, Infallible>(service) }
    });
    let server = axum_server::from_tcp(listener)?.handle(handle.clone());
    let at_once = NoDelayAcceptor::new();
    let task = match tls {
        Some(authority) => {
            let config = RustlsConfig::from_config(Arc::new(authority.server_config()?));
            let server = server.acceptor(RustlsAcceptor::new(config).acceptor(at_once));
            tokio::spawn(async move { drop(server.serve(make).await) })
        }
        None => {
            let server = server.acceptor(at_once);
            tokio::spawn(async move { drop(server.serve(make).await) })
        }
    };
    Ok(Listening {
        address,
        handle,
        task,
    })
}
