//! Questions: a placeholder goes out at once, the answer takes its place.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use nexus_domain::{
    ButtonAction, Content, Delivery, DeliveryState, Event, KbId, Keyboard, Label, Passage, Say, ShownPassage,
    Verdict,
};
use nexus_rag::{Answer, AnswerEvent, GenerationStatus, Mode};
use nexus_storage::Settled;

use super::conversation::ConversationChange;
use super::keyboard::Rows;
use super::standing::{Asks, StandingChange};
use super::{Done, NotHandled, Replies, Rewritten, Turn, blank, settings};
use crate::service::{Asked, SearchInput, ServiceError, questions};

/// Longest question, in characters; as long as in the contract.
pub(super) const MAX_QUESTION_CHARS: usize = 4_000;
/// Passages that are looked for.
pub(super) const PASSAGES: usize = 10;
/// Between two previews.
const PREVIEW_EVERY: Duration = Duration::from_millis(600);
/// Longest preview, in bytes; more is not shown in one message.
const MAX_PREVIEW_BYTES: usize = 16 * 1024;
/// Buttons for passages in a row, and rows of them.
const PASSAGES_IN_A_ROW: usize = 4;
const MAX_PASSAGE_BUTTONS: usize = 8;

/// An answer, the passages that were read for it, and what was asked.
struct Answered {
    answer: Answer,
    read: Vec<Passage>,
    asked: Asked,
}

impl Replies {
    pub(super) async fn question(
        &self,
        turn: &Turn<'_>,
        text: &str,
        earlier: Option<Delivery>,
    ) -> Result<Done, NotHandled> {
        if text.trim().is_empty() {
            return Ok(Done::say(Say::EmptyQuestion));
        }
        if text.chars().count() > MAX_QUESTION_CHARS {
            let limit = u32::try_from(MAX_QUESTION_CHARS).unwrap_or(u32::MAX);
            return Ok(Done::say(Say::QuestionTooLong { limit }));
        }
        let Some(chosen) = self.chosen(turn).await? else {
            return Ok(Done::say(Say::KbGone));
        };
        if chosen.is_empty() && self.sees_none(turn).await? {
            return Ok(Done::say(Say::KbNone));
        }
        let delivery = self.begin_answer(turn, text, earlier).await?;
        let input = SearchInput {
            text: text.to_owned(),
            history: self.asked_before(turn).await?,
            knowledge_bases: chosen,
            mode: Mode::Hybrid,
            limit: PASSAGES,
            distinct_documents: false,
        };
        let (mut event, mut kept, mut calls) = (None, None, None);
        let mut conversation = ConversationChange::Stays;
        let mut standing = StandingChange::Stays;
        let only = input.knowledge_bases.clone();
        let rewritten = match self.answer(turn, &delivery, input).await {
            Ok(Some(answered)) => {
                let Answered {
                    mut answer,
                    read,
                    asked,
                } = answered;
                let shows = read.iter().map(to_show).collect();
                let asks = Asks {
                    text,
                    chosen: &only,
                    answer: &answer,
                    read: &read,
                    revisions: asked.revisions(),
                };
                standing = self.stands(turn, &delivery, &asks);
                let answers = &self.questions.answers;
                calls = Some(asked.calls.clone());
                kept = answers.to_keep(&asked, &mut answer, read, Some(delivery.id))?;
                event = (!answer.found)
                    .then(|| questions::refused(&turn.access, text.to_owned(), asked.kbs, Some(delivery.id)));
                standing.refused_by(kept.as_ref());
                conversation = ConversationChange::asked(turn, text, &answer);
                self.shown(&delivery, answer, shows)
            }
            Ok(None) => Rewritten {
                id: delivery.id,
                content: Content::say(Say::Cancelled),
                kbs: Vec::new(),
                passages: Vec::new(),
                rows: None,
            },
            Err(NotHandled::Failed(error)) if !matches!(error, ServiceError::Unavailable(_)) => Rewritten {
                id: delivery.id,
                content: self.error(turn, error),
                kbs: Vec::new(),
                passages: Vec::new(),
                rows: None,
            },
            Err(error) => return Err(error),
        };
        Ok(Done {
            rewritten: vec![rewritten],
            conversation,
            standing,
            event,
            kept,
            calls,
            ..Done::default()
        })
    }

    /// A question that was changed gets a new answer in the place of the old one.
    pub(super) async fn edited(&self, turn: &Turn<'_>, text: &str) -> Result<Done, NotHandled> {
        let Some(message) = turn.update.message_id else {
            return Ok(Done::nothing());
        };
        // Edits that changed nothing that a bot sees have no answer of their own.
        let mut before = turn.update.id;
        loop {
            let mut updates = self.db.updates();
            let earlier = updates.of_message(turn.held.chat.id, message, before).await?;
            let earlier = earlier.filter(|earlier| match &earlier.event {
                Event::Text { text: old } | Event::Edit { text: old } => old != text,
                _ => false,
            });
            let Some(earlier) = earlier else {
                return Ok(Done::nothing());
            };
            let mut deliveries = self.db.deliveries();
            let answers = deliveries.of_update(turn.bot.id, earlier.update_id).await?;
            if let Some(answer) = answers.into_iter().next() {
                return self.question(turn, text, Some(answer)).await;
            }
            before = earlier.id;
        }
    }

    /// The knowledge bases that the person has chosen and still sees, as ids; empty: no choice. `None`: none of them is left.
    pub(super) async fn chosen(&self, turn: &Turn<'_>) -> Result<Option<Vec<String>>, NotHandled> {
        let chosen = settings::chosen_kbs(&turn.subscription);
        if chosen.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let left = self.knowledge_bases.among(&turn.access, &chosen).await?.filter;
        let ids: Vec<_> = left.kbs().map(|kb| kb.to_string()).collect();
        Ok((!ids.is_empty()).then_some(ids))
    }

    /// Whether no knowledge base at all is open to the person: other words would not help them.
    async fn sees_none(&self, turn: &Turn<'_>) -> Result<bool, NotHandled> {
        let all = self.knowledge_bases.resolve(&turn.access, &[]).await?;
        Ok(all.filter.kbs().len() == 0)
    }

    /// The message that will hold the answer: the one of an earlier attempt, one that stands in the place of an earlier answer,
    /// or a new one, whose placeholder goes out now.
    async fn begin_answer(
        &self,
        turn: &Turn<'_>,
        text: &str,
        earlier: Option<Delivery>,
    ) -> Result<Delivery, NotHandled> {
        let (held, update) = (turn.held, turn.update);
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.chats().fence(held.chat.id, held.token).await? {
            return Err(NotHandled::LeaseLost);
        }
        let begun = tx.deliveries().of_update(turn.bot.id, update.update_id).await?;
        if let Some(begun) = begun.into_iter().next() {
            return Ok(begun);
        }
        let mut delivery = Delivery {
            user_id: Some(turn.user.id),
            state: DeliveryState::Writing,
            question: Some(text.to_owned()),
            ..blank(held, update, turn.language, now)
        };
        if let Some(earlier) = earlier
            && let Some(earlier) = tx.deliveries().lock(earlier.id).await?
        {
            // Nobody reports on the earlier one any more: its messages are the new one's.
            let settled = Settled {
                state: DeliveryState::Dropped,
                parts: Vec::new(),
                due_at: None,
                attempts: earlier.attempts,
                error: None,
                keeps: false,
            };
            tx.deliveries().settle(earlier.id, &settled, now).await?;
            tx.buttons().delete_of(earlier.id).await?;
            delivery.parts = earlier.parts;
            if !delivery.parts.is_empty() {
                delivery.due_at = None;
            }
        }
        tx.deliveries().insert(&delivery, None).await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(delivery)
    }

    /// `None`: the person does not want it any more.
    async fn answer(
        &self,
        turn: &Turn<'_>,
        delivery: &Delivery,
        input: SearchInput,
    ) -> Result<Option<Answered>, NotHandled> {
        let (mut events, asked) = self.questions.stream_untold(&turn.access, input).await?;
        let mut cancelled = turn.held.cancelled_to.clone();
        cancelled.mark_changed();
        let (mut text, mut shown) = (String::new(), None::<Instant>);
        let (mut read, mut kbs) = (Vec::new(), Vec::new());
        loop {
            let event = tokio::select! {
                biased;
                Ok(()) = cancelled.changed() => {
                    if self.db.updates().is_cancelled(turn.update).await? {
                        return Ok(None);
                    }
                    continue;
                }
                event = events.next() => event,
            };
            match event {
                Some(Ok(AnswerEvent::Retrieved(found))) => {
                    read = questions::passages(&found);
                    kbs = kbs_of(&read.iter().map(to_show).collect::<Vec<_>>());
                }
                Some(Ok(AnswerEvent::Delta(delta))) => {
                    text.push_str(&delta.text);
                    let is_due = shown.is_none_or(|shown| shown.elapsed() >= PREVIEW_EVERY);
                    if is_due && text.len() <= MAX_PREVIEW_BYTES {
                        if let Err(error) = self.preview(delivery, &text, &kbs).await {
                            tracing::debug!(%error, "a preview is left out");
                        }
                        shown = Some(Instant::now());
                    }
                }
                Some(Ok(AnswerEvent::Done(answer))) => {
                    let answer = *answer;
                    return Ok(Some(Answered { answer, read, asked }));
                }
                Some(Err(error)) => return Err(ServiceError::from(error).into()),
                None => return Err(ServiceError::Internal("the answer has no end".into()).into()),
            }
        }
    }

    async fn preview(&self, delivery: &Delivery, text: &str, kbs: &[KbId]) -> Result<(), NotHandled> {
        let mut tx = self.db.begin().await?;
        tx.deliveries()
            .set_preview(delivery.id, text, kbs, self.clock.now())
            .await?;
        tx.commit().await?;
        self.signals.deliveries();
        Ok(())
    }

    fn shown(&self, delivery: &Delivery, answer: Answer, read: Vec<ShownPassage>) -> Rewritten {
        let passages = shown_by(&answer, read);
        let rows = answer_rows(&answer);
        Rewritten {
            id: delivery.id,
            content: Content::Answer {
                answer: (self.present.answer)(answer),
                asked_before: None,
                keyboard: Keyboard::default(),
            },
            kbs: kbs_of(&passages),
            passages,
            rows: Some(rows),
        }
    }
}

/// What a model wrote may hold something of all that it has read, quotes only of what they are taken from.
pub(super) fn shown_by(answer: &Answer, read: Vec<ShownPassage>) -> Vec<ShownPassage> {
    let mut passages = if answer.generation.status == GenerationStatus::Written {
        read
    } else {
        let cited = answer.citations.iter();
        cited.map(|citation| to_show(&citation.passage)).collect()
    };
    // What comes nearest to an answer is shown, too.
    for near in answer.nearest.iter().map(|near| to_show(&near.passage)) {
        if passages.iter().all(|shown| shown.chunk != near.chunk) {
            passages.push(near);
        }
    }
    passages
}

pub(super) fn to_show(passage: &Passage) -> ShownPassage {
    ShownPassage {
        chunk: passage.chunk.id,
        document: passage.chunk.document_id,
        kb: passage.chunk.kb_id,
    }
}

pub(super) fn kbs_of(passages: &[ShownPassage]) -> Vec<KbId> {
    let kbs: BTreeSet<_> = passages.iter().map(|passage| passage.kb).collect();
    kbs.into_iter().collect()
}

/// A button for each passage, what else was found, and what the reader thinks of it.
pub(super) fn answer_rows(answer: &Answer) -> Rows {
    let passages: Vec<_> = answer
        .citations
        .iter()
        .take(MAX_PASSAGE_BUTTONS)
        .map(|citation| {
            let number = citation.number;
            (Label::Passage { number }, ButtonAction::ShowPassage { number })
        })
        .collect();
    let mut rows: Vec<Vec<_>> = passages
        .chunks(PASSAGES_IN_A_ROW)
        .map(<[(Label, ButtonAction)]>::to_vec)
        .collect();
    let rate = |verdict| ButtonAction::Rate {
        verdict,
        reason: None,
        of: None,
    };
    let mut last = vec![
        (Label::Good, rate(Verdict::Good)),
        (Label::Bad, rate(Verdict::Bad)),
    ];
    if answer.found {
        last.push((Label::More, ButtonAction::More));
    }
    rows.push(last);
    Rows::new(rows).for_all()
}
