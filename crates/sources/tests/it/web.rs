//! Web sites: which pages are read, under which names, and what a second sync costs.

use nexus_domain::{PathFilter, ProblemCode, Remote, WebRemote};
use nexus_ingest::Places;

use crate::support::{Base, Reply, Site, gzip};

pub fn web(url: String) -> Remote {
    Remote::Web(WebRemote {
        url,
        prefix: None,
        max_pages: None,
        filter: PathFilter::default(),
    })
}

fn docs() -> Site {
    let site = Site::start();
    site.links(
        "/docs/",
        &["intro", "guide/", "/blog/", "https://example.org/", "logo.png"],
    );
    site.links("/docs/intro", &["/docs/"]);
    site.links(
        "/docs/guide/",
        &["install.html?from=top&utm_source=x#part", "../intro"],
    );
    site.links("/docs/guide/install.html?from=top", &[]);
    site.links("/blog/", &[]);
    site
}

#[test]
fn a_site_is_read_by_its_links_and_a_second_sync_fetches_nothing() {
    let (site, mut base) = (docs(), Base::new());
    let remote = web(site.url("/docs/"));
    let first = base.sync(&remote);
    assert!(first.is_complete() && first.problems.is_empty(), "{first:?}");
    let expected = [
        "docs/guide/index.html",
        "docs/guide/install.html@from=top.html",
        "docs/index.html",
        "docs/intro.html",
    ];
    assert_eq!(base.paths(), expected);
    assert_eq!(base.link("docs/intro.html"), site.url("/docs/intro"));
    let link = base.documents["docs/intro.html"].provenance.link.clone();
    assert_eq!(link.unwrap().places, Places::Anchors);
    assert_eq!(site.take_contents().len(), 4, "each page once, and nothing else");
    assert_eq!(*base.watch.total.lock().unwrap(), 4);

    let second = base.sync(&remote);
    assert!(second.is_complete() && second.files.is_empty());
    assert_eq!(second.unchanged.len(), 4);
    assert_eq!(site.take_contents(), Vec::<String>::new());
}

#[test]
fn an_edit_is_one_file_and_a_deletion_is_no_longer_listed() {
    let (site, mut base) = (docs(), Base::new());
    let remote = web(site.url("/docs/"));
    base.sync(&remote);
    site.links("/docs/intro", &["/docs/", "new"]);
    site.links("/docs/new", &[]);
    site.delete("/docs/guide/install.html?from=top");
    let synced = base.sync(&remote);
    assert_eq!(synced.files, ["docs/intro.html", "docs/new.html"]);
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(
        base.paths(),
        [
            "docs/guide/index.html",
            "docs/index.html",
            "docs/intro.html",
            "docs/new.html"
        ]
    );
}

#[test]
fn without_validators_the_content_tells_whether_a_page_changed() {
    let (site, mut base) = (docs(), Base::new());
    site.without_validators();
    let remote = web(site.url("/docs/"));
    base.sync(&remote);
    site.links("/docs/intro", &["/docs/", "#changed"]);
    let synced = base.sync(&remote);
    assert_eq!(synced.files, ["docs/intro.html"]);
    assert_eq!(synced.unchanged.len(), 3);
}

#[test]
fn a_lost_or_damaged_cache_costs_requests_and_nothing_else() {
    let (site, mut base) = (docs(), Base::new());
    let remote = web(site.url("/docs/"));
    base.sync(&remote);
    std::fs::write(base.folder.path().join("pages.json"), "{\"scope\":").unwrap();
    site.take_log();
    let synced = base.sync(&remote);
    assert!(synced.is_complete() && synced.files.is_empty(), "{synced:?}");
    assert_eq!(site.take_contents().len(), 4);
}

#[test]
fn redirects_are_followed_within_the_scope_only() {
    let (site, mut base) = (Site::start(), Base::new());
    let elsewhere = Site::start_at("127.0.0.2");
    elsewhere.page("/secret", "private");
    let secret = elsewhere.url("/secret");
    site.links("/docs/", &["old", "out", "ring", "a", "b", "c", "d"]);
    site.redirect("/docs/old", "/docs/new");
    site.links("/docs/new", &[]);
    site.redirect("/docs/out", "/login");
    site.links("/login", &[]);
    site.redirect("/docs/ring", "/docs/ring");
    site.redirect("/docs/a", &secret);
    site.redirect("/docs/b", "http://169.254.169.254/latest/meta-data/");
    site.redirect("/docs/c", "http://localhost/");
    site.redirect("/docs/d", "file:///etc/passwd");
    let synced = base.sync(&web(site.url("/docs/")));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(base.paths(), ["docs/index.html", "docs/new.html"]);
    assert_eq!(base.link("docs/new.html"), site.url("/docs/new"));
    assert!(!site.take_contents().contains(&"/login".to_owned()));
    assert!(elsewhere.take_log().is_empty());
}

#[test]
fn a_start_page_that_leads_away_says_where() {
    let (site, mut base) = (Site::start(), Base::new());
    site.redirect("/docs/", "/login?next=docs");
    let (code, message) = base.sync(&web(site.url("/docs/"))).refusal();
    assert_eq!(code, "invalid_source");
    assert!(message.contains(&site.url("/login?next=docs")), "{message}");

    site.redirect("/docs/", "/docs/?PHPSESSID=0123456789abcdef0123");
    assert_eq!(base.sync(&web(site.url("/docs/"))).refusal().0, "invalid_source");
    site.delete("/docs/");
    assert_eq!(base.sync(&web(site.url("/docs/"))).refusal().0, "not_found");
    site.reply("/docs/", Reply::new(403, "no"));
    assert_eq!(base.sync(&web(site.url("/docs/"))).refusal().0, "access_denied");
    site.reply("/docs/", Reply::new(200, "png").with("Content-Type", "image/png"));
    let (code, message) = base.sync(&web(site.url("/docs/"))).refusal();
    assert!(
        code == "invalid_source" && message.contains("image/png"),
        "{message}"
    );
}

#[test]
fn private_addresses_are_refused_at_once() {
    let mut base = Base::new();
    for url in ["http://127.0.0.2/", "http://169.254.169.254/", "http://[::1]/"] {
        assert_eq!(
            base.sync(&web(url.into())).refusal().0,
            "address_refused",
            "{url}"
        );
    }
    assert_eq!(
        base.sync(&web("ftp://example.org/".into())).refusal().0,
        "invalid_source"
    );
}

#[test]
fn a_robots_file_or_sitemap_elsewhere_is_not_fetched_from_private_networks() {
    let (site, mut base) = (Site::start(), Base::new());
    let elsewhere = Site::start_at("127.0.0.2");
    site.redirect("/robots.txt", &elsewhere.url("/robots.txt"));
    site.links("/", &[]);
    assert!(base.sync(&web(site.url("/"))).is_complete());
    site.robots(&format!("Sitemap: {}", elsewhere.url("/sitemap.xml")));
    // The list is not read, so what it may name is not taken for gone.
    assert!(!base.sync(&web(site.url("/"))).is_complete());
    assert!(elsewhere.take_log().is_empty());
}

#[test]
fn prefix_and_filter_say_what_is_read() {
    let (site, mut base) = (docs(), Base::new());
    let remote = Remote::Web(WebRemote {
        url: site.url("/docs/"),
        prefix: Some(site.url("/docs/g")),
        max_pages: None,
        filter: PathFilter {
            include: vec![],
            exclude: vec!["install*".into()],
        },
    });
    let synced = base.sync(&remote);
    assert!(synced.is_complete(), "{synced:?}");
    assert_eq!(base.paths(), ["docs/guide/index.html"]);
}

#[test]
fn sitemaps_are_preferred_also_packed_and_in_parts() {
    let (site, mut base) = (Site::start(), Base::new());
    site.robots("User-agent: *\nDisallow: /docs/private\nSitemap: /maps/index.xml\n");
    let index = "<sitemapindex><sitemap><loc>part.xml.gz</loc></sitemap></sitemapindex>";
    site.reply(
        "/maps/index.xml",
        Reply::new(200, index).with("Content-Type", "application/xml"),
    );
    let listed = |path: &str, date: &str| {
        format!(
            "<url><loc>{}</loc><lastmod>{date}</lastmod></url>",
            site.url(path)
        )
    };
    let map = |date: &str| {
        let pages = [
            listed("/docs/a", date),
            listed("/docs/b.pdf", "2026-01-01"),
            listed("/docs/private", "2026-01-01"),
            listed("/blog/", "2026-01-01"),
        ];
        let packed = gzip(format!("<urlset>{}</urlset>", pages.concat()).as_bytes());
        site.reply(
            "/maps/part.xml.gz",
            Reply::new(200, packed).with("Content-Type", "application/gzip"),
        );
    };
    map("2026-01-01");
    site.links("/docs/", &["c"]);
    site.links("/docs/a", &["c"]);
    site.reply(
        "/docs/b.pdf",
        Reply::new(200, "%PDF-1.4").with("Content-Type", "application/pdf"),
    );
    site.links("/docs/private", &[]);
    site.without_validators();
    let remote = web(site.url("/docs/"));
    let synced = base.sync(&remote);
    assert_eq!(base.paths(), ["docs/a.html", "docs/b.pdf"]);
    assert_eq!(
        synced.problem("docs/private.html"),
        Some(ProblemCode::RobotsDisallowed)
    );
    assert!(synced.is_complete(), "{synced:?}");

    site.take_log();
    let synced = base.sync(&remote);
    assert_eq!(synced.unchanged.len(), 2);
    let asked: Vec<String> = site.take_log().into_iter().map(|asked| asked.target).collect();
    assert_eq!(
        asked,
        ["/robots.txt", "/maps/index.xml", "/maps/part.xml.gz"],
        "the dates tell enough"
    );

    map("2026-02-01");
    let synced = base.sync(&remote);
    assert_eq!(synced.files, ["docs/a.html"]);
}

#[test]
fn a_sitemap_can_be_the_source_itself() {
    let (site, mut base) = (Site::start(), Base::new());
    let map = format!("<urlset><url><loc>{}</loc></url></urlset>", site.url("/a"));
    site.reply("/sitemap.xml", Reply::new(200, map));
    site.links("/a", &["/b"]);
    site.links("/b", &[]);
    assert!(base.sync(&web(site.url("/sitemap.xml"))).is_complete());
    assert_eq!(base.paths(), ["a.html"]);
    site.reply("/sitemap.xml", Reply::new(200, "<html></html>"));
    let (code, message) = base.sync(&web(site.url("/sitemap.xml"))).refusal();
    assert!(
        code == "invalid_source" && message.contains("damaged"),
        "{message}"
    );
    assert_eq!(base.paths(), ["a.html"]);
}

#[test]
fn the_server_names_the_encoding() {
    let (site, mut base) = (Site::start(), Base::new());
    let (bytes, ..) =
        encoding_rs::WINDOWS_1251.encode("<title>Настройка</title><p>Ёж <a href='/b'>далее</a>");
    let named = Reply::new(200, bytes.to_vec()).with("Content-Type", "text/html; charset=windows-1251");
    site.reply("/", named);
    let (bytes, ..) = encoding_rs::KOI8_R.encode("<meta charset='koi8-r'><p>Вторая страница");
    site.reply(
        "/b",
        Reply::new(200, bytes.to_vec()).with("Content-Type", "text/html"),
    );
    assert!(base.sync(&web(site.url("/"))).is_complete());
    assert!(base.text("index.html").contains("Настройка"));
    assert!(base.text("b.html").contains("Вторая страница"));
}

#[test]
fn a_packed_answer_is_unpacked() {
    let (site, mut base) = (Site::start(), Base::new());
    let packed = gzip(b"<p>Packed on the way");
    let reply = Reply::new(200, packed).with("Content-Type", "text/html");
    site.reply("/", reply.with("Content-Encoding", "gzip"));
    assert!(base.sync(&web(site.url("/"))).is_complete());
    assert!(base.text("index.html").contains("Packed on the way"));
}

#[test]
fn a_canonical_address_merges_pages() {
    let (site, mut base) = (Site::start(), Base::new());
    let canonical = |target: &str| format!("<link rel=canonical href='{target}'><p>Text");
    site.links("/", &["print", "mobile", "x", "y", "lost", "away"]);
    site.page("/print", &canonical("/article"));
    site.page("/mobile", &canonical("/article"));
    site.page("/article", &canonical("/article"));
    site.page("/x", &canonical("/y"));
    site.page("/y", &canonical("/x"));
    site.page("/lost", &canonical("/gone"));
    site.page("/away", &canonical("https://example.org/"));
    let synced = base.sync(&web(site.url("/")));
    assert!(synced.is_complete() && synced.problems.is_empty(), "{synced:?}");
    assert_eq!(
        base.paths(),
        ["article.html", "away.html", "index.html", "lost.html", "y.html"]
    );
}

#[test]
fn two_addresses_of_one_name_and_one_content_are_both_kept() {
    let (site, mut base) = (Site::start(), Base::new());
    site.links("/", &["a", "a.html"]);
    site.page("/a", "<p>Same");
    site.page("/a.html", "<p>Same");
    let remote = web(site.url("/"));
    base.sync(&remote);
    let paths: Vec<String> = base.paths().into_iter().map(str::to_owned).collect();
    assert_eq!(paths.len(), 3);
    assert!(
        paths[1].starts_with("a~") || paths[0].starts_with("a~"),
        "{paths:?}"
    );
    site.links("/", &["a.html", "a"]);
    let synced = base.sync(&remote);
    assert_eq!(
        synced.files,
        ["index.html"],
        "their names do not depend on the order"
    );
    assert_eq!(base.paths(), paths);
}
