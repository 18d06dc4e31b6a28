//! Settings that follow from others where they are not set.

use std::net::SocketAddr;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use url::Url;

use super::{Config, ConfigError};

impl Config {
    /// `sqlite:` in the data folder unless set.
    pub fn database_url(&self) -> String {
        let set = self.database.url.expose_secret();
        if set.is_empty() {
            format!("sqlite:{}", self.data_dir.join("nexus.db").display())
        } else {
            set.to_owned()
        }
    }

    pub fn models_dir(&self) -> PathBuf {
        if self.models.dir.as_os_str().is_empty() {
            self.data_dir.join("models")
        } else {
            self.models.dir.clone()
        }
    }

    pub fn vectors_dir(&self) -> PathBuf {
        self.data_dir.join("vectors")
    }

    /// Where a key that Nexus made lies.
    pub fn admin_key_file(&self) -> PathBuf {
        self.data_dir.join("admin.key")
    }

    pub fn has_tls(&self) -> bool {
        !self.tls.cert.as_os_str().is_empty()
    }

    /// Where a client on this machine finds the server.
    pub fn server_address(&self) -> Result<Url, ConfigError> {
        let address = if self.server_url.is_empty() {
            let scheme = if self.has_tls() { "https" } else { "http" };
            let host = match self.listen.ip() {
                ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
                ip if ip.is_unspecified() => "[::1]".to_owned(),
                std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                ip => ip.to_string(),
            };
            format!("{scheme}://{host}:{}", self.listen.port())
        } else {
            self.server_url.clone()
        };
        Url::parse(&address).map_err(|error| ConfigError::invalid("server_url", error.to_string()))
    }

    /// Where `nexus worker` answers questions about its health, if it does.
    pub fn worker_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.worker.listen.is_empty() {
            return Ok(None);
        }
        let address = self.worker.listen.parse();
        address
            .map(Some)
            .map_err(|_| ConfigError::invalid("worker.listen", "use ADDRESS:PORT, such as 127.0.0.1:8081"))
    }

    /// Where metrics are read, if they are.
    pub fn metrics_listen(&self) -> Result<Option<SocketAddr>, ConfigError> {
        if self.metrics.listen.is_empty() {
            return Ok(None);
        }
        let address = self.metrics.listen.parse();
        address
            .map(Some)
            .map_err(|_| ConfigError::invalid("metrics.listen", "use ADDRESS:PORT, such as 127.0.0.1:9464"))
    }

    /// Threads that parse documents.
    pub fn parse_threads(&self) -> usize {
        match self.ingestion.parse_threads {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            set => set,
        }
    }
}
