//! Answers that are kept: they can be asked for again, byte for byte, with all that they were made from, for as long as nobody
//! has deleted that text.

mod record;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nexus_domain::access::Denied;
use nexus_domain::webhook::FeedbackGiven;
use nexus_domain::{
    Access, AnswerId, Asker, Clock, ContentHash, DeliveryId, EventData, Feedback, KbFilter, KbId, Passage,
    Role, Scope,
};
use nexus_rag::{Answer, AnswerLanguage};
use nexus_storage::{AnswerRow, Db, KbStamp, KeptPassage, LoggedAnswer, NewAnswer, QueryFilter};

use super::{Calls, ModelCalls, ServiceError};

#[derive(Clone, Debug)]
pub struct Answers {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    /// How long; zero: none is kept.
    pub keep: Duration,
    /// Whether the log of questions may tell their texts.
    pub tells_questions: bool,
    pub model_calls: ModelCalls,
}

/// What is known of an answer before there is one.
#[derive(Clone, Debug)]
pub struct Asked {
    asker: Asker,
    question: String,
    /// The knowledge bases that are asked.
    pub kbs: Vec<KbId>,
    /// Theirs; whatever is found is of these or of later ones.
    revisions: Vec<(KbId, i64)>,
    trace_id: Option<String>,
    /// The calls of models that it takes.
    pub(super) calls: Calls,
    /// Shared with all who are given the same answer.
    pub(super) kept_as: KeptAs,
}

/// How an answer was kept when it was given first: whoever is given it again keeps it by reference to that.
#[derive(Clone, Debug, Default)]
pub struct KeptAs(Arc<OnceLock<FirstKept>>);

#[derive(Debug)]
struct FirstKept {
    id: AnswerId,
    body: String,
    context_hash: ContentHash,
}

impl Asked {
    /// The knowledge bases that are asked, and their revisions.
    pub(super) fn revisions(&self) -> &[(KbId, i64)] {
        &self.revisions
    }
}

/// An answer that was asked for again.
#[derive(Clone, Debug)]
pub struct Replay {
    pub row: AnswerRow,
    pub answer: Answer,
    pub revisions: Vec<(KbId, i64)>,
    /// What it was made from, in its order.
    pub passages: Vec<KeptPassage>,
    /// The hash of its passages as they are now, where all of them are there.
    pub context_now: Option<ContentHash>,
}

impl Replay {
    /// Whether what the answer said is gone.
    pub const fn is_deleted(&self) -> bool {
        self.row.body.is_none()
    }
}

impl Answers {
    /// Notes who asks what, and of which revisions.
    pub(super) fn asked(
        &self,
        access: &Access,
        question: &str,
        filter: &KbFilter,
        stamps: &[KbStamp],
    ) -> Asked {
        let asker = Asker::of(access.caller());
        Asked {
            asker,
            question: question.to_owned(),
            revisions: stamps.iter().map(|stamp| (stamp.kb, stamp.revision)).collect(),
            kbs: filter.kbs().collect(),
            trace_id: Some(access.origin().trace_id.to_string()).filter(|id| !id.is_empty()),
            calls: self.model_calls.open(asker),
            kept_as: KeptAs::default(),
        }
    }

    /// Gives an answer its id, and what is to be stored of it; `None` where answers are not kept.
    pub(super) fn to_keep(
        &self,
        asked: &Asked,
        answer: &mut Answer,
        read: Vec<Passage>,
        delivery: Option<DeliveryId>,
    ) -> Result<Option<NewAnswer>, ServiceError> {
        if self.keep.is_zero() {
            return Ok(None);
        }
        let now = self.clock.now();
        let id = AnswerId::new(now);
        answer.id = Some(id);
        let passages = record::used(answer, read);
        let first = asked.kept_as.0.get();
        let (body, context_hash) = match first {
            Some(first) => (first.body.clone(), first.context_hash),
            None => (
                record::body(answer, &passages)?,
                record::context_hash(passages.iter().map(|used| &used.passage)),
            ),
        };
        let repeats = first.map(|first| first.id);
        if repeats.is_none() {
            // Before its row is there: whoever is faster finds none, and keeps the answer whole.
            let _ = asked.kept_as.0.set(FirstKept {
                id,
                body: body.clone(),
                context_hash,
            });
        }
        let generation = &answer.generation;
        let row = AnswerRow {
            id,
            created_at: now,
            asker: asked.asker,
            delivery,
            question: asked.question.clone(),
            searched: answer.retrieval.question.clone(),
            found: answer.found,
            language: match answer.language {
                AnswerLanguage::Russian => "ru",
                AnswerLanguage::English => "en",
            }
            .to_owned(),
            mode: record::worded(&answer.retrieval.mode_asked),
            status: record::worded(&generation.status),
            reason: generation.reason.as_ref().map(record::worded),
            model: generation.model.clone(),
            prompt_version: generation.prompt_version.as_deref().map(str::to_owned),
            usage: generation.usage,
            retrieval_micros: answer.retrieval.total_micros,
            generation_micros: generation.micros,
            context_hash,
            report: record::report(answer),
            body: Some(body),
            trace_id: asked.trace_id.clone(),
            feedback: None,
        };
        Ok(Some(NewAnswer {
            row,
            kbs: asked.revisions.clone(),
            passages,
            repeats,
        }))
    }

    /// Keeps an answer in a transaction of its own. One that cannot be kept is not given: whoever asks later what was said would
    /// be told that it never was.
    pub(super) async fn keep(
        &self,
        asked: &Asked,
        answer: &mut Answer,
        read: Vec<Passage>,
    ) -> Result<(), ServiceError> {
        let Some(new) = self.to_keep(asked, answer, read, None)? else {
            asked.calls.keep().await;
            return Ok(());
        };
        let mut tx = self.db.begin().await?;
        tx.answers().insert(&new).await?;
        asked.calls.keep_in(&mut tx, Some(new.row.id)).await?;
        tx.commit().await?;
        asked.calls.are_kept();
        Ok(())
    }

    /// An answer, for whoever asked and for those who manage people, as far as they see every knowledge base of whose text it
    /// still holds something.
    pub async fn get(&self, access: &Access, id: AnswerId) -> Result<Replay, ServiceError> {
        let missing = || ServiceError::NotFound("answer");
        let row = self.db.answers().get(id).await?;
        let mut row = row.filter(|row| may_read(access, row)).ok_or_else(missing)?;
        let passages = self.db.kept_passages().of_answer(id).await?;
        let mut held = passages.iter().filter(|kept| kept.passage.is_some());
        if !held.all(|kept| access.sees(kept.kb)) {
            return Err(missing());
        }
        // What was deleted a moment ago is still to be erased here.
        if passages
            .iter()
            .any(|kept| kept.is_shown && kept.passage.is_none())
        {
            row.body = None;
            row.searched = None;
        }
        let all: Option<Vec<&Passage>> = passages.iter().map(|kept| kept.passage.as_ref()).collect();
        let context_now = all.map(|all| record::context_hash(all.into_iter()));
        Ok(Replay {
            answer: record::answer(&row, &passages)?,
            revisions: self.db.answers().kbs(id).await?,
            row,
            passages,
            context_now,
        })
    }

    /// What whoever asked thinks of the answer.
    pub async fn rate(
        &self,
        access: &Access,
        replay: &Replay,
        feedback: Feedback,
    ) -> Result<(), ServiceError> {
        let row = &replay.row;
        if !row.asker.is(access.caller()) {
            return Err(Denied::NotTheReader.into());
        }
        access.require(Role::Reader, Scope::Ask)?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        match (row.delivery, row.asker.user) {
            // The message that gives it is rated, and with it the answer.
            (Some(delivery), Some(user)) => tx.feedback().put(delivery, user, feedback, now).await?,
            _ => {
                tx.answers().rate(row.id, feedback, now).await?;
                let held = replay.passages.iter().filter(|kept| kept.is_shown);
                let mut kbs: Vec<_> = held.map(|kept| kept.kb).collect();
                kbs.sort_unstable();
                kbs.dedup();
                let given = FeedbackGiven {
                    answer_id: Some(row.id),
                    message_id: None,
                    bot_id: row.asker.bot,
                    question: Some(row.question.clone()),
                    knowledge_base_ids: kbs,
                    verdict: feedback.verdict,
                    reason: feedback.reason,
                };
                let event = EventData::FeedbackGiven(given);
                tx.webhook_deliveries().publish(&event, now).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Fails if texts of questions are wanted that may not be told.
    pub(super) fn may_tell_questions(&self, wanted: bool) -> Result<(), ServiceError> {
        if wanted && !self.tells_questions {
            return Err(ServiceError::invalid(
                "include",
                "the texts of questions are not shown here: the setting logs.questions (NEXUS_LOGS_QUESTIONS) is off",
            ));
        }
        Ok(())
    }

    /// What was asked, newest first, older than `before`. Texts of questions only where they are asked for and may be told.
    pub async fn log(
        &self,
        access: &Access,
        filter: &QueryFilter,
        with_questions: bool,
        before: Option<AnswerId>,
        limit: usize,
    ) -> Result<Vec<LoggedAnswer>, ServiceError> {
        access.require(Role::Admin, Scope::Logs)?;
        self.may_tell_questions(with_questions)?;
        Ok(self.db.answers().list(filter, before, limit).await?)
    }
}

fn may_read(access: &Access, row: &AnswerRow) -> bool {
    row.asker.is(access.caller()) && access.require(Role::Reader, Scope::Ask).is_ok()
        || access.require(Role::Admin, Scope::Users).is_ok()
        || row.asker.bot.is_some_and(|bot| access.require_bot(bot).is_ok())
}
