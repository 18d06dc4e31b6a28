//! Writing a bundle, record by record.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{
    BundleDocument, BundleManifest, BundlePassage, BundleSource, DocumentLine, FORMAT, Header,
    MAX_LINE_BYTES, PassageLine, Record, Totals, VERSION,
};

/// What zstd does to text at this level is within a tenth of what it can, at several hundred megabytes a second.
const LEVEL: i32 = 3;

/// Writes a bundle to a stream. What is not [`finish`](Self::finish)ed has no end line and is refused by readers.
pub struct BundleWriter<W: Write> {
    out: zstd::Encoder<'static, W>,
    totals: Totals,
    line: Vec<u8>,
}

impl<W: Write> BundleWriter<W> {
    pub fn new(out: W, manifest: BundleManifest) -> io::Result<Self> {
        let mut out = zstd::Encoder::new(out, LEVEL)?;
        out.include_checksum(true)?;
        let mut writer = Self {
            out,
            totals: Totals::default(),
            line: Vec::new(),
        };
        writer.record(&Record::Manifest(Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            manifest,
        }))?;
        // Whoever receives it knows what it is from its first bytes.
        writer.out.flush()?;
        Ok(writer)
    }

    /// The documents that follow come from here.
    pub fn source(&mut self, source: BundleSource) -> io::Result<()> {
        self.totals.sources += 1;
        self.record(&Record::Source(source))
    }

    pub fn document(&mut self, document: BundleDocument) -> io::Result<()> {
        self.totals.documents += 1;
        self.totals.passages += document.passages.len() as u64;
        self.record(&Record::Document(DocumentLine {
            path: document.path,
            title: document.title,
            format: document.format,
            size_bytes: document.size_bytes,
            content_hash: document.content_hash.to_string(),
            fingerprint: document.fingerprint,
            link: document.link,
            passages: document.passages.len() as u64,
        }))?;
        document
            .passages
            .into_iter()
            .try_for_each(|passage| self.record(&Record::Passage(line_of(passage))))
    }

    /// Writes the end. What was written in all.
    pub fn finish(mut self) -> io::Result<Totals> {
        let totals = self.totals;
        self.record(&Record::End(totals))?;
        self.out.finish()?.flush()?;
        Ok(totals)
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        if self.line.len() > MAX_LINE_BYTES {
            let why = format!(
                "a record of {} bytes, {MAX_LINE_BYTES} are allowed",
                self.line.len()
            );
            return Err(io::Error::other(why));
        }
        self.out.write_all(&self.line)
    }
}

fn line_of(passage: BundlePassage) -> PassageLine {
    let vector = passage.vector.map(|vector| {
        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        STANDARD.encode(bytes)
    });
    PassageLine {
        text: passage.text,
        heading_path: passage.heading_path,
        lines: passage.lines,
        pages: passage.pages,
        anchor: passage.anchor,
        vector,
    }
}

impl<W: Write> std::fmt::Debug for BundleWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundleWriter")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
