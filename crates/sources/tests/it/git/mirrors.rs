//! What is kept between syncs.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use git2::{ObjectType, Odb, Oid};
use nexus_domain::Remote;
use nexus_sources::SourceError;

use super::host::Host;
use super::repository::{TestRepository, with};
use crate::git_support::Source;

fn packs(source: &Source) -> Vec<PathBuf> {
    let files = fs::read_dir(source.folder.path().join("objects/pack")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "pack"));
    files
}

/// Text that no pack can make small.
fn noise(seed: u32, words: u32) -> String {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("{state:08x} ")
    };
    (0..words).map(|_| word()).collect()
}

#[test]
fn a_damaged_mirror_is_fetched_anew() {
    let mut repository = TestRepository::of(&[]);
    for number in 0..50 {
        repository.put(&format!("{number}.md"), noise(number, 100));
    }
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    type Damage = fn(&Source);
    let damages: [(&str, Damage); 6] = [
        ("a byte of the pack", |source| {
            let pack = packs(source).remove(0);
            let mut bytes = fs::read(&pack).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 64].fill(0x55);
            fs::write(&pack, bytes).unwrap();
        }),
        ("the pack is shorter", |source| {
            let pack = fs::OpenOptions::new().write(true).open(packs(source).remove(0));
            pack.unwrap().set_len(100).unwrap();
        }),
        ("the pack is gone", |source| {
            fs::remove_file(packs(source).remove(0)).unwrap();
        }),
        ("the index is nonsense", |source| {
            let index = packs(source).remove(0).with_extension("idx");
            let len = fs::metadata(&index).unwrap().len();
            fs::write(&index, vec![7; usize::try_from(len).unwrap()]).unwrap();
        }),
        ("the note is nonsense", |source| {
            fs::write(source.folder.path().join("objects/note.json"), "{").unwrap();
        }),
        ("all is gone", |source| {
            fs::remove_dir_all(source.folder.path()).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let source = Source::new();
        let whole: Vec<String> = source
            .sync(&remote)
            .paths()
            .iter()
            .map(|path| (*path).to_owned())
            .collect();
        assert_eq!(whole.len(), 50);
        damage(&source);
        // The same commit, from what is here; then a newer one, on top of what is here.
        assert_eq!(source.sync(&remote).paths(), whole, "{name}");
        damage(&source);
        repository.put("0.md", name);
        repository.commit("main");
        let outcome = source.sync(&remote);
        assert_eq!(outcome.paths(), whole, "{name}");
        assert!(outcome.problems().is_empty(), "{name}: {:?}", outcome.problems());
        assert!(outcome.files().contains(&("0.md", name)));
    }
}

#[test]
fn a_mirror_that_is_damaged_while_it_is_read_is_fetched_anew() {
    let mut repository = TestRepository::of(&[]);
    for number in 0..50 {
        repository.put(&format!("{number}.md"), noise(number, 100));
    }
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    for eighth in 1..8 {
        let source = Source::new();
        let whole = source.sync(&remote);
        host.asked();
        let outcome = source.sync_with(&remote, |before| {
            if before == 1 {
                let pack = packs(&source).remove(0);
                let at = fs::metadata(&pack).unwrap().len() * eighth / 8;
                let mut file = fs::OpenOptions::new().write(true).open(pack).unwrap();
                file.seek(SeekFrom::Start(at)).unwrap();
                file.write_all(&[0x55; 1_000]).unwrap();
            }
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.files(), whole.files(), "{:?}", outcome.problems());
        let fetched = host
            .asked()
            .iter()
            .filter(|asked| asked.line.starts_with("POST"))
            .count();
        assert_eq!(fetched, 1, "{eighth}");

        let outcome = source.sync_with(&remote, |before| {
            if before == 1 {
                fs::remove_dir_all(source.folder.path()).unwrap();
            }
            ControlFlow::Continue(())
        });
        assert_eq!(outcome.files(), whole.files(), "{:?}", outcome.problems());
    }
}

#[test]
fn the_mirror_does_not_grow_without_bound() {
    let mut repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    let mut most = 0;
    for number in 0..40 {
        let name = format!("{number}.md");
        repository.put(&name, format!("File {number}"));
        repository.commit("main");
        assert!(source.follow(&remote).paths().contains(&name.as_str()));
        most = most.max(packs(&source).len());
    }
    assert!((20..=24).contains(&most), "{most} packs");
    for number in 0..3 {
        repository.put("a.md", format!("Edit {number}"));
        repository.commit("main");
        assert_eq!(source.follow(&remote).paths(), ["a.md"]);
        assert_eq!(packs(&source).len(), 1, "what was edited away is thrown away");
    }

    for number in 0..8 {
        repository.put("big.md", noise(number, 400_000));
        repository.commit("main");
        source.follow(&remote);
        let bytes: u64 = packs(&source)
            .iter()
            .map(|pack| fs::metadata(pack).unwrap().len())
            .sum();
        assert!(bytes < 12 << 20, "{bytes} bytes after {number}");
    }
}

/// Whether the mirror holds a file of this content.
fn holds(source: &Source, content: &str) -> bool {
    let id = Oid::hash_object(ObjectType::Blob, content.as_bytes()).unwrap();
    let objects = Odb::new().unwrap();
    let folder = source.folder.path().join("objects");
    objects.add_disk_alternate(folder.to_str().unwrap()).unwrap();
    objects.exists(id)
}

#[test]
fn what_a_repository_deletes_leaves_its_mirror() {
    let mut repository = TestRepository::of(&[("a.md", "a secret"), ("docs/b.md", "b"), ("docs/c.md", "c")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.follow(&remote);
    assert!(holds(&source, "a secret"), "the test looks where texts are");

    repository.put("d.md", "d");
    repository.commit("main");
    assert_eq!(source.follow(&remote).paths(), ["d.md"]);
    assert!(holds(&source, "a secret") && packs(&source).len() == 2);
    repository.remove("a.md");
    repository.put("docs/b.md", "b was edited");
    repository.commit("main");
    assert_eq!(source.follow(&remote).files(), [("docs/b.md", "b was edited")]);
    for (content, is_held) in [
        ("a secret", false),
        ("b", false),
        ("b was edited", true),
        ("c", true),
        ("d", true),
    ] {
        assert_eq!(holds(&source, content), is_held, "{content}");
    }
    assert_eq!(packs(&source).len(), 1);

    // What is left is whole, and is built upon.
    host.asked();
    source.known.clear();
    source.state = None;
    assert_eq!(source.follow(&remote).paths(), ["d.md", "docs/b.md", "docs/c.md"]);
    let fetched = |host: &Host| {
        let asked = host.asked();
        let posts = asked.iter().filter(|asked| asked.line.starts_with("POST"));
        posts.map(|asked| asked.body.clone()).collect::<Vec<_>>()
    };
    assert!(fetched(&host).is_empty(), "nothing was fetched anew");
    repository.put("docs/c.md", "c was edited");
    repository.commit("main");
    assert_eq!(source.follow(&remote).files(), [("docs/c.md", "c was edited")]);
    let bodies = fetched(&host);
    assert!(bodies.len() == 1 && bodies[0].contains("have "), "{bodies:?}");
}

#[test]
fn another_repository_in_the_same_folder_begins_anew() {
    let first = TestRepository::of(&[("a.md", "a")]);
    let second = TestRepository::of(&[("b.md", "b")]);
    let Some(host) = Host::start() else { return };
    let source = Source::new();
    source.sync(&host.add("first", &first)).summary();
    assert_eq!(source.sync(&host.add("second", &second)).files(), [("b.md", "b")]);
    assert_eq!(packs(&source).len(), 1);
}

#[test]
fn one_folder_is_used_by_one_sync() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let source = Source::new();
    let held = fs::File::create(source.folder.path().join("lock")).unwrap();
    held.lock().unwrap();
    let outcome = source.sync(&remote);
    assert!(
        matches!(outcome.result, Err(SourceError::Away { .. })),
        "{outcome:?}"
    );
    drop(held);
    source.sync(&remote).summary();
}

#[test]
fn nothing_that_lies_in_a_repository_is_run() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut repository = TestRepository::of(&[("a.md", "a")]);
    let marker = repository.root().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", marker.display());
    let source = Source::new();
    let folders = [
        repository.git.path().join("hooks"),
        source.folder.path().join("hooks"),
        source.folder.path().join("objects/hooks"),
    ];
    for folder in &folders {
        fs::create_dir_all(folder).unwrap();
        for hook in [
            "post-checkout",
            "reference-transaction",
            "post-index-change",
            "fsmonitor",
        ] {
            let hook = folder.join(hook);
            fs::write(&hook, &script).unwrap();
            fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    let program = folders[0].join("fsmonitor").display().to_string();
    repository.set("core.fsmonitor", &program);
    repository.set("filter.run.smudge", &program);
    repository.set("core.sshCommand", &program);
    repository.put(".gitattributes", "*.md filter=run\n");
    repository.commit("main");
    assert_eq!(
        source.sync(&repository.remote()).paths(),
        [".gitattributes", "a.md"]
    );
    if let Some(host) = Host::start() {
        assert_eq!(
            source.sync(&host.add("team", &repository)).paths(),
            [".gitattributes", "a.md"]
        );
    }
    assert!(!marker.exists());
}

#[test]
fn a_sync_stops_when_it_is_told_to_wherever_it_is() {
    let mut repository = TestRepository::new();
    for number in 0..20 {
        repository.put(&format!("{number}.md"), noise(number, 4_000));
    }
    repository.commit("main");
    let local = repository.remote();
    let asks = |remote: &Remote| {
        let source = Source::new();
        source.sync(remote).summary();
        source.watch.asked.load(Ordering::SeqCst)
    };
    let handed: Vec<usize> = (0..asks(&local))
        .map(|stops_at| {
            let source = Source::new();
            source.watch.stops_at.store(stops_at, Ordering::SeqCst);
            let outcome = source.sync(&local);
            assert!(outcome.is_stopped(), "{stops_at}: {:?}", outcome.result);
            outcome.items.len()
        })
        .collect();
    assert!(handed.is_sorted(), "{handed:?}");
    assert_eq!((handed.first(), handed.last()), (Some(&0), Some(&19)));

    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    // How often it is asked while a pack comes in depends on how the pack is cut.
    let mut stopped = 0;
    for stops_at in (0..asks(&remote)).step_by(7) {
        let source = Source::new();
        source.watch.stops_at.store(stops_at, Ordering::SeqCst);
        let outcome = source.sync(&remote);
        match outcome.is_stopped() {
            true => stopped += 1,
            false => assert_eq!(outcome.paths().len(), 20),
        }
        // What it left is no hindrance.
        source.watch.stops_at.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(source.sync(&remote).paths().len(), 20, "{stops_at}");
    }
    assert!(stopped >= 4, "{stopped}");

    let outcome = Source::new().sync_until(&remote, 5);
    assert!(outcome.is_stopped());
    assert_eq!(outcome.items.len(), 5);
}

#[test]
fn a_server_that_knows_no_depth_sends_its_history() {
    let mut repository = TestRepository::of(&[("a.md", "old")]);
    repository.put("a.md", "new");
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let blind = super::host::Temper::Replace(" shallow ", " xhallow ");
    host.temper("info/refs", 2, blind);
    let mut source = Source::new();
    assert_eq!(source.follow(&remote).files(), [("a.md", "new")]);
    assert!(!holds(&source, "old"), "which is not kept");
    let asked = host.asked();
    assert!(!asked.last().unwrap().body.contains("deepen"));
    repository.put("b.md", "b");
    repository.commit("main");
    assert_eq!(source.follow(&remote).files(), [("b.md", "b")]);
    let body = host.asked().pop().unwrap().body;
    assert!(body.contains("have ") && !body.contains("shallow "), "{body}");
    // And when it has learned it.
    repository.put("c.md", "c");
    repository.commit("main");
    assert_eq!(source.follow(&remote).files(), [("c.md", "c")]);
    assert_eq!(
        source
            .sync(&with(&remote, |git| git.filter.include = vec!["*.md".into()]))
            .unchanged(),
        3
    );
}
