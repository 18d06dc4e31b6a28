//! Why the API of a DokuWiki gave nothing, and what that means for the source.

use url::Url;

use crate::SourceError;

/// Why a call gave nothing.
pub(super) enum Fault {
    Ends(SourceError),
    /// There is no such API at this address.
    NoApi,
    SwitchedOff,
    NoMethod,
    Denied(String),
    /// The wiki does not know the account that it was asked by.
    SignedOut,
    Gone,
    TooLarge(u64),
    /// No answer, however often it was asked.
    Unreachable(String),
    Other(String),
}

impl Fault {
    /// By the codes of the API; the same one stands for a missing right and a missing method, so the message decides.
    pub(super) fn of(code: i64, message: &str) -> Self {
        let shown: String = message.chars().take(300).collect();
        match code {
            -32605 => Self::SwitchedOff,
            _ if message.contains("not enabled") => Self::SwitchedOff,
            -32601 => Self::NoMethod,
            -32603 if message.contains("does not exist") => Self::NoMethod,
            -32603 | -32604 | 111 | 114 => Self::Denied(format!("The wiki refuses: {shown} ({code})")),
            121 => Self::Gone,
            _ => Self::Other(format!("The wiki answers: {shown} ({code})")),
        }
    }

    pub(super) fn into_source_error(self, url: &Url) -> SourceError {
        let refused = |code, message: String| SourceError::refused(code, message);
        match self {
            Self::Ends(error) => error,
            Self::NoApi | Self::NoMethod | Self::Gone => refused(
                "invalid_source",
                format!("{url} is not the address of a DokuWiki: give the one where its doku.php lies"),
            ),
            Self::SwitchedOff => refused(
                "invalid_source",
                "The wiki's API is switched off: switch on remote API in the configuration (setting \"remote\")".into(),
            ),
            Self::Denied(message) => refused("access_denied", message),
            Self::SignedOut => refused(
                "access_denied",
                "Signed out: the wiki does not know us by this credential (any more); give a new one".into(),
            ),
            Self::TooLarge(most) => refused(
                "too_large",
                format!("The wiki's list of pages has more than the {most} bytes that are allowed"),
            ),
            Self::Unreachable(reason) => SourceError::Away {
                reason,
                retry_after: None,
            },
            Self::Other(message) => refused("invalid_source", message),
        }
    }
}
