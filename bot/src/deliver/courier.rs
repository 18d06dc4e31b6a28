//! Sends one delivery, in steps that can be repeated: a placeholder, whose id the backend is told at once, then the text
//! as an edit of it. Whoever dies in between leaves at worst a placeholder behind.

use std::time::Duration;

use nexus_api::limits::MAX_PARTS;
use nexus_api::{ChatKind, Content, Delivery, Priority};
use teloxide_core::types::InlineKeyboardMarkup;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::file::{self, Wanted};
use super::preview::{Canvas, Previews};
use super::report::Reporter;
use super::take::Delivering;
use crate::lease::{End, Serving};
use crate::outbound::Outbound;
use crate::present::present;
use crate::render::Part;
use crate::schedule::Class;
use crate::telegram::{Edit, Meaning, NewMessage};
use crate::words::{Language, Phrase, Words};

/// What stands in a chat for a moment, until it becomes text.
const PLACEHOLDER: &str = "…";
/// How long Telegram may take to carry out an edit whose answer was lost.
const LATE: Duration = Duration::from_secs(2);

#[derive(Clone, Debug)]
pub(super) struct Courier {
    pub(super) outbound: Outbound,
    pub(super) how: Delivering,
    pub(super) serving: Serving,
    pub(super) previews: Previews,
}

impl Courier {
    /// Sends it and tells what became of it.
    pub(super) async fn deliver(&self, delivery: Delivery, over: &CancellationToken) {
        let reporter = Reporter {
            client: self.serving.client(),
            delivery: &delivery,
            over,
        };
        let result = match &delivery.content {
            None => self.announce(&delivery, &reporter).await,
            Some(content) => {
                // The last word comes after all previews.
                let late_preview = self.previews.stop(delivery.message_id).await;
                self.say(&delivery, content, &reporter, late_preview).await
            }
        };
        let Err(failure) = result else { return };
        let Some(report) = failure.report(delivery.lease) else {
            return;
        };
        tracing::warn!(kind = ?report.kind, message = report.message, "a message is not delivered");
        // Whether it is heard or not, there is nothing more to do.
        let _ = reporter.failed(&report).await;
        if let Failure::Call(error) = &failure
            && error.meaning() == Meaning::TokenRefused
        {
            self.serving.end(End::TokenRefused(error.to_string()));
        }
    }

    /// An answer is being written: shows so, and its text as it grows.
    async fn announce(&self, delivery: &Delivery, reporter: &Reporter<'_>) -> Result<(), Failure> {
        let message = match delivery.parts.first() {
            // Told again: the backend waits for a word from whoever has the delivery now.
            Some(message) => {
                reporter.placed(0, *message).await?;
                *message
            }
            None => {
                let words = Words::of(delivery.language.into());
                self.place(delivery, 0, words.say(Phrase::Thinking), reporter)
                    .await?
            }
        };
        let canvas = Canvas {
            message_id: delivery.message_id,
            chat: delivery.telegram_chat_id,
            telegram_message_id: message,
            style: self.how.style(delivery.language.into()),
            is_draft: self.how.drafts && delivery.chat_kind == ChatKind::Private,
            interval: self.how.preview_interval,
        };
        self.previews
            .start(canvas, self.serving.client().clone(), self.outbound.clone());
        Ok(())
    }

    async fn say(
        &self,
        delivery: &Delivery,
        content: &Content,
        reporter: &Reporter<'_>,
        late_preview: bool,
    ) -> Result<(), Failure> {
        let language: Language = delivery.language.into();
        let style = self.how.style(language);
        let presented = present(content, &style);
        let mut parts = presented.text.parts(style.limits);
        parts.truncate(MAX_PARTS as usize);
        self.show(delivery, &parts, presented.keyboard.clone(), reporter)
            .await?;
        let task_id = match Wanted::of(delivery, content) {
            Some(wanted) => Some(file::fetch(self, wanted, reporter.over).await?),
            None => None,
        };
        reporter.sent(parts.len(), task_id).await?;
        tracing::info!(parts = parts.len(), "delivered");
        if let (true, Some(first), Some(message)) = (late_preview, parts.first(), delivery.parts.first()) {
            let keyboard = presented.keyboard.filter(|_| parts.len() == 1);
            self.say_again(delivery, *message, first, keyboard, reporter)
                .await;
        }
        Ok(())
    }

    /// A preview without a clear answer may have come after the last word. Nothing else happens in the chat meanwhile, and where
    /// the last word stands, Telegram says that nothing is changed.
    async fn say_again(
        &self,
        delivery: &Delivery,
        message: i64,
        part: &Part,
        keyboard: Option<InlineKeyboardMarkup>,
        reporter: &Reporter<'_>,
    ) {
        let waited = tokio::time::sleep(LATE);
        if reporter.over.run_until_cancelled(waited).await.is_none() {
            return;
        }
        if self.write(delivery, message, part, keyboard).await.is_err() {
            tracing::debug!("the last word was not said again");
        }
    }

    /// Makes the messages in the chat those parts and nothing else.
    async fn show(
        &self,
        delivery: &Delivery,
        parts: &[Part],
        keyboard: Option<InlineKeyboardMarkup>,
        reporter: &Reporter<'_>,
    ) -> Result<(), Failure> {
        for (number, part) in parts.iter().enumerate() {
            let message = match delivery.parts.get(number) {
                Some(message) => *message,
                None => {
                    self.place(delivery, number, PLACEHOLDER.to_owned(), reporter)
                        .await?
                }
            };
            let is_last = number + 1 == parts.len();
            let keyboard = keyboard.clone().filter(|_| is_last);
            self.write(delivery, message, part, keyboard).await?;
        }
        let class = class_of(delivery);
        for message in delivery.parts.iter().skip(parts.len()) {
            let deleted = self
                .outbound
                .delete(delivery.telegram_chat_id, *message, class)
                .await;
            match deleted {
                Err(error) if error.meaning() == Meaning::Never => {
                    tracing::info!(%error, "a message that is too much stays");
                }
                deleted => deleted?,
            }
        }
        Ok(())
    }

    /// A new message, known to the backend before anything else happens to it.
    async fn place(
        &self,
        delivery: &Delivery,
        part: usize,
        text: String,
        reporter: &Reporter<'_>,
    ) -> Result<i64, Failure> {
        let quotes = part == 0 && (delivery.chat_kind != ChatKind::Private || delivery.topic_id.is_some());
        let message = NewMessage {
            chat: delivery.telegram_chat_id,
            topic: delivery.topic_id,
            reply_to: delivery.reply_to_message_id.filter(|_| quotes),
            text,
        };
        let id = self.outbound.send(&message, class_of(delivery)).await?;
        reporter.placed(part, id).await?;
        Ok(id)
    }

    async fn write(
        &self,
        delivery: &Delivery,
        message: i64,
        part: &Part,
        keyboard: Option<InlineKeyboardMarkup>,
    ) -> Result<(), Failure> {
        let edit = Edit {
            chat: delivery.telegram_chat_id,
            message,
            text: &part.html,
            is_html: true,
            keyboard,
        };
        let class = class_of(delivery);
        match self.outbound.edit(&edit, class).await {
            Err(error) if error.meaning() == Meaning::BadFormat => {
                tracing::error!(%error, "Telegram does not read our HTML; the text goes out plain");
                let plain = Edit {
                    text: &part.text,
                    is_html: false,
                    ..edit
                };
                Ok(self.outbound.edit(&plain, class).await?)
            }
            edited => Ok(edited?),
        }
    }
}

const fn class_of(delivery: &Delivery) -> Class {
    match delivery.priority {
        Priority::Answer => Class::Answer,
        Priority::Notice => Class::Notice,
    }
}
