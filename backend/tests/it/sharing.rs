//! Who sees a knowledge base: its visibility, its members, the people of its bots; and what each may do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, error, text};
use crate::test_app::{KB, TestApp};

/// A knowledge base `handbook` with a document, a bot `docs` and a person for each role in it.
struct House {
    app: TestApp,
    operator: Api,
    bot_id: String,
    bot: Api,
    kb: String,
}

const OWNER: i64 = 1;
const EDITOR: i64 = 2;
const READER: i64 = 3;
const STRANGER: i64 = 4;

impl House {
    async fn build() -> Self {
        let app = TestApp::start().await;
        app.ingest(&[("a.md", b"# Pumps\n\nThe secret word is tamarind.\n")])
            .await;
        let operator = Api::operator(&app);
        let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
        let kb = kb.id.to_string();
        let (bot_id, bot) = operator.register_bot("docs").await;
        operator
            .patch(&format!("/bots/{bot_id}"), &json!({"max_role": "admin"}))
            .await;
        for (person, role) in [(OWNER, "owner"), (EDITOR, "editor"), (READER, "reader")] {
            let user = bot.introduce("docs", person).await;
            let path = format!("/knowledge-bases/{kb}/members/{user}");
            assert_eq!(operator.put(&path, &json!({"role": role})).await.0, 200);
        }
        bot.introduce("docs", STRANGER).await;
        Self {
            app,
            operator,
            bot_id,
            bot,
            kb,
        }
    }

    async fn finds(&self, api: &Api) -> bool {
        let (status, found) = api
            .post("/rag/search", &json!({"query": "tamarind", "mode": "lexical"}))
            .await;
        assert_eq!(status, 200, "{found}");
        let text = found.to_string();
        assert_eq!(text.contains("tamarind."), text.contains("a.md"), "{text}");
        text.contains("tamarind.")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_theirs_is_not_found_and_what_they_may_only_read_is_forbidden() {
    let house = House::build().await;
    let (kb, app) = (&house.kb, &house.app);
    let (_, documents) = house
        .operator
        .get(&format!("/knowledge-bases/{kb}/documents"))
        .await;
    let document = text(&documents["items"][0]["id"]);
    let (_, tasks) = house.operator.get("/ingestion/tasks").await;
    let tasks = tasks["items"].as_array().unwrap().clone();
    let of_kb = |task: &&Value| task["knowledge_base_id"] == json!(kb);
    let task = text(&tasks.iter().find(of_kb).unwrap()["id"]);
    // Method, path, body, and the answer to stranger, reader, editor, owner.
    let cases = [
        (
            Method::GET,
            format!("/knowledge-bases/{kb}"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/knowledge-bases/{kb}/documents"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/knowledge-bases/{kb}/sources"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/documents/{document}"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/documents/{document}/text"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/ingestion/tasks/{task}"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/ingestion/tasks/{task}/problems"),
            json!(null),
            [404, 200, 200, 200],
        ),
        (
            Method::POST,
            format!("/ingestion/tasks/{task}/cancel"),
            json!({}),
            [404, 403, 409, 409],
        ),
        (
            Method::POST,
            "/rag/search".to_owned(),
            json!({"query": "x", "knowledge_bases": [kb]}),
            [404, 200, 200, 200],
        ),
        (
            Method::POST,
            "/rag/query".to_owned(),
            json!({"question": "x", "knowledge_bases": [KB]}),
            [404, 200, 200, 200],
        ),
        (
            Method::GET,
            format!("/knowledge-bases/{kb}/members"),
            json!(null),
            [404, 403, 403, 200],
        ),
        (
            Method::GET,
            format!("/knowledge-bases/{kb}/bots"),
            json!(null),
            [404, 403, 403, 200],
        ),
        (
            Method::PATCH,
            format!("/knowledge-bases/{kb}"),
            json!({"description": "d"}),
            [404, 403, 403, 200],
        ),
        (
            Method::DELETE,
            format!("/documents/{document}"),
            json!(null),
            [404, 403, 204, 404],
        ),
        (
            Method::DELETE,
            format!("/knowledge-bases/{kb}"),
            json!(null),
            [404, 403, 403, 204],
        ),
    ];
    for (method, path, body, wanted) in cases {
        for (person, wanted) in [STRANGER, READER, EDITOR, OWNER].into_iter().zip(wanted) {
            let caller = house.bot.named(person);
            let body = (!body.is_null()).then_some(&body);
            let (status, reply) = caller.send(method.clone(), &path, body).await;
            assert_eq!(status, wanted, "{person} {method} {path}: {reply}");
        }
    }
    app.quiet().await;
    house.app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_add_up_and_end_with_the_next_request() {
    let house = House::build().await;
    let (kb, bot) = (&house.kb, &house.bot);
    let stranger = bot.named(STRANGER);
    assert!(!house.finds(&stranger).await && !house.finds(bot).await);
    assert_eq!(stranger.seen().await, Vec::<String>::new());
    assert_eq!(bot.named(READER).seen().await, [KB]);

    let opened = format!("/knowledge-bases/{kb}/bots/{}", house.bot_id);
    assert_eq!(house.operator.put(&opened, &json!({})).await.0, 200);
    assert!(house.finds(&stranger).await && house.finds(bot).await);
    let (_, other) = house.operator.register_bot("other").await;
    other.introduce("other", STRANGER).await;
    assert!(
        !house.finds(&other.named(STRANGER)).await,
        "it is open to one bot only"
    );
    assert_eq!(house.operator.delete(&opened).await.0, 204);
    assert!(!house.finds(&stranger).await);

    let visible = |word: &str| json!({ "visibility": word });
    let path = format!("/knowledge-bases/{kb}");
    house.operator.patch(&path, &visible("everyone")).await;
    assert!(house.finds(&other.named(STRANGER)).await);
    house.operator.patch(&path, &visible("private")).await;
    assert!(!house.finds(&other.named(STRANGER)).await);

    let (_, members) = bot.named(OWNER).get(&format!("{path}/members")).await;
    let reader = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["role"] == "reader");
    let reader = text(&reader.unwrap()["user"]["id"]);
    assert!(house.finds(&bot.named(READER)).await);
    let gone = bot.named(OWNER).delete(&format!("{path}/members/{reader}")).await;
    assert_eq!(gone.0, 204);
    assert!(!house.finds(&bot.named(READER)).await);
    house.app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_feeds_through_a_bot_and_a_reader_does_not() {
    let house = House::build().await;
    let upload = async |person: i64, kb: &str| {
        let part = reqwest::multipart::Part::bytes(b"# B\n\nA quince.\n".to_vec()).file_name("b.md");
        let form = reqwest::multipart::Form::new()
            .text("knowledge_base", kb.to_owned())
            .part("file", part);
        let request = house.bot.named(person).request(Method::POST, "/ingestion/files");
        let response = request.multipart(form).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap())
    };
    assert_eq!(upload(EDITOR, &house.kb).await.0, 202);
    assert_eq!(error(&upload(READER, &house.kb).await), (403, "forbidden"));
    assert_eq!(error(&upload(STRANGER, &house.kb).await), (404, "not_found"));
    house.app.end().await;
}
