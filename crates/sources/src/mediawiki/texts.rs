//! The texts of pages that changed, many at a time.

use std::collections::{HashMap, VecDeque};

use nexus_domain::{ContentHash, Problem, ProblemCode};
use nexus_ingest::{Link, Places, Provenance, RawFile};
use serde_json::Value;

use super::Sync;
use super::api::{Called, continued};
use super::listing::Listed;
use crate::{Item, SourceError};

/// Pages that may be asked for at once without a right to more.
const BATCH: usize = 50;
/// Answers to one batch: each gives at least one text.
const MOST_ANSWERS: usize = 2 * BATCH;

/// A page's text in its newest revision, or why there is none.
enum Text {
    Text { revision: i64, text: String },
    Hidden,
}

impl Sync<'_> {
    /// Hands out pages under their paths.
    pub(super) fn fetch(&mut self, changed: Vec<(Listed, String)>) -> Result<(), SourceError> {
        let mut batches: VecDeque<Vec<(Listed, String)>> = VecDeque::new();
        let mut rest = changed;
        while rest.len() > BATCH {
            let tail = rest.split_off(BATCH);
            batches.push_back(std::mem::replace(&mut rest, tail));
        }
        batches.push_back(rest);
        while let Some(mut batch) = batches.pop_front() {
            self.api.is_stopped()?;
            if batch.is_empty() {
                continue;
            }
            match self.texts(&batch)? {
                Some(texts) => self.hand_out_batch(batch, texts)?,
                None if batch.len() > 1 => {
                    let half = batch.split_off(batch.len() / 2);
                    batches.push_front(half);
                    batches.push_front(batch);
                }
                None => {
                    for (_, path) in batch {
                        self.too_large(path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The texts by page; `None` where they are too large to be had at once.
    fn texts(&self, batch: &[(Listed, String)]) -> Result<Option<HashMap<i64, Text>>, SourceError> {
        let ids: Vec<String> = batch.iter().map(|(page, _)| page.id.to_string()).collect();
        let ids = ids.join("|");
        let parameters = [
            ("prop", "revisions"),
            ("rvprop", "ids|content"),
            ("rvslots", "main"),
            ("pageids", ids.as_str()),
        ];
        let mut texts = HashMap::new();
        let mut next = Vec::new();
        for _ in 0..MOST_ANSWERS {
            let answer = match self.api.query_bounded(&parameters, &next)? {
                Called::Answer(answer) => answer,
                Called::TooLarge => return Ok(None),
            };
            for page in answer["query"]["pages"].as_array().into_iter().flatten() {
                if let (Some(id), Some(text)) = (page["pageid"].as_i64(), text(page)) {
                    texts.insert(id, text);
                }
            }
            next = continued(&answer);
            if next.is_empty() {
                return Ok(Some(texts));
            }
        }
        Err(SourceError::Away {
            reason: format!(
                "The wiki did not give {} pages in {MOST_ANSWERS} answers",
                batch.len()
            ),
            retry_after: None,
        })
    }

    fn hand_out_batch(
        &mut self,
        batch: Vec<(Listed, String)>,
        mut texts: HashMap<i64, Text>,
    ) -> Result<(), SourceError> {
        for (page, path) in batch {
            match texts.remove(&page.id) {
                // Deleted since it was listed.
                None => {}
                Some(Text::Hidden) => {
                    let message = "The wiki hides the page's newest revision";
                    let problem = Problem::of_file(path, ProblemCode::AccessDenied, message);
                    self.hand_out(Item::Problem(problem))?;
                }
                Some(Text::Text { text, .. }) if text.len() as u64 > self.api.most_text() => {
                    self.too_large(path)?;
                }
                Some(Text::Text { revision, text }) => {
                    let page = Listed { revision, ..page };
                    let file = self.file(&page, path, text);
                    self.hand_out(Item::File(file))?;
                }
            }
        }
        Ok(())
    }

    fn too_large(&mut self, path: String) -> Result<(), SourceError> {
        let most = self.api.most_text();
        let message = format!("The page has more than the {most} bytes that are allowed");
        self.hand_out(Item::Problem(Problem::of_file(
            path,
            ProblemCode::TooLarge,
            message,
        )))
    }

    fn file(&self, page: &Listed, path: String, text: String) -> RawFile {
        let mut url = self.site.script.clone();
        url.query_pairs_mut()
            .append_pair("title", &page.title.replace(' ', "_"))
            .append_pair("oldid", &page.revision.to_string());
        let bytes = text.into_bytes();
        RawFile {
            path,
            hash: ContentHash::of(&bytes),
            packed_size: bytes.len() as u64,
            bytes,
            provenance: Provenance {
                title: Some(page.title.clone()),
                link: Some(Link {
                    url: url.into(),
                    places: Places::Anchors,
                }),
                fingerprint: Some(page.fingerprint()),
            },
        }
    }
}

/// `None` where the answer does not hold it (yet).
fn text(page: &Value) -> Option<Text> {
    let revision = page["revisions"].as_array()?.first()?;
    let slot = &revision["slots"]["main"];
    match slot["content"].as_str() {
        Some(text) => Some(Text::Text {
            revision: revision["revid"].as_i64()?,
            text: text.to_owned(),
        }),
        None => Some(Text::Hidden),
    }
}
