//! A parser of Telegram's HTML that refuses what Telegram refuses, and also what Telegram would quietly repair. Written
//! from <https://core.telegram.org/bots/api#html-style> and TDLib's `parse_html` and `are_entities_valid`
//! (<https://github.com/tdlib/td/blob/master/td/telegram/MessageEntity.cpp>); shares nothing with the rendering.

mod lexer;

use lexer::Lexer;
use url::Url;

/// Bytes that `Client::get_formatted_text` of the Bot API server reads
/// (<https://github.com/tdlib/telegram-bot-api/blob/master/telegram-bot-api/Client.cpp>).
const MAX_BYTES: usize = 1 << 15;

/// What a format is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Bold,
    Italic,
    Underline,
    Strike,
    Spoiler,
    Code,
    Pre(Option<String>),
    Link(String),
    Quote { expandable: bool },
}

impl Kind {
    const fn is_code(&self) -> bool {
        matches!(self, Self::Code | Self::Pre(_))
    }
}

/// Offsets and lengths are UTF-16 code units, as in the Bot API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub kind: Kind,
    pub offset: usize,
    pub length: usize,
}

/// A message as Telegram reads it, before it trims white space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    pub text: String,
    /// In the order of their ends.
    pub entities: Vec<Entity>,
}

impl Parsed {
    pub fn utf16_len(&self) -> usize {
        self.text.encode_utf16().count()
    }
}

/// Why Telegram would not take it, and the byte where that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub at: usize,
    pub reason: String,
}

/// # Errors
/// The first thing that is not allowed.
pub fn parse(html: &str) -> Result<Parsed, Refusal> {
    if html.len() > MAX_BYTES {
        return Err(Refusal {
            at: MAX_BYTES,
            reason: "Text is too long".to_owned(),
        });
    }
    let mut reader = Reader {
        lexer: Lexer::new(html),
        text: String::new(),
        units: 0,
        open: Vec::new(),
        entities: Vec::new(),
    };
    loop {
        if reader.lexer.takes("</") {
            reader.end_tag()?;
        } else if reader.lexer.takes("<") {
            reader.start_tag()?;
        } else if let Some(c) = reader.lexer.letter()? {
            reader.push(c);
        } else {
            break;
        }
    }
    match reader.open.last() {
        Some(open) => {
            let reason = format!("<{}> is not closed", open.tag);
            reader.lexer.refuse(&reason)
        }
        None => Ok(Parsed {
            text: reader.text,
            entities: reader.entities,
        }),
    }
}

#[derive(Debug)]
struct Open {
    tag: String,
    /// `None` for `<code class="language-…">`, which belongs to the `<pre>` around it.
    kind: Option<Kind>,
    offset: usize,
}

struct Reader<'a> {
    lexer: Lexer<'a>,
    text: String,
    units: usize,
    open: Vec<Open>,
    entities: Vec<Entity>,
}

impl Reader<'_> {
    fn refuse<T>(&self, reason: &str) -> Result<T, Refusal> {
        self.lexer.refuse(reason)
    }

    fn push(&mut self, c: char) {
        self.text.push(c);
        self.units += c.len_utf16();
    }

    fn start_tag(&mut self) -> Result<(), Refusal> {
        let tag = self.lexer.name();
        let attributes = self.lexer.attributes()?;
        let kind = self.kind(&tag, &attributes)?;
        self.check_nesting(kind.as_ref())?;
        self.open.push(Open {
            tag,
            kind,
            offset: self.units,
        });
        Ok(())
    }

    fn kind(&self, tag: &str, attributes: &[(String, Option<String>)]) -> Result<Option<Kind>, Refusal> {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .collect();
        let kind = match (tag, attributes.as_slice()) {
            ("b" | "strong", []) => Kind::Bold,
            ("i" | "em", []) => Kind::Italic,
            ("u" | "ins", []) => Kind::Underline,
            ("s" | "strike" | "del", []) => Kind::Strike,
            ("tg-spoiler", []) | ("span", [("class", Some("tg-spoiler"))]) => Kind::Spoiler,
            ("code", []) => Kind::Code,
            ("pre", []) => Kind::Pre(None),
            ("code", [("class", Some(class))]) => return self.language(class).map(|()| None),
            ("a", [("href", Some(address))]) => Kind::Link(self.address(address)?),
            ("blockquote", []) => Kind::Quote { expandable: false },
            ("blockquote", [("expandable", None)]) => Kind::Quote { expandable: true },
            _ => return self.refuse(&format!("the tag {tag} with {attributes:?}")),
        };
        Ok(Some(kind))
    }

    /// The code of a `<pre>` that begins where the `<pre>` begins.
    fn language(&self, class: &str) -> Result<(), Refusal> {
        let in_pre = self
            .open
            .last()
            .is_some_and(|open| open.tag == "pre" && open.offset == self.units);
        match class.strip_prefix("language-") {
            Some(language) if in_pre && !language.is_empty() => Ok(()),
            _ => self.refuse("a language outside of <pre>"),
        }
    }

    /// Telegram would leave the link out.
    fn address(&self, address: &str) -> Result<String, Refusal> {
        match Url::parse(address) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "tg") => Ok(address.to_owned()),
            _ => self.refuse("an address that Telegram does not open"),
        }
    }

    fn check_nesting(&self, kind: Option<&Kind>) -> Result<(), Refusal> {
        let Some(kind) = kind else { return Ok(()) };
        for outer in &self.open {
            let Some(outer) = &outer.kind else {
                return self.refuse("a tag within code");
            };
            let same = std::mem::discriminant(kind) == std::mem::discriminant(outer);
            let quote = matches!(outer, Kind::Quote { .. });
            let misplaced = match kind {
                _ if outer.is_code() || same => true,
                Kind::Code | Kind::Pre(_) => !quote,
                Kind::Link(_) | Kind::Quote { .. } => matches!(outer, Kind::Link(_)),
                _ => false,
            };
            if misplaced {
                return self.refuse(&format!("{kind:?} within {outer:?}"));
            }
        }
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), Refusal> {
        let read = self.lexer.read().len();
        let name = self.lexer.name();
        if !self.lexer.takes(">") {
            return self.refuse("an end tag that does not end");
        }
        let Some(open) = self.open.pop().filter(|open| open.tag == name) else {
            return self.refuse("an end tag without its start");
        };
        let length = self.units - open.offset;
        match open.kind {
            _ if length == 0 => self.refuse("an empty format"),
            Some(kind) => {
                self.entities.push(Entity {
                    kind,
                    offset: open.offset,
                    length,
                });
                Ok(())
            }
            None => self.end_language(read, open.offset),
        }
    }

    /// The language goes to the `<pre>`, which must end where its code ends.
    fn end_language(&mut self, before: usize, offset: usize) -> Result<(), Refusal> {
        if !self.lexer.rest().starts_with("</pre>") {
            return self.refuse("text between </code> and </pre>");
        }
        // Text has its quotes escaped or not; the last class is in any case that of the open tag.
        let read = &self.lexer.read()[..before];
        let class = read.rsplit_once("<code class=\"language-");
        let language = class.and_then(|(_, class)| class.split('"').next());
        match self.open.last_mut() {
            Some(pre) if pre.offset == offset => {
                pre.kind = Some(Kind::Pre(language.map(str::to_owned)));
                Ok(())
            }
            _ => self.refuse("a language outside of <pre>"),
        }
    }
}
