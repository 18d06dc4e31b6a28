//! Settings: embedded defaults, then `nexus.toml`, then the environment (`.env` is read). Validated at start; an error
//! names the setting and the variable that sets it.

mod chat;
mod error;
mod load;
mod paths;
mod sections;
mod uploads;

pub use chat::{ChatConfig, ChosenModel};
pub use error::ConfigError;
pub use sections::{
    AdminConfig, AnswersConfig, Config, DatabaseConfig, HttpConfig, IngestionConfig, LogConfig, LogFormat,
    ModelsConfig, TlsConfig, UploadsConfig, WorkerConfig,
};
pub use uploads::UploadsPlace;

/// The embedded defaults, with a comment on every setting.
pub const DEFAULTS: &str = include_str!("config.default.toml");
