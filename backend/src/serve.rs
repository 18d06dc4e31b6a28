//! A bound process: the HTTP API, the worker, or both, and an orderly end.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context as _;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::app::Services;
use crate::config::Config;
use crate::http;
use crate::role::ProcessRole;

/// Time for requests in flight to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Server {
    http: Option<Http>,
    metrics: Option<Http>,
    services: Services,
}

/// An address that was taken, and what is answered there.
#[derive(Debug)]
struct Http {
    listener: TcpListener,
    local: SocketAddr,
    tls: Option<RustlsConfig>,
    router: axum::Router,
}

impl Server {
    /// Takes the address; fails if another program has it. A worker has one only if the settings give it one.
    pub async fn bind(config: &Config, services: Services) -> anyhow::Result<Self> {
        let app = services.app.clone();
        let http = match services.role {
            ProcessRole::Serve | ProcessRole::Api => {
                Some(Http::bind(config.listen, "NEXUS_LISTEN", config, http::router(app, config)).await?)
            }
            ProcessRole::Worker => match config.worker_listen()? {
                Some(address) => {
                    let router = http::health_router(app, config);
                    Some(Http::bind(address, "NEXUS_WORKER_LISTEN", config, router).await?)
                }
                None => None,
            },
        };
        let metrics = match config.metrics_listen()? {
            Some(address) => {
                let router = http::metrics_router(services.app.clone());
                Some(Http::listen(address, "NEXUS_METRICS_LISTEN", None, router)?)
            }
            None => None,
        };
        Ok(Self {
            http,
            metrics,
            services,
        })
    }

    /// Where metrics are read, with the port that was really taken.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|http| http.local)
    }

    /// Where clients on this machine find it, with the port that was really taken.
    pub fn address(&self, config: &Config) -> anyhow::Result<Url> {
        let http = self.http.as_ref().context("this process listens nowhere")?;
        let mut config = config.clone();
        config.server_url.clear();
        config.listen = http.local;
        Ok(config.server_address()?)
    }

    /// Works until `stop`, then lets requests and tasks end and closes the stores.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self {
            http,
            metrics,
            services,
        } = self;
        let watched = metrics.map(|metrics| tokio::spawn(metrics.serve(stop.clone())));
        tokio::spawn(services.app.cache.clone().run(stop.clone()));
        let worker = services.worker.clone().map(|worker| {
            let stop = stop.clone();
            tokio::spawn(async move {
                // A worker that ends before it was told to takes the process with it: somebody starts it again.
                let _end = stop.clone().drop_guard();
                tracing::info!("working");
                worker.run(stop).await;
            })
        });
        let chat_worker = services.chat_worker.clone().map(|worker| {
            let stop = stop.clone();
            tokio::spawn(async move {
                let _end = stop.clone().drop_guard();
                worker.run(stop).await;
            })
        });
        let webhook_worker = services.webhook_worker.clone().map(|worker| {
            let stop = stop.clone();
            tokio::spawn(async move {
                let _end = stop.clone().drop_guard();
                worker.run(stop).await;
            })
        });
        let served = match http {
            Some(http) => http.serve(stop.clone()).await,
            None => {
                stop.cancelled().await;
                Ok(())
            }
        };
        stop.cancel();
        for worker in worker.into_iter().chain(chat_worker).chain(webhook_worker) {
            worker.await.context("the worker ended unexpectedly")?;
        }
        if let Some(watched) = watched {
            watched.await.context("the metrics ended unexpectedly")??;
        }
        services.close().await;
        served
    }
}

impl Http {
    async fn bind(
        address: SocketAddr,
        setting: &str,
        config: &Config,
        router: axum::Router,
    ) -> anyhow::Result<Self> {
        let tls = match config.has_tls() {
            true => Some(
                RustlsConfig::from_pem_file(&config.tls.cert, &config.tls.key)
                    .await
                    .context("the certificate cannot be used (settings NEXUS_TLS_CERT, NEXUS_TLS_KEY)")?,
            ),
            false => None,
        };
        Self::listen(address, setting, tls, router)
    }

    fn listen(
        address: SocketAddr,
        setting: &str,
        tls: Option<RustlsConfig>,
        router: axum::Router,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address)
            .with_context(|| format!("{address} cannot be listened on (setting {setting})"))?;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        Ok(Self {
            listener,
            local,
            tls,
            router,
        })
    }

    async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(address = %self.local, tls = self.tls.is_some(), "serving");
        let handle = Handle::new();
        tokio::spawn({
            let handle = handle.clone();
            async move {
                stop.cancelled().await;
                handle.graceful_shutdown(Some(GRACE));
            }
        });
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum_server::from_tcp(self.listener)?.handle(handle);
        // Many answers share a connection of HTTP/2: with Nagle's algorithm a short one waits until what was sent before it is
        // acknowledged, which clients put off for 40 ms.
        let at_once = NoDelayAcceptor::new();
        let served = match self.tls {
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).acceptor(at_once);
                server.acceptor(acceptor).serve(service).await
            }
            None => server.acceptor(at_once).serve(service).await,
        };
        served.context("the server failed")
    }
}
