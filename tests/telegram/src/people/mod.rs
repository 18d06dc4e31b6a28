//! People and what they do.

mod membership;
mod presses;
mod upload;

use std::sync::Arc;

use serde_json::Value;

use crate::chat::Chat;
use crate::shared::Shared;
use crate::text::Body;
use crate::world::{Draft, Writer};

pub use upload::Upload;

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    shared: Arc<Shared>,
    id: i64,
}

/// What no app of Telegram would let a person do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error("there is no message {message} in the chat {chat}")]
    NoMessage { chat: i64, message: i64 },
    #[error("the message {message} is somebody else's")]
    NotTheirs { message: i64 },
    #[error("the message {message} has no such button")]
    NoButton { message: i64 },
}

impl User {
    pub(crate) fn new(shared: &Arc<Shared>, id: i64) -> Self {
        Self {
            shared: Arc::clone(shared),
            id,
        }
    }

    pub const fn id(&self) -> i64 {
        self.id
    }

    const fn writer(&self) -> Writer {
        Writer::Person(self.id)
    }

    /// Writes a text and returns its id. A private chat is opened by it, and unblocked.
    pub fn writes(&self, chat: &Chat, text: &str) -> i64 {
        self.posts(chat, Draft::new(self.writer(), Body::written(text)))
    }

    /// Writes in reply to a message, which may have been deleted meanwhile.
    pub fn replies(&self, chat: &Chat, to: i64, text: &str) -> i64 {
        let draft = Draft::new(self.writer(), Body::written(text)).replying(Some(to));
        self.posts(chat, draft)
    }

    /// Sends a message of any kind: `field` and `content` as in the Bot API's `Message`.
    pub fn sends(&self, chat: &Chat, field: &str, content: Value) -> i64 {
        self.posts(chat, Draft::of(self.writer(), field, content))
    }

    fn posts(&self, chat: &Chat, draft: Draft) -> i64 {
        let draft = draft.in_topic(chat.topic_id());
        self.shared.change(|world| {
            world.open(chat.key());
            world.post(chat.key(), draft)
        })
    }

    /// # Errors
    /// When the message is not there or not theirs.
    pub fn edits(&self, chat: &Chat, message: i64, text: &str) -> Result<(), Impossible> {
        self.shared.change(|world| {
            let found = world
                .chats
                .get(&chat.key())
                .and_then(|chat| chat.message(message));
            let found = found.ok_or(Impossible::NoMessage {
                chat: chat.id(),
                message,
            })?;
            if found.writer != self.writer() {
                return Err(Impossible::NotTheirs { message });
            }
            let keyboard = found.keyboard.clone();
            world.rewrite(chat.key(), message, Body::written(text), keyboard);
            Ok(())
        })
    }

    /// Deletes a message for everybody. Bots are not told.
    ///
    /// # Errors
    /// When it is not there.
    pub fn deletes(&self, chat: &Chat, message: i64) -> Result<(), Impossible> {
        self.shared.change(|world| {
            let found = world
                .chats
                .get_mut(&chat.key())
                .and_then(|chat| chat.message_mut(message));
            let found = found.ok_or(Impossible::NoMessage {
                chat: chat.id(),
                message,
            })?;
            found.is_deleted = true;
            Ok(())
        })
    }
}
