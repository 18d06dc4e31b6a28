//! Documents that are zip files inside: their parts by name, within the bounds of an archive. Declared sizes are never
//! believed, and no part is unpacked twice.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use nexus_domain::ProblemCode;
use zip::ZipReadOptions;
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::{Refusal, xml};
use crate::limits::Limits;

pub(super) struct Package<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    /// By name in lower case: Office does not tell cases apart.
    parts: BTreeMap<String, ZipFileEntry<'static>>,
    /// Of all parts so far.
    unpacked: u64,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8], limits: &'a Limits) -> Result<Self, Refusal> {
        let mut archive = ZipIterable::try_new(Cursor::new(bytes), Config::default())
            .map_err(|error| damaged("The document's directory is damaged", &error))?;
        let mut parts = BTreeMap::new();
        let entries = archive
            .files()
            .map_err(|error| damaged("The document's directory is damaged", &error))?;
        for (at, entry) in entries.enumerate() {
            if at as u64 >= limits.entries {
                let why = format!("More than {} parts, which are allowed", limits.entries);
                return Err((ProblemCode::TooManyEntries, why));
            }
            let entry = entry.map_err(|error| damaged("The document's directory is damaged", &error))?;
            if entry.is_dir() {
                continue;
            }
            let name = key(&String::from_utf8_lossy(entry.name_raw()));
            parts.entry(name).or_insert(entry);
        }
        Ok(Self {
            bytes,
            limits,
            parts,
            unpacked: 0,
        })
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parts.contains_key(&key(name))
    }

    /// Names of all parts that were not read yet, in lower case.
    pub(super) fn names(&self) -> Vec<String> {
        self.parts.keys().cloned().collect()
    }

    /// A part that is XML; `None` where there is none, or it was read before.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refusal> {
        Ok(self.read(name)?.map(xml::decode))
    }

    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let mut bytes = Vec::new();
        let found = self.unpack(name, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(found.then_some(bytes))
    }

    /// Unpacks a part only to see that it stays within the bounds.
    pub(super) fn measure(&mut self, name: &str) -> Result<(), Refusal> {
        self.unpack(name, &mut |_| {}).map(drop)
    }

    fn unpack(&mut self, name: &str, take: &mut dyn FnMut(&[u8])) -> Result<bool, Refusal> {
        let Some(entry) = self.parts.remove(&key(name)) else {
            return Ok(false);
        };
        if entry.encrypted() {
            return Err((ProblemCode::Encrypted, "The document is encrypted".into()));
        }
        let what = format!("Its part {name:?} cannot be unpacked");
        let mut source = Cursor::new(self.bytes);
        let mut part = entry
            .with_reader(&mut source, ZipReadOptions::new())
            .map_err(|error| damaged(&what, &error))?;
        let mut piece = vec![0; 64 << 10];
        let mut size = 0;
        loop {
            let count = part
                .read(&mut piece)
                .map_err(|error| (ProblemCode::Corrupt, format!("{what}: {error}")))?;
            if count == 0 {
                return Ok(true);
            }
            size += count as u64;
            self.unpacked += count as u64;
            self.within(name, size)?;
            take(&piece[..count]);
        }
    }

    fn within(&self, name: &str, size: u64) -> Result<(), Refusal> {
        let (limits, packed) = (self.limits, self.bytes.len() as u64);
        if size > limits.file_bytes {
            let why = format!(
                "Its part {name:?} has more than the {} bytes allowed for one file",
                limits.file_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        if self.unpacked > limits.document_unpacked_bytes {
            let why = format!(
                "More than {} bytes unpacked, which are allowed for one document",
                limits.document_unpacked_bytes
            );
            return Err((ProblemCode::TooLarge, why));
        }
        if self.unpacked > limits.ratio_floor_bytes && self.unpacked / limits.ratio.max(1) > packed {
            let why = format!("{packed} bytes became more than {}", self.unpacked);
            return Err((ProblemCode::SuspiciousRatio, why));
        }
        Ok(())
    }
}

/// What a part is called inside.
fn key(name: &str) -> String {
    name.trim_start_matches(['/', '\\'])
        .replace('\\', "/")
        .to_lowercase()
}

fn damaged(what: &str, error: &ZipError) -> Refusal {
    let code = match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => ProblemCode::Encrypted,
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            ProblemCode::UnsupportedCompression
        }
        ZipError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => ProblemCode::Truncated,
        _ => ProblemCode::Corrupt,
    };
    (code, format!("{what}: {error}"))
}

/// The part that `target` names, seen from the part `from` (`../media/a.xml` from `ppt/slides/slide1.xml`).
pub(super) fn resolve(from: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let mut path: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => from.split('/').collect(),
    };
    path.pop();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn targets_are_seen_from_where_they_stand() {
        for (from, target, part) in [
            (
                "ppt/slides/slide1.xml",
                "../notesSlides/n1.xml",
                "ppt/notesSlides/n1.xml",
            ),
            (
                "ppt/presentation.xml",
                "slides/slide1.xml",
                "ppt/slides/slide1.xml",
            ),
            ("word/document.xml", "/word/styles.xml", "word/styles.xml"),
            ("a.opf", "../../../x.html", "x.html"),
        ] {
            assert_eq!(resolve(from, target), part);
        }
    }
}
