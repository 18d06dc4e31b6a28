//! A knowledge base: the unit of access, of search and of cache validity.

use crate::access::words;
use crate::id::KbId;
use crate::quota::Quotas;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnowledgeBase {
    pub id: KbId,
    /// Short name, unique among live knowledge bases; what people type (`--kb handbook`).
    pub name: String,
    pub description: String,
    /// Raised in every transaction that changes what can be retrieved.
    pub revision: i64,
    /// Average chunk length, in analysed terms x 1000, that this KB's lexical weights were computed with;
    /// 0 until the first chunk is indexed.
    pub lexical_average_milli: i64,
    pub visibility: Visibility,
    /// What all its readers and feeders together may use in a day.
    pub quotas: Quotas,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who reads a knowledge base besides its members, the people of the bots that it is opened to, and admins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Nobody.
    #[default]
    Private,
    /// Every person and every bot.
    Everyone,
}
words!(Visibility, "visibility": Private = "private", Everyone = "everyone");

/// Longest name, in characters.
pub const MAX_NAME_CHARS: usize = 64;
/// Longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 2_000;

/// Why a name cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name needs 1 to {MAX_NAME_CHARS} characters")]
    Length,
    #[error("a name takes letters, digits, spaces, '-', '_' and '.', and starts with a letter or digit")]
    Characters,
}

/// Checks a knowledge base's name; gives it back without surrounding blanks.
pub fn parse_name(name: &str) -> Result<String, NameError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(NameError::Length);
    }
    let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if !name.starts_with(char::is_alphanumeric) || !name.chars().all(fits) {
        return Err(NameError::Characters);
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_alphabet_are_taken_and_odd_ones_refused() {
        assert_eq!(parse_name("  База знаний 2 ").as_deref(), Ok("База знаний 2"));
        assert_eq!(parse_name(""), Err(NameError::Length));
        assert_eq!(parse_name(&"x".repeat(65)), Err(NameError::Length));
        assert_eq!(parse_name("../etc"), Err(NameError::Characters));
        assert_eq!(parse_name("a\nb"), Err(NameError::Characters));
    }
}
