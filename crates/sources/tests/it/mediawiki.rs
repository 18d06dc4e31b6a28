//! MediaWiki: what is read, what a second sync costs, and whom it lets in.

use nexus_domain::{MediaWikiRemote, PathFilter, ProblemCode, Remote};
use nexus_ingest::Places;
use nexus_sources::{Credential, SourceError};

use crate::support::{Base, MediaWiki};

fn of(url: String) -> MediaWikiRemote {
    MediaWikiRemote {
        url,
        namespaces: vec![],
        filter: PathFilter::default(),
    }
}

fn remote(wiki: &MediaWiki) -> Remote {
    Remote::MediaWiki(of(wiki.url("/wiki/Main_Page")))
}

fn small() -> MediaWiki {
    let wiki = MediaWiki::start();
    wiki.write(0, "Заглавная страница", "== Начало ==\nДобро пожаловать.");
    wiki.write(0, "Настройка/Linux", "Текст");
    wiki.write(0, "CON", "Not a device");
    wiki.write(0, "Старое", "#REDIRECT [[Настройка/Linux]]");
    wiki.write(12, "Справка:Правка", "Как править");
    wiki
}

#[test]
fn articles_are_read_once() {
    let (wiki, mut base) = (small(), Base::new());
    let synced = base.sync(&remote(&wiki));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(
        base.paths(),
        [
            "_CON.mediawiki",
            "Заглавная страница.mediawiki",
            "Настройка/Linux.mediawiki"
        ]
    );
    let page = &base.documents["Заглавная страница.mediawiki"];
    assert_eq!(page.provenance.title.as_deref(), Some("Заглавная страница"));
    assert_eq!(page.provenance.fingerprint.as_deref(), Some("rev:1"));
    let link = page.provenance.link.as_ref().unwrap();
    assert_eq!(link.places, Places::Anchors);
    let url = url::Url::parse(&link.url).unwrap();
    assert_eq!(
        (url.host_str(), url.path()),
        (Some("wiki.example.org"), "/w/index.php")
    );
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(pairs, [pair("title", "Заглавная_страница"), pair("oldid", "1")]);
    assert!(
        base.text("Заглавная страница.mediawiki")
            .contains("Добро пожаловать")
    );

    assert_eq!(wiki.take_content_calls(), 1);
    let synced = base.sync(&remote(&wiki));
    assert!(synced.is_complete() && synced.files.is_empty());
    assert_eq!(synced.unchanged.len(), 3);
    assert_eq!(wiki.take_content_calls(), 0);
}

#[test]
fn an_edit_is_one_file_and_a_deletion_is_no_longer_listed() {
    let (wiki, mut base) = (small(), Base::new());
    base.sync(&remote(&wiki));
    wiki.write(0, "Настройка/Linux", "Новый текст");
    wiki.delete("CON");
    let synced = base.sync(&remote(&wiki));
    assert_eq!(synced.files, ["Настройка/Linux.mediawiki"]);
    assert_eq!(base.documents.len(), 2);
    assert_eq!(base.text("Настройка/Linux.mediawiki"), "Новый текст");
}

#[test]
fn long_lists_and_large_batches_are_continued() {
    let (wiki, mut base) = (MediaWiki::start(), Base::new());
    for number in 0..120 {
        wiki.write(0, &format!("Page {number}"), &"text ".repeat(1_000));
    }
    let synced = base.sync(&remote(&wiki));
    assert!(synced.is_complete(), "{synced:?}");
    assert_eq!(base.documents.len(), 120);
    assert_eq!(*base.watch.total.lock().unwrap(), 120);
    assert_eq!(
        wiki.take_content_calls(),
        7,
        "50 + 50 + 20 pages, 20 texts in each answer"
    );
}

#[test]
fn what_is_too_large_at_once_is_asked_for_in_parts() {
    let (wiki, mut base) = (MediaWiki::start(), Base::new());
    for number in 0..4 {
        wiki.write(0, &format!("Page {number}"), &"x".repeat(900_000));
    }
    wiki.write(0, "Too large", &"x".repeat(1_200_000));
    base.limits.file_bytes = 1_000_000;
    let synced = base.sync(&remote(&wiki));
    assert_eq!(base.documents.len(), 4);
    assert_eq!(synced.problem("Too large.mediawiki"), Some(ProblemCode::TooLarge));
    assert!(synced.is_complete());
}

#[test]
fn namespaces_and_filters_choose() {
    let (wiki, mut base) = (small(), Base::new());
    let mut chosen = of(wiki.url("/w/api.php"));
    chosen.namespaces = vec![0, 12];
    chosen.filter.exclude = vec!["CON".into(), "Настройка/".into()];
    let synced = base.sync(&Remote::MediaWiki(chosen.clone()));
    assert!(synced.is_complete(), "{synced:?}");
    assert_eq!(
        base.paths(),
        ["Заглавная страница.mediawiki", "Справка/Правка.mediawiki"]
    );
    for unknown in [7, -1] {
        chosen.namespaces = vec![unknown];
        let (code, message) = base.sync(&Remote::MediaWiki(chosen.clone())).refusal();
        assert!(
            code == "invalid_source" && message.contains(&unknown.to_string()),
            "{message}"
        );
    }
}

#[test]
fn a_closed_wiki_lets_in_whom_it_knows() {
    let (wiki, mut base) = (small(), Base::new());
    wiki.close();
    let (code, message) = base.sync(&remote(&wiki)).refusal();
    assert!(
        code == "access_denied" && message.contains("read permission"),
        "{message}"
    );

    let basic = |password: &str| Credential::Basic {
        user: "Bot@nexus".into(),
        password: password.into(),
    };
    base.credential = Some(basic("wrong"));
    let (code, message) = base.sync(&remote(&wiki)).refusal();
    assert!(
        code == "access_denied" && message.contains("Incorrect password"),
        "{message}"
    );
    base.credential = Some(basic("word"));
    assert!(base.sync(&remote(&wiki)).is_complete());
    assert_eq!(base.documents.len(), 3);
    let has_leaked = |text: &str| text.contains("word");
    assert!(
        wiki.take_log()
            .iter()
            .all(|asked| !has_leaked(&asked.target) && asked.header("authorization").is_none())
    );

    base.credential = Some(Credential::Bearer("secret".into()));
    assert_eq!(base.sync(&remote(&wiki)).unchanged.len(), 3);
    base.credential = Some(Credential::Bearer("stale".into()));
    assert_eq!(base.sync(&remote(&wiki)).refusal().0, "access_denied");
}

#[test]
fn a_wiki_that_lags_is_waited_for_or_left_for_later() {
    let (wiki, mut base) = (small(), Base::new());
    wiki.fail(&[("maxlag", "1")]);
    assert!(base.sync(&remote(&wiki)).is_complete());
    assert_eq!(
        base.watch.waits.lock().unwrap()[0],
        "127.0.0.1 asks to wait 1 s (maxlag)"
    );

    wiki.fail(&[("ratelimited", "600")]);
    let synced = base.sync(&remote(&wiki));
    let Err(SourceError::Away { retry_after, .. }) = synced.result else {
        panic!("{synced:?}");
    };
    assert_eq!(retry_after.unwrap().as_secs(), 600);
    assert_eq!(base.documents.len(), 3);
}

#[test]
fn a_hidden_revision_keeps_the_document() {
    let (wiki, mut base) = (small(), Base::new());
    base.sync(&remote(&wiki));
    wiki.hide("Настройка/Linux");
    let synced = base.sync(&remote(&wiki));
    assert_eq!(
        synced.problem("Настройка/Linux.mediawiki"),
        Some(ProblemCode::AccessDenied)
    );
    assert!(synced.is_complete());
    assert_eq!(base.text("Настройка/Linux.mediawiki"), "Текст");
}

#[test]
fn a_wiki_is_read_as_far_as_its_bound() {
    let (wiki, mut base) = (MediaWiki::start(), Base::new());
    for number in 0..30 {
        wiki.write(0, &format!("Page {number:02}"), "text");
    }
    base.settings.pages = 10;
    let synced = base.sync(&remote(&wiki));
    assert!(!synced.is_complete());
    assert_eq!(base.documents.len(), 10);
    assert!(
        synced.problems[0].message.contains("10 are allowed"),
        "{:?}",
        synced.problems
    );
}

#[test]
fn a_sync_goes_on_where_it_was_stopped() {
    let (wiki, mut base) = (small(), Base::new());
    base.stops_after = Some(1);
    assert!(matches!(
        base.sync(&remote(&wiki)).result,
        Err(SourceError::Stopped)
    ));
    assert_eq!(base.documents.len(), 1);
    base.stops_after = None;
    let synced = base.sync(&remote(&wiki));
    assert!(synced.is_complete());
    assert_eq!((synced.unchanged.len(), synced.files.len()), (1, 2));
}

#[test]
fn what_is_no_mediawiki_is_told() {
    let site = crate::support::Site::start();
    let mut base = Base::new();
    site.page("/", "<p>Not a wiki");
    let (code, message) = base.sync(&Remote::MediaWiki(of(site.url("/")))).refusal();
    assert!(
        code == "invalid_source" && message.contains("api.php"),
        "{message}"
    );
    site.redirect("/", "http://169.254.169.254/");
    assert_eq!(
        base.sync(&Remote::MediaWiki(of(site.url("/")))).refusal().0,
        "address_refused"
    );
}

#[test]
fn a_credential_does_not_follow_a_pointer_to_another_site() {
    let (wiki, site, mut base) = (small(), crate::support::Site::start(), Base::new());
    let api = wiki.url("/w/api.php?action=rsd");
    site.page("/", &format!("<link rel=EditURI href='{api}'>"));
    assert!(base.sync(&Remote::MediaWiki(of(site.url("/")))).is_complete());
    wiki.take_log();
    base.credential = Some(Credential::Bearer("secret".into()));
    let (code, message) = base.sync(&Remote::MediaWiki(of(site.url("/")))).refusal();
    assert!(
        code == "invalid_source" && message.contains("/w/api.php"),
        "{message}"
    );
    assert!(wiki.take_log().is_empty());
}

#[test]
fn a_wiki_behind_a_server_that_asks_for_a_password_is_read() {
    for url in ["/w/api.php", "/wiki/Main_Page"] {
        let (wiki, mut base) = (small(), Base::new());
        // "Bot@nexus:word"
        wiki.stands_behind("Basic Qm90QG5leHVzOndvcmQ=");
        let remote = Remote::MediaWiki(MediaWikiRemote {
            url: wiki.url(url),
            namespaces: vec![],
            filter: PathFilter::default(),
        });
        let (code, _) = base.sync(&remote).refusal();
        assert_eq!(code, "access_denied");
        let basic = |password: &str| Credential::Basic {
            user: "Bot@nexus".into(),
            password: password.into(),
        };
        base.credential = Some(basic("wrong"));
        assert_eq!(base.sync(&remote).refusal().0, "access_denied");
        base.credential = Some(basic("word"));
        let synced = base.sync(&remote);
        assert!(
            synced.is_complete() && base.documents.len() == 3,
            "{url}: {synced:?}"
        );
        assert_eq!(
            wiki.logins(),
            0,
            "the credential was for the server before the wiki"
        );
    }
}
