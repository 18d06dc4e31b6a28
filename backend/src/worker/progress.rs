//! How far a running task is: written by its work, read by its heartbeat.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nexus_domain::task::{Counts, Plan};
use nexus_domain::{Progress, Stage, Timestamp};

/// Before so much of a stage has passed its rate says nothing.
const RATE_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub struct Meter(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    progress: Progress,
    stage_started: Instant,
}

impl Meter {
    /// Goes on with the counts of an earlier attempt, and with the time since when its source has been away: they are facts
    /// about the task, not about the attempt.
    pub fn resume(before: &Progress) -> Self {
        let progress = Progress {
            counts: before.counts,
            away_since: before.away_since,
            ..Progress::default()
        };
        Self(Arc::new(Mutex::new(State {
            progress,
            stage_started: Instant::now(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stage(&self, stage: Stage, total: Option<u64>) {
        let mut state = self.lock();
        state.stage_started = Instant::now();
        state.progress = Progress {
            stage,
            total,
            counts: state.progress.counts,
            away_since: state.progress.away_since,
            plan: state.progress.plan.take(),
            ..Progress::default()
        };
    }

    pub fn total(&self, total: u64) {
        self.lock().progress.total = Some(total);
    }

    pub fn plan(&self, plan: Plan) {
        self.lock().progress.plan = Some(plan);
    }

    pub fn waits_for(&self, what: Option<&str>) {
        self.lock().progress.waits_for = what.map(str::to_owned);
    }

    /// Notes since when the task's source has been away; `None` forgets it.
    pub fn away_since(&self, since: Option<Timestamp>) {
        self.lock().progress.away_since = since;
    }

    /// Counts `units` of the stage as done.
    pub fn advance(&self, units: u64) {
        self.lock().progress.done += units;
    }

    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().progress.counts);
    }

    /// The progress now, with rate and time to go.
    pub fn read(&self) -> Progress {
        let state = self.lock();
        let elapsed = state.stage_started.elapsed();
        let mut progress = state.progress.clone();
        if elapsed >= RATE_AFTER && progress.done > 0 {
            let rate = progress.done as f64 / elapsed.as_secs_f64();
            progress.rate_milli = Some((rate * 1_000.0).round() as u64);
            progress.eta_millis = progress
                .total
                .map(|total| (total.saturating_sub(progress.done) as f64 / rate * 1_000.0).round() as u64);
        }
        progress
    }
}
