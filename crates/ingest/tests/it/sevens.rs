//! 7z archives, honest and hostile.

use std::io::Cursor;

use nexus_domain::ProblemCode::{
    Corrupt, DeviceName, DuplicatePath, Empty, Encrypted, Link, MemoryLimit, PathEscapesRoot,
    SuspiciousRatio, TooLarge, TooManyEntries, Truncated, UnsupportedCompression,
};
use nexus_ingest::{Container, Limits};
use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod};

use crate::sevenz_file::{Block7, around7, crafted, directory7, lzma2, number, packed_directory, seven};
use crate::support::{noise, walk, walk_within};

#[test]
fn every_method_of_7z_gives_the_files_back() {
    use EncoderMethod as Method;
    let text = noise(2_000);
    let files: [(&str, &[u8]); 3] = [
        ("docs/a.md", text.as_bytes()),
        ("docs/Настройка.md", "# Настройка\n".as_bytes()),
        ("z.md", b"# Z\n"),
    ];
    let chains = [
        vec![Method::COPY],
        vec![Method::LZMA],
        vec![Method::LZMA2],
        vec![Method::PPMD],
        vec![Method::BZIP2],
        vec![Method::DEFLATE],
        vec![Method::ZSTD],
        vec![Method::LZMA2, Method::DELTA_FILTER],
        vec![Method::LZMA, Method::BCJ_X86_FILTER],
    ];
    for chain in chains {
        let outcome = walk(&seven(&files, &chain), "docs.bin");
        assert_eq!(outcome.codes(), [], "{chain:?}");
        assert_eq!(
            outcome.paths(),
            ["docs/a.md", "docs/Настройка.md", "z.md"],
            "{chain:?}"
        );
        assert_eq!(outcome.files[0].bytes, text.as_bytes());
        let summary = outcome.result.unwrap();
        assert_eq!((summary.container, summary.entries), (Container::SevenZ, 3));
        assert!(summary.complete);
    }
}

#[test]
fn folders_and_empty_files_are_entries_too() {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    let none = None::<&[u8]>;
    writer
        .push_archive_entry(ArchiveEntry::new_directory("docs"), none)
        .unwrap();
    writer
        .push_archive_entry(ArchiveEntry::new_file("docs/a.md"), Some(&b"# A\n"[..]))
        .unwrap();
    writer
        .push_archive_entry(ArchiveEntry::new_file("docs/b.md"), Some(&b"# B\n"[..]))
        .unwrap();
    let outcome = walk(&writer.finish().unwrap().into_inner(), "a.7z");
    assert_eq!(outcome.paths(), ["docs/a.md", "docs/b.md"]);
    assert_eq!(
        outcome.files[0].packed_size, outcome.files[1].packed_size,
        "packed one by one"
    );
    assert_eq!(outcome.result.unwrap().entries, 3);
}

#[test]
fn a_crafted_archive_is_read_as_a_written_one() {
    let blocks = [
        Block7::stored(&[("a.md", b"# A\n"), ("b.md", b"# B\n")]),
        Block7::lzma2(&[("c.md", b"# C\n")]),
    ];
    let outcome = walk(&crafted(&blocks), "a.7z");
    assert_eq!(outcome.paths(), ["a.md", "b.md", "c.md"]);
    assert!(outcome.complete() && outcome.problems.is_empty());
    let directory = directory7(&blocks[..1]);
    let archive = packed_directory(&[1, 0x01, 0x00], &directory, directory.len() as u64);
    assert_eq!(
        walk(&archive, "a.7z").codes().len(),
        2,
        "its files' data lie elsewhere, the directory is read"
    );
}

#[test]
fn what_another_tool_has_written_is_read() {
    let outcome = walk(include_bytes!("../fixtures/other-writer.7z"), "docs.7z");
    assert_eq!(outcome.paths(), ["docs/a.md", "docs/б.md"]);
    assert_eq!(outcome.files[1].bytes, "# Б\n".as_bytes());
    assert_eq!(outcome.codes(), [(Some("docs/link.md"), Link)]);
    for encrypted in [
        &include_bytes!("../fixtures/encrypted.7z")[..],
        include_bytes!("../fixtures/encrypted-names.7z"),
    ] {
        assert_eq!(walk(encrypted, "docs.7z").rejected(), Encrypted);
    }
}

#[test]
fn encrypted_files_are_left_out_and_an_encrypted_archive_rejected() {
    let secret = Block7 {
        folder: vec![1, 0x24, 0x06, 0xF1, 0x07, 0x01, 1, 0x13],
        ..Block7::stored(&[("secret.md", b"xxxxxxxxxxxxxxxx")])
    };
    let open = Block7::stored(&[("open.md", b"# Open\n")]);
    let outcome = walk(&crafted(&[secret.clone(), open]), "a.7z");
    assert_eq!(outcome.paths(), ["open.md"]);
    assert_eq!(outcome.codes(), [(Some("secret.md"), Encrypted)]);
    assert_eq!(
        walk(&crafted(std::slice::from_ref(&secret)), "a.7z").rejected(),
        Encrypted
    );
    let names_too = packed_directory(&secret.folder, &[0; 64], 60);
    assert_eq!(walk(&names_too, "a.7z").rejected(), Encrypted);
}

#[test]
fn a_dictionary_beyond_the_bound_is_refused_before_it_is_made() {
    let ok = Block7::stored(&[("ok.md", b"# Ok\n")]);
    let mut huge = Block7::lzma2(&[("huge.md", b"# Huge\n")]);
    huge.folder = vec![1, 0x21, 0x21, 1, 40];
    let lzma = Block7 {
        folder: [&[1, 0x23, 3, 1, 1, 5, 0x5D][..], &u32::MAX.to_le_bytes()].concat(),
        ..Block7::stored(&[("lzma.md", b"xxxxxxxxxxxx")])
    };
    let ppmd = Block7 {
        folder: [&[1, 0x23, 3, 4, 1, 5, 6][..], &(1_u32 << 31).to_le_bytes()].concat(),
        ..Block7::stored(&[("ppmd.md", b"xxxxxxxxxxxx")])
    };
    let outcome = walk(&crafted(&[huge.clone(), lzma.clone(), ppmd, ok]), "a.7z");
    let refused = ["huge.md", "lzma.md", "ppmd.md"].map(|path| (Some(path), MemoryLimit));
    assert_eq!(outcome.codes(), refused);
    assert_eq!(outcome.paths(), ["ok.md"]);

    let strongest = Block7 {
        folder: vec![1, 0x21, 0x21, 1, 32],
        ..huge
    };
    assert_eq!(
        walk(&crafted(&[strongest]), "a.7z").paths(),
        ["huge.md"],
        "256 MiB are 7-Zip's own"
    );
    assert_eq!(
        walk(&packed_directory(&lzma.folder, &[0; 32], 60), "a.7z").rejected(),
        MemoryLimit
    );
    let swollen = packed_directory(&[1, 0x21, 0x21, 1, 22], &lzma2(&vec![0; 1 << 20]), 1 << 40);
    assert_eq!(walk(&swollen, "a.7z").rejected(), MemoryLimit);
}

#[test]
fn a_directory_that_counts_more_than_allowed_is_not_believed() {
    let many = 1_u64 << 40;
    let files = [&[0x01, 0x05][..], &number(many), &[0x00, 0x00]].concat();
    let blocks = [&[0x01, 0x04, 0x07, 0x0B][..], &number(many), &[0x00]].concat();
    let streams = [&[0x01, 0x04, 0x06][..], &number(0), &number(many), &[0x09]].concat();
    let coders = [&[0x01, 0x04, 0x07, 0x0B, 1, 0][..], &number(many)].concat();
    for directory in [files, blocks, streams, coders] {
        assert_eq!(walk(&around7(b"", &directory), "a.7z").rejected(), TooManyEntries);
    }
    assert_eq!(walk(&around7(b"", b""), "a.7z").rejected(), Empty);
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    let three = crafted(&[Block7::stored(&[("a.md", b"a"), ("b.md", b"b"), ("c.md", b"c")])]);
    assert_eq!(walk_within(&three, "a.7z", &limits).rejected(), TooManyEntries);
}

#[test]
fn a_truncated_7z_has_lost_its_directory() {
    let text = noise(300);
    let whole = seven(
        &[("a.md", text.as_bytes()), ("b.md", b"# B\n")],
        &[EncoderMethod::LZMA2],
    );
    for len in 6..whole.len() {
        assert_eq!(
            walk(&whole[..len], "a.7z").rejected(),
            Truncated,
            "{len} of {}",
            whole.len()
        );
    }
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(walk(&damaged, "a.7z").rejected(), Corrupt);
}

#[test]
fn a_damaged_block_loses_its_own_files_and_a_wrong_checksum_one() {
    let text = noise(200);
    let mut broken = Block7::lzma2(&[("x.md", text.as_bytes()), ("y.md", b"# Y\n")]);
    let middle = broken.packed.len() / 2;
    broken.packed[middle..middle + 8].fill(0xAA);
    let mut sum = Block7::stored(&[("sum.md", b"text"), ("next.md", b"# Next\n")]);
    sum.files[0].crc ^= 1;
    let mut short = Block7::stored(&[("short.md", b"text"), ("gone.md", b"more")]);
    short.packed.truncate(2);
    let outcome = walk(
        &crafted(&[sum, broken, Block7::stored(&[("ok.md", b"# Ok\n")])]),
        "a.7z",
    );
    assert_eq!(outcome.paths(), ["next.md", "ok.md"]);
    let corrupt = ["sum.md", "x.md", "y.md"].map(|path| (Some(path), Corrupt));
    assert_eq!(outcome.codes(), corrupt);
    assert!(outcome.complete(), "every file is told by its name");
    let outcome = walk(&crafted(&[Block7::stored(&[("a.md", b"# A\n")]), short]), "a.7z");
    assert_eq!(outcome.paths(), ["a.md"]);
    assert_eq!(
        outcome.codes(),
        [(Some("short.md"), Truncated), (Some("gone.md"), Truncated)]
    );
}

#[test]
fn a_bomb_is_stopped_by_its_ratio_and_by_what_it_unpacks() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = vec![b'a'; 8 << 20];
    let text = noise(20_000);
    let blocks = [
        Block7::stored(&[("a.md", text.as_bytes())]),
        Block7::lzma2(&[("bomb.txt", &bomb)]),
        Block7::stored(&[("b.md", b"# B\n")]),
    ];
    let outcome = walk_within(&crafted(&blocks), "a.7z", &limits);
    assert_eq!(outcome.paths(), ["a.md", "b.md"]);
    assert_eq!(outcome.codes(), [(Some("bomb.txt"), SuspiciousRatio)]);
    assert_eq!(
        walk_within(&crafted(&blocks[1..2]), "a.7z", &limits).rejected(),
        SuspiciousRatio
    );

    let limits = Limits {
        file_bytes: 1_000,
        unpacked_bytes: 4 << 20,
        ..Limits::default()
    };
    let outcome = walk_within(
        &crafted(&[Block7::lzma2(&[("a.md", b"# A\n"), ("skipped.txt", &bomb)])]),
        "a.7z",
        &limits,
    );
    assert_eq!(outcome.paths(), ["a.md"]);
    assert_eq!(outcome.codes()[0], (Some("skipped.txt"), TooLarge));
    assert_eq!(
        outcome.codes()[1],
        (None, TooLarge),
        "what is passed over is unpacked, too, and counts"
    );
}

#[test]
fn what_is_packed_twice_is_not_unpacked() {
    // Two coders; the first one's input is the second one's output.
    let twice = Block7 {
        folder: vec![2, 0x21, 0x21, 1, 22, 0x21, 0x21, 1, 22, 0, 1],
        unpack_sizes: vec![4, 64],
        packed: lzma2(&lzma2(b"# A\n")),
        ..Block7::stored(&[("a.md", b"# A\n")])
    };
    let unknown = Block7 {
        folder: vec![1, 0x04, 0x04, 0xF7, 0x11, 0x02],
        ..Block7::stored(&[("brotli.md", b"xxxx")])
    };
    let outcome = walk(&crafted(&[twice, unknown]), "a.7z");
    let refused = ["a.md", "brotli.md"].map(|path| (Some(path), UnsupportedCompression));
    assert_eq!(outcome.codes(), refused);
}

#[test]
fn paths_and_links_are_held_to_the_same_rules() {
    let mut block = Block7::stored(&[
        ("../up.md", b"x"),
        ("C:\\windows.md", b"x"),
        ("a.md", b"# A\n"),
        ("a.md", b"# Again\n"),
        ("link.md", b"/etc/passwd"),
        ("pipe", b"x"),
        ("junction", b"x"),
        ("__MACOSX/._a.md", b"x"),
    ]);
    block.files[4].attributes = 0o120_777 << 16 | 0x8000;
    block.files[5].attributes = 0o010_644 << 16 | 0x8000;
    block.files[6].attributes = 0x400;
    let outcome = walk(&crafted(&[block]), "a.7z");
    assert_eq!(outcome.paths(), ["a.md"]);
    let expected = [
        (Some("../up.md"), PathEscapesRoot),
        (Some("C:\\windows.md"), PathEscapesRoot),
        (Some("a.md"), DuplicatePath),
        (Some("link.md"), Link),
        (Some("pipe"), DeviceName),
        (Some("junction"), Link),
    ];
    assert_eq!(outcome.codes(), expected);
}
