//! Where a chat model is, and how long it may take.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

/// One model of one provider.
#[derive(Clone, Debug)]
pub struct ChatEndpoint {
    /// What `/chat/completions` is appended to, such as `https://api.openai.com/v1`.
    pub base: Url,
    /// Sent as a bearer token; empty: none is sent.
    pub key: SecretString,
    /// What the provider calls the model.
    pub model: String,
}

/// How long a call may take, from its start or from the word before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatTimes {
    /// To a connection.
    pub connect: Duration,
    /// Of one attempt, to its first word.
    pub first_token: Duration,
    /// From one word to the next.
    pub between_tokens: Duration,
    /// Of the whole answer, all attempts included.
    pub total: Duration,
}

/// How often, and for how long, a first word is tried for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRetries {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// No attempt begins or waits beyond this time.
    pub total: Duration,
    /// Wait before the second attempt, about; it doubles from attempt to attempt.
    pub first_wait: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatOptions {
    pub times: ChatTimes,
    pub retries: ChatRetries,
}

impl Default for ChatOptions {
    fn default() -> Self {
        Self {
            times: ChatTimes {
                connect: Duration::from_secs(5),
                first_token: Duration::from_secs(30),
                between_tokens: Duration::from_secs(15),
                total: Duration::from_secs(120),
            },
            retries: ChatRetries {
                attempts: 3,
                total: Duration::from_secs(45),
                first_wait: Duration::from_millis(500),
            },
        }
    }
}
