//! E-mail (RFC 5322 with MIME): one message, or a mailbox of them. What is attached is named; its content is not read.

use mail_parser::{Address, Message, MessageParser, MimeHeaders as _, PartType};
use nexus_domain::{Format, ProblemCode};

use super::blocks::Blocks;
use super::{Extracted, Progress, Refusal, html};
use crate::limits::Limits;

/// Messages in messages, for which the parser builds a tree that is taken down by recursion.
const INSIDE: usize = 1_000;

/// Most names of one header line.
const PEOPLE: usize = 50;

const EMPTY: &str = "The message holds no text";

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Extracted, Refusal> {
    let mut blocks = Blocks::new(limits);
    write(bytes, 1, &mut blocks, limits)?;
    blocks.finish(Format::Email, "", EMPTY)
}

/// A mailbox (RFC 4155): each message is a section and a page.
pub(super) fn read_mbox(
    bytes: &[u8],
    limits: &Limits,
    progress: &mut Progress<'_>,
) -> Result<Extracted, Refusal> {
    let mut blocks = Blocks::new(limits);
    for (at, message) in messages(bytes).enumerate() {
        if at as u64 >= limits.pages {
            let why = format!("More than the {} messages allowed", limits.pages);
            return Err((ProblemCode::TooManyPages, why));
        }
        blocks.page(u32::try_from(at + 1).unwrap_or(u32::MAX));
        write(message, 1, &mut blocks, limits)?;
        progress();
    }
    let mut extracted = blocks.finish(Format::Email, "", EMPTY)?;
    // The first message does not name the mailbox.
    extracted.title.clear();
    Ok(extracted)
}

/// The messages between the lines that begin with `From ` after a blank line and tell a time: sentences do not.
fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let begins = |at: &usize| {
        let before = bytes.get(..*at).unwrap_or_default();
        let line = bytes.get(*at..).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_time = |five: &[u8]| {
            let digits = five.iter().filter(|byte| byte.is_ascii_digit()).count();
            five.get(2) == Some(&b':') && digits == 4
        };
        let is_apart = before.is_empty() || before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        is_apart && line.windows(5).any(is_time)
    };
    let mut starts: Vec<usize> = memchr::memmem::find_iter(bytes, b"From ")
        .filter(begins)
        .collect();
    starts.push(bytes.len());
    let ranges: Vec<(usize, usize)> = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    ranges.into_iter().filter_map(|(start, end)| {
        let message = bytes.get(start..end)?;
        let line = memchr::memchr(b'\n', message)?;
        message.get(line + 1..)
    })
}

fn write(bytes: &[u8], level: usize, blocks: &mut Blocks, limits: &Limits) -> Result<(), Refusal> {
    let inside =
        count(bytes, b"message/rfc822") + count(bytes, b"message/global") + count(bytes, b"multipart/digest");
    if inside > INSIDE {
        let why = format!("{inside} messages in the message, {INSIDE} are allowed");
        return Err((ProblemCode::NestedTooDeep, why));
    }
    let Some(message) = MessageParser::default().parse(bytes) else {
        return Err((ProblemCode::ParseFailed, "No header of an e-mail is in it".into()));
    };
    blocks.heading(level, message.subject().unwrap_or_default());
    let mut head = Vec::new();
    head.extend(message.from().map(|people| format!("From: {}", names(people))));
    head.extend(message.to().map(|people| format!("To: {}", names(people))));
    head.extend(message.cc().map(|people| format!("Cc: {}", names(people))));
    head.extend(message.date().map(|date| format!("Date: {}", date.to_rfc3339())));
    blocks.paragraph(&head.join("\n"));
    body(&message, blocks, limits)?;
    attached(&message, blocks);
    Ok(())
}

fn body(message: &Message<'_>, blocks: &mut Blocks, limits: &Limits) -> Result<(), Refusal> {
    for part in message.text_bodies() {
        match &part.body {
            PartType::Html(page) => match html::to_markdown(page, limits) {
                Ok(page) => blocks.markdown(&page.text),
                Err((ProblemCode::Empty, _)) => {}
                Err(refusal) => return Err(refusal),
            },
            PartType::Text(text) => paragraphs(text, blocks),
            _ => {}
        }
    }
    Ok(())
}

/// Blank lines part paragraphs; a signature's dashes are no underline.
fn paragraphs(text: &str, blocks: &mut Blocks) {
    let mut paragraph = String::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            blocks.paragraph(&paragraph);
            paragraph.clear();
        } else {
            paragraph.push_str(line);
            paragraph.push('\n');
        }
    }
    blocks.paragraph(&paragraph);
}

fn attached(message: &Message<'_>, blocks: &mut Blocks) {
    let mut is_first = true;
    for part in message.attachments() {
        let kind = part.content_type().map(|kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        });
        let kind = kind.unwrap_or_else(|| "unknown kind".to_owned());
        let name = match (part.attachment_name(), &part.body) {
            (Some(name), _) => name.to_owned(),
            (None, PartType::Message(inner)) => inner.subject().unwrap_or("message").to_owned(),
            (None, _) => "without a name".to_owned(),
        };
        if std::mem::take(&mut is_first) {
            blocks.paragraph("Attached, and not read:");
        }
        blocks.item(0, None, &format!("{name} ({kind}, {} bytes)", part.len()));
    }
}

fn names(people: &Address<'_>) -> String {
    let names: Vec<String> = people
        .iter()
        .take(PEOPLE)
        .map(|person| match (person.name(), person.address()) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => String::new(),
        })
        .collect();
    names.join(", ")
}

/// How often a word stands in bytes, in capitals or not.
fn count(bytes: &[u8], word: &[u8]) -> usize {
    let Some(first) = word.first() else { return 0 };
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes)
        .filter(|at| {
            let here = bytes.get(*at..*at + word.len());
            here.is_some_and(|here| here.eq_ignore_ascii_case(word))
        })
        .count()
}
