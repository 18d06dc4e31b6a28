//! Objects of the Bot API (<https://core.telegram.org/bots/api#available-types>).

use serde_json::{Map, Value, json};

use super::{Bot, Chat, ChatKey, ChatKind, Message, Person, World, Writer};

impl World {
    pub(crate) fn chat_json(&self, chat: &Chat) -> Value {
        let id = chat.key.id();
        match (chat.kind, chat.key) {
            (ChatKind::Private, ChatKey::Private { person, .. }) => {
                let first_name = self.people.get(&person).map(|person| person.first_name.as_str());
                json!({ "id": id, "type": "private", "first_name": first_name.unwrap_or_default() })
            }
            (ChatKind::Supergroup { is_forum: true }, _) => {
                json!({ "id": id, "type": "supergroup", "title": chat.title, "is_forum": true })
            }
            (ChatKind::Supergroup { .. }, _) => {
                json!({ "id": id, "type": "supergroup", "title": chat.title })
            }
            (ChatKind::Channel, _) => json!({ "id": id, "type": "channel", "title": chat.title }),
            _ => json!({ "id": id, "type": "group", "title": chat.title }),
        }
    }

    pub(crate) fn user_json(&self, writer: Writer) -> Value {
        match writer {
            Writer::Bot(id) => self.bots.get(&id).map(Bot::json),
            Writer::Person(id) => self.people.get(&id).map(Person::json),
        }
        .unwrap_or_default()
    }

    pub(crate) fn message_json(&self, chat: &Chat, message: &Message) -> Value {
        let mut json = self.short_json(chat, message);
        let replied = message.reply_to.or(message.topic).and_then(|id| chat.message(id));
        if let Some(replied) = replied {
            // Telegram goes one step back and no further.
            json.insert(
                "reply_to_message".to_owned(),
                Value::Object(self.short_json(chat, replied)),
            );
        }
        Value::Object(json)
    }

    fn short_json(&self, chat: &Chat, message: &Message) -> Map<String, Value> {
        let mut json = message.extra.clone();
        let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
        put("message_id", message.id.into());
        put("date", message.date.into());
        put("chat", self.chat_json(chat));
        if chat.kind == ChatKind::Channel {
            put("sender_chat", self.chat_json(chat));
        } else {
            put("from", self.user_json(message.writer));
        }
        if let Some(edited) = message.edited {
            put("edit_date", edited.into());
        }
        if let Some(topic) = message.topic {
            put("message_thread_id", topic.into());
            put("is_topic_message", true.into());
        }
        if let Some(keyboard) = &message.keyboard.json {
            put("reply_markup", keyboard.clone());
        }
        let body = &message.body;
        let (text, entities) = match message.extra.is_empty() {
            true => ("text", "entities"),
            false => ("caption", "caption_entities"),
        };
        if !body.text.is_empty() {
            put(text, body.text.clone().into());
        }
        if !body.entities.is_empty() {
            put(entities, json!(body.entities));
        }
        json
    }
}

impl Person {
    pub(crate) fn json(&self) -> Value {
        let mut json = json!({ "id": self.id, "is_bot": false, "first_name": self.first_name });
        if let Some(language) = &self.language_code {
            json["language_code"] = language.clone().into();
        }
        json
    }
}

impl Bot {
    pub(crate) fn json(&self) -> Value {
        json!({ "id": self.id, "is_bot": true, "first_name": self.username, "username": self.username })
    }
}
