//! What operators read of the questions that nothing answers.

use serde_json::{Value, json};

use super::{ANSWER, QUESTION, World};
use crate::api::text;
use crate::bot_process::ANNA;
use crate::test_app::KB;

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
