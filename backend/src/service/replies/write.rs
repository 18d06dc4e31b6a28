//! The rows that the end of an update writes.

use nexus_domain::subscription::{Part, merged};
use nexus_domain::{
    Content, Delivery, DeliveryId, DeliveryState, Language, Priority, Say, ShownPassage, Timestamp, Update,
};
use nexus_storage::{ButtonRow, ShownBy, StorageError, Tx};
use serde_json::Value;

use super::{HeldChat, NotHandled, Turn};
use crate::service::ServiceError;

/// A reply to the update that says nothing yet.
pub(super) fn blank(held: &HeldChat, update: &Update, language: Language, now: Timestamp) -> Delivery {
    let place = (held.chat.bot_id, held.chat.id);
    Delivery {
        update_id: Some(update.update_id),
        topic_id: update.topic_id,
        reply_to: update.message_id,
        ..Delivery::new(place, Priority::Answer, language, update.trace_id.clone(), now)
    }
}

/// The answer to the update that was begun and is not among these.
pub(super) async fn begun(
    tx: &mut Tx,
    update: &Update,
    known: &[DeliveryId],
) -> Result<Option<DeliveryId>, NotHandled> {
    let answers = tx.deliveries().of_update(update.bot_id, update.update_id).await?;
    let begun = answers
        .into_iter()
        .find(|answer| answer.state == DeliveryState::Writing && !known.contains(&answer.id));
    Ok(begun.map(|answer| answer.id))
}

/// Remembers what a message shows; where some of it was deleted while it was written, it says that instead.
pub(super) async fn note_shown(
    tx: &mut Tx,
    delivery: DeliveryId,
    passages: &[ShownPassage],
    now: Timestamp,
) -> Result<(), StorageError> {
    if !tx.shown_passages().put(delivery, passages).await? {
        let content = Content::say(Say::TextDeleted);
        tx.shown_passages()
            .erase(&[ShownBy::Message(delivery)], &content, now)
            .await?;
    }
    Ok(())
}

pub(super) async fn insert_buttons(tx: &mut Tx, buttons: &[ButtonRow]) -> Result<(), NotHandled> {
    for button in buttons {
        tx.buttons().insert(button).await?;
    }
    Ok(())
}

/// Merges a patch into the person's settings as they are now.
pub(super) async fn set_settings(tx: &mut Tx, turn: &Turn<'_>, patch: &Value) -> Result<(), NotHandled> {
    let found = tx.subscriptions().get(turn.subscription.id).await?;
    let Some(subscription) = found else {
        return Ok(());
    };
    let settings =
        merged(&subscription.settings, patch).map_err(|error| ServiceError::invalid("settings", error))?;
    let version = subscription.settings_version;
    let set = tx
        .subscriptions()
        .set_part(subscription.id, Part::Settings, &settings, version)
        .await?;
    match set {
        Some(_) => Ok(()),
        None => Err(ServiceError::Unavailable("the settings have just changed".into()).into()),
    }
}
