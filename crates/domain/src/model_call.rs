//! Calls of models at their providers, one by one: what each was for, what became of it, and what it took. Every attempt is noted when
//! it begins, so that one that is given up is known of, too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::access::words;
use crate::answer::Asker;
use crate::chat::ChatUsage;
use crate::id::{AnswerId, KbId, ModelCallId};
use crate::money::Amount;
use crate::time::Timestamp;

/// What a model was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To write an answer from passages.
    #[default]
    Answer,
    /// To make a question stand alone.
    Rewrite,
    /// To answer without passages.
    Chat,
    /// To make vectors: of a question, or of a knowledge base's passages.
    Embedding,
}
words!(Purpose, "purpose of a model call":
    Answer = "answer", Rewrite = "rewrite", Chat = "chat", Embedding = "embedding");

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallOutcome {
    /// It came to its end.
    Ok,
    /// The model or the way to it failed.
    Failed,
    /// Nobody waited for its end.
    Cut,
}
words!(CallOutcome, "outcome of a model call": Ok = "ok", Failed = "failed", Cut = "cut");

/// A call as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    pub id: ModelCallId,
    /// When it began.
    pub created_at: Timestamp,
    pub purpose: Purpose,
    /// What its provider calls it.
    pub model: String,
    /// Host, and port where one is set, of the address that was called.
    pub provider: String,
    pub asker: Asker,
    /// The knowledge base that it was made for, where nobody asked.
    pub kb: Option<KbId>,
    /// How many requests it stands for: calls that feed a knowledge base are summed up, all others are one.
    pub requests: u64,
    /// The answer that it was made for, where that is kept.
    pub answer: Option<AnswerId>,
    /// `None` where the provider did not tell.
    pub usage: Option<ChatUsage>,
    /// To its end or its failure.
    pub micros: u64,
    pub outcome: CallOutcome,
    /// `None` where the model has no price, or its tokens are not known.
    pub price: Option<Amount>,
}

/// A call as it is noted while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedCall {
    pub purpose: Purpose,
    pub model: String,
    pub provider: String,
    pub began_at: Instant,
    /// Whether its provider has accepted it: it may take tokens from there on, before any word comes.
    pub began: bool,
    pub usage: Option<ChatUsage>,
    /// What it takes by our own count, for budgets where its provider does not tell.
    pub estimate: Option<ChatUsage>,
    /// `None`: it still runs.
    pub ended: Option<(CallOutcome, Duration)>,
}

/// Where the calls for one request are noted. Clones note into the same list.
#[derive(Clone, Debug, Default)]
pub struct CallLog {
    calls: Arc<Mutex<Vec<NotedCall>>>,
    purpose: Purpose,
}

impl PartialEq for CallLog {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.calls, &other.calls) && self.purpose == other.purpose
    }
}

impl CallLog {
    /// The same list, for calls with this purpose.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            purpose,
        }
    }

    /// Notes that a model is called now.
    pub fn open(&self, provider: &str, model: &str) -> OpenCall {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(NotedCall {
            purpose: self.purpose,
            model: model.to_owned(),
            provider: provider.to_owned(),
            began_at: Instant::now(),
            began: false,
            usage: None,
            estimate: None,
            ended: None,
        });
        OpenCall {
            calls: Arc::clone(&self.calls),
            at: calls.len() - 1,
        }
    }

    /// All that was noted so far.
    pub fn noted(&self) -> Vec<NotedCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A call that runs. Dropped before its end, it was cut.
#[derive(Debug)]
pub struct OpenCall {
    calls: Arc<Mutex<Vec<NotedCall>>>,
    at: usize,
}

impl OpenCall {
    /// Its provider has accepted it.
    pub fn begins(&self) {
        self.note(|call| call.began = true);
    }

    /// It takes about this.
    pub fn estimate(&self, usage: ChatUsage) {
        self.note(|call| call.estimate = Some(usage));
    }

    /// It has ended.
    pub fn end(self, outcome: CallOutcome, usage: Option<ChatUsage>) {
        self.note(|call| {
            call.usage = usage;
            call.ended = Some((outcome, call.began_at.elapsed()));
        });
    }

    fn note(&self, change: impl FnOnce(&mut NotedCall)) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = calls.get_mut(self.at) {
            change(call);
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.note(|call| {
            call.ended
                .get_or_insert_with(|| (CallOutcome::Cut, call.began_at.elapsed()));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_noted_whatever_becomes_of_it() {
        let log = CallLog::default();
        let usage = ChatUsage {
            prompt_tokens: 3,
            completion_tokens: 2,
        };
        let first = log.of(Purpose::Rewrite).open("a.example", "small");
        first.begins();
        first.end(CallOutcome::Ok, Some(usage));
        let second = log.open("b.example", "large");
        let running = log.noted();
        assert_eq!(running[1].ended, None);
        drop(second);
        log.open("c.example", "large").end(CallOutcome::Failed, None);
        let noted: Vec<_> = log
            .noted()
            .into_iter()
            .map(|call| {
                (
                    call.purpose,
                    call.provider,
                    call.began,
                    call.usage,
                    call.ended.unwrap().0,
                )
            })
            .collect();
        let expected = [
            (
                Purpose::Rewrite,
                "a.example".to_owned(),
                true,
                Some(usage),
                CallOutcome::Ok,
            ),
            (
                Purpose::Answer,
                "b.example".to_owned(),
                false,
                None,
                CallOutcome::Cut,
            ),
            (
                Purpose::Answer,
                "c.example".to_owned(),
                false,
                None,
                CallOutcome::Failed,
            ),
        ];
        assert_eq!(noted, expected);
    }
}
