//! What a sync hands out, first and after people have worked on.

use std::time::{Duration, Instant};

use super::host::Host;
use super::repository::{TestRepository, with};
use crate::git_support::Source;

/// Reads the repository in place and over HTTP: both must say the same.
fn both_ways(repository: &TestRepository, check: impl Fn(&mut Source, &nexus_domain::Remote)) {
    check(&mut Source::new(), &repository.remote());
    if let Some(host) = Host::start() {
        let remote = host.add("team", repository);
        check(&mut Source::new(), &remote);
    }
}

#[test]
fn the_first_sync_hands_out_the_newest_files() {
    let mut repository = TestRepository::of(&[("README.md", "old"), ("gone.md", "gone")]);
    repository.remove("gone.md");
    repository.put("README.md", "new");
    repository.put("docs/установка/Линукс.md", "# Линукс");
    repository.put("docs/deep/er/a b.md", "deep");
    repository.put_as(b"run.sh", super::repository::PROGRAM, b"#!/bin/sh\n");
    let commit = repository.commit("main");
    both_ways(&repository, |source, remote| {
        let outcome = source.follow(remote);
        assert_eq!(
            outcome.files(),
            [
                ("README.md", "new"),
                ("docs/deep/er/a b.md", "deep"),
                ("docs/установка/Линукс.md", "# Линукс"),
                ("run.sh", "#!/bin/sh\n"),
            ]
        );
        let summary = outcome.summary();
        assert!(summary.complete && !summary.is_unchanged);
        assert!(summary.state.as_ref().unwrap().starts_with(&commit.to_string()));
        assert_eq!(*source.watch.totals.lock().unwrap(), [4]);
        for file in outcome.raw_files() {
            assert_eq!(file.hash, nexus_domain::ContentHash::of(&file.bytes));
            assert_eq!(file.packed_size, file.bytes.len() as u64);
            assert_eq!(file.provenance.link, None, "nobody knows this host");
        }
    });
}

#[test]
fn history_is_not_fetched() {
    let mut repository = TestRepository::new();
    let old = repository.put("a.md", "secret of the past ".repeat(50));
    repository.commit("main");
    let new = repository.put("a.md", "new");
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let source = Source::new();
    source.sync(&host.add("team", &repository)).summary();
    let odb = git2::Odb::new().unwrap();
    odb.add_disk_alternate(source.folder.path().join("objects").to_str().unwrap())
        .unwrap();
    assert!(odb.exists(new) && !odb.exists(old));
}

#[test]
fn nothing_is_fetched_where_nothing_has_changed() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    let first = source.follow(&remote).summary().state.clone();
    assert_eq!(host.asked().len(), 2);
    let begun = Instant::now();
    let outcome = source.follow(&remote);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(outcome.summary().is_unchanged && outcome.summary().complete);
    assert_eq!(outcome.summary().state, first);
    assert!(outcome.items.is_empty());
    let asked = host.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].line.starts_with("GET /team/wiki.git/info/refs"));
}

#[test]
fn other_settings_are_a_change() {
    let repository = TestRepository::of(&[("a.md", "a"), ("b.rs", "b"), ("docs/c.md", "c")]);
    both_ways(&repository, |source, remote| {
        source.follow(remote);
        let only = with(remote, |git| git.filter.include = vec!["*.md".into()]);
        let outcome = source.follow(&only);
        assert!(!outcome.summary().is_unchanged);
        assert_eq!(outcome.unchanged(), 2);
        let below = with(remote, |git| git.folder = Some("docs".into()));
        assert_eq!(source.follow(&below).files(), [("c.md", "c")]);
        assert!(source.follow(&below).summary().is_unchanged);
    });
}

#[test]
fn one_file_of_a_thousand_is_fetched_alone() {
    let mut repository = TestRepository::new();
    for number in 0..1000 {
        let text = format!("Page {number}. {}", "Some text that packs well. ".repeat(20));
        repository.put(&format!("pages/{}/{number}.md", number % 10), text);
    }
    repository.commit("main");
    let local = repository.remote();
    let host = Host::start();
    let remotes: Vec<_> = host
        .iter()
        .map(|host| host.add("team", &repository))
        .chain([local])
        .collect();
    let mut sources: Vec<_> = remotes.iter().map(|_| Source::new()).collect();
    for (source, remote) in sources.iter_mut().zip(&remotes) {
        assert_eq!(source.follow(remote).paths().len(), 1000);
    }
    repository.put("pages/7/507.md", "Changed.");
    repository.commit("main");
    for (source, remote) in sources.iter_mut().zip(&remotes) {
        host.iter().for_each(|host| {
            host.sent();
        });
        let outcome = source.follow(remote);
        assert_eq!(outcome.files(), [("pages/7/507.md", "Changed.")]);
        assert_eq!(outcome.unchanged(), 999);
        let came = host.as_ref().map_or(0, Host::sent);
        assert!(came < 12_000, "{came} bytes for one file");
    }
}

#[test]
fn a_renamed_folder_brings_known_content() {
    let mut repository = TestRepository::of(&[("old/a.md", "a"), ("old/b.md", "b"), ("c.md", "c")]);
    let host = Host::start();
    let served = host.as_ref().map(|host| host.add("team", &repository));
    let mut sources: Vec<_> = [Some(repository.remote()), served]
        .into_iter()
        .flatten()
        .map(|remote| (Source::new(), remote))
        .collect();
    for (source, remote) in &mut sources {
        source.follow(remote);
    }
    repository.rename("old/", "new/");
    repository.commit("main");
    for (source, remote) in &mut sources {
        let before = source.known.clone();
        let outcome = source.follow(remote);
        assert_eq!(outcome.files(), [("new/a.md", "a"), ("new/b.md", "b")]);
        assert_eq!(outcome.unchanged(), 1);
        assert_eq!(source.known["new/a.md"], before["old/a.md"]);
        assert_eq!(source.known["new/b.md"], before["old/b.md"]);
        assert!(!source.known.contains_key("old/a.md"));
    }
}

#[test]
fn a_deleted_file_is_not_listed() {
    let mut repository = TestRepository::of(&[("a.md", "a"), ("b.md", "b")]);
    let mut source = Source::new();
    let remote = repository.remote();
    source.follow(&remote);
    repository.remove("b.md");
    repository.commit("main");
    let outcome = source.follow(&remote);
    assert!(outcome.summary().complete);
    assert_eq!((outcome.items.len(), outcome.unchanged()), (1, 1));
}

#[test]
fn branch_folder_and_globs_choose() {
    let mut repository = TestRepository::of(&[("docs/a.md", "main")]);
    for path in [
        "docs/a.md",
        "docs/b.rs",
        "docs/drafts/c.md",
        "docs/en/d.md",
        "e.md",
    ] {
        repository.put(path, "dev");
    }
    repository.commit("feature/поиск");
    both_ways(&repository, |source, remote| {
        let remote = with(remote, |git| {
            git.branch = Some("feature/поиск".into());
            git.folder = Some("/docs/".into());
            git.filter.include = vec!["*.md".into()];
            git.filter.exclude = vec!["drafts/".into()];
        });
        assert_eq!(
            source.follow(&remote).files(),
            [("a.md", "dev"), ("en/d.md", "dev")]
        );
    });
}

#[test]
fn a_history_that_was_rewritten_is_read_as_it_is_now() {
    let mut repository = TestRepository::of(&[("a.md", "a"), ("b.md", "b")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.follow(&remote);
    let first = repository.git.refname_to_id("refs/heads/main").unwrap();
    repository.put("b.md", "second");
    repository.commit("main");
    source.follow(&remote);
    repository.clear();
    repository.put("a.md", "a");
    repository.put("c.md", "c");
    repository.force("main");
    let outcome = source.follow(&remote);
    assert_eq!(outcome.files(), [("c.md", "c")]);
    assert_eq!(outcome.unchanged(), 1);
    // And back to where it began.
    repository
        .git
        .reference("refs/heads/main", first, true, "test")
        .unwrap();
    assert_eq!(source.follow(&remote).files(), [("b.md", "b")]);
}
