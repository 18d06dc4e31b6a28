//! The part of the cache that all processes share: a Redis, asked with plain commands and little patience. Where it is away,
//! slow or says nonsense, answers are made as without it.
//!
//! What lies there is sealed under the installation's secret and bound to its name, so that whoever can write there cannot put
//! words into an answer, and whoever can read there reads nothing. Names are fingerprints under the same secret. A value is
//! listed under every text that it was made from before it lies there, and lies there for a minute only until it is certain
//! that these texts still stand: so whoever deletes a text finds all values of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use nexus_auth::KeyRing;
use nexus_domain::probe::crash_point;
use nexus_domain::{Clock, Condition, ContentHash, KbId};
use nexus_storage::KbStamp;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::entry::{Content, Entry, Written};

/// Kinds of values.
pub(super) const ANSWERS: &str = "answer";
pub(super) const TEXTS: &str = "text";
/// How long a value lies there before it is certain that it may.
const UNCONFIRMED_SECONDS: u64 = 60;
/// How long nobody asks a Redis that failed.
const REST: Duration = Duration::from_secs(5);
/// The same is not logged again before.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Lists that are emptied in one go.
const AT_ONCE: usize = 128;
/// Lists that wait for a Redis that is away; what does not fit ends with its life.
const MAX_LEFT: usize = 100_000;

/// Where it is, and how long it is waited for.
#[derive(Clone, Debug)]
pub struct SharedOptions {
    pub url: SecretString,
    pub patience: Duration,
}

#[derive(Debug)]
pub(super) struct Shared {
    client: Client,
    keys: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    patience: Duration,
    life: Duration,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Set from a failure until the next success.
    rest_until: Option<Instant>,
    said: Option<Instant>,
    /// Lists of which the Redis could not be told that they are to be forgotten.
    left: Vec<String>,
}

/// It does not answer, or not in time, or not what it was asked.
#[derive(Debug)]
struct Away;

impl Shared {
    /// Nothing is connected to yet.
    pub(super) fn open(
        options: &SharedOptions,
        life: Duration,
        keys: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        // The error would show the address, and the password in it.
        let client = Client::open(options.url.expose_secret())
            .ok()
            .context("the cache's Redis cannot be used (setting NEXUS_CACHE_REDIS_URL)")?;
        Ok(Self {
            client,
            keys,
            clock,
            patience: options.patience,
            life,
            connection: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        })
    }

    /// A value, if it is there and is ours.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        kind: &str,
        key: &ContentHash,
        stamps: &[KbStamp],
    ) -> Option<Entry<T>> {
        let name = self.name(kind, key.as_bytes());
        let mut asked = redis::pipe();
        asked.cmd("GET").arg(&name);
        let (sealed,): (Option<Vec<u8>>,) = self.ask(&asked).await.ok()?;
        let opened = self.keys.open_cached(&sealed?, &name);
        let opened = opened.inspect_err(|error| self.say(&format!("a value is not ours: {error}")));
        let written: Written<T> = serde_json::from_slice(&opened.ok()?).ok()?;
        Some(Entry::new(written.value, written.contents, stamps))
    }

    /// Keeps a value for its life if `confirmed` says, once it lies there and can be found by who deletes, that it may.
    pub(super) async fn put<T: Serialize>(
        &self,
        kind: &str,
        key: ContentHash,
        entry: &Entry<T>,
        confirmed: impl AsyncFnOnce() -> bool,
    ) {
        let name = self.name(kind, key.as_bytes());
        let written = Written {
            value: &entry.value,
            contents: entry.contents.clone(),
        };
        let Ok(written) = serde_json::to_vec(&written) else {
            return;
        };
        let Ok(sealed) = self.keys.seal_cached(&written, &name) else {
            return;
        };
        let bucket = self.bucket();
        let mut lists: Vec<String> = entry
            .contents
            .iter()
            .map(|content| self.list_of(content))
            .collect();
        lists.extend(entry.seen().into_iter().map(|(kb, _)| self.list_of_kb(kb)));
        let mut puts = redis::pipe();
        for list in lists {
            let list = format!("{list}:{bucket}");
            puts.cmd("SADD").arg(&list).arg(&name).ignore();
            // Longer than any value that is listed there.
            let life = self.life.as_secs() * 2 + UNCONFIRMED_SECONDS;
            puts.cmd("EXPIRE").arg(&list).arg(life).ignore();
        }
        puts.cmd("SET")
            .arg(&name)
            .arg(sealed)
            .arg("EX")
            .arg(UNCONFIRMED_SECONDS.min(self.life.as_secs()));
        puts.ignore();
        if self.ask::<()>(&puts).await.is_err() {
            return;
        }
        crash_point("cache.unconfirmed");
        let mut settled = redis::pipe();
        match confirmed().await {
            true => settled.cmd("EXPIRE").arg(&name).arg(self.life.as_secs()).ignore(),
            false => settled.cmd("DEL").arg(&name).ignore(),
        };
        // Where this fails, it ends within a minute.
        let _ = self.ask::<()>(&settled).await;
    }

    /// Forgets every value that was made from one of these texts.
    pub(super) async fn forget_contents(&self, contents: &[Content]) {
        let lists: Vec<String> = contents.iter().map(|content| self.list_of(content)).collect();
        self.forget(lists).await;
    }

    pub(super) async fn forget_kb(&self, kb: KbId) {
        self.forget(vec![self.list_of_kb(kb)]).await;
    }

    /// Whether it answers: asked when a process begins, so that one that is away is known before anybody has a question.
    pub(super) async fn greet(&self) {
        if self.answers().await {
            let address = self.client.get_connection_info().addr();
            tracing::info!(%address, "the cache's Redis answers");
        }
    }

    /// Asks one that failed whether it is back, for nobody else may ask for hours; then does what could not be done.
    pub(super) async fn try_again(&self) {
        let was_away = self.state().rest_until.is_some();
        if was_away {
            self.greet().await;
        }
        self.forget_what_is_left().await;
    }

    /// Deletes what is never there: that changes nothing, and is refused by one that only reads, which is of no use either.
    async fn answers(&self) -> bool {
        let mut asked = redis::pipe();
        asked.cmd("DEL").arg(self.name("greeting", &[])).ignore();
        self.ask_now::<()>(&asked).await.is_ok()
    }

    async fn forget_what_is_left(&self) {
        let left = std::mem::take(&mut self.state().left);
        if !left.is_empty() {
            self.forget(left).await;
        }
    }

    async fn forget(&self, lists: Vec<String>) {
        let now = self.bucket();
        for part in lists.chunks(AT_ONCE) {
            // A value that lives was listed in this span of time or in the one before; where another process's clock is ahead
            // of ours, in the next one.
            let lists = part
                .iter()
                .flat_map(|list| [now + 1, now, now - 1].map(|bucket| format!("{list}:{bucket}")));
            if self.forget_lists(&lists.collect::<Vec<_>>()).await.is_err() {
                let mut state = self.state();
                let room = MAX_LEFT.saturating_sub(state.left.len());
                state.left.extend(part.iter().take(room).cloned());
            }
        }
    }

    async fn forget_lists(&self, lists: &[String]) -> Result<(), Away> {
        let mut asked = redis::pipe();
        for list in lists {
            asked.cmd("SMEMBERS").arg(list);
        }
        let names: Vec<Vec<String>> = self.ask(&asked).await?;
        let mut forgets = redis::pipe();
        // The lists stay: somebody may be adding to them.
        for (list, names) in lists.iter().zip(&names).filter(|(_, names)| !names.is_empty()) {
            forgets.cmd("DEL").arg(names).ignore();
            forgets.cmd("SREM").arg(list).arg(names).ignore();
        }
        if forgets.is_empty() {
            return Ok(());
        }
        self.ask::<()>(&forgets).await
    }

    pub(super) fn condition(&self) -> Condition {
        match self.state().rest_until {
            None => Condition::Fine,
            Some(_) => Condition::Away("it does not answer as it should; the log says why".to_owned()),
        }
    }

    /// One round trip; nobody is asked who failed a moment ago.
    async fn ask<T: FromRedisValue>(&self, asked: &Pipeline) -> Result<T, Away> {
        if self
            .state()
            .rest_until
            .is_some_and(|until| Instant::now() < until)
        {
            return Err(Away);
        }
        self.ask_now(asked).await
    }

    /// One round trip, within the time that there is.
    async fn ask_now<T: FromRedisValue>(&self, asked: &Pipeline) -> Result<T, Away> {
        let asking = async {
            let mut connection = self.connected().await?;
            asked.query_async(&mut connection).await
        };
        let failure = match tokio::time::timeout(self.patience, asking).await {
            Ok(Ok(answer)) => {
                self.state().rest_until = None;
                return Ok(answer);
            }
            Ok(Err(error)) => format!("{:?}", error.kind()),
            Err(_) => "it is too slow".to_owned(),
        };
        self.state().rest_until = Some(Instant::now() + REST);
        *self.connection.lock().await = None;
        self.say(&failure);
        Err(Away)
    }

    async fn connected(&self) -> redis::RedisResult<MultiplexedConnection> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &*held {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience))
            .set_response_timeout(Some(self.patience));
        let connection = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    /// Once in a while. The address is host and port: no password.
    fn say(&self, reason: &str) {
        let mut state = self.state();
        if state.said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            state.said = Some(Instant::now());
            let address = self.client.get_connection_info().addr();
            tracing::warn!(
                %address,
                reason,
                "the cache's Redis is of no use (setting NEXUS_CACHE_REDIS_URL); answers are made without it"
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, kind: &str, known_by: &[u8]) -> String {
        let print = self.keys.fingerprint(&format!("cache/{kind}"), known_by);
        format!("nexus:{kind}:{}", ContentHash::from_bytes(print))
    }

    fn list_of(&self, (kb, content): &Content) -> String {
        let known_by = [kb.as_uuid().as_bytes().as_slice(), content.as_bytes()].concat();
        self.name("of_text", &known_by)
    }

    fn list_of_kb(&self, kb: KbId) -> String {
        self.name("of_kb", kb.as_uuid().as_bytes())
    }

    /// Lists are begun anew with each life of a value, so that none grows for ever.
    fn bucket(&self) -> i64 {
        let life = i64::try_from(self.life.as_micros()).unwrap_or(i64::MAX).max(1);
        self.clock.now().as_micros().div_euclid(life)
    }
}
