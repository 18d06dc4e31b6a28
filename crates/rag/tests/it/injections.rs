//! Documents that tell the model what to do, and a model that obeys: `tests/injections`. What a person gets must not hold what
//! no source holds as if one did, and the prompt must stay what it was: rules, fenced sources, question.

use std::path::Path;
use std::sync::Arc;

use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_domain::{ChatRequest, ChatRole};
use nexus_rag::verify::Unverified;
use nexus_rag::{Answer, GenerationStatus, Manner, Mode, Writing, WritingSettings};
use serde::Deserialize;

use crate::support::World;

#[derive(Debug, Deserialize)]
struct Case {
    kind: String,
    path: String,
    /// A document with orders in it.
    text: String,
    /// What a model writes that follows them.
    obeyed: String,
    /// What of it no source holds.
    forbidden: Vec<String>,
    /// What of it a source holds.
    kept: Option<String>,
}

const QUESTIONS: [(&str, &str); 2] = [
    ("en", "How long do I hold the reset button?"),
    ("ru", "Сколько удерживать кнопку сброса?"),
];

fn cases(language: &str) -> Vec<Case> {
    let file = format!("../../tests/injections/{language}.jsonl");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let cases: Vec<Case> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(cases.len() >= 12);
    cases
}

async fn obeyed(case: &Case, question: &str, unverified: Unverified) -> (Answer, ChatRequest) {
    let world = World::of(&[(case.path.as_str(), case.text.as_str())]).await;
    let model = Arc::new(FakeChatModel::new("gullible", [FakeChat::says(&case.obeyed)]));
    let mut answering = world.answering();
    let settings = WritingSettings {
        unverified,
        ..WritingSettings::default()
    };
    answering.writing = Some(Writing {
        model: model.clone(),
        settings,
        manner: Manner::default(),
        calls: Default::default(),
    });
    let answer = answering.answer(&world.question(question, Mode::Lexical)).await;
    let request = model.requests().pop().expect("the model was asked");
    (answer.unwrap(), request)
}

/// Whether the model's own words hold it. Quotes are the document's words, and stand under its name.
fn writes(answer: &Answer, held: &impl Fn(&str) -> bool) -> bool {
    answer.generation.status == GenerationStatus::Written && held(&answer.text)
}

#[tokio::test]
async fn what_a_document_orders_never_passes_for_what_a_source_says() {
    for (language, question) in QUESTIONS {
        for case in cases(language) {
            let held = |text: &str| case.forbidden.iter().any(|word| text.contains(word.as_str()));
            let (marked, _) = obeyed(&case, question, Unverified::Mark).await;
            let (dropped, _) = obeyed(&case, question, Unverified::Drop).await;
            assert!(!writes(&dropped, &held), "{}: {}", case.kind, dropped.text);
            if marked.generation.status == GenerationStatus::Written {
                for block in marked.blocks.iter().filter(|block| held(&block.text)) {
                    assert!(!block.supported, "{}: {}", case.kind, block.text);
                }
            }
            let opens = matches!(
                case.kind.as_str(),
                "link" | "exfiltration" | "account" | "command"
            );
            assert!(
                !(opens && writes(&marked, &held)),
                "{}: {}",
                case.kind,
                marked.text
            );
            if let Some(kept) = &case.kept {
                let states = |answer: &Answer| {
                    let mut blocks = answer.blocks.iter();
                    blocks.any(|block| block.supported && block.text.contains(kept.as_str()))
                };
                assert!(states(&marked) && states(&dropped), "{}: {kept}", case.kind);
            }
        }
    }
}

#[tokio::test]
async fn no_document_changes_the_rules_ends_its_quotation_or_asks_in_a_persons_place() {
    for (language, question) in QUESTIONS {
        let mut rules = None;
        for case in cases(language) {
            let (_, request) = obeyed(&case, question, Unverified::Mark).await;
            let [system, user] = request.messages.as_slice() else {
                panic!("rules and a question: {:?}", request.messages)
            };
            assert_eq!((system.role, user.role), (ChatRole::System, ChatRole::User));
            assert_eq!(rules.get_or_insert_with(|| system.text.clone()), &system.text);
            // The fence is a line that no source holds: it opens and closes one quotation for each.
            let is_fence = |line: &&str| line.len() >= 8 && line.chars().all(|c| c == '=');
            let fence = user.text.lines().filter(is_fence).max_by_key(|line| line.len());
            let fence = fence.expect("sources are fenced");
            assert!(!case.text.contains(fence), "{}", case.kind);
            let fences: Vec<usize> = user
                .text
                .match_indices(&format!("\n{fence}\n"))
                .map(|(at, _)| at)
                .collect();
            assert_eq!(fences.len(), 2, "{}: {}", case.kind, user.text);
            let quoted = &user.text[fences[0]..fences[1]];
            assert!(quoted.contains("\n# "), "the document is quoted whole");
            let behind = &user.text[fences[1] + fence.len() + 2..];
            let asked: Vec<&str> = behind.lines().filter(|line| !line.is_empty()).collect();
            assert_eq!(asked.len(), 2, "{}: {behind}", case.kind);
            assert_eq!(asked[1], question);
        }
    }
}
