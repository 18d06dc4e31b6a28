use nexus_domain::ContentHash;
use nexus_storage::{Db, StorageError};

use crate::support::Shelf;

on_both_databases! {
    vectors_are_read_back_bit_for_bit_and_never_replaced
    many_vectors_at_once
    a_model_has_one_generation
    models_that_race_get_numbers_of_their_own
    one_generation_is_active
    a_generation_is_switched_on_once_it_holds_what_the_active_one_holds
    settings_are_kept
}

fn hash(n: u32) -> ContentHash {
    ContentHash::of(&n.to_le_bytes())
}

async fn vectors_are_read_back_bit_for_bit_and_never_replaced(db: &Db) {
    let odd = vec![0.1_f32, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX];
    let mut tx = db.begin().await.unwrap();
    tx.embeddings()
        .put_many("e5", &[(hash(1), odd.clone()), (hash(1), vec![9.0])])
        .await
        .unwrap();
    tx.embeddings()
        .put_many("e5", &[(hash(1), vec![7.0]), (hash(2), vec![])])
        .await
        .unwrap();
    tx.embeddings()
        .put_many("minilm", &[(hash(1), vec![1.0])])
        .await
        .unwrap();
    tx.commit().await.unwrap();

    let known = db
        .embeddings()
        .get_many("e5", &[hash(1), hash(2), hash(3)])
        .await
        .unwrap();
    assert_eq!(known.len(), 2);
    assert!(
        known[&hash(1)]
            .iter()
            .zip(&odd)
            .all(|(a, b)| a.to_bits() == b.to_bits())
    );
    assert!(
        db.embeddings()
            .get_many("unknown", &[hash(1)])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(db.embeddings().get_many("e5", &[]).await.unwrap().is_empty());
}

async fn many_vectors_at_once(db: &Db) {
    let vectors: Vec<_> = (0..300_u16)
        .map(|n| (hash(n.into()), vec![f32::from(n); 8]))
        .collect();
    let mut tx = db.begin().await.unwrap();
    tx.embeddings().put_many("e5", &vectors).await.unwrap();
    tx.commit().await.unwrap();
    let hashes: Vec<_> = vectors.iter().map(|(hash, _)| *hash).collect();
    assert_eq!(
        db.embeddings().get_many("e5", &hashes).await.unwrap(),
        vectors.into_iter().collect()
    );
}

async fn a_model_has_one_generation(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let e5 = tx.generations().find_or_create("e5", 384).await.unwrap();
    let minilm = tx.generations().find_or_create("minilm", 384).await.unwrap();
    assert_eq!((e5.0, minilm.0), (1, 2));
    assert_eq!(tx.generations().find_or_create("e5", 384).await.unwrap(), e5);
    let error = tx.generations().find_or_create("e5", 768).await.unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::DimensionChanged {
                stored: 384,
                given: 768,
                ..
            }
        ),
        "{error:?}"
    );
}

async fn models_that_race_get_numbers_of_their_own(db: &Db) {
    let racers = (0..6).map(|n| {
        let db = db.clone();
        async move {
            let mut tx = db.begin().await.unwrap();
            let id = tx
                .generations()
                .find_or_create(&format!("model {}", n / 2), 8)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            id
        }
    });
    let ids = futures::future::join_all(racers).await;
    assert!(ids.chunks(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    assert_eq!(db.generations().list().await.unwrap().len(), 3);
}

async fn one_generation_is_active(db: &Db) {
    assert_eq!(db.generations().active().await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    let one = tx.generations().find_or_create("one", 8).await.unwrap();
    let two = tx.generations().find_or_create("two", 16).await.unwrap();
    for id in [one, two, two, one] {
        assert!(tx.generations().activate(id).await.unwrap());
    }
    tx.commit().await.unwrap();
    let active = db.generations().active().await.unwrap().unwrap();
    assert_eq!(
        (active.id, active.model.as_str(), active.dimension, active.active),
        (one, "one", 8, true)
    );
    let all = db.generations().list().await.unwrap();
    assert_eq!(all.iter().filter(|generation| generation.active).count(), 1);
}

async fn a_generation_is_switched_on_once_it_holds_what_the_active_one_holds(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (first, _) = shelf.publish("a.md", &["one", "two"]).await;
    let (second, _) = shelf.publish("b.md", &["three"]).await;
    let mut tx = db.begin().await.unwrap();
    let old = tx.generations().find_or_create("old", 8).await.unwrap();
    let new = tx.generations().find_or_create("new", 16).await.unwrap();
    assert_eq!(
        tx.generations().switch_if_complete().await.unwrap(),
        None,
        "nothing waits"
    );
    tx.generations().set_pending(old).await.unwrap();
    let on = tx.generations().switch_if_complete().await.unwrap().unwrap();
    assert_eq!(on.id, old, "where none is active the first one is at once");
    tx.versions()
        .set_embedded(&[first.version_id], old, true)
        .await
        .unwrap();
    tx.generations().set_pending(new).await.unwrap();
    assert_eq!(tx.generations().switch_if_complete().await.unwrap(), None);
    assert_eq!(tx.generations().active().await.unwrap().unwrap().id, old);
    let coverage = tx.generations().coverage(old).await.unwrap();
    assert_eq!((coverage.chunks, coverage.embedded), (3, 2));
    tx.commit().await.unwrap();

    // The second document is in neither: that does not hold the switch up.
    let mut tx = db.begin().await.unwrap();
    tx.versions()
        .set_embedded(&[first.version_id], new, true)
        .await
        .unwrap();
    let on = tx.generations().switch_if_complete().await.unwrap().unwrap();
    assert_eq!(on.id, new);
    tx.commit().await.unwrap();
    let active = db.generations().active().await.unwrap().unwrap();
    assert_eq!((active.id, active.pending), (new, false));
    assert_eq!(db.generations().pending().await.unwrap(), None);

    // By hand it goes back at once, whatever waits; and what is forgotten is made again.
    let mut tx = db.begin().await.unwrap();
    tx.generations().set_pending(new).await.unwrap();
    assert!(tx.generations().activate(old).await.unwrap());
    tx.generations().clear_pending().await.unwrap();
    assert_eq!(tx.generations().switch_if_complete().await.unwrap(), None);
    tx.generations().forget_embedded(new).await.unwrap();
    tx.commit().await.unwrap();
    let left = db.versions().unembedded(shelf.kb, new, None, 10).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|version| version.id).collect();
    assert_eq!(left, [first.version_id, second.version_id]);
    let coverage = db.generations().coverage(new).await.unwrap();
    assert_eq!((coverage.chunks, coverage.embedded), (3, 0));
}

async fn settings_are_kept(db: &Db) {
    assert_eq!(db.settings().get("analyser").await.unwrap(), None);
    let mut tx = db.begin().await.unwrap();
    tx.settings().set("analyser", "1").await.unwrap();
    tx.settings().set("analyser", "2").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.settings().get("analyser").await.unwrap().as_deref(), Some("2"));
}
