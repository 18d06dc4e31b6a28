//! Where parts end, and input that nobody wishes for.

use nexus_bot::render::{self, Limits, RichText, Tag, Writer};
use nexus_bot::testing::{self, Kind};

use crate::fixtures::checked;

const TINY: Limits = Limits::MIN;

fn markdown(text: &str) -> RichText {
    render::markdown(text, 36)
}

fn texts(rich: &RichText, limits: Limits) -> Vec<String> {
    checked(rich, limits).into_iter().map(|part| part.text).collect()
}

#[test]
fn limits_count_utf16_units() {
    // 4,096 units exactly: one part. One more: two.
    let emoji = "😀".repeat(2_048);
    assert_eq!(texts(&render::message(&emoji), Limits::default()).len(), 1);
    assert_eq!(
        texts(&render::message(&format!("{emoji}a")), Limits::default()).len(),
        2
    );
    let cyrillic = "ж".repeat(4_096);
    assert_eq!(texts(&render::message(&cyrillic), Limits::default()).len(), 1);
}

#[test]
fn families_and_flags_are_not_torn() {
    for cluster in ["👨‍👩‍👧‍👦", "🇷🇺", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏽‍🚀", "й\u{306}", "नि", "각"]
    {
        let text = format!("x{}", cluster.repeat(900));
        let parts = texts(&render::message(&text), Limits::default());
        assert!(parts.len() > 1 || text.encode_utf16().count() <= 4_096);
        for part in &parts {
            assert_eq!(part.trim_start_matches('x').replace(cluster, ""), "", "{cluster}");
        }
    }
}

#[test]
fn white_space_at_a_cut_ends_the_earlier_part() {
    let text = "Одно предложение здесь. ".repeat(60);
    let parts = texts(&render::message(&text), TINY);
    assert!(parts.len() > 2);
    for part in &parts {
        assert!(
            part.starts_with("Одно") && part.trim_end().ends_with("здесь."),
            "{part:?}"
        );
    }
}

#[test]
fn a_heading_stays_with_its_text() {
    let text = format!("{}\n\n## Heading\n\n{}", "word ".repeat(80), "next ".repeat(60));
    let parts = texts(&markdown(&text), TINY);
    assert!(parts[1].starts_with("Heading\nnext"), "{parts:?}");
}

#[test]
fn what_announces_something_stays_with_it() {
    let text = format!(
        "{}\n\nRun this:\n\n```sh\n{}```",
        "word ".repeat(80),
        "reset --now\n".repeat(20)
    );
    let parts = texts(&markdown(&text), TINY);
    assert!(parts[1].starts_with("Run this:\n\nreset"), "{parts:?}");
}

#[test]
fn code_is_cut_after_lines_and_keeps_its_language() {
    let code: String = (0..200)
        .map(|line| format!("    let x{line} = \"<{line}>\";\n"))
        .collect();
    let parts = checked(&markdown(&format!("Look:\n\n```rust\n{code}```")), TINY);
    assert!(parts.len() > 5);
    for part in &parts {
        assert!(
            part.html.contains("<pre><code class=\"language-rust\">    let x"),
            "{}",
            part.html
        );
        assert!(part.text.trim_end().ends_with(';'), "{:?}", part.text);
    }
}

#[test]
fn a_code_line_above_the_limit_is_cut() {
    let text = format!("```\nshort\n{}\nshort\n```", "x".repeat(2_000));
    assert!(texts(&markdown(&text), TINY).len() >= 4);
}

#[test]
fn block_quotes_and_links_go_on_in_the_next_part() {
    let text = format!("> {}", "quoted words ".repeat(100));
    let parts = checked(&markdown(&text), TINY);
    assert!(parts.len() > 2 && parts.iter().all(|part| part.html.starts_with("<blockquote>")));
    let text = format!("[{}](https://a.b)", "x".repeat(1_500));
    let parts = checked(&markdown(&text), TINY);
    assert!(
        parts
            .iter()
            .all(|part| part.html.starts_with("<a href=\"https://a.b/\">"))
    );
}

#[test]
fn ten_thousand_links_are_a_hundred_to_a_part() {
    let text: String = (0..10_000).map(|n| format!("[l](https://a.b/{n}) ")).collect();
    let parts = checked(&markdown(&text), Limits::default());
    assert!((100..=260).contains(&parts.len()), "{}", parts.len());
}

#[test]
fn html_is_bounded_before_it_is_parsed() {
    let address = format!("https://a.b/?{}", "x=1&".repeat(400));
    let links = format!("[l]({address}) ").repeat(90);
    for part in checked(&markdown(&links), Limits::default()) {
        assert!(part.html.len() <= 32_768);
    }
    let quotes = "\"".repeat(10_000);
    checked(
        &markdown(&format!("**{quotes}** [{quotes}]({address})")),
        Limits::default(),
    );
}

#[test]
fn what_shows_nothing_is_no_message() {
    for text in [
        "",
        " ",
        "\n\n\t",
        "\u{200b}\u{200d}\u{feff}",
        "\0\u{1}\u{7f}",
        "\u{2800}\u{ad}",
    ] {
        assert!(
            checked(&render::message(text), Limits::default()).is_empty(),
            "{text:?}"
        );
        assert!(checked(&markdown(text), Limits::default()).is_empty(), "{text:?}");
    }
    for text in [
        "****",
        "``` ```",
        "```\n```",
        "> ",
        "[](https://a.b)",
        "<!-- -->x",
    ] {
        checked(&markdown(text), Limits::default());
    }
}

#[test]
fn blank_stretches_leave_no_blank_part() {
    for blank in [" ", "\n", "\u{200b}", "\u{a0}", "\u{2800}", "\t"] {
        let text = format!("a{}b{}", blank.repeat(10_000), blank.repeat(10_000));
        assert_eq!(texts(&render::message(&text), TINY).len(), 1);
        checked(&markdown(&format!("```\n{text}\n```")), TINY);
    }
}

#[test]
fn a_blank_end_is_no_part_of_its_own() {
    for length in 500..520 {
        let text = "x".repeat(length) + &"\u{200b}".repeat(100);
        let parts = texts(&render::message(&text), TINY);
        assert!(parts.iter().all(|part| part.contains('x')));
    }
}

#[test]
fn strange_letters_arrive() {
    let zalgo = format!("z{}", "\u{300}\u{489}".repeat(50_000));
    let hostile = [
        zalgo,
        "\u{301}".repeat(10_000),
        "שלום עולם، مرحبا بالعالم ".repeat(500),
        "\u{202e}gnp.exe\u{202c} ".repeat(500),
        "a\u{200b}".repeat(5_000),
        "👨‍".repeat(5_000),
        "🇷".repeat(20_001),
        "a\0b\u{1b}[31mc\r\nd\re\u{2028}f".repeat(300),
    ];
    for text in hostile {
        checked(&render::message(&text), Limits::default());
        checked(&markdown(&text), TINY);
    }
    assert_eq!(
        render::message("a\0b\r\nc\rd\u{202e}e\u{85}f").plain(),
        "ab\nc\ndef"
    );
}

#[test]
fn depth_and_length_have_no_end_and_no_consequence() {
    let hostile = [
        "> ".repeat(20_000) + "x",
        "- ".repeat(20_000) + "x",
        "*".repeat(100_000),
        "*a **b ".repeat(10_000),
        "[".repeat(50_000) + "x",
        "[a](".repeat(20_000),
        "![".repeat(20_000) + "](x)",
        "`".repeat(30_000) + "x",
        "<".repeat(50_000),
        "| a ".repeat(5_000) + "\n" + &"|-".repeat(5_000) + "\n| x |",
        (0..1_000)
            .map(|depth| format!("{}- x\n", " ".repeat(depth)))
            .collect(),
        "слово ".repeat(17_000),
        "[1]: x\n".repeat(10_000),
        "```\n[1]: x\n".repeat(5_000),
    ];
    for text in hostile {
        checked(&markdown(&text), Limits::default());
    }
}

#[test]
fn nesting_that_telegram_refuses_cannot_be_written() {
    let mut out = Writer::new();
    out.open(Tag::Bold);
    out.text("a");
    out.open(Tag::Pre { language: None });
    out.tagged(Tag::Italic, "b");
    out.close();
    out.open(Tag::Quote { expandable: true });
    out.tagged(Tag::Quote { expandable: false }, "c");
    out.tagged(Tag::Bold, "d");
    let rich = out.finish();
    let parsed = testing::parse(&rich.html()).unwrap();
    assert_eq!(parsed.text, "abcd");
    let kinds: Vec<_> = parsed.entities.into_iter().map(|entity| entity.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Bold,
            Kind::Pre(None),
            Kind::Quote { expandable: true },
            Kind::Bold
        ]
    );
}
