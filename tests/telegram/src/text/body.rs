//! The text of a message as a bot sends it, read as `Client::get_formatted_text` and TDLib's `fix_formatted_text` do.

use nexus_bot::testing::{self as telegram_html, Kind};

use super::{Entity, marks};
use crate::api::Refused;

/// Bytes before formats are read.
const MAX_BYTES: usize = 1 << 15;
/// UTF-16 code units that people see.
const MAX_LENGTH: usize = 4096;

/// A text as people see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) text: String,
    /// As it was sent, or the text escaped.
    pub(crate) html: String,
    pub(crate) entities: Vec<Entity>,
}

impl Body {
    /// What a person wrote.
    pub(crate) fn written(text: &str) -> Self {
        let text = text.trim_matches(is_blank);
        Self {
            html: escape(text),
            entities: marks(text),
            text: text.to_owned(),
        }
    }

    /// The text of a call. `too_long` is what Telegram says about a text that people would see too much of.
    pub(crate) fn read(text: &str, parse_mode: &str, too_long: &str) -> Result<Self, Refused> {
        if text.len() > MAX_BYTES {
            return Err(Refused::bad("text is too long"));
        }
        let body = match parse_mode.to_ascii_lowercase().as_str() {
            "" | "none" => Self::plain(text),
            "html" => Self::html(text)?,
            _ => return Err(Refused::bad("unsupported parse_mode")),
        }
        .trimmed();
        if body.text.is_empty() {
            return Err(Refused::bad("message text is empty"));
        }
        if utf16(&body.text) > MAX_LENGTH {
            return Err(Refused::bad(too_long));
        }
        Ok(body)
    }

    fn plain(text: &str) -> Self {
        let text: String = text
            .chars()
            .filter(|c| *c != '\r')
            .map(|c| if c < ' ' && c != '\n' { ' ' } else { c })
            .collect();
        Self {
            html: escape(text.trim_matches(is_blank)),
            entities: Vec::new(),
            text,
        }
    }

    fn html(html: &str) -> Result<Self, Refused> {
        let parsed = telegram_html::parse(html).map_err(|refusal| {
            let telegram_html::Refusal { at, reason } = refusal;
            Refused::bad(&format!("can't parse entities: {reason} at byte offset {at}"))
        })?;
        let mut entities: Vec<Entity> = parsed.entities.into_iter().map(entity).collect();
        entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
        Ok(Self {
            text: parsed.text,
            html: html.to_owned(),
            entities,
        })
    }

    /// Blanks go at the end, and at the beginning as far as no format begins.
    fn trimmed(mut self) -> Self {
        self.text.truncate(self.text.trim_end_matches(is_blank).len());
        let end = utf16(&self.text);
        for entity in &mut self.entities {
            entity.length = entity.length.min(end.saturating_sub(entity.offset));
        }
        self.entities.retain(|entity| entity.length > 0);
        let first = self.entities.iter().map(|entity| entity.offset).min();
        let blanks = self.text.chars().take_while(|c| is_blank(*c)).count();
        let blanks = blanks.min(first.unwrap_or(blanks));
        self.text.drain(..blanks);
        for entity in &mut self.entities {
            entity.offset -= blanks;
        }
        self
    }
}

/// A blank is one byte and one UTF-16 code unit.
const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\n')
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn entity(parsed: telegram_html::Entity) -> Entity {
    let (kind, url, language) = match parsed.kind {
        Kind::Bold => ("bold", None, None),
        Kind::Italic => ("italic", None, None),
        Kind::Underline => ("underline", None, None),
        Kind::Strike => ("strikethrough", None, None),
        Kind::Spoiler => ("spoiler", None, None),
        Kind::Code => ("code", None, None),
        Kind::Pre(language) => ("pre", None, language),
        Kind::Link(url) => ("text_link", Some(url), None),
        Kind::Quote { expandable: true } => ("expandable_blockquote", None, None),
        Kind::Quote { expandable: false } => ("blockquote", None, None),
    };
    Entity {
        url,
        language,
        ..Entity::new(kind, parsed.offset, parsed.length)
    }
}
