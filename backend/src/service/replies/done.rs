//! What a handler says is to be done at the end of an update.

use nexus_domain::{Content, DeliveryId, EventData, Feedback, KbId, Say, ShownPassage};
use nexus_storage::NewAnswer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::ConversationChange;
use super::keyboard::Rows;
use super::standing::StandingChange;
use crate::service::Calls;

/// What a person is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Dialogue {
    /// The message with the menu.
    pub(super) menu: DeliveryId,
}

/// What the end of an update writes.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// New messages, in order.
    pub(super) messages: Vec<Message>,
    /// Messages that say something else from now on.
    pub(super) rewritten: Vec<Rewritten>,
    /// A merge patch for the person's settings.
    pub(super) settings: Option<Value>,
    pub(super) dialogue: DialogueChange,
    pub(super) conversation: ConversationChange,
    /// What becomes of questions that stand.
    pub(super) standing: StandingChange,
    pub(super) feedback: Option<(DeliveryId, Feedback)>,
    /// What webhooks hear of.
    pub(super) event: Option<EventData>,
    /// The answer to the question, to be asked for again.
    pub(super) kept: Option<NewAnswer>,
    /// The calls of models that it took.
    pub(super) calls: Option<Calls>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DialogueChange {
    #[default]
    Stays,
    /// The first new message is a menu.
    Opens,
    Ends,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) kbs: Vec<KbId>,
    /// What it shows something of: it goes where their text is deleted.
    pub(super) passages: Vec<ShownPassage>,
    pub(super) rows: Rows,
}

#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) id: DeliveryId,
    pub(super) content: Content,
    pub(super) kbs: Vec<KbId>,
    pub(super) passages: Vec<ShownPassage>,
    /// Buttons of its own; `None` where those in the content stand already.
    pub(super) rows: Option<Rows>,
}

impl Message {
    pub(super) fn say(say: Say) -> Self {
        Self::new(Content::say(say))
    }

    pub(super) fn new(content: Content) -> Self {
        Self {
            content,
            kbs: Vec::new(),
            passages: Vec::new(),
            rows: Rows::default(),
        }
    }
}

impl Done {
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    pub(super) fn message(message: Message) -> Self {
        Self {
            messages: vec![message],
            ..Self::default()
        }
    }

    pub(super) fn say(say: Say) -> Self {
        Self::message(Message::say(say))
    }
}
