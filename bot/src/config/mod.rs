//! Settings: environment variables, and `.env` below them. Checked at the start, each with a word on what to do.

mod sections;
mod variables;

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_client::ClientConfig;
use nexus_telemetry::Export;

use self::variables::Variables;
use crate::deliver::Delivering;
use crate::log::LogConfig;
use crate::schedule::Limits;
use crate::telegram::TelegramConfig;
use crate::updates::Webhook;

/// How long Telegram and the outbox are asked to wait for something.
const LONG_POLL: Duration = Duration::from_secs(25);

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the file .env cannot be read: {0}")]
    DotEnv(#[from] dotenvy::Error),
    #[error("{variable}: {reason}")]
    Invalid { variable: &'static str, reason: String },
}

/// Everything that a process is told.
#[derive(Clone, Debug)]
pub struct Config {
    pub backend: ClientConfig,
    pub telegram: TelegramConfig,
    /// Absent: updates are asked for.
    pub webhook: Option<Webhook>,
    pub lease_seconds: u32,
    pub limits: Limits,
    pub delivering: Delivering,
    /// How long Telegram is asked to wait for updates.
    pub poll_wait: Duration,
    /// Between attempts to take a lease that another process holds.
    pub standby: Duration,
    /// Between questions whether the bot is still turned off.
    pub disabled: Duration,
    pub log: LogConfig,
    /// Absent: no traces are sent.
    pub otlp: Option<Export>,
}

impl Config {
    /// Reads `.env` and the environment.
    pub fn load() -> Result<Self, ConfigError> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => return Err(error.into()),
            _ => {}
        }
        Self::from_environment(&std::env::vars().collect())
    }

    /// The settings that an environment gives.
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let variables = Variables(environment);
        variables.refuse_unknown()?;
        let max_download_megabytes = variables.number("NEXUS_BOT_MAX_DOWNLOAD_MB", 20, 1..=2_000)?;
        Ok(Self {
            backend: variables.backend()?,
            telegram: variables.telegram()?,
            webhook: variables.webhook()?,
            lease_seconds: variables.number("NEXUS_BOT_LEASE_SECONDS", 30, 1..=300)?,
            limits: Limits {
                chat_per_second: variables.number("NEXUS_BOT_CHAT_PER_SECOND", 1, 1..=1_000)?,
                group_per_minute: variables.number("NEXUS_BOT_GROUP_PER_MINUTE", 20, 1..=60_000)?,
                per_second: variables.number("NEXUS_BOT_PER_SECOND", 30, 1..=1_000)?,
            },
            delivering: Delivering {
                base_address: variables.public_url()?,
                preview_interval: Duration::from_millis(
                    variables
                        .number("NEXUS_BOT_PREVIEW_MILLISECONDS", 1_200, 100..=60_000)?
                        .into(),
                ),
                drafts: variables.flag("NEXUS_BOT_DRAFTS")?,
                max_download_megabytes,
                wait: LONG_POLL,
            },
            poll_wait: LONG_POLL,
            standby: Duration::from_secs(3),
            disabled: Duration::from_secs(10),
            log: variables.log()?,
            otlp: variables.otlp()?,
        })
    }
}

/// All that this process reads; `NEXUS_BOT_…` that stands nowhere here is a mistake.
pub const VARIABLES: &[&str] = &[
    "NEXUS_BOT_TOKEN",
    "NEXUS_BOT_SERVICE_TOKEN",
    "NEXUS_BOT_SIGNING_SECRET",
    "NEXUS_BACKEND_URL",
    "NEXUS_BACKEND_CA",
    "NEXUS_BACKEND_ALLOW_PLAIN_HTTP",
    "NEXUS_PUBLIC_URL",
    "NEXUS_BOT_API_URL",
    "NEXUS_BOT_API_CA",
    "NEXUS_BOT_API_ALLOW_PLAIN_HTTP",
    "NEXUS_BOT_MAX_DOWNLOAD_MB",
    "NEXUS_BOT_WEBHOOK_URL",
    "NEXUS_BOT_WEBHOOK_LISTEN",
    "NEXUS_BOT_WEBHOOK_SECRET",
    "NEXUS_BOT_LEASE_SECONDS",
    "NEXUS_BOT_DRAFTS",
    "NEXUS_BOT_CHAT_PER_SECOND",
    "NEXUS_BOT_GROUP_PER_MINUTE",
    "NEXUS_BOT_PER_SECOND",
    "NEXUS_BOT_PREVIEW_MILLISECONDS",
    "NEXUS_LOG_LEVEL",
    "NEXUS_LOG_FORMAT",
    "NEXUS_OTLP_ENDPOINT",
    "NEXUS_OTLP_HEADERS",
    "NEXUS_OTLP_RATIO",
];

pub(crate) fn invalid(variable: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        variable,
        reason: reason.into(),
    }
}
