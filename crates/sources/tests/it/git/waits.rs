//! Hosts that are busy, and connections that break off.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nexus_sources::{Pace, SourceError};

use super::host::{Host, Temper};
use super::repository::TestRepository;
use crate::git_support::Source;

const BUSY: Temper = Temper::Answer {
    status: 429,
    headers: "Retry-After: 2\r\n",
    body: "",
};

#[test]
fn a_busy_host_is_waited_for() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    for (part, temper, least) in [
        ("info/refs", BUSY, 2),
        ("POST", BUSY, 2),
        ("info/refs", Temper::status(500), 1),
        ("POST", Temper::status(503), 1),
        ("info/refs", Temper::BreakOff, 1),
        ("POST", Temper::BreakOff, 1),
    ] {
        host.temper(part, 1, temper.clone());
        let source = Source::new();
        let begun = Instant::now();
        assert_eq!(source.sync(&remote).files(), [("a.md", "a")], "{part} {temper:?}");
        assert!(begun.elapsed() >= Duration::from_secs(least));
        let waits = source.watch.waits.lock().unwrap().clone();
        assert_eq!(waits.len(), 1, "{waits:?}");
        assert!(waits[0].contains("127.0.0.1"), "{waits:?}");
    }
}

#[test]
fn patience_ends() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let mut source = Source::new();
    source.settings.patience = Duration::from_secs(1);
    host.temper("info/refs", 1, BUSY);
    match source.sync(&remote).result {
        Err(SourceError::Away { reason, retry_after }) => {
            assert_eq!(retry_after, Some(Duration::from_secs(2)));
            assert!(reason.contains("429"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let always = Temper::Answer {
        status: 429,
        headers: "Retry-After: 0\r\n",
        body: "",
    };
    host.asked();
    host.temper("info/refs", 1_000, always);
    let outcome = source.sync(&remote);
    assert!(matches!(outcome.result, Err(SourceError::Away { .. })));
    assert_eq!(host.asked().len(), 2, "\"at once\" is not taken at its word");
}

#[test]
fn a_host_that_is_not_there_is_away() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut source = Source::new();
    source.settings.patience = Duration::ZERO;
    let outcome = source.sync(&super::repository::remote(&format!(
        "http://127.0.0.1:{port}/r.git"
    )));
    assert!(
        matches!(outcome.result, Err(SourceError::Away { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_wait_ends_when_the_sync_is_stopped() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    let patient = Temper::Answer {
        status: 503,
        headers: "Retry-After: 15\r\n",
        body: "",
    };
    host.temper("info/refs", 1, patient);
    let source = Source::new();
    source.watch.stops_at.store(6, Ordering::SeqCst);
    let begun = Instant::now();
    assert!(source.sync(&remote).is_stopped());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_host_that_sends_too_slowly_is_away() {
    let mut repository = TestRepository::of(&[("a.md", "a")]);
    repository.put("b.md", "b ".repeat(2_000));
    repository.commit("main");
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    for part in ["info/refs", "POST"] {
        host.temper(part, 100, Temper::Trickle);
        let mut source = Source::new();
        source.settings.patience = Duration::ZERO;
        source.settings.pace = Pace {
            window: Duration::from_millis(300),
            bytes: 1_000,
            ..Pace::default()
        };
        let begun = Instant::now();
        match source.sync(&remote).result {
            Err(SourceError::Away { reason, .. }) => assert!(reason.contains("too slow"), "{reason}"),
            other => panic!("{part}: {other:?}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        host.calm();
    }
}

#[test]
fn a_slow_host_does_not_keep_a_sync_from_being_stopped() {
    let repository = TestRepository::of(&[("a.md", "a")]);
    let Some(host) = Host::start() else { return };
    let remote = host.add("team", &repository);
    host.temper("info/refs", 1, Temper::Trickle);
    let source = Source::new();
    source.watch.stops_at.store(20, Ordering::SeqCst);
    let begun = Instant::now();
    assert!(source.sync(&remote).is_stopped());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
