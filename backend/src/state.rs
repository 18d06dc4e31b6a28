//! What handlers are given.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use ipnet::IpNet;

use crate::metrics::Metrics;
use crate::service::{
    AnswerCache, Answers, ApiKeys, Audit, Bots, Bundles, Chats, Documents, Door, FreeQuestions, Gaps,
    Generations, HealthChecks, Inbox, IncomingWebhooks, Ingestion, KnowledgeBases, ModelCalls, Outbox,
    People, Quality, Questions, Sharing, SignIns, SourceReports, Sources, Tasks, Usage, Webhooks,
};

/// The services that handlers use. Every request clones it in each of its layers, so it is one pointer.
#[derive(Clone, Debug)]
pub struct App(Arc<AppServices>);

#[derive(Debug)]
pub struct AppServices {
    pub door: Door,
    pub people: People,
    pub bots: Bots,
    pub usage: Usage,
    pub api_keys: ApiKeys,
    pub sharing: Sharing,
    pub sign_ins: SignIns,
    pub audit: Audit,
    /// Proxies whose word on the caller's address is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    pub secure_cookies: bool,
    pub knowledge_bases: KnowledgeBases,
    pub documents: Documents,
    pub ingestion: Ingestion,
    pub bundles: Bundles,
    pub tasks: Tasks,
    pub sources: Sources,
    pub source_reports: SourceReports,
    pub questions: Questions,
    pub free_questions: FreeQuestions,
    pub model_calls: ModelCalls,
    pub answers: Answers,
    pub gaps: Gaps,
    pub quality: Quality,
    pub generations: Generations,
    pub health: HealthChecks,
    pub inbox: Inbox,
    pub outbox: Outbox,
    pub chats: Chats,
    pub webhooks: Webhooks,
    pub incoming_webhooks: IncomingWebhooks,
    pub metrics: Metrics,
    pub cache: AnswerCache,
}

impl App {
    pub fn new(services: AppServices) -> Self {
        Self(Arc::new(services))
    }
}

impl Deref for App {
    type Target = AppServices;

    fn deref(&self) -> &AppServices {
        &self.0
    }
}

/// A handler may ask for one service alone.
macro_rules! each_alone {
    ($($name:ident: $service:ty,)*) => {
        $(impl FromRef<App> for $service {
            fn from_ref(app: &App) -> Self {
                app.$name.clone()
            }
        })*
    };
}

each_alone! {
    door: Door,
    people: People,
    bots: Bots,
    usage: Usage,
    api_keys: ApiKeys,
    sharing: Sharing,
    sign_ins: SignIns,
    audit: Audit,
    knowledge_bases: KnowledgeBases,
    documents: Documents,
    ingestion: Ingestion,
    bundles: Bundles,
    tasks: Tasks,
    sources: Sources,
    source_reports: SourceReports,
    questions: Questions,
    free_questions: FreeQuestions,
    model_calls: ModelCalls,
    answers: Answers,
    gaps: Gaps,
    quality: Quality,
    generations: Generations,
    health: HealthChecks,
    inbox: Inbox,
    outbox: Outbox,
    chats: Chats,
    webhooks: Webhooks,
    incoming_webhooks: IncomingWebhooks,
    metrics: Metrics,
}
