//! What comes from Telegram: chats, and the updates in them that ask for something.

use serde::{Deserialize, Serialize};

use crate::access::words;
use crate::id::{BotId, ChatId, UpdateId, UserId};
use crate::time::Timestamp;
use crate::user::Person;

/// Largest id of a chat at Telegram, either sign (<https://core.telegram.org/bots/api#chat>).
pub const MAX_TELEGRAM_CHAT_ID: i64 = (1 << 52) - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatKind {
    Private,
    Group,
    Supergroup,
    Channel,
}
words!(ChatKind, "kind of chat": Private = "private", Group = "group", Supergroup = "supergroup", Channel = "channel");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatState {
    Active,
    /// The person has blocked the bot, or it was removed from the group: nothing can be sent there.
    Left,
}
words!(ChatState, "state of a chat": Active = "active", Left = "left");

/// A bot's chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    pub id: ChatId,
    pub bot_id: BotId,
    pub telegram_chat_id: i64,
    pub kind: ChatKind,
    pub title: Option<String>,
    pub state: ChatState,
    pub created_at: Timestamp,
    pub last_message_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateState {
    Waiting,
    Handled,
    /// Given up: it has ended its worker too often.
    Failed,
}
words!(UpdateState, "state of an update": Waiting = "waiting", Handled = "handled", Failed = "failed");

/// One update that asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub id: UpdateId,
    pub bot_id: BotId,
    /// Telegram's number; each counts once per bot.
    pub update_id: i64,
    pub chat_id: ChatId,
    /// Who did it, once they were introduced.
    pub user_id: Option<UserId>,
    /// The topic of a forum.
    pub topic_id: Option<i64>,
    /// Telegram's id of the message that it is about.
    pub message_id: Option<i64>,
    pub person: Option<Person>,
    pub event: Event,
    pub state: UpdateState,
    /// How often a worker has begun with it.
    pub attempts: u32,
    pub trace_id: String,
    pub received_at: Timestamp,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    Text {
        text: String,
    },
    /// A message was changed after it was sent.
    Edit {
        text: String,
    },
    Command {
        name: String,
        #[serde(default)]
        argument: String,
    },
    /// A button was pressed; whatever its data was.
    Button {
        token: String,
    },
    File {
        file_id: String,
        /// The same for the same file, over all time and all bots.
        file_unique_id: String,
        file_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size_bytes: Option<u64>,
        /// Whether the bot cannot download it.
        #[serde(default)]
        is_too_large: bool,
        #[serde(default)]
        limit_megabytes: u32,
    },
    Unsupported {
        what: UnsupportedKind,
    },
    Left,
    Joined,
    /// The group has become a supergroup of this id.
    Migrated {
        to: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsupportedKind {
    Sticker,
    Voice,
    Video,
    Photo,
    Other,
}
