//! Messages: sent, edited, deleted. Telegram numbers them with 32 bits; the contract leaves more room.

use serde::Deserialize;
use serde_json::{Value, json};
use teloxide_core::payloads::{DeleteMessage, EditMessageText, SendMessage};
use teloxide_core::payloads::{EditMessageTextSetters as _, SendMessageSetters as _};
use teloxide_core::types::{
    ChatId, InlineKeyboardMarkup, LinkPreviewOptions, MessageId, ParseMode, ReplyParameters, ThreadId,
};

use super::{CallError, TIMEOUT, Telegram};

/// A message of plain text, to be edited into what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    pub chat: i64,
    pub topic: Option<i64>,
    /// The message that it quotes, if that is still there.
    pub reply_to: Option<i64>,
    pub text: String,
}

/// A message's text and buttons, in place of what it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<'a> {
    pub chat: i64,
    pub message: i64,
    pub text: &'a str,
    /// Whether the text is Telegram HTML.
    pub is_html: bool,
    pub keyboard: Option<InlineKeyboardMarkup>,
}

/// All that we want to know of a message that was sent.
#[derive(Deserialize)]
struct Sent {
    message_id: i64,
}

const NO_PREVIEW: LinkPreviewOptions = LinkPreviewOptions {
    is_disabled: true,
    url: None,
    prefer_small_media: false,
    prefer_large_media: false,
    show_above_text: false,
};

impl Telegram {
    /// Sends it and gives its id.
    pub async fn send(&self, message: &NewMessage) -> Result<i64, CallError> {
        let mut payload =
            SendMessage::new(ChatId(message.chat), &message.text).link_preview_options(NO_PREVIEW);
        if let Some(topic) = message.topic {
            payload = payload.message_thread_id(ThreadId(message_id(topic)?));
        }
        if let Some(quoted) = message.reply_to {
            let reply = ReplyParameters::new(message_id(quoted)?).allow_sending_without_reply();
            payload = payload.reply_parameters(reply);
        }
        let sent: Sent = self.call(&payload).await?;
        Ok(sent.message_id)
    }

    pub async fn edit(&self, edit: &Edit<'_>) -> Result<(), CallError> {
        let mut payload =
            EditMessageText::new(ChatId(edit.chat), message_id(edit.message)?, edit.text.to_owned())
                .link_preview_options(NO_PREVIEW);
        if edit.is_html {
            payload = payload.parse_mode(ParseMode::Html);
        }
        if let Some(keyboard) = &edit.keyboard {
            payload = payload.reply_markup(keyboard.clone());
        }
        let _: Value = self.call(&payload).await?;
        Ok(())
    }

    pub async fn delete(&self, chat: i64, message: i64) -> Result<(), CallError> {
        let _: Value = self
            .call(&DeleteMessage::new(ChatId(chat), message_id(message)?))
            .await?;
        Ok(())
    }

    /// Shows a text that is still written, in place of an earlier one of the same `draft`. Newer than teloxide.
    pub async fn send_draft(&self, chat: i64, draft: i64, html: &str) -> Result<(), CallError> {
        let body = json!({"chat_id": chat, "draft_id": draft, "text": html, "parse_mode": "HTML"});
        let _: Value = self.request("sendMessageDraft", &body, TIMEOUT).await?;
        Ok(())
    }
}

fn message_id(id: i64) -> Result<MessageId, CallError> {
    i32::try_from(id)
        .map(MessageId)
        .map_err(|_| CallError::refused(400, "message_id_invalid".to_owned(), None, None))
}
