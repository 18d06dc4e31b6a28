//! Questions to a small knowledge base.

use nexus_domain::{DocumentId, Script};
use nexus_rag::{Mode, Question, RagError, Retrieval, SideStatus};

use crate::support::{AT, World};

const PAGES: [(&str, &str); 4] = [
    (
        "reset.md",
        "Hold the reset button for ten seconds to restore the gateway.",
    ),
    ("power.md", "The gateway needs 12 volts of power."),
    ("lamp.md", "A red lamp means that the gateway has no network."),
    (
        "сброс.md",
        "Удерживайте кнопку сброса десять секунд, чтобы восстановить шлюз.",
    ),
];

fn paths(retrieval: &Retrieval) -> Vec<&str> {
    retrieval
        .hits
        .iter()
        .map(|hit| hit.passage.document_path.as_str())
        .collect()
}

#[tokio::test]
async fn both_sides_answer_and_both_raw_scores_are_told() {
    let world = World::of(&PAGES).await;
    let question = world.question("how to reset the gateway", Mode::Hybrid);
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!(paths(&found)[0], "reset.md");
    let best = &found.hits[0];
    assert!(best.lexical.is_some() && best.dense.is_some() && (0.0..=1.0).contains(&best.score));
    assert_eq!(
        (&found.report.lexical.status, &found.report.dense.status),
        (&SideStatus::Ran, &SideStatus::Ran)
    );
    assert!(
        found
            .report
            .lexical_weight
            .is_some_and(|weight| (0.0..=1.0).contains(&weight))
    );
    assert_eq!(
        (found.report.script, found.report.dense.candidates),
        (Script::Latin, 4)
    );
    assert_eq!(found.report.model.as_deref(), Some("fake-latin"));
}

#[tokio::test]
async fn a_model_has_no_say_on_a_script_that_it_does_not_know() {
    let world = World::of(&PAGES).await;
    let question = world.question("Как выполнить сброс шлюза?", Mode::Hybrid);
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!(found.report.dense.status, SideStatus::ScriptUnknown);
    assert_eq!(
        (paths(&found), found.report.lexical_weight),
        (vec!["сброс.md"], None)
    );
    let asked_for = Question {
        mode: Mode::Dense,
        ..question
    };
    let found = world.retriever(true).retrieve(&asked_for).await.unwrap();
    assert_eq!(
        found.report.dense.status,
        SideStatus::Ran,
        "asked for explicitly, it always runs"
    );
}

#[tokio::test]
async fn one_side_alone_ranks_by_its_raw_scores() {
    let world = World::of(&PAGES).await;
    let lexical = world
        .retriever(true)
        .retrieve(&world.question("red lamp", Mode::Lexical))
        .await
        .unwrap();
    assert_eq!(lexical.report.dense.status, SideStatus::NotAsked);
    assert_eq!(Some(lexical.hits[0].score), lexical.hits[0].lexical);
    let dense = world
        .retriever(true)
        .retrieve(&world.question("red lamp", Mode::Dense))
        .await
        .unwrap();
    assert_eq!(dense.report.lexical.status, SideStatus::NotAsked);
    assert_eq!(Some(dense.hits[0].score), dense.hits[0].dense);
    assert_eq!(paths(&dense)[0], "lamp.md");
}

#[tokio::test]
async fn without_a_model_hybrid_is_lexical_and_dense_is_refused() {
    let world = World::of(&PAGES).await;
    let retriever = world.retriever(false);
    let found = retriever
        .retrieve(&world.question("reset the gateway", Mode::Hybrid))
        .await
        .unwrap();
    assert_eq!(found.report.dense.status, SideStatus::NotConfigured);
    assert_eq!(paths(&found)[0], "reset.md");
    let refused = retriever
        .retrieve(&world.question("reset", Mode::Dense))
        .await
        .unwrap_err();
    assert!(matches!(refused, RagError::NoEmbedder));
}

#[tokio::test]
async fn a_dense_side_that_is_away_degrades_hybrid_and_fails_dense() {
    let world = World::of(&PAGES).await;
    world.break_collection("dense-1");
    let found = world
        .retriever(true)
        .retrieve(&world.question("reset button", Mode::Hybrid))
        .await
        .unwrap();
    let SideStatus::Failed(reason) = &found.report.dense.status else {
        panic!("{:?}", found.report.dense)
    };
    assert!(reason.contains("dense-1 is away"));
    assert_eq!(paths(&found)[0], "reset.md");
    let refused = world
        .retriever(true)
        .retrieve(&world.question("reset", Mode::Dense))
        .await
        .unwrap_err();
    assert!(matches!(refused, RagError::Vectors(_)));
}

#[tokio::test]
async fn a_lexical_side_that_is_away_is_an_error() {
    let world = World::of(&PAGES).await;
    world.break_collection("lexical");
    assert!(
        world
            .retriever(true)
            .retrieve(&world.question("reset", Mode::Hybrid))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn ghosts_drop_out_and_the_page_is_filled() {
    let world = World::new();
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(
            world
                .add(&format!("{n}.md"), &format!("reset {}", "filler ".repeat(n)))
                .await,
        );
    }
    ids[..30].iter().for_each(|id| world.delete_row(*id));
    let question = Question {
        limit: 5,
        ..world.question("reset", Mode::Lexical)
    };
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!(paths(&found), ["30.md", "31.md", "32.md", "33.md", "34.md"]);
    assert!(
        world.reads().iter().sum::<usize>() < 60,
        "no more is read than it takes: {:?}",
        world.reads()
    );
}

/// While an archive of many like documents is replaced, more of what they were than a side is asked for stands before what they are.
#[tokio::test]
async fn a_crowd_of_ghosts_does_not_hide_what_is_current() {
    let world = World::new();
    let mut ids = Vec::new();
    for n in 0..460 {
        ids.push(world.add(&format!("{n}.md"), "Reset the gateway.").await);
    }
    ids[..450].iter().for_each(|id| world.delete_row(*id));
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        let question = Question {
            limit: 5,
            ..world.question("reset the gateway", mode)
        };
        let found = world.retriever(true).retrieve(&question).await.unwrap();
        let current = ["450.md", "451.md", "452.md", "453.md", "454.md"];
        assert_eq!(paths(&found), current, "{mode:?}");
    }
    // Where there is nothing more, nothing more is asked for.
    ids.iter().for_each(|id| world.delete_row(*id));
    let question = world.question("reset the gateway", Mode::Hybrid);
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!((found.hits.len(), found.report.lexical.candidates), (0, 460));
}

#[tokio::test]
async fn only_the_best_passage_of_each_document_if_so_asked() {
    let world = World::new();
    let document = DocumentId::new(AT);
    for n in 0..30 {
        world.add_lexical("long.md", &format!("reset {}", "filler ".repeat(n)), document);
    }
    world
        .add("short.md", &format!("reset {}", "filler ".repeat(40)))
        .await;
    let question = Question {
        limit: 2,
        ..world.question("reset", Mode::Lexical)
    };
    let all = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!(paths(&all), ["long.md", "long.md"]);
    let distinct = Question {
        distinct_documents: true,
        ..question
    };
    let found = world.retriever(true).retrieve(&distinct).await.unwrap();
    assert_eq!(paths(&found), ["long.md", "short.md"]);
    assert_eq!(found.hits[0].passage.chunk.id, all.hits[0].passage.chunk.id);
}

#[tokio::test]
async fn a_new_document_is_found_before_its_vector_comes() {
    let world = World::new();
    for n in 0..150 {
        world
            .add(
                &format!("{n}.md"),
                &format!("The gateway page number {n} tells of networks."),
            )
            .await;
    }
    world.add_lexical(
        "new.md",
        "The gateway page on frobnication of networks.",
        DocumentId::new(AT),
    );
    let question = world.question("frobnication of gateway networks", Mode::Hybrid);
    let found = world.retriever(true).retrieve(&question).await.unwrap();
    assert_eq!((paths(&found)[0], found.hits[0].dense), ("new.md", None));
    assert_eq!(found.hits[0].score, 1.0);
}

/// Whose words' hits have a vector matters only where the dense list is full; elsewhere a look-up that fails spoils nothing.
#[tokio::test]
async fn a_look_up_that_fails_is_a_hitch_only_where_the_dense_list_is_full() {
    for (pages, hitch) in [(20, false), (150, true)] {
        let world = World::new();
        for n in 0..pages {
            let text = format!("The gateway page number {n} tells of networks.");
            world.add(&format!("{n}.md"), &text).await;
        }
        let text = "The gateway page on frobnication of networks.";
        world.add_lexical("new.md", text, DocumentId::new(AT));
        let question = world.question("frobnication of gateway networks", Mode::Hybrid);
        world.break_lookups();
        let found = world.retriever(true).retrieve(&question).await.unwrap();
        assert_eq!(paths(&found)[0], "new.md", "{pages} pages");
        assert_eq!(found.report.hitch, hitch, "{pages} pages");
    }
}

/// A manual of many passages on the matter does not pass for a crowd that shares the question's words.
#[tokio::test]
async fn passages_of_one_document_do_not_take_the_words_their_say() {
    let mut weights = Vec::new();
    for one_document in [true, false] {
        let world = World::new();
        let manual = DocumentId::new(AT);
        for n in 0..25 {
            let document = if one_document { manual } else { DocumentId::new(AT) };
            let text = format!("Reset the gateway by step {n}.");
            let id = world.add_lexical("manual.md", &text, document);
            world.embed(id, &text).await;
        }
        for n in 0..40 {
            let text = format!("The gateway page number {n} tells of networks.");
            world.add(&format!("{n}.md"), &text).await;
        }
        let question = world.question("reset the gateway", Mode::Hybrid);
        let found = world.retriever(true).retrieve(&question).await.unwrap();
        weights.push(found.report.lexical_weight.unwrap());
    }
    let [one, many] = weights[..] else { panic!() };
    assert!(one > 0.5 && many < 0.1, "{one} {many}");
}

/// Forty chunks that hold the words and sixty that share one of them, in one document: its chunks are all the crowd there is.
#[tokio::test]
async fn a_knowledge_base_of_one_manual_is_weighed_by_its_passages() {
    let mut weights = Vec::new();
    for one_document in [true, false] {
        let world = World::new();
        let manual = DocumentId::new(AT);
        for n in 0..100 {
            let document = if one_document { manual } else { DocumentId::new(AT) };
            let text = if n < 45 {
                format!("Reset the gateway by step {n}.")
            } else {
                format!("The gateway page number {n} tells of networks.")
            };
            let id = world.add_lexical("manual.md", &text, document);
            world.embed(id, &text).await;
        }
        let question = world.question("reset the gateway", Mode::Hybrid);
        let found = world.retriever(true).retrieve(&question).await.unwrap();
        weights.push(found.report.lexical_weight.unwrap());
    }
    assert!(weights[0] < 0.1 && weights[0] == weights[1], "{weights:?}");
}

#[tokio::test]
async fn equal_scores_come_in_one_order() {
    let world = World::of(&[("a.md", "reset"), ("b.md", "reset"), ("c.md", "reset")]).await;
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        let found = world
            .retriever(true)
            .retrieve(&world.question("reset", mode))
            .await
            .unwrap();
        assert_eq!(paths(&found), ["a.md", "b.md", "c.md"]);
    }
}

#[tokio::test]
async fn odd_questions_are_survived() {
    let world = World::of(&PAGES).await;
    let retriever = world.retriever(true);
    for text in [
        "",
        "   ",
        "?!",
        "🦀",
        "\u{0}",
        &"reset ".repeat(20_000),
        &"ж".repeat(100_000),
    ] {
        for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
            retriever.retrieve(&world.question(text, mode)).await.unwrap();
        }
    }
    let nothing = Question {
        limit: 0,
        ..world.question("reset", Mode::Hybrid)
    };
    assert!(retriever.retrieve(&nothing).await.unwrap().hits.is_empty());
    let huge = Question {
        limit: usize::MAX,
        ..world.question("reset", Mode::Hybrid)
    };
    assert!(!retriever.retrieve(&huge).await.unwrap().hits.is_empty());
}
