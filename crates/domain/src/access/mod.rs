//! The one door for access. [`Access`] says what a caller may see and change; services take it as an argument, and it
//! is the only source of index filters and cache keys.
//!
//! Rows say who stands before the door ([`Standing`]); [`Access::decide`] is the one function that makes rights of it.
//! Grants add up: a person reads what is open to everyone, what they are a member of and what is opened to the bot
//! that they come through.

mod caller;
mod role;

use std::collections::{BTreeMap, BTreeSet};

pub use caller::{BotCaller, Caller, CallerKind, Origin, PersonBy, PersonCaller, Reach, Standing};
pub(crate) use role::words;
pub use role::{KbRole, Role, Scope, Scopes, UnknownWord};

use crate::id::{BotId, KbId};

/// Which knowledge bases a caller reaches, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    All(KbRole),
    Only(BTreeMap<KbId, KbRole>),
}

/// What one caller may see and change. Made by [`Access::decide`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    caller: Caller,
    origin: Origin,
    role: Role,
    scopes: Scopes,
    held: Held,
}

/// The caller lacks a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("this needs the role {0}")]
    Role(Role),
    #[error("this needs the role {0} in the knowledge base")]
    KbRole(KbRole),
    #[error("this API key lacks the scope {0}")]
    Scope(Scope),
    #[error("only whom the answer is for rates it")]
    NotTheReader,
    #[error("only the bot itself does this")]
    NotTheBot,
}

impl Access {
    /// The one function that decides what a caller may see.
    pub fn decide(standing: Standing) -> Self {
        let role = standing.role.min(standing.ceiling);
        let highest = standing.ceiling.in_every_kb();
        let held = match standing.reach {
            Reach::Every => Held::All(role.in_every_kb()),
            Reach::These(kbs) => Held::Only(kbs.into_iter().map(|kb| (kb, role.in_every_kb())).collect()),
            Reach::Granted(_) if role == Role::Admin => Held::All(KbRole::Owner),
            Reach::Granted(grants) => {
                let mut kbs = BTreeMap::new();
                for (kb, granted) in grants {
                    let held = kbs.entry(kb).or_insert(KbRole::Reader);
                    *held = granted.min(highest).max(*held);
                }
                Held::Only(kbs)
            }
        };
        Self {
            caller: standing.caller,
            origin: Origin::default(),
            role,
            scopes: standing.scopes,
            held,
        }
    }

    /// The same access, with where the request came from.
    #[must_use]
    pub fn from_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same access, narrowed to some knowledge bases.
    #[must_use]
    pub fn restricted_to(mut self, kbs: impl IntoIterator<Item = KbId>) -> Self {
        let wanted = kbs.into_iter();
        self.held = Held::Only(match self.held {
            Held::All(role) => wanted.map(|kb| (kb, role)).collect(),
            Held::Only(held) => wanted
                .filter_map(|kb| held.get(&kb).map(|role| (kb, *role)))
                .collect(),
        });
        self
    }

    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    pub const fn role(&self) -> Role {
        self.role
    }

    pub const fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// Whether the caller may know that this knowledge base exists. What it may not know of is "not found".
    pub fn sees(&self, kb: KbId) -> bool {
        self.role_in(kb).is_some()
    }

    /// What the caller may do in this knowledge base; `None` if it may not know of it.
    pub fn role_in(&self, kb: KbId) -> Option<KbRole> {
        match &self.held {
            Held::All(role) => Some(*role),
            Held::Only(kbs) => kbs.get(&kb).copied(),
        }
    }

    /// The knowledge bases that the caller sees; `None` where it sees them all.
    pub fn only(&self) -> Option<BTreeSet<KbId>> {
        match &self.held {
            Held::All(_) => None,
            Held::Only(kbs) => Some(kbs.keys().copied().collect()),
        }
    }

    /// Fails unless the caller holds at least `needed` and, where it is a key, the scope.
    pub fn require(&self, needed: Role, scope: Scope) -> Result<(), Denied> {
        if !self.scopes.contains(scope) {
            Err(Denied::Scope(scope))
        } else if self.role < needed {
            Err(Denied::Role(needed))
        } else if needed > Role::Reader && matches!(self.caller, Caller::ApiKey(_)) && self.only().is_some() {
            // A key for some knowledge bases has no rights outside of them.
            Err(Denied::Role(needed))
        } else {
            Ok(())
        }
    }

    /// Fails unless the caller may do so much in a knowledge base that it sees.
    pub fn require_in(&self, kb: KbId, needed: KbRole, scope: Scope) -> Result<(), Denied> {
        if !self.scopes.contains(scope) {
            Err(Denied::Scope(scope))
        } else if self.role_in(kb) < Some(needed) {
            Err(Denied::KbRole(needed))
        } else {
            Ok(())
        }
    }

    /// Fails unless the caller is this bot, for itself.
    pub fn require_bot(&self, bot: BotId) -> Result<(), Denied> {
        match &self.caller {
            Caller::Bot(caller) if caller.bot == bot => Ok(()),
            _ => Err(Denied::NotTheBot),
        }
    }

    /// The filter for a search over `kbs`: those of them that the caller sees.
    pub fn filter(&self, kbs: impl IntoIterator<Item = KbId>) -> KbFilter {
        KbFilter {
            kbs: kbs.into_iter().filter(|kb| self.sees(*kb)).collect(),
        }
    }
}

/// The knowledge bases that a search may touch. Only an [`Access`] makes one, and every search of an index needs one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KbFilter {
    kbs: BTreeSet<KbId>,
}

impl KbFilter {
    pub fn kbs(&self) -> impl ExactSizeIterator<Item = KbId> + '_ {
        self.kbs.iter().copied()
    }

    pub fn contains(&self, kb: KbId) -> bool {
        self.kbs.contains(&kb)
    }

    pub fn is_empty(&self) -> bool {
        self.kbs.is_empty()
    }
}

#[cfg(test)]
mod tests;
