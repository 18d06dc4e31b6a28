//! The first stage: a thread that walks an upload, or fetches from a source.

use std::collections::HashSet;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nexus_domain::{ContentHash, Problem, ProblemCode, SourceKind};
use nexus_ingest::{BundleDocument, Entry, Export, ExportPaths, Limits, Provenance, RawFile, WalkError};
use nexus_sources::{Credential, Item, SourceError};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Job;
use super::budget::{Budget, Share};
use super::remote::{self, Follower};
use crate::worker::failure::Stopped;

/// Files that may wait for a parse thread, besides the budget of bytes.
const WAITING_FILES: usize = 256;
/// Names by which an export is recognised.
const NAMES: usize = 2_000;

/// What the walk met.
#[derive(Debug)]
pub enum Met {
    File(RawFile, Share),
    /// A document that was read and cut elsewhere.
    Imported(Box<BundleDocument>, Share),
    /// A path whose content is known by its fingerprint, and was not fetched.
    Known(String),
    Problem(Problem),
}

impl Met {
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(file, _) => Some(&file.path),
            Self::Imported(document, _) => Some(&document.path),
            Self::Known(path) => Some(path),
            Self::Problem(problem) => problem.path.as_deref(),
        }
    }
}

/// How a walk ended.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// Whether all of it was seen.
    pub complete: bool,
    /// Whether the source is as it was when it was last read whole: nothing was handed out.
    pub is_unchanged: bool,
    /// What the source calls the state that was read.
    pub state: Option<String>,
}

#[derive(Debug)]
pub enum WalkFailed {
    Upload(WalkError),
    Source(SourceError),
}

#[derive(Debug)]
pub struct Reader {
    pub files: mpsc::Receiver<Met>,
    pub walk: JoinHandle<Result<Walked, WalkFailed>>,
}

/// Hands files on to the next stage, as far as there is room.
pub(super) struct Sender {
    job: Job,
    budget: Budget,
    sender: mpsc::Sender<Met>,
    runtime: Handle,
}

impl Sender {
    pub(super) fn new(job: &Job) -> (Self, mpsc::Receiver<Met>) {
        let (sender, files) = mpsc::channel(WAITING_FILES);
        let sender = Self {
            job: job.clone(),
            budget: Budget::new(),
            sender,
            runtime: Handle::current(),
        };
        (sender, files)
    }

    /// Hands on what an upload holds, as far as it is wanted.
    fn entry(&self, entry: Entry) -> ControlFlow<()> {
        match entry {
            Entry::File(file) if self.job.wants(Some(&file.path)) => self.file(file),
            Entry::Problem(problem) if self.job.wants(problem.path.as_deref()) => {
                self.send(Met::Problem(problem))
            }
            Entry::File(_) | Entry::Problem(_) => self.go_on(),
        }
    }

    /// `Break` when somebody asked to stop, or nobody receives any more.
    fn file(&self, file: RawFile) -> ControlFlow<()> {
        match self.runtime.block_on(self.budget.take(file.bytes.len())) {
            Some(share) => self.send(Met::File(file, share)),
            None => ControlFlow::Break(()),
        }
    }

    /// The same for a document of an import, which takes so many bytes.
    pub(super) fn imported(&self, document: BundleDocument, bytes: usize) -> ControlFlow<()> {
        match self.runtime.block_on(self.budget.take(bytes)) {
            Some(share) => self.send(Met::Imported(Box::new(document), share)),
            None => ControlFlow::Break(()),
        }
    }

    pub(super) fn send(&self, met: Met) -> ControlFlow<()> {
        if self.sender.blocking_send(met).is_err() {
            return ControlFlow::Break(());
        }
        self.go_on()
    }

    fn go_on(&self) -> ControlFlow<()> {
        match self.job.running.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Starts to walk an upload. It ends early when nobody receives any more.
pub async fn upload(job: &Job, path: PathBuf, file_name: String) -> Result<Reader, Stopped> {
    let known = match job.source.kind {
        SourceKind::WikiExport => job.context.db.documents().paths(job.source.id).await?,
        _ => Vec::new(),
    };
    let (sender, files) = Sender::new(job);
    let walk = tokio::task::spawn_blocking(move || {
        let limits = sender.job.context.ingest.limits;
        if sender.job.only.is_none()
            && let Ok(Some(total)) = nexus_ingest::entries_hint(&path, &file_name, &limits)
        {
            sender.job.running.meter.total(total);
        }
        let export = match sender.job.source.kind {
            SourceKind::WikiExport => export_of(&sender, &path, &file_name, &limits),
            _ => None,
        };
        let export = export.map(|export| ExportPaths::new(export, known));
        let mut renamed = HashSet::new();
        let walked = nexus_ingest::walk(&path, &file_name, &limits, &mut |entry| match &export {
            Some(export) => of_export(&sender, export, &mut renamed, entry),
            None => sender.entry(entry),
        });
        let summary = walked.map_err(WalkFailed::Upload)?;
        Ok(Walked {
            complete: summary.complete,
            ..Walked::default()
        })
    });
    Ok(Reader { files, walk })
}

/// An entry of a wiki's export as the document that it is, readable or not: the one that it was before is not removed
/// because its file cannot be read this time.
fn of_export(
    sender: &Sender,
    export: &ExportPaths,
    renamed: &mut HashSet<String>,
    entry: Entry,
) -> ControlFlow<()> {
    match entry {
        Entry::File(file) => {
            // A retry asks for what could not be read by the name that it had then.
            let is_wanted = sender.job.wants(Some(&file.path))
                || export
                    .of_unread(&file.path)
                    .is_some_and(|path| sender.job.wants(Some(&path)));
            match nexus_ingest::of_export(export.export(), file) {
                Some(file) if !renamed.insert(file.path.clone()) => {
                    let why = "The export holds two pages of this name; the first one was taken";
                    let problem = Problem::of_file(file.path, ProblemCode::DuplicatePath, why);
                    sender.entry(Entry::Problem(problem))
                }
                Some(file) if is_wanted || sender.job.wants(Some(&file.path)) => sender.file(file),
                _ => sender.go_on(),
            }
        }
        Entry::Problem(problem) => {
            let path = problem.path.as_deref().and_then(|path| export.of_unread(path));
            sender.entry(Entry::Problem(Problem {
                path: path.or(problem.path),
                ..problem
            }))
        }
    }
}

/// Hands out an upload as one document, unread: what is in it is for its reader to find out.
pub fn document(job: &Job, file: PathBuf, path: String) -> Reader {
    let (sender, files) = Sender::new(job);
    let walk = tokio::task::spawn_blocking(move || {
        let bytes = one_file(&file, &sender.job.context.ingest.limits).map_err(WalkFailed::Upload)?;
        sender.job.running.meter.total(1);
        let file = RawFile {
            path,
            hash: ContentHash::of(&bytes),
            packed_size: bytes.len() as u64,
            bytes,
            provenance: Provenance::default(),
        };
        Ok(Walked {
            complete: sender.file(file).is_continue(),
            ..Walked::default()
        })
    });
    Reader { files, walk }
}

fn one_file(file: &Path, limits: &Limits) -> Result<Vec<u8>, WalkError> {
    let mut bytes = Vec::new();
    let allowed = limits.file_bytes;
    let mut file = std::fs::File::open(file)?.take(allowed.saturating_add(1));
    file.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > allowed {
        let message = format!("The document has more than the {allowed} bytes that are allowed");
        return Err(WalkError::Rejected(Problem::of_upload(
            ProblemCode::TooLarge,
            message,
        )));
    }
    Ok(bytes)
}

/// Which wiki an archive was exported from, by the names of its files.
fn export_of(sender: &Sender, path: &Path, file_name: &str, limits: &Limits) -> Option<Export> {
    let mut names = Vec::new();
    let walked = nexus_ingest::walk(path, file_name, limits, &mut |entry| {
        if let Entry::File(file) = entry {
            names.push(file.path);
        }
        if names.len() < NAMES {
            sender.go_on()
        } else {
            ControlFlow::Break(())
        }
    });
    // What is wrong with the archive, the walk itself tells.
    walked.ok()?;
    nexus_ingest::detect_export(names.iter().map(String::as_str))
}

/// Starts to fetch from a remote source. A dry run, and a retry, look at everything, whatever the last sync saw.
pub async fn remote(job: &Job, credential: Option<Credential>, dry_run: bool) -> Result<Reader, Stopped> {
    let gone = || Stopped::fail("invalid_source", "the source is not one that can be fetched");
    let settings = job.source.remote.clone().ok_or_else(gone)?;
    let manifest = remote::manifest(job).await?;
    let folder = job.context.remotes.folder_of(job.source.id);
    let is_whole = !dry_run && job.only.is_none();
    let last_state = job.source.sync.state.clone().filter(|_| is_whole);
    let (sender, files) = Sender::new(job);
    let walk = tokio::task::spawn_blocking(move || {
        let context = &sender.job.context;
        std::fs::create_dir_all(&folder).map_err(|error| WalkFailed::Source(error.into()))?;
        let http = context.remotes.http().map_err(remote::no_client)?;
        let follower = Follower::new(&sender.job);
        let given = nexus_sources::Context {
            http,
            limits: &context.ingest.limits,
            settings: &context.remotes.settings,
            credential: credential.as_ref(),
            folder: &folder,
            manifest: &manifest,
            last_state: last_state.as_deref(),
            only: sender.job.only.as_deref(),
            watch: &follower,
        };
        let summary = nexus_sources::sync(&settings, &given, &mut |item| match item {
            Item::Unchanged(path) => sender.send(Met::Known(path)),
            Item::File(file) => sender.file(file),
            Item::Problem(problem) => sender.send(Met::Problem(problem)),
        });
        let summary = summary.map_err(WalkFailed::Source)?;
        Ok(Walked {
            complete: summary.complete,
            is_unchanged: summary.is_unchanged,
            state: summary.state,
        })
    });
    Ok(Reader { files, walk })
}
