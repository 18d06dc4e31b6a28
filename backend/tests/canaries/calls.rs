//! One request: who sends what, what the model says that it needs, and how a random one is put together.

use std::fmt;

use reqwest::Method;
use serde_json::Value;

use crate::rng::Rng;
use crate::words;
use crate::world::{KbRole, Need, Who, World};

#[derive(Clone, Debug)]
pub enum Body {
    Empty,
    Json(Value),
    /// Content type and bytes.
    Raw(&'static str, String),
    Form {
        kb: String,
        source: Option<String>,
        name: String,
        content: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
pub struct Call {
    /// Method and path, as in the contract.
    pub operation: &'static str,
    pub who: Who,
    /// With the query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
    pub need: Need,
    /// What stands in the answer if it is granted.
    pub finds: Option<String>,
    /// The id in it that is not the caller's.
    pub stolen: Option<String>,
}

impl Call {
    /// What helps the test along.
    pub fn of_operator(operation: &'static str) -> Self {
        let (_, path) = operation.split_once(' ').expect("method and path");
        Self {
            operation,
            who: Who::Operator,
            path: path.to_owned(),
            headers: Vec::new(),
            body: Body::Empty,
            need: Need::Nothing,
            finds: None,
            stolen: None,
        }
    }

    pub fn method(&self) -> Method {
        let (method, _) = self.operation.split_once(' ').unwrap();
        method.parse().unwrap()
    }

    pub fn json(mut self, body: Value) -> Self {
        self.body = Body::Json(body);
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn finds(mut self, word: &str) -> Self {
        self.finds = Some(word.to_owned());
        self
    }

    pub fn is_plain(&self) -> bool {
        self.finds.is_some()
    }

    /// The words that the caller sends.
    pub fn sent(&self) -> Vec<String> {
        words::found(self.to_string().as_bytes())
    }

    /// The same request with another word or id in it.
    pub fn with(&self, from: &str, to: &str) -> Self {
        let swap = |text: &String| text.replace(from, to);
        let encoded = |word: &str| url::form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>();
        let path = swap(&self.path).replace(&encoded(from), &encoded(to));
        let body = match &self.body {
            Body::Empty => Body::Empty,
            Body::Json(body) => Body::Json(serde_json::from_str(&swap(&body.to_string())).unwrap()),
            Body::Raw(kind, text) => Body::Raw(kind, swap(text)),
            Body::Form {
                kb,
                source,
                name,
                content,
            } => Body::Form {
                kb: swap(kb),
                source: source.as_ref().map(swap),
                name: swap(name),
                content: content.clone(),
            },
        };
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, swap(value)))
            .collect();
        Self {
            path,
            headers,
            body,
            ..self.clone()
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} /api/v1{}", self.method(), self.path)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        match &self.body {
            Body::Empty => Ok(()),
            Body::Json(body) => writeln!(f, "{body}"),
            Body::Raw(kind, text) => writeln!(f, "{kind}: {text}"),
            Body::Form {
                kb,
                source,
                name,
                content,
            } => writeln!(
                f,
                "knowledge_base={kb} source={source:?} file={name} {}",
                String::from_utf8_lossy(content)
            ),
        }
    }
}

/// What callers have picked up: cursors of whoever's pages, and people whose rights have just changed.
#[derive(Clone, Debug, Default)]
pub struct Loot {
    pub cursors: Vec<String>,
    pub changed: Vec<(usize, usize)>,
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

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
