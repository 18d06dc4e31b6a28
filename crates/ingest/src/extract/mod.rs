//! From a file's bytes to text: what it is, how it is encoded, what it is called.
//!
//! Text formats keep their text as it stands, apart from decoding, the byte order mark and CRLF → LF; so quotes are exact and
//! lines are those of the file. The others are derived, and their lines are those of the derived text: HTML, the markups of
//! wikis and all office documents become Markdown, and minified JSON is laid out.

mod blocks;
mod compound;
mod csv;
mod derived;
mod detect;
mod docx;
mod dokuwiki;
mod email;
mod encoding;
mod epub;
mod flow;
mod html;
mod json;
mod language;
mod markdown;
mod mediawiki;
mod notebook;
mod office;
mod ooxml;
mod opendocument;
mod package;
mod pdf;
mod pptx;
mod rst;
mod rtf;
mod sheets;
mod wiki;
mod xml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use nexus_domain::{Format, LineRange, PageRange, Problem, ProblemCode};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::syntax::{self, Syntax};
use derived::Derived;
use detect::{Document, Kind};
pub use language::Language;

pub(crate) use csv::{delimiter, record};
pub(crate) use rst::is_adornment;

/// Longest title, in characters; what is longer is cut.
const TITLE_CHARS: usize = 200;

/// A document's text, ready to be cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extracted {
    /// Front matter, else the first heading or `<title>`, else the file's name. Never empty, one line.
    pub title: String,
    pub format: Format,
    /// For [`Format::Code`]: the grammar that cuts it; `None` where there is none.
    pub language: Option<Language>,
    /// What the grammar says; without it, code is cut by blank lines and indentation.
    pub syntax: Option<Syntax>,
    /// Why there is no syntax, where the process that was to parse the code broke down on it.
    pub unparsed: Option<String>,
    /// Lines end with `\n`; no byte order mark. Never blank.
    pub text: String,
    pub marks: Marks,
}

/// Places in a text that the original knows by another name. Both lists go up by line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
pub(crate) type Refusal = (ProblemCode, String);

/// Called after each page, sheet or message.
pub(crate) type Progress<'p> = dyn FnMut() + 'p;

/// Reads one file as text. What it is, its bytes say; where they are text, `path` decides by its extension what kind of
/// text it is.
///
/// Here, in this process: files of strangers go through [`extract_guarded`](crate::extract_guarded).
///
/// Problems: `Empty`, `Binary`, `UnsupportedFormat` (a document format that is not read), `UnknownEncoding`, `Encrypted`,
/// `TooLarge`, `TooManyPages`, `TooManyEntries`, `SuspiciousRatio`, `NestedTooDeep`, `Truncated`, `Corrupt`, `ParseFailed`,
/// `UnsupportedCompression`, `ReaderCrashed`.
pub fn extract(path: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Problem> {
    let mut extracted = extract_with(path, bytes, limits, &mut || {})
        .map_err(|(code, why)| Problem::of_file(path, code, why))?;
    extracted.syntax = extracted
        .language
        .and_then(|language| syntax::of(&extracted.text, language));
    Ok(extracted)
}

/// Whether a parser that others wrote, for a format that is hard to read, will see these bytes.
pub(crate) fn is_risky(path: &str, bytes: &[u8]) -> bool {
    match detect::document(file_name(path), bytes) {
        Some(Document::Pdf | Document::Compound | Document::Email | Document::Mailbox) => true,
        Some(Document::Zip) => memchr::memmem::find(bytes, b"xl/").is_some(),
        Some(Document::Rtf | Document::Notebook) | None => false,
    }
}

/// Reads all but the syntax of code.
pub(crate) fn extract_with(
    path: &str,
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Extracted, Refusal> {
    if bytes.len() as u64 > limits.file_bytes {
        let why = format!(
            "{} bytes, {} are allowed for one file",
            bytes.len(),
            limits.file_bytes
        );
        return Err((ProblemCode::TooLarge, why));
    }
    let name = file_name(path);
    let mut extracted = match read_document(name, bytes, limits, progress) {
        Some(read) => read?,
        None => read_text(name, bytes, limits)?,
    };
    // A heading of control characters alone is none.
    extracted.title = one_line(&extracted.title);
    if extracted.title.is_empty() {
        extracted.title = title_from_name(name, extracted.format);
    }
    Ok(extracted)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `None`: it is no document, but text or nothing that is read.
fn read_document(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Option<Result<Extracted, Refusal>> {
    // Notes that people took of a message have headers, too, and are readable without them.
    let unless_text = |read: Result<Extracted, Refusal>| match read {
        Err((ProblemCode::ParseFailed | ProblemCode::Empty, _)) => None,
        read => Some(read),
    };
    match detect::document(name, bytes)? {
        Document::Pdf => Some(caught(|| pdf::read(bytes, limits, progress))),
        Document::Rtf => Some(rtf::read(bytes, limits)),
        Document::Compound => Some(caught(|| compound::read(name, bytes, limits, progress))),
        Document::Zip => caught(|| office::read(name, bytes, limits, progress)).transpose(),
        Document::Notebook => notebook::read(&encoding::decode(bytes).ok()?, limits),
        Document::Email => unless_text(caught(|| email::read(bytes, limits))),
        Document::Mailbox => unless_text(caught(|| email::read_mbox(bytes, limits, progress))),
    }
}

/// Parsers that others wrote may panic. Nothing of what they left behind is used again.
fn caught<T>(read: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let why = "The reader of this format broke down on it";
        Err((ProblemCode::ReaderCrashed, why.into()))
    })
}

fn read_text(name: &str, bytes: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
    detect::unsupported(name, bytes)?;
    let text = encoding::decode(bytes).map_err(|(code, why)| match detect::promises_document(name) {
        true => {
            let why = format!("{name:?} is not the document that its name promises ({why})");
            (ProblemCode::UnsupportedFormat, why)
        }
        false => (code, why),
    })?;
    if text.trim().is_empty() {
        return Err((ProblemCode::Empty, "The file holds no text".into()));
    }
    let kind = detect::by_name(name).unwrap_or_else(|| detect::by_content(&text));
    read_as(kind, text, limits)
}

fn read_as(kind: Kind, text: String, limits: &Limits) -> Result<Extracted, Refusal> {
    let plain = |format, text| Extracted {
        title: String::new(),
        format,
        language: None,
        syntax: None,
        unparsed: None,
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
        syntax: None,
        unparsed: None,
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
    let titles = [one_line(stem), one_line(name)];
    let title = titles.into_iter().find(|title| !title.is_empty());
    title.unwrap_or_else(|| "document".to_owned())
}

/// The text without line ends and control characters, as far as a title goes.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    let words = text
        .split_whitespace()
        .map(|word| word.replace(char::is_control, ""));
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
        if line.len() > TITLE_CHARS * 4 {
            break;
        }
    }
    line.chars().take(TITLE_CHARS).collect()
}
