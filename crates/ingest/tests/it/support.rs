//! Archives made byte by byte, so that they can lie; and a plain token counter.

use std::io::Write as _;
use std::ops::ControlFlow;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use lzma_rust2::{XzOptions, XzWriter};
use nexus_domain::{Problem, ProblemCode};
use nexus_ingest::{ChunkDraft, ChunkOptions, Entry, Extracted, Limits, RawFile, WalkError, WalkSummary};

/// Words and punctuation marks.
pub(crate) fn count(text: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        tokens += usize::from((word && !in_word) || (!word && !c.is_whitespace()));
        in_word = word;
    }
    tokens
}

/// What came out of an upload.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) files: Vec<RawFile>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) result: Result<WalkSummary, WalkError>,
}

impl Outcome {
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.path.as_str()).collect()
    }

    pub(crate) fn codes(&self) -> Vec<(Option<&str>, ProblemCode)> {
        self.problems
            .iter()
            .map(|problem| (problem.path.as_deref(), problem.code))
            .collect()
    }

    pub(crate) fn complete(&self) -> bool {
        self.result.as_ref().is_ok_and(|summary| summary.complete)
    }

    pub(crate) fn rejected(&self) -> ProblemCode {
        match &self.result {
            Err(WalkError::Rejected(problem)) => problem.code,
            other => panic!("expected a rejection, got {other:?}"),
        }
    }
}

pub(crate) fn walk(bytes: &[u8], name: &str) -> Outcome {
    walk_within(bytes, name, &Limits::default())
}

pub(crate) fn walk_within(bytes: &[u8], name: &str, limits: &Limits) -> Outcome {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    let result = nexus_ingest::walk(file.path(), name, limits, &mut |entry| {
        match entry {
            Entry::File(file) => files.push(file),
            Entry::Problem(problem) => problems.push(problem),
        }
        ControlFlow::Continue(())
    });
    Outcome {
        files,
        problems,
        result,
    }
}

pub(crate) fn extract(path: &str, bytes: impl AsRef<[u8]>) -> Extracted {
    nexus_ingest::extract(path, bytes.as_ref(), &Limits::default()).unwrap()
}

pub(crate) fn refusal(path: &str, bytes: impl AsRef<[u8]>) -> ProblemCode {
    nexus_ingest::extract(path, bytes.as_ref(), &Limits::default())
        .unwrap_err()
        .code
}

pub(crate) fn chunk(document: &Extracted, target: usize, max: usize) -> Vec<ChunkDraft> {
    let options = ChunkOptions {
        target_tokens: target,
        max_tokens: max,
        count,
    };
    let chunks = nexus_ingest::chunk(document, &options);
    assert_sound(document, &chunks, &options);
    chunks
}

/// What holds for any chunks of any text.
pub(crate) fn assert_sound(document: &Extracted, chunks: &[ChunkDraft], options: &ChunkOptions) {
    let mut covered = 0;
    for chunk in chunks {
        assert_eq!(
            chunk.text,
            document.text[chunk.bytes.clone()],
            "a passage is an exact piece of the text"
        );
        let skipped = &document.text[covered..chunk.bytes.start];
        assert!(
            skipped.trim().is_empty(),
            "nothing but blanks between passages, found {skipped:?}"
        );
        assert!(!chunk.text.trim().is_empty());
        covered = chunk.bytes.end;
        let one_char = chunk.text.chars().nth(1).is_none();
        assert!(
            (options.count)(&chunk.text) <= options.max_tokens || one_char,
            "{} tokens",
            chunk.tokens
        );
        assert_eq!(chunk.tokens, (options.count)(&chunk.text));
        let before = document.text[..chunk.bytes.start].matches('\n').count() as u32;
        assert_eq!(chunk.lines.first, before + 1);
        assert_eq!(
            chunk.lines.last,
            chunk.lines.first + chunk.text.matches('\n').count() as u32
        );
        let first = chunk.text.lines().next().unwrap_or_default();
        assert!(
            !first.trim().is_empty() && !chunk.text.ends_with('\n'),
            "no blank lines at the ends"
        );
    }
    assert!(
        document.text[covered..].trim().is_empty(),
        "the end of the text is covered"
    );
}

/// One entry of a zip, as it will stand there, true or not.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) data: Vec<u8>,
    pub(crate) crc: u32,
    pub(crate) packed: u32,
    pub(crate) unpacked: u32,
    /// Unix mode with the file's kind.
    pub(crate) mode: u32,
    /// Points at an earlier entry's data instead of its own.
    pub(crate) at: Option<u32>,
}

pub(crate) fn stored(name: impl AsRef<[u8]>, text: impl AsRef<[u8]>) -> Item {
    let data = text.as_ref().to_vec();
    let size = data.len() as u32;
    Item {
        name: name.as_ref().to_vec(),
        flags: 0,
        method: 0,
        crc: crc(&data),
        packed: size,
        unpacked: size,
        mode: 0o100_644,
        data,
        at: None,
    }
}

pub(crate) fn deflated(name: impl AsRef<[u8]>, text: impl AsRef<[u8]>) -> Item {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_ref()).unwrap();
    let data = encoder.finish().unwrap();
    Item {
        method: 8,
        packed: data.len() as u32,
        data,
        ..stored(name, text)
    }
}

pub(crate) fn crc(data: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    crc.sum()
}

/// APPNOTE.TXT 4.3: local headers and data, the directory, its end.
pub(crate) fn zip(items: &[Item]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for item in items {
        let at = item.at.unwrap_or(out.len() as u32);
        let mut header = Vec::new();
        for half in [20, item.flags, item.method, 0, 0x21] {
            header.extend_from_slice(&half.to_le_bytes());
        }
        for word in [item.crc, item.packed, item.unpacked] {
            header.extend_from_slice(&word.to_le_bytes());
        }
        header.extend_from_slice(&(item.name.len() as u16).to_le_bytes());
        header.extend_from_slice(&[0, 0]);
        if item.at.is_none() {
            out.extend_from_slice(b"PK\x03\x04");
            out.extend_from_slice(&header);
            out.extend_from_slice(&item.name);
            out.extend_from_slice(&item.data);
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\x03");
        directory.extend_from_slice(&header);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(item.mode << 16).to_le_bytes());
        directory.extend_from_slice(&at.to_le_bytes());
        directory.extend_from_slice(&item.name);
    }
    let start = out.len() as u32;
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend_from_slice(&(items.len() as u16).to_le_bytes());
    out.extend_from_slice(&(items.len() as u16).to_le_bytes());
    out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out
}

/// One entry of a tar: a header of this type and name, then data.
pub(crate) fn tar_entry(kind: tar::EntryType, name: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

pub(crate) fn tar_file(name: &str, text: &str) -> Vec<u8> {
    tar_entry(tar::EntryType::Regular, name.as_bytes(), text.as_bytes())
}

pub(crate) fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut out = entries.concat();
    out.extend_from_slice(&[0; 1024]);
    out
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Text that does not compress well: numbers of a small generator.
pub(crate) fn noise(lines: u32) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    (0..lines)
        .map(|_| format!("{} {} {}\n", next(), next(), next()))
        .collect()
}
