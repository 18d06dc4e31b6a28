//! Chats.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Message;

/// A private chat is one between a person and a bot: each bot sees its own under the person's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ChatKey {
    Private { bot: i64, person: i64 },
    Shared(i64),
}

impl ChatKey {
    /// The id that bots know.
    pub(crate) const fn id(self) -> i64 {
        match self {
            Self::Private { person, .. } => person,
            Self::Shared(id) => id,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChatKind {
    Private,
    Group,
    Supergroup { is_forum: bool },
    Channel,
}

/// How a bot stands to a chat; of a private one, `Kicked` means blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Member,
    Kicked,
    Left,
}

#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) key: ChatKey,
    pub(crate) kind: ChatKind,
    pub(crate) title: String,
    pub(crate) messages: BTreeMap<i64, Message>,
    last_id: i64,
    pub(crate) bots: HashMap<i64, Membership>,
    /// Ids of topics, which are those of the messages that began them.
    pub(crate) topics: BTreeSet<i64>,
    /// The supergroup that it has become.
    pub(crate) migrated_to: Option<i64>,
    /// What the bot shows while it writes.
    pub(crate) draft: Option<String>,
}

impl Chat {
    pub(crate) fn new(key: ChatKey, kind: ChatKind, title: &str) -> Self {
        Self {
            key,
            kind,
            title: title.to_owned(),
            messages: BTreeMap::new(),
            last_id: 0,
            bots: HashMap::new(),
            topics: BTreeSet::new(),
            migrated_to: None,
            draft: None,
        }
    }

    pub(crate) const fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// A message that is still there.
    pub(crate) fn message(&self, id: i64) -> Option<&Message> {
        self.messages.get(&id).filter(|message| !message.is_deleted)
    }

    pub(crate) fn message_mut(&mut self, id: i64) -> Option<&mut Message> {
        self.messages.get_mut(&id).filter(|message| !message.is_deleted)
    }

    /// Bots that hear what happens here.
    pub(crate) fn members(&self) -> Vec<i64> {
        let is_member =
            |(bot, membership): (&i64, &Membership)| (*membership == Membership::Member).then_some(*bot);
        self.bots.iter().filter_map(is_member).collect()
    }
}
