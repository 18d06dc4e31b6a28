//! A server on a throw-away folder and a free port, in this process.

use nexus_client::{Client, ClientConfig};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::Services;
use crate::config::{Config, PerMinute};
use crate::serve::Server;

/// Dropped, it takes its data with it.
pub struct OwnServer {
    pub client: Client,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    _data: TempDir,
}

impl OwnServer {
    /// With the models of the ordinary settings, and everything else of its own.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut own = config.clone();
        own.models.dir = config.models_dir();
        own.data_dir = data.path().to_owned();
        own.database.url = SecretString::default();
        own.uploads.url.clear();
        own.listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        own.server_url.clear();
        own.tls.cert.clear();
        own.tls.key.clear();
        own.admin.key = format!("eval-{}", uuid::Uuid::new_v4()).into();
        own.limits.program = PerMinute::NONE;
        // A throw-away index, beside that of the installation.
        own.qdrant.url.clear();
        own.qdrant.api_key = SecretString::default();
        if std::env::var_os("NEXUS_LOG_LEVEL").is_none() {
            own.log.level = "warn".to_owned();
        }
        crate::log::start(&own.log)?;
        let server = Server::bind(&own, Services::start(&own).await?).await?;
        let client = Client::new(ClientConfig::new(server.address(&own)?, own.admin.key.clone()))?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(stop.clone()));
        Ok(Self {
            client,
            stop,
            serving,
            _data: data,
        })
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.serving.await?
    }
}
