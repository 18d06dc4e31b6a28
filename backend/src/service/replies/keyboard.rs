//! Buttons below messages: rows of labels and actions become a keyboard of tokens, and rows that know what they do.

use std::time::Duration;

use nexus_domain::{Button, ButtonAction, ChatId, Content, DeliveryId, Keyboard, Label, Timestamp, UserId};
use nexus_storage::ButtonRow;
use uuid::Uuid;

use super::Turn;

/// How long a button can be pressed.
const BUTTON_LIFE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// What stands below a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    rows: Vec<Vec<(Label, ButtonAction)>>,
    /// Whether everybody in the chat may press; else only the person who is answered.
    for_all: bool,
}

impl Rows {
    pub(super) fn new(rows: Vec<Vec<(Label, ButtonAction)>>) -> Self {
        Self { rows, for_all: false }
    }

    /// For everybody in the chat.
    pub(super) fn for_all(mut self) -> Self {
        self.for_all = true;
        self
    }

    /// The content with its buttons, and the rows that say what they do.
    pub(super) fn below(
        self,
        turn: &Turn<'_>,
        delivery: DeliveryId,
        content: Content,
        now: Timestamp,
    ) -> (Content, Vec<ButtonRow>) {
        self.below_in((turn.held.chat.id, turn.user.id), delivery, content, now)
    }

    /// The same in this chat, for this person.
    pub(super) fn below_in(
        self,
        (chat, user): (ChatId, UserId),
        delivery: DeliveryId,
        mut content: Content,
        now: Timestamp,
    ) -> (Content, Vec<ButtonRow>) {
        let mut rows = Vec::new();
        let mut button = |(label, action)| {
            let token = Uuid::new_v4().simple().to_string();
            rows.push(ButtonRow {
                token: token.clone(),
                chat_id: chat,
                user_id: (!self.for_all).then_some(user),
                delivery_id: delivery,
                action,
                expires_at: now.plus(BUTTON_LIFE),
            });
            Button { label, token }
        };
        let shown: Vec<Vec<Button>> = self
            .rows
            .into_iter()
            .filter(|row| !row.is_empty())
            .map(|row| row.into_iter().map(&mut button).collect())
            .collect();
        if let Some(place) = keyboard_of(&mut content) {
            *place = Keyboard(shown);
        }
        (content, rows)
    }
}

/// Where the content keeps its buttons, if it has any.
pub(super) fn keyboard_of(content: &mut Content) -> Option<&mut Keyboard> {
    match content {
        Content::Answer { keyboard, .. }
        | Content::Passages { keyboard, .. }
        | Content::Say { keyboard, .. }
        | Content::Text { keyboard, .. }
        | Content::TaskCard { keyboard, .. } => Some(keyboard),
        Content::Error { .. } | Content::FetchFile { .. } => None,
    }
}
