//! How the API is, from what callers found out: told to operators, and used to spare it calls.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nexus_domain::EmbedError;

#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What is wrong, since the last answer.
    fault: Option<String>,
    /// Nobody asks before this.
    closed_until: Option<Instant>,
}

impl Health {
    pub(super) fn answered(&self) {
        let recovered = std::mem::take(&mut *self.lock()).fault.is_some();
        if recovered {
            tracing::info!("the embeddings API answers again");
        }
    }

    pub(super) fn failed(&self, error: &EmbedError) {
        let is_new = self.lock().fault.replace(error.to_string()).is_none();
        if is_new {
            tracing::warn!(%error, "the embeddings API does not do its work");
        }
    }

    pub(super) fn close_for(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut state = self.lock();
        state.closed_until = state.closed_until.max(Some(until));
    }

    /// How long nobody is to ask; `None` if it may be asked now.
    pub(super) fn closed_for(&self) -> Option<Duration> {
        let until = self.lock().closed_until?;
        Some(until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    pub(super) fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
