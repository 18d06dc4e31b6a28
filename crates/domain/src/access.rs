//! The one door for access. [`Access`] says what a caller may see and change; services take it as an argument, and it
//! is the only source of index filters and cache keys.
//!
//! Today there is one kind of caller, an API key with full rights. People, bots and per-knowledge-base membership
//! change [`Access::decide`] and nothing that asks it.

use std::collections::BTreeSet;

use crate::id::{ApiKeyId, KbId};

/// What a caller may do in general.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May search and read.
    Reader,
    /// May also feed and change knowledge bases.
    Editor,
    /// May also create and delete them.
    Admin,
}

/// Who calls, as proven by credentials and read from rows at this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    ApiKey { id: ApiKeyId, role: Role },
}

/// Which knowledge bases a caller reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Only(BTreeSet<KbId>),
}

/// What one caller may see and change. Made by [`Access::decide`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    caller: Caller,
    role: Role,
    scope: Scope,
}

/// The caller lacks a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs the role {needed:?}")]
pub struct Denied {
    pub needed: Role,
}

impl Access {
    /// The one function that decides what a caller may see.
    pub fn decide(caller: Caller) -> Self {
        match caller {
            Caller::ApiKey { role, .. } => Self {
                caller,
                role,
                scope: Scope::All,
            },
        }
    }

    /// The same access, narrowed to some knowledge bases.
    #[must_use]
    pub fn restricted_to(mut self, kbs: impl IntoIterator<Item = KbId>) -> Self {
        let wanted: BTreeSet<_> = kbs.into_iter().collect();
        self.scope = match self.scope {
            Scope::All => Scope::Only(wanted),
            Scope::Only(held) => Scope::Only(held.intersection(&wanted).copied().collect()),
        };
        self
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the caller may know that this knowledge base exists. What it may not know of is "not found".
    pub fn sees(&self, kb: KbId) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Only(kbs) => kbs.contains(&kb),
        }
    }

    /// Fails unless the caller holds at least `needed`.
    pub fn require(&self, needed: Role) -> Result<(), Denied> {
        if self.role >= needed {
            Ok(())
        } else {
            Err(Denied { needed })
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

    pub fn is_empty(&self) -> bool {
        self.kbs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn key(role: Role) -> Caller {
        Caller::ApiKey {
            id: ApiKeyId::new(Timestamp::from_micros(1)),
            role,
        }
    }

    #[test]
    fn a_filter_never_holds_a_knowledge_base_that_the_caller_does_not_see() {
        let at = Timestamp::from_micros(1);
        let (open, closed) = (KbId::new(at), KbId::new(at));
        let access = Access::decide(key(Role::Reader)).restricted_to([open]);
        assert_eq!(access.filter([open, closed]).kbs().collect::<Vec<_>>(), [open]);
        assert!(access.filter([closed]).is_empty());
        assert!(
            !access.restricted_to([closed]).sees(open),
            "narrowing never widens"
        );
    }

    #[test]
    fn a_role_includes_the_ones_below_it() {
        let editor = Access::decide(key(Role::Editor));
        assert!(editor.require(Role::Reader).is_ok());
        assert_eq!(editor.require(Role::Admin), Err(Denied { needed: Role::Admin }));
    }
}
