//! Settings: embedded defaults, then `nexus.toml`, then the environment (`.env` is read). Validated at start; an error
//! names the setting and the variable that sets it.

mod auth;
mod cache;
mod chat;
mod embeddings;
mod error;
mod limits;
mod load;
mod otlp;
mod paths;
mod sections;
mod sources;
mod standing;
mod uploads;
mod webhooks;

pub use auth::{AuthConfig, read_or_make_secret};
pub use cache::CacheConfig;
pub use chat::{ChatConfig, ChosenModel};
pub use embeddings::EmbeddingsConfig;
pub use error::ConfigError;
pub use limits::{LimitsConfig, PerMinute};
pub use otlp::OtlpConfig;
pub use sections::{
    AdminConfig, AnswersConfig, Config, DatabaseConfig, HttpConfig, IngestionConfig, LogConfig, LogFormat,
    LogsConfig, ModelsConfig, TlsConfig, UploadsConfig, WorkerConfig,
};
pub use sources::SourcesConfig;
pub use standing::StandingConfig;
pub use uploads::UploadsPlace;
pub use webhooks::WebhooksConfig;

/// The embedded defaults, with a comment on every setting.
pub const DEFAULTS: &str = include_str!("config.default.toml");
