//! The same second turns, rewritten by a chat model that is right four times of five: as whoever wrote the dialogues would.
//! The fifth time it talks nonsense, says nothing, or does not come to an end, and the rules do it.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::testing::{FakeChat, FakeChatModel};
use nexus_rag::follow_up::{RewriteFailure, RewrittenBy, Turn};
use nexus_rag::{Mode, Question, RetrievalReport, Rewriting};

use crate::follow_ups::{Dialogue, Index, chosen};
use crate::support::World;

/// How a model fails, in turn.
fn failures() -> [FakeChat; 5] {
    [
        FakeChat::says("Lorem ipsum dolor sit amet, consectetur adipiscing elit."),
        FakeChat::Says(Vec::new()),
        FakeChat::Stalls(vec!["How".to_owned()]),
        FakeChat::says("Sorry, I cannot help with that."),
        FakeChat::says("1. One question\n2. Another question"),
    ]
}

/// What the model's call came to; `None` if it was not asked.
async fn asked(world: &World, dialogue: &Dialogue, play: FakeChat) -> (Option<String>, RetrievalReport) {
    let model = Arc::new(FakeChatModel::new("fake", [play]));
    let mut answering = world.answering();
    answering.rewriting = Some(Rewriting {
        model: model.clone(),
        time: Duration::from_millis(100),
        temperature: None,
        prefer: None,
        calls: Default::default(),
    });
    let question = Question {
        history: vec![Turn::asked(&dialogue.first)],
        ..world.question(&dialogue.second, Mode::Lexical)
    };
    let answer = answering.answer(&question).await.unwrap();
    let prompt = model.requests().first().map(|request| {
        let prompt = request.messages[1].text.clone();
        assert!(prompt.contains(&dialogue.first) && prompt.contains(&dialogue.second));
        prompt
    });
    (prompt, answer.retrieval)
}

#[derive(Debug, Default)]
struct Count {
    /// Found within the first five: as asked, rewritten, and by hand.
    found: [u32; 3],
    asked: u32,
    by_model: u32,
    failed: Vec<RewriteFailure>,
}

async fn counted(language: &str, held_out: bool) -> f32 {
    let index = Index::of_the_sample();
    let world = World::new();
    let dialogues = chosen(language, held_out);
    let mut count = Count::default();
    let mut fails = failures().into_iter().cycle();
    for dialogue in &dialogues {
        let is_right = count.asked % 5 != 4;
        let play = if is_right {
            FakeChat::says(&dialogue.stand_alone)
        } else {
            fails.next().unwrap()
        };
        let (prompt, report) = asked(&world, dialogue, play).await;
        if prompt.is_some() {
            count.asked += 1;
            assert_eq!(
                report.rewrite_failure.is_some(),
                !is_right,
                "{dialogue:?} {report:?}"
            );
        }
        count.failed.extend(report.rewrite_failure);
        count.by_model += u32::from(report.rewritten_by == Some(RewrittenBy::Model));
        let searched = report.question.unwrap_or_else(|| dialogue.second.clone());
        let questions = [&dialogue.second, &searched, &dialogue.stand_alone];
        let holds = |question: &str| index.search(question).contains(&dialogue.document.as_str());
        for (found, question) in count.found.iter_mut().zip(questions) {
            *found += u32::from(holds(question));
        }
    }
    let [as_asked, rewritten, by_hand] = count.found.map(|found| found as f32 / dialogues.len() as f32);
    println!(
        "recall@5 by a model that is right four times of five, {language}, held out {held_out}: {as_asked} as asked, \
         {rewritten} rewritten, {by_hand} by hand; {} dialogues, the model was asked {} times, {} of its questions were \
         taken, failures {:?}",
        dialogues.len(),
        count.asked,
        count.by_model,
        count.failed
    );
    assert!(count.failed.len() as u32 * 5 + 4 >= count.asked && !count.failed.is_empty());
    assert!(
        count.by_model * 2 > count.asked,
        "the model has no say: {count:?}"
    );
    rewritten / by_hand
}

#[tokio::test]
async fn second_turns_that_a_model_rewrites_are_found_nearly_as_well_as_whole_questions() {
    for language in ["en", "ru"] {
        for held_out in [false, true] {
            let share = counted(language, held_out).await;
            assert!(share >= 0.9, "{share} of the questions by hand");
        }
    }
}
