//! What Telegram gives a Mini App about who opened it, sent on to us as it is.
//!
//! <https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app>. Only fields whose signature
//! was checked are parsed. The order of the fields and their percent-encoding are not signed, so whoever remembers
//! initData to refuse a replay remembers `hash` (by HMAC) or `signature` (by Ed25519), never the raw text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use secrecy::{ExposeSecret as _, SecretString};

use super::fields::Fields;
use super::person::Claimed;
use super::{TelegramError, TelegramPerson};
use crate::digest::{hmac_matches, hmac_sha256};

/// Telegram's public key of the real network
/// (<https://core.telegram.org/bots/webapps#validating-data-for-third-party-use>).
pub const PRODUCTION_KEY: &str = "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d";
/// Telegram's public key of the test network.
pub const TEST_KEY: &str = "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec";

/// Characters of the longest start parameter (<https://core.telegram.org/api/links#direct-mini-app-links>).
const MAX_START_PARAM_CHARS: usize = 512;

/// Which of Telegram's networks a bot lives in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    #[default]
    Production,
    Test,
}

/// A key with which Telegram signs initData for those who do not have the bot's token.
#[derive(Clone, Debug)]
pub struct TelegramKey(VerifyingKey);

impl TelegramKey {
    /// `None` when the bytes are not a point of the curve.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(Self)
    }
}

impl From<Environment> for TelegramKey {
    fn from(environment: Environment) -> Self {
        let text = match environment {
            Environment::Production => PRODUCTION_KEY,
            Environment::Test => TEST_KEY,
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).expect("the constants are 64 digits of hex");
        Self::from_bytes(&bytes).expect("the constants are keys")
    }
}

/// What initData proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitData {
    pub person: TelegramPerson,
    /// When Telegram signed it, in Unix seconds.
    pub auth_date: i64,
    /// What followed `startapp=` in the link that opened the Mini App. The link's author chose it, not Telegram.
    pub start_param: Option<String>,
}

/// Verifies by the bot's token. `raw` is the query string as the Mini App got it.
pub fn verify_hmac(
    raw: &str,
    bot_token: &SecretString,
    now: i64,
    max_age_seconds: u32,
) -> Result<InitData, TelegramError> {
    let fields = Fields::from_query(raw)?;
    let secret = hmac_sha256(b"WebAppData", bot_token.expose_secret().as_bytes());
    // `signature` is a field like the others here.
    let message = fields.check_string(&["hash"]);
    if !hmac_matches(&secret, message.as_bytes(), &fields.hash()?) {
        return Err(TelegramError::Signature);
    }
    read(fields, now, max_age_seconds)
}

/// Verifies by Telegram's key, for the bot with this id. Here `hash` is not signed, and not looked at.
pub fn verify_ed25519(
    raw: &str,
    telegram_bot_id: i64,
    key: &TelegramKey,
    now: i64,
    max_age_seconds: u32,
) -> Result<InitData, TelegramError> {
    let fields = Fields::from_query(raw)?;
    let signature = fields
        .get("signature")
        .and_then(signature)
        .ok_or(TelegramError::Malformed)?;
    let message = format!(
        "{telegram_bot_id}:WebAppData\n{}",
        fields.check_string(&["hash", "signature"])
    );
    // Strict: keys and signatures of small order would match more than one message.
    key.0
        .verify_strict(message.as_bytes(), &signature)
        .map_err(|_| TelegramError::Signature)?;
    read(fields, now, max_age_seconds)
}

fn signature(text: &str) -> Option<Signature> {
    let mut bytes = [0; Signature::BYTE_SIZE];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == bytes.len()).then(|| Signature::from_bytes(&bytes))
}

/// Reads what the signature vouches for.
fn read(mut fields: Fields, now: i64, max_age_seconds: u32) -> Result<InitData, TelegramError> {
    let auth_date = fields.auth_date(now, max_age_seconds)?;
    let user = fields.get("user").ok_or(TelegramError::Malformed)?;
    let claimed: Claimed = serde_json::from_str(user).map_err(|_| TelegramError::Malformed)?;
    let start_param = fields.take("start_param").filter(|text| !text.is_empty());
    if !start_param.as_deref().is_none_or(is_start_param) {
        return Err(TelegramError::Malformed);
    }
    Ok(InitData {
        person: claimed.admit()?,
        auth_date,
        start_param,
    })
}

fn is_start_param(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= MAX_START_PARAM_CHARS && text.bytes().all(plain)
}
