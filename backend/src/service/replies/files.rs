//! Files: an editor picks a knowledge base, the bot brings the file, and its task shows how it goes.

use nexus_domain::{
    ButtonAction, Content, DeliveryId, Event, KbId, KbRole, Label, Say, Scope, TaskId, TaskPayload, TaskState,
};

use super::commands::menu;
use super::keyboard::Rows;
use super::{DialogueChange, Done, NotHandled, Replies, Rewritten, Turn};

/// Endings of names that are read as archives; everything else goes in as a file.
const ARCHIVES: [&str; 11] = [
    ".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".7z", ".tar.zst", ".tzst",
];

fn is_archive(name: &str) -> bool {
    let name = name.to_lowercase();
    ARCHIVES.iter().any(|ending| name.ends_with(ending))
}

impl Replies {
    pub(super) async fn file(&self, turn: &Turn<'_>) -> Result<Done, NotHandled> {
        let Event::File {
            file_id,
            file_unique_id,
            file_name,
            is_too_large,
            limit_megabytes,
            ..
        } = &turn.update.event
        else {
            return Ok(Done::nothing());
        };
        let kbs = self.visible_kbs(turn, KbRole::Editor).await?;
        if kbs.is_empty() {
            return Ok(Done::say(Say::FileNoKb));
        }
        if *is_too_large {
            return Ok(Done::say(Say::FileTooLarge {
                limit_megabytes: *limit_megabytes,
            }));
        }
        let mut rows: Vec<Vec<_>> = kbs
            .into_iter()
            .map(|(kb, name)| {
                let action = ButtonAction::TakeFile {
                    kb,
                    file_id: file_id.clone(),
                    file_unique_id: file_unique_id.clone(),
                    file_name: file_name.clone(),
                };
                vec![(Label::KnowledgeBase { name, chosen: None }, action)]
            })
            .collect();
        rows.push(vec![(Label::Cancel, ButtonAction::Cancel)]);
        Ok(menu(
            Say::FileAskKb {
                file: file_name.clone(),
            },
            rows,
        ))
    }

    /// A knowledge base was picked: the file is brought, unless it was before.
    pub(super) async fn take_file(
        &self,
        turn: &Turn<'_>,
        menu: DeliveryId,
        kb: KbId,
        (file_id, file_unique_id, file_name): (&str, &str, &str),
    ) -> Result<Done, NotHandled> {
        turn.access
            .require_in(kb, KbRole::Editor, Scope::Ingest)
            .map_err(crate::service::ServiceError::from)?;
        let known = self.db.telegram_files().task(kb, file_unique_id).await?;
        let content = match known {
            Some(task) if self.is_taken_in(task).await? => Content::say(Say::FileKnown),
            _ => Content::FetchFile {
                file_id: file_id.to_owned(),
                file_unique_id: file_unique_id.to_owned(),
                file_name: file_name.to_owned(),
                is_archive: is_archive(file_name),
                knowledge_base_id: kb,
                telegram_user_id: turn.user.person.telegram_id.get(),
            },
        };
        let rewritten = Rewritten {
            id: menu,
            content,
            // Of the card, too, that the message becomes.
            kbs: vec![kb],
            passages: Vec::new(),
            rows: Some(Rows::default()),
        };
        Ok(Done {
            rewritten: vec![rewritten],
            dialogue: DialogueChange::Ends,
            ..Done::default()
        })
    }

    /// Whether the task is about to read its file, or what it has read is still there.
    async fn is_taken_in(&self, task: TaskId) -> Result<bool, NotHandled> {
        let Some(task) = self.db.tasks().get(task).await? else {
            return Ok(false);
        };
        let (Some(kb), TaskPayload::IngestUpload { source_id, .. }) = (task.kb_id, &task.payload) else {
            return Ok(false);
        };
        match task.state {
            TaskState::Queued | TaskState::Running | TaskState::Paused => Ok(true),
            TaskState::Failed | TaskState::Cancelled => Ok(false),
            TaskState::Succeeded => {
                let sources = self.db.sources().list(kb).await?;
                let mut of_it = sources.iter().filter(|summary| summary.source.id == *source_id);
                Ok(of_it.any(|summary| summary.documents > 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_their_names() {
        for name in ["Docs.ZIP", "a.tar.gz", "вики.7z", "x.tbz2"] {
            assert!(is_archive(name), "{name}");
        }
        for name in ["readme.md", "zip", "a.zip.txt", ""] {
            assert!(!is_archive(name), "{name}");
        }
    }
}
