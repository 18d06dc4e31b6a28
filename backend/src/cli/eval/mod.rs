//! `nexus eval`: measures retrieval on a set in BEIR layout. Starts a server of its own on a throw-away data folder,
//! ingests the corpus through the ordinary pipeline, and asks every query through the HTTP API.

mod corpus;
mod own_server;
mod refusals;
mod report;
mod run;

use std::path::PathBuf;

use anyhow::Context as _;
use nexus_api::RetrievalMode;

use crate::config::Config;
use own_server::OwnServer;

#[derive(Debug, clap::Args)]
pub struct EvalArgs {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv; may be given several times
    #[arg(long = "set", value_name = "DIR", required = true)]
    sets: Vec<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Write TREC run files into this folder
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    /// Measure refusals instead: half of the documents are held out
    #[arg(long, conflicts_with = "runs")]
    refusals: bool,
    /// With --refusals: a set whose documents double the knowledge base for a second measurement
    #[arg(long, value_name = "DIR", requires = "refusals")]
    beside: Option<PathBuf>,
    /// With --refusals: let the configured chat model judge, too; each question costs a call
    #[arg(long, requires = "refusals")]
    judged: bool,
    /// With --refusals: which half of the documents is held out
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub async fn run(config: Config, args: EvalArgs) -> anyhow::Result<()> {
    if args.refusals {
        return refusals::run(&config, &args).await;
    }
    let mut results = Vec::new();
    for set in &args.sets {
        let name = name_of(set)?;
        results.push(measure(&config, &name, set, &args).await?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        report::print_table(&results);
    }
    Ok(())
}

fn name_of(set: &std::path::Path) -> anyhow::Result<String> {
    let name = set
        .file_name()
        .with_context(|| format!("{} has no name", set.display()))?;
    Ok(name.to_string_lossy().into_owned())
}

async fn measure(
    config: &Config,
    name: &str,
    folder: &std::path::Path,
    args: &EvalArgs,
) -> anyhow::Result<report::SetResult> {
    let server = OwnServer::start(config).await?;
    let corpus = corpus::ingest(&server.client, folder).await?;
    let queries = run::judged_queries(folder)?;
    let dense = server.client.readiness().await?.dense_retrieval.model.is_some();
    let mut result = report::SetResult::new(name, corpus.documents(), corpus.passages, queries.len());
    for mode in [
        RetrievalMode::Lexical,
        RetrievalMode::Dense,
        RetrievalMode::Hybrid,
    ] {
        if mode == RetrievalMode::Dense && !dense {
            eprintln!("{name}: no embedding model is loaded, so nothing is measured for dense");
            continue;
        }
        let rankings = run::ask_all(&server.client, &corpus, &queries, mode, name).await?;
        if let Some(runs) = &args.runs {
            report::write_run_file(runs, name, mode, &rankings)?;
        }
        result.add(mode, &queries, &rankings);
    }
    server.stop().await?;
    Ok(result)
}
