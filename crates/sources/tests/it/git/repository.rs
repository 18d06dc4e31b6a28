//! A bare repository that people commit to.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, RepositoryInitOptions, Signature, Time};
use nexus_domain::{GitRemote, PathFilter, Remote};
use tempfile::TempDir;

pub const FILE: u32 = 0o100_644;
pub const PROGRAM: u32 = 0o100_755;
pub const LINK: u32 = 0o120_000;
pub const SUBMODULE: u32 = 0o160_000;

pub struct TestRepository {
    folder: TempDir,
    pub git: Repository,
    entries: BTreeMap<Vec<u8>, (u32, Oid)>,
}

impl TestRepository {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut options = RepositoryInitOptions::new();
        options.bare(true).initial_head("main").external_template(false);
        let git = Repository::init_opts(folder.path().join("wiki.git"), &options).unwrap();
        Self {
            folder,
            git,
            entries: BTreeMap::new(),
        }
    }

    /// With one commit on `main`.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut repository = Self::new();
        for (path, text) in files {
            repository.put(path, text);
        }
        repository.commit("main");
        repository
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn remote(&self) -> Remote {
        remote(&format!("file://{}", self.git.path().display()))
    }

    pub fn put(&mut self, path: &str, content: impl AsRef<[u8]>) -> Oid {
        self.put_as(path.as_bytes(), FILE, content.as_ref())
    }

    pub fn put_as(&mut self, path: &[u8], mode: u32, content: &[u8]) -> Oid {
        let id = self.git.blob(content).unwrap();
        self.entries.insert(path.to_vec(), (mode, id));
        id
    }

    pub fn submodule(&mut self, path: &str) {
        let id = Oid::from_str(&"5".repeat(40)).unwrap();
        self.entries.insert(path.into(), (SUBMODULE, id));
    }

    pub fn remove(&mut self, path: &str) {
        self.entries.remove(path.as_bytes()).unwrap();
    }

    pub fn rename(&mut self, from: &str, to: &str) {
        let moved = std::mem::take(&mut self.entries).into_iter();
        self.entries = moved
            .map(|(path, entry)| match path.strip_prefix(from.as_bytes()) {
                Some(rest) => ([to.as_bytes(), rest].concat(), entry),
                None => (path, entry),
            })
            .collect();
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Commits on top of the branch, if there is one.
    pub fn commit(&self, branch: &str) -> Oid {
        let parent = self.git.refname_to_id(&format!("refs/heads/{branch}")).ok();
        self.commit_tree(branch, self.tree(), parent)
    }

    /// The branch becomes a history of one commit.
    pub fn force(&self, branch: &str) -> Oid {
        self.commit_tree(branch, self.tree(), None)
    }

    pub fn commit_tree(&self, branch: &str, tree: Oid, parent: Option<Oid>) -> Oid {
        let author = Signature::new("Ada", "ada@example.org", &Time::new(1_700_000_000, 0)).unwrap();
        let tree = self.git.find_tree(tree).unwrap();
        let parent = parent.map(|parent| self.git.find_commit(parent).unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let message = format!("{} files", self.entries.len());
        let commit = self
            .git
            .commit(None, &author, &author, &message, &tree, &parents)
            .unwrap();
        self.git
            .reference(&format!("refs/heads/{branch}"), commit, true, "test")
            .unwrap();
        commit
    }

    fn tree(&self) -> Oid {
        let mut index = Index::new().unwrap();
        for (path, (mode, id)) in &self.entries {
            let entry = IndexEntry {
                ctime: IndexTime::new(0, 0),
                mtime: IndexTime::new(0, 0),
                dev: 0,
                ino: 0,
                mode: *mode,
                uid: 0,
                gid: 0,
                file_size: 0,
                id: *id,
                flags: 0,
                flags_extended: 0,
                path: path.clone(),
            };
            index.add(&entry).unwrap();
        }
        index.write_tree_to(&self.git).unwrap()
    }

    pub fn set(&self, key: &str, value: &str) {
        self.git.config().unwrap().set_str(key, value).unwrap();
    }
}

pub fn remote(url: &str) -> Remote {
    Remote::Git(GitRemote {
        url: url.to_owned(),
        branch: None,
        folder: None,
        filter: PathFilter::default(),
    })
}

/// The same remote with other settings.
pub fn with(remote: &Remote, change: impl FnOnce(&mut GitRemote)) -> Remote {
    match remote.clone() {
        Remote::Git(mut git) => {
            change(&mut git);
            Remote::Git(git)
        }
        other => other,
    }
}
