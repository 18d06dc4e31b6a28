//! A corpus becomes an archive and goes through the ordinary pipeline. All files are called alike, each in a folder of its own, and
//! their name has no word in it: a name becomes a title, which is searched with the text.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use nexus_api::TaskState;
use nexus_client::{Client, Upload, UploadTarget};
use nexus_ingest::ArchiveWriter;
use nexus_rag::beir::{BeirSet, CorpusDocument};

use crate::cli::ingest::follow;

/// Knowledge base that the corpus goes to.
pub const KB: &str = "eval";

/// What was ingested: which path is which document.
pub struct Corpus {
    ids: HashMap<String, String>,
    pub passages: u64,
}

impl Corpus {
    pub fn documents(&self) -> usize {
        self.ids.len()
    }

    /// Whether a document of the set, by its id there, was ingested.
    pub fn holds(&self, id: &str) -> bool {
        self.ids.values().any(|held| held == id)
    }

    /// The set's id of the document at a path.
    pub fn id(&self, path: &str) -> Option<&str> {
        self.ids.get(path).map(String::as_str)
    }
}

/// Whether a document is taken, by its id and number.
type Keep = Box<dyn Fn(&str, usize) -> bool + Send>;

/// Which documents of a set are ingested, and what the archive of them is called.
pub struct Part {
    name: &'static str,
    keep: Keep,
}

impl Part {
    /// Those whose id and number `keep` takes.
    pub fn new(name: &'static str, keep: impl Fn(&str, usize) -> bool + Send + 'static) -> Self {
        Self {
            name,
            keep: Box::new(keep),
        }
    }
}

pub async fn ingest(client: &Client, folder: &Path) -> anyhow::Result<Corpus> {
    ingest_part(client, folder, Part::new("corpus", |_, _| true)).await
}

pub async fn ingest_part(client: &Client, folder: &Path, part: Part) -> anyhow::Result<Corpus> {
    let temp = tempfile::tempdir()?;
    let file_name = format!("{}.tar.gz", part.name);
    let archive = temp.path().join(&file_name);
    let (set, to) = (BeirSet::new(folder), archive.clone());
    let ids = tokio::task::spawn_blocking(move || pack(&set, &part, &to)).await??;
    let kb = client.find_or_create_knowledge_base(KB).await?;
    let upload = Upload {
        target: UploadTarget::Archive,
        path: archive,
        file_name,
        source: None,
        knowledge_base: kb.id.to_string(),
    };
    let accepted = client.upload(&upload, |_| {}).await?;
    let task = follow(client, accepted.task_id).await?;
    ensure!(
        task.state == TaskState::Succeeded,
        "the corpus was not ingested: {:?}",
        task.error
    );
    wait_for_quiet(client, kb.id).await?;
    for problem in client.problems(task.id, None).await?.items {
        eprintln!(
            "not ingested: {} {}",
            problem.path.unwrap_or_default(),
            problem.message
        );
    }
    let passages = client.knowledge_base(kb.id).await?.chunks;
    Ok(Corpus { ids, passages })
}

/// Waits for what follows an ingestion, such as a rebuild with the right average length.
async fn wait_for_quiet(client: &Client, kb: uuid::Uuid) -> anyhow::Result<()> {
    for task in client.tasks(Some(kb)).await?.items {
        if !task.state.is_settled() {
            follow(client, task.id).await?;
        }
    }
    Ok(())
}

fn pack(set: &BeirSet, part: &Part, to: &Path) -> anyhow::Result<HashMap<String, String>> {
    let mut archive = ArchiveWriter::create(to).context("the corpus cannot be packed")?;
    let mut ids = HashMap::new();
    for (number, document) in set.corpus()?.enumerate() {
        let document = document?;
        if !(part.keep)(&document.id, number) {
            continue;
        }
        let path = format!("{}/{number:07}/-.{}", part.name, extension(&document.id));
        archive.add(&path, text(&document).as_bytes())?;
        ids.insert(path, document.id);
    }
    archive.finish()?;
    Ok(ids)
}

/// The document's own kind where its id is a file name; plain text otherwise.
fn extension(id: &str) -> &str {
    match id.rsplit_once('.') {
        Some((_, extension)) if ["md", "html", "rst", "json", "csv"].contains(&extension) => extension,
        _ => "txt",
    }
}

fn text(document: &CorpusDocument) -> String {
    if document.title.is_empty() {
        document.text.clone()
    } else {
        format!("{}\n\n{}", document.title, document.text)
    }
}
