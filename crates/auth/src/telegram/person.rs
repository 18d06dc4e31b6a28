//! The person whom Telegram describes, within the limits that Telegram has.

use serde::Deserialize;

use super::TelegramError;

/// Characters of a name that Telegram gives in one piece: first name, blank, last name.
pub const MAX_FULL_NAME_CHARS: usize = MAX_NAME_CHARS * 2 + 1;

/// Characters of a first or a last name (<https://core.telegram.org/method/account.updateProfile>).
const MAX_NAME_CHARS: usize = 64;
/// Characters of a username (<https://core.telegram.org/method/account.checkUsername>).
const MAX_USERNAME_CHARS: usize = 32;
/// Characters of a language tag: what RFC 5646, section 4.4.1 tells to make room for.
const MAX_LANGUAGE_CHARS: usize = 35;
/// An id has at most 52 significant bits (<https://core.telegram.org/bots/api#user>).
const MAX_ID: i64 = (1 << 52) - 1;

/// A person, as Telegram knows them. Only `id` identifies: the rest changes, and usernames change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelegramPerson {
    /// Positive.
    pub id: i64,
    /// At most 64 characters; from an `id_token` the full name, at most [`MAX_FULL_NAME_CHARS`].
    pub first_name: String,
    pub last_name: Option<String>,
    /// Without `@`: letters, digits and underscores.
    pub username: Option<String>,
    /// An IETF language tag, as the person's app sent it.
    pub language_code: Option<String>,
}

/// What a signed text claims about a person, not looked at yet.
#[derive(Deserialize)]
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) first_name: String,
    pub(super) last_name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) language_code: Option<String>,
    pub(super) is_bot: Option<bool>,
}

impl Claimed {
    /// Too long is refused rather than cut: Telegram would not have signed it, so it is not what it seems.
    pub(super) fn admit(self) -> Result<TelegramPerson, TelegramError> {
        self.admit_named(MAX_NAME_CHARS)
    }

    /// For claims that give the full name as the first one.
    pub(super) fn admit_full_name(self) -> Result<TelegramPerson, TelegramError> {
        self.admit_named(MAX_FULL_NAME_CHARS)
    }

    fn admit_named(self, first_name_chars: usize) -> Result<TelegramPerson, TelegramError> {
        if self.is_bot == Some(true) {
            return Err(TelegramError::Bot);
        }
        if !(1..=MAX_ID).contains(&self.id) {
            return Err(TelegramError::Malformed);
        }
        Ok(TelegramPerson {
            id: self.id,
            first_name: name(&self.first_name, first_name_chars)?,
            last_name: present(self.last_name)
                .map(|text| name(&text, MAX_NAME_CHARS))
                .transpose()?,
            username: present(self.username)
                .map(|text| code(text, MAX_USERNAME_CHARS, b"_"))
                .transpose()?,
            language_code: present(self.language_code)
                .map(|text| code(text, MAX_LANGUAGE_CHARS, b"-_"))
                .transpose()?,
        })
    }
}

/// Telegram omits what is not there; an empty text means the same.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Control characters (NUL among them) are removed, not refused. A name is for showing: a strange one must not lock
/// its owner out, and must not break a log line or a database that knows no NUL either.
fn name(text: &str, max_chars: usize) -> Result<String, TelegramError> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    if clean.chars().count() > max_chars {
        return Err(TelegramError::Malformed);
    }
    Ok(clean)
}

/// A text that ends up in links and in lookups: ASCII letters, digits and `also`.
fn code(text: String, max_chars: usize, also: &[u8]) -> Result<String, TelegramError> {
    let fits = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte));
    if fits && text.len() <= max_chars {
        Ok(text)
    } else {
        Err(TelegramError::Malformed)
    }
}
