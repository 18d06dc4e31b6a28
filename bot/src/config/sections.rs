//! What belongs together: the backend, Telegram, the webhook, the log.

use std::net::SocketAddr;

use nexus_client::{ClientConfig, Signing};
use nexus_net::is_loopback;
use nexus_telemetry::{Export, InvalidExport};
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;

use super::variables::Variables;
use super::{ConfigError, invalid};
use crate::log::LogConfig;
use crate::telegram::TelegramConfig;
use crate::updates::Webhook;

impl Variables<'_> {
    pub(super) fn backend(&self) -> Result<ClientConfig, ConfigError> {
        let allow_plain_http = self.flag("NEXUS_BACKEND_ALLOW_PLAIN_HTTP")?;
        let Some(base) = self.address("NEXUS_BACKEND_URL", false)? else {
            return Err(invalid(
                "NEXUS_BACKEND_URL",
                "it is missing; the address of the backend, such as https://nexus.example:8443",
            ));
        };
        if base.scheme() == "http" && !allow_plain_http && !is_loopback(&base) {
            return Err(invalid(
                "NEXUS_BACKEND_URL",
                "plain http to another machine; use https, or set NEXUS_BACKEND_ALLOW_PLAIN_HTTP=true if the \
                 network between is trusted",
            ));
        }
        let from = "POST /api/v1/bots/{id}/tokens issues one";
        Ok(ClientConfig {
            base,
            api_key: self.secret("NEXUS_BOT_SERVICE_TOKEN", from)?,
            allow_plain_http,
            ca_pem: self.certificates("NEXUS_BACKEND_CA")?,
            traceparent: Some(nexus_telemetry::traceparent),
            signing: self
                .optional_secret("NEXUS_BOT_SIGNING_SECRET")?
                .map(Signing::new),
        })
    }

    pub(super) fn telegram(&self) -> Result<TelegramConfig, ConfigError> {
        let base = match self.address("NEXUS_BOT_API_URL", false)? {
            Some(base) => base,
            None => Url::parse("https://api.telegram.org")
                .map_err(|error| invalid("NEXUS_BOT_API_URL", error.to_string()))?,
        };
        let allowed = self.flag("NEXUS_BOT_API_ALLOW_PLAIN_HTTP")?;
        if base.scheme() == "http" && !allowed && !is_loopback(&base) {
            return Err(invalid(
                "NEXUS_BOT_API_URL",
                "plain http to another machine, and each request carries the bot's token; set \
                 NEXUS_BOT_API_ALLOW_PLAIN_HTTP=true if the network between is trusted",
            ));
        }
        let token = self.secret("NEXUS_BOT_TOKEN", "@BotFather gives it")?;
        let is_token = token.expose_secret().split_once(':').is_some_and(|(id, rest)| {
            !id.is_empty()
                && id.bytes().all(|byte| byte.is_ascii_digit())
                && !rest.is_empty()
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        });
        if !is_token {
            let reason = "it is not a token of a bot, which looks like 123456789:AAE…; @BotFather gives it";
            return Err(invalid("NEXUS_BOT_TOKEN", reason));
        }
        Ok(TelegramConfig {
            base,
            token,
            ca_pem: self.certificates("NEXUS_BOT_API_CA")?,
        })
    }

    pub(super) fn webhook(&self) -> Result<Option<Webhook>, ConfigError> {
        let Some(url) = self.address("NEXUS_BOT_WEBHOOK_URL", true)? else {
            return Ok(None);
        };
        if url.scheme() != "https" {
            return Err(invalid("NEXUS_BOT_WEBHOOK_URL", "Telegram sends to https only"));
        }
        let what = "an address and port such as 127.0.0.1:8090";
        let listen: Option<SocketAddr> = self.parsed("NEXUS_BOT_WEBHOOK_LISTEN", what)?;
        let Some(listen) = listen else {
            let reason = format!(
                "it is missing, and NEXUS_BOT_WEBHOOK_URL is set; {what}, to which a proxy passes on"
            );
            return Err(invalid("NEXUS_BOT_WEBHOOK_LISTEN", reason));
        };
        let secret = match self.text("NEXUS_BOT_WEBHOOK_SECRET") {
            // From the system's random numbers, 244 bits.
            None => format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            Some(secret) => secret.to_owned(),
        };
        let is_secret = (16..=256).contains(&secret.len())
            && secret
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_secret {
            let reason = "16 to 256 of A-Z, a-z, 0-9, _ and -; leave it empty to have one made at each start";
            return Err(invalid("NEXUS_BOT_WEBHOOK_SECRET", reason));
        }
        Ok(Some(Webhook {
            url,
            listen,
            secret: secret.into(),
        }))
    }

    pub(super) fn public_url(&self) -> Result<Option<String>, ConfigError> {
        let url = self.address("NEXUS_PUBLIC_URL", true)?;
        Ok(url.map(|url| url.as_str().trim_end_matches('/').to_owned()))
    }

    /// Where traces go: the variables of the backend, or without an endpoint there, those that all programs with OpenTelemetry
    /// read. The latter's headers are for their own endpoint: another one is not told them.
    pub(super) fn otlp(&self) -> Result<Option<Export>, ConfigError> {
        let own = self.text("NEXUS_OTLP_ENDPOINT");
        let standard = |variable| self.text(variable).filter(|_| own.is_none());
        let endpoint = own.or_else(|| standard("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let endpoint = endpoint.unwrap_or_default();
        let headers = self.text("NEXUS_OTLP_HEADERS");
        let headers = headers.or_else(|| standard("OTEL_EXPORTER_OTLP_HEADERS"));
        let headers = headers.unwrap_or_default();
        let ratio = self.parsed("NEXUS_OTLP_RATIO", "a number")?.unwrap_or(1.0);
        Export::new(endpoint, &headers.into(), ratio).map_err(|error| {
            let variable = match error {
                InvalidExport::Endpoint | InvalidExport::Credentials => "NEXUS_OTLP_ENDPOINT",
                InvalidExport::Headers | InvalidExport::PlainHttp => "NEXUS_OTLP_HEADERS",
                InvalidExport::Ratio => "NEXUS_OTLP_RATIO",
            };
            invalid(variable, error.to_string())
        })
    }

    pub(super) fn log(&self) -> Result<LogConfig, ConfigError> {
        let is_json = match self.text("NEXUS_LOG_FORMAT").unwrap_or("json") {
            "json" => true,
            "text" => false,
            _ => return Err(invalid("NEXUS_LOG_FORMAT", "json or text")),
        };
        let level = self.text("NEXUS_LOG_LEVEL").unwrap_or("info").to_owned();
        Ok(LogConfig { level, is_json })
    }
}
