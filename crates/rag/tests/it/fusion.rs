//! What the fusion rule promises, for any scores.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use nexus_domain::{ChunkId, Hit, VersionId};
use nexus_rag::fusion::{FusedHit, Lists, fuse, fuse_weighted, lexical_weight};
use proptest::collection::vec;
use proptest::prelude::*;

const DEPTH: usize = 100;

fn id(n: usize) -> ChunkId {
    ChunkId::from_uuid(format!("00000000-0000-7000-8000-{n:012}").parse().unwrap())
}

/// A list as a store gives it: best first, equal scores by id.
fn list(scores: impl IntoIterator<Item = (usize, f32)>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = scores
        .into_iter()
        .map(|(n, score)| Hit { id: id(n), score })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    hits
}

fn lists<'a>(lexical: &'a [Hit], dense: &'a [Hit]) -> Lists<'a> {
    static NONE: LazyLock<HashSet<ChunkId>> = LazyLock::new(HashSet::new);
    static ALONE: LazyLock<HashMap<ChunkId, VersionId>> = LazyLock::new(HashMap::new);
    Lists {
        lexical,
        dense,
        unknown: &NONE,
        versions: &ALONE,
    }
}

/// Which document each chunk of a list belongs to.
fn documents(hits: &[Hit], document: impl Fn(usize) -> usize) -> HashMap<ChunkId, VersionId> {
    let version = |n: usize| VersionId::from_uuid(id(document(n)).as_uuid());
    hits.iter()
        .enumerate()
        .map(|(n, hit)| (hit.id, version(n)))
        .collect()
}

/// The chunks of the lexical list that the dense one lacks.
fn missing(lexical: &[Hit], dense: &[Hit]) -> HashSet<ChunkId> {
    let listed: HashSet<_> = dense.iter().map(|hit| hit.id).collect();
    let missing = lexical.iter().map(|hit| hit.id);
    missing.filter(|id| !listed.contains(id)).collect()
}

fn order(hits: &[FusedHit]) -> Vec<ChunkId> {
    hits.iter().map(|hit| hit.id).collect()
}

fn rank(hits: &[FusedHit], n: usize) -> Option<usize> {
    hits.iter().position(|hit| hit.id == id(n))
}

/// Scores of some of thirty chunks.
fn scores(range: std::ops::Range<i32>) -> impl Strategy<Value = Vec<(usize, f32)>> {
    vec(proptest::option::of(range), 30).prop_map(|scores| {
        let some = scores.into_iter().enumerate();
        some.filter_map(|(n, score)| Some((n, score? as f32 / 64.0)))
            .collect()
    })
}

proptest! {
    #[test]
    fn scores_stay_between_0_and_1_and_fall(
        words in scores(1..4096),
        meaning in scores(-64..64),
        trails: bool,
    ) {
        let (lexical, dense) = (list(words), list(meaning));
        let unknown = if trails { missing(&lexical, &dense) } else { HashSet::new() };
        let fused = fuse(Lists { unknown: &unknown, ..lists(&lexical, &dense) });
        prop_assert!(fused.iter().all(|hit| (0.0..=1.0).contains(&hit.score)));
        prop_assert!(fused.windows(2).all(|pair| pair[0].score >= pair[1].score));
        let ids: std::collections::HashSet<_> = lexical.iter().chain(&dense).map(|hit| hit.id).collect();
        prop_assert_eq!(ids.len(), fused.len(), "nothing is lost and nothing comes twice");
        prop_assert!((0.0..=1.0).contains(&lexical_weight(lists(&lexical, &dense))));
    }

    #[test]
    fn to_know_the_documents_never_lowers_the_weight_of_words(
        words in vec(1..4096_i32, 60),
        meaning in scores(-64..64),
        of in vec(0..40_usize, 60),
    ) {
        let words = words.into_iter().enumerate().map(|(n, score)| (n, score as f32 / 64.0));
        let (lexical, dense) = (list(words), list(meaning));
        let weight = |versions: &_| lexical_weight(Lists { versions, ..lists(&lexical, &dense) });
        let alone = weight(&documents(&lexical, |n| n));
        prop_assert_eq!(alone, lexical_weight(lists(&lexical, &dense)), "one chunk in each is as if it were not told");
        prop_assert_eq!(alone, weight(&documents(&lexical, |_| 0)), "one document is no reason");
        let weight = weight(&documents(&lexical, |n| of[n]));
        prop_assert!(alone <= weight && weight <= 1.0);
    }

    #[test]
    fn one_list_alone_comes_out_in_its_order(words in scores(1..4096), meaning in scores(-64..64)) {
        let (lexical, dense) = (list(words), list(meaning));
        let ids = |hits: &[Hit]| hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
        prop_assert_eq!(order(&fuse(lists(&lexical, &[]))), ids(&lexical));
        prop_assert_eq!(order(&fuse(lists(&[], &dense))), ids(&dense));
    }

    #[test]
    fn a_better_raw_score_never_lowers_a_rank(
        words in scores(1..4096),
        meaning in scores(-64..64),
        pick in any::<prop::sample::Index>(),
        raise in 1..4096_i32,
        weight in 0.0..=1.0_f32,
        lexical_side: bool,
    ) {
        let raised = if lexical_side { &words } else { &meaning };
        prop_assume!(!raised.is_empty());
        let mut better = raised.clone();
        let at = pick.index(better.len());
        better[at].1 += raise as f32 / 64.0;
        let n = better[at].0;
        let before = fuse_weighted(lists(&list(words.clone()), &list(meaning.clone())), weight);
        let after = if lexical_side {
            fuse_weighted(lists(&list(better), &list(meaning)), weight)
        } else {
            fuse_weighted(lists(&list(words), &list(better)), weight)
        };
        prop_assert!(rank(&after, n) <= rank(&before, n));
    }

    #[test]
    fn the_scale_of_a_model_does_not_matter(
        words in scores(1..4096),
        meaning in scores(-64..64),
        shift in -4..4_i32,
        halvings in 0..4_i32,
        doublings in 0..4_i32,
    ) {
        // Powers of two and sixteenths: exact in floating point, so that ties stay ties.
        let moved = meaning.iter().map(|(n, score)| (*n, score / 2_f32.powi(halvings) + shift as f32 / 16.0));
        let scaled = words.iter().map(|(n, score)| (*n, score * 2_f32.powi(doublings)));
        let (lexical, dense) = (list(words.clone()), list(meaning.clone()));
        let expected = order(&fuse(lists(&lexical, &dense)));
        prop_assert_eq!(order(&fuse(lists(&lexical, &list(moved)))), expected.clone());
        prop_assert_eq!(order(&fuse(lists(&list(scaled), &dense))), expected);
    }

    #[test]
    fn an_unknown_vector_never_lowers_a_chunk_below_those_that_match_fewer_words_equally_unknown(
        words in scores(1..4096),
        known in vec(any::<bool>(), 30),
        meaning in vec(-64..64_i32, 30),
    ) {
        let lexical = list(words.clone());
        let dense = list((0..30).filter(|n| known[*n]).map(|n| (n, meaning[n] as f32 / 64.0)));
        let without = missing(&lexical, &dense);
        let fused = fuse(Lists { unknown: &without, ..lists(&lexical, &dense) });
        // What has no vector has the score of its words alone.
        let unknown: Vec<_> = fused.iter().filter(|hit| hit.dense.is_none()).collect();
        prop_assert!(unknown.windows(2).all(|pair| pair[0].lexical >= pair[1].lexical));
        let alone = fuse_weighted(lists(&lexical, &dense), 1.0);
        for hit in unknown {
            let words_alone = alone.iter().find(|other| other.id == hit.id).unwrap();
            prop_assert!((hit.score - words_alone.score).abs() < 1e-6);
        }
    }
}

/// Who asks for more passages asks the sides deeper, and must see the same first page.
#[test]
fn deeper_lists_change_nothing_above_them() {
    let lexical = list((0..300).map(|n| (n, 20.0 / (1.0 + n as f32 / 10.0))));
    let dense = list((0..300).map(|n| (n, ((n * 7919) % 300) as f32 / 300.0)));
    let versions = documents(&lexical[..DEPTH], |n| n % 4);
    let of_few = |lexical, dense| {
        fuse(Lists {
            versions: &versions,
            ..lists(lexical, dense)
        })
    };
    let deep = of_few(&lexical, &dense);
    let shallow = of_few(&lexical[..DEPTH], &dense[..DEPTH]);
    let page = |hits: &[FusedHit]| {
        hits[..20]
            .iter()
            .map(|hit| (hit.id, hit.score))
            .collect::<Vec<_>>()
    };
    assert_eq!(page(&deep), page(&shallow));
}

#[test]
fn words_that_single_out_a_chunk_outweigh_vectors() {
    let lexical = list((0..100).map(|n| (n, if n == 0 { 20.0 } else { 2.0 })));
    let dense = list((0..100).map(|n| (n, if n == 50 { 0.9 } else { 0.3 })));
    assert!((lexical_weight(lists(&lexical, &dense)) - 0.9).abs() < 1e-6);
    assert_eq!(fuse(lists(&lexical, &dense))[0].id, id(0));
}

/// Twenty chunks of a manual match like the best one, and the documents behind it hardly do: its words single out a document.
#[test]
fn chunks_of_one_document_are_no_crowd() {
    let lexical = list((0..100).map(|n| (n, if n < 20 { 20.0 } else { 2.0 })));
    let dense = list((0..100).map(|n| (n, 0.9 - n as f32 / 200.0)));
    let weight = |of: fn(usize) -> usize| {
        let versions = documents(&lexical, of);
        lexical_weight(Lists {
            versions: &versions,
            ..lists(&lexical, &dense)
        })
    };
    let [manual, chunks, all, one_of_five] =
        [|n| if n < 20 { 0 } else { n }, |n| n, |n| n % 4, |n| n / 20].map(weight);
    assert!((manual - 0.9).abs() < 1e-6, "{manual}");
    assert!(chunks < 1e-6, "{chunks}");
    assert!(all < 1e-6, "each of four documents matches: {all}");
    assert!(one_of_five > 0.85, "one of five documents matches: {one_of_five}");
}

/// Who knows as many documents as the crowd is deep need not ask for those of what follows.
#[test]
fn documents_beyond_the_crowd_change_nothing() {
    let lexical = list((0..100).map(|n| (n, 20.0 / (1.0 + n as f32 / 10.0))));
    let dense = list((0..100).map(|n| (n, 0.9 - n as f32 / 200.0)));
    let weight = |told: usize| {
        let versions = documents(&lexical[..told], |n| n / 2);
        lexical_weight(Lists {
            versions: &versions,
            ..lists(&lexical, &dense)
        })
    };
    assert_eq!(weight(40), weight(100), "forty hits of twenty documents");
    assert!(weight(0) < weight(20) && weight(20) < weight(40));
}

#[test]
fn vectors_decide_where_many_chunks_match_the_words_alike() {
    let lexical = list((0..100).map(|n| (n, 10.0 - n as f32 / 100.0)));
    let dense = list((0..100).map(|n| (n, if n == 50 { 0.9 } else { 0.3 })));
    assert!(lexical_weight(lists(&lexical, &dense)) < 0.05);
    assert_eq!(fuse(lists(&lexical, &dense))[0].id, id(50));
}

#[test]
fn a_chunk_below_a_full_dense_list_is_unlike_and_one_that_waits_for_its_vector_is_not() {
    let lexical = list((0..DEPTH).map(|n| (n, if n == 0 { 10.0 } else { 9.0 - n as f32 / 20.0 })));
    let dense = list((1..=DEPTH).map(|n| (n, 0.8 - n as f32 / 200.0)));
    let complete = fuse(lists(&lexical, &dense));
    assert_ne!(complete[0].id, id(0));
    let without = missing(&lexical, &dense);
    let trailing = fuse(Lists {
        unknown: &without,
        ..lists(&lexical, &dense)
    });
    assert_eq!(trailing[0].id, id(0));
}

#[test]
fn only_the_chunk_that_holds_the_word_wins_in_a_small_knowledge_base() {
    let lexical = list([(3, 1.2)]);
    let dense = list((0..5).map(|n| (n, 0.5 - n as f32 / 100.0)));
    let without = missing(&lexical, &dense);
    let fused = fuse(Lists {
        unknown: &without,
        ..lists(&lexical, &dense)
    });
    assert_eq!(fused[0].id, id(3));
    assert!((lexical_weight(lists(&lexical, &dense)) - 1.0).abs() < f32::EPSILON);
}

/// A model that has never seen the language ranks at random: what it proposes has nothing to do with the words.
#[test]
fn a_model_that_ranks_at_random_is_not_listened_to() {
    // Words that hardly tell: every hit scores almost alike, so vectors would decide.
    let lexical = list((0..100).map(|n| (n, 10.0 - n as f32 / 50.0)));
    let in_order: Vec<_> = lexical.iter().map(|hit| hit.id).collect();
    for seed in 1..20 {
        // A hundred of 10,007 chunks: with this step two of them at most are in the lexical list.
        let random = list((0..100).map(|n| ((n * 7_919 + seed * 313) % 10_007, 0.5 - n as f32 / 1_000.0)));
        let shared = random.iter().filter(|hit| in_order.contains(&hit.id)).count();
        assert!(shared <= 2, "{shared} by chance");
        assert!((lexical_weight(lists(&lexical, &random)) - 1.0).abs() < 1e-6);
        assert_eq!(order(&fuse(lists(&lexical, &random)))[..10], in_order[..10]);
    }
    let knowing = list((0..100).map(|n| (if n < 10 { n * 9 } else { 5_000 + n }, 0.9 - n as f32 / 200.0)));
    assert!(
        lexical_weight(lists(&lexical, &knowing)) < 0.1,
        "one that shares every tenth decides"
    );
}

/// A model whose cosines are squeezed together (0.7 to 0.8 for everything) or drawn apart keeps its order, and its best
/// hit stays the best where words do not tell.
#[test]
fn a_model_with_another_scale_keeps_its_say() {
    let lexical = list((0..100).map(|n| (n, 10.0 - n as f32 / 100.0)));
    let plain = |n: usize| ((n * 37 + 11) % 100) as f32 / 100.0;
    type Curve = fn(f32) -> f32;
    let curves: [Curve; 4] = [|x| x, |x| 0.7 + x / 10.0, |x| x.powi(3), f32::cbrt];
    let best: Vec<_> = curves
        .iter()
        .map(|curve| {
            let dense = list((0..100).map(|n| (n, curve(plain(n)))));
            fuse(lists(&lexical, &dense))[0].id
        })
        .collect();
    assert!(best.windows(2).all(|pair| pair[0] == pair[1]), "{best:?}");
}
