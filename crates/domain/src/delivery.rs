//! What goes to Telegram: deliveries, what they say, and the buttons below them.
//!
//! Content is kept as the API shows it: what an answer, a passage or a task looks like there is opaque here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::words;
use crate::id::{BotId, ChatId, ChunkId, DeliveryId, DocumentId, KbId, LeaseToken, TaskId, UserId};
use crate::style::Style;
use crate::telegram::UnsupportedKind;
use crate::time::Timestamp;

/// A language that bots speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Ru,
    En,
}
words!(Language, "language": Ru = "ru", En = "en");

impl Language {
    /// For an IETF tag, as Telegram tells one: Russian for those who most likely read it, else English.
    pub fn for_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "ru" | "be" | "kk" | "ky" | "tg" | "uz" => Self::Ru,
            _ => Self::En,
        }
    }
}

/// What comes first when there is more than may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Nobody waits for it.
    Notice,
    /// Somebody waits for it.
    Answer,
}
words!(Priority, "priority": Notice = "notice", Answer = "answer");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Its content is being made; a placeholder goes out meanwhile.
    Writing,
    Pending,
    Sent,
    /// It could not be sent: a dead letter.
    Dead,
    /// It is not wanted any more, or cannot be had in its chat.
    Dropped,
}
words!(DeliveryState, "state of a delivery": Writing = "writing", Pending = "pending", Sent = "sent", Dead = "dead",
    Dropped = "dropped");

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub bot_id: BotId,
    pub chat_id: ChatId,
    /// For whom it is.
    pub user_id: Option<UserId>,
    /// The update that it answers.
    pub update_id: Option<i64>,
    pub topic_id: Option<i64>,
    /// Telegram's id of the message that it answers.
    pub reply_to: Option<i64>,
    pub priority: Priority,
    pub language: Language,
    pub state: DeliveryState,
    pub content: Option<Content>,
    /// Knowledge bases that the content shows something of: asked about again before it is sent.
    pub kbs: Vec<KbId>,
    /// The question that it answers.
    pub question: Option<String>,
    /// The task whose card it is.
    pub task_id: Option<TaskId>,
    /// What the card calls its file.
    pub file_name: Option<String>,
    /// Telegram's ids of what stands in the chat, in order.
    pub parts: Vec<i64>,
    /// Which hand-out counts, while a process has it.
    pub lease: Option<LeaseToken>,
    /// When it may be handed out.
    pub due_at: Option<Timestamp>,
    /// Attempts that failed.
    pub attempts: u32,
    pub error: Option<String>,
    pub trace_id: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Delivery {
    /// A message that is due now, says nothing yet, and answers nothing.
    pub fn new(
        (bot, chat): (BotId, ChatId),
        priority: Priority,
        language: Language,
        trace_id: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id: DeliveryId::new(now),
            bot_id: bot,
            chat_id: chat,
            user_id: None,
            update_id: None,
            topic_id: None,
            reply_to: None,
            priority,
            language,
            state: DeliveryState::Pending,
            content: None,
            kbs: Vec::new(),
            question: None,
            task_id: None,
            file_name: None,
            parts: Vec::new(),
            lease: None,
            due_at: Some(now),
            attempts: 0,
            error: None,
            trace_id,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A passage that a message shows something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShownPassage {
    pub chunk: ChunkId,
    pub document: DocumentId,
    pub kb: KbId,
}

/// What a message says. Plain data: words and looks are the bot's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    Answer {
        answer: Value,
        /// The question, where it was asked long ago and nobody waits for the answer any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_before: Option<String>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    Passages {
        passages: Vec<Value>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    Say {
        say: Say,
        #[serde(default)]
        keyboard: Keyboard,
    },
    Text {
        text: String,
        #[serde(default)]
        keyboard: Keyboard,
    },
    Error {
        code: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        details: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
        request_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    TaskCard {
        task: Value,
        name: String,
        #[serde(default)]
        problems: Vec<Value>,
        #[serde(default)]
        keyboard: Keyboard,
    },
    FetchFile {
        file_id: String,
        /// The same for the same file, over all time and all bots.
        file_unique_id: String,
        file_name: String,
        is_archive: bool,
        knowledge_base_id: KbId,
        telegram_user_id: i64,
    },
}

impl Content {
    /// Without buttons.
    pub fn say(say: Say) -> Self {
        Self::Say {
            say,
            keyboard: Keyboard::default(),
        }
    }
}

/// Rows of buttons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keyboard(pub Vec<Vec<Button>>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: Label,
    /// Names the row that knows what the button does.
    pub token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Label {
    Passage {
        number: u32,
    },
    More,
    Good,
    Bad,
    Reason {
        reason: FeedbackReason,
    },
    KnowledgeBase {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chosen: Option<bool>,
    },
    AllKnowledgeBases {
        chosen: bool,
    },
    Language {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
        chosen: bool,
    },
    Notices {
        on: bool,
    },
    Style {
        style: Style,
        chosen: bool,
    },
    Cancel,
    Retry,
    Done,
}

/// What a button does when it is pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ButtonAction {
    /// Shows the passage behind a citation of the message.
    ShowPassage {
        number: u32,
    },
    /// Shows what else was found.
    More,
    Rate {
        verdict: Verdict,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<FeedbackReason>,
        /// The answer that is meant, where it is not the message of the button.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<DeliveryId>,
    },
    /// Adds a knowledge base to those that are asked, or takes it out.
    SwitchKb {
        kb: KbId,
    },
    AskAllKbs,
    KbsDone,
    SetLanguage {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
    },
    SwitchNotices,
    SetStyle {
        style: Style,
    },
    /// Takes the file of the dialogue in.
    TakeFile {
        kb: KbId,
        file_id: String,
        file_unique_id: String,
        file_name: String,
    },
    /// Ends what the message began.
    Cancel,
    CancelTask {
        task: TaskId,
    },
    RetryTask {
        task: TaskId,
    },
}

/// A sentence of the bot's own, with what it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
        notices: bool,
        /// As the person has chosen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        style: Option<Style>,
        /// The person's own wish.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instructions: Option<String>,
    },
    LanguageAsk,
    LanguageChosen {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
    },
    KbAsk,
    KbNone,
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
    FileKnown,
    TaskCancelAsked,
    TaskRetryAsked,
    DeadLetters {
        count: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Good,
    Bad,
}
words!(Verdict, "verdict": Good = "good", Bad = "bad");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackReason {
    Wrong,
    Incomplete,
    Outdated,
    WrongSource,
    Unclear,
    Other,
}
words!(FeedbackReason, "reason of feedback": Wrong = "wrong", Incomplete = "incomplete", Outdated = "outdated",
    WrongSource = "wrong_source", Unclear = "unclear", Other = "other");

/// What a person thinks of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub verdict: Verdict,
    pub reason: Option<FeedbackReason>,
}
