//! Web sites that fail, ask for time, or are left in the middle.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nexus_domain::ProblemCode;
use nexus_sources::{Pace, SourceError};

use crate::support::{Base, Fault, Reply, Site};
use crate::web::web;

/// `/` leads to `/a` and `/b`, `/a` leads to `/c`.
fn small() -> Site {
    let site = Site::start();
    site.links("/", &["a", "b"]);
    site.links("/a", &["c"]);
    site.links("/b", &[]);
    site.links("/c", &[]);
    site
}

#[test]
fn a_failing_page_keeps_its_document_and_those_that_it_leads_to() {
    for fault in [Fault::Status(500), Fault::BrokenOff] {
        let (site, mut base) = (small(), Base::new());
        let remote = web(site.url("/"));
        base.sync(&remote);
        site.links("/a", &["c", "#edited"]);
        site.breaks("/a", fault.clone());
        site.take_log();
        let synced = base.sync(&remote);
        assert_eq!(
            synced.problem("a.html"),
            Some(ProblemCode::Unreachable),
            "{fault:?}"
        );
        assert!(!synced.is_complete());
        assert_eq!(synced.unchanged, ["index.html", "b.html", "c.html"]);
        assert_eq!(base.documents.len(), 4);
        let tries = site
            .take_log()
            .iter()
            .filter(|asked| asked.target == "/a")
            .count();
        assert_eq!(tries, 4);
        site.heals("/a");
        let synced = base.sync(&remote);
        assert!(synced.is_complete());
        assert_eq!(synced.files, ["a.html"]);
    }
}

#[test]
fn a_page_that_is_closed_keeps_its_document() {
    let (site, mut base) = (small(), Base::new());
    let remote = web(site.url("/"));
    base.sync(&remote);
    site.breaks("/a", Fault::Status(403));
    let synced = base.sync(&remote);
    assert_eq!(synced.problem("a.html"), Some(ProblemCode::AccessDenied));
    assert!(
        synced.is_complete(),
        "the page answered, and where it led is known"
    );
    assert_eq!(base.documents.len(), 4);

    std::fs::remove_file(base.folder.path().join("pages.json")).unwrap();
    let synced = base.sync(&remote);
    assert_eq!(synced.problem("a.html"), Some(ProblemCode::AccessDenied));
    assert!(!synced.is_complete(), "where it led is not known");
    assert_eq!(base.documents.len(), 4);
}

#[test]
fn a_page_that_fails_for_a_moment_is_asked_again() {
    let (site, mut base) = (small(), Base::new());
    let busy = Reply::new(429, "busy").with("Retry-After", "1");
    site.breaks("/a", Fault::Times(1, busy));
    site.breaks("/b", Fault::Times(3, Reply::new(502, "oops")));
    let synced = base.sync(&web(site.url("/")));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(synced.files.len(), 4);
    let waits = base.watch.waits.lock().unwrap();
    assert_eq!(waits[0], "127.0.0.1 asks to wait 1 s");
    assert!(waits[1].contains("answered 502"), "{waits:?}");
}

#[test]
fn a_long_wait_puts_the_sync_off_and_going_on_fetches_only_the_rest() {
    let (site, mut base) = (small(), Base::new());
    let remote = web(site.url("/"));
    let date = "Sat, 21 Nov 2026 10:00:00 GMT";
    let until = "Sat, 21 Nov 2026 10:05:00 GMT";
    let closed = Reply::new(503, "maintenance")
        .with("Date", date)
        .with("Retry-After", until);
    site.breaks("/b", Fault::Times(1, closed));
    let synced = base.sync(&remote);
    let Err(SourceError::Away { reason, retry_after }) = &synced.result else {
        panic!("{synced:?}");
    };
    assert_eq!(*retry_after, Some(Duration::from_secs(300)));
    assert_eq!(reason, "127.0.0.1 asks to wait 300 s");
    assert_eq!(synced.files, ["index.html", "a.html"]);
    site.take_log();
    let synced = base.sync(&remote);
    assert!(synced.is_complete());
    assert_eq!(synced.unchanged, ["index.html", "a.html"]);
    assert_eq!(site.take_contents(), ["/b", "/c"]);
}

#[test]
fn a_site_that_wants_less_throughout_is_left_for_later() {
    let (site, mut base) = (small(), Base::new());
    site.breaks("/a", Fault::Status(429));
    let synced = base.sync(&web(site.url("/")));
    assert!(
        matches!(
            synced.result,
            Err(SourceError::Away {
                retry_after: Some(_),
                ..
            })
        ),
        "{synced:?}"
    );
}

#[test]
fn a_site_that_is_not_there_is_away() {
    let mut base = Base::new();
    let url = {
        let site = small();
        site.url("/")
    };
    let synced = base.sync(&web(url));
    assert!(
        matches!(synced.result, Err(SourceError::Away { .. })),
        "{synced:?}"
    );
}

#[test]
fn a_sync_stops_where_it_is_told_to_and_goes_on_from_there() {
    let (site, mut base) = (small(), Base::new());
    let remote = web(site.url("/"));
    base.stops_after = Some(2);
    let synced = base.sync(&remote);
    assert!(matches!(synced.result, Err(SourceError::Stopped)));
    assert_eq!(base.paths(), ["a.html", "index.html"]);
    base.stops_after = None;

    base.watch.is_stopped.store(true, Ordering::SeqCst);
    site.take_log();
    assert!(matches!(base.sync(&remote).result, Err(SourceError::Stopped)));
    assert!(site.take_log().is_empty());
    base.watch.is_stopped.store(false, Ordering::SeqCst);

    let synced = base.sync(&remote);
    assert!(synced.is_complete());
    assert_eq!(synced.files, ["b.html", "c.html"]);
    assert_eq!(site.take_contents(), ["/b", "/c"]);
}

#[test]
fn a_page_is_tried_again_by_its_address_whatever_it_is_served_as() {
    let (site, mut base) = (small(), Base::new());
    let remote = web(site.url("/"));
    site.breaks("/a", Fault::Status(500));
    let synced = base.sync(&remote);
    assert_eq!(synced.problem("a.html"), Some(ProblemCode::Unreachable));
    site.heals("/a");
    site.reply(
        "/a",
        Reply::new(200, "Now a text").with("Content-Type", "text/plain"),
    );
    base.only = Some(HashSet::from(["a.html".to_owned()]));
    let synced = base.sync(&remote);
    assert_eq!(synced.files, ["a.txt"]);
    assert!(
        synced.unchanged.is_empty() && synced.problems.is_empty(),
        "{synced:?}"
    );
    assert_eq!(base.text("a.txt"), "Now a text");
}

#[test]
fn a_site_that_is_slow_all_the_time_is_put_off() {
    let (site, mut base) = (small(), Base::new());
    let remote = web(site.url("/"));
    base.settings.pace = Pace {
        answer: Duration::ZERO,
        late: Duration::ZERO,
        ..Pace::default()
    };
    match base.sync(&remote).result {
        Err(SourceError::Away { reason, retry_after }) => {
            assert!(reason.contains("too slow"), "{reason}");
            assert!(retry_after.is_some());
        }
        other => panic!("{other:?}"),
    }
    base.settings.pace = Pace::default();
    assert!(base.sync(&remote).is_complete());
}
