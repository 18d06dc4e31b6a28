//! A knowledge base as far as a sync is concerned: what it holds, and what it does with what a sync hands out.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nexus_domain::{Problem, ProblemCode, Remote};
use nexus_ingest::{Limits, RawFile};
use nexus_sources::{
    Context, Credential, Guard, Http, Item, Manifest, Settings, SourceError, Summary, Watch, sync,
};
use tempfile::TempDir;

pub struct Base {
    http: Http,
    pub limits: Limits,
    pub settings: Settings,
    pub credential: Option<Credential>,
    pub folder: TempDir,
    pub documents: BTreeMap<String, RawFile>,
    /// A retry: these paths alone.
    pub only: Option<HashSet<String>>,
    /// Breaks a sync off after so many items.
    pub stops_after: Option<usize>,
    pub watch: Watcher,
}

#[derive(Default)]
pub struct Watcher {
    pub is_stopped: AtomicBool,
    pub waits: Mutex<Vec<String>>,
    pub total: Mutex<u64>,
}

impl Watch for Watcher {
    fn total(&self, items: u64) {
        *self.total.lock().unwrap() = items;
    }

    fn waits_for(&self, what: Option<&str>) {
        self.waits.lock().unwrap().extend(what.map(str::to_owned));
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }
}

/// What one sync handed out.
#[derive(Debug)]
pub struct Synced {
    pub result: Result<Summary, SourceError>,
    pub files: Vec<String>,
    pub unchanged: Vec<String>,
    pub problems: Vec<Problem>,
}

impl Synced {
    pub fn is_complete(&self) -> bool {
        self.result.as_ref().is_ok_and(|summary| summary.complete)
    }

    pub fn problem(&self, path: &str) -> Option<ProblemCode> {
        let of_path = |problem: &&Problem| problem.path.as_deref() == Some(path);
        self.problems.iter().find(of_path).map(|problem| problem.code)
    }

    /// The code and words of a refusal.
    pub fn refusal(&self) -> (&'static str, String) {
        match &self.result {
            Err(SourceError::Refused { code, message }) => (code, message.clone()),
            other => panic!("it was not refused: {other:?}"),
        }
    }
}

impl Base {
    /// Fetches from 127.0.0.1 and public addresses, without haste between requests and with two seconds of patience.
    pub fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let guard = Guard {
            allowed: vec!["127.0.0.1/32".parse().unwrap()],
            plain_http: true,
        };
        Self {
            http: Http::new(guard).unwrap(),
            limits: Limits::default(),
            settings: Settings {
                politeness: Duration::ZERO,
                patience: Duration::from_secs(2),
                ..Settings::default()
            },
            credential: None,
            folder: tempfile::tempdir().unwrap(),
            documents: BTreeMap::new(),
            only: None,
            stops_after: None,
            watch: Watcher::default(),
        }
    }

    /// Syncs, keeps what came, and removes what a complete sync did not meet.
    pub fn sync(&mut self, remote: &Remote) -> Synced {
        let known = self.documents.iter().filter_map(|(path, file)| {
            let fingerprint = file.provenance.fingerprint.clone()?;
            Some((path.clone(), fingerprint))
        });
        let manifest = Manifest::new(known);
        let context = Context {
            http: &self.http,
            limits: &self.limits,
            settings: &self.settings,
            credential: self.credential.as_ref(),
            folder: self.folder.path(),
            manifest: &manifest,
            last_state: None,
            only: self.only.as_ref(),
            watch: &self.watch,
        };
        let mut synced = Synced {
            result: Ok(Summary::default()),
            files: Vec::new(),
            unchanged: Vec::new(),
            problems: Vec::new(),
        };
        let mut items = 0;
        let documents = &mut self.documents;
        let result = sync(remote, &context, &mut |item| {
            if self.stops_after == Some(items) {
                return ControlFlow::Break(());
            }
            items += 1;
            match item {
                Item::Unchanged(path) => {
                    assert!(documents.contains_key(&path), "{path} is not known");
                    synced.unchanged.push(path);
                }
                Item::File(file) => {
                    synced.files.push(file.path.clone());
                    documents.insert(file.path.clone(), file);
                }
                Item::Problem(problem) => synced.problems.push(problem),
            }
            ControlFlow::Continue(())
        });
        synced.result = result;
        let mut all: Vec<&String> = synced.files.iter().chain(&synced.unchanged).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "a path was handed out twice");
        if synced.is_complete() && self.only.is_none() {
            let of_problem = |path: &String| synced.problem(path).is_some();
            self.documents
                .retain(|path, _| all.contains(&path) || of_problem(path));
        }
        synced
    }

    pub fn paths(&self) -> Vec<&str> {
        self.documents.keys().map(String::as_str).collect()
    }

    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(&self.documents[path].bytes).unwrap()
    }

    pub fn link(&self, path: &str) -> &str {
        &self.documents[path].provenance.link.as_ref().unwrap().url
    }
}
