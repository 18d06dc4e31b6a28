//! Deliveries that were taken and are not done: a lane per chat, so that messages of one chat keep their order and none
//! waits for another chat.

use std::collections::{HashMap, VecDeque};

use nexus_api::{Content, Delivery, Priority};
use uuid::Uuid;

/// A chat; files that are fetched for it, which may take long, have a lane of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane {
    chat: i64,
    fetches: bool,
}

impl Lane {
    pub(super) fn of(delivery: &Delivery) -> Self {
        Self {
            chat: delivery.telegram_chat_id,
            fetches: matches!(delivery.content, Some(Content::FetchFile { .. })),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<Lane, VecDeque<Delivery>>,
    /// Leases of deliveries, with what they lease. One may be there twice: handed out anew while it was being told of.
    working_on: HashMap<Uuid, (Uuid, Priority)>,
}

impl Lanes {
    /// Takes a delivery in. Whether its chat needs somebody to work on it.
    pub(super) fn put(&mut self, delivery: Delivery) -> bool {
        let what = (delivery.id, delivery.priority);
        if self.working_on.insert(delivery.lease, what).is_some() {
            return false;
        }
        let lane = Lane::of(&delivery);
        match self.lanes.get_mut(&lane) {
            Some(lane) => {
                lane.push_back(delivery);
                false
            }
            None => {
                self.lanes.insert(lane, VecDeque::from([delivery]));
                true
            }
        }
    }

    /// The next delivery of a lane. After `None` nobody works on it.
    pub(super) fn next(&mut self, lane: Lane) -> Option<Delivery> {
        let next = self.lanes.get_mut(&lane)?.pop_front();
        if next.is_none() {
            self.lanes.remove(&lane);
        }
        next
    }

    pub(super) fn done(&mut self, lease: Uuid) {
        self.working_on.remove(&lease);
    }

    pub(super) fn len(&self) -> usize {
        self.working_on.len()
    }

    pub(super) fn notices(&self) -> usize {
        let priorities = self.working_on.values().map(|(_, priority)| *priority);
        priorities
            .filter(|priority| *priority == Priority::Notice)
            .count()
    }

    pub(super) fn working_on(&self) -> Vec<Uuid> {
        let mut ids: Vec<_> = self.working_on.values().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
