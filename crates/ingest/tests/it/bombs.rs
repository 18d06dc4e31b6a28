//! Bombs in an archive of honest files: each is stopped and told, and nothing beside it is lost.

use nexus_domain::ProblemCode::{self, SuspiciousRatio, TooLarge};
use nexus_ingest::Limits;
use sevenz_rust2::EncoderMethod;

use crate::sevenz_file::seven;
use crate::support::{
    Item, Outcome, bzip2, deflated, gzip, noise, stored, tar, tar_entry, tar_file, walk_within, xz, zip, zstd,
};

const MIB: usize = 1 << 20;

/// The default bounds, sixteen times smaller.
fn small() -> Limits {
    Limits {
        ratio_floor_bytes: 1 << 20,
        file_bytes: 4 << 20,
        ..Limits::default()
    }
}

fn honest(number: u32) -> (String, String) {
    (
        format!("lamps/{number:03}.md"),
        format!("# Lamp {number}\n\n{}", noise(3)),
    )
}

/// Archives and streams that are bombs, each in its own way.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = vec![0; 6 * MIB];
    let line = vec![b'a'; 6 * MIB];
    let pieces: Vec<Item> = (0..6)
        .map(|n| deflated(format!("{n}.txt"), &line[..MIB]))
        .collect();
    let tarball = tar(&[
        tar_file("a.txt", &"a".repeat(3 * MIB)),
        tar_file("b.txt", &"b".repeat(3 * MIB)),
    ]);
    vec![
        ("bomb/gz.txt.gz", gzip(&line)),
        ("bomb/bz2.txt.bz2", bzip2(&line)),
        ("bomb/xz.txt.xz", xz(&line)),
        ("bomb/zst.txt.zst", zstd(&line)),
        ("bomb/one.zip", zip(&[deflated("zeros.txt", &zeros)])),
        ("bomb/pieces.zip", zip(&pieces)),
        ("bomb/a.tar.gz", gzip(&tarball)),
        (
            "bomb/a.7z",
            seven(&[("zeros.txt", &zeros)], &[EncoderMethod::LZMA2]),
        ),
    ]
}

/// A good file before each of `bombs`, and good ones behind them all.
fn around(bombs: &[(&'static str, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (at, (name, bytes)) in (0..).zip(bombs) {
        let (path, text) = honest(at);
        files.push((path, text.into_bytes()));
        files.push(((*name).to_owned(), bytes.clone()));
    }
    let (path, text) = honest(999);
    files.push((path, text.into_bytes()));
    files.push(("inner.zip".to_owned(), zip(&[deflated("a.md", noise(9))])));
    files
}

fn tarball(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let entry =
        |(name, bytes): &(String, Vec<u8>)| tar_entry(tar::EntryType::Regular, name.as_bytes(), bytes);
    tar(&files.iter().map(entry).collect::<Vec<_>>())
}

fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<Item> = files.iter().map(|(name, bytes)| deflated(name, bytes)).collect();
    zip(&items)
}

/// Each bomb has a reason of its own, and all else was read.
fn assert_told(outcome: &Outcome, bombs: &[(&'static str, Vec<u8>)], what: &str) {
    for (name, _) in bombs {
        let stem = name.rsplit_once('.').map_or(*name, |(stem, _)| stem);
        let is_its = |path: &str| path == *name || path == stem || path.starts_with(&format!("{name}/"));
        let told = outcome
            .codes()
            .into_iter()
            .find(|(path, _)| path.is_some_and(is_its));
        assert!(
            matches!(told, Some((_, SuspiciousRatio | TooLarge))),
            "{name} in {what}: {:?}",
            outcome.problems
        );
    }
    assert!(
        outcome.problems.iter().all(|problem| problem.path.is_some()),
        "{what}: {:?}",
        outcome.problems
    );
    for at in (0..bombs.len() as u32).chain([999]) {
        assert!(outcome.paths().contains(&honest(at).0.as_str()), "{at} in {what}");
    }
    assert!(
        outcome.paths().contains(&"inner.zip/a.md"),
        "{what}: behind all bombs"
    );
}

#[test]
fn a_nested_bomb_is_not_the_end_of_what_it_lies_in() {
    let bombs = bombs();
    let files = around(&bombs);
    let slices: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    for (outer, name) in [
        (gzip(&tarball(&files)), "a.tar.gz"),
        (xz(&tarball(&files)), "a.tar.xz"),
        (zipped(&files), "a.zip"),
        (seven(&slices, &[EncoderMethod::LZMA2]), "a.7z"),
    ] {
        // Small beside what the bombs unpack until they are stopped, so as a whole it would be suspicious.
        assert!(200 * outer.len() < 6 * MIB, "{} bytes of {name}", outer.len());
        let outcome = walk_within(&outer, name, &small());
        assert_told(&outcome, &bombs, name);
    }
}

#[test]
fn files_of_a_zip_that_swell_are_not_the_end_of_it() {
    let line = vec![b'a'; 3 * MIB];
    let stored = zip(&[stored("a.txt", &line), stored("b.txt", &line)]);
    let bombs: Vec<(&str, Vec<u8>)> = vec![
        ("a.txt", line.clone()),
        ("b.zip", stored.clone()),
        ("c.txt", line),
        ("d.zip", stored),
    ];
    let outcome = walk_within(&zipped(&around(&bombs)), "a.zip", &small());
    assert_told(&outcome, &bombs, "a.zip");
    let codes: Vec<ProblemCode> = outcome.codes().into_iter().map(|(_, code)| code).collect();
    assert_eq!(codes, [SuspiciousRatio; 4]);
}

#[test]
fn any_number_of_bombs_costs_no_more_than_one_large_upload() {
    let bomb = gzip(&vec![b'a'; 3 * MIB]);
    let mut files = vec![("good.md".to_owned(), b"# Good\n".to_vec())];
    files.extend((0..500).map(|n| (format!("{n}.txt.gz"), bomb.clone())));
    let limits = Limits {
        unpacked_bytes: 20 << 20,
        ..small()
    };
    for (outer, name) in [(gzip(&tarball(&files)), "a.tgz"), (zipped(&files), "a.zip")] {
        let outcome = walk_within(&outer, name, &limits);
        assert_eq!(outcome.paths(), ["good.md"]);
        let (end, stopped) = outcome.problems.split_last().unwrap();
        assert!(
            (10..=20).contains(&stopped.len()),
            "{name}: a MiB each, not {}",
            stopped.len()
        );
        assert!(
            stopped
                .iter()
                .all(|problem| problem.path.is_some() && problem.code == SuspiciousRatio)
        );
        assert_eq!((end.path.as_ref(), end.code), (None, TooLarge), "{name}");
        let message = &end.message;
        assert!(
            message.contains("20971520 bytes") && message.contains("was not read"),
            "{message}"
        );
        assert!(!outcome.complete());
    }
}

#[test]
fn what_nested_archives_give_together_is_bounded_by_the_upload() {
    // A hundred times as much each, so each is honest; in one stream, forty of them are not much more than one.
    let text: String = (0..2_700).map(|n| format!("{n}{}\n", "-".repeat(300))).collect();
    let inner = gzip(text.as_bytes());
    assert!(
        text.len() / inner.len() < 200 && inner.len() < 30_000,
        "{}",
        inner.len()
    );
    let mut files: Vec<(String, Vec<u8>)> = (0..40)
        .map(|n| (format!("{n:02}.txt.gz"), inner.clone()))
        .collect();
    files.push(("last.md".to_owned(), b"# Last\n".to_vec()));
    let outer = gzip(&tarball(&files));
    let outcome = walk_within(&outer, "a.tgz", &small());
    let given: usize = outcome.files.iter().map(|file| file.bytes.len()).sum();
    assert!(
        given <= (200 * outer.len()).max(MIB) + MIB,
        "{given} bytes of {}",
        outer.len()
    );
    assert_eq!(outcome.paths().last(), Some(&"last.md"));
    let codes = outcome.codes();
    assert!(codes.len() > 10, "{codes:?}");
    assert!(
        codes
            .iter()
            .all(|(path, code)| path.is_some() && *code == SuspiciousRatio)
    );
    assert!(!outcome.complete());
}
