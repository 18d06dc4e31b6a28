//! What is answered, and what is told to have no answer.

use std::sync::Arc;

use async_trait::async_trait;
use nexus_domain::{DocumentId, KbId, PassageError};
use nexus_rag::Mode;
use nexus_rag::support::{Basis, Calibration, Calibrations, Limits, Sampled, calibrate};

use crate::support::{AT, World};

/// As the knowledge base was measured to need.
#[derive(Debug)]
struct Needs(f32);

#[async_trait]
impl Calibrations for Needs {
    async fn limits(&self, _: KbId, _: Basis) -> Result<Option<Limits>, PassageError> {
        Ok(Some(Limits {
            threshold: self.0,
            worth_asking: 0.0,
            floor: 0.0,
        }))
    }
}

#[tokio::test]
async fn two_short_documents_answer_what_they_hold() {
    let world = World::of(&[
        ("lamp.txt", "The lamp of the gateway turns green."),
        ("door.txt", "The door is locked at night."),
    ])
    .await;
    let ask = async |question: &str| {
        let question = world.question(question, Mode::Lexical);
        world.answering().answer(&question).await.unwrap()
    };
    let lamp = ask("What colour is the lamp?").await;
    assert!(lamp.found, "{:?}", lamp.support);
    assert_eq!(lamp.citations[0].passage.document_path, "lamp.txt");
    let other = ask("When does the ferry to Bergen leave?").await;
    assert!(!other.found && other.citations.is_empty(), "{:?}", other.support);
}

#[tokio::test]
async fn a_refusal_shows_the_nearest_passages_and_cites_nothing() {
    let world = World::of(&[
        (
            "reset.md",
            "Hold the reset button of the gateway for ten seconds.",
        ),
        ("power.md", "The gateway needs a power supply of 12 volts."),
        ("ferry.md", "The ferry leaves at noon."),
    ])
    .await;
    let question = world.question(
        "Which gateway did Henrik Nilsson install in Bergen in 1998?",
        Mode::Lexical,
    );
    let answer = world.answering().answer(&question).await.unwrap();
    assert!(!answer.found && answer.citations.is_empty());
    assert!(answer.support.score < answer.support.threshold);
    let near: Vec<_> = answer
        .nearest
        .iter()
        .map(|near| near.passage.document_path.as_str())
        .collect();
    assert_eq!(near.len(), 2, "{near:?}");
    assert!(near.iter().all(|path| *path != "ferry.md"), "{near:?}");
    assert_eq!(
        answer.text,
        "The knowledge bases do not seem to answer this question."
    );
}

#[tokio::test]
async fn the_threshold_is_the_knowledge_bases_own() {
    let world = World::of(&[
        (
            "reset.md",
            "Hold the reset button of the gateway for ten seconds.",
        ),
        ("power.md", "The gateway needs a power supply of 12 volts."),
    ])
    .await;
    let mut answering = world.answering();
    let question = world.question("How long is the reset button of the router held?", Mode::Lexical);
    for (needed, found) in [(0.1, true), (0.99, false)] {
        answering.calibrations = Arc::new(Needs(needed));
        let answer = answering.answer(&question).await.unwrap();
        assert_eq!(answer.found, found, "{:?}", answer.support);
        assert!(answer.support.calibrated);
    }
}

/// Documents that share their words in many ways, each with something of its own.
fn text(n: usize) -> String {
    let name = |k: usize| {
        format!(
            "{}{}",
            ["Mira", "Oslo", "Tarn", "Velo", "Quin"][k % 5],
            ["dor", "bex", "lum", "pat"][k / 5 % 4]
        )
    };
    let (own, other) = (name(n), name(n * 7 + 3));
    format!(
        "The {own} pump was built in {} by the {other} works near the harbour. Its motor turns the {own} wheel {} times \
         each minute. Engineers clean the valve of the pump number{n} with alcohol every {} days.",
        1900 + n,
        n * 3 + 2,
        n + 1
    )
}

#[tokio::test]
async fn a_knowledge_base_is_measured_on_its_own_text() {
    let world = World::new();
    let mut samples = Vec::new();
    for n in 0..30 {
        let document = DocumentId::new(AT);
        world.add_lexical(&format!("{n}.md"), &text(n), document);
        samples.push(Sampled {
            document,
            content: nexus_domain::ContentHash::of(text(n).as_bytes()),
            text: text(n),
        });
    }
    let how = Calibration {
        filter: world.question("", Mode::Lexical).filter,
        samples: &samples,
        target: 0.85,
        seed: 5,
        politely: false,
    };
    let retriever = world.retriever(false);
    let measured = calibrate(&retriever, &how).await.unwrap();
    let [lexical, hybrid] = &measured[..] else {
        panic!("{measured:?}")
    };
    assert_eq!((lexical.basis, hybrid.basis), (Basis::Lexical, Basis::Hybrid));
    assert!(
        hybrid.limits.is_none() && hybrid.questions == 0,
        "there are no vectors"
    );
    let limits = lexical.limits.unwrap();
    assert!(
        limits.worth_asking <= limits.threshold && lexical.questions > 100,
        "{lexical:?}"
    );
    assert!(
        lexical.points.iter().all(|point| point.risk <= point.coverage),
        "{lexical:?}"
    );
    let kept = lexical
        .points
        .iter()
        .find(|point| point.coverage >= 0.85)
        .unwrap();
    assert!(kept.risk < 0.7, "{lexical:?}");
    assert_eq!(
        measured,
        calibrate(&retriever, &how).await.unwrap(),
        "the same text, the same figures"
    );
    let few = Calibration {
        samples: &samples[..1],
        ..how
    };
    let measured = calibrate(&retriever, &few).await.unwrap();
    assert!(measured.iter().all(|measured| measured.limits.is_none()));
}
