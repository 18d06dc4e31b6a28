//! The cache of answers: what is given again, what is made anew, and what is never kept. Questions are put to the services
//! themselves, so that one application can be asked with a cache and, at the same revision, without one.

mod hits;
mod kills;
mod limits;
mod many;
mod redis;
mod redis_stand_in;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use nexus_backend::service::{AnswerCache, CacheOptions, Questions, SearchInput, SharedOptions};
use nexus_domain::{
    Access, ApiKeyId, CallLog, ChatEnd, ChatError, ChatEvent, ChatFinish, ChatModel, ChatReply, ChatRequest,
    ChatUsage, KbId, Reach, Role, Standing, Timestamp,
};
use nexus_rag::{Answer, Answering, Manner, Mode, Writing, WritingSettings};

use crate::test_app::{KB, Setup, TestApp};

const DAY: Duration = Duration::from_secs(86_400);

/// A model that repeats the last line of its first source, and counts how often it is asked.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    calls: AtomicUsize,
}

impl Echo {
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ChatModel for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    async fn chat(&self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let prompt = &request.messages.last().expect("a question").text;
        let is_fence = |line: &&str| line.len() >= 8 && line.chars().all(|c| c == '=');
        let mut lines = prompt.lines().skip_while(|line| !is_fence(line)).skip(1);
        let source: Vec<&str> = lines.by_ref().take_while(|line| !is_fence(line)).collect();
        let last = source.last().expect("a source has lines").trim_end_matches('.');
        let end = ChatEnd {
            finish: ChatFinish::Stop,
            usage: Some(ChatUsage {
                prompt_tokens: 100,
                completion_tokens: 10,
            }),
        };
        let events = [ChatEvent::Delta(format!("{last} [1].")), ChatEvent::End(end)];
        Ok(ChatReply {
            model: self.name().to_owned(),
            events: stream::iter(events.map(Ok)).boxed(),
        })
    }
}

pub(crate) async fn app(settings: Vec<(&'static str, String)>) -> TestApp {
    TestApp::with(Setup {
        settings,
        lexical_only: true,
        ..Setup::default()
    })
    .await
}

/// A document with one fact.
pub(crate) fn pump(number: usize, turns: usize) -> (String, String) {
    let text = format!("# Pump zorb{number}\n\nThe zorb{number} pump turns {turns} times each minute.\n");
    (format!("pumps/{number}.md"), text)
}

pub(crate) fn question_about(number: usize) -> String {
    format!("How many times does the zorb{number} pump turn each minute?")
}

/// Takes these documents in, in place of all that were there, and waits until nothing moves any more.
pub(crate) async fn take_in(app: &TestApp, documents: &[(String, String)]) {
    let files: Vec<(&str, &[u8])> = documents
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    app.ingest(&files).await;
    app.quiet().await;
}

pub(crate) fn options(redis: Option<&str>) -> CacheOptions {
    CacheOptions {
        bytes: 64 << 20,
        life: DAY,
        shared: redis.map(|url| SharedOptions {
            url: url.to_owned().into(),
            patience: Duration::from_secs(2),
        }),
    }
}

pub(crate) fn cache(app: &TestApp, options: CacheOptions) -> AnswerCache {
    let app = &app.app;
    AnswerCache::open(
        app.answers.db.clone(),
        Arc::clone(&app.bots.keys),
        Arc::clone(&app.answers.clock),
        app.metrics.clone(),
        options,
    )
    .unwrap()
}

/// The questions of this application with a cache of their own.
pub(crate) fn asking(app: &TestApp, model: Option<Arc<dyn ChatModel>>, options: CacheOptions) -> Questions {
    let questions = app.app.questions.clone();
    let writing = model.map(|model| Writing {
        model,
        settings: WritingSettings::default(),
        manner: Manner::default(),
        calls: CallLog::default(),
    });
    Questions {
        answering: Answering {
            writing,
            ..questions.answering.clone()
        },
        cache: cache(app, options),
        ..questions
    }
}

/// The same without any.
pub(crate) fn twin_of(app: &TestApp, questions: &Questions) -> Questions {
    let none = CacheOptions {
        life: Duration::ZERO,
        ..options(None)
    };
    Questions {
        cache: cache(app, none),
        ..questions.clone()
    }
}

pub(crate) fn everything() -> Access {
    Access::decide(Standing::of_key(
        ApiKeyId::new(Timestamp::from_micros(1)),
        Role::Admin,
    ))
}

pub(crate) fn only(kbs: &[KbId]) -> Access {
    Access::decide(Standing {
        reach: Reach::These(kbs.to_vec()),
        ..Standing::of_key(ApiKeyId::new(Timestamp::from_micros(2)), Role::Reader)
    })
}

pub(crate) fn input(text: &str) -> SearchInput {
    SearchInput {
        text: text.to_owned(),
        history: Vec::new(),
        knowledge_bases: Vec::new(),
        mode: Mode::Lexical,
        limit: 1,
        distinct_documents: false,
    }
}

pub(crate) async fn ask(questions: &Questions, text: &str) -> Answer {
    questions.answer(&everything(), input(text)).await.unwrap()
}

pub(crate) async fn kb(app: &TestApp) -> KbId {
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    KbId::from_uuid(kb.id)
}
