//! Measures as a table, as JSON, and as TREC run files.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use nexus_api::RetrievalMode;
use nexus_rag::metrics::{mean, ndcg_at, recall_at, reciprocal_rank_at, write_run};
use serde::Serialize;

use super::run::{JudgedQuery, Rankings};

#[derive(Debug, Serialize)]
pub struct SetResult {
    set: String,
    documents: usize,
    passages: u64,
    queries: usize,
    modes: Vec<ModeResult>,
}

/// Means over the judged queries.
#[derive(Debug, Serialize)]
struct ModeResult {
    mode: RetrievalMode,
    ndcg_at_10: Option<f64>,
    recall_at_1: Option<f64>,
    recall_at_5: Option<f64>,
    recall_at_10: Option<f64>,
    recall_at_100: Option<f64>,
    mrr_at_10: Option<f64>,
}

impl SetResult {
    pub fn new(set: &str, documents: usize, passages: u64, queries: usize) -> Self {
        Self {
            set: set.to_owned(),
            documents,
            passages,
            queries,
            modes: Vec::new(),
        }
    }

    pub fn add(&mut self, mode: RetrievalMode, queries: &[JudgedQuery], rankings: &Rankings) {
        let average = |measure: &dyn Fn(&[&str], &JudgedQuery) -> Option<f64>| {
            mean(queries.iter().zip(rankings).map(|(query, (_, ranking))| {
                let ids: Vec<&str> = ranking.iter().map(|(id, _)| id.as_str()).collect();
                measure(&ids, query)
            }))
        };
        let recall = |k| average(&|ids, query| recall_at(k, ids, &query.judgements));
        self.modes.push(ModeResult {
            mode,
            ndcg_at_10: average(&|ids, query| ndcg_at(10, ids, &query.judgements)),
            recall_at_1: recall(1),
            recall_at_5: recall(5),
            recall_at_10: recall(10),
            recall_at_100: recall(100),
            mrr_at_10: average(&|ids, query| reciprocal_rank_at(10, ids, &query.judgements)),
        });
    }
}

pub fn print_table(results: &[SetResult]) {
    println!("| set | documents | passages | queries | mode | nDCG@10 | R@1 | R@5 | R@10 | R@100 | MRR@10 |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for set in results {
        for row in &set.modes {
            let figures = [
                row.ndcg_at_10,
                row.recall_at_1,
                row.recall_at_5,
                row.recall_at_10,
                row.recall_at_100,
                row.mrr_at_10,
            ];
            let figures: Vec<String> = figures
                .iter()
                .map(|figure| figure.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}")))
                .collect();
            println!(
                "| {} | {} | {} | {} | {} | {} |",
                set.set,
                set.documents,
                set.passages,
                set.queries,
                name(row.mode),
                figures.join(" | ")
            );
        }
    }
}

const fn name(mode: RetrievalMode) -> &'static str {
    match mode {
        RetrievalMode::Hybrid => "hybrid",
        RetrievalMode::Lexical => "lexical",
        RetrievalMode::Dense => "dense",
    }
}

/// `DIR/SET.MODE.run`, which trec_eval and its relatives read.
pub fn write_run_file(
    folder: &Path,
    set: &str,
    mode: RetrievalMode,
    rankings: &Rankings,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let path = folder.join(format!("{set}.{}.run", name(mode)));
    let file = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut out = BufWriter::new(file);
    for (query, ranking) in rankings {
        write_run(&mut out, query, ranking, &format!("nexus-{}", name(mode)))?;
    }
    out.flush()?;
    Ok(())
}
