//! The real program, and a collector of traces beside it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use nexus_telemetry::collector::Collector;
use nexus_telemetry::trace_of_update;

use super::{PATIENCE, World, delivery, question, text};

/// It lies beside the folder of the test program. What Cargo says of it is lost on the way: a shell between Cargo and the
/// compiler drops names with a hyphen.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder.join(format!("nexus-bot{}", std::env::consts::EXE_SUFFIX))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_and_its_answer_are_one_trace_that_the_backend_is_told() {
    let world = World::new().await;
    let collector = Collector::start().await.unwrap();
    let mut bot = tokio::process::Command::new(program())
        .current_dir(std::env::temp_dir())
        .env_clear()
        .env("NEXUS_BOT_TOKEN", "42:secret")
        .env("NEXUS_BOT_SERVICE_TOKEN", "service-token")
        .env("NEXUS_BACKEND_URL", &world.backend.address)
        .env("NEXUS_BOT_API_URL", &world.telegram.address)
        .env("NEXUS_OTLP_ENDPOINT", collector.endpoint())
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    world.telegram.says(question(31, 7, "Who is Anna's doctor?"));
    world
        .backend
        .until(|inside| (inside.updates.len() == 1).then_some(()))
        .await;
    let trace = trace_of_update("docs", 31);
    let mut answer = delivery(7, Some(text("Dr. Weber is.")));
    answer.trace_id.clone_from(&trace);
    world.backend.send(answer.clone());
    world.backend.report(answer.id, "sent").await;

    let pid = bot.id().unwrap().to_string();
    let told = std::process::Command::new("kill").args(["-TERM", &pid]).status();
    assert!(told.unwrap().success());
    let end = tokio::time::timeout(PATIENCE, bot.wait()).await;
    assert!(end.unwrap().unwrap().success(), "it ends in order");

    let spans = collector.trace(&trace);
    let span = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {spans:?}")).clone()
    };
    let (update, delivered) = (span("update"), span("delivery"));
    assert_eq!(
        (update.service.as_str(), update.parent.as_str()),
        ("nexus-bot", "")
    );
    assert_eq!(update.attribute("update_id"), Some("31"));
    let id = answer.id.to_string();
    assert_eq!(delivered.attribute("delivery"), Some(id.as_str()));
    let told = world.backend.change(|inside| inside.told.clone());
    for span in [&update, &delivered] {
        let parent = format!("00-{trace}-{}-01", span.id);
        let mut headers = told.iter().filter(|headers| headers["x-request-id"] == trace);
        assert!(
            headers.any(|headers| headers["traceparent"] == parent),
            "{told:?}"
        );
    }
    let sent = format!("{:?}", collector.spans());
    for secret in ["doctor", "Weber", "Анна", "secret", "service-token"] {
        assert!(!sent.contains(secret), "{sent}");
    }
}
