//! MediaWiki dumps: pages out of one XML document, plain and packed.

use nexus_domain::ProblemCode::{Corrupt, TooLarge, TooManyEntries, Truncated};
use nexus_ingest::{Container, Limits, Places};
use proptest::prelude::*;
use sevenz_rust2::EncoderMethod;

use crate::sevenz_file::seven;
use crate::support::{bzip2, deflated, extract, gzip, noise, walk, walk_within, zip};

const HEAD: &str = r#"<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="ru">
  <siteinfo>
    <sitename>Вики «Нева»</sitename>
    <base>https://wiki.neva.example/wiki/Заглавная_страница</base>
    <namespaces>
      <namespace key="-1" case="first-letter">Служебная</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Обсуждение</namespace>
      <namespace key="10" case="first-letter">Шаблон</namespace>
    </namespaces>
  </siteinfo>
"#;

fn revision(id: u32, time: &str, text: &str) -> String {
    format!(
        "<revision><id>{id}</id><timestamp>{time}</timestamp><contributor><username>Анна</username><id>7</id>\
         </contributor><model>wikitext</model><format>text/x-wiki</format>\
         <text bytes=\"{}\" xml:space=\"preserve\">{text}</text><sha1>x</sha1></revision>",
        text.len()
    )
}

fn page(title: &str, namespace: i32, inner: &str) -> String {
    format!("  <page><title>{title}</title><ns>{namespace}</ns><id>1</id>{inner}</page>\n")
}

fn dump(pages: &[String]) -> String {
    format!("{HEAD}{}</mediawiki>\n", pages.concat())
}

fn small() -> String {
    dump(&[
        page(
            "Шлюз &amp; мост",
            0,
            &[
                revision(
                    11,
                    "2024-03-01T00:00:00Z",
                    "'''Новый''' текст &lt;ref&gt;сноска&lt;/ref&gt; &amp;nbsp;&#8212; да",
                ),
                revision(10, "2020-01-01T00:00:00Z", "Старый текст"),
            ]
            .concat(),
        ),
        page(
            "Перенаправление",
            0,
            &format!(
                "<redirect title=\"Шлюз\" />{}",
                revision(12, "2024", "#redirect [[Шлюз]]")
            ),
        ),
        page("Обсуждение:Шлюз", 1, &revision(13, "2024", "болтовня")),
        page("Шаблон:Карточка", 10, &revision(14, "2024", "{{{1}}}")),
        page(
            "Справка:Установка/Linux",
            12,
            &revision(15, "2024", "Ставьте пакет."),
        ),
        page(
            "Проект:CSS",
            4,
            "<revision><id>16</id><model>css</model><text>p {}</text></revision>",
        ),
        page(
            "Удалено",
            0,
            "<revision><id>17</id><text deleted=\"deleted\" /></revision>",
        ),
    ])
}

#[test]
fn a_dump_is_walked_page_by_page() {
    let outcome = walk(small().as_bytes(), "nevawiki-pages-articles.xml");
    assert_eq!(
        outcome.paths(),
        ["Шлюз & мост.mediawiki", "Справка:Установка/Linux.mediawiki"]
    );
    let summary = outcome.result.as_ref().unwrap();
    assert_eq!(
        (summary.container, summary.entries),
        (Container::MediaWikiDump, 7)
    );
    assert!(summary.complete && outcome.problems.is_empty());
    let file = &outcome.files[0];
    assert_eq!(
        String::from_utf8_lossy(&file.bytes),
        "'''Новый''' текст <ref>сноска</ref> &nbsp;— да"
    );
    let provenance = &file.provenance;
    assert_eq!(provenance.title.as_deref(), Some("Шлюз & мост"));
    assert_eq!(provenance.fingerprint.as_deref(), Some("rev:11"));
    let link = provenance.link.as_ref().unwrap();
    assert_eq!(link.places, Places::Anchors);
    assert_eq!(
        link.url,
        "https://wiki.neva.example/wiki/%D0%A8%D0%BB%D1%8E%D0%B7_%26_%D0%BC%D0%BE%D1%81%D1%82"
    );
    let document = extract(&file.path, &file.bytes);
    assert_eq!(document.text.trim(), "**Новый** текст [^1]  — да\n\n[^1]: сноска");
}

#[test]
fn a_dump_is_read_however_it_is_packed() {
    let text = small();
    for (bytes, name, folder) in [
        (gzip(text.as_bytes()), "dump.xml.gz", ""),
        (bzip2(text.as_bytes()), "dump.xml.bz2", ""),
        (
            seven(&[("dump.xml", text.as_bytes())], &[EncoderMethod::LZMA2]),
            "dump.xml.7z",
            "dump.xml/",
        ),
        (
            zip(&[deflated("wiki/dump.xml", &text)]),
            "wiki.zip",
            "wiki/dump.xml/",
        ),
        (
            zip(&[deflated("dump.xml.bz2", bzip2(text.as_bytes()))]),
            "wiki.zip",
            "dump.xml.bz2/",
        ),
        (
            zip(&[deflated("a.zip", zip(&[deflated("dump.xml", &text)]))]),
            "wiki.zip",
            "a.zip/dump.xml/",
        ),
    ] {
        let outcome = walk(&bytes, name);
        let expected = [
            format!("{folder}Шлюз & мост.mediawiki"),
            format!("{folder}Справка:Установка/Linux.mediawiki"),
        ];
        assert_eq!(outcome.paths(), expected, "{name}: {:?}", outcome.problems);
        assert!(outcome.complete(), "{name}");
    }
}

#[test]
fn a_dump_that_breaks_off_keeps_what_was_read() {
    let text = small();
    let cut = text.find("Справка:Установка").unwrap();
    let outcome = walk(&text.as_bytes()[..cut], "dump.xml");
    assert_eq!(outcome.paths(), ["Шлюз & мост.mediawiki"]);
    assert_eq!(outcome.codes(), [(None, Truncated)]);
    assert!(!outcome.complete());

    let packed = zip(&[
        deflated("dump.xml", &text.as_bytes()[..cut]),
        deflated("b.md", "# B\n"),
    ]);
    let outcome = walk(&packed, "a.zip");
    assert_eq!(outcome.paths(), ["dump.xml/Шлюз & мост.mediawiki", "b.md"]);
    assert_eq!(outcome.codes(), [(Some("dump.xml"), Truncated)]);
    assert!(!outcome.complete());

    let damaged = text.replace(
        "</revision></page>\n  <page><title>Обсуждение",
        "</oops></page>\n  <page><title>Обсуждение",
    );
    assert_eq!(walk(damaged.as_bytes(), "dump.xml").codes(), [(None, Corrupt)]);
}

#[test]
fn a_page_beyond_the_limit_is_told_and_the_rest_is_read() {
    let text = dump(&[
        page("Long", 0, &revision(1, "2024", &"word ".repeat(30_000))),
        page(
            "Longer in its past",
            0,
            &[
                revision(2, "2020", &"x".repeat(200_000)),
                revision(3, "2024", "short"),
            ]
            .concat(),
        ),
        page("Many entities", 0, &revision(4, "2024", &"&lt;".repeat(150_000))),
        page("Next", 0, &revision(5, "2024", "text")),
    ]);
    let limits = Limits {
        file_bytes: 100_000,
        ..Limits::default()
    };
    let outcome = walk_within(text.as_bytes(), "dump.xml", &limits);
    assert_eq!(
        outcome.paths(),
        ["Longer in its past.mediawiki", "Next.mediawiki"]
    );
    assert_eq!(
        outcome.codes(),
        [
            (Some("Long.mediawiki"), TooLarge),
            (Some("Many entities.mediawiki"), TooLarge)
        ]
    );
    assert!(
        outcome.problems[0].message.contains("100000"),
        "{}",
        outcome.problems[0].message
    );
    let limits = Limits {
        entries: 2,
        ..Limits::default()
    };
    let outcome = walk_within(small().as_bytes(), "dump.xml", &limits);
    assert_eq!(outcome.codes(), [(None, TooManyEntries)]);
    assert!(!outcome.complete());
}

#[test]
fn entities_of_a_dtd_are_never_expanded() {
    let laughs = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE mediawiki [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;\">]>\n<mediawiki>{}</mediawiki>",
        "ha".repeat(50),
        page("Laugh", 0, &revision(1, "2024", "&b;&amp;&b;"))
    );
    let outcome = walk(laughs.as_bytes(), "dump.xml");
    // A DTD with declarations hides the root; whatever the file is read as, nothing grows.
    assert!(outcome.files.iter().all(|file| file.bytes.len() <= laughs.len()));
    let plain = dump(&[page("Laugh", 0, &revision(1, "2024", "&b;&amp;&b;"))]);
    let outcome = walk(plain.as_bytes(), "dump.xml");
    assert_eq!(outcome.files[0].bytes, b"&b;&&b;");
}

#[test]
fn titles_that_mean_something_to_a_system_are_read() {
    let text = dump(&[
        page("CON", 0, &revision(1, "2024", "a")),
        page("../../etc/passwd", 0, &revision(2, "2024", "b")),
        page("AC/DC", 0, &revision(3, "2024", "c")),
        page("AC/DC", 0, &revision(4, "2024", "d")),
    ]);
    let outcome = walk(text.as_bytes(), "dump.xml");
    assert_eq!(
        outcome.paths(),
        [
            "_CON.mediawiki",
            "_../_../etc/passwd.mediawiki",
            "AC/DC.mediawiki"
        ]
    );
    assert_eq!(outcome.problems.len(), 1, "the second of one title");
}

#[test]
fn thousands_of_pages_take_one_page_of_memory_and_little_time() {
    let body = noise(40);
    let pages: Vec<String> = (0..5_000)
        .map(|n| page(&format!("Page {n}"), 0, &revision(n, "2024", &body)))
        .collect();
    let outcome = walk(&bzip2(dump(&pages).as_bytes()), "dump.xml.bz2");
    assert_eq!(outcome.files.len(), 5_000);
    assert!(outcome.complete());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_dump_gives_an_outcome_within_its_bounds(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = small().into_bytes();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { file_bytes: 10_000, entries: 20, ..Limits::default() };
        let outcome = walk_within(&bytes, "dump.xml", &limits);
        prop_assert!(outcome.files.len() <= 20);
        prop_assert!(outcome.files.iter().all(|file| file.bytes.len() <= 10_000));
    }
}
