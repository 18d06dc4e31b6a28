//! The keys that Telegram publishes for its id_tokens: fetched when first needed, kept, and fetched again for a key that is
//! not among them, but not more often than once a minute.

use std::sync::Arc;
use std::time::Duration;

use nexus_auth::telegram::jwks::{Jwks, MAX_JWKS_BYTES};
use nexus_domain::{Clock, Timestamp};
use tokio::sync::Mutex;

use super::ServiceError;

/// Kept keys are fetched anew after this, so that a withdrawn one ends.
const KEEP: Duration = Duration::from_secs(24 * 3_600);
/// So long they are good where they cannot be fetched anew.
const KEEP_WHILE_AWAY: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Least time between two fetches.
const APART: Duration = Duration::from_secs(60);
/// No fetch is tried for so long after one that failed.
const REST: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct KeySource {
    url: String,
    clock: Arc<dyn Clock>,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    keys: Option<(Arc<Jwks>, Timestamp)>,
    /// When they could not be fetched, since they last could.
    failed_at: Option<Timestamp>,
}

impl KeySource {
    pub fn new(url: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            url,
            clock,
            held: Arc::default(),
        }
    }

    /// The kept keys; fetched where there are none yet.
    pub async fn current(&self) -> Result<Arc<Jwks>, ServiceError> {
        let mut held = self.held.lock().await;
        match &held.keys {
            Some((keys, at)) if self.age(*at) < KEEP => Ok(Arc::clone(keys)),
            Some((keys, at)) if self.age(*at) < KEEP_WHILE_AWAY => {
                let keys = Arc::clone(keys);
                Ok(self.fetch(&mut held).await.unwrap_or(keys))
            }
            _ => self.fetch(&mut held).await,
        }
    }

    /// The keys as they are published now; `None` if they were fetched a moment ago.
    pub async fn newer(&self) -> Result<Option<Arc<Jwks>>, ServiceError> {
        let mut held = self.held.lock().await;
        match &held.keys {
            Some((_, at)) if self.age(*at) < APART => Ok(None),
            _ => self.fetch(&mut held).await.map(Some),
        }
    }

    fn age(&self, at: Timestamp) -> Duration {
        self.clock.now().since(at)
    }

    /// While their place is away, callers do not wait for it one after another.
    async fn fetch(&self, held: &mut Held) -> Result<Arc<Jwks>, ServiceError> {
        if held.failed_at.is_some_and(|at| self.age(at) < REST) {
            return Err(ServiceError::Unavailable(
                "the keys could not be fetched a moment ago".into(),
            ));
        }
        let fetched = match self.download().await {
            Ok(bytes) => Jwks::parse(&bytes).map_err(Into::into),
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        match fetched {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *held = Held {
                    keys: Some((Arc::clone(&keys), now)),
                    failed_at: None,
                };
                Ok(keys)
            }
            Err(error) => {
                held.failed_at = Some(now);
                Err(ServiceError::Unavailable(error))
            }
        }
    }

    async fn download(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        // Redirects are not followed: the settings say where the keys are.
        let builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none());
        let client = match self.url.strip_prefix("http://") {
            Some(_) => builder.tls_certs_only([]).no_proxy().build()?,
            None => builder.https_only(true).build()?,
        };
        let mut response = client.get(&self.url).send().await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await? {
            if bytes.len() + piece.len() > MAX_JWKS_BYTES {
                return Err("the key set is larger than allowed".into());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}
