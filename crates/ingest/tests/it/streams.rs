//! Single files in a compressed stream.

use nexus_domain::ProblemCode::{Corrupt, MemoryLimit, SuspiciousRatio, TooLarge, Truncated};
use nexus_ingest::{Container, Limits};

use crate::support::{bzip2, crc, gzip, noise, stored, tar, tar_file, walk, walk_within, xz, zip, zstd};

/// An xz stream whose block asks for a dictionary of 4 GiB.
fn greedy_xz() -> Vec<u8> {
    let mut bytes = xz(b"# Notes\n");
    let end = 12 + (usize::from(bytes[12]) + 1) * 4;
    assert_eq!(bytes[14..16], [0x21, 1], "LZMA2 with one byte of properties");
    bytes[16] = 40;
    let sum = crc(&bytes[12..end - 4]);
    bytes[end - 4..end].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// A zstd frame with a window of 2^27, which holds one stored byte.
const GREEDY_ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88, 0x09, 0x00, 0x00, b'x'];

#[test]
fn a_compressed_file_is_read_as_the_file_inside() {
    let text = "# Заметки\n".as_bytes();
    for (bytes, name) in [
        (gzip(text), "notes.md.gz"),
        (bzip2(text), "notes.md.bz2"),
        (xz(text), "C:\\docs\\notes.md.XZ"),
        (zstd(text), "notes.md.zst"),
        (gzip(text), "notes.md"),
        ([gzip(&text[..4]), gzip(&text[4..])].concat(), "notes.md.gz"),
        ([bzip2(&text[..4]), bzip2(&text[4..])].concat(), "notes.md.bz2"),
        ([xz(&text[..4]), xz(&text[4..])].concat(), "notes.md.xz"),
    ] {
        let outcome = walk(&bytes, name);
        assert_eq!(outcome.paths(), ["notes.md"], "{name}");
        assert_eq!(outcome.files[0].bytes, text, "{name}");
        let summary = outcome.result.unwrap();
        assert_eq!((summary.container, summary.entries), (Container::Compressed, 1));
        assert!(summary.complete);
    }
}

#[test]
fn a_compressed_archive_is_walked_as_one_inside() {
    let inner = zip(&[stored("a.md", "# A\n")]);
    assert_eq!(walk(&xz(&inner), "docs.zip.xz").paths(), ["docs.zip/a.md"]);
    let tarball = tar(&[tar_file("a.md", "# A\n")]);
    assert_eq!(
        walk(&gzip(&gzip(&tarball)), "docs.tar.gz.gz").paths(),
        ["docs.tar.gz/a.md"]
    );
}

#[test]
fn a_stream_that_is_cut_off_or_damaged_says_so() {
    let text = noise(3_000);
    for (whole, name) in [
        (gzip(text.as_bytes()), "notes.md.gz"),
        (bzip2(text.as_bytes()), "notes.md.bz2"),
        (xz(text.as_bytes()), "notes.md.xz"),
        (zstd(text.as_bytes()), "notes.md.zst"),
    ] {
        for len in [whole.len() / 8, whole.len() / 2, whole.len() - 1] {
            assert_eq!(
                walk(&whole[..len], name).rejected(),
                Truncated,
                "{len} bytes of {name}"
            );
        }
        if name.ends_with("zst") {
            continue; // Without a checksum of its own, damaged text is other text.
        }
        let mut damaged = whole.clone();
        let middle = whole.len() / 2;
        damaged[middle..middle + 16].fill(0x55);
        let code = walk(&damaged, name).rejected();
        assert!(matches!(code, Corrupt | Truncated), "{name}: {code:?}");
    }
}

#[test]
fn a_dictionary_beyond_the_bound_is_refused() {
    assert_eq!(walk(&greedy_xz(), "notes.md.xz").rejected(), MemoryLimit);
    assert_eq!(walk(GREEDY_ZSTD, "notes.md.zst").rejected(), MemoryLimit);
    let limits = Limits {
        decoder_bytes: 100 << 10,
        ..Limits::default()
    };
    assert_eq!(
        walk_within(&xz(b"# Notes\n"), "notes.md.xz", &limits).rejected(),
        MemoryLimit
    );
    let outcome = walk(
        &zip(&[
            stored("a.xz", greedy_xz()),
            stored("b.zst", GREEDY_ZSTD),
            stored("c.md", "# C\n"),
        ]),
        "a.zip",
    );
    assert_eq!(
        outcome.codes(),
        [(Some("a.xz"), MemoryLimit), (Some("b.zst"), MemoryLimit)]
    );
    assert_eq!(outcome.paths(), ["c.md"]);
}

#[test]
fn a_stream_of_zeros_is_a_file_unless_it_is_an_empty_tar() {
    let empty = walk(&gzip(&[0; 10_240]), "a.tar.gz");
    assert_eq!(empty.result.unwrap().container, Container::TarGz);
    let zeros = walk(&gzip(&[0; 20_480]), "zeros.txt.gz");
    assert_eq!(zeros.paths(), ["zeros.txt"], "the extractor's to refuse");
    let inside = walk(
        &zip(&[stored("zeros.txt.gz", gzip(&vec![0; 100 << 20]))]),
        "a.zip",
    );
    assert_eq!(inside.codes(), [(Some("zeros.txt.gz"), SuspiciousRatio)]);
}

#[test]
fn a_stream_that_swells_is_stopped() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = vec![b'a'; 8 << 20];
    let small = Limits {
        file_bytes: 1_000,
        ..Limits::default()
    };
    for (bytes, name) in [
        (gzip(&bomb), "a.txt.gz"),
        (bzip2(&bomb), "a.txt.bz2"),
        (xz(&bomb), "a.txt.xz"),
        (zstd(&bomb), "a.txt.zst"),
    ] {
        assert_eq!(
            walk_within(&bytes, name, &limits).rejected(),
            SuspiciousRatio,
            "{name}"
        );
        let outcome = walk_within(&bytes, name, &small);
        assert!(outcome.files.is_empty());
        assert_eq!(outcome.codes(), [(Some("a.txt"), TooLarge)], "{name}");
    }
}
