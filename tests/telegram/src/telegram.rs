//! The handle that tests hold.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::ring;
use tokio::task::JoinHandle;

use crate::bot::BotHandle;
use crate::chat::Chat;
use crate::journal::{Counters, Entry};
use crate::limits::Limits;
use crate::options::Options;
use crate::people::User;
use crate::server::{Authority, Identity, Listening, deliver, listen};
use crate::shared::{Shared, TimedOut};
use crate::trouble::{Dice, Trouble};
use crate::world::{Bot, Chat as ChatState, ChatKey, ChatKind, Membership, Person, World};

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the address cannot be listened at")]
    Listen(#[from] std::io::Error),
    #[error("no certificate could be made")]
    Certificate(#[from] rcgen::Error),
    #[error("the certificate cannot be read")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

/// A simulated Telegram; gone when it is dropped.
#[derive(Debug)]
pub struct Telegram {
    shared: Arc<Shared>,
    authority: Authority,
    listening: Listening,
    has_tls: bool,
    deliveries: Mutex<Vec<JoinHandle<()>>>,
}

impl Telegram {
    /// Must be called on a runtime of tokio.
    ///
    /// # Errors
    /// When the address is taken.
    pub fn start(options: Options) -> Result<Self, StartError> {
        // The client of webhooks needs one; whoever came first has chosen the same.
        let _ = ring::default_provider().install_default();
        let authority = Authority::new()?;
        let (at, has_tls) = (options.listen, options.tls);
        let shared = Arc::new(Shared::new(World::new(options, &authority.pem())));
        let listening = listen(&shared, at, has_tls.then_some(&authority))?;
        Ok(Self {
            shared,
            authority,
            listening,
            has_tls,
            deliveries: Mutex::default(),
        })
    }

    /// Where the Bot API is, without a slash at the end.
    pub fn address(&self) -> String {
        let (scheme, port) = (
            if self.has_tls { "https" } else { "http" },
            self.listening.address,
        );
        format!("{scheme}://{port}")
    }

    /// The certificate of the test authority, for clients of the server.
    pub fn ca_pem(&self) -> String {
        self.authority.pem()
    }

    /// A certificate of the test authority, for other servers: webhooks are trusted with it.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn identity(&self, names: &[&str]) -> Result<Identity, StartError> {
        Ok(self.authority.identity(names)?)
    }

    /// Adds a bot. Its id is what stands before the colon of the token.
    pub fn add_bot(&self, token: &str, username: &str) -> BotHandle {
        let id = token.split_once(':').and_then(|(id, _)| id.parse().ok());
        let id = id.expect("a token is a number, a colon and a secret");
        self.shared.change(|world| {
            world.bots.insert(id, Bot::new(id, username));
            world.tokens.insert(token.to_owned(), id);
        });
        let delivery = tokio::spawn(deliver(Arc::clone(&self.shared), id));
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.push(delivery);
        BotHandle::new(&self.shared, id)
    }

    /// Adds a person.
    pub fn user(&self, id: i64, first_name: &str, language_code: &str) -> User {
        let person = Person {
            id,
            first_name: first_name.to_owned(),
            language_code: Some(language_code.to_owned()).filter(|code| !code.is_empty()),
            is_deactivated: false,
        };
        self.shared.change(|world| world.people.insert(id, person));
        User::new(&self.shared, id)
    }

    /// Adds a basic group whose members the bots are, as are all people.
    pub fn group(&self, title: &str, bots: &[&BotHandle]) -> Chat {
        self.shared_chat(ChatKind::Group, title, bots)
    }

    pub fn supergroup(&self, title: &str, bots: &[&BotHandle]) -> Chat {
        self.shared_chat(ChatKind::Supergroup { is_forum: false }, title, bots)
    }

    /// Adds a supergroup with topics.
    pub fn forum(&self, title: &str, bots: &[&BotHandle]) -> Chat {
        self.shared_chat(ChatKind::Supergroup { is_forum: true }, title, bots)
    }

    pub fn channel(&self, title: &str, bots: &[&BotHandle]) -> Chat {
        self.shared_chat(ChatKind::Channel, title, bots)
    }

    fn shared_chat(&self, kind: ChatKind, title: &str, bots: &[&BotHandle]) -> Chat {
        let key = self.shared.change(|world| {
            let key = world.found(kind, title);
            for bot in bots {
                world.chat_mut(key).bots.insert(bot.id(), Membership::Member);
            }
            key
        });
        Chat::new(&self.shared, key)
    }

    pub fn set_limits(&self, limits: Limits) {
        self.shared.change(|world| world.options.limits = limits);
    }

    /// From the next call on.
    pub fn set_trouble(&self, trouble: Trouble) {
        self.shared.change(|world| world.dice = Dice::new(trouble));
    }

    pub fn journal(&self) -> Vec<Entry> {
        self.shared.read(|world| world.journal.clone())
    }

    pub fn counters(&self) -> Counters {
        self.shared.read(|world| world.counters)
    }

    /// Looks again after every change, until it holds.
    ///
    /// # Errors
    /// When it did not hold within the time.
    pub async fn wait_until(
        &self,
        mut holds: impl FnMut() -> bool,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        self.shared.wait_for(|| holds().then_some(()), timeout).await
    }
}

impl Drop for Telegram {
    fn drop(&mut self) {
        let deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.iter().for_each(JoinHandle::abort);
    }
}

impl World {
    /// Makes a chat with the next free id: basic groups count down from -1000, others from Telegram's -100….
    pub(crate) fn found(&mut self, kind: ChatKind, title: &str) -> ChatKey {
        let number = i64::try_from(self.chats.len()).unwrap_or(i64::MAX) + 1;
        let id = match kind {
            ChatKind::Group => -1_000 - number,
            _ => -1_001_000_000_000 - number,
        };
        let key = ChatKey::Shared(id);
        let mut chat = ChatState::new(key, kind, title);
        if matches!(kind, ChatKind::Supergroup { .. }) {
            // The message that made it, whose id is also that of a forum's general topic.
            chat.next_id();
        }
        self.chats.insert(key, chat);
        key
    }
}
