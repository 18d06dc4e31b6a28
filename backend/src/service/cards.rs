//! Cards of tasks: messages that tell how an upload goes, and say something else whenever it does.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{
    Button, ButtonAction, Clock, Content, Delivery, DeliveryState, Keyboard, Label, Priority, Task,
    TaskState, Timestamp,
};
use nexus_storage::{ButtonRow, Db, Tx};
use uuid::Uuid;

use super::replies::takes_notices;
use super::{Presenter, ServiceError, Signals};

/// Between two looks at a task.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The same where somebody has to do something first; its buttons look at once.
const LOOK_AT_PAUSED_EVERY: Duration = Duration::from_secs(60);
/// Between two edits of a card that only counts on.
const EDIT_EVERY: Duration = Duration::from_secs(5);
/// Cards that are looked at together.
const BATCH: usize = 50;
/// Problems that a card carries.
const PROBLEMS: usize = 5;
/// Whoever waits longer than this for a task is told of its end by a message of its own: an edit rings no bell.
const LONG: Duration = Duration::from_secs(60);
const BUTTON_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Clone, Debug)]
pub struct Cards {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
    pub present: Presenter,
}

impl Cards {
    /// Looks at the tasks whose time has come.
    pub async fn look(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut was_edited = false;
        for card in self.db.deliveries().to_look_at(now, BATCH).await? {
            let id = card.id;
            match self.look_at(card, now).await {
                Ok(edited) => was_edited |= edited,
                // One that cannot be looked at must not hide the others.
                Err(error) => {
                    tracing::warn!(%error, delivery = %id, "a card could not be brought up to date");
                    let mut tx = self.db.begin().await?;
                    let later = now.plus(LOOK_AT_PAUSED_EVERY);
                    tx.deliveries().look_again(id, Some(later)).await?;
                    tx.commit().await?;
                }
            }
        }
        if was_edited {
            self.signals.deliveries();
        }
        Ok(())
    }

    /// Whether it says something else now.
    async fn look_at(&self, card: Delivery, now: Timestamp) -> Result<bool, ServiceError> {
        let task = match card.task_id {
            Some(task) => self.db.tasks().get(task).await?,
            None => None,
        };
        let mut tx = self.db.begin().await?;
        // As it is with the row in hand: another process may have looked, too.
        let Some(card) = tx.deliveries().lock(card.id).await? else {
            return Ok(false);
        };
        let is_shown = matches!(card.state, DeliveryState::Sent | DeliveryState::Pending);
        let Some(task) = task.filter(|_| is_shown) else {
            tx.deliveries().look_again(card.id, None).await?;
            tx.commit().await?;
            return Ok(false);
        };
        let is_over = matches!(
            task.state,
            TaskState::Succeeded | TaskState::Failed | TaskState::Cancelled
        );
        let pause = match task.state {
            TaskState::Paused => LOOK_AT_PAUSED_EVERY,
            _ => LOOK_EVERY,
        };
        let again = (!is_over).then(|| now.plus(pause));
        let state = task.state;
        let was_long = now.since(task.created_at) > LONG;
        let content = self.content(&mut tx, &card, task, now).await?;
        let is_edited = is_worth_an_edit(card.content.as_ref(), &content, now.since(card.updated_at));
        if is_edited {
            tx.deliveries().write(card.id, &content, &card.kbs, now).await?;
            if was_long && matches!(state, TaskState::Succeeded | TaskState::Failed) {
                self.ring(&mut tx, &card, content, now).await?;
            }
        }
        tx.deliveries().look_again(card.id, again).await?;
        tx.commit().await?;
        Ok(is_edited)
    }

    async fn content(
        &self,
        tx: &mut Tx,
        card: &Delivery,
        task: Task,
        now: Timestamp,
    ) -> Result<Content, ServiceError> {
        let problems = tx.tasks().problems(task.id, None, PROBLEMS).await?;
        let wanted = match task.state {
            TaskState::Queued | TaskState::Running => {
                Some((Label::Cancel, ButtonAction::CancelTask { task: task.id }))
            }
            TaskState::Paused | TaskState::Failed | TaskState::Cancelled => {
                Some((Label::Retry, ButtonAction::RetryTask { task: task.id }))
            }
            TaskState::Succeeded => None,
        };
        let keyboard = keyboard(tx, card, wanted, now).await?;
        Ok(Content::TaskCard {
            task: (self.present.task)(task),
            name: card.file_name.clone().unwrap_or_default(),
            problems: problems
                .into_iter()
                .map(|row| (self.present.problem)(row.problem))
                .collect(),
            keyboard,
        })
    }

    /// A message of its own, for those who take notices.
    async fn ring(
        &self,
        tx: &mut Tx,
        card: &Delivery,
        content: Content,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let Some(user) = card.user_id else { return Ok(()) };
        let subscription = tx.subscriptions().by(user, card.bot_id).await?;
        if !subscription.is_some_and(|subscription| takes_notices(&subscription)) {
            return Ok(());
        }
        let mut content = content;
        if let Content::TaskCard { keyboard, .. } = &mut content {
            *keyboard = Keyboard::default();
        }
        let place = (card.bot_id, card.chat_id);
        let notice = Delivery {
            user_id: card.user_id,
            topic_id: card.topic_id,
            reply_to: card.reply_to,
            content: Some(content),
            kbs: card.kbs.clone(),
            ..Delivery::new(place, Priority::Notice, card.language, card.trace_id.clone(), now)
        };
        tx.deliveries().insert(&notice, None).await?;
        Ok(())
    }
}

/// The button that fits, the one that stands there if it does.
async fn keyboard(
    tx: &mut Tx,
    card: &Delivery,
    wanted: Option<(Label, ButtonAction)>,
    now: Timestamp,
) -> Result<Keyboard, ServiceError> {
    let stands = match &card.content {
        Some(Content::TaskCard { keyboard, .. }) => keyboard.clone(),
        _ => Keyboard::default(),
    };
    let label = stands
        .0
        .first()
        .and_then(|row| row.first())
        .map(|button| &button.label);
    if label == wanted.as_ref().map(|(label, _)| label) {
        return Ok(stands);
    }
    tx.buttons().delete_of(card.id).await?;
    let Some((label, action)) = wanted else {
        return Ok(Keyboard::default());
    };
    let token = Uuid::new_v4().simple().to_string();
    tx.buttons()
        .insert(&ButtonRow {
            token: token.clone(),
            chat_id: card.chat_id,
            user_id: card.user_id,
            delivery_id: card.id,
            action,
            expires_at: now.plus(BUTTON_LIFE),
        })
        .await?;
    Ok(Keyboard(vec![vec![Button { label, token }]]))
}

/// Another state is told at once, a higher count now and then.
fn is_worth_an_edit(old: Option<&Content>, new: &Content, since: Duration) -> bool {
    let state = |content: &Content| match content {
        Content::TaskCard { task, .. } => task.get("state").cloned(),
        _ => None,
    };
    let Some(old) = old else { return true };
    state(old) != state(new) || old != new && since >= EDIT_EVERY
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card(state: &str, done: u64) -> Content {
        Content::TaskCard {
            task: json!({"state": state, "done": done}),
            name: "docs.zip".to_owned(),
            problems: Vec::new(),
            keyboard: Keyboard::default(),
        }
    }

    #[test]
    fn a_card_that_only_counts_on_is_edited_now_and_then() {
        let (soon, late) = (Duration::from_secs(1), Duration::from_secs(9));
        let old = card("running", 1);
        assert!(is_worth_an_edit(None, &old, soon));
        assert!(is_worth_an_edit(Some(&old), &card("succeeded", 1), soon));
        assert!(!is_worth_an_edit(Some(&old), &card("running", 2), soon));
        assert!(is_worth_an_edit(Some(&old), &card("running", 2), late));
        assert!(!is_worth_an_edit(Some(&old), &old, late));
    }
}
