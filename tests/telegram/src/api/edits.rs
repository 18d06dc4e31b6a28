//! What becomes of messages that are there.

use super::{Answer, Call, Refused};
use crate::text::Body;
use crate::world::{ChatKey, ChatKind, Keyboard, Message, Writer};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the same \
                            as a current content and reply markup of the message";
/// Of `deleteMessages`.
const MAX_MESSAGES: usize = 100;

pub(super) fn text(call: &mut Call<'_>) -> Answer {
    let body = call.body("MESSAGE_TOO_LONG")?;
    call.link_preview()?;
    edit(call, Some(body))
}

pub(super) fn markup(call: &mut Call<'_>) -> Answer {
    edit(call, None)
}

fn edit(call: &mut Call<'_>, body: Option<Body>) -> Answer {
    let keyboard = Keyboard::read(call.params.json("reply_markup")?)?;
    let id = call.message_id()?;
    let chat = call.chat()?;
    call.spend(chat, true)?;
    let message = call.find(chat, id, "message to edit not found")?;
    if message.writer != Writer::Bot(call.bot) {
        return Err(Refused::bad("message can't be edited"));
    }
    let body = body.unwrap_or_else(|| message.body.clone());
    let is_same = message.body.text == body.text && message.body.entities == body.entities;
    if is_same && message.keyboard == keyboard {
        return Err(Refused::bad(NOT_MODIFIED));
    }
    call.world.counters.edited += 1;
    call.world.rewrite(chat, id, body, keyboard);
    Ok(call.message_json(chat, id))
}

pub(super) fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.message_id()?;
    let chat = call.chat()?;
    let message = call.find(chat, id, "message to delete not found")?;
    if !call.may_delete(chat, message) {
        return Err(Refused::bad("message can't be deleted for everyone"));
    }
    call.remove(chat, id);
    Ok(true.into())
}

pub(super) fn delete_many(call: &mut Call<'_>) -> Answer {
    let ids = call
        .params
        .json("message_ids")?
        .ok_or_else(|| Refused::bad("message identifiers are not specified"))?;
    let ids: Vec<i64> =
        serde_json::from_value(ids).map_err(|_| Refused::bad("expected an Array of message identifiers"))?;
    if ids.is_empty() {
        return Err(Refused::bad("message identifiers are not specified"));
    }
    if ids.len() > MAX_MESSAGES {
        return Err(Refused::bad("too many message identifiers specified"));
    }
    let chat = call.chat()?;
    // Those that are not there or not the bot's to delete are passed over.
    for id in ids {
        let message = call.world.chat(chat).message(id);
        if message.is_some_and(|message| call.may_delete(chat, message)) {
            call.remove(chat, id);
        }
    }
    Ok(true.into())
}

impl Call<'_> {
    fn message_id(&self) -> Result<i64, Refused> {
        let id = self.params.number("message_id").unwrap_or_default();
        match id {
            0 => Err(Refused::bad("message identifier is not specified")),
            _ => Ok(id),
        }
    }

    fn find(&self, chat: ChatKey, id: i64, otherwise: &str) -> Result<&Message, Refused> {
        let message = self.world.chat(chat).message(id);
        message.ok_or_else(|| Refused::bad(otherwise))
    }

    /// Its own everywhere, and all in private chats; it is no admin of groups.
    fn may_delete(&self, chat: ChatKey, message: &Message) -> bool {
        message.writer == Writer::Bot(self.bot) || self.world.chat(chat).kind == ChatKind::Private
    }

    fn remove(&mut self, chat: ChatKey, id: i64) {
        if let Some(message) = self.world.chat_mut(chat).message_mut(id) {
            message.is_deleted = true;
            self.world.counters.deleted += 1;
        }
    }
}
