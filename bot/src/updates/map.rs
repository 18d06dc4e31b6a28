//! What an update becomes on its way to the backend. Pure, and never fails: what cannot be read is named and passed over.

use nexus_api::limits::{MAX_FILE_NAME_CHARS, MAX_MESSAGE_CHARS};
use nexus_api::{ChatKind, TelegramChat, TelegramPerson, UnsupportedKind, Update, UpdateEvent};
use serde_json::Value;

use super::incoming::{self, CallbackQuery, Chat, ChatMemberUpdated, Document, Entity, Message, User};
use super::text::{Command, cut, cut_bytes, name, without_our_name};
use crate::telegram::Me;

/// Most that Telegram and the contract let a button carry.
const MAX_TOKEN_BYTES: usize = 64;
/// Ids beyond these are not Telegram's.
const MAX_ID: i64 = 4_503_599_627_370_495;
/// Telegram itself, in whose name posts of a channel come to its group.
const TELEGRAM: i64 = 777_000;

/// Knows who the bot is and what it can download.
#[derive(Clone, Debug)]
pub struct Mapper {
    pub me: Me,
    pub max_download_megabytes: u32,
}

/// What is to be done about an update.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// To be stored; then the button that was pressed is told so.
    Store {
        update: Box<Update>,
        callback: Option<String>,
    },
    /// Not for us.
    Dropped,
    /// Of a kind that we do not know, or not what it should be.
    Unknown { kind: String },
}

impl Mapper {
    pub fn map(&self, update: &Value) -> Mapped {
        let unknown = || Mapped::Unknown {
            kind: cut(incoming::Update::kind_of(update), 64),
        };
        let Ok(read) = <incoming::Update as serde::Deserialize>::deserialize(update) else {
            return unknown();
        };
        let id = read.update_id;
        if !(0..=u32::MAX.into()).contains(&id) {
            return unknown();
        }
        let mut callback = None;
        let mapped = match read {
            incoming::Update {
                message: Some(message),
                ..
            } => self.message(&message),
            incoming::Update {
                edited_message: Some(message),
                ..
            } => self.edit(&message),
            incoming::Update {
                callback_query: Some(query),
                ..
            } => {
                callback = Some(query.id.clone());
                button(query)
            }
            incoming::Update {
                my_chat_member: Some(change),
                ..
            } => member(change),
            _ => return unknown(),
        };
        match mapped {
            Some(update) => Mapped::Store {
                update: Box::new(Update {
                    update_id: id,
                    ..update
                }),
                callback,
            },
            None => Mapped::Dropped,
        }
    }

    fn message(&self, message: &Message) -> Option<Update> {
        if let Some(to) = message.migrate_to_chat_id {
            let update = about(message, None, UpdateEvent::Migrated { to })?;
            return (to.abs() <= MAX_ID).then_some(Update {
                message_id: None,
                ..update
            });
        }
        let from = sender(message)?;
        let event = self.event(message)?;
        about(message, Some(from), event)
    }

    fn edit(&self, message: &Message) -> Option<Update> {
        let from = sender(message)?;
        let (text, entities) = words(message)?;
        let text = self.addressed(message, text, entities)?;
        let event = UpdateEvent::Edit {
            text: cut(&text, MAX_MESSAGE_CHARS),
        };
        about(message, Some(from), event)
    }

    fn event(&self, message: &Message) -> Option<UpdateEvent> {
        let (text, entities) = words(message).unwrap_or_default();
        if message.document.is_none()
            && let Some(command) = Command::read(text)
        {
            let event = UpdateEvent::Command {
                name: command.name.to_ascii_lowercase(),
                argument: cut(command.argument, MAX_MESSAGE_CHARS),
            };
            let for_us = message.chat.kind == "private" || command.is_for(&self.me);
            return for_us.then_some(event);
        }
        let addressed = self.addressed(message, text, entities)?;
        if let Some(document) = message.document.as_ref().filter(|_| message.animation.is_none()) {
            return Some(self.file(document));
        }
        // What stands below a picture is a question like any other.
        if message.text.is_some() || !addressed.is_empty() {
            return Some(UpdateEvent::Text {
                text: cut(&addressed, MAX_MESSAGE_CHARS),
            });
        }
        unsupported(message).map(|what| UpdateEvent::Unsupported { what })
    }

    fn file(&self, document: &Document) -> UpdateEvent {
        let limit = u64::from(self.max_download_megabytes) << 20;
        let file_name = name(
            document.file_name.as_deref().unwrap_or_default(),
            MAX_FILE_NAME_CHARS,
        );
        UpdateEvent::File {
            file_id: cut(&document.file_id, 255),
            file_unique_id: cut(&document.file_unique_id, 255),
            file_name: if file_name.is_empty() {
                "file".to_owned()
            } else {
                file_name
            },
            size_bytes: document.file_size,
            is_too_large: document.file_size.is_some_and(|size| size > limit),
            limit_megabytes: self.max_download_megabytes,
        }
    }

    /// The text without our name, if the message is for us.
    fn addressed(&self, message: &Message, text: &str, entities: &[Entity]) -> Option<String> {
        let without = without_our_name(text, entities, &self.me);
        if message.chat.kind == "private" || self.is_reply_to_us(message) {
            return Some(without.unwrap_or_else(|| text.to_owned()));
        }
        without
    }

    /// In a topic that we opened, every message replies to its beginning: that is no address.
    fn is_reply_to_us(&self, message: &Message) -> bool {
        message.reply_to_message.as_ref().is_some_and(|replied| {
            replied.from.as_ref().is_some_and(|from| from.id == self.me.id)
                && replied.forum_topic_created.is_none()
        })
    }
}

fn words(message: &Message) -> Option<(&str, &[Entity])> {
    match (&message.text, &message.caption) {
        (Some(text), _) => Some((text, &message.entities)),
        (None, Some(caption)) => Some((caption, &message.caption_entities)),
        (None, None) => None,
    }
}

/// The person who wrote it; `None` if it was a bot, a channel, or an admin who does not say who.
fn sender(message: &Message) -> Option<TelegramPerson> {
    let from = message.from.as_ref()?;
    let hidden = message.sender_chat.is_some() || message.is_automatic_forward || from.id == TELEGRAM;
    if hidden { None } else { person(from) }
}

fn person(user: &User) -> Option<TelegramPerson> {
    let short = |text: &Option<String>, limit| {
        let text = name(text.as_deref().unwrap_or_default(), limit);
        Some(text).filter(|text| !text.is_empty())
    };
    (!user.is_bot && (1..=MAX_ID).contains(&user.id)).then(|| TelegramPerson {
        telegram_id: user.id,
        username: short(&user.username, 32),
        first_name: name(&user.first_name, 64),
        last_name: short(&user.last_name, 64),
        language_code: short(&user.language_code, 35),
    })
}

fn button(query: CallbackQuery) -> Option<Update> {
    let message = query.message?;
    let event = UpdateEvent::Button {
        token: cut_bytes(&query.data.unwrap_or_default(), MAX_TOKEN_BYTES),
    };
    about(&message, Some(person(&query.from)?), event)
}

fn member(change: ChatMemberUpdated) -> Option<Update> {
    let is_there = match change.new_chat_member.status.as_str() {
        "creator" | "administrator" | "member" => true,
        "restricted" => change.new_chat_member.is_member,
        "left" | "kicked" => false,
        _ => return None,
    };
    Some(Update {
        update_id: 0,
        chat: chat(&change.chat)?,
        topic_id: None,
        message_id: None,
        from: person(&change.from),
        event: if is_there {
            UpdateEvent::Joined
        } else {
            UpdateEvent::Left
        },
    })
}

/// An update about a message; its number comes later.
fn about(message: &Message, from: Option<TelegramPerson>, event: UpdateEvent) -> Option<Update> {
    let topic = message.message_thread_id.filter(|_| message.is_topic_message);
    Some(Update {
        update_id: 0,
        chat: chat(&message.chat)?,
        topic_id: topic,
        message_id: Some(message.message_id),
        from,
        event,
    })
}

/// Channels are not served.
fn chat(chat: &Chat) -> Option<TelegramChat> {
    let kind = match chat.kind.as_str() {
        "private" => ChatKind::Private,
        "group" => ChatKind::Group,
        "supergroup" => ChatKind::Supergroup,
        _ => return None,
    };
    let title = chat.title.as_deref().map(|title| name(title, 255));
    (chat.id != 0 && chat.id.unsigned_abs() <= MAX_ID.unsigned_abs()).then_some(TelegramChat {
        id: chat.id,
        kind,
        title: title.filter(|title| kind != ChatKind::Private && !title.is_empty()),
    })
}

/// `None` for what is no message of somebody's: a new title, a pinned message.
fn unsupported(message: &Message) -> Option<UnsupportedKind> {
    let any = |present: &[&incoming::Present]| present.iter().any(|present| present.is_some());
    if any(&[&message.sticker]) {
        Some(UnsupportedKind::Sticker)
    } else if any(&[&message.voice, &message.video_note, &message.audio]) {
        Some(UnsupportedKind::Voice)
    } else if any(&[&message.video, &message.animation]) {
        Some(UnsupportedKind::Video)
    } else if any(&[&message.photo]) {
        Some(UnsupportedKind::Photo)
    } else {
        let others = any(&[
            &message.checklist,
            &message.contact,
            &message.dice,
            &message.game,
            &message.invoice,
            &message.location,
            &message.paid_media,
            &message.poll,
            &message.story,
            &message.venue,
        ]);
        (others && message.chat.kind == "private").then_some(UnsupportedKind::Other)
    }
}
