//! What was fetched of a repository, kept between syncs so that the next one brings only what has changed: packs, and a note
//! of what they hold. It is a cache. Whatever is wrong with it, it is thrown away and fetched anew.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use git2::{ErrorClass, Indexer, Oid};

use super::attempt::Setback;
use super::client::Client;
use super::note::{Kept, Lock, Note};
use super::objects::{Damaged, Objects};
use super::prune::Live;
use super::refs::Capabilities;
use super::screen::{Screen, Screened};
use super::wish::Wish;
use crate::{Context, SourceError, Watch};

/// A mirror of more packs, or of more than twice the bytes that it began with, is fetched anew: each fetch adds a pack, and
/// folders that have changed stay in the older ones. Files do not: see [`prune`](super::prune).
const MOST_PACKS: usize = 24;
const MOST_GROWTH: u64 = 2;
/// So small a mirror may grow as it likes.
const FREE_BYTES: u64 = 8 << 20;

/// The folder of one source, held by one sync.
pub(super) struct Mirror<'a> {
    folder: &'a Path,
    url: String,
    omit_from: u64,
    most_bytes: u64,
    watch: &'a dyn Watch,
    _lock: Lock,
}

impl<'a> Mirror<'a> {
    pub(super) fn open(context: &Context<'a>, url: &str) -> Result<Self, SourceError> {
        fs::create_dir_all(context.folder)?;
        Ok(Self {
            folder: context.folder,
            url: url.to_owned(),
            omit_from: context.limits.file_bytes.saturating_add(1),
            most_bytes: context.settings.repository_bytes,
            watch: context.watch,
            _lock: Lock::of(context.folder)?,
        })
    }

    /// Has the commit's files here, fetching what is missing, and tells whether all of it was fetched just now.
    pub(super) fn update(
        &self,
        client: &Client<'_>,
        commit: Oid,
        capabilities: Capabilities,
    ) -> Result<(Objects, bool), Setback> {
        if let Some(note) = self.kept()? {
            if note.commit == commit.to_string() {
                if let Ok(objects) = self.objects(&note) {
                    return Ok((objects, false));
                }
            } else if !self.has_grown(&note) {
                match self.extend(client, commit, capabilities, note) {
                    // Perhaps what is here already is to blame.
                    Err(Setback::Damaged(_)) => {}
                    Err(Setback::Final(SourceError::Refused {
                        code: "too_large", ..
                    })) => {}
                    other => return other.map(|objects| (objects, false)),
                }
            }
        }
        Ok((self.renew(client, commit, capabilities)?, true))
    }

    /// Throws away what is here and fetches all of the commit.
    pub(super) fn renew(
        &self,
        client: &Client<'_>,
        commit: Oid,
        capabilities: Capabilities,
    ) -> Result<Objects, Setback> {
        match fs::remove_dir_all(self.place()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        fs::create_dir_all(self.packs())?;
        let wish = Wish {
            commit,
            have: None,
            omit_from: Some(self.omit_from),
            capabilities,
        };
        self.receive(client, &wish, self.most_bytes, None)?;
        let mut note = Note {
            url: self.url.clone(),
            commit: commit.to_string(),
            is_shallow: capabilities.shallow,
            omits_from: wish.omits(),
            fresh_bytes: 0,
            files: self.files(&[])?,
        };
        note.fresh_bytes = note.bytes();
        let objects = self.objects(&note).map_err(damaged)?;
        if !capabilities.shallow {
            // The server sent its history, and with it what was deleted long ago.
            match Live::of(&objects, commit, self.watch) {
                Ok(live) => return self.prune(note, &live, objects),
                Err(Setback::Damaged(_)) => {}
                Err(setback) => return Err(setback),
            }
        }
        self.write(&note)?;
        Ok(objects)
    }

    fn extend(
        &self,
        client: &Client<'_>,
        commit: Oid,
        capabilities: Capabilities,
        mut note: Note,
    ) -> Result<Objects, Setback> {
        let have = Oid::from_str(&note.commit).map_err(|_| damaged(Damaged))?;
        let wish = Wish {
            commit,
            have: Some((have, note.is_shallow)),
            omit_from: note.omits_from,
            capabilities,
        };
        let most = self.most_bytes.saturating_sub(note.bytes());
        let objects = self.objects(&note).map_err(damaged)?;
        self.receive(client, &wish, most, Some(&objects))?;
        drop(objects);
        note.commit = commit.to_string();
        note.is_shallow |= capabilities.shallow;
        note.files = self.files(&note.files)?;
        let objects = self.objects(&note).map_err(damaged)?;
        let live = Live::of(&objects, commit, self.watch)?;
        if live.lacks_some_of(&Live::of(&objects, have, self.watch)?) {
            return self.prune(note, &live, objects);
        }
        self.write(&note)?;
        Ok(objects)
    }

    /// Keeps what is live and throws away the rest. Until the note is written, what was here before is what is here.
    fn prune(&self, mut note: Note, live: &Live, objects: Objects) -> Result<Objects, Setback> {
        let indexed = |error: &git2::Error| self.indexed(error);
        let mut indexer = Indexer::new(None, &self.packs(), 0o600, false).map_err(|error| indexed(&error))?;
        live.write(&objects, self.omit_from, self.watch, &mut indexer)?;
        let name = indexer.commit().map_err(|error| indexed(&error))?;
        // libgit2 shares open packs by their path.
        drop(objects);
        note.omits_from = Some(self.omit_from);
        note.files = self.files(&[])?;
        note.files.retain(|file| file.name.contains(name.as_str()));
        note.fresh_bytes = note.bytes();
        self.write(&note)?;
        self.remove_unknown(&note)?;
        self.objects(&note).map_err(damaged)
    }

    /// Removes what the note does not name: what was pruned, or left by a sync that was killed.
    fn remove_unknown(&self, note: &Note) -> io::Result<()> {
        for name in self.names()?.iter().filter(|name| note.file(name).is_none()) {
            fs::remove_file(self.packs().join(name))?;
        }
        Ok(())
    }

    /// What the last sync left, if it is as it was left.
    fn kept(&self) -> Result<Option<Note>, SourceError> {
        let Some(note) = self.note() else {
            return Ok(None);
        };
        let is_ours = note.url == self.url && note.omits_from.is_none_or(|from| from == self.omit_from);
        if !is_ours {
            return Ok(None);
        }
        if self.names().is_err() {
            return Ok(None);
        }
        self.remove_unknown(&note)?;
        for file in &note.files {
            match Kept::look_at(&self.packs(), &file.name, self.watch) {
                Ok(found) if found == *file => {}
                Err(SourceError::Stopped) => return Err(SourceError::Stopped),
                _ => return Ok(None),
            }
        }
        Ok(Some(note))
    }

    fn note(&self) -> Option<Note> {
        let note = fs::read(self.place().join("note.json")).ok()?;
        serde_json::from_slice(&note).ok()
    }

    fn has_grown(&self, note: &Note) -> bool {
        let bytes = note.bytes();
        let allowed = note.fresh_bytes.saturating_mul(MOST_GROWTH).max(FREE_BYTES);
        note.packs() >= MOST_PACKS || bytes > allowed || bytes >= self.most_bytes
    }

    fn receive(
        &self,
        client: &Client<'_>,
        wish: &Wish,
        most: u64,
        base: Option<&Objects>,
    ) -> Result<(), Setback> {
        let indexed = |error: &git2::Error| self.indexed(error);
        let mut indexer = Indexer::new(base.map(Objects::odb), &self.packs(), 0o600, false)
            .map_err(|error| indexed(&error))?;
        let watch = self.watch;
        indexer.progress(move |_| !watch.is_stopped());
        let mut screen = Screen::new(self.most_bytes);
        client.fetch(wish, most, &mut |data| {
            if watch.is_stopped() {
                return Err(SourceError::Stopped.into());
            }
            screen.feed(data).map_err(|error| match error {
                Screened::Damaged => Setback::Damaged(error.to_string()),
                Screened::TooLarge(why) => SourceError::refused("too_large", why).into(),
            })?;
            indexer.write_all(data).map_err(|error| {
                match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                    Some(error) => self.indexed(error),
                    None => error.into(),
                }
            })
        })?;
        if !screen.is_whole() {
            return Err(client.broke_off());
        }
        if screen.objects() > 0 {
            indexer.commit().map_err(|error| indexed(&error))?;
        }
        Ok(())
    }

    fn indexed(&self, error: &git2::Error) -> Setback {
        if self.watch.is_stopped() {
            return SourceError::Stopped.into();
        }
        match error.class() {
            ErrorClass::Os | ErrorClass::Filesystem | ErrorClass::NoMemory => {
                io::Error::other(error.message().to_owned()).into()
            }
            _ => Setback::Damaged(format!("the pack that came is damaged: {}", error.message())),
        }
    }

    fn objects(&self, note: &Note) -> Result<Objects, Damaged> {
        Objects::open(&self.place(), note.omits_from)
    }

    /// What lies here now; files that are known have not changed.
    fn files(&self, known: &[Kept]) -> Result<Vec<Kept>, SourceError> {
        let names = self.names()?.into_iter();
        names
            .map(|name| match known.iter().find(|file| file.name == name) {
                Some(file) => Ok(file.clone()),
                None => Kept::look_at(&self.packs(), &name, self.watch),
            })
            .collect()
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let files = fs::read_dir(self.packs())?;
        let names = files.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<io::Result<Vec<String>>>()?;
        names.sort();
        Ok(names)
    }

    fn write(&self, note: &Note) -> io::Result<()> {
        let text = serde_json::to_vec(note)?;
        let (new, place) = (self.place().join("note.json.new"), self.place().join("note.json"));
        fs::write(&new, text)?;
        fs::rename(new, place)
    }

    /// What git calls `objects`.
    fn place(&self) -> PathBuf {
        self.folder.join("objects")
    }

    fn packs(&self) -> PathBuf {
        self.place().join("pack")
    }
}

/// Removes the mirror that a source had before it was moved to a folder of this machine.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder.join("objects")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn damaged(error: Damaged) -> Setback {
    Setback::Damaged(error.to_string())
}
