//! How a random request is put together: ids and names that are not the caller's, cursors of others, odd values.

use crate::calls::{Body, Call, encoded};
use crate::outbox::Handed;
use crate::rng::Rng;
use crate::world::{KbRole, Need, Who, World};

/// What callers have picked up: cursors of whoever's pages, people whose rights have just changed, and deliveries.
#[derive(Clone, Debug, Default)]
pub struct Loot {
    pub cursors: Vec<String>,
    pub changed: Vec<(usize, usize)>,
    /// What bots were given to send last.
    pub handed: Vec<Handed>,
}

/// Puts one random request together.
pub struct Maker<'a> {
    pub before: &'a World,
    /// The model when all changes that run meanwhile are through.
    pub after: &'a World,
    pub loot: &'a Loot,
    pub rng: &'a mut Rng,
    pub who: Who,
    pub operation: &'static str,
    pub stolen: Option<String>,
    /// Where the caller's rights have just changed.
    pub changed: Option<usize>,
}

const ODD: &[&str] = &[
    "' OR 1=1 --",
    "\"}],\"must\":[{\"key\":\"kb_id\"}]}",
    "{\"$ne\":null}",
    "*",
    "%",
    "_",
    "\u{0}",
    "..%2f..%2fknowledge-bases",
    "00000000-0000-0000-0000-000000000000",
    "null",
    "; DROP TABLE kb_members",
    "\u{202e}абв",
];
const EXTRAS: &[(&str, &str)] = &[
    ("role", "admin"),
    ("access", "all"),
    ("filter", "{\"must\":[]}"),
    ("visibility", "everyone"),
    ("as", "operator"),
    ("offset", "-1"),
    ("include_deleted", "true"),
];

impl Maker<'_> {
    pub fn call(&mut self, path: impl Into<String>, need: Need) -> Call {
        Call {
            operation: self.operation,
            who: self.who,
            path: path.into(),
            headers: Vec::new(),
            body: Body::Empty,
            need,
            finds: None,
            stolen: self.stolen.take(),
        }
    }

    /// The need, if the caller lacks it before and after the changes under way; else nothing is sent, because the model could
    /// not follow what it does.
    pub fn refused(&self, need: Need) -> Option<Need> {
        (!self.before.allows(self.who, need) && !self.after.allows(self.who, need)).then_some(need)
    }

    pub fn allowed(&self, need: Need) -> bool {
        self.before.allows(self.who, need) && self.after.allows(self.who, need)
    }

    /// A knowledge base: mostly one that the caller does not see.
    pub fn kb(&mut self) -> usize {
        if let Some(kb) = self.changed.filter(|_| self.rng.percent(70)) {
            return kb;
        }
        // One that is gone, mostly the last one: its rows are being swept.
        let gone = &self.before.gone;
        if let Some(last) = gone.last().filter(|_| self.rng.percent(6)) {
            return if self.rng.percent(60) {
                *last
            } else {
                *self.rng.one(gone)
            };
        }
        let seen = self.rng.percent(50);
        let (some, others) = (self.before.kbs(self.who, seen), self.before.kbs(self.who, !seen));
        let from = if some.is_empty() { others } else { some };
        *self.rng.one(&from)
    }

    /// A name that is taken.
    pub fn taken_name(&mut self) -> (usize, String) {
        let kb = *self.rng.one(&self.before.live());
        (kb, self.before.kbs[kb].name.clone())
    }

    /// As often as not a knowledge base where the caller holds this role, if there is one.
    pub fn kb_held(&mut self, role: KbRole) -> usize {
        let held: Vec<usize> = self.before.kbs(self.who, true);
        let held: Vec<usize> = held
            .into_iter()
            .filter(|kb| self.before.role_in(self.who, *kb) >= Some(role))
            .collect();
        let one = self.rng.any(&held).copied();
        one.filter(|_| self.rng.percent(50)).unwrap_or_else(|| self.kb())
    }

    /// Its id; remembered if it is not the caller's to know.
    pub fn id_of(&mut self, kb: usize) -> String {
        let id = self.before.kbs[kb].id.clone();
        self.steal(kb, id)
    }

    pub fn steal(&mut self, kb: usize, id: String) -> String {
        let sees = |world: &World| world.role_in(self.who, kb).is_some();
        if !sees(self.before) && !sees(self.after) {
            self.stolen = Some(id.clone());
        }
        id
    }

    /// Its name or its id.
    pub fn reference(&mut self, kb: usize) -> String {
        if self.rng.percent(50) {
            self.id_of(kb)
        } else {
            self.before.kbs[kb].name.clone()
        }
    }

    pub fn odd(&mut self) -> String {
        if self.rng.percent(30) {
            self.rng.id()
        } else {
            (*self.rng.one(ODD)).to_owned()
        }
    }

    /// The same, so that it stands in a path.
    pub fn odd_segment(&mut self) -> String {
        let odd = self.odd();
        encoded(&odd)
    }

    /// A word of anybody's, or the beginning of one.
    pub fn word(&mut self) -> String {
        let kb = self.kb();
        let whole = self.rng.one(&self.before.kbs[kb].words).clone();
        if self.rng.percent(15) {
            let letters = 8 + self.rng.below(9);
            return whole.chars().take(letters).collect();
        }
        whole
    }

    /// `?…`, with a limit, somebody's cursor and parameters that mean nothing, now and then.
    pub fn query(&mut self, mut pairs: Vec<(&'static str, String)>) -> String {
        if self.rng.percent(30) {
            let limit = *self.rng.one(&["1", "2", "7", "200", "0", "x"]);
            pairs.push(("limit", limit.to_owned()));
        }
        if self.rng.percent(20) {
            let stolen = self.rng.any(&self.loot.cursors).cloned();
            let cursor = stolen.unwrap_or_else(|| "bnVsbA".to_owned());
            pairs.push(("cursor", cursor));
        }
        if self.rng.percent(8) {
            let (name, value) = *self.rng.one(EXTRAS);
            pairs.push((name, value.to_owned()));
        }
        if self.rng.percent(4) {
            let word = self.word();
            pairs.push(("limit", word));
        }
        self.query_of(pairs)
    }

    /// `?…` with these alone.
    pub fn query_of(&self, pairs: Vec<(&'static str, String)>) -> String {
        if pairs.is_empty() {
            return String::new();
        }
        let mut query = url::form_urlencoded::Serializer::new(String::from("?"));
        query.extend_pairs(pairs);
        query.finish()
    }

    /// A key that others use too.
    pub fn idempotency_key(&mut self) -> String {
        format!("kb-{}", self.rng.below(40))
    }
}
