//! Frames between a parent and its reader. A request is the length of a head, the head in JSON, and the bytes of the file
//! or of the code. A
//! reply is any number of beats, each a byte, and then the answer: a byte, its length, JSON. Lengths are little-endian.

use std::io::{self, ErrorKind, Read, Write};

use serde::{Deserialize, Serialize};

use nexus_domain::ProblemCode;

use crate::extract::{Extracted, Language};
use crate::limits::Limits;
use crate::syntax::Syntax;

/// Sent after each page.
pub(super) const BEAT: u8 = b'.';
/// Begins an answer.
const ANSWER: u8 = b'=';

/// Longest head of a request.
const HEAD: u32 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) ask: Ask,
    pub(super) limits: Limits,
    pub(super) bytes: u64,
}

/// What to make of the bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    Document { path: String },
    Syntax { language: Language },
}

impl Ask {
    pub(super) fn is_answered_by(&self, answer: &Answer) -> bool {
        match self {
            Self::Document { .. } => matches!(answer, Answer::Extracted(_) | Answer::Refused(..)),
            Self::Syntax { .. } => matches!(answer, Answer::Syntax(_)),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Extracted(Extracted),
    Syntax(Option<Syntax>),
    Refused(ProblemCode, String),
}

/// What a reader sends.
#[derive(Debug)]
pub(super) enum Reply {
    Beat,
    Answer(Box<Answer>),
}

pub(super) fn write_request(to: &mut dyn Write, ask: &Ask, limits: &Limits, bytes: &[u8]) -> io::Result<()> {
    let head = serde_json::to_vec(&Head {
        ask: ask.clone(),
        limits: *limits,
        bytes: bytes.len() as u64,
    })?;
    to.write_all(&u32::try_from(head.len()).map_err(io::Error::other)?.to_le_bytes())?;
    to.write_all(&head)?;
    to.write_all(bytes)?;
    to.flush()
}

/// `None` at the end of the stream.
pub(super) fn read_request(from: &mut dyn Read) -> io::Result<Option<(Head, Vec<u8>)>> {
    let mut length = [0; 4];
    if from.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length);
    if length > HEAD {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "the head of a request is too long",
        ));
    }
    let head: Head = serde_json::from_slice(&exactly(from, u64::from(length))?)?;
    if head.bytes > head.limits.file_bytes {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "the file of a request is too large",
        ));
    }
    let bytes = exactly(from, head.bytes)?;
    Ok(Some((head, bytes)))
}

pub(super) fn write_answer(to: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let answer = serde_json::to_vec(answer)?;
    to.write_all(&[ANSWER])?;
    to.write_all(&(answer.len() as u64).to_le_bytes())?;
    to.write_all(&answer)?;
    to.flush()
}

/// An answer longer than `longest` is refused before it is read.
pub(super) fn read_reply(from: &mut dyn Read, longest: u64) -> io::Result<Reply> {
    let mut kind = [0];
    from.read_exact(&mut kind)?;
    match kind {
        [BEAT] => Ok(Reply::Beat),
        [ANSWER] => {
            let mut length = [0; 8];
            from.read_exact(&mut length)?;
            let length = u64::from_le_bytes(length);
            if length > longest {
                return Err(io::Error::new(ErrorKind::InvalidData, "the answer is too long"));
            }
            let answer = serde_json::from_slice(&exactly(from, length)?)?;
            Ok(Reply::Answer(Box::new(answer)))
        }
        _ => Err(io::Error::new(ErrorKind::InvalidData, "the answer is no frame")),
    }
}

/// Longest answer on the syntax of code. What half a megabyte of code can give is below 20 MB.
pub(super) const LONGEST_SYNTAX: u64 = 32 << 20;

/// The longest answer on a document that these limits allow: JSON writes a control character as six.
pub(super) fn longest_document(limits: &Limits) -> u64 {
    limits
        .document_text_bytes
        .max(limits.file_bytes)
        .saturating_mul(6)
        .saturating_add(1 << 20)
}

/// Memory grows with what comes, not with what is announced.
fn exactly(from: &mut dyn Read, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
