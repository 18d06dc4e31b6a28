//! A bound server: the HTTP API, the worker, and an orderly end.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::Services;
use crate::config::Config;
use crate::http;

/// Time for requests in flight to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local: SocketAddr,
    tls: Option<RustlsConfig>,
    router: axum::Router,
    services: Services,
}

impl Server {
    /// Takes the address; fails if another program has it.
    pub async fn bind(config: &Config, services: Services) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen)
            .with_context(|| format!("{} cannot be listened on (setting NEXUS_LISTEN)", config.listen))?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let tls = match config.has_tls() {
            true => Some(
                RustlsConfig::from_pem_file(&config.tls.cert, &config.tls.key)
                    .await
                    .context("the certificate cannot be used (settings NEXUS_TLS_CERT, NEXUS_TLS_KEY)")?,
            ),
            false => None,
        };
        let router = http::router(services.app.clone(), config);
        Ok(Self {
            listener,
            local,
            tls,
            router,
            services,
        })
    }

    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Where clients on this machine find it, with the port that was really taken.
    pub fn address(&self, config: &Config) -> anyhow::Result<Url> {
        let mut config = config.clone();
        config.server_url.clear();
        config.listen.set_port(self.local.port());
        Ok(config.server_address()?)
    }

    /// Serves until `stop`, then lets requests and tasks end and closes the stores.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            listener,
            local,
            tls,
            router,
            services,
        } = self;
        tracing::info!(address = %local, tls = tls.is_some(), "serving");
        let worker = tokio::spawn(services.worker.clone().run(stop.clone()));
        let handle = Handle::new();
        tokio::spawn({
            let (handle, stop) = (handle.clone(), stop.clone());
            async move {
                stop.cancelled().await;
                handle.graceful_shutdown(Some(GRACE));
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let served = match tls {
            Some(tls) => {
                axum_server::from_tcp_rustls(listener, tls)?
                    .handle(handle)
                    .serve(service)
                    .await
            }
            None => {
                axum_server::from_tcp(listener)?
                    .handle(handle)
                    .serve(service)
                    .await
            }
        };
        stop.cancel();
        worker.await.context("the worker ended unexpectedly")?;
        services.close().await;
        served.context("the server failed")
    }
}
