//! Reading a bundle that a stranger has made: every line, every document and the whole are bounded, and nothing that it
//! says is believed unseen.

use std::io::{self, BufRead, BufReader, Read};
use std::mem::size_of;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_domain::source::MAX_NAME_CHARS;
use nexus_domain::{ContentHash, Problem, ProblemCode};

use super::{
    BundleDocument, BundleManifest, BundlePassage, BundleSource, DocumentLine, FORMAT, Header,
    MAX_LINE_BYTES, PassageLine, Record, Totals, VERSION,
};
use crate::archive::{shown_path, within_ratio};
use crate::limits::Limits;

/// Largest window that a bundle may ask for: that of the level that bundles are written with, and some.
const WINDOW_LOG: u32 = 26;
/// Longest path, in bytes; as long as the database keeps.
const MAX_PATH_BYTES: usize = 2_048;
/// Longest title, heading, fingerprint, link or anchor, in bytes.
const MAX_PHRASE_BYTES: usize = 8 << 10;
/// Most sources of a bundle.
const MAX_SOURCES: u64 = 10_000;
/// Most headings above a passage.
const MAX_HEADINGS: usize = 64;
/// The largest dimension of a vector.
const MAX_DIMENSION: usize = 16_384;
/// Memory that a document's passages take at most for each byte of text that it may have: vectors weigh more than text.
const MEMORY_PER_TEXT: usize = 4;
/// What a passage takes besides its texts and its vector.
const PASSAGE_BYTES: usize = 256;

/// Why a bundle cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The disk failed, not the bundle: worth another try.
    #[error("the bundle could not be read from disk")]
    Io(#[source] io::Error),
    #[error("{}", .0.message)]
    Rejected(Problem),
}

impl BundleError {
    fn rejected(code: ProblemCode, why: impl Into<String>) -> Self {
        Self::Rejected(Problem::of_upload(code, why))
    }
}

/// What follows in a bundle.
enum Line {
    Record(Record),
    End,
}

/// Reads a bundle from its begin to its end.
pub struct BundleReader<R: Read> {
    lines: Lines<R>,
    limits: Limits,
    manifest: BundleManifest,
    /// A record that was read to see where something ends.
    peeked: Option<Record>,
    seen: Totals,
    ended: bool,
}

/// What a bundle says of itself, from its first bytes.
pub fn manifest_of(head: &[u8]) -> Result<BundleManifest, BundleError> {
    BundleReader::open(head, &Limits::default()).map(|reader| reader.manifest)
}

impl<R: Read> BundleReader<R> {
    pub fn open(from: R, limits: &Limits) -> Result<Self, BundleError> {
        let mut lines = Lines::new(from, limits)?;
        let header = match lines.next() {
            Ok(Line::Record(Record::Manifest(header))) => header,
            Err(BundleError::Io(error)) => return Err(BundleError::Io(error)),
            _ => {
                let why = "The file is no knowledge base that Nexus has exported";
                return Err(BundleError::rejected(ProblemCode::UnsupportedFormat, why));
            }
        };
        Ok(Self {
            manifest: checked_header(header)?,
            lines,
            limits: *limits,
            peeked: None,
            seen: Totals::default(),
            ended: false,
        })
    }

    pub const fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// What has been read so far.
    pub const fn seen(&self) -> Totals {
        self.seen
    }

    /// The next source; what is left of the one before is skipped. `None` at the end of the bundle.
    pub fn next_source(&mut self) -> Result<Option<BundleSource>, BundleError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            match self.record()? {
                Record::Source(source) => {
                    self.seen.sources += 1;
                    if self.seen.sources > MAX_SOURCES {
                        let why = format!("More than {MAX_SOURCES} sources");
                        return Err(BundleError::rejected(ProblemCode::TooManyEntries, why));
                    }
                    return checked_source(source).map(Some);
                }
                Record::Document(_) | Record::Passage(_) => {}
                Record::End(totals) => self.end(totals)?,
                Record::Manifest(_) => return Err(self.corrupt("a second manifest")),
            }
        }
    }

    /// The next document of the source; `None` behind its last one. A document that cannot be used is a problem with its
    /// path.
    pub fn next_document(&mut self) -> Result<Option<Result<BundleDocument, Problem>>, BundleError> {
        match self.record()? {
            Record::Document(line) => {
                self.seen.documents += 1;
                if self.seen.documents > self.limits.entries {
                    let why = format!("More than {} documents", self.limits.entries);
                    return Err(BundleError::rejected(ProblemCode::TooManyEntries, why));
                }
                self.document(line).map(Some)
            }
            Record::Passage(_) => Err(self.corrupt("a passage without its document")),
            other => {
                self.peeked = Some(other);
                Ok(None)
            }
        }
    }

    /// Reads the passages that belong to the document to the last one, and keeps them as long as they can be used.
    fn document(&mut self, line: DocumentLine) -> Result<Result<BundleDocument, Problem>, BundleError> {
        let (path, count) = (shown_path(&line.path), line.passages);
        let dimension = self.manifest.model.as_ref().map(|model| model.dimension);
        let mut document = checked_document(line);
        let (mut text, mut memory) = (0, 0);
        for _ in 0..count {
            let Record::Passage(passage) = self.record()? else {
                return Err(self.corrupt("a document with fewer passages than it says"));
            };
            self.seen.passages += 1;
            let Ok(whole) = &mut document else { continue };
            match checked_passage(passage, dimension) {
                Ok(passage) => {
                    let size = passage.size(&whole.title);
                    text += size.text;
                    memory += size.memory;
                    whole.passages.push(passage);
                }
                Err(refusal) => document = Err(refusal),
            }
            let most = usize::try_from(self.limits.document_text_bytes).unwrap_or(usize::MAX);
            if text > most || memory > most.saturating_mul(MEMORY_PER_TEXT) {
                let why = format!("Its passages take more than the {most} bytes of text that are allowed");
                document = Err((ProblemCode::TooLarge, why));
                (text, memory) = (0, 0);
            }
        }
        Ok(document.map_err(|(code, why)| Problem::of_file(path, code, why)))
    }

    fn record(&mut self) -> Result<Record, BundleError> {
        if let Some(record) = self.peeked.take() {
            return Ok(record);
        }
        match self.lines.next()? {
            Line::Record(record) => Ok(record),
            Line::End => {
                let why = format!(
                    "The bundle ends early: {} of {} documents are there",
                    self.seen.documents, self.manifest.documents
                );
                Err(BundleError::rejected(ProblemCode::Truncated, why))
            }
        }
    }

    fn end(&mut self, totals: Totals) -> Result<(), BundleError> {
        if totals != self.seen {
            return Err(self.corrupt("an end that counts other than what came before it"));
        }
        if !matches!(self.lines.next()?, Line::End) {
            return Err(self.corrupt("something behind its end"));
        }
        self.ended = true;
        Ok(())
    }

    fn corrupt(&self, what: &str) -> BundleError {
        let why = format!("The bundle has {what}, in line {}", self.lines.number);
        BundleError::rejected(ProblemCode::Corrupt, why)
    }
}

/// What a passage weighs, in bytes.
struct Size {
    /// What both indexes see of it: its title and headings stand in front of every passage.
    text: usize,
    memory: usize,
}

impl BundlePassage {
    fn size(&self, title: &str) -> Size {
        let headings: usize = self
            .heading_path
            .iter()
            .map(|heading| heading.len() + size_of::<String>())
            .sum();
        let text = self.text.len() + headings + title.len();
        let vector = self
            .vector
            .as_ref()
            .map_or(0, |vector| vector.len() * size_of::<f32>());
        let anchor = self.anchor.as_ref().map_or(0, String::len);
        Size {
            text,
            memory: text + vector + anchor + PASSAGE_BYTES,
        }
    }
}

impl BundleDocument {
    /// Bytes that it takes in memory.
    pub fn memory(&self) -> usize {
        let passages = self.passages.iter();
        passages.map(|passage| passage.size(&self.title).memory).sum()
    }
}

/// Lines out of a compressed stream, none of them too long, all of them together not too many.
struct Lines<R: Read> {
    from: BufReader<zstd::Decoder<'static, BufReader<Counted<R>>>>,
    line: Vec<u8>,
    number: u64,
    read: u64,
    limits: Limits,
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<R: Read> Lines<R> {
    fn new(from: R, limits: &Limits) -> Result<Self, BundleError> {
        let mut decoder = zstd::Decoder::new(Counted { from, bytes: 0 }).map_err(BundleError::Io)?;
        decoder.window_log_max(WINDOW_LOG).map_err(BundleError::Io)?;
        Ok(Self {
            from: BufReader::with_capacity(64 << 10, decoder),
            line: Vec::new(),
            number: 0,
            read: 0,
            limits: *limits,
        })
    }

    fn next(&mut self) -> Result<Line, BundleError> {
        self.line.clear();
        self.number += 1;
        let mut bounded = (&mut self.from).take(MAX_LINE_BYTES as u64 + 1);
        let read = bounded.read_until(b'\n', &mut self.line).map_err(failed)?;
        self.read += read as u64;
        if self.read > self.limits.unpacked_bytes {
            let why = format!("More than {} bytes unpacked", self.limits.unpacked_bytes);
            return Err(BundleError::rejected(ProblemCode::TooLarge, why));
        }
        let packed = self.from.get_ref().get_ref().get_ref().bytes;
        if let Err(exceeded) = within_ratio(&self.limits, self.read, packed) {
            return Err(BundleError::rejected(exceeded.code, exceeded.why));
        }
        if read > MAX_LINE_BYTES {
            let why = format!("Line {} has more than {MAX_LINE_BYTES} bytes", self.number);
            return Err(BundleError::rejected(ProblemCode::TooLarge, why));
        }
        if read == 0 {
            return Ok(Line::End);
        }
        serde_json::from_slice(&self.line)
            .map(Line::Record)
            .map_err(|error| {
                let why = format!("Line {} of the bundle cannot be read: {error}", self.number);
                BundleError::rejected(ProblemCode::Corrupt, why)
            })
    }
}

/// What a failed read means: the library tells a damaged stream by its text alone.
fn failed(error: io::Error) -> BundleError {
    if error.raw_os_error().is_some() {
        return BundleError::Io(error);
    }
    let code = match error.kind() {
        io::ErrorKind::UnexpectedEof => ProblemCode::Truncated,
        _ => ProblemCode::Corrupt,
    };
    BundleError::rejected(code, format!("The bundle cannot be unpacked: {error}"))
}

fn checked_header(header: Header) -> Result<BundleManifest, BundleError> {
    let refuse = |why: String| Err(BundleError::rejected(ProblemCode::UnsupportedFormat, why));
    if header.format != FORMAT {
        return refuse(format!(
            "The file is a {:?} and no {FORMAT:?}",
            shown_path(&header.format)
        ));
    }
    if header.version > VERSION {
        return refuse(format!(
            "The bundle is of version {}, this program reads up to {VERSION}",
            header.version
        ));
    }
    let model = header.manifest.model.as_ref();
    if model.is_some_and(|model| model.dimension == 0 || model.dimension > MAX_DIMENSION) {
        return refuse(format!("A vector has 1 to {MAX_DIMENSION} dimensions"));
    }
    Ok(header.manifest)
}

fn checked_source(source: BundleSource) -> Result<BundleSource, BundleError> {
    let length = source.name.chars().count();
    if !(1..=MAX_NAME_CHARS).contains(&length) || source.name.chars().any(char::is_control) {
        let why = format!("A source's name takes 1 to {MAX_NAME_CHARS} characters, none of them control");
        return Err(BundleError::rejected(ProblemCode::Corrupt, why));
    }
    if source
        .remote
        .as_ref()
        .is_some_and(|remote| remote.kind() != source.kind)
    {
        let why = format!("The source {:?} is not of its own kind", source.name);
        return Err(BundleError::rejected(ProblemCode::Corrupt, why));
    }
    Ok(source)
}

type Refusal = (ProblemCode, String);

fn refused<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err((ProblemCode::Corrupt, why.into()))
}

/// A document without its passages.
fn checked_document(line: DocumentLine) -> Result<BundleDocument, Refusal> {
    if line.path.is_empty() || line.path.len() > MAX_PATH_BYTES {
        let why = format!(
            "The path has {} bytes, 1 to {MAX_PATH_BYTES} are allowed",
            line.path.len()
        );
        return Err((ProblemCode::InvalidPath, why));
    }
    bounded(&line.title)?;
    let names = [Some(&line.path), line.fingerprint.as_ref(), line.link.as_ref()];
    names.into_iter().flatten().try_for_each(|name| one_line(name))?;
    if let Some(link) = &line.link
        && !(link.starts_with("https://") || link.starts_with("http://"))
    {
        return refused("Its link is no address of the web");
    }
    let Some(content_hash) = from_hex(&line.content_hash) else {
        return refused("Its hash has not 64 hexadecimal digits");
    };
    Ok(BundleDocument {
        path: line.path,
        title: line.title,
        format: line.format,
        size_bytes: line.size_bytes,
        content_hash,
        fingerprint: line.fingerprint,
        link: line.link,
        passages: Vec::new(),
    })
}

fn checked_passage(line: PassageLine, dimension: Option<usize>) -> Result<BundlePassage, Refusal> {
    if line.text.trim().is_empty() || line.text.contains('\0') {
        return refused("It has a passage without text");
    }
    if line.lines.first == 0 || line.lines.first > line.lines.last {
        return refused("A passage stands in no lines");
    }
    if line
        .pages
        .is_some_and(|pages| pages.first == 0 || pages.first > pages.last)
    {
        return refused("A passage stands on no pages");
    }
    if line.heading_path.len() > MAX_HEADINGS {
        return refused(format!("A passage has more than {MAX_HEADINGS} headings"));
    }
    line.heading_path
        .iter()
        .try_for_each(|heading| bounded(heading))?;
    line.anchor.as_deref().map_or(Ok(()), one_line)?;
    let vector = match (line.vector, dimension) {
        (Some(vector), Some(dimension)) => Some(floats(&vector, dimension)?),
        _ => None,
    };
    Ok(BundlePassage {
        text: line.text,
        heading_path: line.heading_path,
        lines: line.lines,
        pages: line.pages,
        anchor: line.anchor,
        vector,
    })
}

fn bounded(phrase: &str) -> Result<(), Refusal> {
    if phrase.len() > MAX_PHRASE_BYTES || phrase.contains('\0') {
        return refused(format!(
            "A title, heading or address takes at most {MAX_PHRASE_BYTES} bytes, none of them zero"
        ));
    }
    Ok(())
}

fn one_line(name: &str) -> Result<(), Refusal> {
    if name.chars().any(char::is_control) {
        return refused("A path or address holds a control character");
    }
    bounded(name)
}

fn floats(text: &str, dimension: usize) -> Result<Vec<f32>, Refusal> {
    let bytes = STANDARD.decode(text).unwrap_or_default();
    let (values, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
    if values.len() != dimension || !rest.is_empty() || !values.iter().all(|value| value.is_finite()) {
        return refused(format!("A vector has not {dimension} numbers"));
    }
    Ok(values)
}

fn from_hex(text: &str) -> Option<ContentHash> {
    let mut bytes = [0_u8; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digits = std::str::from_utf8(pair)
            .ok()
            .filter(|digits| !digits.starts_with('+'))?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(ContentHash::from_bytes(bytes))
}

impl<R: Read> std::fmt::Debug for BundleReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundleReader")
            .field("manifest", &self.manifest)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
