//! The life of a process: who am I, whose bot is it, may I serve it; then updates and deliveries side by side until the
//! lease, the bot or the process ends.

use std::time::Duration;

use nexus_api::ErrorCode;
use nexus_client::{Client, ClientError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::commands;
use crate::config::Config;
use crate::deliver::deliver;
use crate::lease::{Applicant, End, Serving};
use crate::outbound::Outbound;
use crate::schedule::Scheduler;
use crate::signature::Unsigned;
use crate::telegram::{Me, Meaning, Telegram};
use crate::updates::{Mapper, Store, chain, poll, webhook};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Why a process ends that nobody has asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the client of the backend cannot be set up: {0}")]
    Backend(#[from] ClientError),
    #[error(
        "the client of Telegram cannot be set up: {0}; without certificate authorities on this machine, set NEXUS_BOT_API_CA"
    )]
    Telegram(reqwest::Error),
    #[error("Telegram does not take the token ({0}); check NEXUS_BOT_TOKEN, @BotFather gives a new one")]
    TokenRefused(String),
    #[error(
        "the token in NEXUS_BOT_SERVICE_TOKEN is not one of a bot; POST /api/v1/bots/{{id}}/tokens issues one"
    )]
    NotABot,
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error(
        "the service token belongs to a bot whose id at Telegram is {expected}, and the token in NEXUS_BOT_TOKEN to {found}"
    )]
    AnotherBot { expected: i64, found: i64 },
}

/// Serves the bot until `stop`.
pub async fn run(config: Config, stop: &CancellationToken) -> Result<(), RunError> {
    let client = Client::new(config.backend.clone())?;
    let telegram = Telegram::new(&config.telegram).map_err(RunError::Telegram)?;
    let Some(me) = identify(&telegram, stop).await? else {
        return Ok(());
    };
    tracing::info!(username = me.username, "Telegram knows the bot");
    let process = Process {
        outbound: Outbound::new(telegram.clone(), Scheduler::new(config.limits)),
        mapper: Mapper {
            me,
            max_download_megabytes: config.delivering.max_download_megabytes,
        },
        holder: Uuid::new_v4(),
        config,
        client,
        telegram,
    };
    process.run(stop).await
}

/// `None` when the process is to stop.
async fn identify(telegram: &Telegram, stop: &CancellationToken) -> Result<Option<Me>, RunError> {
    let mut wait = FIRST_WAIT;
    loop {
        let error = match stop.run_until_cancelled(telegram.me()).await {
            None => return Ok(None),
            Some(Ok(me)) => return Ok(Some(me)),
            Some(Err(error)) => error,
        };
        if error.meaning() == Meaning::TokenRefused {
            return Err(RunError::TokenRefused(error.to_string()));
        }
        tracing::warn!(%error, "Telegram has not answered yet");
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return Ok(None);
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

struct Process {
    config: Config,
    client: Client,
    telegram: Telegram,
    outbound: Outbound,
    mapper: Mapper,
    /// Names this process to the backend.
    holder: Uuid,
}

/// What an attempt to serve the bot came to.
enum Attempt {
    Serving(Serving),
    /// Another process serves it.
    Held,
    Disabled,
    /// The backend does not answer as it should.
    Away,
}

impl Process {
    async fn run(&self, stop: &CancellationToken) -> Result<(), RunError> {
        let mut wait = FIRST_WAIT;
        loop {
            let Some(attempt) = stop.run_until_cancelled(self.attempt(stop)).await else {
                return Ok(());
            };
            let pause = match attempt? {
                Attempt::Serving(serving) => {
                    wait = FIRST_WAIT;
                    match self.serve(&serving).await {
                        End::Stopped => return Ok(()),
                        End::TokenRefused(said) => return Err(RunError::TokenRefused(said)),
                        End::Lost => self.config.standby,
                        // The next attempt tells why.
                        End::Unsigned => FIRST_WAIT,
                        End::Disabled => self.turned_off().await,
                    }
                }
                Attempt::Held => self.config.standby,
                Attempt::Disabled => self.turned_off().await,
                Attempt::Away => {
                    wait = (wait * 2).min(LONGEST_WAIT);
                    wait
                }
            };
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return Ok(());
            }
        }
    }

    async fn attempt(&self, stop: &CancellationToken) -> Result<Attempt, RunError> {
        let me = match self.client.me().await {
            Ok(me) => me,
            Err(error) => return self.unknown(&error),
        };
        let bot = me.bot.ok_or(RunError::NotABot)?;
        let found = self.mapper.me.id;
        if let Some(expected) = bot.telegram_bot_id.filter(|expected| *expected != found) {
            return Err(RunError::AnotherBot { expected, found });
        }
        if !bot.is_active {
            return Ok(Attempt::Disabled);
        }
        let applicant = Applicant {
            client: self.client.clone(),
            code: bot.code,
            holder: self.holder,
            seconds: self.config.lease_seconds,
        };
        match applicant.take(stop).await {
            Ok(serving) => Ok(Attempt::Serving(serving)),
            Err(error) => Ok(refused(&error)),
        }
    }

    /// What follows where the backend does not say whose bot this is.
    fn unknown(&self, error: &ClientError) -> Result<Attempt, RunError> {
        let signs = self.config.backend.signing.is_some();
        match Unsigned::of(error, signs) {
            // A clock may be set while we wait.
            Some(why @ Unsigned::Clock) => {
                tracing::error!(error = %why, "the backend cannot be asked for the bot");
                Ok(Attempt::Away)
            }
            // Waiting would not help: it is for somebody to decide.
            Some(why) => Err(why.into()),
            None => Ok(refused(error)),
        }
    }

    /// Serves the bot while it is ours.
    async fn serve(&self, serving: &Serving) -> End {
        tracing::info!(bot = serving.code(), holder = %serving.holder(), "this process serves the bot");
        let store = Store::new(serving.clone(), self.outbound.until(serving.ended().clone()));
        let updates = async {
            match &self.config.webhook {
                Some(how) => webhook(&self.telegram, how, &self.mapper, &store, serving).await,
                None => {
                    let wait = self.config.poll_wait;
                    poll(&self.telegram, &self.mapper, &store, serving, wait).await;
                }
            }
        };
        tokio::join!(
            serving.keep(),
            updates,
            deliver(&self.outbound, &self.config.delivering, serving),
            serving.unless_ended(commands::announce(&self.telegram)),
        );
        let end = serving.reason();
        tracing::info!(
            bot = serving.code(),
            ?end,
            "this process does not serve the bot any more"
        );
        if matches!(end, End::Stopped | End::TokenRefused(_)) {
            serving.give_back().await;
        }
        end
    }

    /// Nothing shall be sent to an address where nobody takes it; what comes waits at Telegram.
    async fn turned_off(&self) -> Duration {
        tracing::info!("the bot is turned off in the backend");
        let removed = async {
            match self.telegram.has_webhook().await? {
                true => self.telegram.delete_webhook().await,
                false => Ok(()),
            }
        };
        if let Err(error) = removed.await {
            tracing::warn!(%error, "the webhook is not removed yet");
        }
        self.config.disabled
    }
}

fn refused(error: &ClientError) -> Attempt {
    match error.code() {
        Some(ErrorCode::BotLeaseHeld) => {
            tracing::info!("another process serves the bot; this one waits");
            Attempt::Held
        }
        Some(ErrorCode::BotDisabled) => Attempt::Disabled,
        _ => {
            tracing::warn!(error = %chain(error), "the backend cannot be asked for the bot");
            Attempt::Away
        }
    }
}
