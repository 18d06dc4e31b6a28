//! Questions that were refused: whoever asked is told once when a knowledge base comes to hold an answer, and nobody who may
//! not know it or does not want to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_api::TaskState;
use nexus_client::{Upload, UploadTarget};
use nexus_domain::{Clock as _, Embedder, StandingState};
use nexus_models::chat_stand_in::{ChatStandIn, Play};
use nexus_models::{EmbedderOptions, FastembedEmbedder};
use nexus_storage::{Db, DbOptions};
use serde_json::{Value, json};

use crate::api::{Api, text};
use crate::bot_process::{ANNA, Process, button, said};
use crate::test_app::{KB, Setup, TestApp, archive};

/// How long a worker may take to look at all that is due.
const PATIENCE: Duration = Duration::from_secs(300);
const GUIDE: (&str, &[u8]) = (
    "guide.md",
    b"# Gateway\n\nThe firmware is updated with `gateway_update` once a month.\n",
);
const QUESTION: &str = "Which cable does the Borealis pump need?";
const ANSWER: (&str, &[u8]) = (
    "pump.md",
    b"# Borealis pump\n\nThe Borealis pump needs a shielded cable of type K7.\n",
);

/// An application, a bot, and a look at what stands.
struct World {
    app: TestApp,
    operator: Api,
    bot: Process,
    token: String,
    kb: String,
    db: Db,
    restarts: u32,
}

fn settings(more: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let own = [
        ("NEXUS_STANDING_SETTLE_SECONDS", "0".to_owned()),
        // One threshold from beginning to end.
        ("NEXUS_ANSWERS_CALIBRATION_SECONDS", "0".to_owned()),
    ];
    own.into_iter().chain(more.iter().cloned()).collect()
}

fn real_model(folder: String) -> Arc<dyn Embedder> {
    let model = FastembedEmbedder::load(&EmbedderOptions::new(folder)).unwrap();
    Arc::new(model.expect("the folder holds a model"))
}

async fn opened(data: &Path) -> Db {
    let url = format!("sqlite:{}", data.join("nexus.db").display());
    Db::connect(&url, DbOptions::default()).await.unwrap()
}

impl World {
    /// The knowledge base is open to whoever comes through the bot.
    async fn open_to_all(more: &[(&'static str, String)]) -> Self {
        Self::open_with(more, None).await
    }

    /// By words alone without a model.
    async fn open_with(more: &[(&'static str, String)], model: Option<Arc<dyn Embedder>>) -> Self {
        let world = Self::start(more, model).await;
        let (_, bots) = world.operator.get("/bots").await;
        let path = format!(
            "/knowledge-bases/{}/bots/{}",
            world.kb,
            text(&bots["items"][0]["id"])
        );
        assert!(world.operator.put(&path, &json!({})).await.0 < 300);
        world
    }

    async fn start(more: &[(&'static str, String)], model: Option<Arc<dyn Embedder>>) -> Self {
        let app = TestApp::with(Setup {
            settings: settings(more),
            lexical_only: model.is_none(),
            own_model: model,
            ..Setup::default()
        })
        .await;
        app.ingest(&[GUIDE]).await;
        let operator = Api::operator(&app);
        let (id, api) = operator.register_bot("docs").await;
        let issued = operator
            .post(&format!("/bots/{id}/tokens"), &json!({"name": "again"}))
            .await;
        let kb = text(&operator.get("/knowledge-bases").await.1["items"][0]["id"]);
        Self {
            bot: Process::start(&api).await,
            db: opened(app.data.path()).await,
            app,
            operator,
            token: text(&issued.1["token"]),
            kb,
            restarts: 0,
        }
    }

    /// The server is stopped in the midst of its work and started anew; the bot's process, too.
    async fn restart(self, more: &[(&'static str, String)]) -> Self {
        let restarts = self.restarts + 1;
        self.db.close().await;
        let data = self.app.stop_now().await;
        let app = TestApp::with(Setup {
            settings: settings(more),
            lexical_only: true,
            data: Some(data),
            // Later than whatever was before.
            later: Duration::from_secs(u64::from(restarts) * 3_600),
            ..Setup::default()
        })
        .await;
        let operator = Api::operator(&app);
        let mut bot = Process::start(&operator.with(&self.token)).await;
        (bot.updates, bot.messages) = (self.bot.updates, self.bot.messages + 10_000);
        Self {
            db: opened(app.data.path()).await,
            app,
            operator,
            bot,
            restarts,
            ..self
        }
    }

    async fn refused(&mut self, person: i64, question: &str) -> Value {
        self.bot.asks(person, question).await;
        let answer = self.bot.delivered().await;
        assert_eq!(
            answer["content"]["answer"]["found"], false,
            "{question}: {answer}"
        );
        answer
    }

    /// Waits until nothing is left to look at, and nobody looks.
    async fn looked(&self) {
        let quiet = async {
            let mut rounds = 0;
            while rounds < 3 {
                self.app.quiet().await;
                let now = self.app.clock.now();
                let due = self.db.standing_questions().due_kbs(now, now, 10).await.unwrap();
                let looks = self.db.standing_questions().looks().await.unwrap();
                rounds = if due.is_empty() && looks == 0 {
                    rounds + 1
                } else {
                    0
                };
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, quiet)
            .await
            .expect("the worker looks at all that is due");
    }

    /// Everything that waits, delivered.
    async fn told(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let (status, batch) = self.bot.poll(0).await;
            assert_eq!(status, 200, "{batch}");
            let batch = batch["items"].as_array().unwrap().clone();
            if batch.is_empty() {
                return told;
            }
            for delivery in batch {
                if delivery["parts"].as_array().unwrap().is_empty() {
                    self.bot.place(&delivery).await;
                }
                self.bot.sent(&delivery, 1).await;
                told.push(delivery);
            }
        }
    }

    /// Documents come as a source of their own: what was there stays.
    async fn added(&self, name: &str, files: &[(&str, &[u8])]) {
        self.added_to(&self.kb, name, files).await;
    }

    async fn added_to(&self, kb: &str, name: &str, files: &[(&str, &[u8])]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, archive(files)).unwrap();
        let upload = Upload {
            target: UploadTarget::Archive,
            path,
            file_name: name.to_owned(),
            source: None,
            knowledge_base: kb.to_owned(),
        };
        let task = self.app.client.upload(&upload, |_| {}).await.unwrap().task_id;
        let task = self.app.settled(task).await;
        assert_eq!(task.state, TaskState::Succeeded, "{:?}", task.error);
    }

    async fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.db.standing_questions().counts().await.unwrap();
        counts
            .into_iter()
            .map(|(state, count)| (state.as_str(), count))
            .collect()
    }

    async fn end(self) {
        self.db.close().await;
        self.app.end().await;
    }
}

fn question_of(delivery: &Value) -> String {
    text(&delivery["content"]["asked_before"])
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_refused_is_told_once_when_there_is_an_answer() {
    let mut world = World::open_to_all(&[]).await;
    world.refused(ANNA, QUESTION).await;
    let asked_by = world.bot.updates * 10;
    world
        .refused(ANNA, "which cable does the Borealis pump need")
        .await;
    let asked_again_by = world.bot.updates * 10;
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("open", 1)]),
        "one question"
    );
    // Something else comes first.
    world
        .added(
            "b.tar.gz",
            &[("b.md", b"# Kestrel valve\n\nThe Kestrel valve is red.\n")],
        )
        .await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    world.added("c.tar.gz", &[ANSWER]).await;
    world.looked().await;
    let told = world.told().await;
    let [message] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(question_of(message), "which cable does the Borealis pump need");
    assert_ne!(asked_by, asked_again_by);
    assert_eq!(message["reply_to_message_id"], asked_again_by);
    assert_eq!(
        (&message["priority"], &message["telegram_chat_id"]),
        (&json!("notice"), &json!(ANNA))
    );
    let answer = &message["content"]["answer"];
    assert_eq!(answer["found"], true);
    assert_eq!(answer["citations"][0]["passage"]["document_path"], "pump.md");
    // It can be asked for again, and its buttons work.
    let kept = world
        .operator
        .get(&format!("/answers/{}", text(&answer["id"])))
        .await;
    assert_eq!((kept.0, &kept.1["found"]), (200, &json!(true)), "{kept:?}");
    world.bot.presses(ANNA, &button(message, "passage")).await;
    let passage = world.bot.delivered().await;
    assert!(text(&passage["content"]["passages"][0]["text"]).contains("K7"));
    // Never twice.
    world
        .added(
            "d.tar.gz",
            &[(
                "d.md",
                b"# Borealis pump\n\nThe Borealis pump needs a cable that is long.\n",
            )],
        )
        .await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.counts().await, BTreeMap::from([("told", 1)]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_is_no_news() {
    let mut world = World::open_to_all(&[]).await;
    let closed = world.operator.knowledge_base("closed").await;
    world.added_to(&closed, "a.tar.gz", &[ANSWER]).await;
    // Ids of one process never go back in time, and tests beside this one have clocks of their own, some of them the real one:
    // what comes now is to be later than any of them, and the bot's token has run out by then.
    world
        .app
        .clock
        .advance(Duration::from_secs(10 * 365 * 24 * 3_600));
    let (_, bots) = world.operator.get("/bots").await;
    let bot = text(&bots["items"][0]["id"]);
    let issued = world
        .operator
        .post(&format!("/bots/{bot}/tokens"), &json!({"name": "late"}))
        .await;
    world.bot = Process::start(&world.operator.with(&text(&issued.1["token"]))).await;
    world.refused(ANNA, QUESTION).await;
    // A right that is given is no news of a document, whatever comes beside it.
    let path = format!("/knowledge-bases/{closed}/bots/{bot}");
    assert!(world.operator.put(&path, &json!({})).await.0 < 300);
    let lamp: (&str, &[u8]) = ("lamp.md", b"# Lamp\n\nThe lamp is green.\n");
    world.added("b.tar.gz", &[lamp]).await;
    world.added_to(&closed, "b.tar.gz", &[lamp]).await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(world.counts().await, BTreeMap::from([("open", 1)]));
    world.bot.asks(ANNA, QUESTION).await;
    assert_eq!(world.bot.delivered().await["content"]["answer"]["found"], true);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_got_an_answer_or_has_forgotten_the_question_is_told_nothing() {
    const BORIS: i64 = 78;
    const VERA: i64 = 79;
    let mut world = World::open_to_all(&[]).await;
    for person in [ANNA, BORIS, VERA] {
        world.refused(person, QUESTION).await;
    }
    world.refused(80, "hello").await;
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("open", 3)]),
        "a greeting asks for nothing"
    );
    world.bot.commands(BORIS, "new").await;
    assert_eq!(said(&world.bot.delivered().await), "forgotten");
    let mut edited = world.bot.update(
        VERA,
        json!({"kind": "edit", "text": "Who is the Kestrel valve from?"}),
    );
    edited["message_id"] = json!((world.bot.updates - 3) * 10);
    world.bot.pass_on(&[edited]).await;
    world.bot.delivered().await;
    assert_eq!(world.counts().await, BTreeMap::from([("open", 2)]));
    world.bot.commands(ANNA, "settings").await;
    let menu = world.bot.delivered().await;
    world.bot.presses(ANNA, &button(&menu, "notices")).await;
    world.bot.delivered().await;
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    assert!(world.told().await.is_empty());
    // Anna asks again and hears it.
    world.bot.asks(ANNA, QUESTION).await;
    assert_eq!(world.bot.delivered().await["content"]["answer"]["found"], true);
    assert_eq!(
        world.counts().await,
        BTreeMap::from([("answered", 1), ("open", 1)])
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_in_the_topic_where_it_was_asked() {
    let mut world = World::open_to_all(&[]).await;
    let mut update = world.bot.update(ANNA, json!({"kind": "text", "text": QUESTION}));
    update["chat"] = json!({"id": -100, "kind": "supergroup", "title": "Team"});
    update["topic_id"] = json!(7);
    let asked_by = update["message_id"].clone();
    world.bot.pass_on(&[update]).await;
    world.bot.delivered().await;
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (
            &told[0]["telegram_chat_id"],
            &told[0]["topic_id"],
            &told[0]["reply_to_message_id"]
        ),
        (&json!(-100), &json!(7), &asked_by)
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_model_has_the_last_word() {
    let server = ChatStandIn::start([
        Play::refuses(500),
        Play::says("NO_ANSWER"),
        Play::says("It needs a shielded cable of type K7 [1][2]."),
    ])
    .await;
    let mut world = World::open_to_all(&[
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer".to_owned()),
        ("NEXUS_CHAT_KEY", "chat-key".to_owned()),
        ("NEXUS_CHAT_ATTEMPTS", "1".to_owned()),
        ("NEXUS_CHAT_REST_SECONDS", "0".to_owned()),
    ])
    .await;
    world.refused(ANNA, QUESTION).await;
    let asked = server.calls();
    assert_eq!(asked, 0, "nothing was worth asking about");
    world.added("b.tar.gz", &[ANSWER]).await;
    // The model is away: it is looked again.
    world.looked().await;
    assert!(world.told().await.is_empty());
    assert_eq!(server.calls(), 1);
    world.app.clock.advance(Duration::from_secs(31));
    assert_eq!(world.bot.take_lease().await.0, 200);
    world.looked().await;
    assert!(world.told().await.is_empty(), "the model says that this is none");
    assert_eq!(server.calls(), 2);
    // What was rejected is not asked about again; what is new is.
    world
        .added("c.tar.gz", &[("c.md", b"# Lamps\n\nLamps are green.\n")])
        .await;
    world.looked().await;
    assert_eq!(server.calls(), 2);
    world
        .added(
            "d.tar.gz",
            &[(
                "d.md",
                b"# Borealis pump\n\nWhich cable does the Borealis pump need? One of type K7, shielded.\n",
            )],
        )
        .await;
    world.looked().await;
    let told = world.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["content"]["answer"]["generation"]["status"], "written");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_tell_what_was_asked_for_and_could_not_be_answered() {
    let mut world = World::open_to_all(&[("NEXUS_LOGS_QUESTIONS", "true".to_owned())]).await;
    for (person, question) in [
        (ANNA, QUESTION),
        (ANNA, QUESTION),
        (78, "the cable that the Borealis pump needs"),
        (79, "Borealis pump: which cable?"),
        (80, "Who repairs the Kestrel valve?"),
    ] {
        world.refused(person, question).await;
    }
    // Over the API nobody is told, and it counts.
    let asked = json!({"question": QUESTION, "knowledge_bases": [KB]});
    assert_eq!(world.operator.post("/rag/query", &asked).await.1["found"], false);
    let path = format!("/knowledge-bases/{}/gaps", world.kb);
    let (status, gaps) = world.operator.get(&format!("{path}?include=question")).await;
    assert_eq!(status, 200, "{gaps}");
    let items = gaps["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{gaps}");
    assert_eq!(
        (&items[0]["questions"], &items[0]["askers"], &items[0]["example"]),
        (&json!(5), &json!(4), &json!(QUESTION)),
        "{gaps}"
    );
    assert_eq!(
        (&items[1]["questions"], &items[1]["answered_since"]),
        (&json!(1), &json!(0))
    );
    world.added("b.tar.gz", &[ANSWER]).await;
    world.looked().await;
    assert_eq!(world.told().await.len(), 3);
    let (_, first) = world.operator.get(&format!("{path}?limit=1")).await;
    assert_eq!(first["items"][0]["answered_since"], 3);
    assert!(first["items"][0].get("example").is_none(), "{first}");
    let cursor = text(&first["next_cursor"]);
    let (_, second) = world
        .operator
        .get(&format!("{path}?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second["items"][0]["questions"], 1);
    assert!(second.get("next_cursor").is_none_or(Value::is_null), "{second}");
    let (status, odd) = world.operator.get(&format!("{path}?include=answers")).await;
    assert_eq!(
        (status, &odd["error"]["code"]),
        (422, &json!("validation_failed"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stands_where_that_is_turned_off() {
    let mut world = World::open_to_all(&[("NEXUS_STANDING_KEEP_DAYS", "0".to_owned())]).await;
    world.refused(ANNA, QUESTION).await;
    assert!(world.counts().await.is_empty());
    world.end().await;
}

/// Things that documents will tell of, and what of each.
const NAMES: [&str; 50] = [
    "Aldora",
    "Brinvel",
    "Castovar",
    "Drelmont",
    "Eskadir",
    "Farnholt",
    "Gravenor",
    "Halistra",
    "Iverness",
    "Jorvalen",
    "Kestrelin",
    "Lomakar",
    "Mirsenda",
    "Norvalis",
    "Ostrakem",
    "Pelindor",
    "Quessera",
    "Rudavion",
    "Selmarit",
    "Tarvenol",
    "Ulmareth",
    "Vostrine",
    "Wexholme",
    "Xandrevi",
    "Yorwenna",
    "Zelmaris",
    "Ambrotan",
    "Belcarra",
    "Corvinet",
    "Dunmarek",
    "Elstroma",
    "Fenwardi",
    "Gostrella",
    "Hexmount",
    "Isoldane",
    "Juniperra",
    "Kalvoriu",
    "Lithgoer",
    "Marzhenko",
    "Nethervo",
    "Orlevanta",
    "Prismoral",
    "Quillanor",
    "Rostavike",
    "Sundrael",
    "Thornquay",
    "Umberlock",
    "Valtressa",
    "Wyndhaven",
    "Zorvenko",
];
/// What a document says of a thing, and how people ask for it in words of their own.
const FACTS: [(&str, &str); 5] = [
    (
        "Power: at full load the {} takes 14{} watts.",
        "how much power does the {} draw at full load",
    ),
    (
        "Order spare filters of the {} under the number F-77{}.",
        "Under which number do I order a new filter for the {}?",
    ),
    (
        "The {} may be operated at {} to 45 degrees.",
        "How many degrees can the {} be operated at?",
    ),
    (
        "Warranty: claims for the {} end after {} months.",
        "After how long does the warranty of the {} end?",
    ),
    (
        "To reset the {}, hold the left button for {} seconds.",
        "Which button do I press to reset the {}?",
    ),
];
/// Things of which documents come, in three parts; of the rest none comes.
const PARTS: [std::ops::Range<usize>; 3] = [0..14, 14..28, 28..40];

fn page(thing: usize) -> (String, String) {
    let name = NAMES[thing];
    let facts = FACTS.iter().map(|(fact, _)| {
        fact.replacen("{}", name, 1)
            .replacen("{}", &(thing + 3).to_string(), 1)
    });
    let facts = facts.collect::<Vec<_>>().join("\n\n");
    (
        format!("{}.md", name.to_lowercase()),
        format!("# Notes\n\n{facts}\n"),
    )
}

fn asked(thing: usize, fact: usize) -> String {
    let name = NAMES[thing];
    // Half of the people write as people do.
    let name = if (thing + fact).is_multiple_of(2) {
        name.to_owned()
    } else {
        name.to_lowercase()
    };
    FACTS[fact].1.replace("{}", &name)
}

/// 250 questions of 125 people are refused. Of 200 of them documents come in three uploads, while the server is stopped and started
/// and people lose their rights or their wish to hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_askers_most_are_told_hardly_any_wrongly_none_twice_and_none_who_lost_access() {
    let mut world = World::start(&[], None).await;
    let mut users = BTreeMap::new();
    let mut asks: BTreeMap<(i64, String), usize> = BTreeMap::new();
    for person in 1_000..1_125 {
        let id = world.bot.api.introduce("docs", person).await;
        let path = format!("/knowledge-bases/{}/members/{id}", world.kb);
        let joined = world.operator.put(&path, &json!({"role": "reader"})).await;
        assert!(joined.0 < 300, "{joined:?}");
        users.insert(person, id);
    }
    for n in 0..250 {
        let person = 1_000 + i64::try_from(n % 125).unwrap();
        let (thing, question) = (n / FACTS.len(), asked(n / FACTS.len(), n % FACTS.len()));
        world.refused(person, &question).await;
        assert!(asks.insert((person, question), thing).is_none());
    }
    assert_eq!(world.counts().await, BTreeMap::from([("open", 250)]));

    // Since which part.
    let mut without: BTreeMap<i64, usize> = BTreeMap::new();
    let mut messages = Vec::new();
    for (number, part) in PARTS.into_iter().enumerate() {
        let pages: Vec<_> = part.map(page).collect();
        let files: Vec<(&str, &[u8])> = pages
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()))
            .collect();
        world.added(&format!("part-{number}.tar.gz"), &files).await;
        if number == 1 {
            // In the midst of the looks, twice.
            for _ in 0..2 {
                world = world.restart(&[]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        world.looked().await;
        if number < 2 {
            // Messages are made and not sent yet: some of the people lose the knowledge base, are blocked, or want none.
            for person in (1_000 + 20 * i64::try_from(number).unwrap()..).take(9) {
                let user = &users[&person];
                let done = match person % 3 {
                    0 => {
                        let path = format!("/knowledge-bases/{}/members/{user}", world.kb);
                        world.operator.delete(&path).await
                    }
                    1 => {
                        let blocked = json!({"blocked": true});
                        world.operator.patch(&format!("/users/{user}"), &blocked).await
                    }
                    _ => {
                        let (_, bots) = world.operator.get(&format!("/users/{user}/bots")).await;
                        let of = text(&bots["items"][0]["subscription"]["id"]);
                        let path = format!("/subscriptions/{of}/settings");
                        let api = world.operator.header("if-match", "\"1\"");
                        api.patch(&path, &json!({"notices": false})).await
                    }
                };
                assert!(done.0 < 300, "{done:?}");
                without.insert(person, number);
            }
        }
        messages.extend(world.told().await.into_iter().map(|message| (number, message)));
    }
    // Once more, for whatever was left over.
    world = world.restart(&[]).await;
    world.looked().await;
    messages.extend(world.told().await.into_iter().map(|message| (2, message)));

    let (mut right, mut wrong, mut lost) = (BTreeSet::new(), 0_u32, 0_usize);
    let mut seen = BTreeSet::new();
    for (number, message) in &messages {
        assert_eq!(said(message), "answer", "{message}");
        let asker = (
            message["telegram_chat_id"].as_i64().unwrap(),
            question_of(message),
        );
        lost += usize::from(without.get(&asker.0).is_some_and(|since| since <= number));
        assert!(seen.insert(asker.clone()), "twice: {asker:?}");
        let thing = asks[&asker];
        let (path, _) = page(thing);
        let citations = message["content"]["answer"]["citations"].as_array().unwrap();
        if citations
            .iter()
            .any(|cited| cited["passage"]["document_path"] == path)
        {
            // Whoever lost it later was told before.
            if !without.contains_key(&asker.0) {
                right.insert(asker);
            }
        } else {
            wrong += 1;
        }
    }
    let entitled = asks
        .iter()
        .filter(|((person, _), thing)| **thing < PARTS[2].end && !without.contains_key(person))
        .count();
    eprintln!(
        "{} questions, {} with documents whose askers may be told: {} told rightly ({:.1} %), {wrong} wrongly ({:.1} %), \
         {lost} who lost access or opted out, {:?}",
        asks.len(),
        entitled,
        right.len(),
        right.len() as f64 * 100.0 / entitled as f64,
        f64::from(wrong) * 100.0 / messages.len() as f64,
        world.counts().await,
    );
    assert!(entitled >= 160 && right.len() * 10 >= entitled * 8);
    assert!(f64::from(wrong) <= 0.02 * messages.len() as f64);
    assert_eq!(lost, 0);
    let told = world.db.standing_questions().counts().await.unwrap();
    let told = told.iter().find(|(state, _)| *state == StandingState::Told);
    assert_eq!(
        told.map(|(_, count)| *count),
        Some(messages.len() as u64),
        "none is lost"
    );
    world.end().await;
}

/// A set of documents and questions that is not in the repository: a quarter of its documents is there, a half comes in two
/// uploads, and a quarter never does. Prints what comes of the questions to the last three. With `NEXUS_TEST_MODELS`, a folder
/// of models, it is hybrid.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a set in BEIR's form: NEXUS_TEST_EVAL_SET names its folder"]
async fn of_a_set_of_questions_most_askers_are_told_and_hardly_any_wrongly() {
    let folder = std::env::var("NEXUS_TEST_EVAL_SET").unwrap();
    let lines = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let documents = lines("corpus.jsonl");
    let part_of: BTreeMap<String, usize> = documents
        .iter()
        .enumerate()
        .map(|(n, document)| (text(&document["_id"]), n % 4))
        .collect();
    let judged = std::fs::read_to_string(Path::new(&folder).join("qrels.tsv")).unwrap();
    let judged: BTreeMap<&str, &str> = judged
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(question, rest)| Some((question, rest.split_once('\t')?.0)))
        .collect();
    let files_of = |part: usize| -> Vec<(String, String)> {
        let of_part = documents.iter().enumerate().filter(|(n, _)| n % 4 == part);
        of_part
            .map(|(_, document)| (format!("{}.md", text(&document["_id"])), text(&document["text"])))
            .collect()
    };
    let model = std::env::var("NEXUS_TEST_MODELS").ok().map(real_model);
    let sides = if model.is_some() { "hybrid" } else { "words alone" };
    let mut world = World::open_with(&[("NEXUS_STANDING_IN_ALL", "100000".to_owned())], model).await;
    let send = async |world: &World, part: usize| {
        let files = files_of(part);
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()))
            .collect();
        world.added(&format!("part-{part}.tar.gz"), &files).await;
    };
    send(&world, 0).await;
    let mut gold = BTreeMap::new();
    for (person, query) in (10_000..).zip(lines("queries.jsonl")) {
        let document = judged[text(&query["_id"]).as_str()];
        if part_of[document] == 0 {
            continue;
        }
        world.bot.asks(person, &text(&query["text"])).await;
        let answer = world.bot.delivered().await;
        if answer["content"]["answer"]["found"] == false {
            gold.insert(person, document);
        }
    }
    let open = world.counts().await;
    let mut told: BTreeMap<i64, bool> = BTreeMap::new();
    for part in [1, 2] {
        send(&world, part).await;
        world.looked().await;
        for message in world.told().await {
            let person = message["telegram_chat_id"].as_i64().unwrap();
            let path = format!("{}.md", gold[&person]);
            let citations = message["content"]["answer"]["citations"].as_array().unwrap();
            let right = citations
                .iter()
                .any(|cited| cited["passage"]["document_path"] == path);
            assert!(told.insert(person, right).is_none(), "twice");
        }
    }
    let coming: Vec<_> = gold
        .iter()
        .filter(|(_, document)| part_of[**document] < 3)
        .collect();
    let rightly = coming
        .iter()
        .filter(|(person, _)| told.get(*person) == Some(&true))
        .count();
    let wrongly = told.values().filter(|right| !**right).count();
    eprintln!(
        "{folder}, {sides}: {} refused ({open:?}), {} of them with documents that come: {rightly} told rightly ({:.1} %); {wrongly} told \
         wrongly: {:.1} % of the refused, {:.1} % of the {} told",
        gold.len(),
        coming.len(),
        rightly as f64 * 100.0 / coming.len() as f64,
        wrongly as f64 * 100.0 / gold.len() as f64,
        wrongly as f64 * 100.0 / told.len() as f64,
        told.len(),
    );
    world.end().await;
}
