//! A real git repository on this machine, and syncs of it.

use std::path::PathBuf;

use git2::{IndexAddOption, Repository, Signature};
use nexus_api::{IngestGit, StartSync, SyncAccepted, Task, TaskState};
use tempfile::TempDir;

use crate::test_app::{KB, Setup, TestApp};

/// A repository with a work tree, whose files are written and committed.
pub struct Repo {
    folder: TempDir,
    repo: Repository,
}

impl Repo {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repository::init(folder.path()).unwrap();
        Self { folder, repo }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn commit(&self) -> String {
        let mut index = self.repo.index().unwrap();
        index.add_all(["*"], IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.repo.find_tree(index.write_tree().unwrap()).unwrap();
        let who = Signature::now("Anna", "anna@example.org").unwrap();
        let parent = self.repo.head().ok().map(|head| head.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let id = self
            .repo
            .commit(Some("HEAD"), &who, &who, "change", &tree, &parents)
            .unwrap();
        id.to_string()
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }
}

pub async fn app() -> TestApp {
    TestApp::with(Setup {
        settings: vec![("NEXUS_SOURCES_LOCAL_REPOSITORIES", "true".to_owned())],
        ..Setup::default()
    })
    .await
}

pub fn git(repo: &Repo) -> IngestGit {
    IngestGit {
        knowledge_base: KB.to_owned(),
        source: Some("docs".to_owned()),
        url: repo.url(),
        ..IngestGit::default()
    }
}

pub async fn done(app: &TestApp, accepted: &SyncAccepted) -> Task {
    let task = app.settled(accepted.task_id).await;
    assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    task
}

pub async fn sync(app: &TestApp, accepted: &SyncAccepted, dry_run: bool) -> Task {
    let (kb, source) = (accepted.knowledge_base_id, accepted.source_id);
    let accepted = app
        .client
        .sync_source(
            kb,
            source,
            StartSync {
                dry_run,
                ..StartSync::default()
            },
        )
        .await
        .unwrap();
    done(app, &accepted).await
}
