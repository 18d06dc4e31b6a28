//! Calls about chats, each in its turn and repeated while that may help.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::schedule::{Class, LONGEST_PAUSE, Scheduler};
use crate::telegram::{CallError, Edit, Meaning, NewMessage, Telegram};

/// Waits before a call without a clear answer is made again. A message whose answer was lost may then stand there twice: as
/// a placeholder that nobody edits, never as an answer.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(1_000),
    Duration::from_millis(2_500),
];
/// Times that a call is made again because Telegram wants it later.
const REFUSALS: u32 = 5;
/// Added to what Telegram names, in full seconds.
const MARGIN: Duration = Duration::from_millis(100);

/// What goes out to people. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Outbound {
    telegram: Telegram,
    scheduler: Scheduler,
    /// After that no call begins.
    over: CancellationToken,
}

impl Outbound {
    pub(crate) fn new(telegram: Telegram, scheduler: Scheduler) -> Self {
        Self {
            telegram,
            scheduler,
            over: CancellationToken::new(),
        }
    }

    /// The same, for as long as `over` allows.
    #[must_use]
    pub(crate) fn until(&self, over: CancellationToken) -> Self {
        Self { over, ..self.clone() }
    }

    pub(crate) fn telegram(&self) -> &Telegram {
        &self.telegram
    }

    /// Sends a message and gives its id.
    pub(crate) async fn send(&self, message: &NewMessage, class: Class) -> Result<i64, CallError> {
        self.call(message.chat, class, || self.telegram.send(message))
            .await
    }

    /// Edits a message. One that is so already is a success.
    pub(crate) async fn edit(&self, edit: &Edit<'_>, class: Class) -> Result<(), CallError> {
        let edited = self.call(edit.chat, class, || self.telegram.edit(edit)).await;
        unless(edited, Meaning::NotModified)
    }

    /// Deletes a message. One that is not there is a success.
    pub(crate) async fn delete(&self, chat: i64, message: i64, class: Class) -> Result<(), CallError> {
        let deleted = self
            .call(chat, class, || self.telegram.delete(chat, message))
            .await;
        unless(deleted, Meaning::MessageGone)
    }

    /// Says one sentence in a private chat.
    pub(crate) async fn tell(&self, chat: i64, text: String) -> Result<(), CallError> {
        let message = NewMessage {
            chat,
            topic: None,
            reply_to: None,
            text,
        };
        self.send(&message, Class::Answer).await.map(drop)
    }

    /// Makes a call that is not worth waiting, if it may be made now. `None` if not.
    pub(crate) async fn try_now<T>(
        &self,
        chat: i64,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Option<Result<T, CallError>> {
        if self.over.is_cancelled() || !self.scheduler.try_turn(chat) {
            return None;
        }
        let result = call.await;
        if let Err(error) = &result {
            self.heed(chat, error);
        }
        Some(result)
    }

    async fn call<T, F>(&self, chat: i64, class: Class, call: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut again = AGAIN.iter();
        let mut refusals = 0;
        loop {
            let turn = self.scheduler.turn(chat, class);
            let turn = self.over.run_until_cancelled(turn).await;
            turn.ok_or(CallError::Over)?.map_err(CallError::too_many)?;
            let error = match call().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            match error.meaning() {
                Meaning::Wait(wait) => {
                    self.heed(chat, &error);
                    refusals += 1;
                    if refusals > REFUSALS || wait > LONGEST_PAUSE {
                        return Err(error);
                    }
                }
                Meaning::Unclear => match again.next() {
                    Some(wait) => tokio::time::sleep(*wait).await,
                    None => return Err(error),
                },
                _ => return Err(error),
            }
        }
    }

    fn heed(&self, chat: i64, error: &CallError) {
        if let Meaning::Wait(wait) = error.meaning() {
            tracing::warn!(chat, seconds = wait.as_secs(), "Telegram wants us to wait");
            self.scheduler.refused(chat, wait + MARGIN);
        }
    }
}

/// An error of this meaning is a success.
fn unless(result: Result<(), CallError>, meaning: Meaning) -> Result<(), CallError> {
    match result {
        Err(error) if error.meaning() == meaning => Ok(()),
        result => result,
    }
}
