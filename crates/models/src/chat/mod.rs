//! Chat models behind the port `ChatModel`: any service that speaks the OpenAI chat completions API, streamed.
//!
//! - [`OpenAiChat`] is one model at one address: time-outs, bounds, and retries within a budget until the first word.
//! - [`Fallback`] is several of them in order; one that has failed rests for a while.
//!
//! What a model sends is untrusted: lines, body and answer are bounded, and what cannot be read is an error.

mod backoff;
mod fallback;
mod model;
mod openai;
mod options;
mod reply;
mod transport;

pub use fallback::Fallback;
pub use model::{OpenAiChat, provider};
pub use options::{ChatEndpoint, ChatOptions, ChatRetries, ChatTimes};
