//! Turns at a site: one request at a time and a pause between the starts of two, for all syncs that share a client.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Sites that are remembered before those that nobody waits for are forgotten.
const MOST_SITES: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Site>>);

#[derive(Debug)]
struct Site {
    is_busy: bool,
    next: Instant,
}

/// The right to send one request; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    site: String,
}

impl Turns {
    /// Takes a turn, or tells after which time it is worth asking again.
    pub(crate) fn take(&self, site: &str, pause: Duration) -> Result<Turn<'_>, Duration> {
        const WHILE_BUSY: Duration = Duration::from_millis(20);
        let now = Instant::now();
        let mut sites = self.lock();
        if sites.len() >= MOST_SITES {
            sites.retain(|_, site| site.is_busy || site.next > now);
        }
        let known = sites.entry(site.to_owned()).or_insert(Site {
            is_busy: false,
            next: now,
        });
        if known.is_busy {
            return Err(WHILE_BUSY);
        }
        if known.next > now {
            return Err(known.next - now);
        }
        *known = Site {
            is_busy: true,
            next: now + pause,
        };
        Ok(Turn {
            turns: self,
            site: site.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Site>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(site) = self.turns.lock().get_mut(&self.site) {
            site.is_busy = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_asked_by_one_at_a_time_and_not_too_often() {
        let turns = Turns::default();
        let hour = Duration::from_secs(3_600);
        let first = turns.take("a", hour).unwrap();
        assert!(turns.take("a", hour).is_err(), "it is being asked");
        turns.take("b", Duration::ZERO).unwrap();
        turns.take("b", Duration::ZERO).unwrap();
        drop(first);
        let wait = turns.take("a", hour).unwrap_err();
        assert!(wait > Duration::from_secs(3_000), "{wait:?}");
    }
}
