//! What a bot passes on from Telegram, and what people and admins see of it: updates, chats, messages, feedback.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::delivery::Content;
use crate::rag::AnswerLanguage;

/// A process that wants to be the one that serves its bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBotLease {
    /// Made by the process at its start; the same for all its requests.
    pub holder: Uuid,
    /// How long the lease lasts unless it is taken again.
    #[serde(default = "default_lease_seconds")]
    #[schema(minimum = 1, maximum = 300, default = 30)]
    pub seconds: u32,
}

const fn default_lease_seconds() -> u32 {
    30
}

/// The right to serve a bot, until it ends. Asked for again before that, it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BotLease {
    pub holder: Uuid,
    /// Seconds from now.
    pub expires_in_seconds: u32,
}

/// A batch of what Telegram has told a bot, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Updates {
    #[schema(min_items = 1, max_items = 100)]
    pub updates: Vec<Update>,
}

/// The batch is on disk. What was known before counts once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdatesStored {
    pub stored: u32,
    pub known: u32,
}

/// One update that asks for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// Telegram's number of the update; each counts once per bot.
    #[schema(minimum = 0, maximum = 4_294_967_295i64)]
    pub update_id: i64,
    pub chat: TelegramChat,
    /// The topic of a forum (`message_thread_id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<i64>,
    /// Telegram's id of the message that it is about: the question, or the message whose button was pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<i64>,
    /// Who did it; absent for what happens to the chat itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<TelegramPerson>,
    pub event: UpdateEvent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    Private,
    Group,
    Supergroup,
    Channel,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramChat {
    /// Telegram's id; negative for groups.
    #[schema(minimum = -4_503_599_627_370_495i64, maximum = 4_503_599_627_370_495i64, example = 279_058_397)]
    pub id: i64,
    pub kind: ChatKind,
    /// Of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 255)]
    pub title: Option<String>,
}

/// A person as Telegram shows them to a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramPerson {
    #[schema(minimum = 1, maximum = 4_503_599_627_370_495i64, example = 279_058_397)]
    pub telegram_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 32)]
    pub username: Option<String>,
    #[schema(max_length = 64)]
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub language_code: Option<String>,
}

/// What happened. In groups a bot passes on what is addressed to it, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum UpdateEvent {
    /// A question, without the bot's name. May be empty or too long: the answer says so.
    Text {
        #[schema(max_length = 4096)]
        text: String,
    },
    /// A message was changed after it was sent.
    Edit {
        #[schema(max_length = 4096)]
        text: String,
    },
    /// `/name argument`, the name in lower case and without `/` and the bot's name.
    Command {
        #[schema(max_length = 64)]
        name: String,
        #[serde(default)]
        #[schema(max_length = 4096)]
        argument: String,
    },
    /// A button below a message of the bot was pressed.
    Button {
        /// The button's `callback_data`; whatever came.
        #[schema(max_length = 64)]
        token: String,
    },
    /// A file that can be downloaded from Telegram.
    File {
        #[schema(max_length = 255)]
        file_id: String,
        /// The same for the same file, over all time and all bots.
        #[schema(max_length = 255)]
        file_unique_id: String,
        #[schema(max_length = 255)]
        file_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(minimum = 0)]
        size_bytes: Option<u64>,
        /// Whether it is larger than what the bot can download, which is `limit_megabytes`.
        #[serde(default)]
        is_too_large: bool,
        #[serde(default)]
        limit_megabytes: u32,
    },
    /// Something that is not read; the person is told what is.
    Unsupported { what: UnsupportedKind },
    /// The person has blocked the bot, or the bot was removed from the group.
    Left,
    /// The person has unblocked the bot, or the bot was added to the group.
    Joined,
    /// The group has become a supergroup of this id.
    Migrated {
        #[schema(minimum = -4_503_599_627_370_495i64, maximum = 4_503_599_627_370_495i64)]
        to: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnsupportedKind {
    Sticker,
    Voice,
    Video,
    Photo,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatState {
    Active,
    /// The person has blocked the bot, or it was removed from the group; nothing is sent there.
    Left,
}

/// A chat of a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    pub id: Uuid,
    pub bot_id: Uuid,
    pub telegram_chat_id: i64,
    pub kind: ChatKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub state: ChatState,
    pub created_at: DateTime<Utc>,
    /// When something last came from it.
    pub last_message_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageDirection {
    /// From a person.
    In,
    /// From the bot.
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Its content is being made.
    Writing,
    /// Waits to be sent, or is being sent.
    Pending,
    Sent,
    /// Could not be sent; a dead letter.
    Dead,
    /// Was not wanted any more.
    Dropped,
}

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    pub id: Uuid,
    pub chat_id: Uuid,
    pub direction: MessageDirection,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<i64>,
    /// Who wrote it, or for whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// What came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<UpdateEvent>,
    /// What goes out, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Of what goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryState>,
    /// Telegram's ids of its parts.
    pub telegram_message_ids: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<MessageFeedback>,
    pub created_at: DateTime<Utc>,
}

/// A message from an admin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// Plain text.
    #[schema(min_length = 1, max_length = 4096)]
    pub text: String,
}

/// A message of low priority to some people of a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNotifications {
    /// Code of the bot that delivers it.
    #[schema(min_length = 1, max_length = 64)]
    pub bot: String,
    /// Ids of people who use the bot.
    #[schema(min_items = 1, max_items = 1000)]
    pub users: Vec<Uuid>,
    /// Plain text.
    #[schema(min_length = 1, max_length = 4096)]
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotificationsQueued {
    pub queued: u32,
    /// People who do not use the bot, have left it, are blocked, or want no notices.
    pub skipped: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackReason {
    Wrong,
    Incomplete,
    Outdated,
    WrongSource,
    Unclear,
    Other,
}

/// What a person thinks of an answer; a later one takes the place of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageFeedback {
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FeedbackReason>,
}

/// Data of the event `preview`: the text so far, from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagePreview {
    /// Markdown.
    pub text: String,
    pub language: AnswerLanguage,
}
