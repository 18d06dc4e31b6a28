//! Questions that stand: what a refusal leaves behind, and the second look when a knowledge base has changed. Whoever asked is
//! told once, in the transaction that closes the question, and only if rows say at that moment that they may know it and want
//! to (`docs/adr/0020-standing-questions.md`). Texts of questions are not logged.

use std::collections::HashSet;
use std::time::Duration;

use nexus_domain::{
    ChatId, ChatState, Content, ContentHash, Delivery, DeliveryId, KbId, Keyboard, LeaseToken, Origin,
    Passage, Priority, ShownPassage, StandingQuestion, StandingQuestionId, Subscription, Timestamp, UserId,
};
use nexus_rag::follow_up::RewrittenBy;
use nexus_rag::standing::{self, Baseline};
use nexus_rag::{Answer, Mode};
use nexus_storage::{ButtonRow, NewAnswer, StandingClaim, StorageError, Tx};
use serde::{Deserialize, Serialize};

use super::questions::{PASSAGES, answer_rows, kbs_of, shown_by, to_show};
use super::settings::{chosen_language, takes_notices};
use super::{NotHandled, Replies, Turn, insert_buttons};
use crate::error_chain::chain;
use crate::service::questions::SecondLook;
use crate::service::{Asked, Calls, SearchInput, ServiceError, quality};

/// Longest look at one question: a chat model may be asked.
const LEASE: Duration = Duration::from_secs(600);
/// Looks of one round, shared among the knowledge bases that it asks about, and how many these are. Each gets one.
const LOOKS: usize = 32;
const KBS: usize = 64;
/// When it is looked again where nobody may be told now.
const ASK_AGAIN: Duration = Duration::from_secs(3_600);
/// First wait after a look that failed; doubled with each one.
const RETRY_FIRST: Duration = Duration::from_secs(30);
/// Looks that fail one after the other; then the next change is waited for.
const MAX_ATTEMPTS: u32 = 8;
/// Rows that are deleted in one transaction.
const EXPIRED: usize = 1_000;

/// How long questions stand, and how many.
#[derive(Clone, Copy, Debug)]
pub struct StandingRules {
    /// Zero: none stands.
    pub keep: Duration,
    /// Open ones of one person.
    pub of_person: usize,
    /// Open ones in all.
    pub in_all: usize,
    /// A knowledge base is looked at when it has not changed for so long.
    pub settled_after: Duration,
}

/// What becomes of questions that stand, at the end of an update.
#[derive(Debug, Default)]
pub(super) enum StandingChange {
    #[default]
    Stays,
    Refused(Box<Refused>),
    /// It was answered, or it means too little to be known again.
    Closes(ContentHash),
    /// The conversation is forgotten.
    Forgets,
}

/// A question that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    question: StandingQuestion,
    revisions: Vec<(KbId, i64)>,
    most: usize,
}

/// What was asked and answered.
#[derive(Debug)]
pub(super) struct Asks<'a> {
    pub(super) text: &'a str,
    /// Ids of the knowledge bases that the person has chosen.
    pub(super) chosen: &'a [String],
    pub(super) answer: &'a Answer,
    pub(super) read: &'a [Passage],
    pub(super) revisions: &'a [(KbId, i64)],
}

/// What was known when it was refused.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    before: Baseline,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewritten_by: Option<RewrittenBy>,
}

/// What came of a look.
#[derive(Debug)]
enum Looked {
    /// Up to these revisions there is no answer.
    NotYet(Vec<(KbId, i64)>, Known),
    /// Nobody may be told now.
    NotNow,
    /// There is nobody left to be told.
    Nobody,
    /// The question is closed, or whoever told has seen to what comes of it: which.
    Told(&'static str),
}

/// A message that tells, and what is written with it.
#[derive(Debug)]
struct Telling {
    delivery: Delivery,
    passages: Vec<ShownPassage>,
    buttons: Vec<ButtonRow>,
    kept: Option<NewAnswer>,
    calls: Calls,
}

impl StandingChange {
    /// The refusal, as it is kept.
    pub(super) fn refused_by(&mut self, kept: Option<&NewAnswer>) {
        if let Self::Refused(refused) = self {
            refused.question.answer_id = kept.map(|kept| kept.row.id);
        }
    }
}

/// Belongs into the transaction that ends the update. `message`: the one that asked.
pub(super) async fn change(
    tx: &mut Tx,
    place: (ChatId, i64, UserId),
    message: Option<i64>,
    change: StandingChange,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut standing = tx.standing_questions();
    let digest = match change {
        StandingChange::Stays => return Ok(()),
        StandingChange::Forgets => return standing.forget(place).await.map(drop),
        StandingChange::Closes(digest) => {
            standing.answered(place, digest, now).await?;
            digest
        }
        StandingChange::Refused(refused) => {
            let Refused {
                question,
                revisions,
                most,
            } = *refused;
            standing.open(&question, &revisions, most).await?;
            question.digest
        }
    };
    match message {
        Some(message) => standing.supersede(place, message, digest).await,
        None => Ok(()),
    }
}

impl Replies {
    /// What a question leaves behind.
    pub(super) fn stands(&self, turn: &Turn<'_>, delivery: &Delivery, asks: &Asks<'_>) -> StandingChange {
        if self.standing.keep.is_zero() {
            return StandingChange::Stays;
        }
        let report = &asks.answer.retrieval;
        let searched = report.question.as_deref().unwrap_or(asks.text);
        let digest = standing::digest(searched);
        if asks.answer.found || !standing::can_stand(searched) {
            return StandingChange::Closes(digest);
        }
        // Nobody would be told.
        if !takes_notices(&turn.subscription) {
            return StandingChange::Stays;
        }
        let known = Known {
            before: Baseline::of(asks.answer, asks.read),
            rewritten_by: report.rewritten_by,
        };
        let now = self.clock.now();
        let (chat, topic, user) = turn.place();
        StandingChange::Refused(Box::new(Refused {
            question: StandingQuestion {
                id: StandingQuestionId::new(now),
                bot_id: turn.bot.id,
                chat_id: chat,
                topic_id: topic,
                user_id: user,
                digest,
                language: turn.language,
                question: asks.text.to_owned(),
                searched: searched.to_owned(),
                chosen: asks.chosen.iter().filter_map(|id| id.parse().ok()).collect(),
                reply_to: turn.update.message_id,
                answer_id: None,
                baseline: known.to_json(),
                attempts: 0,
                asked_at: delivery.created_at,
                expires_at: now.plus(self.standing.keep),
            },
            revisions: asks.revisions.to_vec(),
            most: self.standing.of_person,
        }))
    }

    /// Looks at questions that a change may be news for. How many it were.
    pub async fn look_at_standing(&self) -> Result<usize, ServiceError> {
        if self.standing.keep.is_zero() {
            return Ok(0);
        }
        let now = self.clock.now();
        let quiet_since = now.minus(self.standing.settled_after);
        let due = self
            .db
            .standing_questions()
            .due_kbs(now, quiet_since, KBS)
            .await?;
        let each = (LOOKS / due.len().max(1)).max(1);
        let mut looked = HashSet::new();
        for kb in due {
            if quality::is_changing(&self.db, kb).await? {
                continue;
            }
            for _ in 0..each {
                let (now, lease) = (self.clock.now(), LeaseToken::new(self.clock.now()));
                let mut tx = self.db.begin().await?;
                let claimed = tx.standing_questions().claim(kb, now, LEASE, lease).await?;
                let Some(claimed) = claimed else { break };
                let question = match claimed {
                    StandingClaim::Question(question) => *question,
                    StandingClaim::Unreadable(id, error) => {
                        tx.commit().await?;
                        tracing::error!(question = %id, cause = chain(&error),
                            "a standing question cannot be read and is set aside");
                        self.metrics.standing_question("unreadable");
                        continue;
                    }
                };
                // One that comes again in the same round is left, its claim undone: it keeps changing under the looks.
                if !looked.insert(question.id) {
                    break;
                }
                tx.commit().await?;
                self.look_at(kb, question, lease).await?;
            }
        }
        Ok(looked.len())
    }

    /// Forgets what has expired or is too much, and lets questions stand for new knowledge bases.
    pub async fn tidy_standing(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        loop {
            let mut tx = self.db.begin().await?;
            let mut standing = tx.standing_questions();
            let expired = standing.delete_expired(now, EXPIRED).await?;
            let surplus = standing.trim(self.standing.in_all, EXPIRED).await?;
            standing.enrol().await?;
            tx.commit().await?;
            if expired.max(surplus) < EXPIRED as u64 {
                return Ok(());
            }
        }
    }

    async fn look_at(
        &self,
        kb: KbId,
        question: StandingQuestion,
        lease: LeaseToken,
    ) -> Result<(), ServiceError> {
        let (id, attempts) = (question.id, question.attempts);
        let revision = self.db.knowledge_bases().revisions(&[kb]).await?;
        let mut outcome = self.second_look(kb, &question, lease).await;
        if let Ok(Looked::NotYet(revisions, _)) = &mut outcome
            && !revisions.iter().any(|(seen, _)| *seen == kb)
        {
            // What the person does not see is no news for them.
            revisions.extend(revision.iter().copied());
        }
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let mut standing = tx.standing_questions();
        let what = match outcome {
            Ok(Looked::Told(what)) => what,
            Ok(Looked::NotYet(revisions, known)) => {
                standing
                    .looked(id, lease, &revisions, &known.to_json(), now)
                    .await?;
                tx.commit().await?;
                "not_yet"
            }
            Ok(Looked::NotNow) | Err(ServiceError::QuotaExceeded(_)) => {
                standing.later(id, lease, now.plus(ASK_AGAIN), false).await?;
                tx.commit().await?;
                "not_now"
            }
            Ok(Looked::Nobody) => {
                standing.withdraw(id, lease).await?;
                tx.commit().await?;
                "nobody"
            }
            Err(error) if attempts < MAX_ATTEMPTS => {
                tracing::warn!(question = %id, cause = chain(&error), "a standing question could not be looked at");
                let wait = RETRY_FIRST.saturating_mul(1 << attempts);
                standing.later(id, lease, now.plus(wait), true).await?;
                tx.commit().await?;
                "failed"
            }
            Err(error) => {
                tracing::error!(question = %id, cause = chain(&error), "a standing question waits for the next change");
                standing
                    .looked(id, lease, &revision, &question.baseline, now)
                    .await?;
                tx.commit().await?;
                "failed"
            }
        };
        self.metrics.standing_question(what);
        Ok(())
    }

    async fn second_look(
        &self,
        changed: KbId,
        question: &StandingQuestion,
        lease: LeaseToken,
    ) -> Result<Looked, ServiceError> {
        let chat = self.db.chats().get(question.chat_id).await?;
        if chat.is_none_or(|chat| chat.state != ChatState::Active) {
            return Ok(Looked::Nobody);
        }
        let Ok(known) = serde_json::from_str::<Known>(&question.baseline) else {
            return Ok(Looked::Nobody);
        };
        let origin = Origin {
            address: None,
            trace_id: trace_id(question).into(),
        };
        let access = match self.door.in_chat(question.bot_id, question.user_id, origin).await {
            Ok(access) => access,
            Err(ServiceError::Refused(_)) => return Ok(Looked::NotNow),
            Err(error) => return Err(error),
        };
        let subscription = self
            .db
            .subscriptions()
            .by(question.user_id, question.bot_id)
            .await?;
        let Some(subscription) = subscription.filter(takes_notices) else {
            return Ok(Looked::NotNow);
        };
        let chosen = self
            .knowledge_bases
            .among(&access, &question.chosen)
            .await?
            .filter
            .kbs()
            .map(|kb| kb.to_string())
            .collect::<Vec<_>>();
        if chosen.is_empty() && !question.chosen.is_empty() {
            return Ok(Looked::NotNow);
        }
        let look = SecondLook {
            input: SearchInput {
                text: question.searched.clone(),
                history: Vec::new(),
                knowledge_bases: chosen,
                mode: Mode::Hybrid,
                limit: PASSAGES,
                distinct_documents: false,
            },
            asked: question.question.clone(),
            asked_at: question.asked_at,
            before: known.before.clone(),
            changed,
        };
        let Some(looked) = self.questions.look_again(&access, look).await? else {
            return Ok(Looked::NotYet(Vec::new(), known));
        };
        let Some((answer, read)) = looked.answer else {
            let revisions = looked.asked.revisions().to_vec();
            let before = match &looked.evidence {
                Some(rejected) => known.before.without(rejected),
                None => known.before,
            };
            return Ok(Looked::NotYet(revisions, Known { before, ..known }));
        };
        let answered = (answer, read, looked.asked);
        let telling = self.telling(question, known.rewritten_by, &subscription, answered)?;
        self.tell(question, lease, telling).await.map(Looked::Told)
    }

    fn telling(
        &self,
        question: &StandingQuestion,
        rewritten_by: Option<RewrittenBy>,
        subscription: &Subscription,
        (mut answer, read, asked): (Answer, Vec<Passage>, Asked),
    ) -> Result<Telling, ServiceError> {
        let now = self.clock.now();
        let id = DeliveryId::new(now);
        if question.searched != question.question {
            answer.retrieval.question = Some(question.searched.clone());
            answer.retrieval.rewritten_by = rewritten_by;
        }
        let shows = read.iter().map(to_show).collect();
        let kept = self
            .questions
            .answers
            .to_keep(&asked, &mut answer, read, Some(id))?;
        let passages = shown_by(&answer, shows);
        let rows = answer_rows(&answer);
        let content = Content::Answer {
            answer: (self.present.answer)(answer),
            asked_before: Some(question.question.clone()),
            keyboard: Keyboard::default(),
        };
        let (content, buttons) = rows.below_in((question.chat_id, question.user_id), id, content, now);
        // The one that was chosen since, else the one of the refusal.
        let language = chosen_language(subscription).unwrap_or(question.language);
        let place = (question.bot_id, question.chat_id);
        let delivery = Delivery {
            id,
            user_id: Some(question.user_id),
            topic_id: question.topic(),
            reply_to: question.reply_to,
            content: Some(content),
            kbs: kbs_of(&passages),
            question: Some(question.question.clone()),
            ..Delivery::new(place, Priority::Notice, language, trace_id(question), now)
        };
        Ok(Telling {
            delivery,
            passages,
            buttons,
            kept,
            calls: asked.calls,
        })
    }

    /// Closes the question and writes the message, or neither.
    async fn tell(
        &self,
        question: &StandingQuestion,
        lease: LeaseToken,
        telling: Telling,
    ) -> Result<&'static str, ServiceError> {
        let Telling {
            delivery,
            passages,
            buttons,
            kept,
            calls,
        } = telling;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx
            .standing_questions()
            .told(question.id, lease, delivery.id, now)
            .await?
        {
            return Ok("overtaken");
        }
        // As it is now: rights are asked once more when it is sent.
        let subscription = tx.subscriptions().by(question.user_id, question.bot_id).await?;
        let chat = tx.chats().get(question.chat_id).await?;
        if !subscription.is_some_and(|subscription| takes_notices(&subscription))
            || chat.is_none_or(|chat| chat.state != ChatState::Active)
        {
            return self.not_told(tx, question.id, lease).await;
        }
        tx.deliveries().insert(&delivery, None).await?;
        insert_buttons(&mut tx, &buttons)
            .await
            .map_err(|error| match error {
                NotHandled::Failed(error) => error,
                NotHandled::LeaseLost => ServiceError::LeaseLost,
            })?;
        // Some of it was deleted while it was looked: it is looked at anew.
        if !tx.shown_passages().put(delivery.id, &passages).await? {
            return self.not_told(tx, question.id, lease).await;
        }
        if let Some(kept) = &kept {
            tx.answers().insert(kept).await?;
        }
        let answer = kept.map(|kept| kept.row.id);
        calls.keep_in(&mut tx, answer).await?;
        tx.commit().await?;
        calls.are_kept();
        nexus_domain::probe::crash_point("standing.told");
        self.signals.deliveries();
        tracing::info!(question = %question.id, delivery = %delivery.id, "a standing question is answered");
        Ok("told")
    }

    /// Takes back what the transaction has written; somebody looks again in a while.
    async fn not_told(
        &self,
        tx: Tx,
        question: StandingQuestionId,
        lease: LeaseToken,
    ) -> Result<&'static str, ServiceError> {
        drop(tx);
        let later = self.clock.now().plus(RETRY_FIRST);
        let mut tx = self.db.begin().await?;
        tx.standing_questions()
            .later(question, lease, later, true)
            .await?;
        tx.commit().await?;
        Ok("not_now")
    }
}

impl Known {
    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and words can be written")
    }
}

fn trace_id(question: &StandingQuestion) -> String {
    question.id.as_uuid().simple().to_string()
}
