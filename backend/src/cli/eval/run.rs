//! Asks every judged query.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexus_api::limits::MAX_PASSAGES;
use nexus_api::{RetrievalMode, SearchRequest};
use nexus_client::Client;
use nexus_rag::beir::BeirSet;
use nexus_rag::metrics::Judgements;

use super::corpus::{Corpus, KB};

/// Documents that a ranking holds: recall is measured at 100.
const DEPTH: u32 = 100;
/// Queries in flight.
const AT_ONCE: usize = 4;

/// A query and what judges said.
pub struct JudgedQuery {
    pub id: String,
    pub text: String,
    pub judgements: Judgements,
}

/// Documents, best first, with their scores; one ranking per query.
pub type Rankings = Vec<(String, Vec<(String, f32)>)>;

pub fn judged_queries(folder: &Path) -> anyhow::Result<Vec<JudgedQuery>> {
    let set = BeirSet::new(folder);
    let mut qrels = set.qrels()?;
    let mut queries = Vec::new();
    for query in set.queries()? {
        let query = query?;
        if let Some(judgements) = qrels.remove(&query.id) {
            queries.push(JudgedQuery {
                id: query.id,
                text: query.text,
                judgements,
            });
        }
    }
    Ok(queries)
}

pub async fn ask_all(
    client: &Client,
    corpus: &Corpus,
    queries: &[JudgedQuery],
    mode: RetrievalMode,
    set: &str,
) -> anyhow::Result<Rankings> {
    const { assert!(DEPTH <= MAX_PASSAGES) };
    eprintln!("{set}: asking {} queries, {mode:?}", queries.len());
    stream::iter(queries)
        .map(|query| ask(client, corpus, query, mode))
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

async fn ask(
    client: &Client,
    corpus: &Corpus,
    query: &JudgedQuery,
    mode: RetrievalMode,
) -> anyhow::Result<(String, Vec<(String, f32)>)> {
    let request = SearchRequest {
        query: query.text.clone(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        limit: DEPTH,
        distinct_documents: true,
    };
    let found = client.search(&request).await?;
    let ranking = found
        .passages
        .into_iter()
        .filter_map(|passage| Some((corpus.id(&passage.document_path)?.to_owned(), passage.score)))
        .collect();
    Ok((query.id.clone(), ranking))
}
