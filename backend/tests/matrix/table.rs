//! Reads `table.txt`.

use std::collections::BTreeSet;

use reqwest::Method;

/// One route of the contract, without `/api/v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    pub path: String,
    pub method: String,
}

impl Operation {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            method: method.to_owned(),
        }
    }

    pub fn method(&self) -> Method {
        self.method.parse().unwrap()
    }

    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    /// Whether it needs a session's CSRF token, where that is in a cookie.
    pub fn is_unsafe(&self) -> bool {
        self.method != "GET"
    }

    /// Whether it leaves anything else than it was.
    pub fn changes(&self) -> bool {
        self.is_unsafe() && !self.path.starts_with("/rag/")
    }

    /// Knowledge bases, what is in them, bots and keys: these are deleted, and then are not there.
    fn names_what_can_go(&self) -> bool {
        let areas = [
            "/knowledge-bases",
            "/documents/",
            "/rag/",
            "/bots/",
            "/api-keys/",
            "/webhooks/sources/",
        ];
        let feeds = self.path.starts_with("/ingestion/") && !self.path.starts_with("/ingestion/tasks");
        feeds || areas.iter().any(|area| self.path.starts_with(area))
    }

    /// Whether its path names a thing, by an id or by a code.
    fn names_a_thing(&self) -> bool {
        ["{id}", "{code}", "{source_id}"]
            .iter()
            .any(|name| self.path.contains(name))
    }

    pub fn is_public(&self) -> bool {
        let areas = ["/auth/telegram", "/health", "/webhooks/sources/", "/webhooks/n8n"];
        areas.iter().any(|area| self.path.starts_with(area))
    }
}

/// What an operation is tried on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    All,
    Ours,
    Theirs,
    Commons,
    Housekeeping,
    Own,
    Another,
    OtherBot,
    Somebody,
    Blocked,
    Off,
    WithTheirs,
    WithMissing,
    /// A delivery that is no dead letter.
    Sent,
    /// A webhook without a signature.
    Unsigned,
    Missing,
    /// What was deleted.
    Gone,
    /// A text that is no id.
    Odd,
    Elsewhere,
    Nowhere,
    /// The same as the second id of a path.
    OddSecond,
}

impl Target {
    fn named(word: &str) -> Self {
        match word {
            "all" => Self::All,
            "ours" => Self::Ours,
            "theirs" => Self::Theirs,
            "commons" => Self::Commons,
            "housekeeping" => Self::Housekeeping,
            "own" => Self::Own,
            "another" => Self::Another,
            "other-bot" => Self::OtherBot,
            "somebody" => Self::Somebody,
            "blocked" => Self::Blocked,
            "off" => Self::Off,
            "with-theirs" => Self::WithTheirs,
            "with-missing" => Self::WithMissing,
            "sent" => Self::Sent,
            "unsigned" => Self::Unsigned,
            "missing" => Self::Missing,
            "elsewhere" => Self::Elsewhere,
            "nowhere" => Self::Nowhere,
            other => panic!("{other} is nothing to try an operation on"),
        }
    }

    /// What a thing that may not be seen must look like.
    pub const fn that_is_missing(self) -> Option<Self> {
        match self {
            Self::Ours
            | Self::Theirs
            | Self::Commons
            | Self::Housekeeping
            | Self::Own
            | Self::Another
            | Self::OtherBot
            | Self::Sent
            | Self::Unsigned
            | Self::Gone => Some(Self::Missing),
            Self::WithTheirs => Some(Self::WithMissing),
            Self::Elsewhere => Some(Self::Nowhere),
            _ => None,
        }
    }

    /// What must look like this, and is not written down.
    fn alike(self, operation: &Operation) -> Vec<Self> {
        let takes_ids = operation.names_a_thing();
        match self {
            Self::Missing if takes_ids && operation.names_what_can_go() => vec![Self::Odd, Self::Gone],
            Self::Missing if takes_ids => vec![Self::Odd],
            Self::Missing if operation.names_what_can_go() => vec![Self::Gone],
            Self::Nowhere => vec![Self::OddSecond],
            _ => Vec::new(),
        }
    }
}

/// What a caller is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Done,
    /// Done, and there is nothing.
    Nothing,
    /// A status and a code.
    Error(u16, &'static [&'static str]),
}

impl Verdict {
    pub const NOT_FOUND: Self = Self::Error(404, &["not_found"]);

    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            '+' => Self::Done,
            '0' => Self::Nothing,
            '-' => Self::NOT_FOUND,
            '!' => Self::Error(403, &["forbidden"]),
            '=' => Self::Error(
                409,
                &[
                    "task_state",
                    "generation_state",
                    "delivery_state",
                    "no_chat_model",
                ],
            ),
            '~' => Self::Error(422, &["validation_failed"]),
            'c' => Self::Error(400, &["conflicting_identity"]),
            'B' => Self::Error(403, &["user_blocked"]),
            'D' => Self::Error(403, &["bot_disabled"]),
            'i' => Self::Error(401, &["init_data_invalid"]),
            'x' => Self::Error(401, &["signature_invalid"]),
            '.' => return None,
            other => panic!("{other} is no answer"),
        })
    }

    /// Whether the caller is not to know that there is anything.
    pub fn hides(self) -> bool {
        matches!(self, Self::NOT_FOUND | Self::Nothing)
    }
}

/// How an operation is asked, where it takes more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Plain,
    /// For an answer that streams.
    Stream,
    /// By a form instead of JSON.
    Form,
}

impl Way {
    /// The way, and what is left of the word that names it.
    fn named(word: &str) -> (Self, &str) {
        match word.split_once(':') {
            Some(("stream", rest)) => (Self::Stream, rest),
            Some(("form", rest)) => (Self::Form, rest),
            Some((other, _)) => panic!("{other} is no way to ask"),
            None => (Self::Plain, word),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Row {
    pub operation: Operation,
    pub target: Target,
    pub way: Way,
    pub verdicts: Vec<Option<Verdict>>,
}

pub struct Table {
    rows: Vec<Row>,
    pub columns: usize,
}

impl Table {
    pub fn read() -> Self {
        let mut lines = include_str!("table.txt")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let columns = letters(&lines.next().unwrap().split_whitespace().collect::<Vec<_>>()).len();
        let mut rows: Vec<Row> = Vec::new();
        for line in lines {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            let operation = if line.starts_with(' ') {
                rows.last().unwrap().operation.clone()
            } else {
                let path = words.remove(1);
                Operation::new(words.remove(0), path)
            };
            let (way, word) = Way::named(words.remove(0));
            let target = Target::named(word);
            let verdicts: Vec<_> = letters(&words).into_iter().map(Verdict::of).collect();
            assert_eq!(verdicts.len(), columns, "{line}");
            rows.push(Row {
                operation,
                target,
                way,
                verdicts,
            });
        }
        Self { rows, columns }
    }

    /// In the order of the table.
    pub fn operations(&self) -> Vec<Operation> {
        let mut seen = BTreeSet::new();
        let operations = self.rows.iter().map(|row| row.operation.clone());
        operations
            .filter(|operation| seen.insert(operation.clone()))
            .collect()
    }

    /// The rows of an operation, and the same as for what is missing with texts that are no ids and with what was deleted.
    pub fn rows(&self, operation: &Operation) -> Vec<Row> {
        let mut rows: Vec<Row> = self.of(operation).cloned().collect();
        let alike = |row: &Row| {
            let row = row.clone();
            let alike = row.target.alike(operation).into_iter();
            alike.map(move |target| Row {
                target,
                ..row.clone()
            })
        };
        let alike: Vec<Row> = rows.iter().flat_map(alike).collect();
        rows.extend(alike);
        rows
    }

    /// Operations that take an id and are not tried on a missing thing, or on one of others.
    pub fn gaps(&self) -> Vec<Operation> {
        let lacks = |operation: &Operation, targets: &[Target]| {
            !self.of(operation).any(|row| targets.contains(&row.target))
        };
        let of_others = [Target::Theirs, Target::Another];
        let has_gap = |operation: &Operation| {
            // Of these there are no others': whoever sees one sees them all.
            let has_others = !["/generations", "/webhooks/{id}"]
                .iter()
                .any(|area| operation.path.starts_with(area));
            let of_others = has_others && lacks(operation, &of_others);
            operation.names_a_thing() && (of_others || lacks(operation, &[Target::Missing]))
        };
        self.operations().into_iter().filter(has_gap).collect()
    }

    fn of<'t>(&'t self, operation: &'t Operation) -> impl Iterator<Item = &'t Row> {
        self.rows.iter().filter(move |row| row.operation == *operation)
    }

    /// Whether the caller of this column may know of `target`, as the table says of the knowledge base itself.
    pub fn sees(&self, column: usize, target: Target) -> bool {
        let knowledge_base = Operation::new("GET", "/knowledge-bases/{id}");
        let row = self.of(&knowledge_base).find(|row| row.target == target);
        row.unwrap().verdicts[column] != Some(Verdict::NOT_FOUND)
    }
}

fn letters(words: &[&str]) -> Vec<char> {
    words.concat().chars().collect()
}
