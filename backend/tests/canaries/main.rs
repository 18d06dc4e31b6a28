//! No secret word reaches anyone who may not see it: 200 knowledge bases with words of their own, 1,000 people whose rights keep
//! changing, and random requests over all of the contract, most of them for things that are not the caller's.
//!
//! What a caller may see says a model of the test's own ([`world`]), never the product. `NEXUS_CANARY_SEED` and
//! `NEXUS_CANARY_REQUESTS` choose another run.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that fails to set itself up has failed"
)]

#[path = "../it/api.rs"]
#[allow(dead_code, reason = "shared with the test binary `it`, which uses all of it")]
mod api;
mod build;
mod calls;
mod changes;
mod chatting;
mod client;
mod feeding;
mod fetching;
mod gone;
mod hooking;
mod maker;
mod managing;
mod operations;
mod oracle;
mod outbox;
mod reading;
mod report;
mod rights;
mod rng;
mod round;
mod rounds;
mod serving;
#[path = "../it/test_app.rs"]
#[allow(dead_code, reason = "shared with the test binary `it`, which uses all of it")]
mod test_app;
mod trials;
mod words;
mod world;

use std::time::Instant;

use test_app::{Setup, TestApp};

const SEED: u64 = 20_260_101;
const REQUESTS: usize = 100_000;
const KNOWLEDGE_BASES: usize = 200;
const PEOPLE: usize = 1_000;

/// All calls come from one address, and many from one caller. Sources are fetched from this machine, where nothing is.
const SETTINGS: &[(&str, &str)] = &[
    ("NEXUS_HTTP_REQUESTS_PER_SECOND", "1000000"),
    ("NEXUS_HTTP_BURST", "1000000"),
    ("NEXUS_HTTP_SECURE_COOKIES", "false"),
    ("NEXUS_SOURCES_ALLOW_NETWORKS", "127.0.0.0/8"),
    ("NEXUS_SOURCES_LOCAL_REPOSITORIES", "true"),
];

async fn start() -> TestApp {
    let settings = SETTINGS.iter();
    TestApp::with(Setup {
        settings: settings
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        ..Setup::default()
    })
    .await
}

fn of_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text:?} is no number"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_word_reaches_anyone_who_may_not_see_it() {
    let seed = of_environment("NEXUS_CANARY_SEED", SEED);
    let requests = of_environment("NEXUS_CANARY_REQUESTS", REQUESTS);
    println!("NEXUS_CANARY_SEED={seed} NEXUS_CANARY_REQUESTS={requests}");
    let app = start().await;
    let started = Instant::now();
    let mut rng = rng::Rng::new(seed);
    let client = client::Client::new(&app);
    let contract = operations::of_contract(&app).await;
    let world = build::world(&app, &client, &mut rng, (KNOWLEDGE_BASES, PEOPLE)).await;
    println!(
        "{} knowledge bases, {} people, {} operations: set up in {:.1} s",
        world.kbs.len(),
        world.people.len(),
        contract.len(),
        started.elapsed().as_secs_f64()
    );
    let report = rounds::run(client, world, rng, &contract, requests).await;
    app.stop_now().await;
    println!("{report}");
    report.require(&contract, seed);
}
