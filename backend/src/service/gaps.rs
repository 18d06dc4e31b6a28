//! What a knowledge base was asked and could not answer, put together by likeness. Made of the answers that are kept, whoever
//! asked and by whatever way.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use nexus_domain::{Access, AnswerId, ApiKeyId, BotId, KnowledgeBase, Role, Scope, Timestamp, UserId};
use nexus_rag::likeness::grouped;
use nexus_storage::{Db, RefusedQuestion};
use serde::{Deserialize, Serialize};

use super::{Answers, ServiceError};

/// The latest refusals that are looked at.
const REFUSALS: usize = 2_000;

#[derive(Clone, Debug)]
pub struct Gaps {
    pub db: Db,
    pub answers: Answers,
}

/// Questions for the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// The oldest of them, which the others are like.
    pub first: AnswerId,
    /// The newest, as it was looked for.
    pub example: String,
    pub questions: u64,
    /// People, and what asked by itself.
    pub askers: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// Of the questions, those whose askers were answered since.
    pub answered_since: u64,
}

/// The place of a gap in the list: the most asked for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GapKey(Reverse<u64>, Reverse<Timestamp>, AnswerId);

impl Gap {
    pub const fn key(&self) -> GapKey {
        GapKey(Reverse(self.questions), Reverse(self.last_at), self.first)
    }
}

impl Gaps {
    /// Gaps of a knowledge base, after the one of this key. Texts of questions only where they are asked for and may be told.
    pub async fn of(
        &self,
        access: &Access,
        kb: &KnowledgeBase,
        with_questions: bool,
        after: Option<GapKey>,
        limit: usize,
    ) -> Result<Vec<Gap>, ServiceError> {
        access.require(Role::Admin, Scope::Logs)?;
        self.answers.may_tell_questions(with_questions)?;
        let mut refused = self.db.answers().refused(kb.id, REFUSALS).await?;
        refused.reverse();
        let ids: Vec<_> = refused.iter().map(|refused| refused.answer).collect();
        let closed = self.db.standing_questions().closed(&ids).await?;
        let mut gaps = together(&refused, &closed);
        gaps.sort_unstable_by_key(Gap::key);
        let gaps = gaps
            .into_iter()
            .skip_while(|gap| after.is_some_and(|after| gap.key() <= after));
        Ok(gaps.take(limit).collect())
    }
}

/// `refused`: the oldest first.
fn together(refused: &[RefusedQuestion], closed: &HashSet<AnswerId>) -> Vec<Gap> {
    let texts: Vec<&str> = refused.iter().map(text).collect();
    let mut members: HashMap<usize, Vec<&RefusedQuestion>> = HashMap::new();
    for (refused, group) in refused.iter().zip(grouped(&texts)) {
        members.entry(group).or_default().push(refused);
    }
    let gap = |members: Vec<&RefusedQuestion>| {
        let (first, last) = (members.first()?, members.last()?);
        let asker = |refused: &&RefusedQuestion| {
            let asker = refused.asker;
            let user = asker.user.map(UserId::as_uuid);
            user.or(asker.bot.map(BotId::as_uuid))
                .or(asker.api_key.map(ApiKeyId::as_uuid))
        };
        Some(Gap {
            first: first.answer,
            example: text(last).to_owned(),
            questions: members.len() as u64,
            askers: members.iter().map(asker).collect::<BTreeSet<_>>().len() as u64,
            first_at: first.at,
            last_at: last.at,
            answered_since: members
                .iter()
                .filter(|member| closed.contains(&member.answer))
                .count() as u64,
        })
    };
    members.into_values().filter_map(gap).collect()
}

fn text(refused: &RefusedQuestion) -> &str {
    refused.searched.as_deref().unwrap_or(&refused.question)
}
