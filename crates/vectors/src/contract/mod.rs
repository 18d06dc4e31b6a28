//! What every implementation of [`VectorStore`] has to pass, as scenarios that tests run on a store of their own.
//!
//! ```ignore
//! nexus_vectors::contract_suite!(EdgeFixture::new().await);
//! ```

mod fixture;
pub mod lexical;
pub mod lifecycle;
pub mod points;
pub mod search;

pub use fixture::{DENSE, Fixture};

/// Makes a `#[tokio::test]` of every scenario. The argument is an expression, evaluated in an async block for each of
/// them, whose value implements [`Fixture`].
#[macro_export]
macro_rules! contract_suite {
    ($fixture:expr) => {
        $crate::contract_suite!(@tests $fixture,
            lexical: [
                scores_are_those_of_bm25,
                rarity_is_counted_within_the_knowledge_bases_asked,
                a_repeated_query_term_counts_twice,
            ],
            search: [
                a_dense_search_ranks_by_cosine,
                an_empty_filter_or_query_or_limit_finds_nothing,
                other_knowledge_bases_are_never_found,
                equal_scores_are_ordered_by_id,
                the_limit_keeps_the_best,
                unfit_queries_are_refused,
            ],
            points: [
                unfit_points_are_refused_and_nothing_is_written,
                an_upsert_replaces,
                the_last_of_two_points_with_one_id_counts,
                deleted_points_are_gone_and_unknown_ids_are_no_error,
                deleting_a_knowledge_base_leaves_the_others,
                ids_are_listed_in_pages_in_order,
                it_is_known_which_ids_have_a_point,
                a_point_without_terms_is_kept,
                writes_and_searches_go_on_side_by_side,
            ],
            lifecycle: [
                what_was_persisted_is_there_after_a_restart,
                ensuring_twice_changes_nothing,
                a_collection_of_another_dimension_does_not_fit,
                generations_do_not_mix,
                a_dropped_collection_is_empty_when_it_comes_back,
                what_was_never_ensured_is_an_error,
                many_may_persist_at_once,
            ],
        );
    };
    (@tests $fixture:expr, $($group:ident: [$($scenario:ident,)+],)+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $scenario() {
            let fixture = $fixture;
            $crate::contract::$group::$scenario(&fixture).await;
        }
    )+)+};
}
