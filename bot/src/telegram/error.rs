//! What can come of a call, and what it means for a message.

use std::time::Duration;

/// A call that did not succeed. Never contains an address, for addresses contain the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Telegram says no.
    #[error("Telegram refused: {code} {description}")]
    Refused {
        code: u16,
        description: String,
        retry_after: Option<Duration>,
        /// The group has become a supergroup of this id.
        migrated_to: Option<i64>,
    },
    /// Nobody knows whether it was done: no answer, or one of a server in trouble.
    #[error("no clear answer from Telegram: {cause}")]
    Unclear { cause: String },
    /// It was not made: the bot is not ours to serve any more.
    #[error("the service ended before the call")]
    Over,
}

/// What an error means for the message that the call was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The token is not taken any more.
    TokenRefused,
    /// Nothing can be sent to this chat.
    ChatClosed,
    Migrated(i64),
    /// Too many calls.
    Wait(Duration),
    Unclear,
    Over,
    /// The message is what it should be.
    NotModified,
    /// The message is not there any more.
    MessageGone,
    /// The text's formats are not understood.
    BadFormat,
    /// Will not work, ever.
    Never,
}

/// What Telegram says when a chat takes nothing from us, in lower case.
const CLOSED: &[&str] = &[
    "chat not found",
    "user not found",
    "user is deactivated",
    "peer_id_invalid",
    "bot was blocked",
    "bot was kicked",
    "bot is not a member",
    "group chat was deactivated",
    "chat_write_forbidden",
    "have no rights to send",
    "not enough rights to send",
    "need administrator rights",
];
const GONE: &[&str] = &[
    "message to edit not found",
    "message to delete not found",
    "message can't be edited",
    "message can't be deleted",
    "message_id_invalid",
];
const BAD_FORMAT: &[&str] = &["can't parse entities", "can't parse message text"];

/// Wait where Telegram names none.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);

impl CallError {
    pub(super) fn lost(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut cause = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            cause = format!("{cause}: {inner}");
            source = inner.source();
        }
        Self::Unclear { cause }
    }

    pub(super) fn refused(
        code: u16,
        description: String,
        retry_after: Option<u64>,
        migrated_to: Option<i64>,
    ) -> Self {
        if code >= 500 {
            return Self::Unclear {
                cause: format!("{code} {description}"),
            };
        }
        Self::Refused {
            code,
            description,
            retry_after: retry_after.map(Duration::from_secs),
            migrated_to,
        }
    }

    /// A refusal that Telegram has told for longer than we will wait.
    pub fn too_many(wait: Duration) -> Self {
        Self::Refused {
            code: 429,
            description: "Too Many Requests".to_owned(),
            retry_after: Some(wait),
            migrated_to: None,
        }
    }

    pub fn meaning(&self) -> Meaning {
        let (code, description, retry_after, migrated_to) = match self {
            Self::Refused {
                code,
                description,
                retry_after,
                migrated_to,
            } => (code, description, retry_after, migrated_to),
            Self::Unclear { .. } => return Meaning::Unclear,
            Self::Over => return Meaning::Over,
        };
        let description = description.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| description.contains(phrase));
        match (*code, *migrated_to) {
            (_, Some(chat)) => Meaning::Migrated(chat),
            (401, _) => Meaning::TokenRefused,
            // Without words: there is no such bot.
            (404, _) if description.trim() == "not found" => Meaning::TokenRefused,
            (429, _) => Meaning::Wait(retry_after.unwrap_or(DEFAULT_WAIT)),
            (403, _) => Meaning::ChatClosed,
            (_, _) if says(&["message is not modified"]) => Meaning::NotModified,
            (_, _) if says(GONE) => Meaning::MessageGone,
            (_, _) if says(CLOSED) => Meaning::ChatClosed,
            (_, _) if says(BAD_FORMAT) => Meaning::BadFormat,
            _ => Meaning::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(code: u16, description: &str) -> Meaning {
        CallError::refused(code, description.to_owned(), None, None).meaning()
    }

    #[test]
    fn what_telegram_says_is_understood() {
        assert_eq!(meaning(401, "Unauthorized"), Meaning::TokenRefused);
        assert_eq!(meaning(404, "Not Found"), Meaning::TokenRefused);
        assert_eq!(
            meaning(403, "Forbidden: bot was blocked by the user"),
            Meaning::ChatClosed
        );
        assert_eq!(meaning(400, "Bad Request: chat not found"), Meaning::ChatClosed);
        assert_eq!(
            meaning(
                400,
                "Bad Request: message is not modified: specified new message…"
            ),
            Meaning::NotModified
        );
        assert_eq!(
            meaning(400, "Bad Request: message to edit not found"),
            Meaning::MessageGone
        );
        assert_eq!(
            meaning(400, "Bad Request: can't parse entities: Unsupported start tag"),
            Meaning::BadFormat
        );
        assert_eq!(
            meaning(400, "Bad Request: message thread not found"),
            Meaning::Never
        );
        assert_eq!(meaning(502, "Bad Gateway"), Meaning::Unclear);
        assert_eq!(
            CallError::refused(429, String::new(), Some(7), None).meaning(),
            Meaning::Wait(Duration::from_secs(7))
        );
        assert_eq!(
            CallError::refused(400, "group chat was upgraded".to_owned(), None, Some(-100)).meaning(),
            Meaning::Migrated(-100)
        );
    }
}
