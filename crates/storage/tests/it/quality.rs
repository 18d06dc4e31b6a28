//! What knowledge bases were measured to be.

use nexus_domain::{GenerationId, KbId};
use nexus_storage::{Db, KbQuality, PurgeStep, StorageError};

use crate::support::{at, stored_kb};

on_both_databases! {
    the_last_measurement_of_a_mode_counts
    a_purged_knowledge_base_takes_its_measurements_along
}

fn quality(mode: &str, threshold: &str, seconds: i64) -> KbQuality {
    KbQuality {
        mode: mode.to_owned(),
        revision: 3,
        chunks: 120,
        generation: GenerationId(1),
        questions: 240,
        measured: format!("{{\"threshold\":{threshold}}}"),
        calibrated_at: at(seconds),
    }
}

async fn the_last_measurement_of_a_mode_counts(db: &Db) {
    let (kb, other) = (stored_kb(db, "kb").await, stored_kb(db, "other").await);
    let first = quality("lexical", "0.4", 1);
    let last = KbQuality {
        chunks: 150,
        revision: 9,
        generation: GenerationId::NONE,
        questions: 7,
        ..quality("lexical", "0.5", 2)
    };
    let hybrid = quality("hybrid", "0.45", 1);
    for measured in [&first, &hybrid, &last] {
        in_tx!(db, |tx| tx.kb_quality().put(kb, measured));
    }
    assert_eq!(db.kb_quality().of_kb(kb).await.unwrap(), [hybrid, last]);
    assert!(db.kb_quality().of_kb(other).await.unwrap().is_empty());
}

async fn a_purged_knowledge_base_takes_its_measurements_along(db: &Db) {
    let kb = stored_kb(db, "kb").await;
    in_tx!(db, |tx| tx.kb_quality().put(kb, &quality("lexical", "0.4", 1)));
    in_tx!(db, |tx| tx.knowledge_bases().delete(kb, at(2)));
    let step = in_tx!(db, |tx| tx.knowledge_bases().purge_step(kb, 100));
    assert_eq!(step, PurgeStep::Done);
    assert!(db.kb_quality().of_kb(kb).await.unwrap().is_empty());
    let mut tx = db.begin().await.unwrap();
    let gone = tx
        .kb_quality()
        .put(KbId::new(at(3)), &quality("lexical", "0.4", 1))
        .await;
    assert!(
        matches!(gone, Err(StorageError::ReferenceViolation(_))),
        "{gone:?}"
    );
}
