//! The model: who there is, what there is, and who may see what. Plain lists, changed together with each change that the
//! product grants; it knows the rules of `docs/API.md` and nothing of the product's code.

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

    const fn in_kbs(self) -> KbRole {
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
}

#[derive(Clone, Debug, Default)]
pub struct World {
    pub kbs: Vec<Kb>,
    pub people: Vec<Person>,
    pub bots: Vec<Bot>,
    pub keys: Vec<Key>,
    pub sessions: Vec<Session>,
    pub subscriptions: Vec<Subscription>,
    pub spare: Spare,
    /// Knowledge bases that were deleted, the last one last.
    pub gone: Vec<usize>,
    pub owners: HashMap<String, Owner>,
}

impl World {
    /// The person and the bot that they come through.
    fn person_of(&self, who: Who) -> Option<(usize, usize)> {
        match who {
            Who::Named { bot, person } => Some((person, bot)),
            Who::Session(session) => {
                let session = &self.sessions[session];
                Some((session.person, session.bot))
            }
            Who::Nobody | Who::Forger(_) | Who::Operator | Who::Key(_) | Who::Bot(_) => None,
        }
    }

    /// What the caller is in general; `None` if it is turned away at the door.
    pub fn role(&self, who: Who) -> Option<Role> {
        match who {
            Who::Nobody | Who::Forger(_) => None,
            Who::Operator => Some(Role::Admin),
            Who::Key(key) => Some(self.keys[key].role),
            Who::Bot(bot) => self.bots[bot].active.then_some(Role::Reader),
            Who::Session(session) if self.sessions[session].ended => None,
            Who::Named { .. } | Who::Session(_) => {
                let (person, bot) = self.person_of(who)?;
                let (person, bot) = (&self.people[person], &self.bots[bot]);
                (bot.active && !person.blocked).then(|| person.role.min(bot.max_role))
            }
        }
    }

    /// What the caller may do in a knowledge base; `None` if it may not know of it.
    pub fn role_in(&self, who: Who, kb: usize) -> Option<KbRole> {
        let role = self.role(who)?;
        let (at, kb) = (kb, &self.kbs[kb]);
        if kb.deleted {
            return None;
        }
        let opened = |bot: &usize| (kb.public || kb.bots.contains(bot)).then_some(KbRole::Reader);
        match who {
            Who::Nobody | Who::Forger(_) => None,
            Who::Operator => Some(KbRole::Owner),
            Who::Key(key) => {
                let held = self.keys[key].kbs.as_ref();
                held.is_none_or(|kbs| kbs.contains(&at)).then(|| role.in_kbs())
            }
            Who::Bot(bot) => opened(&bot),
            Who::Named { .. } | Who::Session(_) if role == Role::Admin => Some(KbRole::Owner),
            Who::Named { .. } | Who::Session(_) => {
                let (person, bot) = self.person_of(who)?;
                let most = self.bots[bot].max_role.in_kbs();
                let member = kb.members.get(&person).map(|role| (*role).min(most));
                member.max(opened(&bot))
            }
        }
    }

    fn has_scope(&self, who: Who, scope: &str) -> bool {
        match who {
            Who::Key(key) => self.keys[key]
                .scopes
                .as_ref()
                .is_none_or(|scopes| scopes.contains(scope)),
            _ => true,
        }
    }

    fn is(&self, who: Who, wanted: Role, scope: &str) -> bool {
        // A key for some knowledge bases has no rights outside of them.
        let held = matches!(who, Who::Key(key) if self.keys[key].kbs.is_some());
        self.role(who) >= Some(wanted) && self.has_scope(who, scope) && (wanted == Role::Reader || !held)
    }

    pub fn allows(&self, who: Who, need: Need) -> bool {
        match need {
            Need::Nothing => true,
            Need::Never => false,
            Need::General(role, scope) => self.is(who, role, scope),
            Need::InKb(kb, role, scope) => self.has_scope(who, scope) && self.role_in(who, kb) >= Some(role),
            Need::Person(person) => {
                self.is(who, Role::Admin, "users")
                    || self.role(who).is_some()
                        && match who {
                            // Whom a bot knows changes with each introduction: that is not followed here.
                            Who::Bot(_) => true,
                            _ => self.person_of(who).is_some_and(|(is, _)| is == person),
                        }
            }
            Need::Subscription(at) => {
                let of = &self.subscriptions[at];
                self.is(who, Role::Admin, "users")
                    || self.role(who).is_some()
                        && (who == Who::Bot(of.bot) || self.person_of(who) == Some((of.person, of.bot)))
            }
            Need::Bot(bot) => {
                self.is(who, Role::Admin, "bots") || who == Who::Bot(bot) && self.role(who).is_some()
            }
        }
    }

    /// Whether an answer to the caller may hold a word of this owner.
    pub fn may_read(&self, who: Who, owner: Owner) -> bool {
        match owner {
            Owner::Kb(kb) => self.role_in(who, kb).is_some(),
            Owner::Subscription(at) => self.allows(who, Need::Subscription(at)),
        }
    }

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
