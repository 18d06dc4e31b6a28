//! DokuWiki: by either protocol, what is read and what a second sync costs.

use nexus_domain::{DokuWikiRemote, PathFilter, ProblemCode, Remote};
use nexus_ingest::Places;
use nexus_sources::{Credential, SourceError};

use crate::support::{Base, DokuWiki};

fn remote(wiki: &DokuWiki) -> Remote {
    of(wiki.url("/wiki/doku.php?id=start"), None)
}

fn of(url: String, namespace: Option<&str>) -> Remote {
    Remote::DokuWiki(DokuWikiRemote {
        url,
        namespace: namespace.map(str::to_owned),
        filter: PathFilter::default(),
    })
}

fn small() -> DokuWiki {
    let wiki = DokuWiki::start();
    wiki.write("start", "====== Начало ======\n<b> & [[docs:install]]");
    wiki.write("docs:install", "Установка");
    wiki.write("docs:linux:apt", "apt install");
    wiki
}

#[test]
fn pages_are_read_by_either_protocol() {
    for is_old in [false, true] {
        let (wiki, mut base) = (small(), Base::new());
        if is_old {
            wiki.grow_old();
        }
        let synced = base.sync(&remote(&wiki));
        assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
        assert_eq!(
            base.paths(),
            [
                "docs/install.dokuwiki",
                "docs/linux/apt.dokuwiki",
                "start.dokuwiki"
            ]
        );
        assert_eq!(
            base.text("start.dokuwiki"),
            "====== Начало ======\n<b> & [[docs:install]]"
        );
        let provenance = &base.documents["docs/install.dokuwiki"].provenance;
        assert_eq!(provenance.fingerprint.as_deref(), Some("rev:1700000002"));
        let link = provenance.link.as_ref().unwrap();
        assert_eq!(
            link.url,
            wiki.url("/wiki/doku.php?id=docs%3Ainstall&rev=1700000002")
        );
        assert_eq!(link.places, Places::Anchors);
        assert_eq!(wiki.take_page_calls(), 3);

        let synced = base.sync(&remote(&wiki));
        assert!(synced.is_complete() && synced.files.is_empty());
        assert_eq!((synced.unchanged.len(), wiki.take_page_calls()), (3, 0));

        wiki.write("start", "Новое");
        wiki.delete("docs:linux:apt");
        let synced = base.sync(&remote(&wiki));
        assert_eq!(synced.files, ["start.dokuwiki"]);
        assert_eq!(base.paths(), ["docs/install.dokuwiki", "start.dokuwiki"]);
    }
}

#[test]
fn a_namespace_is_read_with_those_below() {
    let (wiki, mut base) = (small(), Base::new());
    wiki.write("docsother:x", "x");
    assert!(base.sync(&of(wiki.url("/wiki"), Some("docs"))).is_complete());
    assert_eq!(base.paths(), ["docs/install.dokuwiki", "docs/linux/apt.dokuwiki"]);
}

#[test]
fn an_api_that_is_switched_off_is_told() {
    for is_old in [false, true] {
        let (wiki, mut base) = (small(), Base::new());
        wiki.switch_off();
        if is_old {
            wiki.grow_old();
        }
        let (code, message) = base.sync(&remote(&wiki)).refusal();
        assert_eq!(code, "invalid_source");
        assert!(
            message.contains("switch on remote API in the configuration"),
            "{message}"
        );
    }
    let site = crate::support::Site::start();
    site.page("/", "<p>Not a wiki");
    let (code, message) = Base::new().sync(&of(site.url("/"), None)).refusal();
    assert!(
        code == "invalid_source" && message.contains("doku.php"),
        "{message}"
    );
}

#[test]
fn a_closed_wiki_lets_in_whom_it_knows() {
    for is_old in [false, true] {
        let (wiki, mut base) = (small(), Base::new());
        if is_old {
            wiki.grow_old();
        }
        wiki.wants("Basic bWU6d29yZA==");
        let (code, message) = base.sync(&remote(&wiki)).refusal();
        assert!(
            code == "access_denied" && message.contains("not authorized"),
            "{message}"
        );
        base.credential = Some(Credential::Basic {
            user: "me".into(),
            password: "word".into(),
        });
        assert!(base.sync(&remote(&wiki)).is_complete());
        wiki.wants("Bearer token");
        base.credential = Some(Credential::Bearer("token".into()));
        assert_eq!(base.sync(&remote(&wiki)).unchanged.len(), 3);
    }
}

#[test]
fn a_session_that_has_ended_is_no_empty_wiki() {
    let basic = || Credential::Basic {
        user: "me".into(),
        password: "word".into(),
    };
    for (is_old, credential, header) in [
        (false, basic(), "Basic bWU6d29yZA=="),
        (true, basic(), "Basic bWU6d29yZA=="),
        (false, Credential::Bearer("token".into()), "Bearer token"),
        (true, Credential::Bearer("token".into()), "Bearer token"),
    ] {
        let (wiki, mut base) = (small(), Base::new());
        if is_old {
            wiki.grow_old();
        }
        wiki.wants(header);
        base.credential = Some(credential);
        assert!(base.sync(&remote(&wiki)).is_complete());
        wiki.signs_out();
        let (code, message) = base.sync(&remote(&wiki)).refusal();
        assert_eq!(code, "access_denied");
        assert!(message.contains("Signed out"), "{message}");
        assert_eq!(base.documents.len(), 3);
    }
}

#[test]
fn a_session_that_ends_in_the_middle_removes_nothing() {
    let (wiki, mut base) = (small(), Base::new());
    wiki.wants("Bearer token");
    base.credential = Some(Credential::Bearer("token".into()));
    assert!(base.sync(&remote(&wiki)).is_complete());
    wiki.write("docs:linux:apt", "edited");
    wiki.write("start", "edited");
    wiki.signs_out_at("docs:linux:apt");
    let (code, message) = base.sync(&remote(&wiki)).refusal();
    assert!(
        code == "access_denied" && message.contains("Signed out"),
        "{message}"
    );
    assert_eq!(base.documents.len(), 3);
}

#[test]
fn a_page_that_is_closed_or_broken_keeps_its_document() {
    let (wiki, mut base) = (small(), Base::new());
    base.sync(&remote(&wiki));
    wiki.write("docs:install", "secret");
    wiki.close("docs:install");
    let synced = base.sync(&remote(&wiki));
    assert_eq!(
        synced.problem("docs/install.dokuwiki"),
        Some(ProblemCode::AccessDenied)
    );
    assert!(synced.is_complete());
    assert_eq!(base.text("docs/install.dokuwiki"), "Установка");

    wiki.write("start", "broken");
    wiki.breaks("start");
    let synced = base.sync(&remote(&wiki));
    assert_eq!(synced.problem("start.dokuwiki"), Some(ProblemCode::Unreachable));
    assert!(!synced.is_complete());
    assert_eq!(base.documents.len(), 3);
}

#[test]
fn bounds_and_stops_are_kept() {
    let (wiki, mut base) = (small(), Base::new());
    base.settings.pages = 2;
    let synced = base.sync(&remote(&wiki));
    assert!(!synced.is_complete() && base.documents.len() == 2);
    assert_eq!(synced.problems[0].message, "The wiki has 3 pages, 2 are allowed");
    base.settings.pages = 20;
    base.stops_after = Some(2);
    assert!(matches!(
        base.sync(&remote(&wiki)).result,
        Err(SourceError::Stopped)
    ));
    base.stops_after = None;
    let synced = base.sync(&remote(&wiki));
    assert_eq!((synced.unchanged.len(), synced.files.len()), (2, 1));
}
