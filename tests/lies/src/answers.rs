//! Makes answers of passages: most sentences true, some not.

use std::collections::BTreeSet;

use nexus_text::Language;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::liar;
use super::names::names;
use super::passages::Passage;
use super::retell::{Plain, capital, framed, going_on, retold};
use super::templates::{Templates, Words};

/// Share of sentences that lie.
const LIES: f64 = 0.2;
/// Sources of an answer, and sentences.
const SOURCES: usize = 3;
const SENTENCES: usize = 5;
/// So many sentences are looked at for one that admits a lie.
const TRIES: usize = 60;

/// What a sentence of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    True,
    Number,
    Negation,
    Name,
    Source,
    Quote,
    /// A number of the same passage that belongs to something else. Beyond the goal.
    MovedNumber,
    /// A name of the same passage that belongs to something else. Beyond the goal.
    MovedName,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::True,
        Self::Number,
        Self::Negation,
        Self::Name,
        Self::Source,
        Self::Quote,
        Self::MovedNumber,
        Self::MovedName,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Number => "number",
            Self::Negation => "negation",
            Self::Name => "name",
            Self::Source => "source",
            Self::Quote => "quote",
            Self::MovedNumber => "moved number",
            Self::MovedName => "moved name",
        }
    }

    /// Whether the goal of 95 of 100 holds for it.
    pub const fn has_goal(self) -> bool {
        !matches!(self, Self::True | Self::MovedNumber | Self::MovedName)
    }
}

/// A sentence of an answer, with its mark.
#[derive(Clone, Debug)]
pub struct Statement {
    pub text: String,
    pub kind: Kind,
    /// What it was made of.
    pub original: String,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub language: Language,
    pub sources: Vec<String>,
    pub statements: Vec<Statement>,
}

impl Answer {
    /// As a model writes it: a list.
    pub fn text(&self) -> String {
        self.statements
            .iter()
            .map(|statement| format!("- {}\n", statement.text))
            .collect()
    }
}

/// Makes answers of one language.
#[derive(Debug)]
pub struct Maker<'a> {
    language: Language,
    words: &'a Words,
    passages: Vec<&'a Passage>,
    names: Vec<String>,
    /// Plain words, for quotes that were altered.
    vocabulary: Vec<String>,
    plain: Plain,
    rng: StdRng,
}

impl<'a> Maker<'a> {
    pub fn new(passages: &'a [Passage], language: Language, templates: &'a Templates) -> Self {
        let own = passages.iter().filter(|passage| passage.language == language);
        let own: Vec<&Passage> = own
            .enumerate()
            .filter(|(at, _)| at % 2 == templates.parity)
            .map(|(_, passage)| passage)
            .collect();
        let sentences = || own.iter().flat_map(|passage| &passage.sentences);
        let all_names: BTreeSet<String> = sentences()
            .flat_map(|text| names(text).into_iter().map(|at| text[at].to_owned()))
            .collect();
        let is_plain = |word: &&str| {
            word.chars().count() > 3
                && word.chars().all(char::is_alphabetic)
                && word.chars().all(char::is_lowercase)
        };
        let vocabulary: BTreeSet<String> = sentences()
            .flat_map(|text| text.split(' ').filter(is_plain))
            .map(str::to_owned)
            .collect();
        let is_of_one_script =
            |name: &String| name.is_ascii() || !name.chars().any(|c| c.is_ascii_alphabetic());
        let words = templates.words(language);
        let lower = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
        let is_lower = |word: &String| word.starts_with(char::is_lowercase);
        let mut plain: Plain = sentences()
            .flat_map(|text| text.split(' ').map(lower))
            .filter(is_lower)
            .collect();
        let synonyms = words.synonyms.iter().flat_map(|(one, other)| [one, other]);
        plain.extend(
            synonyms
                .flat_map(|text| text.split(' ').map(lower))
                .filter(is_lower),
        );
        Self {
            language,
            words,
            names: all_names
                .into_iter()
                .filter(|name| is_of_one_script(name) && !plain.contains(&name.to_lowercase()))
                .collect(),
            vocabulary: vocabulary.into_iter().collect(),
            plain,
            passages: own,
            rng: StdRng::seed_from_u64(templates.seed),
        }
    }

    /// `None` if there are no passages of the language.
    pub fn answer(&mut self) -> Option<Answer> {
        let first = self.random(self.passages.len())?;
        let sources: Vec<&Passage> = self
            .passages
            .iter()
            .cycle()
            .skip(first)
            .take(SOURCES.min(self.passages.len()))
            .copied()
            .collect();
        let mut statements = Vec::with_capacity(SENTENCES);
        for _ in 0..SENTENCES {
            statements.push(self.statement(&sources)?);
        }
        Some(Answer {
            language: self.language,
            sources: sources.into_iter().map(|passage| passage.text.clone()).collect(),
            statements,
        })
    }

    fn random(&mut self, below: usize) -> Option<usize> {
        (below > 0).then(|| self.rng.random_range(0..below))
    }

    fn statement(&mut self, sources: &[&Passage]) -> Option<Statement> {
        let kind = if self.rng.random_bool(LIES) {
            Kind::ALL[self.rng.random_range(1..Kind::ALL.len())]
        } else {
            Kind::True
        };
        // What cannot be told about one sentence is told about another.
        let told = (0..TRIES).find_map(|_| {
            let place = self.random(sources.len())?;
            let passage = sources.get(place)?;
            let at = self.random(passage.sentences.len())?;
            let body = self.body(kind, passage, at)?;
            Some((place + 1, body, passage.sentences.get(at)?.clone()))
        });
        let Some((number, body, original)) = told else {
            return self.statement(sources);
        };
        let cited = if kind == Kind::Source {
            sources.len() + self.rng.random_range(1..9)
        } else {
            number
        };
        Some(Statement {
            text: format!("{} [{cited}].", capital(body.trim_end_matches('.'))),
            kind,
            original,
        })
    }

    /// A sentence of the passage as an answer tells it; `None` if this lie cannot be told about it.
    fn body(&mut self, kind: Kind, passage: &Passage, at: usize) -> Option<String> {
        let original = passage.sentences.get(at)?;
        let rng = &mut self.rng;
        let lie = match kind {
            Kind::True if rng.random_bool(0.1) => return self.quote(original, false),
            Kind::True if rng.random_bool(0.15) => return self.joined(passage, at),
            Kind::True | Kind::Source => original.clone(),
            Kind::Number => liar::wrong_number(original, rng)?,
            Kind::MovedNumber => liar::moved_number(original, passage, rng)?,
            Kind::Name => liar::wrong_name(original, passage, &self.names, rng)?,
            Kind::MovedName => liar::moved_name(original, passage, rng)?,
            Kind::Negation => liar::turned_round(original, self.language, rng)?,
            Kind::Quote => return self.quote(original, true),
        };
        let seed = rng.random();
        let retell = |text: &str| {
            retold(
                text,
                self.language,
                self.words,
                &self.plain,
                &mut StdRng::seed_from_u64(seed),
            )
        };
        let told = retell(&lie);
        // Retold in short, a lie may be gone.
        let truth = retell(original);
        if lie != *original && told == truth {
            return None;
        }
        Some(framed(&told, self.words, &self.plain, &mut self.rng))
    }

    /// A sentence that quotes a part of another one.
    fn quote(&mut self, sentence: &str, is_altered: bool) -> Option<String> {
        let mut quote = liar::quotable(sentence, &mut self.rng)?;
        if is_altered {
            quote = liar::altered(&quote, &self.vocabulary, &mut self.rng)?;
        }
        let at = self.random(self.words.quotes.len())?;
        Some(self.words.quotes[at].replace("{q}", &quote))
    }

    /// Two sentences of a passage in one.
    fn joined(&mut self, passage: &Passage, at: usize) -> Option<String> {
        let a = retold(
            &passage.sentences[at],
            self.language,
            self.words,
            &self.plain,
            &mut self.rng,
        );
        let b = passage
            .sentences
            .get(at + 1)
            .or_else(|| passage.sentences.first())?;
        let b = retold(b, self.language, self.words, &self.plain, &mut self.rng);
        let frame = self.random(self.words.joined.len())?;
        let frame = &self.words.joined[frame];
        Some(
            frame
                .replace("{a}", a.trim_end_matches('.'))
                .replace("{b}", &going_on(b.trim_end_matches('.'), &self.plain)),
        )
    }
}
