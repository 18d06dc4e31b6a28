//! `nexus ask`: one question, its answer and where it stands.

use std::io::{IsTerminal as _, Write as _};

use nexus_api::{Answer, Generation, GenerationStatus, QueryRequest, Retrieval, RetrievalMode, SideStatus};
use nexus_client::{AnswerEvent, Client};

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
        history: Vec::new(),
    };
    if args.json {
        let answer = client.ask_question(&request).await?;
        println!("{}", serde_json::to_string_pretty(&answer)?);
        return Ok(());
    }
    ask(&client, &request).await
}

/// Asks and prints the answer: on a terminal while it is written, elsewhere once it is there.
pub async fn ask(client: &Client, request: &QueryRequest) -> anyhow::Result<()> {
    let mut events = client.ask_question_streamed(request).await?;
    let mut screen = std::io::stdout();
    let live = screen.is_terminal();
    let mut shown = String::new();
    while let Some(event) = events.next().await {
        match event? {
            AnswerEvent::Delta(delta) if live => {
                let text = plain(&delta.text);
                write!(screen, "{text}")?;
                screen.flush()?;
                shown.push_str(&text);
            }
            AnswerEvent::Done(answer) => finish(&answer, &shown, client.base()),
            _ => {}
        }
    }
    Ok(())
}

/// What the screen does not show of the answer yet. Text that turned out otherwise is replaced.
fn finish(answer: &Answer, shown: &str, base: &str) {
    let text = plain(&answer.text);
    if shown.is_empty() {
        println!("{text}");
    } else if shown.trim_end() == text.trim_end() {
        println!();
    } else {
        println!("\n\n(The text above broke off or could not be confirmed. The answer is:)\n\n{text}");
    }
    print_sources(answer, base);
}

/// Without signs that would move the cursor or change the terminal: a model's text is a stranger's.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// The citations, and how the answer came about.
fn print_sources(answer: &Answer, base: &str) {
    if !answer.citations.is_empty() {
        println!();
    }
    for citation in &answer.citations {
        let passage = &citation.passage;
        let mut place = passage.document_path.clone();
        if !passage.heading_path.is_empty() {
            place.push_str(&format!(" › {}", passage.heading_path.join(" › ")));
        }
        let within = match passage.pages {
            Some(pages) if pages.first == pages.last => format!("page {}", pages.first),
            Some(pages) => format!("pages {}-{}", pages.first, pages.last),
            None => format!(
                "lines {}-{}",
                citation.quote_lines.first, citation.quote_lines.last
            ),
        };
        println!("[{}] {place}, {within}", citation.number);
        match &passage.source_link {
            Some(link) => println!("    {link}"),
            None => println!("    {base}{}", citation.link),
        }
    }
    println!("    ({}; {})", describe(&answer.retrieval), written(answer));
}

fn written(answer: &Answer) -> String {
    let Generation {
        status,
        model,
        reason,
        milliseconds,
        ..
    } = &answer.generation;
    let model = model.as_deref().unwrap_or("the chat model");
    match (status, reason) {
        (GenerationStatus::Unsourced, _) => format!("without sources by {model}"),
        (GenerationStatus::Written, _) => {
            let doubtful = match answer.unsupported_blocks {
                0 => String::new(),
                n => format!(", statements without a source: {n}"),
            };
            format!("written by {model} in {:.1} s{doubtful}", milliseconds / 1_000.0)
        }
        (GenerationStatus::Extractive, _) => "quotes".to_owned(),
        (GenerationStatus::Failed, Some(reason)) => format!("quotes: {model} failed, {reason:?}"),
        (GenerationStatus::Failed, None) => format!("quotes: {model} failed"),
    }
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
