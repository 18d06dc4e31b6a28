//! Tar archives, plain and compressed.

use nexus_domain::ProblemCode::{
    Corrupt, DeviceName, DuplicatePath, Link, PathEscapesRoot, TooLarge, Truncated,
};
use nexus_ingest::Limits;
use tar::EntryType;

use crate::support::{bzip2, gzip, noise, tar, tar_entry, tar_file, walk, walk_within, xz, zstd};

#[test]
fn links_pipes_and_devices_are_not_files() {
    let bytes = tar(&[
        tar_entry(EntryType::Symlink, b"link.md", b""),
        tar_entry(EntryType::Link, b"hard.md", b""),
        tar_entry(EntryType::Fifo, b"pipe", b""),
        tar_entry(EntryType::Char, b"tty", b""),
        tar_file("../up.md", "x"),
        tar_file("a.md", "# A\n"),
        tar_file("./a.md", "# A again\n"),
        tar_entry(EntryType::Directory, b"docs/", b""),
    ]);
    let outcome = walk(&bytes, "a.tar");
    assert_eq!(outcome.paths(), ["a.md"]);
    let expected = [
        (Some("link.md"), Link),
        (Some("hard.md"), Link),
        (Some("pipe"), DeviceName),
        (Some("tty"), DeviceName),
        (Some("../up.md"), PathEscapesRoot),
        (Some("a.md"), DuplicatePath),
    ];
    assert_eq!(outcome.codes(), expected);
    assert!(outcome.complete());
}

#[test]
fn a_truncated_tar_gives_what_came_before() {
    let whole = tar(&[
        tar_file("a.md", "# A\n"),
        tar_file("b.md", &noise(2_000)),
        tar_file("c.md", "# C\n"),
    ]);
    let cut = &whole[..whole.len() / 2];
    let tgz = gzip(&whole);
    let tzst = zstd(&whole);
    let tbz = bzip2(&whole);
    let txz = xz(&whole);
    for (bytes, name) in [
        (cut, "a.tar"),
        (&tgz[..tgz.len() / 2], "a.tgz"),
        (&tzst[..tzst.len() / 2], "a.tar.zst"),
        (&tbz[..tbz.len() / 2], "a.tar.bz2"),
        (&txz[..txz.len() / 2], "a.tar.xz"),
    ] {
        let outcome = walk(bytes, name);
        assert!(
            outcome.paths().is_empty() || outcome.paths() == ["a.md"],
            "{name}"
        );
        match &outcome.result {
            Ok(summary) => {
                assert!(!summary.complete, "{name}");
                assert_eq!(outcome.codes(), [(None, Truncated)], "{name}");
            }
            Err(_) => assert_eq!(outcome.rejected(), Truncated, "{name}"),
        }
    }
}

#[test]
fn a_damaged_header_ends_the_walk() {
    let mut bytes = tar(&[tar_file("a.md", "# A\n"), tar_file("b.md", "# B\n")]);
    bytes[1_024 + 10] ^= 0xFF;
    let outcome = walk(&bytes, "a.tar");
    assert_eq!(outcome.paths(), ["a.md"]);
    assert_eq!(outcome.codes(), [(None, Corrupt)]);
}

#[test]
fn long_names_are_read_and_endless_ones_refused() {
    let long = format!("{}/файл.md", "folder".repeat(20));
    let named = [
        tar_entry(EntryType::GNULongName, b"././@LongLink", long.as_bytes()),
        tar_file("cut", "# A\n"),
    ]
    .concat();
    let record = format!(" path={long}\n");
    let record = format!("{}{record}", record.len() + 3);
    let pax = [
        tar_entry(EntryType::XHeader, b"pax", record.as_bytes()),
        tar_file("cut", "# A\n"),
    ]
    .concat();
    for bytes in [named, pax] {
        assert_eq!(walk(&tar(&[bytes]), "a.tar").paths(), [long.as_str()]);
    }
    let endless = tar_entry(EntryType::GNULongName, b"././@LongLink", &vec![b'a'; 1 << 20]);
    assert_eq!(
        walk(&tar(&[endless, tar_file("x", "y")]), "a.tar").rejected(),
        Corrupt
    );
}

#[test]
fn sizes_are_bounded_one_by_one_and_in_sum() {
    let limits = Limits {
        file_bytes: 1_000,
        ..Limits::default()
    };
    let bytes = tar(&[tar_file("large.md", &noise(1_000)), tar_file("ok.md", "# Ok\n")]);
    let outcome = walk_within(&bytes, "a.tar", &limits);
    assert_eq!(outcome.paths(), ["ok.md"]);
    assert_eq!(outcome.codes(), [(Some("large.md"), TooLarge)]);

    let limits = Limits {
        unpacked_bytes: 4_000,
        ..Limits::default()
    };
    let outcome = walk_within(&gzip(&bytes), "a.tgz", &limits);
    assert_eq!(outcome.rejected(), TooLarge);
}
