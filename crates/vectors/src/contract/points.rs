//! Writing, replacing, removing and listing points.

use std::sync::Arc;

use nexus_domain::{Collection, Point, SparseVector, Vector, VectorError};

use super::fixture::{DENSE, Fixture, chunk_id, dense, find, ids, kb, put, query, ready, sparse, words};

/// One bad point spoils its batch, and nothing of the batch is written.
pub async fn unfit_points_are_refused_and_nothing_is_written(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let unequal = SparseVector {
        ids: vec![1, 2],
        values: vec![1.0],
    };
    for (collection, vector) in [
        (Collection::Lexical, Vector::Sparse(unequal)),
        (Collection::Lexical, sparse(&[(2, 1.0), (2, 1.0)])),
        (Collection::Lexical, sparse(&[(1, f32::INFINITY)])),
        (Collection::Lexical, sparse(&[(1, 0.0)])),
        (Collection::Lexical, Vector::Dense(vec![1.0; 4])),
        (DENSE, Vector::Dense(vec![1.0; 3])),
        (DENSE, Vector::Dense(vec![])),
        (DENSE, Vector::Dense(vec![1.0, f32::NAN, 0.0, 0.0])),
        (DENSE, Vector::Dense(vec![0.0; 4])),
        (DENSE, sparse(&[(1, 1.0)])),
    ] {
        let good = if collection == DENSE {
            dense(kb, [1.0; 4])
        } else {
            words(kb, &[1])
        };
        let bad = Point {
            id: chunk_id(),
            kb_id: kb,
            vector,
        };
        let refused = store.upsert(collection, vec![good, bad.clone()]).await;
        assert!(
            matches!(refused, Err(VectorError::Invalid { .. })),
            "{bad:?}: {refused:?}"
        );
        assert_eq!(store.count(collection, None).await.expect("it counts"), 0);
    }
}

/// A point's vector and its knowledge base are the last ones written.
pub async fn an_upsert_replaces(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let (old, new) = (kb(), kb());
    let first = words(old, &[1]);
    put(&store, std::slice::from_ref(&first)).await;
    put(
        &store,
        &[Point {
            kb_id: new,
            vector: sparse(&[(2, 1.0)]),
            ..first.clone()
        }],
    )
    .await;
    assert!(
        find(&store, query(sparse(&[(1, 1.0)]), [old, new], 10))
            .await
            .is_empty()
    );
    assert!(
        find(&store, query(sparse(&[(2, 1.0)]), [old], 10))
            .await
            .is_empty()
    );
    assert_eq!(
        ids(&find(&store, query(sparse(&[(2, 1.0)]), [new], 10)).await),
        [first.id]
    );
    assert_eq!(
        store.count(Collection::Lexical, None).await.expect("it counts"),
        1
    );
}

/// A batch is a sequence, even if it is written as a set.
pub async fn the_last_of_two_points_with_one_id_counts(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let first = words(kb, &[1]);
    let last = Point {
        vector: sparse(&[(2, 1.0)]),
        ..first.clone()
    };
    put(&store, &[first, words(kb, &[3]), last.clone()]).await;
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        2
    );
    assert!(
        find(&store, query(sparse(&[(1, 1.0)]), [kb], 10))
            .await
            .is_empty()
    );
    assert_eq!(
        ids(&find(&store, query(sparse(&[(2, 1.0)]), [kb], 10)).await),
        [last.id]
    );
}

/// Deleting is repeatable, and a deleted id may come back.
pub async fn deleted_points_are_gone_and_unknown_ids_are_no_error(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let points = [words(kb, &[1]), words(kb, &[1]), words(kb, &[1])];
    put(&store, &points).await;
    for _ in 0..2 {
        let gone = vec![points[0].id, chunk_id(), points[2].id];
        store
            .delete(Collection::Lexical, gone)
            .await
            .expect("deleting can be repeated");
    }
    store
        .delete(Collection::Lexical, Vec::new())
        .await
        .expect("nothing to delete is fine");
    assert_eq!(
        ids(&find(&store, query(sparse(&[(1, 1.0)]), [kb], 10)).await),
        [points[1].id]
    );
    put(&store, &points[..1]).await;
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        2
    );
}

/// A knowledge base goes as a whole, from one collection at a time.
pub async fn deleting_a_knowledge_base_leaves_the_others(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let (gone, kept) = (kb(), kb());
    put(&store, &(0..30).map(|_| words(gone, &[1])).collect::<Vec<_>>()).await;
    put(&store, &[words(kept, &[1]), dense(gone, [1.0; 4])]).await;
    for _ in 0..2 {
        store
            .delete_kb(Collection::Lexical, gone)
            .await
            .expect("deleting can be repeated");
    }
    assert_eq!(
        store
            .count(Collection::Lexical, Some(gone))
            .await
            .expect("it counts"),
        0
    );
    assert_eq!(
        store.count(Collection::Lexical, None).await.expect("it counts"),
        1
    );
    assert_eq!(store.count(DENSE, Some(gone)).await.expect("it counts"), 1);
    let hits = find(&store, query(sparse(&[(1, 1.0)]), [gone, kept], 10)).await;
    assert_eq!(hits.len(), 1, "and the statistics forget it: {hits:?}");
}

/// Every id once, whatever the size of the pages.
pub async fn ids_are_listed_in_pages_in_order(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let (kb_a, kb_b) = (kb(), kb());
    let points: Vec<Point> = (0..120)
        .map(|n| words(if n % 3 == 0 { kb_b } else { kb_a }, &[n]))
        .collect();
    let mut expected: Vec<_> = points
        .iter()
        .filter(|point| point.kb_id == kb_a)
        .map(|point| point.id)
        .collect();
    expected.sort();
    let mut shuffled = points;
    shuffled.sort_by_key(|point| std::cmp::Reverse(point.id));
    put(&store, &shuffled).await;
    for page in [1, 7, 80, 1_000] {
        let mut listed = Vec::new();
        loop {
            let next = store
                .ids(Collection::Lexical, kb_a, listed.last().copied(), page)
                .await
                .expect("it lists");
            if next.is_empty() {
                break;
            }
            assert!(next.len() <= page);
            listed.extend(next);
        }
        assert_eq!(listed, expected);
    }
    assert!(
        store
            .ids(Collection::Lexical, kb_a, None, 0)
            .await
            .expect("it lists")
            .is_empty()
    );
    assert!(
        store
            .ids(Collection::Lexical, kb(), None, 10)
            .await
            .expect("it lists")
            .is_empty()
    );
}

/// A text without words has a row, so it has a point: the index is compared with the rows by id.
pub async fn a_point_without_terms_is_kept(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let silent = words(kb, &[]);
    put(&store, &[silent.clone(), words(kb, &[1])]).await;
    assert_eq!(
        store
            .count(Collection::Lexical, Some(kb))
            .await
            .expect("it counts"),
        2
    );
    let listed = store
        .ids(Collection::Lexical, kb, None, 10)
        .await
        .expect("it lists");
    assert!(listed.contains(&silent.id));
    assert_eq!(find(&store, query(sparse(&[(1, 1.0)]), [kb], 10)).await.len(), 1);
}

/// Searches during a load see whole points, and everything that was written before they began.
pub async fn writes_and_searches_go_on_side_by_side(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for _ in 0..20 {
                put(&store, &(0..50).map(|_| words(kb, &[1, 2])).collect::<Vec<_>>()).await;
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() {
        let found = find(&store, query(sparse(&[(1, 1.0)]), [kb], 2_000)).await.len();
        assert!(found >= seen, "{found} after {seen}");
        seen = found;
    }
    writer.await.expect("the writer does not panic");
    assert_eq!(
        find(&store, query(sparse(&[(2, 1.0)]), [kb], 2_000)).await.len(),
        1_000
    );
}

/// Whether a chunk has a vector is asked by its id: also of many, of unknown ones, and of one twice.
pub async fn it_is_known_which_ids_have_a_point(fixture: &impl Fixture) {
    let store = ready(fixture).await;
    let kb = kb();
    let points: Vec<Point> = (0..300).map(|n| dense(kb, [1.0, n as f32, 0.0, 0.0])).collect();
    put(&store, &points).await;
    let removed = points[7].id;
    store
        .delete(DENSE, vec![removed])
        .await
        .expect("a point can be deleted");
    let mut asked: Vec<_> = points.iter().map(|point| point.id).collect();
    asked.extend([chunk_id(), points[0].id]);
    let mut found = store.contained(DENSE, asked).await.expect("it is known");
    found.sort_unstable();
    found.dedup();
    let mut expected: Vec<_> = points.iter().map(|point| point.id).collect();
    expected.retain(|id| *id != removed);
    expected.sort_unstable();
    assert_eq!(found, expected);
    let none = store
        .contained(DENSE, Vec::new())
        .await
        .expect("nothing is asked");
    assert!(none.is_empty());
    let lexical = store.contained(Collection::Lexical, vec![points[0].id]).await;
    assert!(lexical.expect("it is known").is_empty(), "collections do not mix");
}
