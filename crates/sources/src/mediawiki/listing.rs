//! Which pages a wiki has, and in which revision.

use std::collections::{BTreeMap, HashSet};

use nexus_domain::{Problem, ProblemCode};
use serde_json::Value;

use super::Sync;
use super::api::continued;
use crate::{Item, SourceError};

/// Answers that a list may have; one that goes on beyond has no end.
const MOST_ANSWERS: u64 = 10_000;

/// A page as the wiki lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: i64,
    pub(super) namespace: i64,
    /// With its namespace.
    pub(super) title: String,
    pub(super) revision: i64,
    /// The kind of its text, as MediaWiki calls it.
    pub(super) model: String,
}

impl Listed {
    pub(super) fn fingerprint(&self) -> String {
        format!("rev:{}", self.revision)
    }

    /// What tells the reader of its text what it is.
    pub(super) fn extension(&self) -> &'static str {
        match self.model.as_str() {
            "json" => ".json",
            "css" | "sanitized-css" => ".css",
            "javascript" => ".js",
            "Scribunto" => ".lua",
            "text" => ".txt",
            _ => ".mediawiki",
        }
    }

    fn of(page: &Value) -> Option<Self> {
        Some(Self {
            id: page["pageid"].as_i64()?,
            namespace: page["ns"].as_i64()?,
            title: page["title"].as_str()?.to_owned(),
            revision: page["lastrevid"].as_i64()?,
            model: page["contentmodel"].as_str().unwrap_or("wikitext").to_owned(),
        })
    }
}

impl Sync<'_> {
    /// All pages of these namespaces that the filter takes and that lead nowhere else, as far as the bound.
    pub(super) fn list(&mut self, namespaces: &[i64]) -> Result<Vec<Listed>, SourceError> {
        let most = self.context.settings.pages;
        let mut pages: BTreeMap<i64, Listed> = BTreeMap::new();
        let mut answers = 0;
        for namespace in namespaces {
            let namespace = namespace.to_string();
            let parameters = [
                ("generator", "allpages"),
                ("gapnamespace", namespace.as_str()),
                ("gapfilterredir", "nonredirects"),
                ("gaplimit", "max"),
                ("prop", "info"),
            ];
            let mut next = Vec::new();
            let mut met = HashSet::new();
            loop {
                self.api.is_stopped()?;
                let answer = self.api.query(&parameters, &next)?;
                answers += 1;
                let listed = answer["query"]["pages"].as_array().into_iter().flatten();
                for page in listed.filter_map(Listed::of) {
                    if self.filter.takes(&page.title) {
                        pages.insert(page.id, page);
                    }
                }
                self.context.watch.total(pages.len() as u64);
                next = continued(&answer);
                if next.is_empty() {
                    break;
                }
                if pages.len() as u64 > most {
                    self.bound(format!("The wiki has more than {most} pages, {most} are allowed"))?;
                    return Ok(pages
                        .into_values()
                        .take(usize::try_from(most).unwrap_or(usize::MAX))
                        .collect());
                }
                if answers >= MOST_ANSWERS || !met.insert(next.clone()) {
                    self.bound(format!(
                        "The wiki's list of pages does not end after {answers} answers"
                    ))?;
                    break;
                }
            }
        }
        if pages.len() as u64 > most {
            self.bound(format!("The wiki has {} pages, {most} are allowed", pages.len()))?;
        }
        Ok(pages
            .into_values()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .collect())
    }

    /// Tells that not all of the wiki is read.
    fn bound(&mut self, message: String) -> Result<(), SourceError> {
        self.has_gaps = true;
        let problem = Problem::of_upload(ProblemCode::TooManyPages, message);
        self.hand_out(Item::Problem(problem))
    }
}
