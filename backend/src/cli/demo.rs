//! `nexus demo`: serves, loads the sample knowledge base through the HTTP API, and asks it questions.

use std::path::PathBuf;

use anyhow::Context as _;
use nexus_api::{QueryRequest, RetrievalMode};
use nexus_client::{Client, ClientConfig};

use super::ingest::Packed;
use super::{ask, ingest, server};
use crate::app::Services;
use crate::config::Config;
use crate::serve::Server;

/// Knowledge base of the demo.
const KB: &str = "sample";
/// What is asked, in both languages of the sample.
const QUESTIONS: &[&str] = &[
    "What does the error E-1042 'station silent' mean, and when does the alarm clear?",
    "Сколько неотгулянных дней отпуска можно перенести на следующий год?",
    "How quickly must I report a lost or stolen laptop, and on which number?",
    "Что значит E-3011 и почему отправка остановлена?",
    "На какой высоте вешать датчик температуры и как далеко от стены?",
    "How much water do I pour through the rain gauge to test it, and how many tips should I count?",
];

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// End after the questions instead of serving on
    #[arg(long)]
    once: bool,
    /// The sample knowledge base
    #[arg(long, default_value = "data/sample")]
    sample: PathBuf,
}

pub async fn run(mut config: Config, args: DemoArgs) -> anyhow::Result<()> {
    // The demo's own lines are what matters; the log says only what goes wrong.
    if std::env::var_os("NEXUS_LOG_LEVEL").is_none() {
        config.log.level = "warn".to_owned();
    }
    crate::log::start(&config.log)?;
    let stop = server::stop_on_signal()?;
    let services = Services::start(&config).await?;
    server::announce(&config, &services);
    println!("{}", services.describe_retrieval().await);
    let key = super::connect::api_key(&config)?;
    let server = Server::bind(&config, services).await?;
    let base = server.address(&config)?;
    let serving = tokio::spawn(server.run(stop.clone()));

    let mut client = ClientConfig::new(base, key);
    client.ca_pem = own_certificate(&config)?;
    let client = Client::new(client)?;
    let asked = tokio::select! {
        asked = load_and_ask(&client, &args) => asked,
        () = stop.cancelled() => Ok(()),
    };
    if asked.is_err() || args.once {
        stop.cancel();
    } else if !stop.is_cancelled() {
        println!(
            "\nServing on {}. API docs: {}/docs (Ctrl-C ends)",
            client.base(),
            client.base()
        );
        println!("Ask yourself: nexus ask \"…\" --kb {KB}");
    }
    serving.await.context("the server ended unexpectedly")??;
    asked
}

async fn load_and_ask(client: &Client, args: &DemoArgs) -> anyhow::Result<()> {
    let packed = Packed::of(&args.sample).await?;
    let task_id = ingest::upload(client, &packed, KB, None).await?;
    let task = ingest::follow(client, task_id).await?;
    ingest::report(client, &task).await?;
    for question in QUESTIONS {
        println!("\n▸ {question}\n");
        let request = QueryRequest {
            question: (*question).to_owned(),
            knowledge_bases: vec![KB.to_owned()],
            mode: RetrievalMode::Hybrid,
            history: Vec::new(),
        };
        ask::ask(client, &request).await?;
    }
    println!("\nAPI docs: {}/docs", client.base());
    Ok(())
}

/// With TLS the demo trusts the certificate that it serves with.
fn own_certificate(config: &Config) -> anyhow::Result<Option<Vec<u8>>> {
    if !config.has_tls() {
        return Ok(None);
    }
    let path = &config.tls.cert;
    std::fs::read(path)
        .map(Some)
        .with_context(|| format!("{} cannot be read", path.display()))
}
