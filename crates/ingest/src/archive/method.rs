//! Compressed streams: one file, or a tar archive, packed as a whole.

use std::io::{self, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::limits::Limits;

/// Largest window that a zstd stream may ask for: 2^26 = 64 MiB (`zstd --ultra -22` uses 2^27, all other levels less).
const ZSTD_WINDOW_LOG: u32 = 26;

/// How a stream is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Method {
    /// The unpacked stream. Streams one after the other are read as one, as all of the tools do.
    pub(super) fn open<'a>(self, packed: impl Read + 'a, limits: &Limits) -> io::Result<Box<dyn Read + 'a>> {
        let packed = BufReader::new(packed);
        Ok(match self {
            Self::Gzip => Box::new(BufReader::new(MultiGzDecoder::new(packed))),
            Self::Bzip2 => Box::new(BufReader::new(MultiBzDecoder::new(packed))),
            Self::Xz => {
                let kib = u32::try_from(limits.decoder_bytes >> 10).unwrap_or(u32::MAX);
                Box::new(BufReader::new(XzReader::new_mem_limit(packed, true, kib)))
            }
            Self::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(BufReader::new(decoder))
            }
        })
    }

    /// Name of the file inside: `notes.md` of `notes.md.gz`. A name that does not tell is kept.
    pub(super) fn inner_name(self, name: &str) -> &str {
        let endings: &[&str] = match self {
            Self::Gzip => &["gz", "gzip", "tgz"],
            Self::Bzip2 => &["bz2", "bz", "tbz2", "tbz"],
            Self::Xz => &["xz", "txz"],
            Self::Zstd => &["zst", "zstd", "tzst"],
        };
        match name.rsplit_once('.') {
            Some((stem, ending))
                if !stem.is_empty()
                    && !stem.ends_with('/')
                    && endings.iter().any(|known| ending.eq_ignore_ascii_case(known)) =>
            {
                stem
            }
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_inside_is_called_as_the_packed_one_without_its_ending() {
        assert_eq!(Method::Gzip.inner_name("notes.md.gz"), "notes.md");
        assert_eq!(Method::Bzip2.inner_name("docs/Журнал.log.BZ2"), "docs/Журнал.log");
        assert_eq!(Method::Xz.inner_name("notes.md"), "notes.md");
        assert_eq!(Method::Gzip.inner_name("docs/.gz"), "docs/.gz");
    }
}
