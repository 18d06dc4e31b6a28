//! Reads evaluation sets in the BEIR layout: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (or `qrels/test.tsv`) in
//! one folder. Corpus and queries are streamed; every error names its file and line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::metrics::Judgements;

/// Why a set could not be read. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum BeirError {
    #[error("{} could not be opened", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{}:{line}: could not be read", path.display())]
    Read {
        path: PathBuf,
        line: u64,
        source: io::Error,
    },
    #[error("{}:{line}: not the JSON of a record", path.display())]
    Json {
        path: PathBuf,
        line: u64,
        source: serde_json::Error,
    },
    #[error("{}:{line}: {reason}", path.display())]
    Judgement {
        path: PathBuf,
        line: u64,
        reason: String,
    },
}

/// A document of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CorpusDocument {
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: String,
    pub text: String,
}

/// A query.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EvalQuery {
    #[serde(rename = "_id")]
    pub id: String,
    pub text: String,
}

/// Judgements per query id.
pub type Qrels = BTreeMap<String, Judgements>;

/// A folder in the BEIR layout.
#[derive(Clone, Debug)]
pub struct BeirSet {
    folder: PathBuf,
}

impl BeirSet {
    /// Nothing is opened yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The documents, one at a time, in the order of the file.
    pub fn corpus(&self) -> Result<Records<CorpusDocument>, BeirError> {
        Records::open(self.folder.join("corpus.jsonl"))
    }

    /// The queries, one at a time, in the order of the file. Those without judgements are among them.
    pub fn queries(&self) -> Result<Records<EvalQuery>, BeirError> {
        Records::open(self.folder.join("queries.jsonl"))
    }

    /// All judgements.
    pub fn qrels(&self) -> Result<Qrels, BeirError> {
        let flat = self.folder.join("qrels.tsv");
        let nested = self.folder.join("qrels").join("test.tsv");
        let mut lines = Lines::open(if nested.exists() && !flat.exists() {
            nested
        } else {
            flat
        })?;
        let mut qrels = Qrels::new();
        while let Some(line) = lines.next_line()? {
            if let Some((query, document, grade)) =
                judgement(&line, lines.number == 1).map_err(|reason| BeirError::Judgement {
                    path: lines.path.clone(),
                    line: lines.number,
                    reason,
                })?
            {
                qrels
                    .entry(query.to_owned())
                    .or_default()
                    .insert(document.to_owned(), grade);
            }
        }
        Ok(qrels)
    }
}

/// `query-id <tab> corpus-id <tab> score`; the first line may be the header. Negative grades count as 0.
fn judgement(line: &str, first: bool) -> Result<Option<(&str, &str, u32)>, String> {
    let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [query, document, grade] = fields[..] else {
        return Err(format!(
            "expected 3 fields divided by tabs, found {}",
            fields.len()
        ));
    };
    match grade.parse::<i64>() {
        Ok(grade) => Ok(Some((
            query,
            document,
            u32::try_from(grade.max(0)).unwrap_or(u32::MAX),
        ))),
        Err(_) if first => Ok(None),
        Err(_) => Err(format!("the score {grade:?} is not a whole number")),
    }
}

/// The records of a JSON-lines file. Ends after the first error.
#[derive(Debug)]
pub struct Records<T> {
    lines: Lines,
    failed: bool,
    record: std::marker::PhantomData<fn() -> T>,
}

impl<T> Records<T> {
    fn open(path: PathBuf) -> Result<Self, BeirError> {
        Ok(Self {
            lines: Lines::open(path)?,
            failed: false,
            record: std::marker::PhantomData,
        })
    }
}

impl<T: DeserializeOwned> Iterator for Records<T> {
    type Item = Result<T, BeirError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = self.lines.next_line().transpose()?.and_then(|line| {
            serde_json::from_str(&line).map_err(|source| BeirError::Json {
                path: self.lines.path.clone(),
                line: self.lines.number,
                source,
            })
        });
        self.failed = record.is_err();
        Some(record)
    }
}

/// The lines of a file that are not blank, with their number.
#[derive(Debug)]
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: PathBuf) -> Result<Self, BeirError> {
        match File::open(&path) {
            Ok(file) => Ok(Self {
                path,
                reader: BufReader::new(file),
                number: 0,
            }),
            Err(source) => Err(BeirError::Open { path, source }),
        }
    }

    fn next_line(&mut self) -> Result<Option<String>, BeirError> {
        loop {
            let mut line = String::new();
            self.number += 1;
            match self.reader.read_line(&mut line) {
                Ok(0) => return Ok(None),
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => return Ok(Some(without_mark(line, self.number))),
                Err(source) => {
                    return Err(BeirError::Read {
                        path: Path::to_owned(&self.path),
                        line: self.number,
                        source,
                    });
                }
            }
        }
    }
}

/// Some editors put a byte order mark before the first line.
fn without_mark(line: String, number: u64) -> String {
    match line.strip_prefix('\u{FEFF}') {
        Some(rest) if number == 1 => rest.to_owned(),
        _ => line,
    }
}
