//! A chat as a person sees it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::people::User;
use crate::shared::{Shared, TimedOut};
use crate::text::{Body, Entity};
use crate::world::{ChatKey, ChatKind, Draft, Message, World, Writer};

/// A chat, or one topic of a forum.
#[derive(Clone, Debug)]
pub struct Chat {
    shared: Arc<Shared>,
    key: ChatKey,
    topic: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Bot(i64),
    User(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    pub text: String,
    pub data: Option<String>,
    pub url: Option<String>,
}

/// A text that a message had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Since when, since the server's start.
    pub at: Duration,
    pub text: String,
    pub html: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub id: i64,
    pub author: Author,
    /// When it got its text, since the server's start.
    pub at: Duration,
    /// The text or the caption, as people read it.
    pub text: String,
    /// As it was sent, or the text escaped.
    pub html: String,
    pub entities: Vec<Entity>,
    pub keyboard: Vec<Vec<Button>>,
    pub reply_to: Option<i64>,
    pub topic: Option<i64>,
    /// What it shows besides text, as in the Bot API.
    pub extra: Value,
    /// Of text or buttons.
    pub edits: usize,
    /// Other texts that it had, oldest first.
    pub earlier: Vec<Earlier>,
    pub is_deleted: bool,
}

impl Chat {
    pub(crate) fn new(shared: &Arc<Shared>, key: ChatKey) -> Self {
        Self {
            shared: Arc::clone(shared),
            key,
            topic: None,
        }
    }

    pub(crate) const fn key(&self) -> ChatKey {
        self.key
    }

    /// As bots know it.
    pub const fn id(&self) -> i64 {
        self.key.id()
    }

    /// The id of the topic, if it is one.
    pub const fn topic_id(&self) -> Option<i64> {
        self.topic
    }

    /// Opens a topic in a forum; what is written to it is written there.
    pub fn topic(&self, by: &User, name: &str) -> Self {
        let content = json!({ "name": name, "icon_color": 7_322_096 });
        let draft = Draft::of(Writer::Person(by.id()), "forum_topic_created", content);
        let topic = self.shared.change(|world| {
            let id = world.post(self.key, draft);
            world.chat_mut(self.key).topics.insert(id);
            id
        });
        Self {
            topic: Some(topic),
            ..self.clone()
        }
    }

    /// Removes the topic and what is in it.
    pub fn delete_topic(&self) {
        let Some(topic) = self.topic else { return };
        self.shared.change(|world| {
            let chat = world.chat_mut(self.key);
            chat.topics.remove(&topic);
            let of_it = |message: &&mut Message| message.id == topic || message.topic == Some(topic);
            for message in chat.messages.values_mut().filter(of_it) {
                message.is_deleted = true;
            }
        });
    }

    /// A basic group becomes a supergroup, with another id and no messages.
    pub fn upgrades(&self, by: &User) -> Self {
        let key = self.shared.change(|world| upgrade(world, self.key, by.id()));
        Self::new(&self.shared, key)
    }

    /// What is there, of the topic if it is one.
    pub fn messages(&self) -> Vec<Seen> {
        let mut all = self.all_messages();
        all.retain(|message| !message.is_deleted);
        all
    }

    /// What is there and what was deleted.
    pub fn all_messages(&self) -> Vec<Seen> {
        self.shared.read(|world| {
            let messages = world.chats.get(&self.key).into_iter();
            messages
                .flat_map(|chat| chat.messages.values())
                .filter(|message| self.topic.is_none() || message.topic == self.topic)
                .map(Seen::of)
                .collect()
        })
    }

    pub fn message(&self, id: i64) -> Option<Seen> {
        self.shared
            .read(|world| Some(Seen::of(world.chats.get(&self.key)?.message(id)?)))
    }

    /// What the bot shows while it writes, in a private chat.
    pub fn draft(&self) -> Option<String> {
        self.shared
            .read(|world| world.chats.get(&self.key)?.draft.clone())
    }

    /// The first message of which it holds.
    ///
    /// # Errors
    /// When there was none within the time.
    pub async fn wait_for(
        &self,
        mut holds: impl FnMut(&Seen) -> bool,
        timeout: Duration,
    ) -> Result<Seen, TimedOut> {
        let mut look = || self.messages().into_iter().find(|message| holds(message));
        self.shared.wait_for(&mut look, timeout).await
    }
}

fn upgrade(world: &mut World, from: ChatKey, by: i64) -> ChatKey {
    let (title, bots) = {
        let chat = world.chat(from);
        (chat.title.clone(), chat.bots.clone())
    };
    let to = world.found(ChatKind::Supergroup { is_forum: false }, &title);
    world.chat_mut(to).bots = bots;
    let by = Writer::Person(by);
    world.post(from, Draft::of(by, "migrate_to_chat_id", to.id().into()));
    world.post(to, Draft::of(by, "migrate_from_chat_id", from.id().into()));
    world.chat_mut(from).migrated_to = Some(to.id());
    to
}

impl Seen {
    fn of(message: &Message) -> Self {
        let Body { text, html, entities } = message.body.clone();
        let earlier = |(at, body): &(Duration, Body)| Earlier {
            at: *at,
            text: body.text.clone(),
            html: body.html.clone(),
        };
        Self {
            id: message.id,
            author: match message.writer {
                Writer::Bot(id) => Author::Bot(id),
                Writer::Person(id) => Author::User(id),
            },
            at: message.at,
            text,
            html,
            entities,
            keyboard: message.keyboard.rows.clone(),
            reply_to: message.reply_to,
            topic: message.topic,
            extra: Value::Object(message.extra.clone()),
            edits: message.edits,
            earlier: message.earlier.iter().map(earlier).collect(),
            is_deleted: message.is_deleted,
        }
    }

    pub const fn is_from_bot(&self) -> bool {
        matches!(self.author, Author::Bot(_))
    }
}
