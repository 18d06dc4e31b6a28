//! `nexus export` and `nexus import`: whole knowledge bases from one installation to another.

use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::Context as _;
use futures::StreamExt as _;
use nexus_client::Client;
use nexus_ingest::BUNDLE_EXTENSION;
use tokio::io::AsyncWriteExt as _;

use super::ServerArgs;
use super::ingest::{follow, report};
use super::progress::ByteBar;
use crate::config::Config;

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Knowledge base, by name
    #[arg(long)]
    kb: String,
    /// File to write [default: the knowledge base's name with .kb.jsonl.zst, in this folder]
    #[arg(long, short)]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// A file that `nexus export` has written
    path: PathBuf,
    /// Name of the new knowledge base [default: the exported one]
    #[arg(long)]
    name: Option<String>,
    /// Print the task's id and do not wait
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn export(config: &Config, args: ExportArgs) -> anyhow::Result<()> {
    let client = super::connect::client(config, &args.server)?;
    let kb = client.find_knowledge_base(&args.kb).await?;
    let kb = kb.with_context(|| format!("there is no knowledge base named {:?}", args.kb))?;
    let output = args
        .output
        .unwrap_or_else(|| PathBuf::from(format!("{}.{BUNDLE_EXTENSION}", kb.name)));
    // Under its own name only once it is whole.
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let part = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("no file can be made in {}", folder.display()))?;
    let size = write(&client, kb.id, part.path()).await?;
    part.persist(&output)
        .with_context(|| format!("{} cannot be written", output.display()))?;
    println!(
        "{}: {} documents, {} passages, {size} bytes",
        output.display(),
        kb.documents,
        kb.chunks
    );
    Ok(())
}

async fn write(client: &Client, kb: uuid::Uuid, path: &Path) -> anyhow::Result<u64> {
    let mut file = tokio::fs::File::create(path).await?;
    let mut pieces = pin!(client.export_knowledge_base(kb).await?);
    let mut size = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.context("the export broke off; nothing was kept of it")?;
        size += piece.len() as u64;
        file.write_all(&piece).await?;
    }
    file.sync_all().await?;
    Ok(size)
}

pub async fn import(config: &Config, args: ImportArgs) -> anyhow::Result<()> {
    let client = super::connect::client(config, &args.server)?;
    let size = tokio::fs::metadata(&args.path)
        .await
        .with_context(|| format!("{} cannot be read", args.path.display()))?
        .len();
    let bar = ByteBar::start(&format!("uploading {}", args.path.display()), size);
    let sent = bar.clone();
    let accepted = client
        .import_knowledge_base(&args.path, args.name.as_deref(), move |bytes| sent.advance(bytes))
        .await;
    bar.finish();
    let accepted = accepted?;
    println!("task {}", accepted.task_id);
    if args.no_wait {
        return Ok(());
    }
    let task = follow(&client, accepted.task_id).await?;
    report(&client, &task).await
}
