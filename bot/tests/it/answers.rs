//! Answers, as a person sees them.

use nexus_api::{Answer, DocumentFormat, GenerationReason, GenerationStatus};
use nexus_bot::render::{self, Limits};
use nexus_bot::words::Language;

use crate::fixtures::{checked, citation, extractive, shown, style, written};

fn reset() -> Vec<nexus_api::Citation> {
    vec![
        citation(
            1,
            "Шлюз: руководство",
            &["Шлюз: руководство", "Обслуживание", "Сброс"],
            "Удерживайте кнопку RESET 10 секунд, пока лампа не начнёт мигать.",
        ),
        citation(
            2,
            "Прошивка",
            &["Обновление"],
            "Прошивка обновляется\nкомандой `gw update`.",
        ),
    ]
}

fn ru(answer: &Answer) -> String {
    shown(&render::answer(answer, &style(Language::Ru)), Limits::default())
}

fn en(answer: &Answer) -> String {
    shown(&render::answer(answer, &style(Language::En)), Limits::default())
}

#[test]
fn a_list_with_marks() {
    let text = "Чтобы сбросить шлюз:\n\n1. Удерживайте кнопку **RESET** 10 секунд [1].\n2. Дождитесь мигания лампы [1] [2].\n   Это займёт минуту.\n3. Готово [7].\n\nПосле сброса обновите прошивку [2].";
    insta::assert_snapshot!(ru(&written(text, &[], reset())));
}

#[test]
fn nested_lists_and_tasks() {
    let text = "- one\n  - two\n    - three\n      1. four\n\n        more of four\n  - five\n- [x] done\n- [ ] open\n-\n- > quoted\n\n7. seven\n\n8. eight\n\n   ```sh\n   ls\n   ```";
    insta::assert_snapshot!(en(&written(text, &[], Vec::new())));
}

#[test]
fn a_narrow_table_is_aligned() {
    let text = "Коды лампы [1]:\n\n| Цвет | Значит | мс |\n|:--|:-:|--:|\n| **красный** | сбой | 100 |\n| 绿色 | норма [1] | 5 |\n\nВот и всё.";
    insta::assert_snapshot!(ru(&written(text, &[], reset())));
}

#[test]
fn a_wide_table_is_told_line_by_line() {
    let text = "| Setting | What it does | Default |\n|---|---|---|\n| `timeout` | How long the gateway waits for an answer of the server before it tries again [1] | 30 s |\n| `retries` | How often it tries<br>before it gives up | |";
    insta::assert_snapshot!(en(&written(text, &[], reset())));
}

#[test]
fn code_keeps_its_language_and_its_brackets() {
    let text = "Run this [1]:\n\n```rust,no_run\nfn main() {\n    let x: Vec<&str> = vec![];\n    x[1];\n}\n```\n\nInline `a < b && c[1]` too.\n\n    indented\n\n~~~\nplain\n~~~";
    insta::assert_snapshot!(en(&written(text, &[], reset())));
}

#[test]
fn nested_emphasis_and_code_within() {
    let text = "**bold *both* and `code` in it** ~~gone~~ __also *x*__ ***all***\n\n*a **b [link `c`](https://a.b/?x=1&y=\"2\") d** e*";
    insta::assert_snapshot!(en(&written(text, &[], Vec::new())));
}

#[test]
fn headings_quotes_rules_and_links() {
    let text = "# Title\n## Section\nText\nwith lines.\n\n> quote *one*\n>\n> > nested\n\n---\n\n### Links\n[site](https://example.org) [file](docs/a.md) [bad](javascript:alert(1)) <https://auto.link> <a@b.c> ![logo](https://x.y/logo.png) ![](https://x.y/dir/pic.png) [tg](tg://resolve?domain=x)";
    insta::assert_snapshot!(en(&written(text, &[], Vec::new())));
}

#[test]
fn raw_html_definitions_and_footnotes_are_text() {
    let text = "a <b>bold?</b> &lt;tag&gt; &amp; <br/>next\n\n<div class=\"x\">\nblock & more\n</div>\n\n[1]: manual\n[^2]: note\n\nsee [1] and [^2] and [docs]\n\n[docs]: https://x.y";
    insta::assert_snapshot!(en(&written(text, &[], reset())));
}

#[test]
fn statements_that_no_source_confirms_are_marked() {
    let text = "Удерживайте кнопку [1]. Лампа станет синей. **Ждите минуту.**\n\n- Пункт с опорой [2]\n- Пункт без опоры\n\n| a | b |\n|---|---|\n| 1 | 2 [1] |\n| 3 | 4 |\n\n```\nreset\n```";
    let blocks = [
        ("Удерживайте кнопку.", true),
        ("Лампа станет синей.", false),
        ("**Ждите минуту.**", false),
        ("- Пункт с опорой", true),
        ("- Пункт без опоры", false),
        ("| a | b |", true),
        ("|---|---|", true),
        ("| 1 | 2 |", true),
        ("| 3 | 4 |", false),
        ("not there at all", false),
        ("```\nreset\n```", false),
    ];
    insta::assert_snapshot!(ru(&written(text, &blocks, reset())));
}

#[test]
fn an_extractive_answer_says_so_and_quotes_documents_as_they_are() {
    let mut citations = reset();
    citations[0].quote =
        "## Сброс\n\nУдерживайте кнопку **RESET**\n10 секунд:\n\n- лампа мигает\n- шлюз перезапускается"
            .to_owned();
    citations[1].passage.document_format = DocumentFormat::Code;
    citations[1].passage.document_path = "tools/update.sh".to_owned();
    citations[1].quote = "gw update --force && echo \"<done>\"".to_owned();
    insta::assert_snapshot!(ru(&extractive(citations, GenerationReason::NotConfigured)));
}

#[test]
fn a_model_that_failed_is_told() {
    let mut answer = extractive(reset(), GenerationReason::TimedOut);
    answer.generation.status = GenerationStatus::Failed;
    insta::assert_snapshot!(en(&answer));
}

#[test]
fn nothing_found_tells_what_to_try() {
    let answer = Answer {
        found: false,
        ..written(
            "В базах знаний не нашлось ничего по этому вопросу.",
            &[],
            Vec::new(),
        )
    };
    insta::assert_snapshot!(ru(&answer));
}

#[test]
fn a_refusal_shows_what_comes_nearest() {
    let answer = Answer {
        found: false,
        nearest: reset(),
        ..written(
            "The knowledge bases do not seem to answer this question.",
            &[],
            Vec::new(),
        )
    };
    let shown = en(&answer);
    let places = [
        "do not seem to answer",
        "What comes nearest",
        "[1]",
        "[2]",
        "/kb shows",
    ];
    let places = places.map(|part| shown.find(part).unwrap_or_else(|| panic!("{part} in {shown}")));
    assert!(places.is_sorted(), "{shown}");
    assert!(!shown.contains("Sources"), "{shown}");
    for citation in &answer.nearest {
        let words: Vec<&str> = citation.quote.split_whitespace().take(2).collect();
        assert!(shown.contains(words[0]), "{shown}");
    }
}

#[test]
fn a_truncated_answer_says_that_it_ends_early() {
    let mut answer = written(
        "The gateway has three modes [1]: **normal, quiet and",
        &[],
        reset(),
    );
    answer.generation.truncated = true;
    insta::assert_snapshot!(en(&answer));
}

#[test]
fn without_an_address_of_the_backend_sources_have_no_links() {
    let mut style = style(Language::En);
    style.base_address = None;
    let answer = written("Hold the button [1].", &[], reset());
    insta::assert_snapshot!(shown(&render::answer(&answer, &style), Limits::default()));
}

#[test]
fn a_long_answer_is_cut_in_three_at_its_blocks() {
    let mut text = String::from("# Настройка шлюза\n\n");
    for section in 1..=3 {
        text.push_str(&format!("## Раздел {section}\n\n"));
        for line in 1..=3 {
            text.push_str(&format!(
                "Абзац {section}.{line} описывает, **как шлюз ведёт себя при сбое** питания [1]. "
            ));
            text.push_str("Сначала он сохраняет настройки, затем выключает модем.\n\n");
        }
        text.push_str("```toml\n");
        for line in 1..=7 {
            text.push_str(&format!("[section-{section}-{line}]\nvalue = {line}\n"));
        }
        text.push_str("```\n\n");
    }
    let limits = Limits::new(900, 100);
    let answer = render::answer(&written(&text, &[], reset()), &style(Language::Ru));
    let parts = checked(&answer, limits);
    assert_eq!(parts.len(), 3);
    insta::assert_snapshot!(shown(&answer, limits));
}

#[test]
fn an_answer_without_text_says_something() {
    let parts = checked(
        &render::answer(&written("", &[], Vec::new()), &style(Language::Ru)),
        Limits::default(),
    );
    assert_eq!(parts.len(), 1);
    assert!(parts[0].text.contains("Спросите"));
}
