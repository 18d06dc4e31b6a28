//! What workers and long polls of this process are told at once. Those of other processes look at the rows now and then.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

#[derive(Clone, Debug, Default)]
pub struct Signals(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    updates: Notify,
    deliveries: Notify,
}

impl Signals {
    /// Updates wait.
    pub fn updates(&self) {
        self.0.updates.notify_one();
    }

    pub async fn updates_came(&self) {
        self.0.updates.notified().await;
    }

    /// Deliveries are due, or previews have grown.
    pub fn deliveries(&self) {
        self.0.deliveries.notify_waiters();
    }

    /// Begin to listen before looking, or what happens in between is missed.
    pub fn listen_for_deliveries(&self) -> Notified<'_> {
        self.0.deliveries.notified()
    }
}
