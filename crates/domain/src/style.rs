//! How a person, or a bot for all of its people, wants answers to be written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::words;

/// Longest wish of a person, in characters.
pub const MAX_WISH_CHARS: usize = 500;

/// How much an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    Brief,
    Normal,
    Detailed,
}
words!(Style, "style": Brief = "brief", Normal = "normal", Detailed = "detailed");

/// Why a person's style or wish cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StyleError {
    #[error("style is brief, normal or detailed")]
    Style,
    #[error("instructions are a text")]
    NoText,
    #[error("instructions are empty; leave them out, or send null")]
    Empty,
    #[error("instructions take at most {MAX_WISH_CHARS} characters")]
    TooLong,
    #[error("instructions hold control characters; only line breaks and tabs are taken")]
    Control,
}

impl StyleError {
    /// Which setting it is about.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Style => "style",
            _ => "instructions",
        }
    }
}

/// Checks what the settings of a subscription say of how answers are written.
pub fn check(settings: &Map<String, Value>) -> Result<(), StyleError> {
    if let Some(style) = settings.get("style") {
        let known = style.as_str().and_then(|word| word.parse::<Style>().ok());
        known.ok_or(StyleError::Style)?;
    }
    match settings.get("instructions") {
        Some(wish) => check_wish(wish.as_str().ok_or(StyleError::NoText)?),
        None => Ok(()),
    }
}

fn check_wish(wish: &str) -> Result<(), StyleError> {
    if wish.trim().is_empty() {
        return Err(StyleError::Empty);
    }
    if wish.chars().nth(MAX_WISH_CHARS).is_some() {
        return Err(StyleError::TooLong);
    }
    // Others end lines, or hide what stands behind them.
    let hides = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    if wish.chars().any(hides) {
        return Err(StyleError::Control);
    }
    Ok(())
}

/// The style in the settings of a subscription, if one is chosen.
pub fn of_settings(settings: &Map<String, Value>) -> Option<Style> {
    settings.get("style")?.as_str()?.parse().ok()
}

/// The person's wish in the settings of a subscription; what could not be set today is none.
pub fn wish_of_settings(settings: &Map<String, Value>) -> Option<&str> {
    let wish = settings.get("instructions")?.as_str()?;
    check_wish(wish).is_ok().then(|| wish.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_used_is_taken_and_everything_else_is_named() {
        let told = |value: Value| check(value.as_object().unwrap());
        assert_eq!(
            told(json!({"style": "brief", "instructions": "Без жаргона.\n\tСписком."})),
            Ok(())
        );
        assert_eq!(told(json!({})), Ok(()));
        assert_eq!(told(json!({"instructions": "я".repeat(500)})), Ok(()));
        for (settings, error) in [
            (json!({"style": "loud"}), StyleError::Style),
            (json!({"style": 1}), StyleError::Style),
            (json!({"instructions": 1}), StyleError::NoText),
            (json!({"instructions": " \n"}), StyleError::Empty),
            (json!({"instructions": "я".repeat(501)}), StyleError::TooLong),
            (json!({"instructions": "a\u{1b}[2J"}), StyleError::Control),
            (json!({"instructions": "a\rb"}), StyleError::Control),
            (json!({"instructions": "a\u{202e}b"}), StyleError::Control),
        ] {
            assert_eq!(told(settings.clone()), Err(error), "{settings}");
        }
    }

    #[test]
    fn settings_that_were_kept_before_there_were_checks_do_no_harm() {
        let old = json!({"style": "loud", "instructions": "x".repeat(501)});
        let old = old.as_object().unwrap();
        assert_eq!((of_settings(old), wish_of_settings(old)), (None, None));
        let new = json!({"style": "detailed", "instructions": " Tables, please. "});
        let new = new.as_object().unwrap();
        assert_eq!(of_settings(new), Some(Style::Detailed));
        assert_eq!(wish_of_settings(new), Some("Tables, please."));
    }
}
