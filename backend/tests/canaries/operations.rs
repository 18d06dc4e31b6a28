//! Every operation of the contract, how often it is called, and what makes a random call of it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::calls::Call;
use crate::maker::Maker;
use crate::test_app::TestApp;
use crate::{chatting, feeding, fetching, hooking, managing, reading, serving};

pub struct Operation {
    /// Method and path, without the prefix of all.
    pub name: &'static str,
    pub weight: usize,
    /// `None` where the caller could do what the model does not follow.
    pub make: fn(&mut Maker<'_>) -> Option<Call>,
}

macro_rules! operations {
    ($($weight:literal $name:literal $make:path;)+) => {
        const ALL: &[Operation] = &[$(Operation { name: $name, weight: $weight, make: $make }),+];
    };
}

operations! {
    3 "GET /health" reading::public;
    1 "GET /health/ready" reading::public;
    1 "GET /health/db" reading::public;
    2 "GET /health/queue" reading::public;
    1 "GET /health/vectors" reading::public;
    6 "GET /knowledge-bases" reading::kbs;
    6 "GET /knowledge-bases/{id}" reading::kb;
    6 "GET /knowledge-bases/{id}/documents" reading::documents;
    6 "GET /knowledge-bases/{id}/quality" reading::quality;
    2 "GET /knowledge-bases/{id}/gaps" reading::gaps;
    6 "GET /knowledge-bases/{id}/sources" reading::sources;
    6 "GET /sources" reading::source_reports;
    4 "GET /knowledge-bases/{id}/sources/{source_id}" fetching::source;
    2 "PATCH /knowledge-bases/{id}/sources/{source_id}" fetching::update;
    2 "DELETE /knowledge-bases/{id}/sources/{source_id}" fetching::lose;
    2 "POST /knowledge-bases/{id}/sources/{source_id}/sync" fetching::sync;
    1 "POST /knowledge-bases/{id}/sources/{source_id}/webhook" fetching::lose;
    1 "DELETE /knowledge-bases/{id}/sources/{source_id}/webhook" fetching::lose;
    2 "POST /webhooks/sources/{source_id}" fetching::webhook;
    1 "GET /knowledge-bases/{id}/export" reading::export;
    1 "POST /webhooks/n8n" hooking::tell;
    1 "GET /webhooks" hooking::list;
    1 "POST /webhooks" hooking::create;
    1 "GET /webhooks/{id}" hooking::one;
    1 "PATCH /webhooks/{id}" hooking::one;
    1 "DELETE /webhooks/{id}" hooking::one;
    1 "GET /webhooks/{id}/deliveries" hooking::one;
    1 "POST /webhooks/{id}/deliveries/{delivery_id}/retry" hooking::one;
    2 "GET /knowledge-bases/{id}/incoming-webhooks" hooking::incoming;
    1 "POST /knowledge-bases/{id}/incoming-webhooks" hooking::create_incoming;
    1 "DELETE /knowledge-bases/{id}/incoming-webhooks/{webhook_id}" hooking::delete_incoming;
    4 "GET /knowledge-bases/{id}/members" reading::members;
    4 "GET /knowledge-bases/{id}/bots" reading::kb_bots;
    3 "GET /knowledge-bases/{id}/usage" reading::kb_usage;
    6 "GET /documents/{id}" reading::document;
    8 "GET /documents/{id}/text" reading::document_text;
    6 "GET /ingestion/tasks" reading::tasks;
    5 "GET /ingestion/tasks/{id}" reading::task;
    5 "GET /ingestion/tasks/{id}/events" reading::task;
    6 "GET /ingestion/tasks/{id}/problems" reading::problems;
    16 "POST /rag/search" reading::search;
    12 "POST /rag/query" reading::query;
    4 "GET /logs" reading::logs;
    3 "GET /logs/queries" reading::queries;
    2 "GET /usage/model-calls" reading::model_calls;
    2 "GET /usage/model-calls/totals" reading::model_calls;
    2 "POST /ai/query" reading::ask_model;
    2 "GET /answers/{id}" reading::answer;
    1 "POST /answers/{id}/feedback" reading::answer;
    2 "GET /generations" reading::generations;
    4 "POST /knowledge-bases" feeding::create_kb;
    1 "POST /knowledge-bases/import" feeding::import_kb;
    4 "PATCH /knowledge-bases/{id}" feeding::update_kb;
    3 "DELETE /knowledge-bases/{id}" feeding::delete_kb;
    4 "PUT /knowledge-bases/{id}/members/{user_id}" feeding::set_member;
    3 "DELETE /knowledge-bases/{id}/members/{user_id}" feeding::remove_member;
    3 "PUT /knowledge-bases/{id}/bots/{bot_id}" feeding::open_to_bot;
    3 "DELETE /knowledge-bases/{id}/bots/{bot_id}" feeding::close_to_bot;
    3 "DELETE /documents/{id}" feeding::delete_document;
    2 "POST /ingestion/archives" feeding::upload_archive;
    3 "POST /ingestion/files" feeding::upload_file;
    2 "POST /ingestion/git" fetching::git;
    2 "POST /ingestion/web" fetching::web;
    2 "POST /ingestion/wiki" fetching::wiki;
    1 "POST /ingestion/tasks/{id}/retry" feeding::control_task;
    2 "POST /ingestion/tasks/{id}/cancel" feeding::control_task;
    2 "POST /ingestion/tasks/{id}/pause" feeding::control_task;
    2 "POST /ingestion/tasks/{id}/resume" feeding::control_task;
    1 "POST /generations/{id}/activate" feeding::generation;
    1 "DELETE /generations/{id}/vectors" feeding::generation;
    3 "GET /users" managing::users;
    4 "GET /users/{id}" managing::user;
    4 "GET /users/{id}/bots" managing::user;
    3 "GET /users/{id}/usage" managing::user;
    3 "PATCH /users/{id}" managing::update_user;
    2 "POST /users/from-telegram" managing::introduce;
    4 "GET /subscriptions/{id}" managing::subscription;
    2 "PATCH /subscriptions/{id}/settings" managing::patch_subscription;
    2 "PATCH /subscriptions/{id}/state" managing::patch_subscription;
    2 "GET /bots" managing::bots;
    2 "POST /bots" managing::create_bot;
    3 "GET /bots/{id}" managing::bot;
    2 "GET /bots/{id}/usage" managing::bot;
    2 "PATCH /bots/{id}" managing::update_bot;
    1 "DELETE /bots/{id}" managing::end_bot;
    1 "POST /bots/{id}/enable" managing::switch_bot;
    1 "POST /bots/{id}/disable" managing::switch_bot;
    1 "POST /bots/{id}/signing-secret" managing::end_bot;
    1 "DELETE /bots/{id}/signing-secret" managing::switch_bot;
    2 "GET /bots/{id}/tokens" managing::tokens;
    1 "POST /bots/{id}/tokens" managing::issue_token;
    1 "DELETE /bots/{id}/tokens/{token_id}" managing::revoke_token;
    2 "GET /api-keys" managing::keys;
    2 "POST /api-keys" managing::create_key;
    2 "GET /api-keys/{id}" managing::key;
    2 "PATCH /api-keys/{id}" managing::update_key;
    1 "DELETE /api-keys/{id}" managing::revoke_key;
    2 "GET /auth/me" managing::me;
    1 "POST /auth/telegram" managing::sign_in;
    1 "POST /auth/logout" managing::sign_out;
    2 "POST /bots/{code}/lease" serving::take_lease;
    1 "DELETE /bots/{code}/lease/{holder}" serving::give_back_lease;
    4 "POST /bots/{code}/updates" serving::store;
    4 "POST /bots/{code}/outbox" serving::take;
    2 "POST /outbox/{id}/placeholder" serving::placed;
    2 "POST /outbox/{id}/sent" serving::sent;
    2 "POST /outbox/{id}/failed" serving::failed;
    1 "POST /outbox/{id}/retry" serving::retry;
    2 "GET /dead-letters" chatting::dead_letters;
    3 "GET /chats" chatting::chats;
    4 "GET /chats/{id}/messages" chatting::messages;
    2 "POST /chats/{id}/messages" chatting::send;
    1 "POST /notifications" chatting::notify;
    2 "POST /messages/{id}/feedback" chatting::rate;
    3 "GET /messages/{id}/stream" chatting::preview;
}

/// The operations that the running server describes: each has to be known here.
pub async fn of_contract(app: &TestApp) -> Vec<&'static Operation> {
    let url = format!("{}/api/v1/openapi.json", app.client.base());
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let contract: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in contract["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap();
        let methods = methods.as_object().unwrap().keys();
        described.extend(
            methods
                .filter(|name| *name != "parameters")
                .map(|name| format!("{} {path}", name.to_uppercase())),
        );
    }
    let known: BTreeSet<String> = ALL.iter().map(|operation| operation.name.to_owned()).collect();
    assert_eq!(
        known, described,
        "an operation is not known to this test, or gone"
    );
    ALL.iter().collect()
}
