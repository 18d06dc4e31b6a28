//! The queue between the async callers and the threads that run the model: one lane for questions, one for passages.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use nexus_domain::EmbedError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Bytes of padding that are cheaper than a run of their own.
const PADDING: usize = 256;

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
#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    changed: Condvar,
    /// Questions that are run at once, at most.
    together: usize,
}

impl Lanes {
    pub(crate) fn new(together: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            together,
        }
    }

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

    /// Waits for what is to be run next: one batch of passages, or all questions that wait, as far as they go together. Only
    /// what somebody still wants. `None` after `close`.
    pub(crate) fn next(&self, serves: Serves) -> Option<Vec<Batch>> {
        let mut state = self.lock();
        while !state.closed {
            let questions = match serves {
                Serves::Passages => Vec::new(),
                Serves::Queries | Serves::Both => together(&mut state.queries, self.together),
            };
            if !questions.is_empty() {
                return Some(questions);
            }
            let passages = match serves {
                Serves::Queries => None,
                Serves::Passages | Serves::Both => wanted(&mut state.passages),
            };
            if let Some(passages) = passages {
                return Some(vec![passages]);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
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

/// The first that somebody waits for.
fn wanted(lane: &mut VecDeque<Batch>) -> Option<Batch> {
    while let Some(batch) = lane.pop_front() {
        if !batch.reply.is_closed() {
            return Some(batch);
        }
    }
    None
}

/// The first, and those behind it with which it costs less than alone: most of a short run is reading the weights. All texts of
/// a run are as long as its longest, so one that is long goes with others of its kind.
fn together(lane: &mut VecDeque<Batch>, at_most: usize) -> Vec<Batch> {
    let mut taken = Vec::new();
    let (mut longest, mut bytes, mut texts) = (0, 0, 0);
    while let Some(next) = wanted(lane) {
        let lengths = || next.texts.iter().map(String::len);
        let most = lengths().fold(longest, usize::max);
        let (all, count) = (bytes + lengths().sum::<usize>(), texts + next.texts.len());
        let goes_along = count <= at_most && most * count - all <= PADDING;
        if !taken.is_empty() && !goes_along {
            lane.push_front(next);
            break;
        }
        (longest, bytes, texts) = (most, all, count);
        taken.push(next);
    }
    taken
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
        let (lanes, places) = (Lanes::new(8), Arc::new(Semaphore::new(8)));
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
            .map(|_| lanes.next(Serves::Both).unwrap().remove(0).texts.remove(0))
            .collect();
        assert_eq!(order, ["q", "p1", "p2"]);
        assert_eq!(places.available_permits(), 8);
    }

    #[test]
    fn what_nobody_waits_for_is_not_computed() {
        let (lanes, places) = (Lanes::new(8), Arc::new(Semaphore::new(8)));
        let (dropped, receiver) = batch(&places, "dropped");
        lanes.push(Lane::Passages, dropped);
        drop(receiver);
        let (wanted, _receiver) = batch(&places, "wanted");
        lanes.push(Lane::Passages, wanted);
        assert_eq!(lanes.next(Serves::Passages).unwrap()[0].texts, ["wanted"]);
        assert_eq!(places.available_permits(), 8);
    }

    #[test]
    fn questions_that_wait_are_run_together_unless_one_is_much_longer() {
        let (lanes, places) = (Lanes::new(8), Arc::new(Semaphore::new(32)));
        let long = "long ".repeat(200);
        let mut receivers = Vec::new();
        let mut push = |lane, text: &str| {
            let (batch, receiver) = batch(&places, text);
            lanes.push(lane, batch);
            receivers.push(receiver);
        };
        push(Lane::Passages, "p");
        for text in ["q1", "q2", long.as_str(), long.as_str(), "q3"] {
            push(Lane::Queries, text);
        }
        for n in 4..13 {
            push(Lane::Queries, &format!("q{n}"));
        }
        drop(receivers.remove(2));
        let mut runs = Vec::new();
        for _ in 0..5 {
            let run = lanes.next(Serves::Both).unwrap();
            runs.push(
                run.into_iter()
                    .map(|batch| batch.texts[0].len())
                    .collect::<Vec<_>>(),
            );
        }
        // q2 is not wanted any more; q3 to q10 are eight.
        let ten = [vec![2; 7], vec![3]].concat();
        assert_eq!(runs, [vec![2], vec![1_000; 2], ten, vec![3; 2], vec![1]]);
        assert_eq!(places.available_permits(), 32);
    }

    #[test]
    fn closing_frees_callers_and_threads() {
        let (lanes, places) = (Arc::new(Lanes::new(8)), Arc::new(Semaphore::new(8)));
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
