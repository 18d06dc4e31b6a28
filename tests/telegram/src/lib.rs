//! A simulated Telegram: a Bot API server with its own state, for tests of the real bot and for trying it without Telegram.
//!
//! People act through [`User`], bots through HTTP, and tests look at [`Chat`]s as people see them. What the server refuses, it
//! refuses in the words of <https://github.com/tdlib/telegram-bot-api>. It differs from Telegram where tests are better for it:
//! message ids are counted per chat everywhere (so that mixing chats up shows), bots read all messages of their groups, and
//! mentions and commands are marked in people's messages only. It knows nothing of Nexus.

mod api;
mod bot;
mod chat;
mod journal;
mod limits;
mod options;
mod people;
mod server;
mod shared;
mod telegram;
mod text;
mod trouble;
mod world;

pub use bot::{BotHandle, WebhookSeen};
pub use chat::{Author, Button, Chat, Earlier, Seen};
pub use journal::{Counters, Entry};
pub use limits::{Limit, Limits};
pub use options::Options;
pub use people::{Impossible, Upload, User};
pub use server::Identity;
pub use shared::TimedOut;
pub use telegram::{StartError, Telegram};
pub use text::Entity;
pub use trouble::{Trouble, TroubleKind};
