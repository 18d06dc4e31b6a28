//! Rights in general and in one knowledge base, and the scopes that narrow an API key.

/// A stored or sent word that names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no {what}")]
pub struct UnknownWord {
    pub what: &'static str,
    pub word: String,
}

/// Gives a closed set of words its text, in both directions.
macro_rules! words {
    ($name:ident, $what:literal: $($variant:ident = $word:literal),+ $(,)?) => {
        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::access::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or_else(|| {
                    $crate::access::UnknownWord { what: $what, word: text.to_owned() }
                })
            }
        }
    };
}
pub(crate) use words;

/// What somebody may do in general. A role includes the ones below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May search and read what is open to them.
    Reader,
    /// May also create knowledge bases, and owns those.
    Editor,
    /// May do everything, everywhere.
    Admin,
}
words!(Role, "role": Reader = "reader", Editor = "editor", Admin = "admin");

/// What somebody may do in one knowledge base. A role includes the ones below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KbRole {
    /// May ask it and read its documents.
    Reader,
    /// May also feed it and remove documents.
    Editor,
    /// May also rename, open, share and delete it.
    Owner,
}
words!(KbRole, "role in a knowledge base": Reader = "reader", Editor = "editor", Owner = "owner");

impl Role {
    /// What the role gives in every knowledge base that it reaches as a whole.
    pub const fn in_every_kb(self) -> KbRole {
        match self {
            Self::Reader => KbRole::Reader,
            Self::Editor => KbRole::Editor,
            Self::Admin => KbRole::Owner,
        }
    }
}

/// An area of the API. Keys are narrowed to some; everybody else holds them all, within their role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ask and search.
    Ask,
    /// See knowledge bases, documents, sources and tasks.
    Read,
    /// Upload, remove documents, control tasks.
    Ingest,
    /// Create, change, share and delete knowledge bases; index generations.
    Manage,
    /// People and their subscriptions.
    Users,
    /// Bots and their tokens.
    Bots,
    /// API keys.
    Keys,
    /// The audit log.
    Logs,
}
words!(Scope, "scope": Ask = "ask", Read = "read", Ingest = "ingest", Manage = "manage", Users = "users", Bots = "bots",
    Keys = "keys", Logs = "logs");

/// A set of [`Scope`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .iter()
            .copied()
            .filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | (1 << scope as u16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert_eq!("owner".parse::<KbRole>(), Ok(KbRole::Owner));
        assert!("owner".parse::<Role>().is_err());
    }

    #[test]
    fn a_set_of_scopes_holds_what_was_put_in() {
        let some: Scopes = [Scope::Ask, Scope::Logs].into_iter().collect();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Scope::Ask, Scope::Logs]);
        assert_eq!(Scopes::ALL.iter().count(), Scope::ALL.len());
        assert!(!Scopes::NONE.contains(Scope::Ask));
    }
}
