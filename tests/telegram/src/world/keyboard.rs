//! Buttons below messages.

use serde_json::Value;
use url::Url;

use crate::api::Refused;
use crate::chat::Button;

/// Bytes of `callback_data` (<https://core.telegram.org/bots/api#inlinekeyboardbutton>).
const MAX_DATA: usize = 64;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keyboard {
    pub(crate) rows: Vec<Vec<Button>>,
    /// As it was sent; absent without buttons.
    pub(crate) json: Option<Value>,
}

impl Keyboard {
    /// The `reply_markup` of a call.
    pub(crate) fn read(markup: Option<Value>) -> Result<Self, Refused> {
        let Some(markup) = markup else {
            return Ok(Self::default());
        };
        if !markup.is_object() {
            return Err(Refused::bad("object expected as reply markup"));
        }
        let Some(keyboard) = markup.get("inline_keyboard") else {
            // The keyboards below the input field belong to nobody's message.
            return Ok(Self::default());
        };
        let rows = keyboard
            .as_array()
            .and_then(|rows| rows.iter().map(Value::as_array).collect::<Option<Vec<_>>>())
            .ok_or_else(|| {
                Refused::bad(
                    "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays",
                )
            })?;
        let rows: Vec<Vec<Button>> = rows
            .into_iter()
            .filter(|row| !row.is_empty())
            .map(|row| row.iter().map(button).collect())
            .collect::<Result<_, _>>()?;
        let json = (!rows.is_empty()).then_some(markup);
        Ok(Self { rows, json })
    }
}

fn button(json: &Value) -> Result<Button, Refused> {
    let refuse = |why: &str| Refused::bad(&format!("can't parse inline keyboard button: {why}"));
    let field = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let button = Button {
        text: field("text").ok_or_else(|| refuse("Field \"text\" must be of type String"))?,
        data: field("callback_data"),
        url: field("url"),
    };
    if button.text.trim().is_empty() {
        return Err(Refused::bad("BUTTON_TEXT_INVALID"));
    }
    match (&button.data, &button.url) {
        (None, None) => Err(refuse("Text buttons are unallowed in the inline keyboard")),
        (Some(data), _) if data.is_empty() || data.len() > MAX_DATA => {
            Err(Refused::bad("BUTTON_DATA_INVALID"))
        }
        (None, Some(url)) if !is_openable(url) => Err(Refused::bad("BUTTON_URL_INVALID")),
        _ => Ok(button),
    }
}

fn is_openable(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "tg"))
}
