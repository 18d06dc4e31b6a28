//! Messages, drafts and "is typing".

use serde_json::Value;

use super::{Answer, Call, Refused};
use crate::text::Body;
use crate::world::{ChatKey, Draft, Keyboard, Writer};

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub(super) fn message(call: &mut Call<'_>) -> Answer {
    let body = call.body("message is too long")?;
    call.link_preview()?;
    let keyboard = Keyboard::read(call.params.json("reply_markup")?)?;
    let chat = call.chat()?;
    let topic = call.topic(chat)?;
    let reply_to = call.reply(chat, topic)?;
    call.spend(chat, false)?;
    call.world.counters.sent += 1;
    let draft = Draft {
        keyboard,
        ..Draft::new(Writer::Bot(call.bot), body)
            .in_topic(topic)
            .replying(reply_to)
    };
    let id = call.world.post(chat, draft);
    Ok(call.message_json(chat, id))
}

pub(super) fn draft(call: &mut Call<'_>) -> Answer {
    let body = call.body("message is too long")?;
    let chat = call.chat()?;
    if matches!(chat, ChatKey::Shared(_)) {
        return Err(Refused::bad("TEXTDRAFT_PEER_INVALID"));
    }
    call.topic(chat)?;
    if call.params.number("draft_id").unwrap_or_default() == 0 {
        return Err(Refused::bad("TEXTDRAFT_RANDOM_ID_INVALID"));
    }
    call.world.chat_mut(chat).draft = Some(body.text);
    Ok(true.into())
}

pub(super) fn action(call: &mut Call<'_>) -> Answer {
    let action = call.params.text("action").to_ascii_lowercase();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refused::bad("wrong parameter action in request"));
    }
    let chat = call.chat()?;
    call.topic(chat)?;
    Ok(true.into())
}

impl Call<'_> {
    /// The text of the call; formats come by `parse_mode` alone.
    pub(super) fn body(&self, too_long: &str) -> Result<Body, Refused> {
        if self.params.json("entities")?.is_some() {
            return Err(Refused::bad("this simulator reads no entities, use parse_mode"));
        }
        let (text, mode) = (self.params.text("text"), self.params.text("parse_mode"));
        Body::read(&text, &mode, too_long)
    }

    pub(super) fn link_preview(&self) -> Result<(), Refused> {
        match self.params.json("link_preview_options")? {
            Some(options) if !options.is_object() => {
                Err(Refused::bad("object expected as link preview options"))
            }
            _ => Ok(()),
        }
    }

    /// The general topic has no id in Telegram's eyes either: 1 is not found.
    fn topic(&self, chat: ChatKey) -> Result<Option<i64>, Refused> {
        match self.params.number("message_thread_id").unwrap_or_default() {
            0 => Ok(None),
            topic if self.world.chat(chat).topics.contains(&topic) => Ok(Some(topic)),
            _ => Err(Refused::bad("message thread not found")),
        }
    }

    fn reply(&self, chat: ChatKey, topic: Option<i64>) -> Result<Option<i64>, Refused> {
        let Some(reply) = self.params.json("reply_parameters")? else {
            return Ok(None);
        };
        let Some(id) = reply.get("message_id").and_then(Value::as_i64) else {
            return Err(Refused::bad("object expected as reply parameters"));
        };
        let replied = self.world.chat(chat).message(id);
        let in_topic = replied.filter(|message| {
            topic.is_none() || message.topic == topic || message.id == topic.unwrap_or_default()
        });
        match in_topic {
            Some(message) => Ok(Some(message.id)),
            None if reply.get("allow_sending_without_reply") == Some(&Value::Bool(true)) => Ok(None),
            None => Err(Refused::bad("message to be replied not found")),
        }
    }

    pub(super) fn message_json(&self, chat: ChatKey, id: i64) -> Value {
        let chat = self.world.chat(chat);
        let json = chat
            .message(id)
            .map(|message| self.world.message_json(chat, message));
        json.unwrap_or_default()
    }
}
