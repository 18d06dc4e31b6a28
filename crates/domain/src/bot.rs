//! Telegram bots that are registered here.

use chrono_tz::Tz;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::id::{BotId, KbId};
use crate::quota::Quotas;
use crate::style::Style;
use crate::time::Timestamp;

/// Longest code, in characters.
pub const MAX_CODE_CHARS: usize = 64;
/// Longest name, in characters (Telegram's own limit).
pub const MAX_NAME_CHARS: usize = 64;
/// Longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 2_000;
/// Longest version, in characters.
pub const MAX_VERSION_CHARS: usize = 64;
/// Longest text that the bot says, in characters: one Telegram message.
pub const MAX_TEXT_CHARS: usize = 4_096;
/// Longest instructions for the chat model, in characters.
pub const MAX_INSTRUCTIONS_CHARS: usize = 4_000;
/// Most networks that a bot may call from.
pub const MAX_ADDRESSES: usize = 64;
/// Most knowledge bases that a bot asks by default.
pub const MAX_DEFAULT_KBS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    pub id: BotId,
    /// Short name that the bot's own process is configured with; unique.
    pub code: String,
    pub name: String,
    pub description: Option<String>,
    /// Version of the bot's program or content, as its operators count it.
    pub version: String,
    pub is_active: bool,
    /// The bot's own id at Telegram: the number before the colon of its token.
    pub telegram_bot_id: Option<i64>,
    /// Whether a Telegram token is kept; the token itself is sealed and never returned.
    pub has_telegram_token: bool,
    /// Whether each of its requests must be signed.
    pub signs_requests: bool,
    /// The networks that it may call from; empty means any.
    pub addresses: Vec<IpNet>,
    /// The most that a person may do through this bot, whatever their own role.
    pub max_role: Role,
    /// What is asked when a question names no knowledge base; empty means all that the caller sees.
    pub default_kbs: Vec<KbId>,
    pub texts: BotTexts,
    pub settings: BotSettings,
    /// What all its people together may use in a day.
    pub quotas: Quotas,
    /// What each of its people may use in a day, unless the person has limits of their own.
    pub person_quotas: Quotas,
    /// Where its days begin and end.
    pub time_zone: Tz,
    pub last_error: Option<BotError>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What the bot says; where absent, it says what all bots say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotTexts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How answers are written for this bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotSettings {
    /// Style and rules for the chat model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The chat model's name; the configured order of models where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How much answers say, for people who have chosen nothing of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
}

/// The last thing that went wrong for good in the bot's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotError {
    pub message: String,
    pub at: Timestamp,
}

/// Why a code cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a code takes 1 to {MAX_CODE_CHARS} of the characters a-z, 0-9, '-' and '_', and starts with a letter or digit"
)]
pub struct CodeError;

/// Checks a bot's code.
pub fn parse_code(code: &str) -> Result<String, CodeError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let starts = code.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && code.len() <= MAX_CODE_CHARS && code.chars().all(fits) {
        Ok(code.to_owned())
    } else {
        Err(CodeError)
    }
}

/// The bot's id out of a token (`123456:ABC…`, <https://core.telegram.org/bots/api#authorizing-your-bot>); `None` for
/// what is no token.
pub fn telegram_bot_id(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_secret = (20..=128).contains(&secret.len()) && secret.chars().all(fits);
    let id: i64 = id
        .parse()
        .ok()
        .filter(|_| id.bytes().all(|b| b.is_ascii_digit()))?;
    (is_secret && id > 0).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_plain_and_tokens_begin_with_the_bots_id() {
        assert_eq!(parse_code("docs-bot_2").as_deref(), Ok("docs-bot_2"));
        for bad in ["", "-x", "Docs", "a b", "бот", &"x".repeat(65)] {
            assert_eq!(parse_code(bad), Err(CodeError), "{bad:?}");
        }
        assert_eq!(
            telegram_bot_id("5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"),
            Some(5_768_337_691)
        );
        for bad in [
            "",
            "5768337691",
            "x:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8",
            "+5:AAH5YkoiEuPk8-FZa32hStHT",
            "5:short",
        ] {
            assert_eq!(telegram_bot_id(bad), None, "{bad:?}");
        }
    }
}
