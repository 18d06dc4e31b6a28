//! The model: who there is and what there is. Plain lists, changed together with each change that the product grants; of the
//! product's code it knows nothing, and its rules stand in `rights`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Reader,
    Editor,
    Admin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KbRole {
    Reader,
    Editor,
    Owner,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Reader, Self::Editor, Self::Admin];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    pub const fn in_kbs(self) -> KbRole {
        match self {
            Self::Reader => KbRole::Reader,
            Self::Editor => KbRole::Editor,
            Self::Admin => KbRole::Owner,
        }
    }
}

impl KbRole {
    pub const ALL: [Self; 3] = [Self::Reader, Self::Editor, Self::Owner];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// A caller. Numbers are places in the lists of the [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    /// With a credential that is none.
    Forger(u64),
    Operator,
    Key(usize),
    Bot(usize),
    /// A person whom a bot names.
    Named {
        bot: usize,
        person: usize,
    },
    Session(usize),
}

#[derive(Clone, Debug, Default)]
pub struct Kb {
    pub id: String,
    pub name: String,
    pub description: String,
    /// The secret words: the first stands in the text of its first document.
    pub words: Vec<String>,
    pub deleted: bool,
    pub public: bool,
    pub members: BTreeMap<usize, KbRole>,
    pub bots: BTreeSet<usize>,
    /// Ids; the first document is never deleted.
    pub documents: Vec<String>,
    pub tasks: Vec<String>,
    pub sources: Vec<String>,
    /// Those of the sources that are fetched and that the test itself does not need.
    pub remotes: Vec<String>,
    pub hook: Option<Hook>,
    pub annex: Option<Annex>,
}

/// A source that is fetched, and what its webhooks are signed with.
#[derive(Clone, Debug)]
pub struct Hook {
    pub source: String,
    pub secret: String,
}

/// A source that is deleted one day. Its word stands in its document, and nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Annex {
    pub word: String,
    /// Empty until it is read.
    pub source: String,
    pub document: String,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub telegram_id: i64,
    pub role: Role,
    pub blocked: bool,
    /// The bots that introduced them.
    pub bots: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Bot {
    pub id: String,
    pub code: String,
    pub token: String,
    pub token_id: String,
    pub max_role: Role,
    pub active: bool,
}

#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    pub role: Role,
    /// `None`: all of them.
    pub scopes: Option<BTreeSet<&'static str>>,
    pub kbs: Option<BTreeSet<usize>>,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub person: usize,
    pub bot: usize,
    pub token: String,
    pub ended: bool,
}

#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub person: usize,
    pub bot: usize,
    /// A secret word in its settings.
    pub word: Option<String>,
}

/// What a bot has said to somebody.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub bot: usize,
    pub person: usize,
}

/// What requests of those who may delete are allowed to hit: nobody calls with these.
#[derive(Clone, Debug, Default)]
pub struct Spare {
    pub keys: Vec<String>,
    pub bots: Vec<String>,
    /// Of the first bot.
    pub tokens: Vec<String>,
    pub people: Vec<String>,
}

/// Whose a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Kb(usize),
    /// Nobody any more: it stood in a source of this knowledge base that was deleted.
    Deleted(usize),
    Subscription(usize),
}

/// What a request needs to be granted.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Anybody may get an answer.
    Nothing,
    /// Nobody does: it names what does not exist, or is taken.
    Never,
    General(Role, &'static str),
    InKb(usize, KbRole, &'static str),
    /// To be this person, or to manage people.
    Person(usize),
    Subscription(usize),
    /// To be this bot, or to manage bots.
    Bot(usize),
    /// To be this bot.
    ItsBot(usize),
    /// To be the bot or the person of a message, through that bot, or to manage people.
    Message {
        bot: usize,
        person: usize,
    },
    /// To be the person of a message, where one may see it.
    Reader {
        bot: usize,
        person: usize,
    },
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub kbs: Vec<Kb>,
    pub people: Vec<Person>,
    pub bots: Vec<Bot>,
    pub keys: Vec<Key>,
    pub sessions: Vec<Session>,
    pub subscriptions: Vec<Subscription>,
    /// Ids of chats, and some of what bots have said in them.
    pub chats: Vec<String>,
    pub messages: Vec<Message>,
    pub spare: Spare,
    /// Knowledge bases that were deleted, the last one last.
    pub gone: Vec<usize>,
    pub owners: HashMap<String, Owner>,
}

impl World {
    /// Whose a word is; of a cut one, whose it can be.
    pub fn owners_of(&self, word: &str) -> Vec<Owner> {
        if let Some(owner) = self.owners.get(word) {
            return vec![*owner];
        }
        let cut = self.owners.iter().filter(|(whole, _)| whole.starts_with(word));
        cut.map(|(_, owner)| *owner).collect()
    }

    /// Who a caller is, for reports.
    pub fn describe(&self, who: Who) -> String {
        match who {
            Who::Nobody | Who::Forger(_) | Who::Operator => String::new(),
            Who::Key(key) => {
                let key = &self.keys[key];
                format!("{} {:?} {:?} {:?}", key.id, key.role, key.scopes, key.kbs)
            }
            Who::Bot(bot) => format!("{:?} {:?}", self.bots[bot].id, self.bots[bot].active),
            Who::Named { .. } | Who::Session(_) => {
                let (person, bot) = self.person_of(who).expect("it is a person");
                let (person, bot) = (&self.people[person], &self.bots[bot]);
                format!(
                    "{} {:?}, blocked: {}, through {} for {:?}, on: {}",
                    person.id, person.role, person.blocked, bot.code, bot.max_role, bot.active
                )
            }
        }
    }

    /// The knowledge bases that are there and that the caller sees, or does not.
    pub fn kbs(&self, who: Who, seen: bool) -> Vec<usize> {
        (0..self.kbs.len())
            .filter(|kb| !self.kbs[*kb].deleted && self.role_in(who, *kb).is_some() == seen)
            .collect()
    }

    pub fn live(&self) -> Vec<usize> {
        (0..self.kbs.len()).filter(|kb| !self.kbs[*kb].deleted).collect()
    }

    /// Makes a word a knowledge base's.
    pub fn own(&mut self, kb: usize, word: String) {
        self.owners.insert(word.clone(), Owner::Kb(kb));
        self.kbs[kb].words.push(word);
    }
}
