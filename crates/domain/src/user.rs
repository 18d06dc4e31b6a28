//! People. They are known by their Telegram id.

use std::fmt;

use crate::access::Role;
use crate::id::UserId;
use crate::quota::Quotas;
use crate::time::Timestamp;

/// Longest first or last name, in characters (Telegram's own limit).
pub const MAX_NAME_CHARS: usize = 64;
/// Longest username, in characters (Telegram's own limit).
pub const MAX_USERNAME_CHARS: usize = 32;
/// Longest language code (IETF tag), in characters.
pub const MAX_LANGUAGE_CODE_CHARS: usize = 35;

/// A user's id at Telegram: positive, of at most 52 significant bits (<https://core.telegram.org/bots/api#user>).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TelegramId(i64);

impl TelegramId {
    /// `None` for what Telegram never gives to a person.
    pub const fn new(id: i64) -> Option<Self> {
        if id > 0 && id < 1 << 52 {
            Some(Self(id))
        } else {
            None
        }
    }

    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Debug for TelegramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TelegramId({})", self.0)
    }
}

impl fmt::Display for TelegramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What Telegram tells of a person; it may change with every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub telegram_id: TelegramId,
    pub username: Option<String>,
    pub first_name: String,
    pub last_name: Option<String>,
    pub language_code: Option<String>,
}

/// Why a person's data cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} takes at most {most} characters, none of them control characters")]
pub struct PersonError {
    pub field: &'static str,
    pub most: usize,
}

impl Person {
    /// The person with blanks around names removed and what is empty left out.
    pub fn checked(self) -> Result<Self, PersonError> {
        let last_name = present(self.last_name);
        let username = present(self.username);
        let language_code = present(self.language_code);
        fits("first_name", Some(&self.first_name), MAX_NAME_CHARS)?;
        fits("last_name", last_name.as_ref(), MAX_NAME_CHARS)?;
        fits("username", username.as_ref(), MAX_USERNAME_CHARS)?;
        fits("language_code", language_code.as_ref(), MAX_LANGUAGE_CODE_CHARS)?;
        Ok(Self {
            first_name: self.first_name.trim().to_owned(),
            last_name,
            username,
            language_code,
            ..self
        })
    }
}

fn present(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

fn fits(field: &'static str, text: Option<&String>, most: usize) -> Result<(), PersonError> {
    let bad = |text: &String| text.chars().count() > most || text.chars().any(char::is_control);
    if text.is_some_and(bad) {
        return Err(PersonError { field, most });
    }
    Ok(())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub person: Person,
    pub role: Role,
    /// May do nothing, anywhere.
    pub blocked: bool,
    /// What the person may use in a day, over what their bots say; see [`Quotas`].
    pub quotas: Quotas,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(first_name: &str) -> Person {
        Person {
            telegram_id: TelegramId::new(1).unwrap(),
            username: Some(String::new()),
            first_name: first_name.to_owned(),
            last_name: Some("  ".to_owned()),
            language_code: Some("ru".to_owned()),
        }
    }

    #[test]
    fn what_is_empty_is_absent_and_what_is_odd_is_refused() {
        let checked = person(" Анна ").checked().unwrap();
        assert_eq!(checked.first_name, "Анна");
        assert_eq!((checked.username, checked.last_name), (None, None));
        assert_eq!(person("a\0b").checked().unwrap_err().field, "first_name");
        assert!(person(&"x".repeat(65)).checked().is_err());
    }

    #[test]
    fn a_telegram_id_is_positive_and_within_its_bits() {
        assert!(TelegramId::new(0).is_none() && TelegramId::new(-5).is_none());
        assert!(TelegramId::new(1 << 52).is_none());
        assert_eq!(
            TelegramId::new(279_058_397).map(TelegramId::get),
            Some(279_058_397)
        );
    }
}
