//! The world behind one lock that tells of every change.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::world::World;

/// Changes that come together are looked at once.
const PAUSE: Duration = Duration::from_millis(5);

/// What was waited for did not happen in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it did not happen within {0:?}")]
pub struct TimedOut(pub Duration);

#[derive(Debug)]
pub(crate) struct Shared {
    world: watch::Sender<World>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world: watch::Sender::new(world),
        }
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&World) -> R) -> R {
        look(&self.world.borrow())
    }

    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let mut result = None;
        self.world.send_modify(|world| result = Some(change(world)));
        result.expect("send_modify runs its function once")
    }

    pub(crate) fn watch(&self) -> watch::Receiver<World> {
        self.world.subscribe()
    }

    /// Looks at every change, until there is something or the time is over.
    pub(crate) async fn wait_for<R>(
        &self,
        mut look: impl FnMut() -> Option<R>,
        timeout: Duration,
    ) -> Result<R, TimedOut> {
        let end = Instant::now() + timeout;
        let mut changes = self.watch();
        loop {
            if let Some(found) = look() {
                return Ok(found);
            }
            match timeout_at(end, changes.changed()).await {
                Ok(Ok(())) => sleep(PAUSE).await,
                Ok(Err(_)) | Err(_) => return look().ok_or(TimedOut(timeout)),
            }
            changes.mark_unchanged();
        }
    }
}
