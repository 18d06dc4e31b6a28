//! What a bot is to send: deliveries out of the outbox, their content, and what became of them.
//!
//! A delivery is sent in steps that can be repeated. A message goes out as a placeholder, whose id is told at once
//! (`placeholder`), and then gets its text as an edit. So nobody reads an answer twice, whoever dies in between.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::bot::AnswerStyle;
use crate::chat::{ChatKind, FeedbackReason, UnsupportedKind};
use crate::error::ErrorCode;
use crate::ingestion::{Problem, Task};
use crate::rag::{Answer, AnswerLanguage, Passage};

/// What comes first when there is more than may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Nobody waits for it.
    Notice,
    /// Somebody waits for it.
    Answer,
}

/// What a bot's process asks for. Answered at once if there is something to do, else when there is, or with nothing when the
/// wait is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeDeliveries {
    /// Who holds the bot's lease.
    pub holder: Uuid,
    #[serde(default = "default_deliveries")]
    #[schema(minimum = 1, maximum = 100, default = 50)]
    pub limit: u32,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 50, default = 0)]
    pub wait_seconds: u32,
    /// Ids of the deliveries that the process has and is working on. Others that were handed out to it are handed out again:
    /// it never heard of them.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub working_on: Vec<Uuid>,
}

const fn default_deliveries() -> u32 {
    50
}

/// Something to do for the process that holds the bot's lease, and nobody else's while it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: Uuid,
    /// Names this lease in what is told of the delivery; later ones make it void.
    pub lease: Uuid,
    /// The message in the backend, whose preview can be read.
    pub message_id: Uuid,
    pub priority: Priority,
    pub telegram_chat_id: i64,
    pub chat_kind: ChatKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<i64>,
    /// The message that it answers, quoted where the chat is a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to_message_id: Option<i64>,
    pub language: AnswerLanguage,
    /// Telegram's ids of the messages that are there already, in their order: edit these, then send more; delete what is
    /// too much.
    pub parts: Vec<i64>,
    /// Absent while the answer is written: send a placeholder, tell its id, and show previews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Earlier attempts that failed.
    pub attempts: u32,
    /// The update that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_id: Option<i64>,
    /// For the log.
    pub trace_id: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    /// Most urgent first.
    pub items: Vec<Delivery>,
}

/// What a message says. Plain data: words and looks are the bot's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Answer {
        answer: Box<Answer>,
        /// The question, where it was refused before and the knowledge bases have come to hold an answer: nobody waits for this
        /// one, so it says what it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_before: Option<String>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    /// Passages, exactly as they stand in their documents.
    Passages {
        passages: Vec<Passage>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    /// One of the bot's own sentences.
    Say {
        say: Say,
        #[serde(default)]
        keyboard: Keyboard,
    },
    /// Somebody's words: an admin's, or a text set up for the bot. Plain text.
    Text {
        text: String,
        #[serde(default)]
        keyboard: Keyboard,
    },
    /// Something did not work.
    Error {
        code: ErrorCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<serde_json::Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
        request_id: String,
        /// A sentence set up for the bot, told before ours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// What an upload is doing.
    TaskCard {
        task: Box<Task>,
        name: String,
        #[serde(default)]
        problems: Vec<Problem>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    /// Not only to be shown: bring the file from Telegram and upload it as this person, with the delivery's id as
    /// `Idempotency-Key`; then tell the task's id with `sent`. The message shows that it was received.
    FetchFile {
        file_id: String,
        file_name: String,
        /// Whether it goes to `/ingestion/archives`, else to `/ingestion/files`.
        is_archive: bool,
        knowledge_base_id: Uuid,
        telegram_user_id: i64,
    },
}

/// Rows of buttons below a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Keyboard(pub Vec<Vec<Button>>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Button {
    pub label: Label,
    /// `callback_data`, at most 64 bytes.
    pub token: String,
}

/// What stands on a button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Label {
    /// The passage behind a citation.
    Passage {
        number: u32,
    },
    More,
    Good,
    Bad,
    Reason {
        reason: FeedbackReason,
    },
    /// A knowledge base; `chosen` is absent where it is picked and not switched.
    KnowledgeBase {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chosen: Option<bool>,
    },
    AllKnowledgeBases {
        chosen: bool,
    },
    /// Absent: as in Telegram.
    Language {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<AnswerLanguage>,
        chosen: bool,
    },
    /// Switches notices.
    Notices {
        on: bool,
    },
    /// Chooses how much answers say.
    Style {
        style: AnswerStyle,
        chosen: bool,
    },
    Cancel,
    Retry,
    Done,
}

/// A sentence of the bot's own, with what it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Say {
    Start,
    Help,
    UnknownCommand,
    Forgotten,
    /// In place of what showed a text that was deleted since.
    TextDeleted,
    Refreshed,
    Cancelled,
    NothingToCancel,
    EmptyQuestion,
    QuestionTooLong {
        limit: u32,
    },
    Unsupported {
        unsupported: UnsupportedKind,
    },
    ButtonExpired,
    NoMore,
    FeedbackWhy,
    FeedbackThanks,
    Settings {
        /// Absent: as in Telegram.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<AnswerLanguage>,
        notices: bool,
        /// Absent: the bot's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        style: Option<AnswerStyle>,
        /// What the person wishes of answers, where they wish something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructions: Option<String>,
    },
    LanguageAsk,
    LanguageChosen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<AnswerLanguage>,
    },
    KbAsk,
    KbNone,
    /// Empty: all.
    KbChosen {
        names: Vec<String>,
    },
    KbGone,
    FileAskKb {
        file: String,
    },
    FileNoKb,
    FileTooLarge {
        limit_megabytes: u32,
    },
    /// Taken in before; nothing to do.
    FileKnown,
    TaskCancelAsked,
    TaskRetryAsked,
    /// For admins: messages that could not be delivered.
    DeadLetters {
        count: u32,
    },
}

/// A placeholder, or a further part, stands in the chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryPlaced {
    pub lease: Uuid,
    /// Which part, from 0; the parts before it were told.
    #[schema(minimum = 0, maximum = 99)]
    pub part: u32,
    /// Telegram's id of the message.
    #[schema(minimum = 1, maximum = 4_503_599_627_370_495i64)]
    pub message_id: i64,
}

/// All is in the chat as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverySent {
    pub lease: Uuid,
    /// How many parts stand there now; the others were deleted.
    #[schema(minimum = 0, maximum = 100)]
    pub parts: u32,
    /// What became of a file that was to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
}

/// What a failure means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nothing can be sent by this bot any more (its token is refused).
    BotFatal,
    /// Nothing can be sent to this chat any more (the bot is blocked, or was removed).
    ChatFatal,
    /// Later it may work.
    Retry,
    /// This delivery cannot be sent, ever.
    Terminal,
    /// The message was deleted in the chat: send it anew, or leave it where it was an edit.
    MessageGone,
    /// A file that was to be fetched cannot be had or is not taken; `code` says why.
    FileRefused,
}

/// It did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFailed {
    pub lease: Uuid,
    pub kind: FailureKind,
    /// What Telegram said, for operators.
    #[schema(max_length = 1000)]
    pub message: String,
    /// What the person is told about a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// When Telegram takes more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 86400)]
    pub retry_after_seconds: Option<u32>,
    /// The group has become a supergroup of this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = -4_503_599_627_370_495i64, maximum = 4_503_599_627_370_495i64)]
    pub migrated_to: Option<i64>,
}

/// A message that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    pub id: Uuid,
    pub bot_id: Uuid,
    pub chat_id: Uuid,
    pub message_id: Uuid,
    pub attempts: u32,
    /// What Telegram said last.
    pub error: String,
    pub created_at: DateTime<Utc>,
    pub failed_at: DateTime<Utc>,
}
