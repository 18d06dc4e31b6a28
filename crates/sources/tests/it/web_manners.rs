//! Web sites: what they ask of robots, and what a stranger's site cannot make us do.

use std::fmt::Write as _;

use nexus_domain::ProblemCode;
use nexus_sources::Credential;

use crate::support::{Base, Fault, Reply, Site, gzip};
use crate::web::web;

#[test]
fn robots_txt_is_obeyed() {
    let (site, mut base) = (Site::start(), Base::new());
    site.robots("User-agent: *\nDisallow: /\n\nUser-agent: NexusKnowledge\nDisallow: /private/\nAllow: /private/open\n");
    site.links("/", &["a", "private/b", "private/open"]);
    for path in ["/a", "/private/b", "/private/open"] {
        site.links(path, &[]);
    }
    let synced = base.sync(&web(site.url("/")));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(base.paths(), ["a.html", "index.html", "private/open.html"]);

    site.robots("User-agent: *\nDisallow: /");
    let synced = base.sync(&web(site.url("/")));
    assert_eq!(synced.problem("index.html"), Some(ProblemCode::RobotsDisallowed));
    assert!(!synced.is_complete(), "what is known stays");
    assert_eq!(base.documents.len(), 3);
}

#[test]
fn a_robots_txt_that_cannot_be_had_now_means_not_now() {
    let (site, mut base) = (Site::start(), Base::new());
    site.links("/", &[]);
    site.breaks("/robots.txt", Fault::Status(503));
    let synced = base.sync(&web(site.url("/")));
    assert!(
        matches!(synced.result, Err(nexus_sources::SourceError::Away { .. })),
        "{synced:?}"
    );
    assert!(site.take_contents().is_empty());
    site.breaks("/robots.txt", Fault::Status(403));
    assert!(base.sync(&web(site.url("/"))).is_complete());
}

#[test]
fn pages_that_ask_not_to_be_listed_or_followed_are_not() {
    let (site, mut base) = (Site::start(), Base::new());
    site.page(
        "/",
        "<a href=noindex>1</a><a href=nofollow>2</a><a href=header>3</a><a rel=nofollow href=shy>4</a>",
    );
    site.page(
        "/noindex",
        "<meta name=robots content=noindex><a href=below>x</a>",
    );
    site.page(
        "/nofollow",
        "<meta name=robots content=nofollow><p>Text<a href=hidden>x</a>",
    );
    let header = Reply::new(200, "<p>Text").with("Content-Type", "text/html");
    site.reply(
        "/header",
        header
            .with("X-Robots-Tag", "otherbot: nofollow")
            .with("X-Robots-Tag", "noindex"),
    );
    for path in ["/shy", "/below", "/hidden"] {
        site.links(path, &[]);
    }
    let synced = base.sync(&web(site.url("/")));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(base.paths(), ["below.html", "index.html", "nofollow.html"]);
}

#[test]
fn credentials_go_to_their_origin_only() {
    let (site, other, mut base) = (Site::start(), Site::start(), Base::new());
    other.reply("/map.xml", Reply::new(200, "<urlset></urlset>"));
    site.redirect("/away.xml", &other.url("/map.xml"));
    site.robots(&format!("Sitemap: {}\nSitemap: /away.xml", other.url("/map.xml")));
    site.links("/", &[]);
    base.credential = Some(Credential::Basic {
        user: "me".into(),
        password: "word".into(),
    });
    assert!(base.sync(&web(site.url("/"))).is_complete());
    let ours = site.take_log();
    assert!(
        ours.len() >= 3
            && ours
                .iter()
                .all(|asked| asked.header("authorization") == Some("Basic bWU6d29yZA=="))
    );
    let theirs = other.take_log();
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|asked| asked.header("authorization").is_none()));
}

#[test]
fn bombs_in_sitemaps_do_not_go_off() {
    let (site, mut base) = (Site::start(), Base::new());
    let mut bomb = "<!DOCTYPE u [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
    for (name, inner) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        write!(bomb, "<!ENTITY {name} \"{}\">", format!("&{inner};").repeat(10)).unwrap();
    }
    bomb.push_str("]><urlset><url><loc>/page&j;</loc></url></urlset>");
    site.reply("/sitemap.xml", Reply::new(200, bomb));
    site.links("/page", &[]);
    assert!(base.sync(&web(site.url("/sitemap.xml"))).is_complete());
    assert_eq!(base.paths(), ["page.html"]);

    let zeros = gzip(&vec![b' '; 60 << 20]);
    site.reply("/sitemap.xml", Reply::new(200, zeros));
    let (code, message) = base.sync(&web(site.url("/sitemap.xml"))).refusal();
    assert!(
        code == "invalid_source" && message.contains("unpacks to more than"),
        "{message}"
    );
}

#[test]
fn a_calendar_without_end_is_left() {
    let (site, mut base) = (Site::start(), Base::new());
    site.links("/", &["calendar?day=0", "a"]);
    site.links("/a", &[]);
    for day in 0..200 {
        site.links(
            &format!("/calendar?day={day}"),
            &[&format!("/calendar?day={}", day + 1)],
        );
    }
    let synced = base.sync(&web(site.url("/")));
    let days = base
        .paths()
        .iter()
        .filter(|path| path.starts_with("calendar@"))
        .count();
    assert_eq!(days, 100);
    assert!(base.documents.contains_key("a.html"));
    let [problem] = synced.problems.as_slice() else {
        panic!("{:?}", synced.problems);
    };
    assert!(
        problem.message.contains("/calendar has more than 100"),
        "{}",
        problem.message
    );
    assert!(!synced.is_complete());
}

#[test]
fn a_site_is_read_as_far_as_its_bound() {
    let (site, mut base) = (Site::start(), Base::new());
    let links: Vec<String> = (0..30).map(|number| format!("p{number}")).collect();
    site.links("/", &links.iter().map(String::as_str).collect::<Vec<_>>());
    for link in &links {
        site.links(&format!("/{link}"), &[]);
    }
    base.settings.pages = 10;
    let synced = base.sync(&web(site.url("/")));
    assert_eq!(base.documents.len(), 10);
    assert!(!synced.is_complete());
    let problem = &synced.problems[0];
    assert_eq!(
        (problem.path.as_deref(), problem.code),
        (None, ProblemCode::TooManyPages)
    );
    assert!(
        problem.message.contains("at least 31 pages, 10 are allowed"),
        "{}",
        problem.message
    );

    base.settings.pages = 31;
    assert!(base.sync(&web(site.url("/"))).is_complete());
    assert_eq!(base.documents.len(), 31);
}

#[test]
fn an_endless_page_is_left_at_its_bound() {
    let (site, mut base) = (Site::start(), Base::new());
    site.links("/", &["endless", "a"]);
    site.links("/endless", &[]);
    site.links("/a", &[]);
    site.breaks("/endless", Fault::Endless);
    base.limits.file_bytes = 1 << 20;
    let synced = base.sync(&web(site.url("/")));
    assert_eq!(synced.problem("endless.html"), Some(ProblemCode::TooLarge));
    assert!(synced.is_complete());
    assert_eq!(base.paths(), ["a.html", "index.html"]);
}
