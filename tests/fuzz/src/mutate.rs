//! Bends seeds.

use std::io::{Cursor, Read as _, Write as _};

use rand::RngExt as _;
use rand::rngs::StdRng;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::seeds;
use crate::targets::Target;

/// Longest input.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

impl Mutator {
    pub(crate) fn new(target: &Target) -> Self {
        Self {
            seeds: seeds::of(target.name),
            words: target.words,
        }
    }

    pub(crate) fn next(&self, rng: &mut StdRng) -> Vec<u8> {
        let mut bytes = self.seed(rng);
        let packed = bytes.starts_with(b"PK\x03\x04") && rng.random_bool(0.8);
        if packed && let Some(repacked) = self.inside(&bytes, rng) {
            bytes = repacked;
        } else {
            self.bend(&mut bytes, rng);
        }
        bytes.truncate(MOST_BYTES);
        bytes
    }

    fn seed(&self, rng: &mut StdRng) -> Vec<u8> {
        match self.seeds.len() {
            0 => Vec::new(),
            n => self.seeds[rng.random_range(0..n)].clone(),
        }
    }

    /// Bends one of the files of a zip.
    fn inside(&self, bytes: &[u8], rng: &mut StdRng) -> Option<Vec<u8>> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).ok()?;
        let chosen = rng.random_range(0..archive.len().max(1));
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).ok()?;
            let name = file.name().ok()?.into_owned();
            let mut content = Vec::new();
            file.by_ref()
                .take(MOST_BYTES as u64)
                .read_to_end(&mut content)
                .ok()?;
            if at == chosen {
                self.bend(&mut content, rng);
            }
            out.start_file(name, SimpleFileOptions::default()).ok()?;
            out.write_all(&content).ok()?;
        }
        Some(out.finish().ok()?.into_inner())
    }

    fn bend(&self, bytes: &mut Vec<u8>, rng: &mut StdRng) {
        for _ in 0..1 << rng.random_range(0..5) {
            self.bend_once(bytes, rng);
            if bytes.len() > MOST_BYTES {
                return;
            }
        }
    }

    fn bend_once(&self, bytes: &mut Vec<u8>, rng: &mut StdRng) {
        let at = rng.random_range(0..=bytes.len());
        let length = rng.random_range(0..=(bytes.len() - at).min(256));
        match rng.random_range(0..9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2 => {
                bytes.drain(at..at + length);
            }
            3 => {
                let part = bytes[at..at + length].to_vec();
                insert(bytes, at, &part);
            }
            4 => bytes.truncate(at),
            5 => {
                // Deep nesting, long runs.
                let times = 1 << rng.random_range(0..13);
                let word = self.word(rng).repeat(times);
                insert(bytes, at, word.as_bytes());
            }
            6 => {
                let other = self.seed(rng);
                let from = rng.random_range(0..=other.len());
                let until = rng.random_range(from..=other.len());
                insert(bytes, at, &other[from..until]);
            }
            7 => {
                let noise: Vec<u8> = (0..rng.random_range(0..16)).map(|_| rng.random()).collect();
                insert(bytes, at, &noise);
            }
            _ => {
                let word = self.word(rng);
                insert(bytes, at, word.as_bytes());
            }
        }
    }

    fn word(&self, rng: &mut StdRng) -> &'static str {
        match self.words.len() {
            0 => "\n",
            n => self.words[rng.random_range(0..n)],
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    bytes.splice(at..at, part.iter().copied());
}
