//! Messages and how they come to be.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Chat, ChatKey, ChatKind, Keyboard, World};
use crate::text::Body;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Bot(i64),
    Person(i64),
}

/// A message before it is in a chat.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) writer: Writer,
    pub(crate) body: Body,
    /// What it shows besides text: `document`, `new_chat_members`, …
    pub(crate) extra: Map<String, Value>,
    pub(crate) keyboard: Keyboard,
    pub(crate) reply_to: Option<i64>,
    pub(crate) topic: Option<i64>,
}

impl Draft {
    pub(crate) fn new(writer: Writer, body: Body) -> Self {
        Self {
            writer,
            body,
            extra: Map::new(),
            keyboard: Keyboard::default(),
            reply_to: None,
            topic: None,
        }
    }

    /// A message that shows something else than text.
    pub(crate) fn of(writer: Writer, field: &str, value: Value) -> Self {
        let mut draft = Self::new(writer, Body::default());
        draft.extra.insert(field.to_owned(), value);
        draft
    }

    pub(crate) const fn in_topic(mut self, topic: Option<i64>) -> Self {
        self.topic = topic;
        self
    }

    pub(crate) const fn replying(mut self, reply_to: Option<i64>) -> Self {
        self.reply_to = reply_to;
        self
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: i64,
    /// Unix time in seconds.
    pub(crate) date: i64,
    /// Since the server's start, of this text.
    pub(crate) at: Duration,
    pub(crate) writer: Writer,
    pub(crate) body: Body,
    pub(crate) extra: Map<String, Value>,
    pub(crate) keyboard: Keyboard,
    pub(crate) reply_to: Option<i64>,
    pub(crate) topic: Option<i64>,
    /// Texts that it had, oldest first, and since when.
    pub(crate) earlier: Vec<(Duration, Body)>,
    /// Unix time of the last edit.
    pub(crate) edited: Option<i64>,
    pub(crate) edits: usize,
    pub(crate) is_deleted: bool,
}

impl World {
    pub(crate) fn chat(&self, key: ChatKey) -> &Chat {
        self.chats
            .get(&key)
            .expect("chats are never removed, and keys come from them")
    }

    pub(crate) fn chat_mut(&mut self, key: ChatKey) -> &mut Chat {
        self.chats
            .get_mut(&key)
            .expect("chats are never removed, and keys come from them")
    }

    /// Puts a message into a chat. Bots hear of what people write.
    pub(crate) fn post(&mut self, key: ChatKey, draft: Draft) -> i64 {
        let now = self.clock.now();
        let chat = self.chat_mut(key);
        let id = chat.next_id();
        if matches!(draft.writer, Writer::Bot(_)) {
            chat.draft = None;
        }
        let message = Message {
            id,
            date: now.unix,
            at: now.elapsed,
            writer: draft.writer,
            body: draft.body,
            extra: draft.extra,
            keyboard: draft.keyboard,
            reply_to: draft.reply_to,
            topic: draft.topic,
            earlier: Vec::new(),
            edited: None,
            edits: 0,
            is_deleted: false,
        };
        chat.messages.insert(id, message);
        if let Writer::Person(person) = draft.writer {
            self.announce(key, id, person, false);
        }
        id
    }

    /// Gives a message another text. The caller has seen that it is there.
    pub(crate) fn rewrite(&mut self, key: ChatKey, id: i64, body: Body, keyboard: Keyboard) {
        let now = self.clock.now();
        let Some(message) = self.chat_mut(key).message_mut(id) else {
            return;
        };
        if message.body != body {
            let earlier = std::mem::replace(&mut message.body, body);
            message.earlier.push((message.at, earlier));
            message.at = now.elapsed;
        }
        message.keyboard = keyboard;
        message.edited = Some(now.unix);
        message.edits += 1;
        if let Writer::Person(person) = message.writer {
            self.announce(key, id, person, true);
        }
    }

    /// Tells the bots of a chat of a message.
    fn announce(&mut self, key: ChatKey, id: i64, person: i64, is_edit: bool) {
        let chat = self.chat(key);
        let Some(message) = chat.message(id) else { return };
        let json = self.message_json(chat, message);
        let kind = match (chat.kind, is_edit) {
            (ChatKind::Channel, false) => "channel_post",
            (ChatKind::Channel, true) => "edited_channel_post",
            (_, false) => "message",
            (_, true) => "edited_message",
        };
        for bot in chat.members() {
            let update = BTreeMap::from([(kind.to_owned(), json.clone())]);
            self.tell(bot, kind, key.id(), update);
            if let Some(bot) = self.bots.get_mut(&bot) {
                bot.acquainted.insert(person);
            }
        }
    }
}
