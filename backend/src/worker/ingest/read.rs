//! The first stage: a thread that walks the upload.

use std::ops::ControlFlow;
use std::path::PathBuf;

use nexus_domain::Problem;
use nexus_ingest::{Entry, RawFile, WalkError, WalkSummary};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Job;
use super::budget::{Budget, Share};

/// Files that may wait for a parse thread, besides the budget of bytes.
const WAITING_FILES: usize = 256;

/// What the walk met.
#[derive(Debug)]
pub enum Met {
    File(RawFile, Share),
    Problem(Problem),
}

#[derive(Debug)]
pub struct Reader {
    pub files: mpsc::Receiver<Met>,
    pub walk: JoinHandle<Result<WalkSummary, WalkError>>,
}

/// Starts the walk. It ends early when nobody receives any more.
pub fn start(job: &Job, path: PathBuf) -> Reader {
    let (sender, files) = mpsc::channel(WAITING_FILES);
    let job = job.clone();
    let runtime = Handle::current();
    let walk = tokio::task::spawn_blocking(move || {
        let limits = job.context.ingest.limits;
        if let Ok(Some(total)) = nexus_ingest::entries_hint(&path, &job.upload.file_name, &limits) {
            job.running.meter.total(total);
        }
        let budget = Budget::new();
        nexus_ingest::walk(&path, &job.upload.file_name, &limits, &mut |entry| {
            if job.running.check().is_err() {
                return ControlFlow::Break(());
            }
            let met = match entry {
                Entry::File(file) => match runtime.block_on(budget.take(file.bytes.len())) {
                    Some(share) => Met::File(file, share),
                    None => return ControlFlow::Break(()),
                },
                Entry::Problem(problem) => Met::Problem(problem),
            };
            match sender.blocking_send(met) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })
    });
    Reader { files, walk }
}
