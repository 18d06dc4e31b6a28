//! Answers that a chat model gives from what it knows itself: no passages, no citations, nothing to check them against.

use std::pin::Pin;
use std::time::Instant;

use futures::{Stream, StreamExt as _, stream};
use nexus_domain::{ChatError, ChatEvent, ChatFinish, ChatMessage, ChatReply, ChatRequest, ChatUsage};
use nexus_text::{Language, language_of};
use tokio::sync::mpsc;

use super::context::fence_around;
use super::prompt::{DIVIDER, PROMPT_VERSION, filled, in_manner};
use super::thoughts::Thoughts;
use super::{PROMPT_TOKENS, Writing};
use crate::answer::generation::{Generation, GenerationReason, GenerationStatus};
use crate::follow_up::{Turn, last};
use crate::retrieve::micros_since;

const ENGLISH: &str = include_str!("../../../prompts/v2/chat.en.md");
const RUSSIAN: &str = include_str!("../../../prompts/v2/chat.ru.md");
/// What comes before the question where others came before it.
const ENGLISH_TURNS: &str = include_str!("../../../prompts/v2/turns.en.md");
const RUSSIAN_TURNS: &str = include_str!("../../../prompts/v2/turns.ru.md");
/// Events that wait for their reader; the model is not read on while they do.
const QUEUE: usize = 16;

/// An answer without sources.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeAnswer {
    /// Markdown.
    pub text: String,
    pub language: Language,
    pub generation: Generation,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FreeEvent {
    /// More text; never empty.
    Delta(String),
    /// Last: the whole answer.
    Done(Box<FreeAnswer>),
}

/// Ends after [`FreeEvent::Done`] or an error. Dropping it cancels the call to the model.
pub type FreeStream = Pin<Box<dyn Stream<Item = Result<FreeEvent, GenerationReason>> + Send>>;

impl Writing {
    /// What an answer without sources may take: an upper bound by our own counter.
    pub const fn most_free_usage(&self) -> ChatUsage {
        ChatUsage {
            prompt_tokens: PROMPT_TOKENS,
            completion_tokens: self.settings.max_answer_tokens,
        }
    }

    /// The answer as it is written. Everything runs while the stream is read, and only then.
    pub fn freely(self, question: String, history: Vec<Turn>) -> FreeStream {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let running = async move {
            let last = self.write_freely(&question, &history, &sender).await;
            let last = last.map(|answer| FreeEvent::Done(Box::new(answer)));
            // A reader that went away drops the whole stream, and this with it.
            let _ = sender.send(last).await;
        };
        let events = stream::unfold(receiver, |mut receiver| async {
            let event = receiver.recv().await?;
            Some((event, receiver))
        });
        let running = stream::once(running).filter_map(|()| async { None });
        stream::select(events, running).boxed()
    }

    async fn write_freely(
        &self,
        question: &str,
        history: &[Turn],
        sender: &mpsc::Sender<Result<FreeEvent, GenerationReason>>,
    ) -> Result<FreeAnswer, GenerationReason> {
        let started = Instant::now();
        let language = language_of(question);
        let request = ChatRequest {
            messages: self.free_messages(language, question, history),
            max_tokens: self.settings.max_answer_tokens,
            temperature: self.settings.temperature,
            prefer: self.manner.model.clone(),
            calls: self.calls.clone(),
        };
        let reply = self.model.chat(request).await;
        let ChatReply { model, mut events } = reply.map_err(|error| GenerationReason::from(&error))?;
        let mut generation = Generation {
            status: GenerationStatus::Unsourced,
            reason: None,
            model: Some(model),
            prompt_version: Some(PROMPT_VERSION.into()),
            first_token_micros: Some(micros_since(started)),
            ..Generation::extractive(GenerationReason::NotConfigured)
        };
        let (mut thoughts, mut text) = (Thoughts::default(), String::new());
        loop {
            match events.next().await {
                Some(Ok(ChatEvent::Delta(delta))) => {
                    let delta = thoughts.push(&delta);
                    tell(sender, &mut text, delta).await;
                }
                Some(Ok(ChatEvent::End(end))) => {
                    if end.finish == ChatFinish::Filtered {
                        return Err(GenerationReason::Filtered);
                    }
                    generation.usage = end.usage;
                    generation.uncounted = end.usage.is_none();
                    generation.truncated = end.finish == ChatFinish::Length;
                    break;
                }
                Some(Err(ChatError::TimedOut(_))) => return Err(GenerationReason::TimedOut),
                Some(Err(_)) | None => return Err(GenerationReason::BrokenOff),
            }
        }
        tell(sender, &mut text, thoughts.finish()).await;
        generation.micros = micros_since(started);
        if text.trim().is_empty() {
            return Err(GenerationReason::BrokenOff);
        }
        Ok(FreeAnswer {
            text: text.trim().to_owned(),
            language,
            generation,
        })
    }

    fn free_messages(&self, language: Language, question: &str, history: &[Turn]) -> Vec<ChatMessage> {
        let (words, turned) = match language {
            Language::English => (ENGLISH, ENGLISH_TURNS),
            Language::Russian => (RUSSIAN, RUSSIAN_TURNS),
        };
        let (rules, user) = words.split_once(DIVIDER).unwrap_or(("", words));
        let turns = last(history).iter().map(Turn::question);
        let turns = if history.is_empty() {
            String::new()
        } else {
            let fence = fence_around(turns.clone().chain([question]));
            let told: String = turns
                .map(|turn| format!("{fence}\n{}\n{fence}\n\n", turn.trim()))
                .collect();
            let told = filled(turned, |name| match name {
                "fence" => Some(fence.as_str()),
                "turns" => Some(told.trim_end()),
                _ => None,
            });
            format!("{}\n\n", told.trim_end())
        };
        let user = filled(user, |name| match name {
            "turns" => Some(turns.as_str()),
            "question" => Some(question),
            _ => None,
        });
        vec![
            ChatMessage::system(in_manner(rules, language, &self.manner)),
            ChatMessage::user(user.trim_end()),
        ]
    }
}

async fn tell(sender: &mpsc::Sender<Result<FreeEvent, GenerationReason>>, text: &mut String, delta: String) {
    if delta.is_empty() {
        return;
    }
    text.push_str(&delta);
    let _ = sender.send(Ok(FreeEvent::Delta(delta))).await;
}
