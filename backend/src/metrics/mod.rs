//! What an operator watches: how often this process did what, how long that took, and how much waits. In Prometheus' format.
//!
//! Labels are kinds and routes, never content, addresses, or who asked. Each process counts for itself; what waits is read from
//! rows when somebody looks, and so is the same in all of them.

mod labels;
mod process;

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::{Counts, ModelCall, Purpose, TaskKind, TaskState};
use nexus_rag::{Answer, Cached, GenerationStatus, RetrievalReport, SideReport, SideStatus};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use labels::{
    AnswerLabels, CacheLabels, CallLabels, CostLabels, KindLabel, OutcomeLabel, RequestLabels, StateLabel,
    TaskLabels, TokenLabels,
};

/// Seconds, from a search to an answer that a slow model writes.
const SECONDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];
/// Seconds, from a sweep to the reading of a large repository.
const TASK_SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0];

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Times<RequestLabels>,
    answers: Times<AnswerLabels>,
    retrievals: Times<KindLabel>,
    calls: Times<CallLabels>,
    tokens: Family<TokenLabels, Counter>,
    cached: Family<CacheLabels, Counter>,
    costs: Family<CostLabels, Counter>,
    tasks: Times<TaskLabels>,
    embedded: Family<KindLabel, Counter>,
    updates: Times<OutcomeLabel>,
    webhooks: Times<OutcomeLabel>,
    standing: Family<OutcomeLabel, Counter>,
    waiting: Family<StateLabel, Gauge>,
    points: Family<KindLabel, Gauge>,
    unread: Counter,
}

/// What is read when somebody looks; `None` where it could not be.
#[derive(Debug, Default)]
pub struct Waiting {
    pub tasks: Option<Vec<(TaskState, u64)>>,
    /// Points by collection.
    pub points: Option<Vec<(String, u64)>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let times = || Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let mut inner = Inner {
            registry: Registry::default(),
            requests: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            answers: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            retrievals: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            calls: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            tokens: Family::default(),
            cached: Family::default(),
            costs: Family::default(),
            tasks: Family::new_with_constructor(|| Histogram::new(TASK_SECONDS)),
            embedded: Family::default(),
            updates: times(),
            webhooks: times(),
            standing: Family::default(),
            waiting: Family::default(),
            points: Family::default(),
            unread: Counter::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        let times = self.0.requests.get_or_create(&labels);
        times.observe(took.as_secs_f64());
    }

    /// A question that was answered, be it by a refusal.
    pub fn answered(&self, answer: &Answer, took: Duration) {
        let generation = &answer.generation;
        let labels = AnswerLabels {
            outcome: if answer.found { "answered" } else { "refused" },
            generation: match generation.status {
                GenerationStatus::Written => "written",
                GenerationStatus::Extractive => "quotes",
                GenerationStatus::Failed => "failed",
                GenerationStatus::Unsourced => "unsourced",
            },
        };
        self.0.answers.get_or_create(&labels).observe(took.as_secs_f64());
        if generation.cached == Cached::Answer {
            return;
        }
        self.retrieved(&answer.retrieval);
    }

    /// A call of a model that has ended, however it did. How long vectors take is told by what waits for them: calls that feed
    /// a knowledge base are summed up.
    pub fn model_call(&self, call: &ModelCall) {
        let (model, purpose) = (&call.model, call.purpose.as_str());
        if call.purpose != Purpose::Embedding {
            let labels = CallLabels {
                model: model.clone(),
                purpose,
                outcome: call.outcome.as_str(),
            };
            let took = Duration::from_micros(call.micros).as_secs_f64();
            self.0.calls.get_or_create(&labels).observe(took);
        }
        for (kind, tokens) in call.usage.into_iter().flat_map(|usage| {
            [
                ("prompt", usage.prompt_tokens),
                ("completion", usage.completion_tokens),
            ]
        }) {
            let labels = TokenLabels {
                model: model.clone(),
                purpose,
                kind,
            };
            self.0.tokens.get_or_create(&labels).inc_by(u64::from(tokens));
        }
        if let Some(price) = call.price {
            let labels = CostLabels {
                model: model.clone(),
                purpose,
                currency: price.currency.to_string(),
            };
            self.0.costs.get_or_create(&labels).inc_by(price.micros);
        }
    }

    /// A look into a tier of the cache of answers: `answer` or `text`.
    pub fn cached(&self, tier: &'static str, is_known: bool) {
        let outcome = if is_known { "hit" } else { "miss" };
        self.0.cached.get_or_create(&CacheLabels { tier, outcome }).inc();
    }

    pub fn retrieved(&self, report: &RetrievalReport) {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let side =
            |name, side: &SideReport| (side.status == SideStatus::Ran).then(|| (name, seconds(side.micros)));
        let parts = [
            side("lexical", &report.lexical),
            side("dense", &report.dense),
            Some(("all", seconds(report.total_micros))),
        ];
        for (kind, seconds) in parts.into_iter().flatten() {
            self.0
                .retrievals
                .get_or_create(&KindLabel::of(kind))
                .observe(seconds);
        }
    }

    /// An attempt at a task that ended: `succeeded`, `failed`, `put_back`. Counts are those of the task before and after it.
    pub fn task(
        &self,
        kind: TaskKind,
        outcome: &'static str,
        (before, after): &(Counts, Counts),
        took: Duration,
    ) {
        let labels = TaskLabels {
            kind: kind.as_str(),
            outcome,
        };
        self.0.tasks.get_or_create(&labels).observe(took.as_secs_f64());
        for (origin, chunks) in [
            (
                "model",
                after.chunks_embedded.saturating_sub(before.chunks_embedded),
            ),
            (
                "cache",
                after.chunks_from_cache.saturating_sub(before.chunks_from_cache),
            ),
        ] {
            self.0
                .embedded
                .get_or_create(&KindLabel::of(origin))
                .inc_by(chunks);
        }
    }

    /// An update of a chat: `handled` or `failed`.
    pub fn update(&self, outcome: &'static str, took: Duration) {
        let times = self.0.updates.get_or_create(&OutcomeLabel { outcome });
        times.observe(took.as_secs_f64());
    }

    /// An attempt to tell a webhook, by what became of the delivery.
    pub fn webhook(&self, outcome: &'static str, took: Duration) {
        let times = self.0.webhooks.get_or_create(&OutcomeLabel { outcome });
        times.observe(took.as_secs_f64());
    }

    /// A look at a standing question: `told`, `not_yet`, `not_now`, `nobody`, `overtaken`, `failed`, `unreadable`.
    pub fn standing_question(&self, outcome: &'static str) {
        self.0.standing.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Everything, in OpenMetrics' text format.
    pub fn text(&self, waiting: Waiting) -> Result<String, std::fmt::Error> {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let inner = &self.0;
        inner
            .unread
            .inc_by(u64::from(waiting.tasks.is_none()) + u64::from(waiting.points.is_none()));
        inner.waiting.clear();
        for (state, count) in waiting.tasks.into_iter().flatten() {
            let labels = StateLabel {
                state: state.as_str(),
            };
            inner.waiting.get_or_create(&labels).set(gauge(count));
        }
        inner.points.clear();
        for (collection, count) in waiting.points.into_iter().flatten() {
            let labels = KindLabel {
                kind: collection.into(),
            };
            inner.points.get_or_create(&labels).set(gauge(count));
        }
        let mut text = String::new();
        encode(&mut text, &inner.registry)?;
        Ok(text)
    }
}

impl Inner {
    fn register(&mut self) {
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let ours = self.registry.sub_registry_with_prefix("nexus");
        ours.register("build", "The program", version);
        let requests = "Requests until the headers of their response, by route";
        ours.register("http_request_seconds", requests, self.requests.clone());
        let answers = "Questions until their answer, by outcome and by what it was made of";
        ours.register("answer_seconds", answers, self.answers.clone());
        let retrievals = "Searches of the indexes, by side; `all` with everything around them";
        ours.register("retrieval_seconds", retrievals, self.retrievals.clone());
        let calls = "Calls of chat models, by model, by what for and by what became of them";
        ours.register("chat_call_seconds", calls, self.calls.clone());
        let tokens = "Tokens that chat models say they took, by model and by what for";
        ours.register("chat_tokens", tokens, self.tokens.clone());
        let cached = "Looks into the cache of answers, by tier";
        ours.register("cache_lookups", cached, self.cached.clone());
        let costs = "What chat models cost, in millionths of the currency's unit";
        ours.register("chat_cost_micros", costs, self.costs.clone());
        let tasks = "Attempts at tasks, by kind and outcome";
        ours.register("task_seconds", tasks, self.tasks.clone());
        let embedded = "Chunks that got their vector, by where it came from";
        ours.register("embedded_chunks", embedded, self.embedded.clone());
        let updates = "Updates of chats until they were handled";
        ours.register("update_seconds", updates, self.updates.clone());
        let webhooks = "Attempts to tell webhooks, by what became of the delivery";
        ours.register("webhook_seconds", webhooks, self.webhooks.clone());
        let standing = "Looks at questions that were refused before, by what came of them";
        ours.register("standing_question_looks", standing, self.standing.clone());
        let waiting = "Tasks by state, in the whole installation";
        ours.register("tasks", waiting, self.waiting.clone());
        let points = "Points by collection, in the whole installation";
        ours.register("index_points", points, self.points.clone());
        let unread = "Parts that could not be read when somebody looked";
        ours.register("unread_parts", unread, self.unread.clone());
        process::register(&mut self.registry);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_happened_is_counted_by_kind_and_what_waits_is_as_it_was_read_last() {
        let metrics = Metrics::new();
        let took = Duration::from_millis(20);
        metrics.request("GET", "/api/v1/health", 200, took);
        metrics.request("GET", "/api/v1/health", 200, took);
        let embedded = |chunks_embedded| Counts {
            chunks_embedded,
            ..Counts::default()
        };
        let counts = (embedded(2), embedded(5));
        metrics.task(TaskKind::Sweep, "succeeded", &counts, took);
        let waiting = |count| Waiting {
            tasks: Some(vec![(TaskState::Queued, count)]),
            points: Some(vec![("lexical".to_owned(), 7)]),
        };
        metrics.text(waiting(5)).unwrap();
        let text = metrics.text(waiting(2)).unwrap();
        for line in [
            r#"nexus_http_request_seconds_count{method="GET",route="/api/v1/health",status="200"} 2"#,
            r#"nexus_task_seconds_count{kind="sweep",outcome="succeeded"} 1"#,
            r#"nexus_embedded_chunks_total{kind="model"} 3"#,
            r#"nexus_tasks{state="queued"} 2"#,
            r#"nexus_index_points{kind="lexical"} 7"#,
            "nexus_unread_parts_total 0",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains(r#"nexus_tasks{state="queued"} 5"#));
        let text = metrics.text(Waiting::default()).unwrap();
        assert!(text.contains("nexus_unread_parts_total 2") && !text.contains("nexus_tasks{"));
    }

    fn call() -> ModelCall {
        let at = nexus_domain::Timestamp::from_micros(0);
        ModelCall {
            id: nexus_domain::ModelCallId::new(at),
            created_at: at,
            purpose: nexus_domain::Purpose::Rewrite,
            model: "m".to_owned(),
            provider: "p".to_owned(),
            asker: nexus_domain::Asker::default(),
            kb: None,
            requests: 1,
            answer: None,
            usage: Some(nexus_domain::ChatUsage {
                prompt_tokens: 100,
                completion_tokens: 10,
            }),
            micros: 1_000,
            outcome: nexus_domain::CallOutcome::Ok,
            price: Some(nexus_domain::Amount {
                micros: 21,
                currency: "USD".parse().unwrap(),
            }),
        }
    }

    #[test]
    fn calls_of_models_are_counted_with_what_they_took_and_cost() {
        let metrics = Metrics::new();
        metrics.model_call(&call());
        metrics.model_call(&call());
        let failed = ModelCall {
            usage: None,
            price: None,
            outcome: nexus_domain::CallOutcome::Failed,
            ..call()
        };
        metrics.model_call(&failed);
        let text = metrics.text(Waiting::default()).unwrap();
        for line in [
            r#"nexus_chat_call_seconds_count{model="m",purpose="rewrite",outcome="ok"} 2"#,
            r#"nexus_chat_call_seconds_count{model="m",purpose="rewrite",outcome="failed"} 1"#,
            r#"nexus_chat_tokens_total{model="m",purpose="rewrite",kind="prompt"} 200"#,
            r#"nexus_chat_tokens_total{model="m",purpose="rewrite",kind="completion"} 20"#,
            r#"nexus_chat_cost_micros_total{model="m",purpose="rewrite",currency="USD"} 42"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    /// Metrics with a value each.
    fn filled() -> String {
        let metrics = Metrics::new();
        let took = Duration::from_millis(1);
        metrics.request("GET", "/", 200, took);
        metrics.task(TaskKind::Sweep, "succeeded", &Default::default(), took);
        metrics.update("handled", took);
        metrics.webhook("delivered", took);
        metrics.standing_question("told");
        let inner = &metrics.0;
        let answer = AnswerLabels {
            outcome: "answered",
            generation: "quotes",
        };
        inner.answers.get_or_create(&answer).observe(1.0);
        inner.retrievals.get_or_create(&KindLabel::of("all")).observe(1.0);
        metrics.model_call(&call());
        metrics.cached("answer", true);
        let waiting = Waiting {
            tasks: Some(vec![(TaskState::Queued, 1)]),
            points: Some(vec![("lexical".to_owned(), 1)]),
        };
        metrics.text(waiting).unwrap()
    }

    #[test]
    fn the_dashboard_and_the_manual_name_metrics_that_there_are() {
        let text = filled();
        let known: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        let names = |text: &'static str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names = words.filter(|word| word.starts_with("nexus_") || word.starts_with("process_"));
            names.collect::<BTreeSet<_>>()
        };
        let dashboard = include_str!("../../../deploy/grafana/nexus.json");
        let asked = names(dashboard);
        assert!(asked.len() >= 10, "{asked:?}");
        for name in asked {
            assert!(known.contains(name), "{name}: {known:?}");
        }
        let manual = include_str!("../../../docs/OPERATIONS.md");
        let (_, manual) = manual.split_once("## Watching it").unwrap();
        let (manual, _) = manual.split_once("\n## ").unwrap();
        for name in names(manual) {
            let counted = format!("{name}_count");
            assert!(known.contains(name) || known.contains(counted.as_str()), "{name}");
        }
    }
}
