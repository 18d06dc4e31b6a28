//! `nexus ask`: one question, its answer and where it stands.

use nexus_api::{Answer, QueryRequest, Retrieval, RetrievalMode, SideStatus};

use super::ServerArgs;
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub struct AskArgs {
    /// The question
    question: String,
    /// Knowledge base, by name or id; may be given several times [default: all]
    #[arg(long)]
    kb: Vec<String>,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn run(config: &Config, args: AskArgs) -> anyhow::Result<()> {
    let client = super::connect::client(config, &args.server)?;
    let request = QueryRequest {
        question: args.question,
        knowledge_bases: args.kb,
        mode: RetrievalMode::Hybrid,
    };
    let answer = client.ask_question(&request).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print(&answer, client.base());
    }
    Ok(())
}

/// The answer, then its citations.
pub fn print(answer: &Answer, base: &str) {
    println!("{}", answer.text);
    if !answer.citations.is_empty() {
        println!();
    }
    for citation in &answer.citations {
        let passage = &citation.passage;
        let mut place = passage.document_path.clone();
        if !passage.heading_path.is_empty() {
            place.push_str(&format!(" › {}", passage.heading_path.join(" › ")));
        }
        let lines = citation.quote_lines;
        println!(
            "[{}] {place}, lines {}-{}",
            citation.number, lines.first, lines.last
        );
        println!("    {base}{}", citation.link);
    }
    println!("    ({})", describe(&answer.retrieval));
}

fn describe(retrieval: &Retrieval) -> String {
    let dense = match retrieval.dense.status {
        SideStatus::Ran => "words and vectors",
        SideStatus::NotAsked => "words only, as asked",
        SideStatus::NotConfigured => "words only: no embedding model is loaded",
        SideStatus::ScriptUnknown => "words only: the embedding model does not know this script",
        SideStatus::Failed => "words only: the embedding model failed",
    };
    format!("{dense}; {:.1} ms", retrieval.total_milliseconds)
}
