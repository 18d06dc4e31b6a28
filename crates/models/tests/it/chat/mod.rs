//! Chat models, at a scripted server on this machine.

mod budget;
mod calls;
mod fallback;
mod hostile;
mod streaming;

use std::time::Duration;

use futures::StreamExt as _;
use nexus_domain::{
    CallLog, ChatEnd, ChatError, ChatEvent, ChatMessage, ChatModel as _, ChatReply, ChatRequest,
};
use nexus_models::chat::{ChatEndpoint, ChatOptions, ChatRetries, ChatTimes, OpenAiChat};
use nexus_models::chat_stand_in::{ChatStandIn, Play};

/// Long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Short enough to be waited for.
pub const SHORT: Duration = Duration::from_millis(80);

/// Patient, with one attempt.
pub fn options() -> ChatOptions {
    ChatOptions {
        times: ChatTimes {
            connect: PATIENCE,
            first_token: PATIENCE,
            between_tokens: PATIENCE,
            total: PATIENCE,
        },
        retries: ChatRetries {
            attempts: 1,
            total: PATIENCE,
            first_wait: Duration::from_millis(2),
        },
    }
}

/// Patient, with three attempts.
pub fn persistent() -> ChatOptions {
    let mut options = options();
    options.retries.attempts = 3;
    options
}

pub fn model_at(url: &str, options: ChatOptions) -> OpenAiChat {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endpoint = ChatEndpoint {
        base: url.parse().unwrap(),
        key: "a-key".to_owned().into(),
        model: "writer".to_owned(),
    };
    OpenAiChat::new(&endpoint, options).unwrap()
}

pub fn request() -> ChatRequest {
    ChatRequest {
        messages: vec![ChatMessage::system("rules"), ChatMessage::user("question")],
        max_tokens: 64,
        temperature: Some(0.5),
        prefer: None,
        calls: CallLog::default(),
    }
}

/// A server that plays these, and a model at it.
pub async fn set_up(plays: Vec<Play>, options: ChatOptions) -> (ChatStandIn, OpenAiChat) {
    let server = ChatStandIn::start(plays).await;
    let model = model_at(&server.url(), options);
    (server, model)
}

pub async fn ask(model: &OpenAiChat) -> Result<ChatReply, ChatError> {
    model.chat(request()).await
}

/// All text, and how it ended.
pub async fn read(mut reply: ChatReply) -> (String, Result<ChatEnd, ChatError>) {
    let mut text = String::new();
    while let Some(event) = reply.events.next().await {
        match event {
            Ok(ChatEvent::Delta(delta)) => text.push_str(&delta),
            Ok(ChatEvent::End(end)) => {
                assert!(reply.events.next().await.is_none(), "nothing follows the end");
                return (text, Ok(end));
            }
            Err(error) => {
                assert!(reply.events.next().await.is_none(), "nothing follows an error");
                return (text, Err(error));
            }
        }
    }
    panic!("an answer ends with an end or an error");
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
