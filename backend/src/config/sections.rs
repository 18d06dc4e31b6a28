//! The settings as types, and what each may be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use nexus_models::PrecisionChoice;
use nexus_net::is_loopback;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::auth::AuthConfig;
use super::embeddings::EmbeddingsConfig;
use super::{
    CacheConfig, ChatConfig, ConfigError, LimitsConfig, OtlpConfig, SourcesConfig, StandingConfig,
    WebhooksConfig,
};

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub server_url: String,
    pub secret_key: SecretString,
    /// See [`Config::key_ring`].
    pub secret_keys_previous: SecretString,
    pub auth: AuthConfig,
    pub database: DatabaseConfig,
    pub qdrant: QdrantConfig,
    pub admin: AdminConfig,
    pub tls: TlsConfig,
    pub models: ModelsConfig,
    pub embeddings: EmbeddingsConfig,
    pub uploads: UploadsConfig,
    pub ingestion: IngestionConfig,
    pub sources: SourcesConfig,
    pub webhooks: WebhooksConfig,
    pub worker: WorkerConfig,
    pub answers: AnswersConfig,
    pub cache: CacheConfig,
    pub standing: StandingConfig,
    pub chat: ChatConfig,
    pub http: HttpConfig,
    pub limits: LimitsConfig,
    pub metrics: MetricsConfig,
    pub log: LogConfig,
    pub logs: LogsConfig,
    pub otlp: OtlpConfig,
}

#[derive(Clone, Debug, Deserialize)]
pub struct DatabaseConfig {
    pub url: SecretString,
    pub pool_size: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct QdrantConfig {
    pub url: String,
    pub api_key: SecretString,
    pub prefix: String,
    pub timeout_seconds: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct AdminConfig {
    pub key: SecretString,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TlsConfig {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ModelsConfig {
    pub dir: PathBuf,
    pub runtime_library: PathBuf,
    pub enabled: bool,
    pub download: bool,
    pub threads: usize,
    pub reranker_dir: PathBuf,
    pub rerank_candidates: usize,
    pub rerank_milliseconds: u64,
    pub precision: PrecisionChoice,
}

#[derive(Clone, Debug, Deserialize)]
pub struct UploadsConfig {
    pub url: String,
    pub s3_endpoint: String,
    pub s3_region: String,
    pub s3_access_key: String,
    pub s3_secret_key: SecretString,
    pub s3_allow_http: bool,
    pub max_bytes: u64,
    pub keep_days: u32,
}

#[derive(Clone, Debug, Deserialize)]
pub struct IngestionConfig {
    pub max_entries: u64,
    pub max_unpacked_bytes: u64,
    pub max_file_bytes: u64,
    pub max_depth: usize,
    pub max_ratio: u64,
    pub max_pages: u64,
    pub document_seconds: u64,
    pub reader_memory_bytes: u64,
    pub parse_threads: usize,
    pub chunk_tokens: usize,
}

#[derive(Clone, Debug, Deserialize)]
pub struct WorkerConfig {
    pub concurrency: usize,
    pub chats: usize,
    pub chat_lease_seconds: u64,
    pub chat_keep_days: u64,
    pub lease_seconds: u64,
    pub max_attempts: u32,
    pub sweep_seconds: u64,
    /// Empty or an address: see [`Config::worker_listen`].
    pub listen: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct AnswersConfig {
    pub max_passages: usize,
    pub max_tokens: usize,
    pub keep_days: u32,
    pub coverage_percent: u32,
    pub calibration_seconds: u64,
}

impl AnswersConfig {
    /// How long an answer can be asked for again; zero: answers are not kept.
    pub const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days as u64 * 24 * 3_600)
    }
}

/// What the API tells of what happened.
#[derive(Clone, Debug, Deserialize)]
pub struct LogsConfig {
    pub questions: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct HttpConfig {
    pub requests_per_second: u32,
    pub burst: u32,
    pub timeout_seconds: u64,
    /// See [`Config::trusted_proxies`].
    pub trusted_proxies: String,
    pub secure_cookies: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct MetricsConfig {
    /// Empty or an address: see [`Config::metrics_listen`].
    pub listen: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LogConfig {
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

/// Shortest key that an operator may choose.
const MIN_ADMIN_KEY_CHARS: usize = 16;

impl Config {
    /// The settings, once every one of them makes sense.
    pub(super) fn validated(self) -> Result<Self, ConfigError> {
        self.validate_addresses()?;
        self.validate_qdrant()?;
        self.chat.validate()?;
        self.cache.validate()?;
        self.embeddings.validate()?;
        self.validate_files()?;
        self.uploads.validate()?;
        self.worker_listen()?;
        self.metrics_listen()?;
        self.trusted_proxies()?;
        self.auth.validate()?;
        self.limits.validate()?;
        self.sources.validate()?;
        self.webhooks.validate()?;
        self.standing.validate()?;
        let key = self.admin.key.expose_secret();
        if !key.is_empty() && key.chars().count() < MIN_ADMIN_KEY_CHARS {
            let reason = format!("a key needs at least {MIN_ADMIN_KEY_CHARS} characters");
            return Err(ConfigError::invalid("admin.key", reason));
        }
        in_range("database.pool_size", u64::from(self.database.pool_size), 1, 1_000)?;
        in_range("qdrant.timeout_seconds", self.qdrant.timeout_seconds, 1, 600)?;
        in_range("uploads.max_bytes", self.uploads.max_bytes, 1, 1 << 40)?;
        in_range("ingestion.max_entries", self.ingestion.max_entries, 1, 10_000_000)?;
        in_range(
            "ingestion.max_unpacked_bytes",
            self.ingestion.max_unpacked_bytes,
            1,
            1 << 44,
        )?;
        in_range(
            "ingestion.max_file_bytes",
            self.ingestion.max_file_bytes,
            1,
            1 << 30,
        )?;
        in_range("ingestion.max_depth", self.ingestion.max_depth as u64, 1, 1_000)?;
        in_range("ingestion.max_ratio", self.ingestion.max_ratio, 2, 1_000_000)?;
        in_range("ingestion.max_pages", self.ingestion.max_pages, 1, 1_000_000)?;
        in_range(
            "ingestion.document_seconds",
            self.ingestion.document_seconds,
            1,
            86_400,
        )?;
        let bytes = self.ingestion.reader_memory_bytes;
        in_range("ingestion.reader_memory_bytes", bytes, 64 << 20, 1 << 36)?;
        in_range(
            "ingestion.parse_threads",
            self.ingestion.parse_threads as u64,
            0,
            256,
        )?;
        in_range(
            "ingestion.chunk_tokens",
            self.ingestion.chunk_tokens as u64,
            64,
            2_048,
        )?;
        in_range("models.threads", self.models.threads as u64, 0, 256)?;
        in_range(
            "models.rerank_candidates",
            self.models.rerank_candidates as u64,
            2,
            200,
        )?;
        in_range(
            "models.rerank_milliseconds",
            self.models.rerank_milliseconds,
            1,
            60_000,
        )?;
        in_range("worker.concurrency", self.worker.concurrency as u64, 1, 64)?;
        in_range("worker.chats", self.worker.chats as u64, 1, 1_000)?;
        in_range(
            "worker.chat_lease_seconds",
            self.worker.chat_lease_seconds,
            2,
            600,
        )?;
        // An update that Telegram may send again must still be known.
        if !matches!(self.worker.chat_keep_days, 0 | 2..=36_500) {
            return Err(ConfigError::invalid(
                "worker.chat_keep_days",
                format!(
                    "{} is neither 0 nor between 2 and 36500",
                    self.worker.chat_keep_days
                ),
            ));
        }
        in_range("worker.lease_seconds", self.worker.lease_seconds, 2, 3_600)?;
        in_range("worker.max_attempts", u64::from(self.worker.max_attempts), 1, 100)?;
        in_range("worker.sweep_seconds", self.worker.sweep_seconds, 1, 86_400)?;
        in_range("answers.max_passages", self.answers.max_passages as u64, 1, 20)?;
        in_range("answers.max_tokens", self.answers.max_tokens as u64, 50, 8_000)?;
        in_range("answers.keep_days", u64::from(self.answers.keep_days), 0, 36_500)?;
        in_range(
            "answers.coverage_percent",
            u64::from(self.answers.coverage_percent),
            50,
            99,
        )?;
        in_range(
            "answers.calibration_seconds",
            self.answers.calibration_seconds,
            0,
            86_400,
        )?;
        in_range(
            "http.requests_per_second",
            u64::from(self.http.requests_per_second),
            1,
            1_000_000,
        )?;
        in_range("http.burst", u64::from(self.http.burst), 1, 1_000_000)?;
        in_range("http.timeout_seconds", self.http.timeout_seconds, 1, 3_600)?;
        self.otlp.export()?;
        Ok(self)
    }

    fn validate_addresses(&self) -> Result<(), ConfigError> {
        let database = self.database.url.expose_secret();
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !database.is_empty() && !known.iter().any(|scheme| database.starts_with(scheme)) {
            return Err(ConfigError::invalid(
                "database.url",
                "use sqlite:PATH or postgres://…",
            ));
        }
        if !self.server_url.is_empty() && Url::parse(&self.server_url).is_err() {
            return Err(ConfigError::invalid(
                "server_url",
                "this is not an address such as https://host:8080",
            ));
        }
        Ok(())
    }

    fn validate_qdrant(&self) -> Result<(), ConfigError> {
        let QdrantConfig {
            url, api_key, prefix, ..
        } = &self.qdrant;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if prefix.is_empty() || prefix.len() > 64 || !prefix.chars().all(plain) {
            let reason = "1 to 64 letters, digits, - and _";
            return Err(ConfigError::invalid("qdrant.prefix", reason));
        }
        let key = api_key.expose_secret();
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            let reason = "a key is made of visible ASCII characters";
            return Err(ConfigError::invalid("qdrant.api_key", reason));
        }
        if url.is_empty() {
            return Ok(());
        }
        let parsed = Url::parse(url).ok();
        let Some(parsed) = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        else {
            let reason = "use http://HOST:6334 or https://HOST:6334, the gRPC port";
            return Err(ConfigError::invalid("qdrant.url", reason));
        };
        if !key.is_empty() && parsed.scheme() == "http" && !is_loopback(&parsed) {
            let reason = "with qdrant.api_key set, another machine is reached by https only: the key must not be read on the way";
            return Err(ConfigError::invalid("qdrant.url", reason));
        }
        Ok(())
    }

    fn validate_files(&self) -> Result<(), ConfigError> {
        if self.data_dir.as_os_str().is_empty() {
            return Err(ConfigError::invalid("data_dir", "a folder is needed"));
        }
        let unset = |path: &PathBuf| path.as_os_str().is_empty();
        match (unset(&self.tls.cert), unset(&self.tls.key)) {
            (false, true) => Err(ConfigError::invalid(
                "tls.key",
                "tls.cert is set, so this is needed too",
            )),
            (true, false) => Err(ConfigError::invalid(
                "tls.cert",
                "tls.key is set, so this is needed too",
            )),
            _ => Ok(()),
        }
    }
}

pub(super) fn in_range(setting: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::invalid(
            setting,
            format!("{value} is not between {least} and {most}"),
        ))
    }
}
