//! What holds for any text, any Markdown and any answer: every part parses by Telegram's rules, is within the limits,
//! shows something, and all parts together are the whole text ([`checked`](crate::fixtures::checked)).

use nexus_bot::render::{self, Limits};
use nexus_bot::words::Language;
use proptest::prelude::*;

use crate::fixtures::{checked, citation, extractive, style, written};

/// Pieces of Markdown, whole and broken.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => prop::sample::select(vec![
            "# ", "## ", "- ", "  - ", "1. ", "10) ", "> ", ">> ", "```", "```rust\n", "~~~", "`", "``", "*", "**", "***", "_",
            "__", "~~", "[", "](", ")", "](https://a.b/c?d=1&e=2)", "](javascript:x)", "![", "| ", "|---|:-:|\n", "\n", "\n\n",
            "    ", "\t", "---\n", "<b>", "</b>", "<br>", "<div>\n", "<!--", "-->", "&amp;", "&lt;", "&#0;", "\\", "[1]", "[2]",
            "[^1]", "[1]: x\n", "]:", "- [x] ", "https://x.y/z", "<https://x.y>", "| a | b |\n|---|---|\n| 1 | 2 |\n",
            "```\ncode\n    more\n```\n", "\u{200b}", "👨‍👩‍👧‍👦", "🇷🇺", "\0", "\u{301}", "\r\n", " ", ". ", "。",
        ]).prop_map(str::to_owned),
        2 => "[a-zа-яё]{1,12}",
        1 => "\\PC{0,8}",
        1 => any::<String>(),
        1 => ("[a-z \u{a0}\n\u{300}😀]{1,3}", 1..400_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..5_000_usize, 0..150_usize).prop_map(|(units, entities)| Limits::new(units, entities))
}

/// What an input's plain text must be, said independently of the renderer: without what Telegram drops.
fn shown_of(text: &str) -> String {
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n")
        .replace('\t', " ");
    let dropped = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || "\u{333}\u{33f}\u{30a}".contains(c)
    };
    text.chars()
        .filter(|c| !dropped(*c))
        .collect::<String>()
        .trim()
        .to_owned()
}

/// 400 of each, or as many as `PROPTEST_CASES` asks for.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: asked.cases.max(400),
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text_arrives_whole(text in any::<String>(), limits in limits()) {
        let rich = render::message(&text);
        checked(&rich, limits);
        if !rich.is_empty() {
            prop_assert_eq!(rich.plain(), shown_of(&text));
        }
    }

    #[test]
    fn long_text_arrives_whole(text in soup(), limits in limits()) {
        checked(&render::message(&text), limits);
    }

    #[test]
    fn any_markdown_is_taken(text in soup(), limits in limits(), columns in 0..60_usize) {
        checked(&render::markdown(&text, columns), limits);
    }

    #[test]
    fn no_word_of_markdown_is_lost(words in prop::collection::vec("[a-z]{3,9}[0-9]{4}", 1..40), marks in soup()) {
        // Words stand on lines of their own between soup, where no construct of the soup can take them for markup.
        let text = words.iter().map(|word| format!("\n\n{word}\n\n")).collect::<String>();
        let rich = render::markdown(&format!("{text}{}", marks.replace(['<', '['], "")), 36);
        for word in &words {
            prop_assert!(rich.plain().contains(word.as_str()), "{} of {:?}", word, rich.plain());
        }
    }

    #[test]
    fn any_answer_is_taken(
        text in soup(),
        blocks in prop::collection::vec((soup(), any::<bool>()), 0..6),
        quotes in prop::collection::vec((soup(), ".{0,30}", ".{0,60}"), 0..12),
        slices in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
        limits in limits(),
        as_quotes in any::<bool>(),
    ) {
        let citations: Vec<_> = quotes
            .iter()
            .enumerate()
            .map(|(place, (quote, title, link))| {
                let mut citation = citation(place as u32 + 1, title, &[title, "x"], quote);
                if place % 2 == 1 {
                    citation.link = link.clone();
                }
                citation
            })
            .collect();
        // Unsupported blocks that do stand in the text, at arbitrary places.
        let mut blocks: Vec<(String, bool)> = blocks;
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for (from, to) in slices {
            let (from, to) = (*from.get(&ends), *to.get(&ends));
            blocks.push((text[from.min(to)..from.max(to)].to_owned(), false));
        }
        let blocks: Vec<_> = blocks.iter().map(|(text, supported)| (text.as_str(), *supported)).collect();
        let answer = if as_quotes {
            extractive(citations, nexus_api::GenerationReason::Unavailable)
        } else {
            written(&text, &blocks, citations)
        };
        for language in Language::ALL {
            let rich = render::answer(&answer, &style(language));
            prop_assert!(!checked(&rich, limits).is_empty());
        }
    }
}
