//! Written answers that say what their sources do not.

use futures::StreamExt as _;
use nexus_domain::testing::FakeChat;
use nexus_rag::verify::{Evidence, Fault, Unverified, checked, faults};
use nexus_rag::{Answer, AnswerEvent, GenerationReason, GenerationStatus, Mode};
use proptest::prelude::*;

use crate::written::{POWER, RESET, stream, writer};

const QUESTION: &str = "How long do I hold the reset button?";
/// Its sources, best first, are reset.md and power.md.
const LIES: &str =
    "It needs 24 volts [2]. Hold the reset button for ten seconds [1]. The lamp does not blink [1].";

async fn dropping(text: &str) -> (String, Answer) {
    let (world, mut answering, _) = writer(vec![FakeChat::says(text)]).await;
    answering.writing.as_mut().unwrap().settings.unverified = Unverified::Drop;
    let mut events = answering.stream(world.question(QUESTION, Mode::Lexical));
    let mut streamed = String::new();
    while let Some(event) = events.next().await {
        match event.unwrap() {
            AnswerEvent::Delta(delta) => streamed.push_str(&delta.text),
            AnswerEvent::Done(answer) => return (streamed, *answer),
            AnswerEvent::Retrieved(_) => {}
        }
    }
    panic!("the stream ends with the answer");
}

#[tokio::test]
async fn statements_that_their_sources_do_not_hold_are_marked() {
    let (streamed, answer) = stream(QUESTION, vec![FakeChat::says(LIES)]).await;
    assert_eq!(streamed, answer.text);
    let seen: Vec<_> = answer
        .blocks
        .iter()
        .map(|block| (block.supported, block.faults.first().map(Fault::name)))
        .collect();
    assert_eq!(
        seen,
        [(false, Some("number")), (true, None), (false, Some("negation"))]
    );
    assert_eq!(answer.unsupported(), 2);
    let number = &answer.blocks[0].faults[0];
    assert_eq!(&answer.blocks[0].text[number.span().clone()], "24 volts");
}

#[tokio::test]
async fn or_are_left_out_and_never_shown_before() {
    let (streamed, answer) = dropping(LIES).await;
    assert_eq!(streamed, "");
    assert_eq!(answer.text, "Hold the reset button for ten seconds [1].");
    assert_eq!(
        (answer.blocks.len(), answer.citations.len(), answer.unsupported()),
        (1, 1, 0)
    );
    assert_eq!(
        (
            answer.citations[0].number,
            answer.citations[0].passage.document_path.as_str()
        ),
        (1, "reset.md")
    );
}

#[tokio::test]
async fn where_nothing_is_left_the_answer_is_made_of_quotes() {
    let (_, answer) = dropping("It needs 24 volts [2]. The sky is green.").await;
    assert_eq!(answer.generation.status, GenerationStatus::Failed);
    assert_eq!(answer.generation.reason, Some(GenerationReason::Uncited));
    assert!(answer.found && answer.text.contains("ten seconds"));
}

#[test]
fn a_passage_of_another_language_is_judged_by_its_numbers_and_identifiers_alone() {
    let source = Evidence::new(
        "Удерживайте кнопку сброса 10 секунд, пока не появится E-1042.",
        "ru/reset.md",
    );
    let found = |statement: &str| {
        faults(statement, &[&source])
            .iter()
            .map(Fault::name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("Hold the Reset button for ten seconds until E-1042 appears."),
        [""; 0]
    );
    assert_eq!(found("Hold it for 12 seconds."), ["number"]);
    assert_eq!(found("Wait until E-1043 appears."), ["name"]);
}

#[test]
fn a_passage_is_no_fault_of_itself() {
    for text in [RESET, POWER] {
        let source = Evidence::new(text, "");
        for line in text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            assert_eq!(faults(line, &[&source]), [], "{line}");
        }
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "\\PC{0,12}",
        "[A-Za-zа-яА-Я0-9 .,:;%«»“”\"`'-]{0,24}",
        "[0-9][0-9., :/-]{0,12}",
        "(не|no|not|нет|без|twenty|двадцать|million|½|VII|v2\\.|E-)[ 0-9]{0,3}",
        Just("\n".to_owned()),
        Just(" [1]".to_owned()),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_fault_has_a_place_in_the_text(statement in hostile(), passage in hostile()) {
        let source = Evidence::new(&passage, &statement);
        for fault in faults(&statement, &[&source]) {
            prop_assert!(statement.get(fault.span().clone()).is_some(), "{fault:?}");
        }
        for block in checked(&statement, &[source]) {
            for fault in &block.faults {
                prop_assert!(block.text.get(fault.span().clone()).is_some(), "{fault:?}");
            }
            let refuted = block.faults.iter().any(Fault::refutes);
            prop_assert!(!refuted || !block.supported);
        }
    }

    #[test]
    fn any_question_can_be_rewritten(first in hostile(), second in hostile()) {
        let turns = [nexus_rag::follow_up::Turn::asked(&first)];
        let found = nexus_rag::follow_up::rewrite(&turns, &second);
        prop_assert!(!found.added.is_empty() || found.text.len() <= second.len() + turns[0].question().len());
    }
}
