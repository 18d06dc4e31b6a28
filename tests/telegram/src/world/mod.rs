//! What the simulated Telegram knows: people, bots, chats and files. No HTTP and no waiting in here.

mod bot;
mod chat;
mod clock;
mod files;
mod json;
mod keyboard;
mod message;
mod people;
mod updates;
mod webhook;

use std::collections::HashMap;

pub(crate) use bot::{Bot, Callback};
pub(crate) use chat::{Chat, ChatKey, ChatKind, Membership};
pub(crate) use clock::{Clock, Now};
pub(crate) use files::{Files, Stored};
pub(crate) use keyboard::Keyboard;
pub(crate) use message::{Draft, Message, Writer};
pub(crate) use people::Person;
pub(crate) use webhook::{Job, Webhook};

use crate::journal::{Counters, Entry};
use crate::limits::Limits;
use crate::options::Options;
use crate::trouble::Dice;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    /// The certificate of the test authority, which webhooks are trusted by.
    pub(crate) authority_pem: String,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) bots: HashMap<i64, Bot>,
    /// Bots by their tokens.
    pub(crate) tokens: HashMap<String, i64>,
    pub(crate) people: HashMap<i64, Person>,
    pub(crate) chats: HashMap<ChatKey, Chat>,
    pub(crate) files: Files,
    pub(crate) journal: Vec<Entry>,
    pub(crate) counters: Counters,
}

impl World {
    pub(crate) fn new(options: Options, authority_pem: &str) -> Self {
        Self {
            clock: Clock::start(),
            dice: Dice::new(options.trouble.clone()),
            options,
            authority_pem: authority_pem.to_owned(),
            bots: HashMap::new(),
            tokens: HashMap::new(),
            people: HashMap::new(),
            chats: HashMap::new(),
            files: Files::default(),
            journal: Vec::new(),
            counters: Counters::default(),
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.options.limits
    }
}
