//! Zip files and single files, honest and hostile.

use nexus_domain::ProblemCode::{
    Binary, Corrupt, DeviceName, DuplicatePath, Empty, Encrypted, InvalidPath, Link, PathEscapesRoot,
    SuspiciousRatio, TooDeep, TooLarge, TooManyEntries, Truncated, UnsupportedCompression, UnsupportedFormat,
};
use nexus_domain::{ContentHash, ProblemCode};
use nexus_ingest::{Container, Limits, entries_hint};
use sevenz_rust2::EncoderMethod;

use crate::sevenz_file::seven;
use crate::support::{
    Item, bzip2, deflated, gzip, noise, refusal, stored, tar, tar_file, walk, walk_within, xz, zip, zstd,
};

#[test]
fn a_zip_gives_its_files_in_order() {
    let bytes = zip(&[
        stored("docs/", ""),
        stored("docs/a.md", "# A\n"),
        deflated("docs\\b.md", "# B\n"),
    ]);
    let outcome = walk(&bytes, "docs.zip");
    assert_eq!(outcome.paths(), ["docs/a.md", "docs/b.md"]);
    assert_eq!(outcome.files[0].hash, ContentHash::of(b"# A\n"));
    let summary = outcome.result.unwrap();
    assert_eq!(
        (summary.container, summary.entries, summary.files),
        (Container::Zip, 3, 2)
    );
    assert!(summary.complete && outcome.problems.is_empty());
}

#[test]
fn the_content_decides_and_not_the_name() {
    let tarball = tar(&[tar_file("a.md", "# A\n")]);
    let cases = [
        (zip(&[stored("a.md", "# A\n")]), Container::Zip),
        (tarball.clone(), Container::Tar),
        (gzip(&tarball), Container::TarGz),
        (zstd(&tarball), Container::TarZst),
        (bzip2(&tarball), Container::TarBz2),
        (xz(&tarball), Container::TarXz),
        (
            seven(&[("a.md", b"# A\n")], &[EncoderMethod::LZMA2]),
            Container::SevenZ,
        ),
    ];
    for (bytes, container) in cases {
        let outcome = walk(&bytes, "upload.bin");
        assert_eq!(outcome.paths(), ["a.md"], "{container:?}");
        assert_eq!(outcome.result.unwrap().container, container);
    }
}

#[test]
fn a_single_file_is_an_upload_of_one() {
    let outcome = walk("Привет\n".as_bytes(), "C:\\Users\\me\\заметка.md");
    assert_eq!(outcome.paths(), ["заметка.md"]);
    assert_eq!(outcome.result.unwrap().container, Container::Single);
}

#[test]
fn uploads_that_hold_nothing_usable_are_rejected() {
    let small = Limits {
        packed_bytes: 10,
        ..Limits::default()
    };
    assert_eq!(walk(b"", "a.md").rejected(), Empty);
    assert_eq!(
        walk_within(b"more than ten bytes", "a.md", &small).rejected(),
        TooLarge
    );
    assert_eq!(walk(b"no archive at all", "a.zip").rejected(), Corrupt);
    assert_eq!(walk(b"no archive at all", "a.tar").rejected(), Corrupt);
    for magic in [
        &b"Rar!\x1a\x07\x01\0"[..],
        b"\x04\x22\x4d\x18x",
        b"LZIP\x01x",
        b"\x1f\x9dx",
    ] {
        assert_eq!(walk(magic, "a.md").rejected(), UnsupportedCompression);
    }
    for name in ["a.7z", "a.rar", "a.gz", "a.tbz2", "a.txz", "a.md.zst"] {
        assert_eq!(walk(b"no archive at all", name).rejected(), Corrupt, "{name}");
    }
}

#[test]
fn an_encrypted_file_is_left_out_and_an_encrypted_archive_rejected() {
    let secret = Item {
        flags: 1,
        ..stored("secret.md", "xxxxxxxxxxxxxxxx")
    };
    let outcome = walk(&zip(&[secret.clone(), stored("open.md", "# Open\n")]), "a.zip");
    assert_eq!(outcome.paths(), ["open.md"]);
    assert_eq!(outcome.codes(), [(Some("secret.md"), Encrypted)]);
    assert_eq!(walk(&zip(&[secret]), "a.zip").rejected(), Encrypted);
}

#[test]
fn a_truncated_zip_gives_what_it_still_holds() {
    let whole = zip(&[
        stored("a.md", "# A\n"),
        deflated("b.md", noise(500)),
        stored("c.md", "# C\n"),
    ]);
    let outcome = walk(&whole[..whole.len() / 2], "a.zip");
    assert_eq!(outcome.paths(), ["a.md"]);
    assert_eq!(outcome.codes(), [(None, Truncated)]);
    assert!(!outcome.complete(), "what was not met may still exist");
    assert_eq!(walk(&whole[..20], "a.zip").rejected(), Truncated);
}

#[test]
fn a_damaged_file_does_not_hide_its_neighbours() {
    let mut broken = deflated("broken.md", noise(200));
    broken.data[40] ^= 0xFF;
    let wrong_sum = Item {
        crc: 7,
        ..stored("sum.md", "text")
    };
    let outcome = walk(&zip(&[broken, wrong_sum, stored("ok.md", "# Ok\n")]), "a.zip");
    assert_eq!(outcome.paths(), ["ok.md"]);
    assert_eq!(
        outcome.codes(),
        [(Some("broken.md"), Corrupt), (Some("sum.md"), Corrupt)]
    );
    assert!(outcome.complete());
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let outcome = walk_within(
        &zip(&[
            stored("a.md", noise(20_000)),
            deflated("bomb.txt", vec![b'a'; 8 << 20]),
        ]),
        "a.zip",
        &limits,
    );
    assert_eq!(outcome.codes(), [(Some("bomb.txt"), SuspiciousRatio)]);
    assert_eq!(outcome.paths(), ["a.md"]);
    let alone = walk_within(
        &zip(&[deflated("bomb.txt", vec![b'a'; 8 << 20])]),
        "a.zip",
        &limits,
    );
    assert!(alone.files.is_empty());
    let tgz = walk_within(
        &gzip(&tar(&[tar_file("bomb.txt", &"a".repeat(8 << 20))])),
        "a.tgz",
        &limits,
    );
    assert_eq!(tgz.rejected(), SuspiciousRatio);
}

#[test]
fn declared_sizes_are_not_believed() {
    let limits = Limits {
        file_bytes: 1_000,
        ..Limits::default()
    };
    let honest = deflated("large.md", noise(1_000));
    let modest = Item {
        unpacked: 10,
        ..deflated("modest.md", noise(1_000))
    };
    let boastful = Item {
        unpacked: u32::MAX - 1,
        ..stored("boastful.md", "small")
    };
    let beyond = Item {
        packed: 1 << 30,
        unpacked: 900,
        ..stored("beyond.md", "small")
    };
    let outcome = walk_within(
        &zip(&[honest, modest, boastful, beyond, stored("ok.md", "# Ok\n")]),
        "a.zip",
        &limits,
    );
    assert_eq!(outcome.paths(), ["ok.md"]);
    let codes = outcome.codes();
    assert_eq!(codes[0], (Some("large.md"), TooLarge));
    assert!(
        matches!(codes[1], (Some("modest.md"), TooLarge | Corrupt)),
        "{codes:?}"
    );
    assert_eq!(codes[2], (Some("boastful.md"), TooLarge));
    assert_eq!(codes[3], (Some("beyond.md"), Truncated));
}

#[test]
fn the_sum_of_all_files_is_bounded() {
    let limits = Limits {
        unpacked_bytes: 10_000,
        ..Limits::default()
    };
    let items: Vec<Item> = (0..10).map(|n| deflated(format!("{n}.md"), noise(100))).collect();
    let outcome = walk_within(&zip(&items), "a.zip", &limits);
    assert!(!outcome.files.is_empty() && outcome.files.len() < 10);
    assert_eq!(outcome.codes(), [(None, TooLarge)]);
}

#[test]
fn too_many_entries_end_the_walk() {
    let limits = Limits {
        entries: 3,
        ..Limits::default()
    };
    let items: Vec<Item> = (0..5).map(|n| stored(format!("{n}.md"), "x")).collect();
    let outcome = walk_within(&zip(&items), "a.zip", &limits);
    assert_eq!(outcome.files.len(), 3);
    assert_eq!(outcome.codes(), [(None, TooManyEntries)]);
    assert!(!outcome.complete());
}

#[test]
fn dangerous_paths_get_their_reasons() {
    let cases: [(&[u8], ProblemCode); 10] = [
        (b"../up.md", PathEscapesRoot),
        (b"/etc/passwd", PathEscapesRoot),
        (b"C:\\windows.md", PathEscapesRoot),
        (b"\\\\host\\share.md", PathEscapesRoot),
        (b"a/../../b.md", PathEscapesRoot),
        (b"CON.txt", DeviceName),
        (b"docs/com1.md", DeviceName),
        (b"nul\0.md", InvalidPath),
        (b"line\nbreak.md", InvalidPath),
        (b"", InvalidPath),
    ];
    for (name, code) in cases {
        let outcome = walk(&zip(&[stored(name, "x"), stored("ok.md", "# Ok\n")]), "a.zip");
        assert_eq!(outcome.paths(), ["ok.md"]);
        assert_eq!(
            outcome
                .problems
                .iter()
                .map(|problem| problem.code)
                .collect::<Vec<_>>(),
            [code],
            "{name:?}"
        );
    }
    let deep = format!("{}a.md", "d/".repeat(33));
    assert_eq!(
        walk(&zip(&[stored(deep, "x"), stored("b.md", "y")]), "a.zip").problems[0].code,
        TooDeep
    );
}

#[test]
fn a_path_is_taken_once_however_it_is_spelled() {
    let items = [
        "a/b.md",
        "a//b.md",
        "a\\b.md",
        "./a/b.md",
        "\u{439}.md",
        "\u{438}\u{306}.md",
    ]
    .map(|name| stored(name, "x"));
    let outcome = walk(&zip(&items), "a.zip");
    assert_eq!(outcome.paths(), ["a/b.md", "й.md"]);
    assert_eq!(
        outcome
            .codes()
            .iter()
            .filter(|(_, code)| *code == DuplicatePath)
            .count(),
        4
    );
}

#[test]
fn links_and_devices_are_not_files() {
    let link = Item {
        mode: 0o120_777,
        ..stored("link.md", "/etc/passwd")
    };
    let pipe = Item {
        mode: 0o010_644,
        ..stored("pipe", "")
    };
    let outcome = walk(&zip(&[link, pipe, stored("ok.md", "# Ok\n")]), "a.zip");
    assert_eq!(
        outcome.codes(),
        [(Some("link.md"), Link), (Some("pipe"), DeviceName)]
    );
    assert_eq!(outcome.paths(), ["ok.md"]);
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let kernel = deflated("0.txt", vec![b'a'; 100_000]);
    let copies = (1..200).map(|n| Item {
        name: format!("{n}.txt").into_bytes(),
        at: Some(0),
        ..kernel.clone()
    });
    let items: Vec<Item> = std::iter::once(kernel.clone()).chain(copies).collect();
    let outcome = walk(&zip(&items), "a.zip");
    assert_eq!(outcome.paths(), ["0.txt"]);
    assert!(outcome.problems.iter().all(|problem| problem.code == Corrupt));
}

#[test]
fn a_method_that_is_not_read_is_named() {
    let xz = Item {
        method: 95,
        ..stored("a.md", "x")
    };
    let unknown = Item {
        method: 77,
        ..stored("b.md", "x")
    };
    let outcome = walk(&zip(&[xz, unknown]), "a.zip");
    assert_eq!(
        outcome.codes(),
        [
            (Some("a.md"), UnsupportedCompression),
            (Some("b.md"), UnsupportedCompression)
        ]
    );
}

#[test]
fn russian_names_from_windows_are_readable() {
    let (ansi, ..) = encoding_rs::WINDOWS_1251.encode("Документы/Настройка.md");
    let (oem, ..) = encoding_rs::IBM866.encode("Документы/Установка.md");
    let outcome = walk(&zip(&[stored(&ansi[..], "x"), stored(&oem[..], "y")]), "a.zip");
    assert_eq!(
        outcome.paths(),
        ["Документы/Настройка.md", "Документы/Установка.md"]
    );
}

#[test]
fn what_systems_leave_behind_is_passed_over() {
    let items = [
        "__MACOSX/._a.md",
        ".DS_Store",
        "docs/Thumbs.db",
        ".git/config",
        "a.md",
    ]
    .map(|name| stored(name, "x"));
    let outcome = walk(&zip(&items), "a.zip");
    assert_eq!(outcome.paths(), ["a.md"]);
    assert!(outcome.problems.is_empty());
}

#[test]
fn the_directory_hints_at_the_number_of_entries() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("upload");
    std::fs::write(&path, zip(&[stored("a.md", "x"), stored("b.md", "y")])).unwrap();
    let hint = |name| entries_hint(&path, name, &Limits::default()).unwrap();
    assert_eq!(hint("a.zip"), Some(2));
    std::fs::write(&path, tar(&[tar_file("a.md", "x")])).unwrap();
    assert_eq!(hint("a.tar"), None);
    std::fs::write(
        &path,
        seven(&[("a.md", b"x"), ("b.md", b"y")], &[EncoderMethod::LZMA2]),
    )
    .unwrap();
    assert_eq!(hint("a.7z"), Some(2));
}

#[test]
fn a_binary_is_told_from_text_by_its_bytes() {
    assert_eq!(refusal("image.md", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Binary);
    assert_eq!(refusal("empty.md", b" \n\n"), Empty);
    assert_eq!(refusal("paper.pdf", b"%PDF-1.7\n"), Corrupt);
    assert_eq!(refusal("paper.djvu", b"AT&TFORM\0\0"), UnsupportedFormat);
}
