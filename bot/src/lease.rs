//! The right to serve the bot: one process has it at a time, as long as it renews it. [`Serving`] is passed to all that
//! is done under it, and ends with it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_api::{ErrorCode, TakeBotLease};
use nexus_client::{Client, ClientError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::updates::chain;

/// Between attempts to renew it while the backend does not answer.
const RETRY: Duration = Duration::from_secs(1);

/// Why a process does not serve the bot any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was asked to stop.
    Stopped,
    /// Another process serves the bot.
    Lost,
    /// The bot is turned off in the backend.
    Disabled,
    /// The backend does not take what this process signs, or that it does not sign.
    Unsigned,
    /// Telegram does not take the token; nothing will change that.
    TokenRefused(String),
}

/// The time for which a bot is ours. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Serving(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    code: String,
    holder: Uuid,
    seconds: u32,
    ended: CancellationToken,
    end: OnceLock<End>,
    /// When the lease ends unless it is renewed.
    until: watch::Sender<Instant>,
}

/// Who wants to serve which bot.
#[derive(Clone, Debug)]
pub(crate) struct Applicant {
    pub client: Client,
    pub code: String,
    pub holder: Uuid,
    pub seconds: u32,
}

impl Applicant {
    /// Tries to take the lease. What is done under it ends with `stop`.
    pub(crate) async fn take(self, stop: &CancellationToken) -> Result<Serving, ClientError> {
        let until = take(&self.client, &self.code, self.holder, self.seconds).await?;
        Ok(Serving(Arc::new(Inner {
            client: self.client,
            code: self.code,
            holder: self.holder,
            seconds: self.seconds,
            ended: stop.child_token(),
            end: OnceLock::new(),
            until: watch::Sender::new(until),
        })))
    }
}

/// Gives when the lease ends at the earliest.
async fn take(client: &Client, code: &str, holder: Uuid, seconds: u32) -> Result<Instant, ClientError> {
    let asked = Instant::now();
    let lease = client
        .take_bot_lease(code, &TakeBotLease { holder, seconds })
        .await?;
    Ok(asked + Duration::from_secs(lease.expires_in_seconds.into()))
}

impl Serving {
    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    /// By which the backend knows the bot.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    pub(crate) fn holder(&self) -> Uuid {
        self.0.holder
    }

    /// Ends the service; the first reason counts.
    pub(crate) fn end(&self, end: End) {
        // A later reason is of no interest.
        let _ = self.0.end.set(end);
        self.0.ended.cancel();
    }

    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.0.ended
    }

    /// Why it ended.
    pub(crate) fn reason(&self) -> End {
        self.0.end.get().cloned().unwrap_or(End::Stopped)
    }

    /// What the future gives, if the service does not end first.
    pub(crate) async fn unless_ended<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.0.ended.run_until_cancelled(future).await
    }

    /// Whether the service goes on after that time.
    pub(crate) async fn sleep(&self, time: Duration) -> bool {
        self.unless_ended(tokio::time::sleep(time)).await.is_some()
    }

    /// Renews the lease at a third of its time until the service ends. While the backend is away nobody else can take the
    /// lease either, so the service goes on; what needs a lease that is good waits for it.
    pub(crate) async fn keep(&self) {
        let third = Duration::from_secs(self.0.seconds.into()) / 3;
        let mut wait = third;
        while self.sleep(wait).await {
            let renewed = take(&self.0.client, &self.0.code, self.0.holder, self.0.seconds);
            let Some(renewed) = self.unless_ended(renewed).await else {
                return;
            };
            wait = third;
            match renewed {
                Ok(until) => {
                    self.0.until.send_replace(until);
                }
                Err(error) => match error.code() {
                    Some(ErrorCode::BotLeaseHeld | ErrorCode::LeaseLost) => self.end(End::Lost),
                    Some(ErrorCode::BotDisabled) => self.end(End::Disabled),
                    Some(ErrorCode::SignatureRequired | ErrorCode::SignatureInvalid) => {
                        tracing::warn!(bot = self.code(), error = %chain(&error), "the lease is not renewed");
                        self.end(End::Unsigned);
                    }
                    _ => {
                        tracing::warn!(bot = self.code(), error = %chain(&error), "the lease is not renewed yet");
                        wait = RETRY.min(third);
                    }
                },
            }
        }
    }

    /// Waits for a lease that is good. `false` when the service has ended.
    pub(crate) async fn valid(&self) -> bool {
        let mut until = self.0.until.subscribe();
        let good = until.wait_for(|until| *until > Instant::now());
        matches!(self.unless_ended(good).await, Some(Ok(_)))
    }

    /// Waits until the lease has run out.
    pub(crate) async fn run_out(&self) {
        let mut changes = self.0.until.subscribe();
        loop {
            let until = *changes.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Lets others serve the bot at once.
    pub(crate) async fn give_back(&self) {
        match self
            .0
            .client
            .give_back_bot_lease(self.code(), self.holder())
            .await
        {
            Ok(()) => tracing::info!(bot = self.code(), "the lease is given back"),
            Err(error) => {
                tracing::warn!(bot = self.code(), error = %chain(&error), "the lease is left to run out");
            }
        }
    }
}
