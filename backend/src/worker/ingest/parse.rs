//! The second stage: leaves unchanged documents alone; extracts, cuts and analyses the others on blocking threads.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use nexus_domain::document::embedding_text;
use nexus_domain::{ContentHash, DocumentId, Format, Problem, ProblemCode};
use nexus_ingest::{BundleDocument, ChunkDraft, Link, Places, Provenance, RawFile};
use nexus_storage::{DocumentHead, StorageError};
use nexus_text::Analysis;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Job;
use super::budget::Share;
use super::read::Met;
use crate::worker::failure::Stopped;

/// Files looked up in the manifest at once.
const LOOK_UP: usize = 64;
/// Results that may wait for the writer.
const WAITING_RESULTS: usize = 256;

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    Changed(Box<Prepared>),
    /// The row's content is the file's already.
    Unchanged {
        document: DocumentId,
        bytes: u64,
        /// What the source calls the content now, where it was fetched to find out.
        provenance: Option<Provenance>,
    },
    /// Known when the walk began, and deleted by somebody since.
    Gone,
    /// The file cannot be read. A document that it once was stays as it is.
    Problem {
        problem: Problem,
        document: Option<DocumentId>,
    },
}

/// A document ready to be written.
#[derive(Debug)]
pub struct Prepared {
    /// The document's id, if it is not new.
    pub document: Option<DocumentId>,
    pub path: String,
    pub title: String,
    pub format: Format,
    pub size_bytes: u64,
    pub content_hash: ContentHash,
    pub fingerprint: Option<String>,
    pub link: Option<String>,
    pub chunks: Vec<PreparedChunk>,
    /// Holds the file's share of memory until the document is written.
    pub share: Share,
}

#[derive(Debug)]
pub struct PreparedChunk {
    pub draft: ChunkDraft,
    pub content_hash: ContentHash,
    pub analysis: Analysis,
    /// A vector that came with the text.
    pub vector: Option<Vec<f32>>,
}

/// Starts the stage. It ends early when nobody receives any more.
pub fn start(
    job: &Job,
    files: mpsc::Receiver<Met>,
) -> (mpsc::Receiver<Outcome>, JoinHandle<Result<(), Stopped>>) {
    let (sender, receiver) = mpsc::channel(WAITING_RESULTS);
    let job = Arc::new(job.clone());
    (receiver, tokio::spawn(run(job, files, sender)))
}

async fn run(
    job: Arc<Job>,
    mut files: mpsc::Receiver<Met>,
    sender: mpsc::Sender<Outcome>,
) -> Result<(), Stopped> {
    let groups = stream::poll_fn(move |context| {
        let mut group = Vec::with_capacity(LOOK_UP);
        files
            .poll_recv_many(context, &mut group, LOOK_UP)
            .map(|met| (met > 0).then_some(group))
    });
    let outcomes = groups
        .then(|group| {
            let job = Arc::clone(&job);
            async move { look_up(&job, group).await }
        })
        .flat_map(|found| match found {
            Ok(group) => stream::iter(group.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(error) => stream::iter(vec![Err(error)]),
        })
        .map(|met| prepare(Arc::clone(&job), met))
        .buffered(job.context.ingest.parse_threads);
    let mut outcomes = std::pin::pin!(outcomes);
    while let Some(outcome) = outcomes.next().await {
        if sender.send(outcome?).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Each file with the document that it is known as.
pub(super) async fn look_up(
    job: &Job,
    group: Vec<Met>,
) -> Result<Vec<(Met, Option<DocumentHead>)>, StorageError> {
    let paths: Vec<String> = group
        .iter()
        .filter_map(|met| met.path().map(str::to_owned))
        .collect();
    let heads = job
        .context
        .db
        .documents()
        .heads_by_paths(job.source.id, &paths)
        .await?;
    let heads: HashMap<String, DocumentHead> =
        heads.into_iter().map(|head| (head.path.clone(), head)).collect();
    Ok(group
        .into_iter()
        .map(|met| {
            let head = met.path().and_then(|path| heads.get(path).cloned());
            (met, head)
        })
        .collect())
}

async fn prepare(
    job: Arc<Job>,
    met: Result<(Met, Option<DocumentHead>), StorageError>,
) -> Result<Outcome, Stopped> {
    let (met, head) = met?;
    let document = head.as_ref().map(|head| head.id);
    match (met, head) {
        (Met::Problem(problem), _) => Ok(Outcome::Problem { problem, document }),
        (Met::Known(_), Some(head)) => Ok(Outcome::Unchanged {
            document: head.id,
            bytes: 0,
            provenance: None,
        }),
        (Met::Known(_), None) => Ok(Outcome::Gone),
        (Met::File(file, _), Some(head)) if head.content_hash == file.hash => Ok(Outcome::Unchanged {
            document: head.id,
            bytes: file.bytes.len() as u64,
            provenance: Some(file.provenance).filter(|known| known.fingerprint.is_some()),
        }),
        (Met::Imported(imported, _), Some(head)) if head.content_hash == imported.content_hash => {
            Ok(Outcome::Unchanged {
                document: head.id,
                bytes: imported.size_bytes,
                provenance: None,
            })
        }
        (Met::Imported(imported, share), _) => {
            let prepared = tokio::task::spawn_blocking(move || analyse(*imported, document, share)).await;
            prepared
                .map(|prepared| Outcome::Changed(Box::new(prepared)))
                .map_err(|error| Stopped::internal(&error))
        }
        (Met::File(file, share), _) => {
            let path = file.path.clone();
            match tokio::task::spawn_blocking(move || parse(&job, file, document, share)).await {
                Ok(outcome) => Ok(outcome),
                // A defect of ours in one reader costs that file, and not all behind it.
                Err(error) if error.is_panic() => {
                    tracing::error!(%error, "a reader broke down on a file");
                    let why = "The reader of this format broke down on it";
                    let problem = Problem::of_file(path, ProblemCode::ReaderCrashed, why);
                    Ok(Outcome::Problem { problem, document })
                }
                Err(error) => Err(Stopped::internal(&error)),
            }
        }
    }
}

fn parse(job: &Job, file: RawFile, document: Option<DocumentId>, share: Share) -> Outcome {
    let settings = &job.context.ingest;
    let size_bytes = file.bytes.len() as u64;
    let extracted =
        match nexus_ingest::extract_guarded(&settings.readers, &file.path, &file.bytes, &settings.limits) {
            Ok(extracted) => extracted,
            Err(problem) => return Outcome::Problem { problem, document },
        };
    if let Some(why) = &extracted.unparsed {
        tracing::warn!(path = file.path, why, "code is cut by its lines");
    }
    let Provenance {
        title,
        link,
        fingerprint,
    } = file.provenance;
    let title = title.filter(|title| !title.trim().is_empty());
    let title = title.unwrap_or_else(|| extracted.title.clone());
    let chunks = nexus_ingest::chunk(&extracted, &settings.chunks)
        .into_iter()
        .map(|mut draft| {
            draft.anchor = link
                .as_ref()
                .and_then(|link| place(link, extracted.format, &draft));
            let text = embedding_text(&title, &draft.heading_path, &draft.text);
            PreparedChunk {
                content_hash: ContentHash::of(text.as_bytes()),
                analysis: nexus_text::analyze(&text),
                draft,
                vector: None,
            }
        })
        .collect();
    Outcome::Changed(Box::new(Prepared {
        document,
        path: file.path,
        title,
        format: extracted.format,
        size_bytes,
        content_hash: file.hash,
        fingerprint,
        link: link.map(|link| link.url),
        chunks,
        share,
    }))
}

/// A document whose passages come from elsewhere: only their terms are found anew.
fn analyse(imported: BundleDocument, document: Option<DocumentId>, share: Share) -> Prepared {
    let title = imported.title;
    let chunks = imported
        .passages
        .into_iter()
        .map(|passage| {
            let text = embedding_text(&title, &passage.heading_path, &passage.text);
            PreparedChunk {
                content_hash: ContentHash::of(text.as_bytes()),
                analysis: nexus_text::analyze(&text),
                draft: ChunkDraft {
                    text: passage.text,
                    heading_path: passage.heading_path,
                    lines: passage.lines,
                    pages: passage.pages,
                    anchor: passage.anchor,
                    bytes: 0..0,
                    tokens: 0,
                },
                vector: passage.vector,
            }
        })
        .collect();
    Prepared {
        document,
        path: imported.path,
        title,
        format: imported.format,
        size_bytes: imported.size_bytes,
        content_hash: imported.content_hash,
        fingerprint: imported.fingerprint,
        link: imported.link,
        chunks,
        share,
    }
}

/// The fragment that leads from a document's link to a passage.
fn place(link: &Link, format: Format, draft: &ChunkDraft) -> Option<String> {
    // Where the text was made from the file, its lines are not the file's.
    let has_lines = matches!(
        format,
        Format::Markdown | Format::PlainText | Format::Csv | Format::Rst | Format::Code
    );
    match link.places {
        Places::Whole => None,
        Places::Anchors => {
            let page = draft.pages.map(|pages| format!("page={}", pages.first));
            draft.anchor.clone().or(page)
        }
        places => places.of_lines(draft.lines).filter(|_| has_lines),
    }
}
