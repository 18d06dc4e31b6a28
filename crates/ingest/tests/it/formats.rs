//! What a file is, what it is called, and which text it gives.

use nexus_domain::Format;
use nexus_domain::ProblemCode::{Empty, NestedTooDeep};
use nexus_ingest::{Language, Limits};

use crate::support::{extract, refusal};

#[test]
fn a_markdown_title_comes_from_front_matter_then_the_first_heading_then_the_name() {
    assert_eq!(
        extract("a.md", "---\ntitle: \"Установка: шаг 1\"\n---\n\n# Other\n").title,
        "Установка: шаг 1"
    );
    assert_eq!(
        extract("a.md", "Intro\n\n# `std::vector` *push*\n").title,
        "std::vector push"
    );
    assert_eq!(extract("a.md", "Intro\n\n## Remarks\n").title, "a");
    assert_eq!(
        extract("a.md", "Setext title\n============\n").title,
        "Setext title"
    );
    assert_eq!(
        extract("docs/install-guide.md", "just text\n").title,
        "install-guide"
    );
}

#[test]
fn markdown_text_is_the_file_itself() {
    let text = "---\ntitle: x\n---\n# A\r\n\ttabbed  \nline\n\n\n";
    assert_eq!(extract("a.md", text).text, text.replace("\r\n", "\n"));
}

#[test]
fn html_becomes_markdown_without_scripts_and_navigation() {
    let page = "<!DOCTYPE html><html><head><title>Guide &amp; more</title><style>p{}</style><script>var a='<p>no</p>';</script>\
        </head><body><nav><a href=/>Home</a><ul><li>Menu</li></ul></nav>\
        <h1>Install &lt;it&gt;</h1><p>First <b>bold</b>, <a href='x'>link</a>\n and&nbsp;text.<br>Next line</p>\
        <ul><li>one<li>two<ol><li>deep</ol></ul>\
        <pre><code class=\"language-rust\">fn main() {\n    run();\n}\n</code></pre>\
        <table><tr><th>Name<th>Type</tr><tr><td>a|b</td><td><code>int</code></td></tr></table>\
        <blockquote><p>Quoted</p></blockquote><p># no heading</p><noscript>enable</noscript></body></html>";
    let document = extract("page.html", page);
    assert_eq!(document.format, Format::Html);
    assert_eq!(document.title, "Guide & more");
    let expected = "# Install <it>\n\nFirst bold, link and text.\nNext line\n\n- one\n- two\n  1. deep\n\n\
        ```rust\nfn main() {\n    run();\n}\n```\n\n| Name | Type |\n| --- | --- |\n| a\\|b | `int` |\n\n> Quoted\n\n\\# no heading";
    assert_eq!(document.text.trim(), expected);
}

#[test]
fn tables_that_lay_out_a_page_become_paragraphs() {
    let page = "<table><tr><td>Menu</td><td><h1>Title</h1><p>Body</p><table><tr><td>a<td>b<tr><td>c<td>d</table></td></tr></table>";
    let text = extract("a.html", page).text;
    assert_eq!(
        text.trim(),
        "Menu\n\n# Title\n\nBody\n\n| a | b |\n| --- | --- |\n| c | d |"
    );
}

#[test]
fn html_is_bounded_in_depth_and_time() {
    assert_eq!(
        refusal("a.html", format!("x{}y", "<ul><li>".repeat(5_000))),
        NestedTooDeep
    );
    // A tree builder needs quadratic time for each of these.
    let divs = format!("{}text{}", "<div>".repeat(300_000), "</div>".repeat(300_000));
    assert_eq!(extract("a.html", divs).text.trim(), "text");
    let attributes = format!(
        "<p {}>text",
        (0..200_000).map(|n| format!("a{n} ")).collect::<String>()
    );
    assert_eq!(extract("a.html", attributes).text.trim(), "text");
    let fonts: String = (0..50_000).map(|n| format!("<font a={n}><p>")).collect();
    assert_eq!(extract("a.html", format!("{fonts}text")).text.trim(), "text");
    assert_eq!(
        refusal("a.html", "<script>let a = 1;</script><style>p {}</style>"),
        Empty
    );
}

#[test]
fn minified_json_is_laid_out_and_other_json_kept() {
    let rows: Vec<String> = (0..50)
        .map(|n| format!(r#"{{"id":{n},"big":123456789012345678901234567890}}"#))
        .collect();
    let minified = format!(r#"{{"rows":[{}]}}"#, rows.join(","));
    let document = extract("a.json", &minified);
    assert_eq!(document.format, Format::Json);
    assert!(document.text.lines().count() > 200);
    assert!(
        document
            .text
            .contains("      \"big\": 123456789012345678901234567890\n")
    );
    let pretty = "{\n  \"a\": 1\n}\n";
    assert_eq!(extract("a.json", pretty).text, pretty);
    assert_eq!(refusal("deep.json", "[".repeat(100_000)), NestedTooDeep);
    assert_eq!(
        extract("tsconfig.json", "{ // comment\n}\n").format,
        Format::PlainText
    );
}

#[test]
fn code_is_known_by_extension_name_and_interpreter() {
    let cases = [
        ("a.rs", "fn main() {}", Some(Language::Rust)),
        ("a.h", "#include <x>\nnamespace a {}\n", Some(Language::Cpp)),
        ("a.h", "#include <x>\nint a(void);\n", Some(Language::C)),
        ("Gemfile", "gem 'x'\n", Some(Language::Ruby)),
        (
            "run",
            "#!/usr/bin/env -S python3 -u\nprint(1)\n",
            Some(Language::Python),
        ),
        ("entry", "#!/bin/sh\necho\n", Some(Language::Bash)),
        ("Dockerfile", "FROM scratch\n", None),
        ("a.sql", "select 1;\n", None),
    ];
    for (path, text, language) in cases {
        let document = extract(path, text);
        assert_eq!(
            (document.format, document.language),
            (Format::Code, language),
            "{path}"
        );
    }
    assert_eq!(extract("notes", "some text\n").format, Format::PlainText);
    assert_eq!(extract("page", "<!DOCTYPE html><p>x").format, Format::Html);
}

#[test]
fn a_title_is_never_empty_nor_long() {
    for (path, text) in [
        ("a.md", "# \n\ntext"),
        ("", "text"),
        (".md", "text"),
        (".", "text"),
        ("a.rst", "text"),
    ] {
        let title = extract(path, text).title;
        assert!(!title.trim().is_empty(), "{path:?}");
    }
    assert!(
        extract("a.md", format!("# {}", "word ".repeat(10_000)))
            .title
            .chars()
            .count()
            <= 200
    );
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let limits = Limits {
        file_bytes: 10,
        ..Limits::default()
    };
    assert!(nexus_ingest::extract("a.md", b"more than ten bytes", &limits).is_err());
}
