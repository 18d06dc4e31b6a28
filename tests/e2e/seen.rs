//! What a reader sees of an installation, for comparison, and what must hold of its work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nexus_api::{RetrievalMode, SearchRequest, TaskState};
use nexus_client::Client;

/// Everything that a reader can see.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    /// Path to title, chunks and text.
    pub(crate) documents: BTreeMap<String, (String, u32, String)>,
    /// Mode and query to the passages found: path, first line, score in thousandths.
    pub(crate) results: Vec<Vec<(String, u32, i64)>>,
    /// Points per collection.
    pub(crate) points: BTreeMap<String, u64>,
}

/// Waits until no task is left, whatever kind.
pub(crate) async fn quiet(client: &Client) -> anyhow::Result<()> {
    loop {
        let tasks = client.tasks(None).await?.items;
        if let Some(failed) = tasks.iter().find(|task| task.state == TaskState::Failed) {
            anyhow::bail!("a task failed: {failed:?}");
        }
        let Some(open) = tasks.iter().find(|task| !task.state.is_settled()) else {
            return Ok(());
        };
        let mut events = client.task_events(open.id);
        while let Some(task) = events.next().await {
            task?;
        }
    }
}

pub(crate) async fn look(client: &Client, kb: &str, queries: &[&str]) -> Seen {
    let kb = client
        .find_knowledge_base(kb)
        .await
        .expect("an answer")
        .expect("the knowledge base");
    let mut documents = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = client
            .documents(kb.id, cursor.as_deref())
            .await
            .expect("documents");
        for document in page.items {
            let text = client.document_text(document.id).await.expect("a text");
            documents.insert(document.path, (document.title, document.chunk_count, text));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut results = Vec::new();
    for mode in [
        RetrievalMode::Lexical,
        RetrievalMode::Dense,
        RetrievalMode::Hybrid,
    ] {
        for query in queries {
            let request = SearchRequest {
                query: (*query).to_owned(),
                knowledge_bases: vec![kb.id.to_string()],
                mode,
                limit: 20,
                distinct_documents: false,
            };
            let found = client.search(&request).await.expect("a search").passages;
            let mut found: Vec<_> = found
                .into_iter()
                .map(|hit| {
                    (
                        hit.document_path,
                        hit.lines.first,
                        (f64::from(hit.score) * 1_000.0).round() as i64,
                    )
                })
                .collect();
            // Equal scores may come in any order.
            found.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.cmp(b)));
            results.push(found);
        }
    }
    let vectors = client.readiness().await.expect("readiness").vectors;
    let points = vectors
        .collections
        .into_iter()
        .map(|collection| (collection.name, collection.points))
        .collect();
    Seen {
        documents,
        results,
        points,
    }
}

/// A vector that has reached the cache is never computed again while a chunk has its text.
pub(crate) fn assert_nothing_computed_twice(trace: &Path) {
    let text = std::fs::read_to_string(trace).expect("the dense pass left a trace");
    let mut cached = BTreeSet::new();
    let mut computed = 0;
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("computed", hash)) => {
                computed += 1;
                assert!(!cached.contains(hash), "{hash} was computed again");
            }
            Some(("cached", hash)) => {
                cached.insert(hash.to_owned());
            }
            Some(("forgotten", hash)) => {
                cached.remove(hash);
            }
            _ => {}
        }
    }
    assert!(
        computed >= cached.len() && computed > 50,
        "{computed} computed, {} cached",
        cached.len()
    );
}
