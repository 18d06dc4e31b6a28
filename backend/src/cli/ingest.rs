//! `nexus ingest`: uploads and follows the task to its end.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nexus_api::{IngestGit, IngestWeb, IngestWiki, Problem, SourceCredential, Task, TaskState, WikiEngine};
use nexus_client::{Client, Upload, UploadTarget};
use uuid::Uuid;

use super::ServerArgs;
use super::progress::{ByteBar, TaskBar};
use crate::config::Config;

/// Problems that are printed; the API has them all.
const SHOWN_PROBLEMS: usize = 20;

#[derive(Debug, clap::Args)]
pub struct IngestArgs {
    /// An archive (zip, 7z, tar, tar.gz, tar.bz2, tar.xz, tar.zst), a single file, a folder, which is packed first, or the
    /// address of a source that the server fetches
    path: PathBuf,
    /// Knowledge base, by name; made if there is none
    #[arg(long)]
    kb: String,
    /// Name of the source [default: the archive's name; "files" for single files]
    #[arg(long)]
    source: Option<String>,
    /// What is at the address [default: git for addresses that end with .git, else web]
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<RemoteKind>,
    /// Branch of a git repository
    #[arg(long)]
    branch: Option<String>,
    /// Folder of a git repository
    #[arg(long)]
    folder: Option<String>,
    /// User name for the source, where it wants one beside the token in NEXUS_SOURCE_TOKEN
    #[arg(long)]
    user: Option<String>,
    /// Print the task's id and do not wait
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Kinds of sources that the server fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum RemoteKind {
    Git,
    Web,
    Mediawiki,
    Dokuwiki,
}

pub async fn run(config: &Config, args: IngestArgs) -> anyhow::Result<()> {
    refuse_ssh(&args.path)?;
    let client = super::connect::client(config, &args.server)?;
    let task_id = match args.path.to_str() {
        Some(url) if url.contains("://") => fetch(&client, url, &args).await?,
        _ => {
            let packed = Packed::of(&args.path).await?;
            upload(&client, &packed, &args.kb, args.source).await?
        }
    };
    println!("task {task_id}");
    if args.no_wait {
        return Ok(());
    }
    let task = follow(&client, task_id).await?;
    report(&client, &task).await
}

/// `git@host:path` looks like a file's name, and is what forges show first.
fn refuse_ssh(path: &Path) -> anyhow::Result<()> {
    let https = path.to_str().and_then(nexus_sources::https_of_ssh);
    let Some(https) = https.filter(|_| !path.exists()) else {
        return Ok(());
    };
    bail!(
        "ssh is not spoken here: give the repository's https address, which is probably {https}, and where it is private a \
         token in NEXUS_SOURCE_TOKEN"
    );
}

/// Has the server fetch a source.
async fn fetch(client: &Client, url: &str, args: &IngestArgs) -> anyhow::Result<Uuid> {
    client.find_or_create_knowledge_base(&args.kb).await?;
    let credential = std::env::var("NEXUS_SOURCE_TOKEN")
        .ok()
        .map(|token| SourceCredential {
            user: args.user.clone(),
            token,
        });
    let by_address = if url.ends_with(".git") {
        RemoteKind::Git
    } else {
        RemoteKind::Web
    };
    let (knowledge_base, source, url) = (args.kb.clone(), args.source.clone(), url.to_owned());
    let wiki = |engine| IngestWiki {
        knowledge_base: knowledge_base.clone(),
        source: source.clone(),
        engine,
        url: url.clone(),
        credential: credential.clone(),
        ..IngestWiki::default()
    };
    let accepted = match args.kind.unwrap_or(by_address) {
        RemoteKind::Git => {
            let body = IngestGit {
                knowledge_base,
                source,
                url,
                branch: args.branch.clone(),
                folder: args.folder.clone(),
                credential,
                ..IngestGit::default()
            };
            client.ingest_git(&body).await?
        }
        RemoteKind::Web => {
            let body = IngestWeb {
                knowledge_base,
                source,
                url,
                credential,
                ..IngestWeb::default()
            };
            client.ingest_web(&body).await?
        }
        RemoteKind::Mediawiki => client.ingest_wiki(&wiki(WikiEngine::MediaWiki)).await?,
        RemoteKind::Dokuwiki => client.ingest_wiki(&wiki(WikiEngine::DokuWiki)).await?,
    };
    Ok(accepted.task_id)
}

/// What is uploaded: the path itself, or the archive that a folder was packed into.
pub struct Packed {
    path: PathBuf,
    name: String,
    target: UploadTarget,
    /// Removed when the upload is over.
    _folder: Option<tempfile::TempDir>,
}

impl Packed {
    pub async fn of(path: &Path) -> anyhow::Result<Self> {
        let metadata = tokio::fs::metadata(path)
            .await
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let full = path
            .canonicalize()
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let name = full
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if !metadata.is_dir() {
            let target = if is_archive(&name) {
                UploadTarget::Archive
            } else {
                UploadTarget::File
            };
            return Ok(Self {
                path: full,
                name,
                target,
                _folder: None,
            });
        }
        let name = format!("{name}.tar.gz");
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let archive = folder.path().join(&name);
        let to = archive.clone();
        tokio::task::spawn_blocking(move || nexus_ingest::pack_folder(&full, &to))
            .await?
            .with_context(|| format!("{} cannot be packed", path.display()))?;
        Ok(Self {
            path: archive,
            name,
            target: UploadTarget::Archive,
            _folder: Some(folder),
        })
    }
}

/// By its name; the server looks at the content.
fn is_archive(name: &str) -> bool {
    let name = name.to_lowercase();
    const ENDINGS: [&str; 13] = [
        ".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.zst",
        ".tzst", ".rar",
    ];
    ENDINGS.iter().any(|end| name.ends_with(end))
}

pub async fn upload(
    client: &Client,
    packed: &Packed,
    kb: &str,
    source: Option<String>,
) -> anyhow::Result<Uuid> {
    let kb = client.find_or_create_knowledge_base(kb).await?;
    let size = tokio::fs::metadata(&packed.path).await?.len();
    let bar = ByteBar::start(&format!("uploading {}", packed.name), size);
    let upload = Upload {
        target: packed.target,
        path: packed.path.clone(),
        file_name: packed.name.clone(),
        source,
        knowledge_base: kb.id.to_string(),
    };
    let sent = bar.clone();
    let accepted = client.upload(&upload, move |bytes| sent.advance(bytes)).await;
    bar.finish();
    Ok(accepted?.task_id)
}

/// Shows a task until it is settled.
pub async fn follow(client: &Client, id: Uuid) -> anyhow::Result<Task> {
    let mut bar = TaskBar::start();
    let mut events = client.task_events(id);
    let mut last = None;
    while let Some(task) = events.next().await {
        let task = task?;
        bar.show(&task);
        last = Some(task);
    }
    bar.finish();
    last.context("the server did not say how the task ended")
}

/// Says how a task went; an error unless it succeeded.
pub async fn report(client: &Client, task: &Task) -> anyhow::Result<()> {
    let counts = &task.counts;
    println!(
        "{} documents indexed ({} passages), {} unchanged, {} removed; {} vectors computed, {} known; {} files with \
         problems",
        counts.documents_indexed,
        counts.chunks_indexed,
        counts.documents_unchanged,
        counts.documents_removed,
        counts.chunks_embedded,
        counts.chunks_from_cache,
        counts.files_with_problems
    );
    let problems = client.problems(task.id, None).await?;
    for problem in problems.items.iter().take(SHOWN_PROBLEMS) {
        println!("  {}", line(problem));
    }
    if problems.items.len() > SHOWN_PROBLEMS || problems.next_cursor.is_some() {
        println!("  … more at /api/v1/ingestion/tasks/{}/problems", task.id);
    }
    match (&task.state, &task.error) {
        (TaskState::Succeeded, _) => Ok(()),
        (state, Some(error)) => bail!("the task ended as {state:?}: {} ({})", error.message, error.code),
        (state, None) => bail!("the task ended as {state:?}"),
    }
}

fn line(problem: &Problem) -> String {
    let code = serde_json::to_value(problem.code).ok();
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
    match &problem.path {
        Some(path) => format!("{path}: {code}: {}", problem.message),
        None => format!("{code}: {}", problem.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ssh_is_no_file() {
        let error = refuse_ssh(Path::new("git@github.com:o/r.git"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("https://github.com/o/r.git"), "{error}");
        assert!(error.contains("NEXUS_SOURCE_TOKEN"), "{error}");
        for path in ["docs", "a:b.md", "https://github.com/o/r.git", "you@home/a.md"] {
            refuse_ssh(Path::new(path)).unwrap();
        }
    }
}
