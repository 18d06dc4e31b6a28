//! What Telegram's older login button gives a web page about who pressed it.
//!
//! <https://core.telegram.org/widgets/login-legacy#checking-authorization>. All fields are signed, also those that
//! are not known yet. A line feed inside a value could pass for the start of another field, so none is accepted;
//! that none is signed rests on Telegram, whose names have no line feeds.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::fields::{Fields, unsigned};
use super::person::Claimed;
use super::{TelegramError, TelegramPerson};
use crate::digest::{hmac_matches, sha256};

/// What the widget's fields prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WidgetLogin {
    pub person: TelegramPerson,
    /// When Telegram signed it, in Unix seconds.
    pub auth_date: i64,
}

/// Verifies the fields by the bot's token.
pub fn verify(
    fields: &BTreeMap<String, String>,
    bot_token: &SecretString,
    now: i64,
    max_age_seconds: u32,
) -> Result<WidgetLogin, TelegramError> {
    verify_fields(Fields::from_map(fields)?, bot_token, now, max_age_seconds)
}

/// Verifies the fields as the page's callback gets them: a JSON object, in which `id` and `auth_date` are numbers.
pub fn verify_json(
    raw: &[u8],
    bot_token: &SecretString,
    now: i64,
    max_age_seconds: u32,
) -> Result<WidgetLogin, TelegramError> {
    verify_fields(Fields::from_json(raw)?, bot_token, now, max_age_seconds)
}

fn verify_fields(
    fields: Fields,
    bot_token: &SecretString,
    now: i64,
    max_age_seconds: u32,
) -> Result<WidgetLogin, TelegramError> {
    let secret = sha256(bot_token.expose_secret().as_bytes());
    let message = fields.check_string(&["hash"]);
    if !hmac_matches(&secret, message.as_bytes(), &fields.hash()?) {
        return Err(TelegramError::Signature);
    }
    let auth_date = fields.auth_date(now, max_age_seconds)?;
    Ok(WidgetLogin {
        person: claimed(fields)?.admit()?,
        auth_date,
    })
}

fn claimed(mut fields: Fields) -> Result<Claimed, TelegramError> {
    Ok(Claimed {
        id: fields
            .get("id")
            .and_then(unsigned)
            .ok_or(TelegramError::Malformed)?,
        first_name: fields.take("first_name").ok_or(TelegramError::Malformed)?,
        last_name: fields.take("last_name"),
        username: fields.take("username"),
        language_code: None,
        is_bot: None,
    })
}
