//! Git repositories: one branch at its newest commit, without history and without a work tree.
//!
//! The protocol is spoken here over [`crate::Http`], libgit2 only indexes packs and reads objects. No program is run, and
//! what a repository says of itself (hooks, filters, attributes, submodules, links) is never followed.

pub(crate) mod address;
mod attempt;
mod client;
mod link;
mod listing;
mod local;
mod mirror;
mod note;
mod objects;
mod packet;
mod prune;
mod refs;
mod screen;
mod visit;
mod wish;

use std::ops::ControlFlow;

use git2::Oid;
use nexus_domain::{ContentHash, GitRemote};
use url::Url;

use crate::{Context, Item, SourceError, Summary};
use address::{Address, Wanted};
use attempt::Patience;
use client::Client;
use link::Forge;
use mirror::Mirror;
use visit::{Reading, Visit};

/// Reads a branch of a repository. Its state is the commit and what of it is taken.
pub(crate) fn sync(
    remote: &GitRemote,
    context: &Context<'_>,
    visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<Summary, SourceError> {
    let wanted = Wanted::new(remote, context.settings, context.limits)?;
    let sync = Sync {
        wanted: &wanted,
        context,
        selection: selection(remote, context),
    };
    match &wanted.address {
        Address::Local(path) => {
            let repository = local::open(path)?;
            mirror::forget(context.folder)?;
            let commit = local::head(&repository, wanted.branch.as_deref())?;
            if sync.is_last(commit) {
                return Ok(sync.unchanged(commit));
            }
            let reading = Reading::new(local::objects(&repository)?);
            sync.visit(commit, None, reading, visit)
        }
        Address::Smart(url) => sync.smart(url, visit),
    }
}

/// Changes whenever the same commit would give other documents.
fn selection(remote: &GitRemote, context: &Context<'_>) -> String {
    let GitRemote { folder, filter, .. } = remote;
    let limits = [context.limits.file_bytes, context.limits.entries].map(u64::to_le_bytes);
    let counts = [filter.include.len() as u64, filter.exclude.len() as u64].map(u64::to_le_bytes);
    let globs = filter.include.iter().chain(&filter.exclude).map(String::as_bytes);
    let folder = folder.as_deref().unwrap_or_default().trim_matches('/');
    let parts = limits.iter().chain(&counts).map(<[u8; 8]>::as_slice);
    let hash = ContentHash::of_parts(parts.chain([folder.as_bytes()]).chain(globs));
    hash.to_string().chars().take(16).collect()
}

struct Sync<'a> {
    wanted: &'a Wanted,
    context: &'a Context<'a>,
    selection: String,
}

impl Sync<'_> {
    fn smart(
        &self,
        url: &Url,
        visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
    ) -> Result<Summary, SourceError> {
        let mut client = Client::new(url, self.context);
        let mirror = Mirror::open(self.context, url.as_str())?;
        let mut patience = Patience::new(self.context.settings, self.context.watch);
        let branch = self.wanted.branch.as_deref();
        let (commit, capabilities, objects) = patience.run(|| {
            let found = client.references(branch)?;
            let commit = found.commit.ok_or_else(|| found.branches.lacks(branch))?;
            let objects = (!self.is_last(commit))
                .then(|| mirror.update(&client, commit, found.capabilities))
                .transpose()?;
            Ok((commit, found.capabilities, objects))
        })?;
        let Some((objects, is_fresh)) = objects else {
            return Ok(self.unchanged(commit));
        };
        let mut reading = Reading::new(objects);
        if !is_fresh {
            reading = reading.or_renew(Box::new(|| {
                patience.run(|| mirror.renew(&client, commit, capabilities))
            }));
        }
        self.visit(commit, Forge::of(url), reading, visit)
    }

    fn visit(
        &self,
        commit: Oid,
        forge: Option<Forge>,
        reading: Reading<'_>,
        visit: &mut dyn FnMut(Item) -> ControlFlow<()>,
    ) -> Result<Summary, SourceError> {
        let mut run = Visit {
            context: self.context,
            wanted: self.wanted,
            commit,
            forge,
            reading,
            visit,
        };
        Ok(Summary {
            state: Some(self.state(commit)),
            is_unchanged: false,
            complete: run.all()?,
        })
    }

    fn state(&self, commit: Oid) -> String {
        format!("{commit}:{}", self.selection)
    }

    fn is_last(&self, commit: Oid) -> bool {
        self.context.last_state == Some(self.state(commit).as_str())
    }

    fn unchanged(&self, commit: Oid) -> Summary {
        Summary {
            state: Some(self.state(commit)),
            is_unchanged: true,
            complete: true,
        }
    }
}
