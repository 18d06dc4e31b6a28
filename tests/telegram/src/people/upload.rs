//! Sending files.

use bytes::Bytes;
use serde_json::{Value, json};

use super::User;
use crate::chat::Chat;
use crate::text::Body;
use crate::world::{Draft, Stored};

/// A file to be sent.
#[derive(Clone, Debug)]
pub struct Upload {
    name: String,
    content: Bytes,
    size: u64,
    caption: String,
}

impl Upload {
    pub fn new(name: &str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            name: name.to_owned(),
            size: u64::try_from(content.len()).unwrap_or(u64::MAX),
            content,
            caption: String::new(),
        }
    }

    /// What Telegram says of its size, whatever it is: a large file without its bytes.
    #[must_use]
    pub const fn declares(mut self, size: u64) -> Self {
        self.size = size;
        self
    }

    #[must_use]
    pub fn with_caption(mut self, caption: &str) -> Self {
        caption.clone_into(&mut self.caption);
        self
    }
}

impl User {
    pub fn sends_document(&self, chat: &Chat, upload: &Upload) -> i64 {
        self.uploads(chat, "documents", upload, |file| {
            let mime_type = "application/octet-stream";
            (
                "document",
                with(file, &json!({ "file_name": upload.name, "mime_type": mime_type })),
            )
        })
    }

    pub fn sends_photo(&self, chat: &Chat, upload: &Upload) -> i64 {
        self.uploads(chat, "photos", upload, |file| {
            (
                "photo",
                json!([with(file, &json!({ "width": 800, "height": 600 }))]),
            )
        })
    }

    pub fn sends_voice(&self, chat: &Chat, upload: &Upload) -> i64 {
        self.uploads(chat, "voice", upload, |file| {
            (
                "voice",
                with(file, &json!({ "duration": 3, "mime_type": "audio/ogg" })),
            )
        })
    }

    pub fn sends_sticker(&self, chat: &Chat, emoji: &str) -> i64 {
        let upload = Upload::new("sticker.webp", emoji.as_bytes().to_vec());
        let looks = json!({
            "type": "regular",
            "width": 512,
            "height": 512,
            "is_animated": false,
            "is_video": false,
            "emoji": emoji,
        });
        self.uploads(chat, "stickers", &upload, |file| ("sticker", with(file, &looks)))
    }

    fn uploads(
        &self,
        chat: &Chat,
        folder: &str,
        upload: &Upload,
        show: impl FnOnce(&Stored) -> (&'static str, Value),
    ) -> i64 {
        let Upload {
            name,
            content,
            size,
            caption,
        } = upload;
        let stored = self
            .shared
            .change(|world| world.files.store(folder, name, content.clone(), *size));
        let (field, shown) = show(&stored);
        let mut draft = Draft::of(self.writer(), field, shown);
        draft.body = Body::written(caption);
        self.posts(chat, draft)
    }
}

fn with(file: &Stored, looks: &Value) -> Value {
    let mut json = json!({
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_size": file.size,
    });
    if let (Some(json), Some(looks)) = (json.as_object_mut(), looks.as_object()) {
        json.extend(looks.clone());
    }
    json
}
