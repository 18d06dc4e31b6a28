//! Answers that a chat model writes from passages: prompt, checked marks, blocks and citations. What a model says is
//! taken for what it is, text of a stranger: nothing of it is believed but by its marks, and those are checked.

mod blocks;
mod code;
mod context;
mod free;
mod marks;
mod parser;
mod prompt;
mod refusal;
mod stand_alone;
mod thoughts;
mod verified;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt as _, stream};
use nexus_domain::{
    CallLog, ChatEnd, ChatError, ChatEvent, ChatFinish, ChatModel, ChatReply, ChatRequest, ChatUsage,
    ContentHash, Passage, Style,
};
use nexus_text::Language;
use tracing::Instrument as _;

use super::events::{AnswerDelta, AnswerEvent, Listener};
use super::extractive::Content;
use super::generation::{Cached, Generation, GenerationReason, GenerationStatus};
use super::kept::{KeptText, KeptTexts, text_key};
use super::quote::{best_span, lines_of};
use super::relevance::QuestionTerms;
use super::{Citation, phrases, select};
use crate::retrieve::micros_since;
use crate::verify::Unverified;
pub(super) use context::Context;
pub use context::assembled;
pub use free::{FreeAnswer, FreeEvent, FreeStream};
use parser::{Draft, Parser, Step};
pub use prompt::PROMPT_VERSION;
use refusal::{Gate, reads_like_refusal};
pub(super) use stand_alone::MOST_USAGE as REWRITING_USAGE;
pub use stand_alone::Rewriting;
use thoughts::Thoughts;
use verified::Written;
pub use verified::checked;

/// What a chat model is given, and how it is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WritingSettings {
    /// Tokens ([`nexus_text::count_tokens`]) of all sources, at most; the best source is given in any case.
    pub context_tokens: usize,
    /// Tokens of the model that its answer may take.
    pub max_answer_tokens: u32,
    /// `None` is the model's own.
    pub temperature: Option<f32>,
    /// What becomes of statements that the sources do not hold. Where they are left out, nothing is shown before all is
    /// written and checked.
    pub unverified: Unverified,
}

impl Default for WritingSettings {
    fn default() -> Self {
        Self {
            context_tokens: 6_000,
            max_answer_tokens: 1_024,
            temperature: Some(0.1),
            unverified: Unverified::default(),
        }
    }
}

/// How answers are written for one bot and one of its people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Style and rules of the bot, in words for the model.
    pub instructions: Option<String>,
    /// How much answers say; [`Style::Normal`] unless chosen.
    pub style: Option<Style>,
    /// What the person wishes, in their words: a quotation, which never stands above a rule.
    pub wish: Option<String>,
    /// Name of the model that is asked first, of several.
    pub model: Option<String>,
}

/// A chat model that writes answers.
#[derive(Clone, Debug)]
pub struct Writing {
    pub model: Arc<dyn ChatModel>,
    pub settings: WritingSettings,
    pub manner: Manner,
    /// Where its calls are noted.
    pub calls: CallLog,
}

/// One answer to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Assignment<'a> {
    pub(super) question: &'a str,
    pub(super) language: Language,
    pub(super) context: &'a Context<'a>,
    /// Of one quote, at most.
    pub(super) max_quote_chars: usize,
}

/// What a model's text says, and where it may be kept: under which key, and its bytes.
struct Usable {
    content: Content,
    fresh: Option<(ContentHash, String)>,
}

/// What a model wrote, read to its end.
struct Drafted {
    /// `None` if it says that the sources hold no answer.
    draft: Option<Draft>,
    /// Where the text may be kept: under which key, and its bytes.
    fresh: Option<(ContentHash, String)>,
}

/// What rules, instructions of a bot, places of sources and a question take besides the sources, at most.
const PROMPT_TOKENS: u32 = 7_000;

impl Writing {
    /// What a written answer may take: an upper bound by our own counter.
    pub(super) fn most_usage(&self) -> ChatUsage {
        let context = u32::try_from(self.settings.context_tokens).unwrap_or(u32::MAX);
        ChatUsage {
            prompt_tokens: context.saturating_add(PROMPT_TOKENS),
            completion_tokens: self.settings.max_answer_tokens,
        }
    }

    /// The models that may write, the one that is asked first in front, however they do now: while it is away, what it wrote
    /// before is given again, and what another one writes in its place is not kept for the time after.
    pub(super) fn line_up(&self) -> Vec<String> {
        line_up(&*self.model, self.manner.model.as_ref())
    }

    /// What the model made of it; no content where its text cannot be used.
    pub(super) async fn write(
        &self,
        assignment: Assignment<'_>,
        kept: Option<&dyn KeptTexts>,
        listener: &Listener,
    ) -> (Option<Content>, Generation) {
        let started = Instant::now();
        // What may be left out must not be seen before.
        let listener = match self.settings.unverified {
            Unverified::Mark => listener,
            Unverified::Drop => &Listener::NOBODY,
        };
        let (mut usable, mut generation) = self.attempt(assignment, kept, false, started, listener).await;
        if usable.is_err() && generation.cached == Cached::Text {
            // Or else it would keep the model from being asked for as long as it lies there. What was told of it is replaced at
            // the end.
            (usable, generation) = self
                .attempt(assignment, kept, true, started, &Listener::NOBODY)
                .await;
        }
        match usable {
            Ok(Usable { content, fresh }) => {
                // That there is no answer is true until the next document comes.
                if let (Some(kept), Some((key, text)), true) = (kept, fresh, content.found) {
                    let sources: Vec<&Passage> = assignment.context.passages().collect();
                    let model = generation.model.clone().unwrap_or_default();
                    kept.keep(key, KeptText { model, text }, &sources).await;
                }
                generation.status = GenerationStatus::Written;
                generation.reason = None;
                (Some(content), generation)
            }
            Err(reason) => {
                generation.reason = Some(reason);
                tracing::warn!(
                    model = generation.model,
                    ?reason,
                    "an answer could not be written; it is extractive"
                );
                (None, generation)
            }
        }
    }

    /// What the model, or `anew` not what was kept, makes of it.
    async fn attempt(
        &self,
        assignment: Assignment<'_>,
        kept: Option<&dyn KeptTexts>,
        anew: bool,
        started: Instant,
        listener: &Listener,
    ) -> (Result<Usable, GenerationReason>, Generation) {
        let mut generation = Generation {
            status: GenerationStatus::Failed,
            prompt_version: Some(PROMPT_VERSION.into()),
            ..Generation::extractive(GenerationReason::Uncited)
        };
        let span = tracing::info_span!(
            target: "nexus_trace",
            "model",
            kind = "chat",
            prompt_tokens = tracing::field::Empty,
            completion_tokens = tracing::field::Empty
        );
        let drafting = self.draft(assignment, kept, anew, started, &mut generation, listener);
        let drafted = drafting.instrument(span.clone()).await;
        if let Some(usage) = generation.usage {
            span.record("prompt_tokens", usage.prompt_tokens);
            span.record("completion_tokens", usage.completion_tokens);
        }
        drop(span);
        generation.micros = micros_since(started);
        generation.uncounted = generation.model.is_some() && generation.usage.is_none();
        let verify = tracing::info_span!(target: "nexus_trace", "verify");
        let usable = drafted.and_then(|Drafted { draft, fresh }| {
            verify
                .in_scope(|| content(assignment, draft, self.settings.unverified))
                .map(|content| Usable { content, fresh })
        });
        (usable, generation)
    }

    /// The model's text with checked marks; `None` if it says that the sources hold no answer.
    async fn draft(
        &self,
        assignment: Assignment<'_>,
        kept: Option<&dyn KeptTexts>,
        anew: bool,
        started: Instant,
        generation: &mut Generation,
        listener: &Listener,
    ) -> Result<Drafted, GenerationReason> {
        let context = assignment.context;
        let request = ChatRequest {
            messages: prompt::messages(assignment.language, assignment.question, context, &self.manner),
            max_tokens: self.settings.max_answer_tokens,
            temperature: self.settings.temperature,
            prefer: self.manner.model.clone(),
            calls: self.calls.clone(),
        };
        let models = self.line_up();
        let key = kept.map(|kept| (kept, text_key(&request, &models, self.settings.unverified)));
        let known = match &key {
            Some((kept, key)) if !anew => kept.text(key).await,
            _ => None,
        };
        let reply = match known {
            Some(known) => {
                generation.cached = Cached::Text;
                Ok(said_before(known))
            }
            None => self.model.chat(request).await,
        };
        let ChatReply { model, mut events } = reply.map_err(|error| GenerationReason::from(&error))?;
        // Of a model that stood in for another one nothing is kept: the other one may be back at the next question.
        let key = key.map(|(_, key)| key).filter(|_| models.first() == Some(&model));
        generation.model = Some(model);
        generation.first_token_micros = Some(micros_since(started));

        let mut thoughts = Thoughts::default();
        let mut gate = Gate::default();
        let mut parser = Parser::new(context.sources.len());
        let mut text = String::new();
        let finish = loop {
            match events.next().await {
                Some(Ok(ChatEvent::Delta(delta))) => {
                    if key.is_some() {
                        text.push_str(&delta);
                    }
                    let step = parser.push(&gate.push(&thoughts.push(&delta)));
                    tell(listener, context, step).await;
                }
                Some(Ok(ChatEvent::End(end))) => {
                    generation.usage = end.usage;
                    generation.truncated = end.finish == ChatFinish::Length;
                    if end.finish == ChatFinish::Filtered {
                        return Err(GenerationReason::Filtered);
                    }
                    break end.finish;
                }
                Some(Err(ChatError::TimedOut(_))) => return Err(GenerationReason::TimedOut),
                Some(Err(_)) | None => return Err(GenerationReason::BrokenOff),
            }
        };
        let is_fresh = generation.cached == Cached::None && finish == ChatFinish::Stop;
        let fresh = key.filter(|_| is_fresh).map(|key| (key, text));
        let last = gate.push(&thoughts.finish());
        let Some(rest) = gate.finish() else {
            return Ok(Drafted { draft: None, fresh });
        };
        let step = parser.push(&(last + &rest));
        tell(listener, context, step).await;
        let (step, draft) = parser.finish();
        tell(listener, context, step).await;
        generation.invented_citations = draft.invented.len();
        Ok(Drafted {
            draft: Some(draft),
            fresh,
        })
    }
}

/// The models behind one, the one that is asked first in front.
fn line_up(model: &dyn ChatModel, prefer: Option<&String>) -> Vec<String> {
    let models = model.conditions().into_iter();
    let mut models: Vec<String> = models.map(|(name, _)| name).collect();
    models.sort_by_key(|name| Some(name) != prefer);
    models
}

/// A text that was kept, as if a model said it now, which takes no tokens.
fn said_before(known: KeptText) -> ChatReply {
    let end = ChatEnd {
        finish: ChatFinish::Stop,
        usage: Some(ChatUsage::default()),
    };
    let events = [ChatEvent::Delta(known.text), ChatEvent::End(end)];
    ChatReply {
        model: known.model,
        events: stream::iter(events.map(Ok)).boxed(),
    }
}

async fn tell(listener: &Listener, context: &Context<'_>, step: Step) {
    if step.text.is_empty() {
        return;
    }
    let chunk = |place: usize| context.sources[place].passage.chunk.id;
    let event = || {
        AnswerEvent::Delta(AnswerDelta {
            text: step.text,
            cited: step
                .new
                .into_iter()
                .map(|(number, place)| (number, chunk(place)))
                .collect(),
        })
    };
    listener.tell(event).await;
}

/// What a finished text says; an error if it rests on nothing.
fn content(
    assignment: Assignment<'_>,
    draft: Option<Draft>,
    unverified: Unverified,
) -> Result<Content, GenerationReason> {
    let nothing_found = || Content::nothing(phrases::nothing_found(assignment.language));
    let Some(draft) = draft else {
        return Ok(nothing_found());
    };
    if draft.cited.is_empty() {
        return if reads_like_refusal(&draft.plain) {
            Ok(nothing_found())
        } else {
            Err(GenerationReason::Uncited)
        };
    }
    let written = verified::read(draft, &assignment.context.evidence());
    let written = match unverified {
        Unverified::Mark => written.without_invented_addresses(),
        Unverified::Drop => written.without_unsupported(),
    };
    let written = written.ok_or(GenerationReason::Uncited)?;
    Ok(Content {
        citations: citations(assignment, &written),
        text: written.text.trim_end().to_owned(),
        blocks: written.blocks(),
        nearest: Vec::new(),
        found: true,
    })
}

/// What the numbers mean: of each source the part that fits best what is said with its number.
fn citations(assignment: Assignment<'_>, written: &Written) -> Vec<Citation> {
    let sources = &assignment.context.sources;
    let held: Vec<HashSet<u32>> = sources
        .iter()
        .map(|source| select::held(&source.passage))
        .collect();
    let citation = |(place, source): (usize, &usize)| {
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let blocks = written.pieces.iter().map(|piece| &piece.block);
        let resting = blocks.filter(|block| block.citations.contains(&number));
        let statements: Vec<&str> = resting.map(|block| block.text.as_str()).collect();
        let terms = QuestionTerms::new(&statements.join("\n"), &held);
        let source = sources[*source];
        let text = &source.passage.chunk.text;
        let matches = terms.matches(&nexus_text::terms(text));
        let span = best_span(text, &matches, assignment.max_quote_chars).unwrap_or(0..text.len());
        Citation {
            number,
            quote: text[span.clone()].to_owned(),
            quote_lines: lines_of(&source.passage.chunk, &span),
            passage: source.passage.clone(),
            score: source.score,
            lexical: source.lexical,
            dense: source.dense,
            rerank: source.rerank,
        }
    };
    written.cited.iter().enumerate().map(citation).collect()
}
