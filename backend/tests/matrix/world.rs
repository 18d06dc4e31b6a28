//! The installation that the matrix is tried on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nexus_domain::{Clock as _, ProcessId, Progress, Task, TaskId, TaskPayload, TaskState};
use nexus_storage::{Db, DbOptions};
use serde_json::json;

use crate::api::{Api, BOT_TOKEN, init_data, text};
use crate::chats::Talk;
use crate::test_app::{Setup, TestApp};
use crate::things::{Bot, Gone, Kb, Person, bot, knowledge_base};

/// One place for what limits callers: here nothing does. Sources are fetched from this machine, where nothing is.
const SETTINGS: [(&str, &str); 5] = [
    ("NEXUS_HTTP_REQUESTS_PER_SECOND", "1000000"),
    ("NEXUS_HTTP_BURST", "1000000"),
    ("NEXUS_HTTP_SECURE_COOKIES", "false"),
    ("NEXUS_SOURCES_ALLOW_NETWORKS", "127.0.0.0/8"),
    ("NEXUS_SOURCES_LOCAL_REPOSITORIES", "true"),
];
/// 2026-01-01T00:00:00Z, where the clock of a test stands, and as much as short credentials live.
const START: i64 = 1_767_225_600;
pub const SHORT_LIFE: Duration = Duration::from_secs(86_401);

pub struct World {
    pub app: TestApp,
    pub operator: Api,
    pub ours: Kb,
    pub theirs: Kb,
    pub commons: Kb,
    pub gone: Gone,
    pub housekeeping: String,
    /// Everybody's bot, the one that ours is open to, one for readers alone, and one that nobody calls through.
    pub docs: Bot,
    pub kiosk: Bot,
    pub narrow: Bot,
    pub idle: Bot,
    /// Of `docs`; a member of all three knowledge bases.
    pub neighbour: Person,
    /// Of `docs`; a member of nothing.
    pub passer_by: Person,
    /// Of `kiosk`.
    pub guest: Person,
    /// How the neighbour uses `docs`, and the guest `kiosk`.
    pub neighbours_use: String,
    pub guests_use: String,
    /// What the neighbour and `docs` have said, the guest and `kiosk`, and the passer-by and `idle`.
    pub neighbours: Talk,
    pub guests: Talk,
    pub idles: Talk,
    /// Answers to questions of theirs.
    pub neighbours_answer: String,
    pub guests_answer: String,
    /// A message of `idle` that could not be delivered.
    pub letter: String,
    /// An address that is told of events, turned off, and what it could not be told.
    pub webhook: String,
    pub given_up: String,
    /// The process that serves bots.
    pub process: ProcessId,
    /// Of some program.
    pub key: String,
    pub generation: String,
    pub db: Db,
    count: AtomicU64,
}

impl World {
    pub async fn build(database: Option<String>) -> Self {
        let (app, db) = start(database).await;
        let operator = Api::operator(&app);
        let (docs, kiosk) = (bot(&operator, "docs").await, bot(&operator, "kiosk").await);
        let (narrow, idle) = (bot(&operator, "narrow").await, bot(&operator, "idle").await);
        docs.let_do(&operator, "admin").await;
        narrow.let_do(&operator, "reader").await;
        let ours = knowledge_base(&app, "open-house", "tamarind").await;
        let theirs = knowledge_base(&app, "closed-archive", "xylophone").await;
        let commons = knowledge_base(&app, "village-green", "quince").await;
        let gone = Gone::build(&app, &operator).await;
        app.quiet().await;
        let (_, generations) = operator.get("/generations").await;
        let key = json!({"name": "n8n", "role": "reader"});
        let (_, key) = operator.post("/api-keys", &key).await;
        let mut world = Self {
            generation: generations["items"][0]["id"].to_string(),
            key: text(&key["api_key"]["id"]),
            housekeeping: String::new(),
            neighbours_use: String::new(),
            guests_use: String::new(),
            neighbours: Talk::default(),
            guests: Talk::default(),
            idles: Talk::default(),
            neighbours_answer: String::new(),
            guests_answer: String::new(),
            letter: String::new(),
            webhook: String::new(),
            given_up: String::new(),
            process: ProcessId::new(app.clock.now()),
            count: AtomicU64::new(100),
            app,
            operator,
            ours,
            theirs,
            commons,
            gone,
            neighbour: docs.person(7).await,
            passer_by: docs.person(20).await,
            guest: kiosk.person(9).await,
            docs,
            kiosk,
            narrow,
            idle,
            db,
        };
        world.open().await;
        world
    }

    /// Who is let in where, and the tasks that do not begin.
    async fn open(&mut self) {
        for kb in [&self.ours, &self.theirs, &self.commons] {
            self.set_member(&kb.id, &self.neighbour.user, "reader").await;
        }
        let everyone = json!({"visibility": "everyone"});
        let path = format!("/knowledge-bases/{}", self.commons.id);
        assert_eq!(self.operator.patch(&path, &everyone).await.0, 200);
        for kb in [&self.ours, &self.gone.kb] {
            self.open_to(&kb.id, &self.kiosk).await;
        }
        self.ours.waiting = self.waiting_task(Some(&self.ours.id), TaskState::Queued).await;
        self.theirs.waiting = self.waiting_task(Some(&self.theirs.id), TaskState::Queued).await;
        self.commons.waiting = self.waiting_task(Some(&self.commons.id), TaskState::Queued).await;
        (self.ours.source, self.ours.webhook_secret) = self.hooked_source(&self.ours).await;
        (self.theirs.source, self.theirs.webhook_secret) = self.hooked_source(&self.theirs).await;
        (self.commons.source, self.commons.webhook_secret) = self.hooked_source(&self.commons).await;
        let gone = self.hooked_source(&self.gone.kb).await;
        (self.gone.kb.source, self.gone.kb.webhook_secret) = gone;
        (self.ours.teller, self.ours.teller_secret) = self.teller(&self.ours.id).await;
        (self.theirs.teller, self.theirs.teller_secret) = self.teller(&self.theirs.id).await;
        self.gone.kb.teller = self.teller(&self.gone.kb.id).await.0;
        (self.webhook, self.given_up) = self.webhook_with_dead_letter().await;
        // As long as this one waits, nothing is swept: what was deleted is out of reach by its rows alone.
        self.housekeeping = self.waiting_task(None, TaskState::Queued).await;
        self.neighbours_use = self.subscription(&self.neighbour.user, &self.docs).await;
        self.guests_use = self.subscription(&self.guest.user, &self.kiosk).await;
        self.neighbours = self.talk(&self.docs, &self.neighbour).await;
        self.guests = self.talk(&self.kiosk, &self.guest).await;
        self.idles = self.talk(&self.idle, &self.passer_by).await;
        self.neighbours_answer = self.answer_by(&self.docs.id, &self.neighbour.user).await;
        self.guests_answer = self.answer_by(&self.kiosk.id, &self.guest.user).await;
        self.letter = self.dead_letter(&self.idle.id).await;
    }

    pub async fn set_member(&self, kb: &str, user: &str, role: &str) {
        let path = format!("/knowledge-bases/{kb}/members/{user}");
        let (status, reply) = self.operator.put(&path, &json!({ "role": role })).await;
        assert_eq!(status, 200, "{reply}");
    }

    pub async fn open_to(&self, kb: &str, bot: &Bot) {
        let path = format!("/knowledge-bases/{kb}/bots/{}", bot.id);
        let (status, reply) = self.operator.put(&path, &json!({})).await;
        assert_eq!(status, 200, "{reply}");
    }

    /// A task that does not begin before its time, which does not come.
    pub async fn waiting_task(&self, kb: Option<&str>, state: TaskState) -> String {
        let payload = kb.map_or(TaskPayload::Sweep, |_| TaskPayload::EmbedKb);
        let task = self.task(kb, payload, state);
        let mut tx = self.db.begin().await.unwrap();
        tx.tasks().enqueue(&task).await.unwrap();
        tx.commit().await.unwrap();
        task.id.to_string()
    }

    /// A task that no worker takes up.
    pub fn task(&self, kb: Option<&str>, payload: TaskPayload, state: TaskState) -> Task {
        let now = self.app.clock.now();
        Task {
            id: TaskId::new(now),
            kb_id: kb.map(|kb| kb.parse().unwrap()),
            payload,
            state,
            attempts: 0,
            run_at: now.plus(Duration::from_secs(3_000_000_000)),
            lease: None,
            requested_state: None,
            progress: Progress::default(),
            error: None,
            trace_id: String::new(),
            created_at: now,
            started_at: None,
            updated_at: now,
            finished_at: None,
        }
    }

    /// Paths of all that cells find there, for the operator.
    pub fn everything(&self) -> Vec<String> {
        let of_a_kb = |kb: &Kb| {
            let path = format!("/knowledge-bases/{}", kb.id);
            let parts = ["members", "bots", "documents", "sources", "incoming-webhooks"]
                .map(|part| format!("{path}/{part}?limit=200"));
            let tasks = format!("/ingestion/tasks?limit=200&knowledge_base={}", kb.id);
            parts.into_iter().chain([path, tasks]).collect::<Vec<_>>()
        };
        let lists = ["users", "bots", "api-keys", "knowledge-bases", "webhooks"]
            .map(|list| format!("/{list}?limit=200"));
        let bots = [&self.docs, &self.kiosk, &self.narrow, &self.idle];
        let tokens = bots.map(|bot| format!("/bots/{}/tokens", bot.id));
        let people = [&self.neighbour, &self.passer_by, &self.guest];
        let uses = people.map(|person| format!("/users/{}/bots", person.user));
        let housekeeping = format!("/ingestion/tasks/{}", self.housekeeping);
        let kbs = [&self.ours, &self.theirs, &self.commons]
            .into_iter()
            .flat_map(of_a_kb);
        kbs.chain(lists)
            .chain(tokens)
            .chain(uses)
            .chain([housekeeping, "/generations".to_owned()])
            .chain(self.talks())
            .collect()
    }

    /// A number that was not given before.
    pub fn next(&self) -> u64 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    /// What Telegram signs for a person, now.
    pub fn signed_for(telegram_id: i64) -> String {
        let now = START + i64::try_from(SHORT_LIFE.as_secs()).unwrap();
        init_data(BOT_TOKEN, telegram_id, now)
    }

    /// A person's use of a bot, by its id.
    pub async fn subscription(&self, user: &str, bot: &Bot) -> String {
        let (_, page) = self.operator.get(&format!("/users/{user}/bots")).await;
        let mut items = page["items"].as_array().unwrap().iter();
        let found = items.find(|item| item["bot"] == bot.code).unwrap();
        text(&found["subscription"]["id"])
    }
}

async fn start(database: Option<String>) -> (TestApp, Db) {
    let mut settings: Vec<(&str, String)> = SETTINGS.map(|(name, value)| (name, value.to_owned())).to_vec();
    settings.extend(database.clone().map(|url| ("NEXUS_DATABASE_URL", url)));
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let url = database.unwrap_or_else(|| format!("sqlite:{}", app.data.path().join("nexus.db").display()));
    let db = Db::connect(&url, DbOptions::default()).await.unwrap();
    (app, db)
}
