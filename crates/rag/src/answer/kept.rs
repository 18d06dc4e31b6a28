//! Answers and texts that were kept: what they are known by, what may be kept, and how they are given again
//! (`docs/adr/0019-answers-are-cached-by-what-they-rest-on.md`). Where they lie is the matter of whoever keeps them.

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use nexus_domain::{ChatRequest, ContentHash, Passage};
use serde::{Deserialize, Serialize};

use super::generation::Cached;
use super::write::{PROMPT_VERSION, Writing};
use super::{Answer, AnswerDelta, AnswerEvent, AnswerStream, Answering, GenerationStatus};
use crate::retrieve::{Question, RankedPassage, Retrieval};
use crate::verify::Unverified;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a chat model wrote, byte for byte: whoever gives it again reads and checks it as if it were said now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    pub model: String,
    pub text: String,
}

/// The port to what chat models wrote before. What cannot be read is not there, and what cannot be kept is not kept.
#[async_trait]
pub trait KeptTexts: Send + Sync + std::fmt::Debug {
    async fn text(&self, key: &ContentHash) -> Option<KeptText>;

    /// `read` is what the model was given: where that is deleted, the text goes with it.
    async fn keep(&self, key: ContentHash, text: KeptText, read: &[&Passage]);
}

/// What a text rests on: every word that the model is given, how it is asked, who is asked, and how what they say is read: by
/// which program, and what it does with what is not verified.
pub(super) fn text_key(request: &ChatRequest, models: &[String], unverified: Unverified) -> ContentHash {
    let messages = request.messages.iter();
    let messages = messages.flat_map(|message| [format!("{:?}", message.role), message.text.clone()]);
    let how = format!(
        "{VERSION} {:?} {:?} {:?} {models:?} {unverified:?}",
        request.max_tokens, request.temperature, request.prefer
    );
    let parts: Vec<String> = messages.chain([how]).collect();
    ContentHash::of_parts(parts.iter().map(String::as_bytes))
}

/// An answer and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// As its event told them.
    hits: Vec<RankedPassage>,
    answer: Answer,
}

impl KeptAnswer {
    /// `None` where it would not come out like this again: something failed on its way, was cut off, or stood in for something
    /// else.
    pub fn of(answering: &Answering, hits: &[RankedPassage], answer: &Answer) -> Option<Self> {
        let generation = &answer.generation;
        let models = answering.writing.as_ref().map(Writing::line_up);
        let first = models.as_ref().and_then(|models| models.first());
        let by_the_first = generation.model.is_none() || generation.model.as_ref() == first;
        let is_whole = generation.status != GenerationStatus::Failed && !generation.truncated;
        (by_the_first && is_whole && answer.retrieval.is_whole()).then(|| Self {
            hits: hits.to_vec(),
            answer: Answer {
                id: None,
                ..answer.clone()
            },
        })
    }

    /// All passages that it holds something of.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        let cited = self.answer.citations.iter().chain(&self.answer.nearest);
        let cited = cited.map(|citation| &citation.passage);
        self.hits.iter().map(|hit| &hit.passage).chain(cited)
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        let of_passage = |passage: &Passage| {
            let chunk = &passage.chunk;
            let headings: usize = chunk.heading_path.iter().map(|heading| heading.len() + 24).sum();
            let link = passage.document_link.as_ref().map_or(0, String::len);
            let names = passage.document_path.len() + passage.document_title.len() + passage.kb_name.len();
            chunk.text.len() + headings + names + link + size_of::<Passage>()
        };
        let passages: usize = self.passages().map(of_passage).sum();
        let answer = &self.answer;
        let quotes = answer.citations.iter().chain(&answer.nearest);
        let quotes: usize = quotes.map(|citation| citation.quote.len()).sum();
        let blocks: usize = answer.blocks.iter().map(|block| block.text.len() + 128).sum();
        passages + quotes + blocks + answer.text.len() + size_of::<Self>()
    }

    /// The answer as that of another question of the same words: it took nothing.
    pub fn given_again(&self) -> AnswerStream {
        let mut answer = self.answer.clone();
        answer.retrieval.at_no_time();
        let generation = &mut answer.generation;
        generation.cached = Cached::Answer;
        generation.uncounted = false;
        generation.usage = generation.usage.map(|_| Default::default());
        generation.micros = 0;
        generation.first_token_micros = generation.first_token_micros.map(|_| 0);
        let found = Retrieval {
            hits: self.hits.clone(),
            report: answer.retrieval.clone(),
        };
        let is_written = answer.generation.status == GenerationStatus::Written && answer.found;
        let delta = is_written.then(|| AnswerEvent::Delta(delta(&answer)));
        let events = std::iter::once(AnswerEvent::Retrieved(Box::new(found)))
            .chain(delta)
            .chain([AnswerEvent::Done(Box::new(answer))]);
        let events: Vec<_> = events.map(Ok).collect();
        stream::iter(events).boxed()
    }
}

fn delta(answer: &Answer) -> AnswerDelta {
    let cited = answer.citations.iter();
    let cited = cited.map(|citation| (citation.number, citation.passage.chunk.id));
    AnswerDelta {
        text: answer.text.clone(),
        cited: cited.collect(),
    }
}

impl Answering {
    /// What an answer depends on besides what the knowledge bases hold, who may see it, and what was measured of them: the
    /// question, how it is asked, and every setting on its way. Two questions with the same words here have the same answer.
    pub fn identity_of(&self, question: &Question) -> Vec<String> {
        let how = format!(
            "{:?} {} {} {:?} {:?}",
            question.mode,
            question.limit,
            question.distinct_documents,
            self.retriever.settings,
            self.settings
        );
        let reranking = self.retriever.reranking.as_ref().map(|reranking| {
            let info = reranking.reranker.info();
            format!("{info:?} {} {:?}", reranking.candidates, reranking.budget)
        });
        let writing = self.writing.as_ref().map(|writing| {
            format!(
                "{:?} {:?} {:?}",
                writing.settings,
                writing.manner,
                writing.line_up()
            )
        });
        let rewriting = self
            .rewriting
            .as_ref()
            .map(|rewriting| format!("{:?} {:?}", rewriting.temperature, rewriting.prefer));
        let settings = [
            PROMPT_VERSION.to_owned(),
            how,
            format!("{reranking:?}"),
            format!("{writing:?}"),
            format!("{rewriting:?}"),
        ];
        settings.into_iter().chain(self.identity(question)).collect()
    }
}

/// Languages by their codes.
pub(super) mod language {
    use nexus_text::Language;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::answer) fn serialize<S: Serializer>(language: &Language, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match language {
            Language::Russian => "ru",
            Language::English => "en",
        })
    }

    pub(in crate::answer) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Language, D::Error> {
        match String::deserialize(from)?.as_str() {
            "ru" => Ok(Language::Russian),
            "en" => Ok(Language::English),
            other => Err(serde::de::Error::custom(format!(
                "{other} is no language of answers"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_domain::{CallLog, ChatMessage};

    use super::*;

    #[test]
    fn each_part_of_a_request_makes_another_text() {
        let request = ChatRequest {
            messages: vec![
                ChatMessage::system("Rules."),
                ChatMessage::user("Sources, question."),
            ],
            max_tokens: 100,
            temperature: Some(0.1),
            prefer: None,
            calls: CallLog::default(),
        };
        let models = ["a".to_owned(), "b".to_owned()];
        let text_key = |request: &ChatRequest, models: &[String]| text_key(request, models, Unverified::Mark);
        let key = text_key(&request, &models);
        assert_eq!(key, text_key(&request.clone(), &models));
        assert_ne!(key, super::text_key(&request, &models, Unverified::Drop));
        let changes: [fn(&mut ChatRequest); 6] = [
            |request| request.messages[1].text.push('!'),
            |request| request.messages.swap(0, 1),
            |request| request.messages[0] = ChatMessage::user("Rules."),
            |request| request.max_tokens = 101,
            |request| request.temperature = None,
            |request| request.prefer = Some("b".to_owned()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut other = request.clone();
            change(&mut other);
            assert_ne!(key, text_key(&other, &models), "{number}");
        }
        assert_ne!(key, text_key(&request, &models[..1]));
        assert_ne!(key, text_key(&request, &["b".to_owned(), "a".to_owned()]));
    }
}
