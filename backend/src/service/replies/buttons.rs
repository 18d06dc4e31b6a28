//! Buttons: what their rows say is done, with the rights of whoever presses, as they are now.

use nexus_domain::{
    ButtonAction, Content, Delivery, DeliveryId, DocumentId, Feedback, FeedbackReason, KbId, KbRole,
    Keyboard, Label, Language, Say, Scope, ShownPassage, Style, Task, TaskId, Verdict,
};
use nexus_rag::Mode;
use nexus_storage::ButtonRow;
use serde_json::Value;

use super::commands::{rewritten, shown_wish};
use super::keyboard::{Rows, keyboard_of};
use super::questions::PASSAGES;
use super::{DialogueChange, Done, Message, NotHandled, Replies, Rewritten, Turn, settings};
use crate::service::{SearchInput, ServiceError};

/// Further passages that are shown at once.
const MORE: usize = 3;
const REASONS: [FeedbackReason; 6] = [
    FeedbackReason::Wrong,
    FeedbackReason::Incomplete,
    FeedbackReason::Outdated,
    FeedbackReason::WrongSource,
    FeedbackReason::Unclear,
    FeedbackReason::Other,
];

impl Replies {
    pub(super) async fn button(&self, turn: &Turn<'_>, token: &str) -> Result<Done, NotHandled> {
        let row = self.db.buttons().get(token).await?;
        let row = row.filter(|row| row.chat_id == turn.held.chat.id && row.expires_at > self.clock.now());
        let Some(row) = row else {
            return Ok(Done::say(Say::ButtonExpired));
        };
        // Somebody else's menu.
        if row.user_id.is_some_and(|user| user != turn.user.id) {
            return Ok(Done::nothing());
        }
        let Some(message) = self.db.deliveries().get(row.delivery_id).await? else {
            return Ok(Done::say(Say::ButtonExpired));
        };
        match row.action.clone() {
            ButtonAction::ShowPassage { number } => self.passage(turn, &message, number).await,
            ButtonAction::More => self.more(turn, &message).await,
            ButtonAction::Rate { verdict, reason, of } => Ok(rated(&message, verdict, reason, of)),
            ButtonAction::SwitchKb { kb } => self.switch_kb(turn, &message, kb).await,
            ButtonAction::AskAllKbs => self.choose_kbs(turn, &message, &[]).await,
            ButtonAction::KbsDone => self.kbs_done(turn, &message).await,
            ButtonAction::SetLanguage { language } => Ok(language_set(&message, language)),
            ButtonAction::SwitchNotices => Ok(notices_switched(turn, message)),
            ButtonAction::SetStyle { style } => Ok(style_set(turn, message, style)),
            ButtonAction::TakeFile {
                kb,
                file_id,
                file_unique_id,
                file_name,
            } => {
                self.take_file(turn, message.id, kb, (&file_id, &file_unique_id, &file_name))
                    .await
            }
            ButtonAction::Cancel => Ok(closed(turn, &message)),
            ButtonAction::CancelTask { task } => self.cancel_task(turn, &row, task).await,
            ButtonAction::RetryTask { task } => self.retry_task(turn, &row, task).await,
        }
    }

    /// The passage behind a citation, if the document is still there and open to whoever asks.
    async fn passage(&self, turn: &Turn<'_>, message: &Delivery, number: u32) -> Result<Done, NotHandled> {
        let passage = match &message.content {
            Some(Content::Answer { answer, .. }) => cited(answer, number),
            _ => None,
        };
        let Some(passage) = passage else {
            return Ok(Done::say(Say::ButtonExpired));
        };
        let kb: Option<KbId> = id_in(&passage, "knowledge_base_id");
        let document: Option<DocumentId> = id_in(&passage, "document_id");
        let (Some(kb), Some(document)) = (kb, document) else {
            return Ok(Done::say(Say::ButtonExpired));
        };
        self.documents.get(&turn.access, document).await?;
        Ok(Done::message(Message {
            passages: shown(&passage).into_iter().collect(),
            content: Content::Passages {
                passages: vec![passage],
                keyboard: Keyboard::default(),
            },
            kbs: vec![kb],
            rows: Rows::default(),
        }))
    }

    /// What else fits the question, beyond what the answer has cited.
    async fn more(&self, turn: &Turn<'_>, message: &Delivery) -> Result<Done, NotHandled> {
        let (Some(question), Some(Content::Answer { answer, .. })) = (&message.question, &message.content)
        else {
            return Ok(Done::say(Say::ButtonExpired));
        };
        let Some(chosen) = self.chosen(turn).await? else {
            return Ok(Done::say(Say::KbGone));
        };
        let input = SearchInput {
            text: understood(answer).unwrap_or(question).to_owned(),
            history: Vec::new(),
            knowledge_bases: chosen,
            mode: Mode::Hybrid,
            limit: PASSAGES,
            distinct_documents: false,
        };
        let found = self.questions.search(&turn.access, input).await?;
        let cited: Vec<_> = citations(answer)
            .filter_map(|citation| citation.get("passage")?.get("chunk_id")?.as_str())
            .collect();
        let passages: Vec<_> = (self.present.passages)(found)
            .into_iter()
            .filter(|passage| {
                let chunk = passage.get("chunk_id").and_then(Value::as_str);
                chunk.is_some_and(|chunk| !cited.contains(&chunk))
            })
            .take(MORE)
            .collect();
        if passages.is_empty() {
            return Ok(Done::say(Say::NoMore));
        }
        let kbs = passages
            .iter()
            .filter_map(|passage| id_in(passage, "knowledge_base_id"))
            .collect();
        Ok(Done::message(Message {
            passages: passages.iter().filter_map(shown).collect(),
            content: Content::Passages {
                passages,
                keyboard: Keyboard::default(),
            },
            kbs,
            rows: Rows::default(),
        }))
    }

    async fn switch_kb(&self, turn: &Turn<'_>, menu: &Delivery, kb: KbId) -> Result<Done, NotHandled> {
        if !turn.access.sees(kb) {
            return Ok(Done::say(Say::KbGone));
        }
        let mut chosen = settings::chosen_kbs(&turn.subscription);
        if chosen.contains(&kb) {
            chosen.retain(|other| *other != kb);
        } else {
            chosen.push(kb);
        }
        self.choose_kbs(turn, menu, &chosen).await
    }

    /// Sets the choice and shows it on the buttons that stand there, but for those of knowledge bases that were lost since.
    async fn choose_kbs(
        &self,
        turn: &Turn<'_>,
        menu: &Delivery,
        chosen: &[KbId],
    ) -> Result<Done, NotHandled> {
        let left = self.knowledge_bases.among(&turn.access, chosen).await?.filter;
        let chosen: Vec<_> = left.kbs().collect();
        let Some(mut content) = menu.content.clone() else {
            return Ok(Done::nothing());
        };
        let mut named = Vec::new();
        for button in buttons_of(&mut content) {
            let action = self.db.buttons().get(&button.token).await?.map(|row| row.action);
            match (&mut button.label, action) {
                (Label::KnowledgeBase { chosen: mark, .. }, Some(ButtonAction::SwitchKb { kb })) => {
                    *mark = Some(chosen.contains(&kb));
                    named.push((kb, button.token.clone()));
                }
                (Label::AllKnowledgeBases { chosen: mark }, _) => *mark = chosen.is_empty(),
                _ => {}
            }
        }
        let kbs: Vec<_> = named.iter().map(|(kb, _)| *kb).collect();
        let seen = self.knowledge_bases.among(&turn.access, &kbs).await?.filter;
        named.retain(|(kb, _)| !seen.contains(*kb));
        if let Some(Keyboard(rows)) = keyboard_of(&mut content) {
            rows.retain(|row| {
                let mut buttons = row.iter();
                !buttons.any(|button| named.iter().any(|(_, lost)| *lost == button.token))
            });
        }
        Ok(Done {
            settings: Some(settings::kbs_patch(&chosen)),
            rewritten: vec![Rewritten {
                id: menu.id,
                content,
                kbs: seen.kbs().collect(),
                passages: Vec::new(),
                rows: None,
            }],
            ..Done::default()
        })
    }

    async fn kbs_done(&self, turn: &Turn<'_>, menu: &Delivery) -> Result<Done, NotHandled> {
        let chosen = settings::chosen_kbs(&turn.subscription);
        let left = self.knowledge_bases.among(&turn.access, &chosen).await?.filter;
        let names = self.names_of(&left).await?;
        Ok(ended(Rewritten {
            kbs: left.kbs().collect(),
            passages: Vec::new(),
            ..rewritten(menu.id, Say::KbChosen { names })
        }))
    }

    async fn cancel_task(&self, turn: &Turn<'_>, row: &ButtonRow, task: TaskId) -> Result<Done, NotHandled> {
        let task = self.tasks.get(&turn.access, task).await?;
        self.may_steer(turn, &task)?;
        let cancelled = self.tasks.cancel(&turn.access, &task).await;
        self.look_now(row).await?;
        done_before(turn, cancelled)?;
        Ok(Done::say(Say::TaskCancelAsked))
    }

    async fn retry_task(&self, turn: &Turn<'_>, row: &ButtonRow, task: TaskId) -> Result<Done, NotHandled> {
        let task = self.tasks.get(&turn.access, task).await?;
        self.may_steer(turn, &task)?;
        let resumed = self.tasks.resume(&turn.access, &task).await;
        self.look_now(row).await?;
        done_before(turn, resumed)?;
        Ok(Done::say(Say::TaskRetryAsked))
    }

    #[expect(clippy::unused_self, reason = "reads as one of the checks of this service")]
    fn may_steer(&self, turn: &Turn<'_>, task: &nexus_domain::Task) -> Result<(), NotHandled> {
        let kb = task.kb_id.ok_or(ServiceError::NotFound("task"))?;
        turn.access
            .require_in(kb, KbRole::Editor, Scope::Ingest)
            .map_err(ServiceError::from)?;
        Ok(())
    }

    /// The card shows what becomes of it.
    async fn look_now(&self, row: &ButtonRow) -> Result<(), NotHandled> {
        let mut tx = self.db.begin().await?;
        tx.deliveries()
            .look_again(row.delivery_id, Some(self.clock.now()))
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// An earlier attempt may have steered the task and died before it could say so.
fn done_before(turn: &Turn<'_>, steered: Result<Task, ServiceError>) -> Result<(), ServiceError> {
    match steered {
        Err(ServiceError::TaskState(_)) if turn.update.attempts > 0 => Ok(()),
        steered => steered.map(drop),
    }
}

/// A verdict; a bad one without a reason is asked for it.
fn rated(
    message: &Delivery,
    verdict: Verdict,
    reason: Option<FeedbackReason>,
    of: Option<DeliveryId>,
) -> Done {
    let answer = of.unwrap_or(message.id);
    let feedback = Some((answer, Feedback { verdict, reason }));
    if verdict == Verdict::Bad && reason.is_none() {
        let rows = REASONS.map(|reason| {
            let action = ButtonAction::Rate {
                verdict,
                reason: Some(reason),
                of: Some(answer),
            };
            vec![(Label::Reason { reason }, action)]
        });
        return Done {
            feedback,
            ..Done::message(Message {
                rows: Rows::new(rows.into()),
                ..Message::say(Say::FeedbackWhy)
            })
        };
    }
    if of.is_some() {
        // The question after the reason becomes the thanks.
        return Done {
            feedback,
            rewritten: vec![rewritten(message.id, Say::FeedbackThanks)],
            ..Done::default()
        };
    }
    Done {
        feedback,
        ..Done::say(Say::FeedbackThanks)
    }
}

fn language_set(menu: &Delivery, language: Option<Language>) -> Done {
    Done {
        settings: Some(settings::language_patch(language)),
        ..ended(rewritten(menu.id, Say::LanguageChosen { language }))
    }
}

/// The same menu with the other sign on its button.
fn notices_switched(turn: &Turn<'_>, menu: Delivery) -> Done {
    let on = !settings::takes_notices(&turn.subscription);
    let told = |say: &mut Say| {
        if let Say::Settings { notices, .. } = say {
            *notices = on;
        }
    };
    let marked = |label: &mut Label| {
        if let Label::Notices { on: mark } = label {
            *mark = on;
        }
    };
    retold(turn, menu, settings::notices_patch(on), told, marked)
}

/// The same menu with the mark on another style.
fn style_set(turn: &Turn<'_>, menu: Delivery, set: Style) -> Done {
    let told = |say: &mut Say| {
        if let Say::Settings { style, .. } = say {
            *style = Some(set);
        }
    };
    let marked = |label: &mut Label| {
        if let Label::Style { style, chosen } = label {
            *chosen = *style == set;
        }
    };
    retold(turn, menu, settings::style_patch(set), told, marked)
}

/// A menu of settings that stays open and shows what was changed.
fn retold(
    turn: &Turn<'_>,
    menu: Delivery,
    patch: Value,
    told: impl Fn(&mut Say),
    marked: impl Fn(&mut Label),
) -> Done {
    let Some(mut content) = menu.content else {
        return Done::nothing();
    };
    if let Content::Say { say, .. } = &mut content {
        told(say);
        wish_as_it_is(turn, say);
    }
    for button in buttons_of(&mut content) {
        marked(&mut button.label);
    }
    Done {
        settings: Some(patch),
        rewritten: vec![Rewritten {
            id: menu.id,
            content,
            kbs: Vec::new(),
            passages: Vec::new(),
            rows: None,
        }],
        ..Done::default()
    }
}

/// The menu may be older than the wish, and than its end.
fn wish_as_it_is(turn: &Turn<'_>, say: &mut Say) {
    if let Say::Settings { instructions, .. } = say {
        *instructions = shown_wish(turn);
    }
}

/// A menu that is put away: settings stay as they are, everything else is cancelled.
fn closed(turn: &Turn<'_>, menu: &Delivery) -> Done {
    let mut say = match &menu.content {
        Some(Content::Say {
            say: say @ Say::Settings { .. },
            ..
        }) => say.clone(),
        _ => Say::Cancelled,
    };
    wish_as_it_is(turn, &mut say);
    ended(rewritten(menu.id, say))
}

fn ended(rewritten: Rewritten) -> Done {
    Done {
        rewritten: vec![rewritten],
        dialogue: DialogueChange::Ends,
        ..Done::default()
    }
}

fn buttons_of(content: &mut Content) -> impl Iterator<Item = &mut nexus_domain::Button> {
    keyboard_of(content)
        .into_iter()
        .flat_map(|keyboard| keyboard.0.iter_mut().flatten())
}

/// The question as it stands alone, where it was not asked so.
fn understood(answer: &Value) -> Option<&str> {
    answer.get("retrieval")?.get("question")?.as_str()
}

fn citations(answer: &Value) -> impl Iterator<Item = &Value> {
    answer
        .get("citations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn cited(answer: &Value, number: u32) -> Option<Value> {
    let citation = citations(answer)
        .find(|citation| citation.get("number").and_then(Value::as_u64) == Some(u64::from(number)))?;
    citation.get("passage").cloned()
}

fn shown(passage: &Value) -> Option<ShownPassage> {
    Some(ShownPassage {
        chunk: id_in(passage, "chunk_id")?,
        document: id_in(passage, "document_id")?,
        kb: id_in(passage, "knowledge_base_id")?,
    })
}

fn id_in<T: std::str::FromStr>(value: &Value, field: &str) -> Option<T> {
    value.get(field)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn more_is_looked_for_as_the_question_was_understood() {
        let answer = json!({"retrieval": {"question": "How do I install it on Windows?"}});
        assert_eq!(understood(&answer), Some("How do I install it on Windows?"));
        assert_eq!(understood(&json!({"retrieval": {}})), None);
    }
}
