//! How many lies are found, and how many true sentences are lost.

use std::collections::BTreeMap;
use std::fmt;

use nexus_rag::verify::{Evidence, checked};
use nexus_text::Language;

use super::answers::{Answer, Kind, Statement};

/// Of so many statements, so many were not supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub refused: usize,
    pub all: usize,
}

impl Tally {
    pub fn share(self) -> f64 {
        if self.all == 0 {
            0.0
        } else {
            self.refused as f64 / self.all as f64
        }
    }
}

/// By kind and language.
#[derive(Debug, Default)]
pub struct Score {
    pub answers: usize,
    tallies: BTreeMap<(Kind, &'static str), Tally>,
}

const fn code(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::Russian => "ru",
    }
}

impl Score {
    pub fn tally(&self, kind: Kind, language: Language) -> Tally {
        self.tallies
            .get(&(kind, code(language)))
            .copied()
            .unwrap_or_default()
    }
}

/// Puts an answer through what a written answer goes through. `surprise` is told of lies that pass and truths that do not, with
/// what was found.
pub fn measure(answer: &Answer, score: &mut Score, mut surprise: impl FnMut(&Statement, &str)) {
    let sources: Vec<Evidence> = answer
        .sources
        .iter()
        .map(|text| Evidence::new(text, ""))
        .collect();
    let blocks = checked(&answer.text(), &sources);
    score.answers += 1;
    // Every statement is an item of the list, and so a block.
    assert_eq!(blocks.len(), answer.statements.len(), "{}", answer.text());
    for (statement, block) in answer.statements.iter().zip(&blocks) {
        let tally = score
            .tallies
            .entry((statement.kind, code(answer.language)))
            .or_default();
        tally.all += 1;
        tally.refused += usize::from(!block.supported);
        if block.supported == (statement.kind != Kind::True) {
            let faults: Vec<String> = block
                .faults
                .iter()
                .map(|fault| {
                    format!(
                        "{}: {}",
                        fault.name(),
                        block.text.get(fault.span().clone()).unwrap_or_default()
                    )
                })
                .collect();
            surprise(statement, &faults.join("; "));
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} answers", self.answers)?;
        writeln!(
            f,
            "{:<14} {:<4} {:>8} {:>8} {:>8}",
            "kind", "lang", "refused", "of", "%"
        )?;
        for kind in Kind::ALL {
            for ((_, language), tally) in self.tallies.iter().filter(|((of, _), _)| *of == kind) {
                let goal = match kind {
                    Kind::True => "at most 3",
                    _ if kind.has_goal() => "at least 95",
                    _ => "no goal",
                };
                let share = tally.share() * 100.0;
                writeln!(
                    f,
                    "{:<14} {language:<4} {:>8} {:>8} {share:>8.1}  {goal}",
                    kind.name(),
                    tally.refused,
                    tally.all
                )?;
            }
        }
        Ok(())
    }
}
