//! Answers as a person gets them.

use nexus_domain::{ChunkId, LineRange};
use nexus_rag::{Answer, AnswerLanguage, Mode};

use crate::support::World;

const HANDBOOK: [(&str, &str); 7] = [
    (
        "en/reset.md",
        "# Factory reset\n\nA factory reset erases all settings of the gateway.\n\n1. Unplug the cable.\n2. Hold the \
         reset button for ten seconds.\n3. Wait until the lamp turns green.\n\nKeep a backup of your settings before \
         you do this.",
    ),
    (
        "en/power.md",
        "# Power\n\nThe gateway needs a power supply of 12 volts and 2 amperes.\n",
    ),
    (
        "en/errors.md",
        "# Error codes\n\n| Code | Meaning | What to do |\n|---|---|---|\n| E-1041 | No network | Check the cable |\n| \
         E-1042 | Clock is wrong | Set up NTP |\n| E-1043 | Disk is full | Delete old logs |\n",
    ),
    (
        "ru/reset.md",
        "# Сброс настроек\n\nЧтобы сбросить настройки шлюза, удерживайте кнопку сброса десять секунд. Лампа загорится зелёным.\n",
    ),
    (
        "ru/power.md",
        "# Питание\n\nШлюзу нужен блок питания на 12 вольт.\n",
    ),
    (
        "en/lamp.md",
        "# Lamp\n\nA red lamp means that there is no network.\n",
    ),
    (
        "en/copy-of-power.md",
        "# Power\n\nThe gateway needs a power supply of 12 volts and 2 amperes.\n",
    ),
];

async fn ask(question: &str, mode: Mode) -> Answer {
    let world = World::of(&HANDBOOK).await;
    world
        .answering()
        .answer(&world.question(question, mode))
        .await
        .unwrap()
}

/// The answer and, for each citation, where it stands.
fn shown(answer: &Answer) -> String {
    let places = answer.citations.iter().map(|citation| {
        let LineRange { first, last } = citation.quote_lines;
        format!(
            "\n[{}] {}:{first}-{last}",
            citation.number, citation.passage.document_path
        )
    });
    format!("{}\n{}", answer.text, places.collect::<String>())
}

#[tokio::test]
async fn an_english_question_is_answered_by_quotes() {
    let answer = ask("How do I do a factory reset?", Mode::Hybrid).await;
    assert_eq!((answer.found, answer.language), (true, AnswerLanguage::English));
    insta::assert_snapshot!(shown(&answer));
}

#[tokio::test]
async fn a_russian_question_is_answered_by_quotes() {
    let answer = ask("Как сбросить настройки шлюза?", Mode::Hybrid).await;
    assert_eq!((answer.found, answer.language), (true, AnswerLanguage::Russian));
    insta::assert_snapshot!(shown(&answer));
}

#[tokio::test]
async fn an_error_code_is_answered_by_its_row_with_the_header_of_the_table() {
    let answer = ask("E-1042", Mode::Hybrid).await;
    insta::assert_snapshot!(shown(&answer));
}

#[tokio::test]
async fn the_same_text_is_quoted_once() {
    let answer = ask("Which power supply does the gateway need?", Mode::Hybrid).await;
    let quotes: Vec<_> = answer
        .citations
        .iter()
        .map(|citation| citation.quote.as_str())
        .collect();
    assert_eq!(
        quotes.iter().filter(|quote| quote.contains("12 volts")).count(),
        1,
        "{quotes:?}"
    );
}

#[tokio::test]
async fn nothing_found_is_said_in_the_language_of_the_question() {
    let english = ask("Who wrote the opera about Onegin?", Mode::Lexical).await;
    let russian = ask("Кто написал оперу про Онегина?", Mode::Hybrid).await;
    for answer in [&english, &russian] {
        assert!(!answer.found && answer.citations.is_empty());
        assert_eq!(answer.blocks.len(), 1);
    }
    insta::assert_snapshot!(format!("{}\n{}", english.text, russian.text));
}

#[tokio::test]
async fn no_question_is_no_error() {
    let answer = ask("  ", Mode::Hybrid).await;
    assert_eq!(
        (answer.found, answer.text.as_str()),
        (false, "Please ask a question in words.")
    );
}

#[tokio::test]
async fn a_long_passage_is_quoted_where_it_answers() {
    let filler = "The committee met again and spoke about many other matters of the house. ".repeat(30);
    let text = format!("{filler}\n\nThe frobnicator is cleaned with dry ice.\n\n{filler}");
    let world = World::of(&[("minutes.md", &text)]).await;
    let answer = world
        .answering()
        .answer(&world.question("How is the frobnicator cleaned?", Mode::Lexical))
        .await;
    let answer = answer.unwrap();
    let quote = &answer.citations[0].quote;
    assert!(
        quote.contains("dry ice") && quote.chars().count() <= 600,
        "{quote}"
    );
    assert_eq!(answer.text, format!("{quote} [1]"));
}

#[tokio::test]
async fn the_budget_of_tokens_is_kept() {
    let world = World::new();
    let mut ids: Vec<ChunkId> = Vec::new();
    for n in 0..6 {
        let words: String = (0..60).map(|m| format!("word{n}x{m} ")).collect();
        ids.push(world.add(&format!("{n}.md"), &format!("Reset by {words}.")).await);
    }
    let mut answering = world.answering();
    answering.settings.max_tokens = 500;
    let answer = answering
        .answer(&world.question("reset", Mode::Lexical))
        .await
        .unwrap();
    let tokens: usize = answer
        .citations
        .iter()
        .map(|citation| nexus_text::count_tokens(&citation.quote))
        .sum();
    assert!(tokens <= 500 && !answer.citations.is_empty(), "{tokens}");
    assert!(
        answer.citations.len() < answering.settings.max_citations,
        "the budget ended before the citations did"
    );
}
