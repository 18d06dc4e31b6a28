//! A chat model that says what a test tells it to.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;

use crate::chat::{ChatEnd, ChatError, ChatEvent, ChatFinish, ChatModel, ChatReply, ChatRequest, ChatUsage};

/// What one call comes to.
#[derive(Clone, Debug)]
pub enum FakeChat {
    /// These deltas, and a proper end.
    Says(Vec<String>),
    /// These deltas, and then an error.
    BreaksOff(Vec<String>, ChatError),
    /// These deltas, until the limit of tokens.
    RunsOut(Vec<String>),
    /// These deltas, and then nothing for ever.
    Stalls(Vec<String>),
    /// No first word.
    Fails(ChatError),
}

impl FakeChat {
    pub fn says(text: &str) -> Self {
        Self::Says(vec![text.to_owned()])
    }
}

/// Plays one [`FakeChat`] per call, the last one again and again.
#[derive(Debug)]
pub struct FakeChatModel {
    name: String,
    plays: Mutex<VecDeque<FakeChat>>,
    requests: Mutex<Vec<ChatRequest>>,
}

impl FakeChatModel {
    /// What it says that its calls cost.
    pub const USAGE: ChatUsage = ChatUsage {
        prompt_tokens: 100,
        completion_tokens: 10,
    };

    pub fn new(name: &str, plays: impl IntoIterator<Item = FakeChat>) -> Self {
        Self {
            name: name.to_owned(),
            plays: Mutex::new(plays.into_iter().collect()),
            requests: Mutex::default(),
        }
    }

    /// Every request so far, in order.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.requests
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    fn next(&self) -> FakeChat {
        let mut plays = self.plays.lock().expect("no test panics while it holds this");
        match plays.len() {
            0 | 1 => plays.front().cloned(),
            _ => plays.pop_front(),
        }
        .expect("a fake model has something to play")
    }
}

#[async_trait]
impl ChatModel for FakeChatModel {
    fn name(&self) -> &str {
        &self.name
    }

    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        self.requests
            .lock()
            .expect("no test panics while it holds this")
            .push(request);
        let end = |finish| {
            Ok(ChatEvent::End(ChatEnd {
                finish,
                usage: Some(Self::USAGE),
            }))
        };
        let mut stalls = false;
        let (deltas, last) = match self.next() {
            FakeChat::Says(deltas) => (deltas, end(ChatFinish::Stop)),
            FakeChat::RunsOut(deltas) => (deltas, end(ChatFinish::Length)),
            FakeChat::BreaksOff(deltas, error) => (deltas, Err(error)),
            FakeChat::Stalls(deltas) => {
                stalls = true;
                (deltas, end(ChatFinish::Other))
            }
            FakeChat::Fails(error) => return Err(error),
        };
        let deltas = deltas.into_iter().map(|delta| Ok(ChatEvent::Delta(delta)));
        let last = async move {
            if stalls {
                std::future::pending::<()>().await;
            }
            last
        };
        Ok(ChatReply {
            model: self.name.clone(),
            events: stream::iter(deltas).chain(stream::once(last)).boxed(),
        })
    }
}
