//! What repositories hold besides documents, and what they claim to hold.

use std::time::{Duration, Instant};

use git2::Oid;
use nexus_domain::ProblemCode;

use super::host::Host;
use super::repository::{FILE, LINK, TestRepository, with};
use crate::git_support::Source;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\n\
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n\
    size 12345\n";

#[test]
fn what_is_no_document_is_named_with_its_reason() {
    let mut repository = TestRepository::of(&[("a.md", "a")]);
    repository.submodule("vendor/other");
    repository.put_as(b"shadow.md", LINK, b"/etc/shadow");
    repository.put("video.md", POINTER);
    repository.put_as(b"bad\xff.md", FILE, b"x");
    repository.put("NUL.md", "device");
    repository.put("и\u{306}.md", "decomposed");
    repository.put("й.md", "composed");
    repository.commit("main");
    let outcome = Source::new().sync(&repository.remote());
    assert_eq!(outcome.files(), [("a.md", "a"), ("й.md", "decomposed")]);
    assert!(outcome.summary().complete);
    for (path, code, part) in [
        ("vendor/other", ProblemCode::Submodule, "source of its own"),
        ("shadow.md", ProblemCode::Link, "not followed"),
        ("video.md", ProblemCode::LfsPointer, "12345 bytes"),
        ("bad\u{fffd}.md", ProblemCode::InvalidPath, "UTF-8"),
        ("NUL.md", ProblemCode::DeviceName, "Windows"),
        ("й.md", ProblemCode::DuplicatePath, "same path"),
    ] {
        let (found, message) = outcome.problem(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(found, code, "{path}");
        assert!(message.contains(part), "{path}: {message}");
    }
    assert_eq!(outcome.problems().len(), 6);
}

#[test]
fn what_the_filter_leaves_out_is_no_problem() {
    let mut repository = TestRepository::of(&[("a.md", "a")]);
    repository.submodule("vendor/other");
    repository.put_as(b"vendor/link.md", LINK, b"x");
    repository.commit("main");
    let remote = with(&repository.remote(), |git| {
        git.filter.exclude = vec!["vendor/".into()];
    });
    let outcome = Source::new().sync(&remote);
    assert_eq!(outcome.files(), [("a.md", "a")]);
    assert!(outcome.problems().is_empty());
}

#[test]
fn a_huge_file_is_not_read_nor_fetched_where_the_server_can_leave_it_out() {
    // Does not pack: what is fetched shows.
    let noise: Vec<u8> = (0..60_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let mut repository = TestRepository::of(&[("a.md", "a")]);
    repository.put("huge.md", &noise);
    repository.commit("main");
    let mut source = Source::new();
    source.limits.file_bytes = 100_000;
    let outcome = source.sync(&repository.remote());
    let (code, message) = outcome.problem("huge.md").unwrap();
    assert_eq!(code, ProblemCode::TooLarge);
    assert_eq!(message, "240000 bytes, 100000 are allowed for one file");

    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let outcome = source.follow(&remote);
    assert_eq!(outcome.problem("huge.md").unwrap().1, message);

    repository.set("uploadpack.allowFilter", "true");
    let mut source = Source::new();
    source.limits.file_bytes = 100_000;
    source.settings.repository_bytes = 50_000;
    let outcome = source.follow(&remote);
    assert_eq!(outcome.files(), [("a.md", "a")]);
    let (code, message) = outcome.problem("huge.md").unwrap();
    assert_eq!(code, ProblemCode::TooLarge);
    assert!(message.contains("100000"), "{message}");

    repository.put("b.md", "b");
    repository.commit("main");
    let outcome = source.follow(&remote);
    assert_eq!(outcome.files(), [("b.md", "b")]);
    assert!(outcome.problem("huge.md").is_some());

    source.limits.file_bytes = 300_000;
    source.settings.repository_bytes = 500_000;
    let outcome = source.sync(&remote);
    assert!(
        outcome.problems().is_empty(),
        "a larger bound fetches what was left out"
    );
}

#[test]
fn more_files_than_allowed_are_one_problem() {
    let mut repository = TestRepository::new();
    for number in 0..30 {
        repository.put(&format!("{number:02}.md"), "x");
    }
    repository.commit("main");
    let mut source = Source::new();
    source.limits.entries = 20;
    let outcome = source.sync(&repository.remote());
    assert_eq!(outcome.paths().len(), 20);
    assert!(!outcome.summary().complete);
    let problems = outcome.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].path.as_ref(), problems[0].code),
        (None, ProblemCode::TooManyEntries)
    );
    assert!(
        problems[0].message.contains("20 files"),
        "{}",
        problems[0].message
    );
    source.limits.entries = 200_000;
    source.limits.unpacked_bytes = 5;
    let outcome = source.sync(&repository.remote());
    assert_eq!(outcome.paths().len(), 5);
    assert!(!outcome.summary().complete);
}

/// Ten folders in each of ten folders in each …, and all are one object.
#[test]
fn a_bomb_of_folders_ends_at_the_bound() {
    let repository = TestRepository::new();
    let git = &repository.git;
    let mut id = git.blob(b"x").unwrap();
    let mut mode = 0o100_644;
    for _ in 0..12 {
        let mut tree = git.treebuilder(None).unwrap();
        for name in 0..10 {
            tree.insert(format!("d{name}"), id, mode).unwrap();
        }
        id = tree.write().unwrap();
        mode = 0o040_000;
    }
    repository.commit_tree("main", id, None);
    let mut source = Source::new();
    source.limits.entries = 1_000;
    let begun = Instant::now();
    let outcome = source.sync(&repository.remote());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(!outcome.summary().complete);
    assert_eq!(outcome.paths().len(), 1_000);
}

#[test]
fn folders_that_nest_too_deep_are_one_problem() {
    let repository = TestRepository::new();
    let git = &repository.git;
    let mut id: Oid = git.blob(b"x").unwrap();
    let mut mode = 0o100_644;
    for _ in 0..5_000 {
        let mut tree = git.treebuilder(None).unwrap();
        tree.insert("d", id, mode).unwrap();
        id = tree.write().unwrap();
        mode = 0o040_000;
    }
    repository.commit_tree("main", id, None);
    let outcome = Source::new().sync(&repository.remote());
    assert!(outcome.paths().is_empty());
    let problems = outcome.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].code, ProblemCode::TooDeep);
}
