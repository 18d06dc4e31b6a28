//! Answers are kept with what they were made from, and can be asked for again: byte for byte, whatever became of the knowledge
//! base, but for text that was deleted on purpose.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use nexus_models::chat_stand_in::{ChatStandIn, Play};
use nexus_storage::testing::table_bytes;
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::bot_process::{ANNA, QUESTION, app as with_bot, button};
use crate::test_app::{Setup, TestApp, files_hold};

const WORD: &str = "xylocarpus";

fn manual(bar: u32) -> String {
    format!(
        "# Pump\n\nThe pump in the cellar runs at {bar} bar and is aired once a week by the caretaker of the house.\n\n\
         # Lamp\n\nThe lamp above the gate is turquoise and is lit from dusk until midnight in the winter.\n"
    )
}

async fn lexical(settings: &[(&'static str, &str)]) -> TestApp {
    let setup = Setup {
        lexical_only: true,
        settings: settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        ..Setup::default()
    };
    TestApp::with(setup).await
}

async fn ask(api: &Api, question: &str) -> Value {
    let (status, answer) = api.post("/rag/query", &json!({ "question": question })).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn replay(api: &Api, id: &str) -> Value {
    let (status, kept) = api.get(&format!("/answers/{id}")).await;
    assert_eq!(status, 200, "{kept}");
    kept
}

/// What was answered and what the answer is now, as far as both tell it.
fn is_same(kept: &Value, answer: &Value) {
    for field in [
        "text",
        "blocks",
        "citations",
        "found",
        "language",
        "retrieval",
        "generation",
    ] {
        assert_eq!(kept[field], answer[field], "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stays_what_it_was_while_its_documents_are_edited() {
    let app = lexical(&[]).await;
    let operator = Api::operator(&app);
    app.ingest(&[("manual.md", manual(40).as_bytes())]).await;
    let answer = ask(&operator, "At how many bar does the pump run?").await;
    let id = text(&answer["id"]);
    let before = replay(&operator, &id).await;
    is_same(&before, &answer);
    assert_eq!(before["question"], "At how many bar does the pump run?");
    assert!(before["asked_by"]["api_key_id"].is_string(), "{before}");
    assert_eq!(before["revisions"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&before["context_intact"], &before["deleted"]),
        (&json!(true), &json!(false))
    );
    assert!(before["context"][0]["text"].as_str().unwrap().contains("40 bar"));

    for bar in [50, 60, 70] {
        app.ingest(&[("manual.md", manual(bar).as_bytes())]).await;
        app.quiet().await;
    }
    assert_eq!(replay(&operator, &id).await, before, "byte for byte");
    let now = ask(&operator, "At how many bar does the pump run?").await;
    assert!(now["text"].as_str().unwrap().contains("70 bar"));
    let other = replay(&operator, &text(&now["id"])).await;
    assert_ne!(other["context_digest"], before["context_digest"]);
    assert!(other["revisions"][0]["revision"].as_i64() > before["revisions"][0]["revision"].as_i64());

    let nothing = ask(&operator, "Кто пишет стихи?").await;
    let kept = replay(&operator, &text(&nothing["id"])).await;
    is_same(&kept, &nothing);
    assert_eq!((&kept["found"], &kept["context"]), (&json!(false), &json!([])));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_written_answer_is_kept_with_what_the_model_was_given() {
    let server = ChatStandIn::start([Play::says(
        "It runs at **40 bar** [1]. Painted green [2]. Odd [9].",
    )])
    .await;
    let settings = [
        ("NEXUS_CHAT_URL", server.url()),
        ("NEXUS_CHAT_MODEL", "writer-1".to_owned()),
    ];
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let app = lexical(&settings).await;
    let operator = Api::operator(&app);
    app.ingest(&[("manual.md", manual(40).as_bytes())]).await;
    let answer = ask(&operator, "Which pump and which lamp are in the house?").await;
    let kept = replay(&operator, &text(&answer["id"])).await;
    is_same(&kept, &answer);
    assert_eq!(kept["generation"]["model"], "writer-1");
    assert_eq!(
        kept["generation"]["prompt_version"],
        answer["generation"]["prompt_version"]
    );
    assert_eq!(kept["generation"]["usage"]["prompt_tokens"], 100);
    assert_eq!(kept["context_intact"], true);
    let asked = server.asked();
    let prompt = asked[0].body["messages"][1]["content"].as_str().unwrap();
    for passage in kept["context"].as_array().unwrap() {
        let given = passage["text"].as_str().unwrap().trim_end();
        assert!(prompt.contains(given), "{given}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_is_kept_before_it_ends() {
    let app = lexical(&[]).await;
    let operator = Api::operator(&app);
    app.ingest(&[("manual.md", manual(40).as_bytes())]).await;
    let request = operator.request(reqwest::Method::POST, "/rag/query");
    let request = request.header("accept", "text/event-stream");
    let body = json!({ "question": "What colour is the lamp?" });
    let stream = request.json(&body).send().await.unwrap().text().await.unwrap();
    let done = stream
        .split("event: done\ndata: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let answer: Value = serde_json::from_str(done).unwrap();
    is_same(&replay(&operator, &text(&answer["id"])).await, &answer);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_deleted_is_gone_from_the_answers_made_of_it() {
    let app = lexical(&[]).await;
    let operator = Api::operator(&app);
    let tree = format!("# Yard\n\nThe tree in the middle of the yard is a {WORD} of forty years.\n");
    app.ingest(&[("manual.md", manual(40).as_bytes()), ("yard.md", tree.as_bytes())])
        .await;
    let answer = ask(
        &operator,
        "Which tree stands in the yard, and how does the pump run?",
    )
    .await;
    assert!(answer["text"].as_str().unwrap().contains(WORD), "{answer}");
    let id = text(&answer["id"]);
    assert!(replay(&operator, &id).await.to_string().contains(WORD));
    let yard = text(&answer["citations"][0]["passage"]["document_id"]);
    assert_eq!(operator.delete(&format!("/documents/{yard}")).await.0, 204);
    // At once, and on the disk once the sweep has come by.
    for _ in 0..2 {
        let kept = replay(&operator, &id).await;
        assert!(!kept.to_string().contains(WORD), "{kept}");
        assert_eq!((&kept["deleted"], &kept["text"]), (&json!(true), &Value::Null));
        assert_eq!((&kept["citations"], &kept["blocks"]), (&json!([]), &json!([])));
        assert!(kept.get("context_intact").is_none());
        let context = kept["context"].as_array().unwrap();
        let (gone, left): (Vec<_>, Vec<_>) = context.iter().partition(|passage| passage["deleted"] == true);
        assert!(!gone.is_empty() && gone.iter().all(|passage| passage["text"].is_null()));
        assert!(gone.iter().all(|passage| passage["document_id"] == json!(yard)));
        assert!(left.iter().all(|passage| passage["text"].is_string()));
        app.quiet().await;
    }
    assert!(!files_hold(app.data.path(), WORD));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_for_whoever_asked_while_they_may_see_what_it_holds() {
    let (app, operator, mut bot) = with_bot(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    let message = bot.delivered().await;
    let id = text(&message["content"]["answer"]["id"]);
    let (anna, boris) = (bot.api.named(ANNA), bot.api.named(88));
    operator.introduce("docs", 88).await;
    let kept = replay(&anna, &id).await;
    is_same(&kept, &message["content"]["answer"]);
    assert_eq!(kept["message_id"], message["message_id"]);
    assert!(kept["asked_by"]["user_id"].is_string() && kept["asked_by"]["bot_id"].is_string());
    for reads in [&operator, &bot.api] {
        assert_eq!(replay(reads, &id).await, kept);
    }
    let path = format!("/answers/{id}");
    let missing = format!("/answers/{}", uuid::Uuid::new_v4());
    for unknown in [boris.get(&path).await, anna.get(&missing).await] {
        assert_eq!(error(&unknown), (404, "not_found"));
    }
    // Of the same answer, by its message and by its id.
    bot.presses(ANNA, &button(&message, "good")).await;
    bot.delivered().await;
    assert_eq!(replay(&anna, &id).await["feedback"], json!({"verdict": "good"}));
    let bad = json!({"verdict": "bad", "reason": "outdated"});
    let feedback = format!("{path}/feedback");
    assert_eq!(anna.post(&feedback, &bad).await.0, 204);
    assert_eq!(replay(&anna, &id).await["feedback"], bad);
    assert_eq!(error(&operator.post(&feedback, &bad).await), (403, "forbidden"));
    assert_eq!(error(&boris.post(&feedback, &bad).await), (404, "not_found"));

    let kb = text(&kept["revisions"][0]["knowledge_base_id"]);
    let bot_id = text(&kept["asked_by"]["bot_id"]);
    let opened = format!("/knowledge-bases/{kb}/bots/{bot_id}");
    assert_eq!(operator.delete(&opened).await.0, 204);
    for lost in [anna.get(&path).await, bot.api.get(&path).await] {
        assert_eq!(
            error(&lost),
            (404, "not_found"),
            "nobody shows them this text any more"
        );
    }
    assert_eq!(replay(&operator, &id).await["text"], kept["text"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_is_logged_without_its_words() {
    let (app, operator, mut bot) = with_bot(vec![]).await;
    bot.asks(ANNA, QUESTION).await;
    let message = bot.delivered().await;
    let by_anna = text(&message["content"]["answer"]["id"]);
    app.clock.advance(Duration::from_secs(60));
    let by_key = text(&ask(&operator, "Кто пишет стихи?").await["id"]);
    let rated = operator
        .post(&format!("/answers/{by_key}/feedback"), &json!({"verdict": "bad"}))
        .await;
    assert_eq!(rated.0, 204);
    let logged = async |query: String| {
        let (status, page) = operator.get(&format!("/logs/queries{query}")).await;
        assert_eq!(status, 200, "{page}");
        assert!(!page.to_string().contains("firmware"), "{page}");
        let items = page["items"].as_array().unwrap().iter();
        let ids: Vec<_> = items.map(|entry| text(&entry["answer_id"])).collect();
        (ids, page)
    };
    let (ids, page) = logged(String::new()).await;
    assert_eq!(ids, [by_key.as_str(), by_anna.as_str()]);
    let newest = &page["items"][0];
    assert_eq!(
        (&newest["found"], &newest["feedback"]["verdict"]),
        (&json!(false), &json!("bad"))
    );
    assert!(newest.get("question").is_none() && newest["retrieval_milliseconds"].is_number());
    let of_anna = &page["items"][1];
    let user = text(&of_anna["asked_by"]["user_id"]);
    let bot_id = text(&of_anna["asked_by"]["bot_id"]);
    let kb = text(&of_anna["knowledge_base_ids"][0]);
    let half_way = chrono::DateTime::parse_from_rfc3339(newest["at"].as_str().unwrap()).unwrap();
    let half_way = (half_way - chrono::TimeDelta::seconds(30)).with_timezone(&chrono::Utc);
    let half_way = half_way.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    for (query, expected) in [
        (format!("?user_id={user}"), vec![&by_anna]),
        (format!("?bot_id={bot_id}"), vec![&by_anna]),
        (format!("?knowledge_base_id={kb}"), vec![&by_key, &by_anna]),
        (format!("?knowledge_base_id={user}"), vec![]),
        ("?found=false".to_owned(), vec![&by_key]),
        ("?verdict=bad".to_owned(), vec![&by_key]),
        ("?verdict=good".to_owned(), vec![]),
        (format!("?from={half_way}"), vec![&by_key]),
        (format!("?until={half_way}"), vec![&by_anna]),
    ] {
        assert_eq!(
            logged(query.clone()).await.0.iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
    let (first, page) = logged("?limit=1".to_owned()).await;
    let (second, _) = logged(format!("?limit=1&cursor={}", text(&page["next_cursor"]))).await;
    assert_eq!((first, second), (vec![by_key], vec![by_anna]));
    for query in ["?include=question", "?include=answer", "?verdict=odd"] {
        let refused = operator.get(&format!("/logs/queries{query}")).await;
        assert!([400, 422].contains(&refused.0), "{query}: {refused:?}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_are_told_where_the_settings_allow_it_and_they_are_asked_for() {
    let app = lexical(&[("NEXUS_LOGS_QUESTIONS", "true")]).await;
    let operator = Api::operator(&app);
    ask(&operator, "Who paints the fence?").await;
    let (_, without) = operator.get("/logs/queries").await;
    assert!(without["items"][0].get("question").is_none(), "{without}");
    let (_, with) = operator.get("/logs/queries?include=question").await;
    assert_eq!(with["items"][0]["question"], "Who paints the fence?");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_for_as_long_as_the_settings_say() {
    let app = lexical(&[("NEXUS_ANSWERS_KEEP_DAYS", "0")]).await;
    let operator = Api::operator(&app);
    let answer = ask(&operator, "Who paints the fence?").await;
    assert!(answer.get("id").is_none(), "{answer}");
    assert_eq!(operator.get("/logs/queries").await.1["items"], json!([]));
    app.end().await;

    let app = lexical(&[("NEXUS_ANSWERS_KEEP_DAYS", "2")]).await;
    let operator = Api::operator(&app);
    app.ingest(&[("manual.md", manual(40).as_bytes())]).await;
    let old = text(&ask(&operator, "What colour is the lamp?").await["id"]);
    app.clock.advance(Duration::from_secs(24 * 3_600));
    let young = text(&ask(&operator, "What colour is the lamp?").await["id"]);
    app.clock.advance(Duration::from_secs(24 * 3_600 + 60));
    // A change of a document is followed by a sweep.
    app.ingest(&[("manual.md", manual(50).as_bytes())]).await;
    app.quiet().await;
    assert_eq!(
        error(&operator.get(&format!("/answers/{old}")).await),
        (404, "not_found")
    );
    assert_eq!(replay(&operator, &young).await["context_intact"], true);
    app.end().await;
}

/// A room's document: what is done there, at so many bar.
fn room(number: usize, bar: usize) -> String {
    let mut document = format!("# Room {number}\n\n");
    for (part, what) in ["pump", "valve", "boiler", "fan"].into_iter().enumerate() {
        document.push_str(&format!(
            "## The {what} of room {number}\n\nThe {what} of room {number} runs at {} bar. It is aired once a week, on the day \
             that the plan at the door names, by whoever has the keys of room {number}. When the {what} is too loud, the caretaker \
             is called before anybody opens its cover, and the door stays closed until he has come.\n\n",
            bar + part,
        ));
    }
    document
}

/// The bar: a thousand answers, two hundred changes of documents in between and afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_answers_are_the_same_after_two_hundred_changes() {
    const ROOMS: usize = 20;
    const ROUNDS: usize = 10;
    const ANSWERS: usize = 100;
    let app = lexical(&[]).await;
    let operator = Api::operator(&app);
    let rooms = async |round: usize| {
        let documents: Vec<_> = (0..ROOMS)
            .map(|room_at| room(room_at, 10 * (round + 1)))
            .collect();
        let names: Vec<_> = (0..ROOMS).map(|room_at| format!("room-{room_at}.md")).collect();
        let files: Vec<_> = names
            .iter()
            .map(String::as_str)
            .zip(documents.iter().map(String::as_bytes))
            .collect();
        let task = app.ingest(&files).await;
        app.quiet().await;
        task.counts.documents_indexed
    };
    let (mut changes, mut kept) = (0, Vec::new());
    rooms(0).await;
    for round in 0..ROUNDS {
        let asked = stream::iter(0..ANSWERS).map(async |n| {
            let what = ["pump", "valve", "boiler", "fan"][n % 4];
            let question = format!("At how many bar does the {what} of room {} run?", n % ROOMS);
            let answer = ask(&operator, &question).await;
            let before = replay(&operator, &text(&answer["id"])).await;
            is_same(&before, &answer);
            assert!(
                before["found"] == true && before["context_intact"] == true,
                "{before}"
            );
            before
        });
        kept.extend(asked.buffered(8).collect::<Vec<Value>>().await);
        changes += rooms(round + 1).await;
    }
    assert_eq!((kept.len(), changes), (1_000, 200));
    let same =
        stream::iter(&kept).map(async |before| replay(&operator, &text(&before["id"])).await == *before);
    let same = same
        .buffered(8)
        .filter(|same| std::future::ready(*same))
        .count()
        .await;

    let bytes = table_bytes(&app.data.path().join("nexus.db")).await;
    let of = |table: &str| bytes.get(table).copied().unwrap_or_default();
    let own = of("answers") + of("answer_kbs") + of("answer_contexts") + of("context_passages");
    let passages = kept
        .iter()
        .map(|kept| kept["context"].as_array().unwrap().len())
        .sum::<usize>();
    println!(
        "{} answers after {changes} changes of documents: {same} the same, context and all; {} bytes an answer, {:.1} passages \
         each, {} bytes of shared copies",
        kept.len(),
        own / 1_000,
        passages as f64 / 1_000.0,
        of("kept_passages"),
    );
    assert_eq!(same, 1_000);
    assert!(
        own > 0 && own <= 2_000 * 1_000,
        "{own} bytes for a thousand answers"
    );
    app.end().await;
}
