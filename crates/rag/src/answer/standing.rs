//! What is searched for and answered: the question as it was asked, or as it stands alone where it leans on the conversation
//! before it. What was asked stays what it was; only its language is that of the answer.

use nexus_text::{Language, language_of};

use super::Answering;
use super::generation::Spent;
use crate::follow_up::{RewriteFailure, RewrittenBy, leans, rewrite};
use crate::retrieve::{Question, RetrievalReport};

/// A question that can be searched for by itself, and how it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) text: String,
    /// Of what the person wrote.
    pub(super) language: Language,
    /// `None`: it is what was asked.
    rewritten_by: Option<RewrittenBy>,
    failure: Option<RewriteFailure>,
    /// By a model in place of the one that is asked first: good enough to answer by, and not to keep for others.
    by_stand_in: bool,
    pub(super) spent: Spent,
}

impl Answering {
    /// By the chat model, where that is wanted and the question shows that it leans on something; else by rules.
    pub(super) async fn stand_alone(&self, question: &Question) -> Standing {
        let (asked, history) = (question.searched(), question.history.as_slice());
        let (mut spent, mut failure) = (Spent::default(), None);
        if let Some(rewriting) = self.rewriting.as_ref().filter(|_| leans(history, asked)) {
            let rewritten = rewriting.stand_alone(history, asked).await;
            match rewritten.text {
                Ok(text) => {
                    return Standing {
                        by_stand_in: rewritten.by_stand_in,
                        ..Standing::of(asked, text, RewrittenBy::Model, None, rewritten.spent)
                    };
                }
                Err(reason) => {
                    tracing::warn!(?reason, "a chat model did not rewrite a question; rules did");
                    (spent, failure) = (rewritten.spent, Some(reason));
                }
            }
        }
        let text = rewrite(history, asked).text;
        Standing::of(asked, text, RewrittenBy::Rules, failure, spent)
    }
}

impl Answering {
    /// What a question is, before anybody is asked what it means: as it stands alone by rules; where a model would say, all
    /// that it would be told.
    pub(super) fn identity(&self, question: &Question) -> Vec<String> {
        let (asked, history) = (question.searched(), question.history.as_slice());
        if self.rewriting.is_some() && leans(history, asked) {
            let turns = history.iter().map(|turn| format!("{turn:?}"));
            return ["model".to_owned(), asked.to_owned()]
                .into_iter()
                .chain(turns)
                .collect();
        }
        let text = rewrite(history, asked).text;
        let standing = Standing::of(asked, text, RewrittenBy::Rules, None, Spent::default());
        let how = format!("{:?} {:?}", standing.language, standing.rewritten_by);
        vec!["rules".to_owned(), standing.text, how]
    }
}

impl Standing {
    fn of(asked: &str, text: String, by: RewrittenBy, failure: Option<RewriteFailure>, spent: Spent) -> Self {
        let rewritten_by = (text != asked).then_some(by);
        // «а E-1043?» has no Russian word of its own, and is Russian.
        let language = match language_of(asked) {
            Language::English if rewritten_by.is_some() && asked.chars().any(is_russian) => Language::Russian,
            language => language,
        };
        Self {
            text,
            language,
            rewritten_by,
            failure,
            by_stand_in: false,
            spent,
        }
    }

    pub(super) fn note(&self, report: &mut RetrievalReport) {
        report.question = self.rewritten_by.map(|_| self.text.clone());
        report.rewritten_by = self.rewritten_by;
        report.rewrite_failure = self.failure;
        report.hitch |= self.by_stand_in;
    }
}

const fn is_russian(c: char) -> bool {
    matches!(c, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё')
}
