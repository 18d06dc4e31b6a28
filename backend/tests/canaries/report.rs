//! What happened, in figures, and what must not have.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::operations::Operation;
use crate::outbox::TAKE;
use crate::round::Outcome;

const SEARCH: &str = "POST /rag/search";
/// Of a hundred searches, so many find the word that they seek and may find.
const SEARCHES_PERCENT: usize = 15;

#[derive(Debug, Default)]
pub struct Report {
    pub requests: usize,
    /// Those that could be about a word of the caller's: not the ones about chats.
    pub asked: usize,
    pub classes: BTreeMap<u16, usize>,
    /// Calls and grants of each operation.
    pub operations: BTreeMap<&'static str, (usize, usize)>,
    /// Answers that had to hold a word of the caller's, and held it.
    pub positives: usize,
    /// Searches among them.
    pub searches: usize,
    /// Words that callers saw and may see.
    pub words: usize,
    /// Those among them that bots were given to send to people who may see them.
    pub delivered: usize,
    /// Errors that repeat a word that is not the caller's, as they repeat one of nobody's.
    pub echoes: usize,
    /// Answers about somebody else's thing, as about one that does not exist.
    pub twins: usize,
    pub changes: usize,
    /// Sources whose words nobody may read any more.
    pub deleted_sources: usize,
    pub took: Duration,
    pub failures: Vec<String>,
}

/// Of a hundred requests, so many find what they have to: a server that shows nobody anything would pass otherwise. All
/// operations are called, of which few show words, and each new one makes this share smaller.
const POSITIVES_PERCENT: usize = 2;

impl Report {
    pub fn add(&mut self, outcome: &Outcome) {
        let (call, answer) = (&outcome.call, &outcome.answer);
        self.requests += 1;
        self.asked += usize::from(!is_about_chats(call.operation));
        self.twins += outcome.twins;
        *self.classes.entry(answer.status / 100).or_default() += 1;
        let (calls, grants) = self.operations.entry(call.operation).or_default();
        *calls += 1;
        *grants += usize::from(answer.is_granted());
        if let Ok(shown) = &outcome.judged {
            self.words += shown.words;
            self.delivered += if call.operation == TAKE { shown.words } else { 0 };
            self.echoes += shown.echoes.len();
            self.positives += usize::from(shown.found);
            self.searches += usize::from(shown.found && call.operation == SEARCH);
        }
    }

    pub fn require(&self, contract: &[&'static Operation], seed: u64) {
        assert!(
            self.failures.is_empty(),
            "{} failures with the seed {seed}:\n\n{}",
            self.failures.len(),
            self.failures.join("\n\n")
        );
        for operation in contract {
            let called = self.operations.contains_key(operation.name);
            assert!(called, "{} was never called", operation.name);
        }
        assert!(
            self.positives * 100 >= self.asked * POSITIVES_PERCENT,
            "only {} of {} requests found what they had to",
            self.positives,
            self.asked
        );
        assert!(self.deleted_sources > 0, "no source was deleted");
        assert!(self.delivered > 0, "bots were given no word to send to anybody");
        let (all, _) = self.operations[SEARCH];
        assert!(
            self.searches * 100 >= all * SEARCHES_PERCENT,
            "only {} of {all} searches found what they had to",
            self.searches
        );
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self
            .classes
            .iter()
            .map(|(class, many)| format!("{class}xx {many}"));
        writeln!(
            f,
            "{} requests in {:.1} s ({:.0}/s), {} changes of rights; {}",
            self.requests,
            self.took.as_secs_f64(),
            f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX)) / self.took.as_secs_f64(),
            self.changes,
            classes.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(
            f,
            "{} had to hold a word of the caller's and did, {} of them searches; {} words seen by who may; {} errors that \
             repeat a word; {} answers compared with those about what does not exist; {} words given to bots for people who \
             may see them; {} sources deleted with their words",
            self.positives,
            self.searches,
            self.words,
            self.echoes,
            self.twins,
            self.delivered,
            self.deleted_sources
        )?;
        let calls = self
            .operations
            .iter()
            .map(|(name, (calls, grants))| format!("{name} {calls} ({grants} granted)"));
        write!(f, "{}", calls.collect::<Vec<_>>().join("; "))
    }
}

/// Nobody is asked there for a word of their own.
fn is_about_chats(operation: &str) -> bool {
    let (_, path) = operation.split_once(' ').expect("method and path");
    let areas = [
        "/chats",
        "/messages/",
        "/outbox/",
        "/dead-letters",
        "/notifications",
    ];
    path.contains("{code}") || areas.iter().any(|area| path.starts_with(area))
}
