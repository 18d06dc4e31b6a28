//! Searches and questions: from the names that a caller asks for to the filter that it may use, then `rag`; in the manner
//! of the bot that asks, and within daily limits.

use std::pin::Pin;
use std::time::Instant;

use futures::{Stream, StreamExt as _, stream};
use nexus_domain::webhook::QuestionRefused;
use nexus_domain::{
    Access, Asker, Bot, ChatUsage, DeliveryId, EventData, KbFilter, KbId, Passage, QuotaSubject,
    Subscription, Timestamp, style,
};
use nexus_rag::follow_up::Turn;
use nexus_rag::standing::{Baseline, Evidence};
use nexus_rag::{
    Answer, AnswerEvent, AnswerStream, Answering, GenerationReason, GenerationStatus, Manner, Mode, Question,
    Retrieval,
};
use nexus_storage::StorageError;

use super::answers::{Answers, Asked};
use super::cache::{Looked, Ticket};
use super::knowledge_bases::Chosen;
use super::usage::{Exceeded, Most, Taken, Usage};
use super::{AnswerCache, Bots, Calls, KnowledgeBases, ServiceError};
use crate::metrics::Metrics;

#[derive(Clone, Debug)]
pub struct Questions {
    pub knowledge_bases: KnowledgeBases,
    pub bots: Bots,
    pub usage: Usage,
    pub answering: Answering,
    pub metrics: Metrics,
    pub answers: Answers,
    pub cache: AnswerCache,
}

/// Ends after [`AnswerEvent::Done`] or an error. Dropping it cancels the call to the model.
pub type KeptStream = Pin<Box<dyn Stream<Item = Result<AnswerEvent, ServiceError>> + Send>>;

/// What was asked. Checked by the boundary: not empty, not too long.
#[derive(Clone, Debug)]
pub struct SearchInput {
    pub text: String,
    /// The questions before it, which it may lean on; a mere search does not look at them.
    pub history: Vec<Turn>,
    /// Names or ids; empty means the bot's own choice, or all that the caller sees.
    pub knowledge_bases: Vec<String>,
    pub mode: Mode,
    pub limit: usize,
    pub distinct_documents: bool,
}

/// A question that was refused, asked again by nobody but us.
#[derive(Clone, Debug)]
pub(super) struct SecondLook {
    pub(super) input: SearchInput,
    /// As the person asked it.
    pub(super) asked: String,
    pub(super) asked_at: Timestamp,
    pub(super) before: Baseline,
    /// The knowledge base that has changed.
    pub(super) changed: KbId,
}

/// What a second look has found.
#[derive(Debug)]
pub(super) struct LookedAgain {
    pub(super) asked: Asked,
    /// New passages that hold enough of the question.
    pub(super) evidence: Option<Evidence>,
    /// An answer that rests on them, and what was read for it.
    pub(super) answer: Option<(Answer, Vec<Passage>)>,
}

/// A question that may be answered, and was counted.
struct Ready {
    question: Question,
    answering: Answering,
    taken: Taken,
}

impl Questions {
    pub async fn search(&self, access: &Access, input: SearchInput) -> Result<Retrieval, ServiceError> {
        let ready = self.ready(access, input, false).await?;
        let calls = self.answers.model_calls.open(Asker::of(access.caller()));
        let answering = ready.answering.noting(calls.log());
        let found = answering.retriever.retrieve(&ready.question).await;
        match &found {
            Ok(found) => {
                self.metrics.retrieved(&found.report);
                ready.taken.settle(calls.spent()).await;
            }
            Err(_) => ready.taken.give_back_but(calls.spent()).await,
        }
        calls.keep().await;
        Ok(found?)
    }

    pub async fn answer(&self, access: &Access, input: SearchInput) -> Result<Answer, ServiceError> {
        let (mut answer, _) = self.stream(access, input).await?;
        while let Some(event) = answer.next().await {
            if let AnswerEvent::Done(answer) = event? {
                return Ok(*answer);
            }
        }
        Err(ServiceError::Internal("the answer has no end".into()))
    }

    /// The answer as it comes about, and the knowledge bases that it is made from. What the caller may not ask is refused
    /// before the stream begins. A stream that is left stays counted as a whole. The answer is kept before it is passed on.
    pub async fn stream(
        &self,
        access: &Access,
        input: SearchInput,
    ) -> Result<(KeptStream, Vec<KbId>), ServiceError> {
        let text = input.text.clone();
        let (answer, asked) = self.stream_untold(access, input).await?;
        let kbs = asked.kbs.clone();
        let event = refused(access, text, kbs.clone(), None);
        Ok((kept_and_told_at_the_end(self.clone(), answer, asked, event), kbs))
    }

    /// The same, where the caller keeps the answer and tells webhooks of a refusal itself: in the transaction that stores the
    /// message.
    pub(super) async fn stream_untold(
        &self,
        access: &Access,
        input: SearchInput,
    ) -> Result<(AnswerStream, Asked), ServiceError> {
        let began = Instant::now();
        let ready = self.ready(access, input, true).await?;
        let Ready {
            question,
            answering,
            taken,
        } = ready;
        let kbs: Vec<_> = question.filter.kbs().collect();
        let stamps = match self.cache.stamps(&kbs).await {
            Ok(stamps) => stamps,
            Err(error) => {
                taken.give_back().await;
                return Err(error.into());
            }
        };
        let mut asked = self
            .answers
            .asked(access, &question.text, &question.filter, &stamps);
        let answer = match self.cache.look(&answering, &question, &stamps).await {
            Looked::Known(known) => {
                asked.kept_as = known.kept_as.clone();
                known.given_again()
            }
            Looked::Unknown(ticket) => {
                asked.kept_as = ticket.kept_as.clone();
                let kept = self.cache.texts(&ticket);
                let answering = Answering { kept, ..answering }.noting(asked.calls.log());
                cached_at_the_end(answering.stream(question), self.cache.clone(), *ticket)
            }
            Looked::Off => answering.noting(asked.calls.log()).stream(question),
        };
        Ok((self.ended(answer, &asked, taken, began), asked))
    }

    /// The answer, priced, counted and settled as its last event passes.
    fn ended(&self, answer: AnswerStream, asked: &Asked, taken: Taken, began: Instant) -> AnswerStream {
        let answer = priced_at_the_end(answer, asked.calls.clone());
        let answer = counted_at_the_end(answer, self.metrics.clone(), began);
        settled_at_the_end(answer, taken, asked.calls.clone())
    }

    /// Whether a question that was refused has an answer now, and which; `None` if it does not ask what has changed. A model is
    /// asked where new passages hold enough of it only, and at the cost of the bot and the knowledge bases: the person has asked
    /// nothing. Where that model is away, no question is counted, and nothing said of the passages.
    pub(super) async fn look_again(
        &self,
        access: &Access,
        look: SecondLook,
    ) -> Result<Option<LookedAgain>, ServiceError> {
        let began = Instant::now();
        let bot = self.bots.calling(access).await?;
        let Chosen { filter, limited } = self
            .chosen(access, bot.as_ref(), &look.input.knowledge_bases)
            .await?;
        if !filter.contains(look.changed) {
            return Ok(None);
        }
        // Revisions first: what comes while it is looked is looked at once more.
        let kbs: Vec<_> = filter.kbs().collect();
        let stamps = self.cache.stamps(&kbs).await?;
        let asked = self.answers.asked(access, &look.asked, &filter, &stamps);
        let question = Question {
            text: look.input.text,
            history: Vec::new(),
            filter: filter.clone(),
            mode: look.input.mode,
            limit: look.input.limit,
            distinct_documents: look.input.distinct_documents,
        };
        let manner = self.manner(access, bot.as_ref()).await?;
        let answering = self.answering.clone().in_manner(manner).noting(asked.calls.log());
        let evidence = answering.evidence(&question, look.asked_at, &look.before).await?;
        let mut looked = LookedAgain {
            asked,
            evidence,
            answer: None,
        };
        let Some(evidence) = &looked.evidence else {
            return Ok(Some(looked));
        };
        let accounts = self.usage.accounts_of_nobody(bot.as_ref(), &limited);
        let most = Most::of(answering.most_usage(), &question.text, question.mode);
        let taken = self.usage.take_question(&accounts, most).await?;
        let is_written = answering.writing.is_some();
        let calls = looked.asked.calls.clone();
        let events = priced_at_the_end(answering.stream(question), calls.clone());
        let events = counted_at_the_end(events, self.metrics.clone(), began);
        let (answer, read) = match judged(events, is_written).await {
            Ok(judged) => {
                taken.settle(calls.spent()).await;
                judged
            }
            Err(error) => {
                taken.give_back_but(calls.spent()).await;
                return Err(error);
            }
        };
        // What a model was to say, quotes do not.
        let is_said = !is_written || answer.generation.status == GenerationStatus::Written;
        if is_said && evidence.carries(&answer) {
            looked.answer = Some((answer, read));
        }
        Ok(Some(looked))
    }

    /// The answer stands whether or not somebody else hears of it.
    async fn tell(&self, event: EventData) {
        if let Err(error) = self.publish(&event).await {
            tracing::error!(%error, "webhooks were not told of a question without an answer");
        }
    }

    async fn publish(&self, event: &EventData) -> Result<(), StorageError> {
        let mut tx = self.usage.db.begin().await?;
        let now = self.usage.clock.now();
        tx.webhook_deliveries().publish(event, now).await?;
        tx.commit().await
    }

    async fn ready(
        &self,
        access: &Access,
        input: SearchInput,
        is_answered: bool,
    ) -> Result<Ready, ServiceError> {
        let bot = self.bots.calling(access).await?;
        let chosen = self.chosen(access, bot.as_ref(), &input.knowledge_bases).await?;
        let answering = self.answering.clone();
        let answering = answering.in_manner(self.manner(access, bot.as_ref()).await?);
        let chat = if is_answered {
            answering.most_usage()
        } else {
            ChatUsage::default()
        };
        let most = Most::of(chat, &input.text, input.mode);
        let may_leave_out = input.knowledge_bases.is_empty();
        let (filter, taken) = self
            .counted(access, bot.as_ref(), chosen, may_leave_out, most)
            .await?;
        let question = Question {
            text: input.text,
            history: input.history,
            filter,
            mode: input.mode,
            limit: input.limit,
            distinct_documents: input.distinct_documents,
        };
        Ok(Ready {
            question,
            answering,
            taken,
        })
    }

    /// Counts a question. Where it names no knowledge bases, those whose day is used up are left out, so that one of them does
    /// not silence all the others.
    async fn counted(
        &self,
        access: &Access,
        bot: Option<&Bot>,
        mut chosen: Chosen,
        may_leave_out: bool,
        most: Most,
    ) -> Result<(KbFilter, Taken), ServiceError> {
        loop {
            let accounts = self.usage.accounts(access, bot, &chosen.limited).await?;
            match self.usage.take_question(&accounts, most).await {
                Err(ServiceError::QuotaExceeded(Exceeded {
                    subject: QuotaSubject::Kb(kb),
                    ..
                })) if may_leave_out && chosen.filter.kbs().len() > 1 => {
                    chosen = chosen.without(access, kb);
                }
                taken => return Ok((chosen.filter, taken?)),
            }
        }
    }

    /// How the bot wants answers to be written, and the person who comes through it.
    pub(super) async fn manner(&self, access: &Access, bot: Option<&Bot>) -> Result<Manner, ServiceError> {
        let Some(bot) = bot else {
            return Ok(Manner::default());
        };
        let used = match access.caller().user() {
            Some(user) => self.usage.db.subscriptions().by(user, bot.id).await?,
            None => None,
        };
        Ok(manner(bot, used.as_ref()))
    }

    async fn chosen(
        &self,
        access: &Access,
        bot: Option<&Bot>,
        named: &[String],
    ) -> Result<Chosen, ServiceError> {
        match bot {
            Some(bot) if named.is_empty() && !bot.default_kbs.is_empty() => {
                self.knowledge_bases.among(access, &bot.default_kbs).await
            }
            _ => self.knowledge_bases.resolve(access, named).await,
        }
    }
}

/// What the person has chosen comes before what the bot chooses for all; its instructions stand for everybody.
fn manner(bot: &Bot, used: Option<&Subscription>) -> Manner {
    let settings = used.map(|used| &used.settings);
    Manner {
        instructions: bot.settings.instructions.clone(),
        model: bot.settings.model.clone(),
        style: settings.and_then(style::of_settings).or(bot.settings.style),
        wish: settings.and_then(style::wish_of_settings).map(str::to_owned),
    }
}

/// What webhooks are told of a question that the knowledge bases hold nothing on.
pub(super) fn refused(
    access: &Access,
    question: String,
    asked: Vec<KbId>,
    message: Option<DeliveryId>,
) -> EventData {
    EventData::QuestionRefused(QuestionRefused {
        question,
        knowledge_base_ids: asked,
        bot_id: access.caller().bot(),
        message_id: message,
    })
}

/// Keeps the answer before its last event is passed on, and tells webhooks if that says that nothing was found.
fn kept_and_told_at_the_end(
    questions: Questions,
    answer: AnswerStream,
    asked: Asked,
    event: EventData,
) -> KeptStream {
    let state = (questions, answer, asked, event, Vec::new());
    stream::unfold(state, async |(questions, mut answer, asked, event, mut read)| {
        let mut next = answer.next().await?.map_err(ServiceError::from);
        match &mut next {
            Ok(AnswerEvent::Retrieved(found)) => read = passages(found),
            Ok(AnswerEvent::Done(done)) => {
                let found = done.found;
                let kept = questions
                    .answers
                    .keep(&asked, done, std::mem::take(&mut read))
                    .await;
                if kept.is_ok() && !found {
                    questions.tell(event.clone()).await;
                }
                next = kept.and(next);
            }
            _ => {}
        }
        Some((next, (questions, answer, asked, event, read)))
    })
    .boxed()
}

/// The answer and what was read for it; an error where the model that was to write it was away.
async fn judged(mut events: AnswerStream, is_written: bool) -> Result<(Answer, Vec<Passage>), ServiceError> {
    let mut read = Vec::new();
    while let Some(event) = events.next().await {
        match event? {
            AnswerEvent::Retrieved(found) => read = passages(&found),
            AnswerEvent::Delta(_) => {}
            AnswerEvent::Done(answer) => {
                let reason = answer.generation.reason;
                return if is_written && reason.is_some_and(GenerationReason::is_outage) {
                    Err(ServiceError::Unavailable(
                        "the chat model did not write an answer".into(),
                    ))
                } else {
                    Ok((*answer, read))
                };
            }
        }
    }
    Err(ServiceError::Internal("the answer has no end".into()))
}

/// Says in the answer what it cost.
fn priced_at_the_end(answer: AnswerStream, calls: Calls) -> AnswerStream {
    let priced = move |mut event| {
        if let Ok(AnswerEvent::Done(answer)) = &mut event {
            answer.generation.cost = calls.cost();
        }
        event
    };
    answer.map(priced).boxed()
}

/// Counts the answer for whoever watches the installation, as its last event passes.
fn counted_at_the_end(answer: AnswerStream, metrics: Metrics, began: Instant) -> AnswerStream {
    answer
        .inspect(move |event| {
            if let Ok(AnswerEvent::Done(answer)) = event {
                metrics.answered(answer, began.elapsed());
            }
        })
        .boxed()
}

/// Keeps the answer for who asks the same next, as its last event passes.
fn cached_at_the_end(answer: AnswerStream, cache: AnswerCache, ticket: Ticket) -> AnswerStream {
    let state = (answer, cache, ticket, Vec::new());
    stream::unfold(state, async |(mut answer, cache, ticket, mut hits)| {
        let event = answer.next().await?;
        match &event {
            Ok(AnswerEvent::Retrieved(found)) => hits.clone_from(&found.hits),
            Ok(AnswerEvent::Done(answer)) => cache.keep(&ticket, &hits, answer).await,
            _ => {}
        }
        Some((event, (answer, cache, ticket, hits)))
    })
    .boxed()
}

/// What was read for an answer.
pub(super) fn passages(found: &Retrieval) -> Vec<Passage> {
    found.hits.iter().map(|hit| hit.passage.clone()).collect()
}

/// Corrects the count before the last event is passed on. A provider that began to answer and does not say what it took leaves
/// the whole count standing.
fn settled_at_the_end(answer: AnswerStream, taken: Taken, calls: Calls) -> AnswerStream {
    let state = (answer, Some(taken), calls);
    stream::unfold(state, async |(mut answer, mut taken, calls)| {
        let event = answer.next().await?;
        match &event {
            Ok(AnswerEvent::Done(_)) => {
                if let Some(taken) = taken.take() {
                    taken.settle(calls.spent()).await;
                }
            }
            Ok(_) => {}
            Err(_) => {
                if let Some(taken) = taken.take() {
                    taken.give_back_but(calls.spent()).await;
                }
            }
        }
        Some((event, (answer, taken, calls)))
    })
    .boxed()
}
