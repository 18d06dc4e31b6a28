//! What a knowledge base is measured to be, and what comes of it.

use std::time::Duration;

use nexus_api::{ErrorCode, KbQuality, SupportMode};

use crate::test_app::{KB, Setup, TestApp};

/// How long a measurement may take, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);

const NAMES: [&str; 6] = ["Mirador", "Oslobex", "Tarnlum", "Velopat", "Quindor", "Bexlum"];
const PLACES: [&str; 5] = ["harbour", "station", "quarry", "monastery", "observatory"];

/// A document with a few facts of its own.
fn document(n: usize) -> String {
    let (name, other) = (NAMES[n % 6], NAMES[(n * 5 + 1) % 6]);
    let place = PLACES[n % 5];
    format!(
        "The {name} pump number {n} was delivered to the {place} in {}. Its motor was made by the {other} works and turns {} \
         times each minute.\n\nEngineers clean the bronze valve of the {place} every {} days with pure alcohol, unless the \
         pressure stays below {} millibar.\n",
        1900 + n,
        n * 3 + 2,
        n + 1,
        n * 11 + 40
    )
}

async fn measured(app: &TestApp, kb: uuid::Uuid, is_it: impl Fn(&KbQuality) -> bool) -> KbQuality {
    let wait = async {
        loop {
            let quality = app.client.quality(kb).await.unwrap();
            if is_it(&quality) {
                return quality;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it is measured")
}

fn is_fresh(quality: &KbQuality) -> bool {
    quality.modes.iter().all(|mode| !mode.stale)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knowledge_base_is_measured_in_the_background_and_again_when_it_has_changed_much() {
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_ANSWERS_CALIBRATION_SECONDS", "1".to_owned())],
        ..Setup::default()
    })
    .await;
    let texts: Vec<_> = (0..60).map(|n| (format!("{n}.md"), document(n))).collect();
    let files = |range: std::ops::Range<usize>| -> Vec<(&str, &[u8])> {
        let part = texts[range].iter();
        part.map(|(path, text)| (path.as_str(), text.as_bytes()))
            .collect()
    };
    app.ingest(&files(0..30)).await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let first = measured(&app, kb.id, is_fresh).await;
    assert_eq!((first.knowledge_base_id, first.revision), (kb.id, kb.revision));
    let modes: Vec<_> = first.modes.iter().map(|mode| mode.mode).collect();
    assert_eq!(modes, [SupportMode::Lexical, SupportMode::Hybrid]);
    let lexical = &first.modes[0];
    assert!(lexical.calibrated && lexical.questions >= 60, "{lexical:?}");
    assert_eq!(lexical.chunks, Some(kb.chunks));
    assert!(lexical.model_threshold <= lexical.threshold, "{lexical:?}");
    let kept = lexical
        .curve
        .iter()
        .find(|point| point.coverage >= first.target_coverage)
        .unwrap();
    assert!(kept.risk < kept.coverage, "{lexical:?}");

    let answer = app
        .ask("When was the Mirador pump number 6 delivered to the station?")
        .await;
    let support = answer.support.unwrap();
    assert!(answer.found && answer.nearest.is_empty(), "{support:?}");
    let refusal = app
        .ask("Which opera did the pump maker sing in Vienna as Leporello?")
        .await;
    assert!(
        !refusal.found && refusal.citations.is_empty(),
        "{:?}",
        refusal.support
    );
    assert!((1..=3).contains(&refusal.nearest.len()));

    app.ingest(&files(0..60)).await;
    let is_newer = |quality: &KbQuality| is_fresh(quality) && quality.modes[0].chunks > lexical.chunks;
    let again = measured(&app, kb.id, is_newer).await;
    assert!(again.modes[0].chunks >= Some(2 * kb.chunks), "{again:?}");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_it_is_measured_a_knowledge_base_has_the_threshold_of_all() {
    let app = TestApp::start().await;
    let kb = app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let quality = app.client.quality(kb.id).await.unwrap();
    for mode in &quality.modes {
        assert!(
            mode.stale && !mode.calibrated && mode.curve.is_empty(),
            "{mode:?}"
        );
        assert!((0.2..0.6).contains(&mode.threshold) && mode.calibrated_at.is_none());
    }
    let missing = app.client.quality(uuid::Uuid::nil()).await.unwrap_err();
    assert_eq!(missing.code(), Some(ErrorCode::NotFound));
    app.end().await;
}
