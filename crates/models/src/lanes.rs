//! The queue between the async callers and the threads that run the model: one lane for questions, one for passages.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nexus_domain::EmbedError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// What a batch's caller waits for.
pub(crate) type Reply = Result<Vec<Vec<f32>>, EmbedError>;

/// One run of the model.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) texts: Vec<String>,
    pub(crate) reply: oneshot::Sender<Reply>,
    /// The batch's place in the bounded queue; given back when the batch is done or dropped.
    pub(crate) _place: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Queries,
    Passages,
}

/// Which lanes a thread serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    Queries,
    Passages,
    /// Questions first.
    Both,
}

#[derive(Debug, Default)]
struct State {
    queries: VecDeque<Batch>,
    passages: VecDeque<Batch>,
    closed: bool,
}

/// Both lanes. How many batches they hold is bounded by the permits that the batches carry.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    changed: Condvar,
}

impl Lanes {
    /// Adds a batch. After `close` it is dropped, which its caller sees as a closed reply.
    pub(crate) fn push(&self, lane: Lane, batch: Batch) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        match lane {
            Lane::Queries => state.queries.push_back(batch),
            Lane::Passages => state.passages.push_back(batch),
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for the next batch whose caller still wants it. `None` after `close`.
    pub(crate) fn next(&self, serves: Serves) -> Option<Batch> {
        let mut state = self.lock();
        while !state.closed {
            let batch = match serves {
                Serves::Queries => state.queries.pop_front(),
                Serves::Passages => state.passages.pop_front(),
                Serves::Both => state.queries.pop_front().or_else(|| state.passages.pop_front()),
            };
            match batch {
                Some(batch) if batch.reply.is_closed() => {}
                Some(batch) => return Some(batch),
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
        None
    }

    /// Drops what waits and ends the threads after their present batch.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = (
            std::mem::take(&mut state.queries),
            std::mem::take(&mut state.passages),
        );
        drop(state);
        drop(waiting);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; a poisoned lock would still guard a whole queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn batch(places: &Arc<Semaphore>, text: &str) -> (Batch, oneshot::Receiver<Reply>) {
        let (reply, receiver) = oneshot::channel();
        let place = Arc::clone(places).try_acquire_owned().unwrap();
        (
            Batch {
                texts: vec![text.to_owned()],
                reply,
                _place: place,
            },
            receiver,
        )
    }

    #[test]
    fn a_question_overtakes_waiting_passages() {
        let (lanes, places) = (Lanes::default(), Arc::new(Semaphore::new(8)));
        let mut receivers = Vec::new();
        for (lane, text) in [
            (Lane::Passages, "p1"),
            (Lane::Passages, "p2"),
            (Lane::Queries, "q"),
        ] {
            let (batch, receiver) = batch(&places, text);
            lanes.push(lane, batch);
            receivers.push(receiver);
        }
        let order: Vec<_> = (0..3)
            .map(|_| lanes.next(Serves::Both).unwrap().texts.remove(0))
            .collect();
        assert_eq!(order, ["q", "p1", "p2"]);
        assert_eq!(places.available_permits(), 8);
    }

    #[test]
    fn what_nobody_waits_for_is_not_computed() {
        let (lanes, places) = (Lanes::default(), Arc::new(Semaphore::new(8)));
        let (dropped, receiver) = batch(&places, "dropped");
        lanes.push(Lane::Passages, dropped);
        drop(receiver);
        let (wanted, _receiver) = batch(&places, "wanted");
        lanes.push(Lane::Passages, wanted);
        assert_eq!(lanes.next(Serves::Passages).unwrap().texts, ["wanted"]);
        assert_eq!(places.available_permits(), 8);
    }

    #[test]
    fn closing_frees_callers_and_threads() {
        let (lanes, places) = (Arc::new(Lanes::default()), Arc::new(Semaphore::new(8)));
        let waiting = std::thread::spawn({
            let lanes = Arc::clone(&lanes);
            move || lanes.next(Serves::Queries).is_none()
        });
        let (queued, mut receiver) = batch(&places, "queued");
        lanes.push(Lane::Passages, queued);
        lanes.close();
        assert!(waiting.join().unwrap());
        assert!(matches!(
            receiver.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        ));
        let (late, mut receiver) = batch(&places, "late");
        lanes.push(Lane::Queries, late);
        assert!(receiver.try_recv().is_err());
        assert_eq!(places.available_permits(), 8);
    }
}
