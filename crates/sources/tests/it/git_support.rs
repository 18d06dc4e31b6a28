//! Runs a sync as the backend does: with a folder, a manifest and a watch that outlive it.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::Duration;

use nexus_domain::{Problem, ProblemCode, Remote};
use nexus_ingest::{Limits, RawFile};
use nexus_sources::{
    Context, Credential, Guard, Http, Item, Manifest, Settings, SourceError, Summary, Watch,
};
use tempfile::TempDir;

/// A watch that remembers, and stops when it was asked so often.
#[derive(Debug)]
pub struct TestWatch {
    pub totals: Mutex<Vec<u64>>,
    pub waits: Mutex<Vec<String>>,
    pub asked: AtomicU64,
    pub stops_at: AtomicU64,
}

impl Default for TestWatch {
    fn default() -> Self {
        Self {
            totals: Mutex::default(),
            waits: Mutex::default(),
            asked: AtomicU64::new(0),
            stops_at: AtomicU64::new(u64::MAX),
        }
    }
}

impl Watch for TestWatch {
    fn total(&self, items: u64) {
        self.totals.lock().unwrap().push(items);
    }

    fn waits_for(&self, what: Option<&str>) {
        self.waits.lock().unwrap().extend(what.map(str::to_owned));
    }

    fn is_stopped(&self) -> bool {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        asked >= self.stops_at.load(Ordering::SeqCst)
    }
}

/// A source as it is known between syncs.
pub struct Source {
    pub http: Http,
    pub limits: Limits,
    pub settings: Settings,
    pub credential: Option<Credential>,
    pub folder: TempDir,
    pub known: BTreeMap<String, String>,
    pub state: Option<String>,
    /// A retry: these paths alone.
    pub only: Option<HashSet<String>>,
    pub watch: TestWatch,
}

impl Source {
    pub fn new() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another test may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let guard = Guard {
            allowed: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http: false,
        };
        Self {
            http: Http::new(guard).unwrap(),
            limits: Limits::default(),
            settings: Settings {
                local_repositories: true,
                politeness: Duration::ZERO,
                patience: Duration::from_secs(20),
                ..Settings::default()
            },
            credential: None,
            folder: TempDir::new().unwrap(),
            known: BTreeMap::new(),
            state: None,
            only: None,
            watch: TestWatch::default(),
        }
    }

    pub fn sync(&self, remote: &Remote) -> Outcome {
        self.sync_until(remote, usize::MAX)
    }

    /// The visitor breaks off at the item after so many.
    pub fn sync_until(&self, remote: &Remote, most: usize) -> Outcome {
        self.sync_with(remote, |before| match before < most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        })
    }

    /// `each` is told before each item how many came before it.
    pub fn sync_with(&self, remote: &Remote, each: impl Fn(usize) -> ControlFlow<()>) -> Outcome {
        let manifest = Manifest::new(self.known.clone());
        let context = Context {
            http: &self.http,
            limits: &self.limits,
            settings: &self.settings,
            credential: self.credential.as_ref(),
            folder: self.folder.path(),
            manifest: &manifest,
            last_state: self.state.as_deref(),
            only: self.only.as_ref(),
            watch: &self.watch,
        };
        let mut items = Vec::new();
        let result = nexus_sources::sync(remote, &context, &mut |item| {
            each(items.len())?;
            items.push(item);
            ControlFlow::Continue(())
        });
        Outcome { result, items }
    }

    /// Syncs, and knows afterwards what it handed out.
    pub fn follow(&mut self, remote: &Remote) -> Outcome {
        let outcome = self.sync(remote);
        let summary = outcome.summary();
        if summary.is_unchanged {
            return outcome;
        }
        let before = std::mem::take(&mut self.known);
        for item in &outcome.items {
            match item {
                Item::File(file) => {
                    let fingerprint = file.provenance.fingerprint.clone().unwrap();
                    self.known.insert(file.path.clone(), fingerprint);
                }
                Item::Unchanged(path) => {
                    self.known.insert(path.clone(), before[path].clone());
                }
                Item::Problem(_) => {}
            }
        }
        self.state.clone_from(&summary.state);
        outcome
    }
}

#[derive(Debug)]
pub struct Outcome {
    pub result: Result<Summary, SourceError>,
    pub items: Vec<Item>,
}

impl Outcome {
    #[track_caller]
    pub fn summary(&self) -> &Summary {
        self.result.as_ref().unwrap()
    }

    pub fn raw_files(&self) -> impl Iterator<Item = &RawFile> {
        self.items.iter().filter_map(|item| match item {
            Item::File(file) => Some(file),
            _ => None,
        })
    }

    /// Paths and texts.
    #[track_caller]
    pub fn files(&self) -> Vec<(&str, &str)> {
        self.summary();
        self.raw_files()
            .map(|file| (file.path.as_str(), std::str::from_utf8(&file.bytes).unwrap()))
            .collect()
    }

    #[track_caller]
    pub fn paths(&self) -> Vec<&str> {
        self.files().into_iter().map(|(path, _)| path).collect()
    }

    pub fn unchanged(&self) -> usize {
        let is_unchanged = |item: &&Item| matches!(item, Item::Unchanged(_));
        self.items.iter().filter(is_unchanged).count()
    }

    pub fn problems(&self) -> Vec<&Problem> {
        self.items
            .iter()
            .filter_map(|item| match item {
                Item::Problem(problem) => Some(problem),
                _ => None,
            })
            .collect()
    }

    pub fn problem(&self, path: &str) -> Option<(ProblemCode, &str)> {
        let found = self.problems();
        let found = found
            .into_iter()
            .find(|problem| problem.path.as_deref() == Some(path));
        found.map(|problem| (problem.code, problem.message.as_str()))
    }

    /// The code and the sentence.
    #[track_caller]
    pub fn refused(&self) -> (&'static str, &str) {
        match &self.result {
            Err(SourceError::Refused { code, message }) => (code, message),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub fn is_stopped(&self) -> bool {
        matches!(self.result, Err(SourceError::Stopped))
    }
}
