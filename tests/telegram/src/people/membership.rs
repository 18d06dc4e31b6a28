//! Who hears whom: opening, blocking, joining and leaving.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::User;
use crate::bot::BotHandle;
use crate::chat::Chat;
use crate::world::{Chat as ChatState, ChatKey, ChatKind, Draft, Membership, World, Writer};

impl User {
    /// The bot can write to this person no more. A chat that was never opened is opened first.
    pub fn blocks(&self, bot: &BotHandle) {
        self.turns(bot, Membership::Kicked);
    }

    pub fn unblocks(&self, bot: &BotHandle) {
        self.turns(bot, Membership::Member);
    }

    fn turns(&self, bot: &BotHandle, membership: Membership) {
        let key = bot.chat_with(self).key();
        self.shared.change(|world| {
            world.open(key);
            world.admit(key, bot.id(), self.id, membership);
        });
    }

    /// Deletes their account.
    pub fn is_deactivated(&self) {
        self.shared.change(|world| {
            if let Some(person) = world.people.get_mut(&self.id) {
                person.is_deactivated = true;
            }
        });
    }

    /// Adds the bot to a group.
    pub fn adds(&self, bot: &BotHandle, chat: &Chat) {
        self.shared.change(|world| {
            world.admit(chat.key(), bot.id(), self.id, Membership::Member);
            let members = json!([world.user_json(Writer::Bot(bot.id()))]);
            world.post(chat.key(), Draft::of(self.writer(), "new_chat_members", members));
        });
    }

    /// Removes the bot from a group for good.
    pub fn removes(&self, bot: &BotHandle, chat: &Chat) {
        self.shared
            .change(|world| world.admit(chat.key(), bot.id(), self.id, Membership::Kicked));
    }

    pub fn joins(&self, chat: &Chat) {
        self.shared.change(|world| {
            let members = json!([world.user_json(self.writer())]);
            world.post(chat.key(), Draft::of(self.writer(), "new_chat_members", members));
        });
    }

    pub fn leaves(&self, chat: &Chat) {
        self.shared.change(|world| {
            let member = world.user_json(self.writer());
            world.post(chat.key(), Draft::of(self.writer(), "left_chat_member", member));
        });
    }
}

impl World {
    /// Makes sure that a private chat is there and not blocked.
    pub(super) fn open(&mut self, key: ChatKey) {
        let ChatKey::Private { bot, person } = key else {
            return;
        };
        let chat = self
            .chats
            .entry(key)
            .or_insert_with(|| ChatState::new(key, ChatKind::Private, ""));
        if chat.bots.is_empty() {
            chat.bots.insert(bot, Membership::Member);
        }
        self.admit(key, bot, person, Membership::Member);
    }

    /// Changes how a bot stands to a chat, and tells it.
    fn admit(&mut self, key: ChatKey, bot: i64, by: i64, membership: Membership) {
        let before = self.chat_mut(key).bots.insert(bot, membership);
        let before = before.unwrap_or(Membership::Left);
        if before == membership {
            return;
        }
        let date = self.clock.now().unix;
        let content = json!({
            "chat": self.chat_json(self.chat(key)),
            "from": self.user_json(Writer::Person(by)),
            "date": date,
            "old_chat_member": self.member_json(bot, before),
            "new_chat_member": self.member_json(bot, membership),
        });
        let update = BTreeMap::from([("my_chat_member".to_owned(), content)]);
        self.tell(bot, "my_chat_member", key.id(), update);
        if let Some(bot) = self.bots.get_mut(&bot) {
            bot.acquainted.insert(by);
        }
    }

    fn member_json(&self, bot: i64, membership: Membership) -> Value {
        let user = self.user_json(Writer::Bot(bot));
        match membership {
            Membership::Member => json!({ "user": user, "status": "member" }),
            Membership::Kicked => json!({ "user": user, "status": "kicked", "until_date": 0 }),
            Membership::Left => json!({ "user": user, "status": "left" }),
        }
    }
}
