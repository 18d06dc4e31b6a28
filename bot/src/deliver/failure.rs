//! What a failed call means to the backend.

use std::time::Duration;

use nexus_api::{DeliveryFailed, ErrorCode, FailureKind};
use uuid::Uuid;

use crate::telegram::{CallError, Meaning};

/// Longest text of a report.
const MAX_MESSAGE_CHARS: usize = 1_000;
const MAX_RETRY_AFTER: u64 = 86_400;

/// Why a delivery is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing is to be said: somebody else has it, or will have it.
    Dropped,
    Call(CallError),
    /// A file cannot be had or is not taken.
    File {
        code: ErrorCode,
        message: String,
    },
    /// Something on our side; later it may work.
    Later {
        message: String,
        wait: Option<Duration>,
    },
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Over => Self::Dropped,
            error => Self::Call(error),
        }
    }
}

impl Failure {
    /// What is told; `None` where nothing is.
    pub(super) fn report(&self, lease: Uuid) -> Option<DeliveryFailed> {
        let report = |kind, message: &str| DeliveryFailed {
            lease,
            kind,
            message: message.chars().take(MAX_MESSAGE_CHARS).collect(),
            code: None,
            retry_after_seconds: None,
            migrated_to: None,
        };
        Some(match self {
            Self::Dropped => return None,
            Self::File { code, message } => DeliveryFailed {
                code: Some(*code),
                ..report(FailureKind::FileRefused, message)
            },
            Self::Later { message, wait } => DeliveryFailed {
                retry_after_seconds: wait.map(seconds),
                ..report(FailureKind::Retry, message)
            },
            Self::Call(error) => {
                let said = error.to_string();
                match error.meaning() {
                    Meaning::TokenRefused => report(FailureKind::BotFatal, &said),
                    Meaning::ChatClosed => report(FailureKind::ChatFatal, &said),
                    Meaning::MessageGone => report(FailureKind::MessageGone, &said),
                    Meaning::Unclear => report(FailureKind::Retry, &said),
                    Meaning::Wait(wait) => DeliveryFailed {
                        retry_after_seconds: Some(seconds(wait)),
                        ..report(FailureKind::Retry, &said)
                    },
                    Meaning::Migrated(to) => DeliveryFailed {
                        migrated_to: Some(to),
                        ..report(FailureKind::Retry, &said)
                    },
                    // The first three are handled where they come up.
                    Meaning::Over | Meaning::NotModified | Meaning::BadFormat | Meaning::Never => {
                        report(FailureKind::Terminal, &said)
                    }
                }
            }
        })
    }
}

/// Rounded up: Telegram counts from full seconds.
fn seconds(wait: Duration) -> u32 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(whole.min(MAX_RETRY_AFTER)).unwrap_or(u32::MAX)
}
