//! Who may call Telegram next. A state machine without a clock of its own: every `now` comes from outside, and never
//! runs backwards.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::window::Window;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Refusals of two chats within this time mean that all are meant.
const TOGETHER: Duration = Duration::from_secs(1);
/// Chats that are remembered before idle ones are forgotten.
const MANY_CHATS: usize = 1_024;

/// What Telegram takes (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub chat_per_second: u32,
    pub group_per_minute: u32,
    pub per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            chat_per_second: 1,
            group_per_minute: 20,
            per_second: 30,
        }
    }
}

/// What comes first when there is more than may be sent. Previews never queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    Answer,
    Notice,
}

/// One who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    class: Class,
    number: u64,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Go(Ticket),
    /// Nobody may call before that.
    Wait(Instant),
    /// Nobody waits.
    Idle,
}

#[derive(Debug)]
struct Chat {
    second: Window,
    /// Of groups.
    minute: Option<Window>,
    /// Telegram wants to hear nothing before that.
    paused: Option<Instant>,
}

/// Counts calls, and holds those who wait. Bounded by whoever asks: each has one ticket.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    all: Window,
    paused: Option<Instant>,
    refused: Option<(i64, Instant)>,
    chats: HashMap<i64, Chat>,
    /// In the order in which they go, unless their chat has to wait.
    waiting: BTreeMap<Ticket, i64>,
    issued: u64,
}

impl Schedule {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            all: Window::new(limits.per_second, SECOND),
            paused: None,
            refused: None,
            chats: HashMap::new(),
            waiting: BTreeMap::new(),
            issued: 0,
        }
    }

    pub fn join(&mut self, chat: i64, class: Class) -> Ticket {
        self.issued += 1;
        let ticket = Ticket {
            class,
            number: self.issued,
        };
        self.waiting.insert(ticket, chat);
        ticket
    }

    /// Somebody does not want to call any more.
    pub fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// The first of those who may call now; the call counts.
    pub fn next(&mut self, now: Instant) -> Next {
        if self.waiting.is_empty() {
            return Next::Idle;
        }
        if let Some(at) = self.all_free_at(now) {
            return Next::Wait(at);
        }
        let spare = self.spare_at(now);
        let mut soonest: Option<Instant> = None;
        for (ticket, chat) in &self.waiting {
            let of_class = spare.filter(|_| ticket.class == Class::Notice);
            match later(of_class, self.chat_free_at(*chat, now)) {
                None => {
                    let (ticket, chat) = (*ticket, *chat);
                    self.waiting.remove(&ticket);
                    self.take(chat, now);
                    return Next::Go(ticket);
                }
                Some(at) => soonest = Some(soonest.map_or(at, |soonest| soonest.min(at))),
            }
        }
        soonest.map_or(Next::Idle, Next::Wait)
    }

    /// For a call that is not worth waiting: whether it may be made now, nobody waits, and enough is left for those who
    /// come next: half of a group's minute and a fifth of everybody's second.
    pub fn try_now(&mut self, chat: i64, now: Instant) -> bool {
        let free = self.all_free_at(now).is_none() && self.chat_free_at(chat, now).is_none();
        let minute = self.chats.get(&chat).and_then(|chat| chat.minute.as_ref());
        let spare_minute = minute.is_none_or(|minute| minute.spare_at(1, 2, now).is_none());
        if free && spare_minute && self.spare_at(now).is_none() && self.waiting.is_empty() {
            self.take(chat, now);
            return true;
        }
        false
    }

    /// Telegram has refused a call for being one too many.
    pub fn refused(&mut self, chat: i64, wait: Duration, now: Instant) {
        let until = now + wait;
        let state = self.chat(chat);
        state.paused = state.paused.max(Some(until));
        let others = self
            .refused
            .is_some_and(|(other, at)| other != chat && now.duration_since(at) < TOGETHER);
        if others {
            self.paused = self.paused.max(Some(until));
        }
        self.refused = Some((chat, now));
    }

    /// For how long Telegram wants to hear nothing of this chat.
    pub fn pause_of(&self, chat: i64, now: Instant) -> Duration {
        let of_chat = self.chats.get(&chat).and_then(|chat| chat.paused);
        let until = of_chat.max(self.paused).unwrap_or(now);
        until.saturating_duration_since(now)
    }

    fn all_free_at(&self, now: Instant) -> Option<Instant> {
        later(self.paused.filter(|until| *until > now), self.all.free_at(now))
    }

    /// For notices and previews, which leave a fifth of everybody's second to answers.
    fn spare_at(&self, now: Instant) -> Option<Instant> {
        self.all.spare_at(1, 5, now)
    }

    fn chat_free_at(&self, chat: i64, now: Instant) -> Option<Instant> {
        let chat = self.chats.get(&chat)?;
        let paused = chat.paused.filter(|until| *until > now);
        let minute = chat.minute.as_ref().and_then(|minute| minute.free_at(now));
        later(paused, later(chat.second.free_at(now), minute))
    }

    fn take(&mut self, chat: i64, now: Instant) {
        if self.chats.len() >= MANY_CHATS {
            self.chats.retain(|_, chat| !chat.is_idle(now));
        }
        self.all.take(now);
        let chat = self.chat(chat);
        chat.second.take(now);
        if let Some(minute) = &mut chat.minute {
            minute.take(now);
        }
    }

    fn chat(&mut self, id: i64) -> &mut Chat {
        let limits = self.limits;
        self.chats.entry(id).or_insert_with(|| Chat {
            // Two at once, then no more than so many a second: a placeholder's text need not wait.
            second: Window::new(limits.chat_per_second.saturating_mul(2), 2 * SECOND),
            // Telegram's ids of groups are negative.
            minute: (id < 0).then(|| Window::new(limits.group_per_minute, MINUTE)),
            paused: None,
        })
    }
}

impl Chat {
    fn is_idle(&self, now: Instant) -> bool {
        self.second.is_idle(now)
            && self.minute.as_ref().is_none_or(|minute| minute.is_idle(now))
            && self.paused.is_none_or(|until| until <= now)
    }
}

fn later(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.max(b)
}

#[cfg(test)]
mod tests;
