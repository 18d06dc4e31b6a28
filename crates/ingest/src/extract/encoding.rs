//! From bytes to text, whatever the encoding; and whether it is text at all.
//!
//! The order matters: a byte order mark, UTF-8 (nothing else looks like it), UTF-16 without a mark, then the guess of
//! `chardetng` among the single- and multi-byte encodings of the Encoding Standard.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use nexus_domain::ProblemCode;

use super::Refusal;

/// How much of a file the guesses look at.
const SAMPLE: usize = 256 << 10;

/// The text with `\n` line ends and without a byte order mark.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Refusal> {
    let text = decode_raw(bytes)?;
    // The one character that PostgreSQL cannot store; no text has it.
    if memchr::memchr(0, text.as_bytes()).is_some() {
        return Err(binary(bytes));
    }
    Ok(match text {
        Cow::Borrowed(text) => with_line_feeds(text).unwrap_or_else(|| text.to_owned()),
        Cow::Owned(text) => with_line_feeds(&text).unwrap_or(text),
    })
}

fn decode_raw(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    if bytes.starts_with(b"\xff\xfe\0\0") || bytes.starts_with(b"\0\0\xfe\xff") {
        return Err(unknown("UTF-32 is not read"));
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        let text = encoding.decode_without_bom_handling_and_without_replacement(rest);
        return text
            .filter(|text| is_text(text))
            .ok_or_else(|| unknown("the byte order mark does not fit the rest"));
    }
    if let Some(encoding) = utf16_without_mark(bytes) {
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        if let Some(text) = text.filter(|text| is_text(text)) {
            return Ok(text);
        }
    }
    if bytes.contains(&0) || too_many_controls(bytes) {
        return Err(binary(bytes));
    }
    if let Some(text) = utf8(bytes) {
        return Ok(text);
    }
    legacy(bytes)
}

/// UTF-8, with single broken sequences replaced where nearly everything is sound (a cut or patched file).
fn utf8(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(Cow::Borrowed(text));
    }
    let (mut sound, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        sound += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    (sound / 20 >= broken).then(|| String::from_utf8_lossy(bytes))
}

fn legacy(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes.get(..SAMPLE).unwrap_or(bytes), true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    let (text, errors) = encoding.decode_without_bom_handling(bytes);
    if errors || !is_text(&text) {
        return Err(unknown(&format!("{} comes nearest", encoding.name())));
    }
    Ok(text)
}

/// Latin or Cyrillic text in UTF-16 has the same high byte (0x00, 0x04) in nearly every unit.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..SAMPLE).unwrap_or(bytes);
    if bytes.len() < 4 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units = sample.len() / 2;
    let (mut little, mut big) = (0_usize, 0_usize);
    for unit in sample.chunks_exact(2) {
        little += usize::from(plausible_unit(unit[1], unit[0]));
        big += usize::from(plausible_unit(unit[0], unit[1]));
    }
    let enough = units - units / 20;
    match (little >= enough, big >= enough) {
        (true, false) => Some(UTF_16LE),
        (false, true) => Some(UTF_16BE),
        _ => None,
    }
}

fn plausible_unit(high: u8, low: u8) -> bool {
    match high {
        0x00 => low >= 0x20 || matches!(low, b'\t' | b'\n' | b'\r'),
        0x04 => (0x01..=0x5F).contains(&low),
        0x20 | 0x21 => true,
        _ => false,
    }
}

/// No text has more than a few control characters (terminal colours in logs are the usual ones).
fn too_many_controls(bytes: &[u8]) -> bool {
    let controls = bytes.iter().filter(|byte| is_odd_control(**byte)).count();
    controls > 2 && controls > bytes.len() / 100
}

fn is_odd_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)) || byte == 0x7f
}

/// Whether a decoded text looks written: hardly any controls, C1 and private-use characters.
fn is_text(text: &str) -> bool {
    let (mut odd, mut all) = (0_usize, 0_usize);
    for c in text.chars().take(SAMPLE) {
        all += 1;
        let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b' | '\u{85}');
        odd += usize::from(
            control || matches!(c, '\u{FFFD}' | '\u{E000}'..='\u{F8FF}' | '\u{FFFE}' | '\u{FFFF}'),
        );
    }
    odd <= 2.max(all / 100) && odd * 4 <= all
}

/// CRLF → LF; a file with CR alone (old Mac) gets LF. `None`: nothing to change.
fn with_line_feeds(text: &str) -> Option<String> {
    memchr::memchr(b'\r', text.as_bytes())?;
    if memchr::memchr(b'\n', text.as_bytes()).is_none() {
        return Some(text.replace('\r', "\n"));
    }
    Some(text.replace("\r\n", "\n"))
}

fn binary(bytes: &[u8]) -> Refusal {
    let what = infer::get(bytes).map_or("binary data", |kind| kind.mime_type());
    (ProblemCode::Binary, format!("Not text: {what}"))
}

fn unknown(why: &str) -> Refusal {
    (
        ProblemCode::UnknownEncoding,
        format!("No encoding gives readable text ({why})"),
    )
}
