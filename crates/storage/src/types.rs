//! The fixed map between Rust values and columns, where sqlx has none that serves both databases.
//!
//! UUID = BLOB, BIGINT = INTEGER, BOOLEAN = INTEGER, TIMESTAMPTZ = INTEGER microseconds ([`At`]), JSON and states are
//! TEXT on both. Numbers are stored as `i64`; a stored number or word that does not fit is [`StorageError::Corrupt`].

use std::str::FromStr;

use chrono::{DateTime, Utc};
use nexus_domain::{ChatUsage, ContentHash, Timestamp};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type};

use crate::error::StorageError;

/// An instant as a column: `TIMESTAMPTZ` in PostgreSQL, microseconds in SQLite, whose text times do not sort.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At(pub(crate) Timestamp);

impl Type<Postgres> for At {
    fn type_info() -> <Postgres as Database>::TypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &<Postgres as Database>::TypeInfo) -> bool {
        <DateTime<Utc> as Type<Postgres>>::compatible(ty)
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buf: &mut <Postgres as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <DateTime<Utc> as Encode<'_, Postgres>>::encode_by_ref(&self.0.to_datetime(), buf)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: <Postgres as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <DateTime<Utc> as Decode<'r, Postgres>>::decode(value).map(|time| Self(Timestamp::from(time)))
    }
}

impl Type<Sqlite> for At {
    fn type_info() -> <Sqlite as Database>::TypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &<Sqlite as Database>::TypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for At {
    fn encode_by_ref(&self, buf: &mut <Sqlite as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Sqlite>>::encode_by_ref(&self.0.as_micros(), buf)
    }
}

impl<'r> Decode<'r, Sqlite> for At {
    fn decode(value: <Sqlite as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'r, Sqlite>>::decode(value).map(|micros| Self(Timestamp::from_micros(micros)))
    }
}

/// A count as a column; counts beyond `i64` do not occur.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number of rows to ask for.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A stored number as the smaller type that the domain uses.
pub(crate) fn number<T: TryFrom<i64>>(value: i64, what: &str) -> Result<T, StorageError> {
    T::try_from(value).map_err(|_| StorageError::corrupt(format_args!("{what} is {value}")))
}

/// The two columns of a model's tokens. One without the other says nothing of what was used.
pub(crate) fn usage(prompt: Option<i64>, completion: Option<i64>) -> Result<Option<ChatUsage>, StorageError> {
    let (Some(prompt), Some(completion)) = (prompt, completion) else {
        return Ok(None);
    };
    Ok(Some(ChatUsage {
        prompt_tokens: number(prompt, "tokens of a prompt")?,
        completion_tokens: number(completion, "tokens of an answer")?,
    }))
}

/// A stored word as the enum that knows it.
pub(crate) fn word<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StorageError> {
    text.parse().map_err(StorageError::corrupt)
}

/// A stored hash.
pub(crate) fn hash(bytes: &[u8]) -> Result<ContentHash, StorageError> {
    let bytes = <[u8; 32]>::try_from(bytes)
        .map_err(|_| StorageError::corrupt(format_args!("a hash of {} bytes", bytes.len())))?;
    Ok(ContentHash::from_bytes(bytes))
}

/// Reads a column that holds JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, StorageError> {
    serde_json::from_str(text).map_err(|error| StorageError::corrupt(format_args!("{what}: {error}")))
}

/// A value of the domain as JSON for a column. It escapes U+0000, which PostgreSQL's TEXT cannot hold.
pub(crate) fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("the domain's values and maps of JSON have names of text")
}

/// Refuses what PostgreSQL cannot hold in a TEXT column, on both databases alike.
pub(crate) fn check_text(text: &str, what: &str) -> Result<(), StorageError> {
    if text.contains('\0') {
        return Err(StorageError::invalid(format_args!(
            "{what} contains the character U+0000"
        )));
    }
    Ok(())
}

/// `text` with U+0000 made visible (U+2400), and no longer than `max_bytes`: for what is only read by people.
pub(crate) fn displayable(text: &str, max_bytes: usize) -> String {
    let visible = text.replace('\0', "\u{2400}");
    if visible.len() <= max_bytes {
        return visible;
    }
    let mut cut = visible[..visible.floor_char_boundary(max_bytes)].to_owned();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(displayable("при\0вет", 7), "при…");
        assert_eq!(displayable("a\0b", 10), "a␀b");
    }

    #[test]
    fn tokens_are_known_of_both_sides_or_not_at_all() {
        let known = ChatUsage {
            prompt_tokens: 900,
            completion_tokens: 0,
        };
        assert_eq!(usage(Some(900), Some(0)).unwrap(), Some(known));
        for (prompt, completion) in [(None, None), (Some(900), None), (None, Some(40))] {
            assert_eq!(usage(prompt, completion).unwrap(), None);
        }
        for (prompt, completion) in [(-1, 40), (900, i64::from(u32::MAX) + 1)] {
            let refused = usage(Some(prompt), Some(completion));
            assert!(
                matches!(refused, Err(StorageError::Corrupt { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_stored_value_out_of_range_is_corrupt_and_not_a_panic() {
        assert!(matches!(
            number::<u32>(-1, "count"),
            Err(StorageError::Corrupt { .. })
        ));
        assert!(matches!(hash(&[1, 2, 3]), Err(StorageError::Corrupt { .. })));
        assert!(matches!(
            word::<nexus_domain::TaskState>("lost"),
            Err(StorageError::Corrupt { .. })
        ));
    }
}
