//! The pen: who writes next on SQLite, where one transaction at a time may write. In the order of their coming, but for those
//! who go ahead: what somebody outside waits for, and what is over soon. PostgreSQL has no need of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::StorageError;

/// So many may go ahead of one who waits. Then it is that one's turn, so nobody waits for ever.
const MOST_AHEAD: u32 = 4;

/// In which row somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Ahead,
    Usual,
}

#[derive(Clone, Debug)]
pub(crate) struct Pen {
    queue: Arc<Mutex<Queue>>,
    /// How long somebody waits before they are told that the database is busy.
    patience: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    is_held: bool,
    ahead: VecDeque<oneshot::Sender<HeldPen>>,
    usual: VecDeque<oneshot::Sender<HeldPen>>,
    /// How many went ahead of the first of the usual row.
    went_ahead: u32,
}

impl Pen {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            queue: Arc::default(),
            patience,
        }
    }

    /// Waits for the pen.
    pub(crate) async fn take(&self, row: Row) -> Result<HeldPen, StorageError> {
        let turn = {
            let mut queue = lock(&self.queue);
            if !queue.is_held {
                // Nobody waits: whoever gives the pen back gives it to those who do.
                queue.is_held = true;
                return Ok(HeldPen(Arc::clone(&self.queue)));
            }
            let (give, turn) = oneshot::channel();
            match row {
                Row::Ahead => queue.ahead.push_back(give),
                Row::Usual => queue.usual.push_back(give),
            }
            turn
        };
        match tokio::time::timeout(self.patience, turn).await {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(_)) | Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }
}

/// The pen in somebody's hand. Dropped, it goes to the next.
#[derive(Debug)]
pub(crate) struct HeldPen(Arc<Mutex<Queue>>);

impl Drop for HeldPen {
    fn drop(&mut self) {
        let next = lock(&self.0).next();
        if let Some(next) = next {
            // One who leaves at this very moment drops what was sent, and with that passes it on.
            let _ = next.send(Self(Arc::clone(&self.0)));
        }
    }
}

impl Queue {
    /// Whose turn it is, of those who still wait. `None`: the pen lies there.
    fn next(&mut self) -> Option<oneshot::Sender<HeldPen>> {
        self.ahead.retain(|waiting| !waiting.is_closed());
        while self.usual.front().is_some_and(oneshot::Sender::is_closed) {
            self.usual.pop_front();
        }
        let has_waited = self.went_ahead >= MOST_AHEAD && !self.usual.is_empty();
        if !has_waited && let Some(next) = self.ahead.pop_front() {
            self.went_ahead = if self.usual.is_empty() {
                0
            } else {
                self.went_ahead + 1
            };
            return Some(next);
        }
        self.went_ahead = 0;
        let next = self.usual.pop_front();
        self.is_held = next.is_some();
        next
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing that holds it can fail half-way.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Waits in a row, and once it has the pen writes its name down and gives it back.
    fn waits(
        pen: &Pen,
        row: Row,
        name: String,
        order: &Arc<Mutex<Vec<String>>>,
    ) -> tokio::task::JoinHandle<()> {
        let (pen, order) = (pen.clone(), Arc::clone(order));
        tokio::spawn(async move {
            let held = pen.take(row).await.unwrap();
            order.lock().unwrap().push(name);
            drop(held);
        })
    }

    /// The order in which `usual` and `ahead` ones get the pen, who all waited before it was given back.
    async fn order_of(usual: usize, ahead: usize) -> Vec<String> {
        let pen = Pen::new(LONG);
        let held = pen.take(Row::Usual).await.unwrap();
        let order = Arc::default();
        let mut all = Vec::new();
        for n in 0..usual {
            all.push(waits(&pen, Row::Usual, format!("usual {n}"), &order));
        }
        tokio::task::yield_now().await;
        for n in 0..ahead {
            all.push(waits(&pen, Row::Ahead, format!("ahead {n}"), &order));
        }
        tokio::task::yield_now().await;
        drop(held);
        for one in all {
            one.await.unwrap();
        }
        let order = order.lock().unwrap().clone();
        assert!(!lock(&pen.queue).is_held, "the last one gave it back");
        order
    }

    #[tokio::test]
    async fn those_who_go_ahead_go_first_and_each_row_keeps_its_order() {
        assert_eq!(order_of(2, 2).await, ["ahead 0", "ahead 1", "usual 0", "usual 1"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_more_than_four() {
        let order = order_of(2, 10).await;
        let place = |name: &str| order.iter().position(|other| other == name).unwrap();
        assert_eq!([place("usual 0"), place("usual 1")], [4, 9], "{order:?}");
        assert_eq!(order.len(), 12);
    }

    #[tokio::test]
    async fn whoever_waits_too_long_is_told() {
        let pen = Pen::new(Duration::from_millis(20));
        let held = pen.take(Row::Usual).await.unwrap();
        let error = pen.take(Row::Ahead).await.unwrap_err();
        assert!(error.is_temporary(), "{error}");
        drop(held);
        assert!(pen.take(Row::Ahead).await.is_ok());
    }

    #[tokio::test]
    async fn whoever_leaves_is_passed_over() {
        let pen = Pen::new(LONG);
        let held = pen.take(Row::Usual).await.unwrap();
        let order = Arc::default();
        let leaves = waits(&pen, Row::Ahead, "leaves".to_owned(), &order);
        let stays = waits(&pen, Row::Usual, "stays".to_owned(), &order);
        tokio::task::yield_now().await;
        leaves.abort();
        assert!(leaves.await.unwrap_err().is_cancelled());
        drop(held);
        stays.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["stays"]);
        assert!(pen.take(Row::Usual).await.is_ok(), "it was given back");
    }
}
