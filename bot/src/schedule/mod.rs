//! When a call to Telegram may be made: one [`Scheduler`] per process, a thin shell with a clock around [`Schedule`].

mod state;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio_util::task::AbortOnDropHandle;

pub use state::{Class, Limits, Next, Schedule, Ticket};

/// Longest pause that is waited for within the process.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Hands out turns. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scheduler {
    shared: Arc<Shared>,
    /// Ends with the last clone.
    _turns: Arc<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    schedule: Schedule,
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

/// Somebody's place in the queue; given up when dropped.
struct Place<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.schedule.leave(self.ticket);
        state.waiting.remove(&self.ticket);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives turns as they come up, for ever.
    async fn give_turns(&self) {
        loop {
            let changed = self.changed.notified();
            let wait = loop {
                let mut state = self.lock();
                match state.schedule.next(Instant::now()) {
                    Next::Go(ticket) => {
                        if let Some(turn) = state.waiting.remove(&ticket) {
                            // Somebody who has just left; the turn is lost.
                            let _ = turn.send(());
                        }
                    }
                    Next::Wait(until) => break Some(until),
                    Next::Idle => break None,
                }
            };
            match wait {
                Some(until) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until.into()) => {}
                        () = changed => {}
                    }
                }
                None => changed.await,
            }
        }
    }
}

impl Scheduler {
    /// Must be called within the runtime.
    pub fn new(limits: Limits) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                schedule: Schedule::new(limits),
                waiting: HashMap::new(),
            }),
            changed: Notify::new(),
        });
        let turns = {
            let shared = shared.clone();
            tokio::spawn(async move { shared.give_turns().await })
        };
        Self {
            shared,
            _turns: Arc::new(AbortOnDropHandle::new(turns)),
        }
    }

    /// Waits for a turn. If the chat is paused for long, says for how long.
    pub async fn turn(&self, chat: i64, class: Class) -> Result<(), Duration> {
        let (turn, place) = {
            let mut state = self.shared.lock();
            let pause = state.schedule.pause_of(chat, Instant::now());
            if pause > LONGEST_PAUSE {
                return Err(pause);
            }
            let ticket = state.schedule.join(chat, class);
            let (give, turn) = oneshot::channel();
            state.waiting.insert(ticket, give);
            let place = Place {
                shared: &self.shared,
                ticket,
            };
            (turn, place)
        };
        self.shared.changed.notify_one();
        // The sender is dropped only together with the scheduler.
        let _ = turn.await;
        drop(place);
        Ok(())
    }

    /// A turn now or none: for what is not worth waiting.
    pub fn try_turn(&self, chat: i64) -> bool {
        self.shared.lock().schedule.try_now(chat, Instant::now())
    }

    /// Telegram has refused a call.
    pub fn refused(&self, chat: i64, wait: Duration) {
        self.shared.lock().schedule.refused(chat, wait, Instant::now());
        self.shared.changed.notify_one();
    }
}
