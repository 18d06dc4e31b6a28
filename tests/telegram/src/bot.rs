//! A bot as tests see it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::chat::Chat;
use crate::people::User;
use crate::shared::Shared;
use crate::world::{Bot, ChatKey};

#[derive(Clone, Debug)]
pub struct BotHandle {
    shared: Arc<Shared>,
    id: i64,
}

/// The webhook that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSeen {
    pub url: String,
    pub secret: Option<String>,
    pub max_connections: usize,
    pub last_error: Option<String>,
}

impl BotHandle {
    pub(crate) fn new(shared: &Arc<Shared>, id: i64) -> Self {
        Self {
            shared: Arc::clone(shared),
            id,
        }
    }

    pub const fn id(&self) -> i64 {
        self.id
    }

    /// The private chat with a person, whether or not they have opened it.
    pub fn chat_with(&self, user: &User) -> Chat {
        let key = ChatKey::Private {
            bot: self.id,
            person: user.id(),
        };
        Chat::new(&self.shared, key)
    }

    /// Puts an update of any kind into the queue. Those with the same `lane` reach a webhook in their order; it is the chat's
    /// id for real ones.
    pub fn receives(&self, kind: &str, lane: i64, content: Value) {
        let update = BTreeMap::from([(kind.to_owned(), content)]);
        self.shared
            .change(|world| world.tell(self.id, kind, lane, update));
    }

    /// Updates that it has not confirmed.
    pub fn pending(&self) -> usize {
        self.look(|bot| bot.pending.len()).unwrap_or_default()
    }

    /// The id of its last update.
    pub fn last_update(&self) -> i64 {
        self.look(|bot| bot.last_update).unwrap_or_default()
    }

    pub fn webhook(&self) -> Option<WebhookSeen> {
        self.look(|bot| {
            bot.webhook.as_ref().map(|webhook| WebhookSeen {
                url: webhook.url.clone(),
                secret: webhook.secret.clone(),
                max_connections: webhook.max_connections,
                last_error: webhook.last_error.as_ref().map(|(_, message)| message.clone()),
            })
        })
        .flatten()
    }

    /// The default commands for a language (empty for all others), with their descriptions.
    pub fn commands(&self, language: &str) -> Vec<(String, String)> {
        let scope = json!({ "type": "default" }).to_string();
        let commands = self.look(|bot| bot.commands.get(&(scope, language.to_owned())).cloned());
        let field = |command: &Value, name: &str| command[name].as_str().unwrap_or_default().to_owned();
        let pair = |command: &Value| (field(command, "command"), field(command, "description"));
        let commands = commands.flatten().unwrap_or_default();
        commands.as_array().into_iter().flatten().map(pair).collect()
    }

    /// What the bot said to a press of a button, and whether as an alert.
    pub fn callback_answer(&self, id: &str) -> Option<(String, bool)> {
        self.look(|bot| bot.callbacks.get(id)?.answer.clone()).flatten()
    }

    fn look<R>(&self, look: impl FnOnce(&Bot) -> R) -> Option<R> {
        self.shared.read(|world| world.bots.get(&self.id).map(look))
    }
}
