//! Updates that end without anybody's rights: of people and bots that are turned away, and of chats that are left or move.

use nexus_domain::{ChatKind, ChatState, Content, Delivery, Event, Language, Say, Update, UpdateState};

use super::write::{begun, blank};
use super::{HeldChat, NotHandled, Replies};
use crate::service::Refusal;
use crate::service::outbox::move_chat;

impl Replies {
    /// The person is blocked, or the bot is turned off: they are told in a private chat, and nothing is done.
    pub(super) async fn refuse(
        &self,
        held: &HeldChat,
        update: &Update,
        refusal: Refusal,
    ) -> Result<(), NotHandled> {
        if held.chat.kind != ChatKind::Private || matches!(update.event, Event::Joined) {
            return self.end(held, update, None).await;
        }
        let tag = update
            .person
            .as_ref()
            .and_then(|person| person.language_code.as_deref());
        let language = Language::for_tag(tag.unwrap_or_default());
        let content = self.present.error(refusal.into(), &update.trace_id, None);
        self.end(held, update, Some((content, language))).await
    }

    pub(super) async fn left(&self, held: &HeldChat, update: &Update) -> Result<(), NotHandled> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.chats().set_state(held.chat.id, ChatState::Left).await?;
        tx.deliveries().drop_of_chat(held.chat.id, now).await?;
        tx.conversations().delete_of_chat(held.chat.id).await?;
        tx.standing_questions().delete_of_chat(held.chat.id).await?;
        tx.commit().await?;
        self.end(held, update, None).await
    }

    pub(super) async fn migrated(&self, held: &HeldChat, update: &Update, to: i64) -> Result<(), NotHandled> {
        let mut tx = self.db.begin().await?;
        move_chat(&mut tx, held.chat.bot_id, held.chat.id, to, self.clock.now()).await?;
        tx.commit().await?;
        self.end(held, update, None).await
    }

    /// Ends an update that needs nobody's rights, perhaps with a word.
    pub(super) async fn end(
        &self,
        held: &HeldChat,
        update: &Update,
        word: Option<(Content, Language)>,
    ) -> Result<(), NotHandled> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.chats().fence(held.chat.id, held.token).await? {
            return Err(NotHandled::LeaseLost);
        }
        match (begun(&mut tx, update, &[]).await?, word) {
            (Some(begun), word) => {
                let content = word.map_or(Content::say(Say::Cancelled), |(content, _)| content);
                tx.deliveries().write(begun, &content, &[], now).await?;
            }
            (None, Some((content, language))) => {
                let delivery = Delivery {
                    content: Some(content),
                    ..blank(held, update, language, now)
                };
                tx.deliveries().insert(&delivery, None).await?;
            }
            (None, None) => {}
        }
        tx.updates()
            .finish(update.id, UpdateState::Handled, None, now)
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(())
    }
}
