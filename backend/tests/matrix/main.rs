//! Who may do what: every operation of the contract, for every kind of caller, on things that are its own, that are
//! somebody else's and that are not there. What is expected stands in `table.txt`.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

mod answers;
#[path = "../it/api.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use the rest of it")]
mod api;
mod callers;
mod cells;
mod chats;
mod forms;
mod fresh;
mod hooks;
mod judge;
mod refused;
mod requests;
mod sources;
mod table;
#[path = "../it/test_app.rs"]
#[allow(dead_code, reason = "shared with the other tests, which use the rest of it")]
mod test_app;
mod things;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

use callers::Callers;
use cells::Tally;
use table::{Operation, Table};
use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_do_what_the_table_says_and_nothing_else_on_sqlite() {
    everyone_may_do_what_the_table_says(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_do_what_the_table_says_and_nothing_else_on_postgres() {
    let Some(database) = nexus_storage::testing::postgres_url().await else {
        return;
    };
    everyone_may_do_what_the_table_says(Some(database)).await;
}

async fn everyone_may_do_what_the_table_says(database: Option<String>) {
    let began = Instant::now();
    let kind = database.as_ref().map_or("SQLite", |_| "PostgreSQL");
    let table = Table::read();
    let world = World::build(database).await;
    let callers = Callers::build(&world).await;
    assert_eq!(table.columns, callers.in_table.len(), "columns and callers");
    assert_eq!(table.gaps(), [], "what the table does not say");
    let rows: BTreeSet<Operation> = table.operations().into_iter().collect();
    assert_eq!(rows, contract(&world).await, "rows and operations");
    let mut tally = Tally::default();
    for operation in table.operations() {
        tally.add(cells::hold(&world, &callers, &table, &operation).await);
    }
    println!(
        "{kind}: {} operations, {} kinds of callers, {} cells ({} done, {} denied, {} turned away), \
         {} times foreign compared with missing, {:.1} s",
        table.operations().len(),
        callers.kinds(),
        tally.cells(),
        tally.done,
        tally.denied,
        tally.turned_away,
        tally.compared,
        began.elapsed().as_secs_f32(),
    );
    assert!(
        tally.logged > 100,
        "what was done is in the audit log, so that what is not there was not done"
    );
    let wrong = tally.wrong.join("\n");
    assert!(tally.wrong.is_empty(), "{} cells:\n{wrong}", tally.wrong.len());
    world.app.stop_now().await;
}

/// The operations that the running server describes.
async fn contract(world: &World) -> BTreeSet<Operation> {
    let url = format!("{}/api/v1/openapi.json", world.app.client.base());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let contract: Value = serde_json::from_str(&text).unwrap();
    let paths = contract["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            let path = path.strip_prefix("/api/v1").unwrap();
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| Operation::new(&method.to_uppercase(), path))
        })
        .collect()
}
