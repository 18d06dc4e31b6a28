//! Archives inside archives.

use nexus_domain::ProblemCode::{
    self, Corrupt, DuplicatePath, Encrypted, Link, NestedArchive, PathEscapesRoot, SuspiciousRatio, TooDeep,
    TooLarge, TooManyEntries, Truncated, UnsupportedCompression,
};
use nexus_ingest::{Limits, RawFile};
use sevenz_rust2::EncoderMethod;
use tar::EntryType;

use crate::sevenz_file::seven;
use crate::support::{
    Item, Outcome, bzip2, deflated, gzip, noise, refusal, stored, tar, tar_entry, tar_file, walk,
    walk_within, xz, zip, zstd,
};

fn lzma2(files: &[(&str, &[u8])]) -> Vec<u8> {
    seven(files, &[EncoderMethod::LZMA2])
}

fn text_of<'a>(outcome: &'a Outcome, path: &str) -> Option<&'a str> {
    let has_path = |file: &&RawFile| file.path == path;
    let file = outcome.files.iter().find(has_path)?;
    std::str::from_utf8(&file.bytes).ok()
}

#[test]
fn an_archive_in_an_archive_is_walked_like_a_folder() {
    let tarball = tar(&[tar_file("docs/a.md", "# A\n"), tar_file("b.md", "# B\n")]);
    let packed = zip(&[stored("docs/a.md", "# A\n"), deflated("b.md", "# B\n")]);
    let files: [(&str, Vec<u8>); 7] = [
        ("inner.zip", packed.clone()),
        ("inner.7z", lzma2(&[("docs/a.md", b"# A\n"), ("b.md", b"# B\n")])),
        ("inner.tar", tarball.clone()),
        ("inner.tgz", gzip(&tarball)),
        ("deep/inner.tar.bz2", bzip2(&tarball)),
        ("inner.tar.xz", xz(&tarball)),
        ("disguised.md", zstd(&tarball)),
    ];
    let slices: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let items: Vec<Item> = files.iter().map(|(name, bytes)| deflated(name, bytes)).collect();
    let entries: Vec<Vec<u8>> = files
        .iter()
        .map(|(name, bytes)| tar_entry(EntryType::Regular, name.as_bytes(), bytes))
        .collect();
    for (outer, name) in [
        (zip(&items), "outer.zip"),
        (lzma2(&slices), "outer.7z"),
        (tar(&entries), "outer.tar"),
        (xz(&tar(&entries)), "outer.tar.xz"),
    ] {
        let outcome = walk(&outer, name);
        let expected: Vec<String> = files
            .iter()
            .flat_map(|(path, _)| [format!("{path}/docs/a.md"), format!("{path}/b.md")])
            .collect();
        assert_eq!(outcome.paths(), expected, "{name}");
        assert_eq!(text_of(&outcome, "inner.7z/docs/a.md"), Some("# A\n"), "{name}");
        assert!(outcome.complete() && outcome.problems.is_empty(), "{name}");
        assert_eq!(outcome.result.unwrap().entries, 21, "{name}");
    }
}

#[test]
fn a_compressed_file_in_an_archive_is_the_file_inside() {
    let outcome = walk(
        &zip(&[
            stored("logs/app.log.gz", gzip(b"started\n")),
            stored("page.html", "<p>page</p>"),
            stored("page.html.bz2", bzip2(b"<p>page</p>")),
            stored("data.bin", xz(b"text\n")),
        ]),
        "a.zip",
    );
    assert_eq!(outcome.paths(), ["logs/app.log", "page.html", "data.bin"]);
    assert_eq!(outcome.codes(), [(Some("page.html"), DuplicatePath)]);
}

#[test]
fn documents_that_are_zip_files_inside_are_no_archives() {
    let inner = zip(&[stored("a.md", "# A\n")]);
    let outcome = walk(&zip(&[stored("report.docx", &inner)]), "a.zip");
    assert_eq!(outcome.paths(), ["report.docx"], "the extractor's to judge");
    assert_eq!(refusal("report.docx", &inner), ProblemCode::UnsupportedFormat);
}

#[test]
fn two_archives_deep_is_told_and_not_opened_however_deep_it_goes() {
    let mut doll = zip(&[stored("a.md", "# A\n")]);
    for _ in 0..6 {
        doll = zip(&[stored("readme.md", "# Read me\n"), deflated("inner.zip", &doll)]);
    }
    let outcome = walk(&doll, "doll.zip");
    assert_eq!(outcome.paths(), ["readme.md", "inner.zip/readme.md"]);
    assert_eq!(outcome.codes(), [(Some("inner.zip/inner.zip"), NestedArchive)]);
    let outcome = walk(
        &zip(&[stored(
            "in.tgz",
            gzip(&tar(&[tar_file("a.md", "# A\n"), tar_file("b.md", "# B\n")])),
        )]),
        "a.zip",
    );
    assert!(outcome.complete(), "a tar in a stream is one archive");
    let streams = gzip(&gzip(&gzip(b"text")));
    assert_eq!(
        walk(&streams, "a.md.gz.gz.gz").codes(),
        [(Some("a.md.gz"), NestedArchive)]
    );
    let rar = zip(&[stored("a.rar", b"Rar!\x1a\x07\x01\0"), stored("b.md", "# B\n")]);
    assert_eq!(
        walk(&rar, "a.zip").codes(),
        [(Some("a.rar"), UnsupportedCompression)]
    );
}

#[test]
fn thousands_of_nested_archives_are_walked_and_counted_together() {
    let items: Vec<Item> = (0..10_000)
        .map(|n| stored(format!("{n}.zip"), zip(&[stored("a.md", format!("# {n}\n"))])))
        .collect();
    let outer = zip(&items);
    let outcome = walk(&outer, "many.zip");
    assert_eq!(outcome.files.len(), 10_000);
    assert_eq!(outcome.files[9_999].path, "9999.zip/a.md");
    assert_eq!(outcome.result.unwrap().entries, 20_000);

    let limits = Limits {
        entries: 5_001,
        ..Limits::default()
    };
    let outcome = walk_within(&outer, "many.zip", &limits);
    assert_eq!(outcome.files.len(), 2_500);
    assert_eq!(
        outcome.codes(),
        [(None, TooManyEntries)],
        "a bound of the whole ends the whole"
    );
    assert!(!outcome.complete());
}

#[test]
fn a_nested_bomb_is_left_out_and_its_neighbours_are_not() {
    let limits = Limits {
        ratio_floor_bytes: 1 << 20,
        ..Limits::default()
    };
    let bomb = vec![b'a'; 3 << 20];
    let text = noise(60_000);
    // Each file alone is below the floor; the archive is not.
    let parts: Vec<Item> = (0..6)
        .map(|n| deflated(format!("{n}.txt"), &bomb[..1 << 20]))
        .collect();
    let tarball = tar(&[tar_file("a.txt", &"a".repeat(3 << 20))]);
    let bombs: [(&str, Vec<u8>); 4] = [
        ("parts.zip", zip(&parts)),
        ("bomb.7z", lzma2(&[("a.txt", &bomb)])),
        ("bomb.tar.gz", gzip(&tarball)),
        ("bomb.txt.bz2", bzip2(&bomb)),
    ];
    for (name, bytes) in bombs {
        let outer = zip(&[
            stored("a.md", &text),
            stored(name, bytes),
            stored("z.md", "# Z\n"),
        ]);
        let outcome = walk_within(&outer, "a.zip", &limits);
        let problems = outcome.codes();
        assert_eq!(problems.len(), 1, "{name}: {problems:?}");
        assert_eq!(problems[0].1, SuspiciousRatio, "{name}");
        assert!(
            problems[0].0.is_some_and(|path| path.starts_with(name)),
            "{problems:?}"
        );
        assert_eq!(text_of(&outcome, "z.md"), Some("# Z\n"), "{name}");
    }
}

#[test]
fn what_nested_archives_unpack_counts_for_the_whole() {
    let text = noise(100);
    let inner = zip(&[deflated("a.md", &text), deflated("b.md", &text)]);
    let items: Vec<Item> = (0..10).map(|n| deflated(format!("{n}.zip"), &inner)).collect();
    let limits = Limits {
        unpacked_bytes: 20_000,
        ..Limits::default()
    };
    let outcome = walk_within(&zip(&items), "a.zip", &limits);
    assert!(!outcome.files.is_empty() && outcome.files.len() < 20);
    assert_eq!(outcome.codes(), [(None, TooLarge)]);
    let unpacked: usize = outcome.files.iter().map(|file| file.bytes.len()).sum();
    assert!(
        unpacked + inner.len() <= 20_000,
        "the inner archives are unpacked, too"
    );
}

#[test]
fn a_nested_archive_may_be_larger_than_a_file_but_not_than_an_upload() {
    let items: Vec<Item> = (0..20).map(|n| stored(format!("{n}.md"), noise(20))).collect();
    let inner = zip(&items);
    let outer = zip(&[deflated("inner.zip", &inner), stored("b.md", "# B\n")]);
    let limits = Limits {
        file_bytes: 2_000,
        ..Limits::default()
    };
    assert_eq!(walk_within(&outer, "a.zip", &limits).files.len(), 21);
    let limits = Limits {
        packed_bytes: outer.len() as u64,
        ..Limits::default()
    };
    assert!(inner.len() > outer.len());
    let outcome = walk_within(&outer, "a.zip", &limits);
    assert_eq!(outcome.codes(), [(Some("inner.zip"), TooLarge)]);
    assert_eq!(outcome.paths(), ["b.md"]);
}

#[test]
fn a_damaged_nested_archive_is_one_problem_and_nothing_counts_as_gone() {
    let packed = zip(&[stored("a.md", "# A\n"), deflated("b.md", noise(200))]);
    let tarball = tar(&[tar_file("a.md", "# A\n"), tar_file("b.md", &noise(200))]);
    let sevenz = lzma2(&[("a.md", b"# A\n")]);
    let cases = [
        ("in.zip", packed[..packed.len() / 2].to_vec(), Truncated, true),
        ("in.tar", tarball[..tarball.len() / 2].to_vec(), Truncated, true),
        ("in.7z", sevenz[..sevenz.len() / 2].to_vec(), Truncated, false),
        ("in.tar.gz", gzip(&tarball)[..600].to_vec(), Truncated, true),
        (
            "in.zip",
            b"PK\x05\x06 and then nothing of a zip".to_vec(),
            Corrupt,
            false,
        ),
    ];
    for (name, bytes, code, has_first) in cases {
        let outcome = walk(&zip(&[stored(name, bytes), stored("z.md", "# Z\n")]), "a.zip");
        assert_eq!(outcome.codes(), [(Some(name), code)]);
        let first = format!("{name}/a.md");
        let expected = if has_first {
            vec![first.as_str(), "z.md"]
        } else {
            vec!["z.md"]
        };
        assert_eq!(outcome.paths(), expected, "{name}");
        assert!(!outcome.complete(), "what was not met may still be in {name}");
    }
    let secret = Item {
        flags: 1,
        ..stored("secret.md", "xxxxxxxxxxxxxxxx")
    };
    let outcome = walk(
        &zip(&[stored("in.zip", zip(&[secret])), stored("z.md", "# Z\n")]),
        "a.zip",
    );
    assert_eq!(outcome.codes(), [(Some("in.zip/secret.md"), Encrypted)]);
}

#[test]
fn an_outer_stream_that_breaks_within_a_nested_archive_ends_the_walk() {
    let inner = tar(&[tar_file("a.md", "# A\n"), tar_file("b.md", &noise(20_000))]);
    let outer = tar(&[
        tar_entry(EntryType::Regular, b"in.tar", &inner),
        tar_file("z.md", "# Z\n"),
    ]);
    for (bytes, name) in [
        (outer.clone(), "a.tar"),
        (gzip(&outer), "a.tgz"),
        (xz(&outer), "a.tar.xz"),
    ] {
        let outcome = walk(&bytes[..bytes.len() / 2], name);
        assert_eq!(outcome.paths(), ["in.tar/a.md"], "{name}");
        assert_eq!(outcome.codes()[0], (Some("in.tar"), Truncated), "{name}");
        assert!(outcome.codes()[1].0.is_none(), "{name}");
        assert!(!outcome.complete(), "{name}");
    }
}

#[test]
fn no_path_leaves_a_nested_archive() {
    let link = Item {
        mode: 0o120_777,
        ..stored("link.md", "/etc/passwd")
    };
    let deep = format!("{}a.md", "d/".repeat(32));
    let inner = zip(&[
        stored("../up.md", "x"),
        stored("/etc/passwd", "x"),
        link,
        stored(&deep, "x"),
        stored("a.md", "# A\n"),
        stored("./a.md", "# Again\n"),
        stored("__MACOSX/._a.md", "x"),
    ]);
    let outcome = walk(&zip(&[stored("docs/in.zip", inner)]), "a.zip");
    assert_eq!(outcome.paths(), ["docs/in.zip/a.md"]);
    let deep = format!("docs/in.zip/{deep}");
    let expected = [
        (Some("docs/in.zip/../up.md"), PathEscapesRoot),
        (Some("docs/in.zip//etc/passwd"), PathEscapesRoot),
        (Some("docs/in.zip/link.md"), Link),
        (Some(deep.as_str()), TooDeep),
        (Some("docs/in.zip/a.md"), DuplicatePath),
    ];
    assert_eq!(outcome.codes(), expected);
}

#[test]
fn nothing_is_left_beside_the_upload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload");
    let inner = zip(&[stored("a.md", "# A\n")]);
    std::fs::write(&path, zip(&[stored("in.zip", &inner), stored("b.md", "# B\n")])).unwrap();
    let mut beside = Vec::new();
    nexus_ingest::walk(&path, "a.zip", &Limits::default(), &mut |_| {
        beside.push(folder.path().read_dir().unwrap().count());
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(
        beside,
        [1, 1],
        "not even while it is read: a crash would leave it"
    );
}
