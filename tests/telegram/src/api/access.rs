//! Whether a bot may do something in a chat, as in `Client::check_chat_access`.

use super::{Call, Refused};
use crate::limits::Spending;
use crate::world::{ChatKey, ChatKind, Membership};

impl Call<'_> {
    /// The chat of the call, which the bot may write to.
    pub(super) fn chat(&self) -> Result<ChatKey, Refused> {
        let text = self.params.text("chat_id");
        if text.is_empty() {
            return Err(Refused::bad("chat_id is empty"));
        }
        match self.params.number("chat_id") {
            Some(person @ 1..) => self.private_chat(person),
            Some(id) => self.shared_chat(id),
            None => Err(Refused::bad("chat not found")),
        }
    }

    fn private_chat(&self, person: i64) -> Result<ChatKey, Refused> {
        let key = ChatKey::Private {
            bot: self.bot,
            person,
        };
        let Some(chat) = self.world.chats.get(&key) else {
            let bot = self.world.bots.get(&self.bot);
            return Err(match bot.is_some_and(|bot| bot.acquainted.contains(&person)) {
                true => Refused::forbidden("bot can't initiate conversation with a user"),
                false => Refused::bad("chat not found"),
            });
        };
        let person = self.world.people.get(&person);
        if person.is_none_or(|person| person.is_deactivated) {
            return Err(Refused::forbidden("user is deactivated"));
        }
        match chat.bots.get(&self.bot) {
            Some(Membership::Member) => Ok(key),
            _ => Err(Refused::forbidden("bot was blocked by the user")),
        }
    }

    fn shared_chat(&self, id: i64) -> Result<ChatKey, Refused> {
        let key = ChatKey::Shared(id);
        let not_found = || Refused::bad("chat not found");
        let chat = self.world.chats.get(&key).ok_or_else(not_found)?;
        let membership = chat.bots.get(&self.bot).ok_or_else(not_found)?;
        if let Some(to) = chat.migrated_to {
            return Err(Refused::migrated(to));
        }
        let kind = match chat.kind {
            ChatKind::Supergroup { .. } => "supergroup",
            ChatKind::Channel => "channel",
            _ => "group",
        };
        match membership {
            Membership::Member => Ok(key),
            Membership::Kicked => Err(Refused::forbidden(&format!(
                "bot was kicked from the {kind} chat"
            ))),
            Membership::Left => Err(Refused::forbidden(&format!(
                "bot is not a member of the {kind} chat"
            ))),
        }
    }

    /// Counts the call against the bot's limits.
    pub(super) fn spend(&mut self, chat: ChatKey, is_edit: bool) -> Result<(), Refused> {
        let limits = *self.world.limits();
        let at = self.world.clock.now().instant;
        let spent = self.bot().meter.spend(&limits, Spending { chat, is_edit, at });
        spent.map_err(|wait| {
            self.world.counters.limited += 1;
            Refused::too_many(wait)
        })
    }
}
