//! Who may use a knowledge base: its members, and the bots that it is opened to.

use std::sync::Arc;

use nexus_domain::{Access, Action, Bot, BotId, Clock, KbRole, KnowledgeBase, TargetKind, UserId};
use nexus_storage::{Db, MemberRow};

use super::ServiceError;
use super::audit::Change;

#[derive(Clone, Debug)]
pub struct Sharing {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Sharing {
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    pub async fn members(
        &self,
        kb: &KnowledgeBase,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<MemberRow>, ServiceError> {
        Ok(self.db.members().list(kb.id, after, limit).await?)
    }

    pub async fn set_member(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        user: UserId,
        role: KbRole,
    ) -> Result<MemberRow, ServiceError> {
        let person = self.db.users().get(user).await?;
        let person = person.ok_or(ServiceError::NotFound("user"))?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let before = tx.members().set(kb.id, user, role, now).await?;
        Change::new(Action::MemberSet, TargetKind::User, user)
            .of_kb(Some(kb.id))
            .with("role", role.as_str())
            .with_some("before", before.map(KbRole::as_str))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(MemberRow {
            user: person,
            role,
            created_at: now,
        })
    }

    pub async fn remove_member(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        user: UserId,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let before = tx.members().remove(kb.id, user).await?;
        let before = before.ok_or(ServiceError::NotFound("member"))?;
        Change::new(Action::MemberRemove, TargetKind::User, user)
            .of_kb(Some(kb.id))
            .with("before", before.as_str())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn bots(&self, kb: &KnowledgeBase) -> Result<Vec<Bot>, ServiceError> {
        Ok(self.db.kb_bots().list(kb.id).await?)
    }

    /// Opens the knowledge base to everybody who uses the bot. Doing it again changes nothing.
    pub async fn add_bot(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        bot: BotId,
    ) -> Result<Bot, ServiceError> {
        let found = self
            .db
            .bots()
            .get(bot)
            .await?
            .ok_or(ServiceError::NotFound("bot"))?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if tx.kb_bots().add(kb.id, bot, now).await? {
            Change::new(Action::KbBotAdd, TargetKind::Bot, bot)
                .of_kb(Some(kb.id))
                .record(&mut tx, access, now)
                .await?;
        }
        tx.commit().await?;
        Ok(found)
    }

    pub async fn remove_bot(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        bot: BotId,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.kb_bots().remove(kb.id, bot).await? {
            return Err(ServiceError::NotFound("bot"));
        }
        Change::new(Action::KbBotRemove, TargetKind::Bot, bot)
            .of_kb(Some(kb.id))
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
