//! From a file's bytes to text: what it is, how it is encoded, what it is called.
//!
//! Text formats keep their text as it stands, apart from decoding, the byte order mark and CRLF → LF; so quotes are exact and
//! lines are those of the file. Some formats are derived, and their lines are those of the derived text: HTML and the markups
//! of wikis become Markdown, and minified JSON is laid out.

mod csv;
mod derived;
mod detect;
mod dokuwiki;
mod encoding;
mod html;
mod json;
mod language;
mod markdown;
mod mediawiki;
mod rst;
mod wiki;

use nexus_domain::{Format, LineRange, PageRange, Problem, ProblemCode};

use crate::limits::Limits;
use derived::Derived;
use detect::Kind;
pub use language::Language;

pub(crate) use csv::{delimiter, record};
pub(crate) use rst::is_adornment;

/// Longest title, in characters; what is longer is cut.
const TITLE_CHARS: usize = 200;

/// A document's text, ready to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// Front matter, else the first heading or `<title>`, else the file's name. Never empty, one line.
    pub title: String,
    pub format: Format,
    /// For [`Format::Code`]: the grammar that cuts it; `None` where there is none.
    pub language: Option<Language>,
    /// Lines end with `\n`; no byte order mark. Never blank.
    pub text: String,
    pub marks: Marks,
}

/// Places in a text that the original knows by another name. Both lists go up by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The line that each page (or slide) begins at, and its number, from 1.
    pub pages: Vec<(u32, u32)>,
    /// The line of a heading, and the fragment that leads to it in the original.
    pub anchors: Vec<(u32, String)>,
}

impl Marks {
    /// The pages that these lines stand on.
    pub fn pages_of(&self, lines: LineRange) -> Option<PageRange> {
        let first = last_by(&self.pages, lines.first)?.1;
        let last = last_by(&self.pages, lines.last)?.1;
        Some(PageRange { first, last })
    }

    /// The nearest anchor at or before a line.
    pub fn anchor_at(&self, line: u32) -> Option<&str> {
        last_by(&self.anchors, line).map(|(_, anchor)| anchor.as_str())
    }
}

/// The last mark that begins at or before a line.
fn last_by<T>(marks: &[(u32, T)], line: u32) -> Option<&(u32, T)> {
    let after = marks.partition_point(|(begins, _)| *begins <= line);
    after.checked_sub(1).and_then(|at| marks.get(at))
}

/// Why a file gives no text, before its path is known.
type Refusal = (ProblemCode, String);

/// Reads one file as text. `path` decides by its extension what kind of text it is; whether it is text at all, its bytes do.
///
/// Problems: `Empty`, `Binary`, `UnsupportedFormat` (a document format that is not read), `UnknownEncoding`, `TooLarge`,
/// `NestedTooDeep`.
pub fn extract(path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Problem> {
    extract_parts(path, bytes, limits).map_err(|(code, why)| Problem::of_file(path, code, why))
}

fn extract_parts(path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
    if bytes.len() as u64 > limits.file_bytes {
        let why = format!(
            "{} bytes, {} are allowed for one file",
            bytes.len(),
            limits.file_bytes
        );
        return Err((ProblemCode::TooLarge, why));
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let kind = detect::by_name(name);
    detect::unsupported(name, bytes)?;
    let text = encoding::decode(bytes)?;
    if text.trim().is_empty() {
        return Err((ProblemCode::Empty, "The file holds no text".into()));
    }
    let kind = kind.unwrap_or_else(|| detect::by_content(&text));
    let mut extracted = read_as(kind, text, limits)?;
    if extracted.title.trim().is_empty() {
        extracted.title = title_from_name(name, extracted.format);
    }
    extracted.title = one_line(&extracted.title);
    Ok(extracted)
}

fn read_as(kind: Kind, text: String, limits: &Limits) -> Result<Extracted, Refusal> {
    let plain = |format, text| Extracted {
        title: String::new(),
        format,
        language: None,
        text,
        marks: Marks::default(),
    };
    Ok(match kind {
        Kind::Markdown => {
            let title = markdown::title(&text).unwrap_or_default();
            Extracted {
                title,
                ..plain(Format::Markdown, text)
            }
        }
        Kind::Html => derived(Format::Html, html::to_markdown(&text, limits)?),
        Kind::MediaWiki => derived(Format::MediaWiki, mediawiki::to_markdown(&text, limits)?),
        Kind::DokuWiki => derived(Format::DokuWiki, dokuwiki::to_markdown(&text)?),
        Kind::Rst => {
            let title = rst::title(&text).unwrap_or_default();
            Extracted {
                title,
                ..plain(Format::Rst, text)
            }
        }
        Kind::Json => match json::lay_out(&text, limits)? {
            json::Shape::Kept => plain(Format::Json, text),
            json::Shape::LaidOut(text) => plain(Format::Json, text),
            json::Shape::NotJson => plain(Format::PlainText, text),
        },
        Kind::Csv => plain(Format::Csv, text),
        Kind::Code(language) => Extracted {
            language: language.map(|l| l.refine(&text)),
            ..plain(Format::Code, text)
        },
        Kind::Text => plain(Format::PlainText, text),
    })
}

fn derived(format: Format, derived: Derived) -> Extracted {
    Extracted {
        title: derived.title,
        format,
        language: None,
        text: derived.text,
        marks: Marks {
            anchors: derived.anchors,
            ..Marks::default()
        },
    }
}

/// Documents are called by their name, data and code by the whole file name.
fn title_from_name(name: &str, format: Format) -> String {
    let stem = match format {
        Format::Code | Format::Csv | Format::Json => name,
        _ => name.rsplit_once('.').map_or(name, |(stem, _)| stem),
    };
    let stem = if stem.trim().is_empty() { name } else { stem };
    if stem.trim().is_empty() {
        "document".to_owned()
    } else {
        stem.to_owned()
    }
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > TITLE_CHARS * 4 {
            break;
        }
    }
    line.chars()
        .filter(|c| !c.is_control())
        .take(TITLE_CHARS)
        .collect()
}
