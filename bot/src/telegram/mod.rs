//! Calls of the Bot API. The only place that knows the bot's token and Telegram's addresses, which contain it.
//!
//! Payloads are teloxide's; it does not send them. Its own client sleeps ten seconds on a server error, keeps
//! neither the code of an error nor, for codes that it does not know, the parameters, and wants whole messages where we
//! need an id.

mod download;
mod error;
mod messages;

use std::time::Duration;

use reqwest::{Certificate, Client};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use teloxide_core::payloads::{AnswerCallbackQuery, DeleteWebhook, GetMe, SetMyCommands, SetWebhook};
use teloxide_core::payloads::{SetMyCommandsSetters as _, SetWebhookSetters as _};
use teloxide_core::requests::Payload;
use teloxide_core::types::{AllowedUpdate, BotCommand, CallbackQueryId};
use url::Url;

pub use download::Download;
pub use error::{CallError, Meaning};
pub use messages::{Edit, NewMessage};

/// Time for a call, the wait of a long poll apart.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of an answer that has begun, a download above all; longer than any poll waits.
const STALLED: Duration = Duration::from_secs(60);
/// What we ask for; Telegram keeps everything else to itself.
const WANTED: [AllowedUpdate; 4] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
];

/// Where the Bot API is and who we are there.
#[derive(Clone, Debug)]
pub struct TelegramConfig {
    /// Scheme, host and port.
    pub base: Url,
    pub token: SecretString,
    /// A certificate authority in PEM, trusted instead of the system's.
    pub ca_pem: Option<Vec<u8>>,
}

/// A client of the Bot API. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Telegram {
    http: Client,
    base: String,
    token: SecretString,
}

/// Who the bot is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Me {
    pub id: i64,
    #[serde(default)]
    pub username: String,
}

/// Every answer of the Bot API.
#[derive(Deserialize)]
struct Reply<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Telegram {
    pub fn new(config: &TelegramConfig) -> Result<Self, reqwest::Error> {
        let builder = Client::builder()
            .user_agent(concat!("nexus-bot/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .read_timeout(STALLED);
        let builder = match (config.base.scheme(), &config.ca_pem) {
            ("https", None) => builder.https_only(true),
            ("https", Some(pem)) => builder
                .https_only(true)
                .tls_certs_only(Certificate::from_pem_bundle(pem)?),
            // No TLS will be spoken: do not demand that this machine has certificate authorities.
            _ => builder.tls_certs_only([]).no_proxy(),
        };
        Ok(Self {
            http: builder.build()?,
            base: config.base.as_str().trim_end_matches('/').to_owned(),
            token: config.token.clone(),
        })
    }

    pub async fn me(&self) -> Result<Me, CallError> {
        self.call(&GetMe::new()).await
    }

    /// Waits for updates from `offset` on, which confirms those before it. As they came: one that cannot be read must
    /// not cost its neighbours.
    pub async fn updates(&self, offset: Option<i64>, wait: Duration) -> Result<Vec<Value>, CallError> {
        let mut body = json!({"timeout": wait.as_secs(), "limit": 100, "allowed_updates": WANTED});
        if let Some(offset) = offset {
            body["offset"] = offset.into();
        }
        self.request("getUpdates", &body, TIMEOUT + wait).await
    }

    /// Has updates sent to `url`, with `secret` in a header of each.
    pub async fn set_webhook(&self, url: Url, secret: &SecretString) -> Result<(), CallError> {
        let payload = SetWebhook::new(url)
            .secret_token(secret.expose_secret())
            .allowed_updates(WANTED);
        let _: Value = self.call(&payload).await?;
        Ok(())
    }

    /// Whether updates are sent to an address.
    pub async fn has_webhook(&self) -> Result<bool, CallError> {
        let info: Value = self.request("getWebhookInfo", &json!({}), TIMEOUT).await?;
        Ok(info["url"].as_str().is_some_and(|url| !url.is_empty()))
    }

    /// Updates wait at Telegram again.
    pub async fn delete_webhook(&self) -> Result<(), CallError> {
        let _: Value = self.call(&DeleteWebhook::new()).await?;
        Ok(())
    }

    /// Takes the sign of waiting from a button.
    pub async fn answer_callback(&self, id: &str) -> Result<(), CallError> {
        let _: Value = self
            .call(&AnswerCallbackQuery::new(CallbackQueryId(id.to_owned())))
            .await?;
        Ok(())
    }

    /// The list of commands that Telegram shows; `language` where it is not for all others.
    pub async fn set_commands(
        &self,
        commands: Vec<BotCommand>,
        language: Option<&str>,
    ) -> Result<(), CallError> {
        let mut payload = SetMyCommands::new(commands);
        if let Some(language) = language {
            payload = payload.language_code(language);
        }
        let _: Value = self.call(&payload).await?;
        Ok(())
    }

    async fn call<P: Payload + Serialize, T: DeserializeOwned>(&self, payload: &P) -> Result<T, CallError> {
        self.request(P::NAME, payload, TIMEOUT).await
    }

    async fn request<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let url = format!("{}/bot{}/{method}", self.base, self.token.expose_secret());
        let request = self.http.post(url).json(body).timeout(timeout);
        let response = request.send().await.map_err(CallError::lost)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(CallError::lost)?;
        let Ok(reply) = serde_json::from_slice::<Reply<T>>(&bytes) else {
            return Err(CallError::Unclear {
                cause: format!("status {status} with an answer that is none of the Bot API's"),
            });
        };
        match reply.result {
            Some(result) if reply.ok => Ok(result),
            _ => Err(CallError::refused(
                reply.error_code.unwrap_or(status),
                reply.description.unwrap_or_default(),
                reply.parameters.retry_after,
                reply.parameters.migrate_to_chat_id,
            )),
        }
    }
}
