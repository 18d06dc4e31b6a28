//! Files that people have sent.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Another one for every sending.
    pub(crate) id: String,
    /// The same for the same content.
    pub(crate) unique_id: String,
    /// What Telegram says; the content may be shorter.
    pub(crate) size: u64,
    pub(crate) path: String,
    pub(crate) content: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Files {
    by_id: HashMap<String, Stored>,
    ids_by_path: HashMap<String, String>,
}

impl Files {
    /// `folder` and the extension of `name` show in the path, as in Telegram.
    pub(crate) fn store(&mut self, folder: &str, name: &str, content: Bytes, size: u64) -> Stored {
        let mut hasher = DefaultHasher::new();
        (folder, size, &content).hash(&mut hasher);
        let number = self.by_id.len();
        let extension = match name.rsplit_once('.') {
            Some((_, extension)) if extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                format!(".{extension}")
            }
            _ => String::new(),
        };
        let stored = Stored {
            id: format!("BQACAgIAAxkBAAI{number:012}"),
            unique_id: format!("AgAD{:016x}", hasher.finish()),
            size,
            path: format!("{folder}/file_{number}{extension}"),
            content,
        };
        self.ids_by_path.insert(stored.path.clone(), stored.id.clone());
        self.by_id.insert(stored.id.clone(), stored.clone());
        stored
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Stored> {
        self.by_id.get(id)
    }

    pub(crate) fn at(&self, path: &str) -> Option<&Stored> {
        self.get(self.ids_by_path.get(path)?)
    }
}
