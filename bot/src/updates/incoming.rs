//! Updates as Telegram sends them, as far as we read them.
//!
//! Not teloxide's types: those refuse a whole message for one entity of a kind that is newer than they are, and somebody's
//! question would be lost.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// What is there, and no more to know about it.
pub(super) type Present = Option<IgnoredAny>;

#[derive(Debug, Deserialize)]
pub(super) struct Update {
    pub(super) update_id: i64,
    pub(super) message: Option<Message>,
    pub(super) edited_message: Option<Message>,
    pub(super) callback_query: Option<CallbackQuery>,
    pub(super) my_chat_member: Option<ChatMemberUpdated>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CallbackQuery {
    pub(super) id: String,
    pub(super) from: User,
    /// Of one that cannot be reached any more, chat and id alone.
    pub(super) message: Option<Message>,
    pub(super) data: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChatMemberUpdated {
    pub(super) chat: Chat,
    pub(super) from: User,
    pub(super) new_chat_member: ChatMember,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChatMember {
    pub(super) status: String,
    /// Of a restricted one.
    #[serde(default)]
    pub(super) is_member: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    pub(super) first_name: String,
    pub(super) last_name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) language_code: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// In UTF-16 units, like the length.
    pub(super) offset: usize,
    pub(super) length: usize,
    pub(super) user: Option<User>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) file_id: String,
    pub(super) file_unique_id: String,
    pub(super) file_name: Option<String>,
    pub(super) file_size: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message_id: i64,
    pub(super) chat: Chat,
    pub(super) from: Option<User>,
    /// A channel or an anonymous admin spoke, not the person in `from`.
    pub(super) sender_chat: Present,
    #[serde(default)]
    pub(super) is_automatic_forward: bool,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) reply_to_message: Option<Box<Message>>,
    pub(super) forum_topic_created: Present,
    pub(super) migrate_to_chat_id: Option<i64>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) entities: Vec<Entity>,
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) caption_entities: Vec<Entity>,
    /// Also set for an animation.
    pub(super) document: Option<Document>,
    pub(super) animation: Present,
    pub(super) voice: Present,
    pub(super) video_note: Present,
    pub(super) audio: Present,
    pub(super) video: Present,
    pub(super) photo: Present,
    pub(super) sticker: Present,
    // What is somebody's message and has no kind of its own.
    pub(super) checklist: Present,
    pub(super) contact: Present,
    pub(super) dice: Present,
    pub(super) game: Present,
    pub(super) invoice: Present,
    pub(super) location: Present,
    pub(super) paid_media: Present,
    pub(super) poll: Present,
    pub(super) story: Present,
    pub(super) venue: Present,
}

impl Update {
    /// The number of an update, whatever else it is.
    pub(super) fn id_of(update: &Value) -> Option<i64> {
        update.get("update_id")?.as_i64()
    }

    /// What kind of update it is, for the log.
    pub(super) fn kind_of(update: &Value) -> &str {
        update
            .as_object()
            .and_then(|fields| fields.keys().find(|name| *name != "update_id"))
            .map_or("none", String::as_str)
    }
}
