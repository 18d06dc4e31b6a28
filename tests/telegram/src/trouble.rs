//! Trouble on purpose: what a network and a busy Telegram do to calls, drawn from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TroubleKind {
    /// 429 with a `retry_after` of one second; nothing is carried out.
    TooManyRequests,
    /// 500; nothing is carried out.
    InternalServerError,
    /// 502 with a page of HTML; nothing is carried out.
    BadGateway,
    /// The connection is closed and nothing is carried out.
    ClosedBefore,
    /// The call is carried out, and the connection closed instead of a reply.
    LostReply,
    /// The call is carried out, and the reply comes so much later.
    LateReply(Duration),
}

impl TroubleKind {
    /// All but late replies, which need a time.
    pub const ALL: [Self; 5] = [
        Self::TooManyRequests,
        Self::InternalServerError,
        Self::BadGateway,
        Self::ClosedBefore,
        Self::LostReply,
    ];

    /// Whether the call is carried out nevertheless.
    pub const fn is_carried_out(self) -> bool {
        matches!(self, Self::LostReply | Self::LateReply(_))
    }
}

/// Which calls get into trouble.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    pub seed: u64,
    /// The part of the calls, from 0 to 1.
    pub rate: f64,
    pub kinds: Vec<TroubleKind>,
    /// Only these methods (`download` for files); all if empty.
    pub methods: Vec<String>,
    /// Then it is over.
    pub at_most: Option<u64>,
}

impl Trouble {
    pub const fn none() -> Self {
        Self {
            seed: 0,
            rate: 0.0,
            kinds: Vec::new(),
            methods: Vec::new(),
            at_most: None,
        }
    }

    /// So much of everything.
    pub fn at_rate(seed: u64, rate: f64) -> Self {
        Self {
            seed,
            rate,
            kinds: TroubleKind::ALL.to_vec(),
            ..Self::none()
        }
    }

    /// The next call of a method.
    pub fn once(method: &str, kind: TroubleKind) -> Self {
        Self {
            rate: 1.0,
            kinds: vec![kind],
            methods: vec![method.to_owned()],
            at_most: Some(1),
            ..Self::none()
        }
    }
}

/// Draws trouble.
#[derive(Debug)]
pub(crate) struct Dice {
    trouble: Trouble,
    random: StdRng,
    given: u64,
}

impl Dice {
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self {
            random: StdRng::seed_from_u64(trouble.seed),
            trouble,
            given: 0,
        }
    }

    pub(crate) fn draw(&mut self, method: &str) -> Option<TroubleKind> {
        let Trouble { methods, at_most, .. } = &self.trouble;
        let is_meant = methods.is_empty() || methods.iter().any(|name| name.eq_ignore_ascii_case(method));
        if !is_meant || at_most.is_some_and(|most| self.given >= most) {
            return None;
        }
        if !self.random.random_bool(self.trouble.rate.clamp(0.0, 1.0)) {
            return None;
        }
        let kind = self.trouble.kinds.choose(&mut self.random).copied()?;
        self.given += 1;
        Some(kind)
    }
}
