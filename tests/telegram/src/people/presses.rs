//! Pressing buttons.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Impossible, User};
use crate::chat::{Button, Chat};
use crate::world::{Callback, ChatKey, World, Writer};

impl User {
    /// Presses the button at a row and a column, counted from 0, and returns the id of the query.
    ///
    /// # Errors
    /// When the message or the button is not there.
    pub fn presses(
        &self,
        chat: &Chat,
        message: i64,
        row: usize,
        column: usize,
    ) -> Result<String, Impossible> {
        self.presses_one(chat, message, |rows| rows.get(row)?.get(column))
    }

    /// Presses the button that says so.
    ///
    /// # Errors
    /// When the message or the button is not there.
    pub fn presses_text(&self, chat: &Chat, message: i64, text: &str) -> Result<String, Impossible> {
        self.presses_one(chat, message, |rows| {
            rows.iter().flatten().find(|button| button.text == text)
        })
    }

    fn presses_one(
        &self,
        chat: &Chat,
        message: i64,
        find: impl FnOnce(&[Vec<Button>]) -> Option<&Button>,
    ) -> Result<String, Impossible> {
        let seen = chat.message(message).ok_or(Impossible::NoMessage {
            chat: chat.id(),
            message,
        })?;
        let data = find(&seen.keyboard).and_then(|button| button.data.clone());
        let data = data.ok_or(Impossible::NoButton { message })?;
        Ok(self.presses_data(chat, message, &data))
    }

    /// Sends any data as if from a button, below a message that may be gone: apps of others can do so.
    pub fn presses_data(&self, chat: &Chat, message: i64, data: &str) -> String {
        self.shared
            .change(|world| world.press(chat.key(), message, self.id, data))
    }
}

impl World {
    fn press(&mut self, key: ChatKey, message: i64, person: i64, data: &str) -> String {
        if !self.chats.contains_key(&key) {
            self.open(key);
        }
        let chat = self.chat(key);
        let found = chat.message(message);
        let writer = chat.messages.get(&message).map(|message| message.writer);
        let bot = match (writer, key) {
            (_, ChatKey::Private { bot, .. }) | (Some(Writer::Bot(bot)), _) => bot,
            _ => chat.members().first().copied().unwrap_or_default(),
        };
        let shown = match found {
            Some(found) => self.message_json(chat, found),
            // As Telegram shows what is not there any more.
            None => json!({ "chat": self.chat_json(chat), "message_id": message, "date": 0 }),
        };
        let number = self.bots.get(&bot).map_or(0, |bot| bot.callbacks.len());
        let id = format!("{}{number:06}", 4_000_000_000_000_i64 + person);
        let content = json!({
            "id": id,
            "from": self.user_json(Writer::Person(person)),
            "message": shown,
            "chat_instance": key.id().to_string(),
            "data": data,
        });
        let at = self.clock.now().instant;
        if let Some(bot) = self.bots.get_mut(&bot) {
            bot.callbacks.insert(id.clone(), Callback { at, answer: None });
            bot.acquainted.insert(person);
        }
        let update = BTreeMap::from([("callback_query".to_owned(), content)]);
        self.tell(bot, "callback_query", key.id(), update);
        id
    }
}
