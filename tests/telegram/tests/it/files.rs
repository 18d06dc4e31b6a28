//! Files from people.

use serde_json::json;
use telegram_simulator::Upload;

use crate::{TOKEN, World, unlimited};

#[tokio::test]
async fn a_file_is_looked_up_and_downloaded() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    let upload = Upload::new("manual.pdf", "the manual");
    world.anna.sends_document(&chat, &upload);
    world.anna.sends_document(&chat, &upload);
    let updates = world.updates(0).await;
    let [first, second] = [0, 1].map(|n: usize| updates[n]["message"]["document"].clone());
    assert_eq!(first["file_name"], "manual.pdf");
    assert_eq!(first["file_size"], 10);
    assert_eq!(
        first["file_unique_id"], second["file_unique_id"],
        "the same content"
    );
    assert_ne!(first["file_id"], second["file_id"]);

    let file = world
        .call("getFile", json!({ "file_id": first["file_id"] }))
        .await
        .result();
    let path = file["file_path"].as_str().unwrap();
    assert!(path.ends_with(".pdf"), "{path}");
    let get = async |path: &str| {
        let url = format!("{}/file/bot{TOKEN}/{path}", world.telegram.address());
        let response = world.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get(path).await, (200, "the manual".to_owned()));
    assert_eq!(get("documents/none").await.0, 404);
    assert!(
        world
            .telegram
            .journal()
            .iter()
            .any(|entry| entry.method == "download" && entry.is_done())
    );
}

#[tokio::test]
async fn a_large_file_is_not_given_to_bots() {
    let world = World::new(unlimited());
    let chat = world.bot.chat_with(&world.anna);
    let of = |size: u64| Upload::new("big.zip", "PK").declares(size);
    for (size, status) in [(20 << 20, 200), ((20 << 20) + 1, 400)] {
        world.anna.sends_document(&chat, &of(size));
        let document = world.last_update().await["message"]["document"].clone();
        assert_eq!(document["file_size"], size);
        let reply = world
            .call("getFile", json!({ "file_id": document["file_id"] }))
            .await;
        assert_eq!(reply.status, status);
        if status == 400 {
            assert_eq!(reply.refusal().1, "Bad Request: file is too big");
        }
    }
    let unknown = world.call("getFile", json!({ "file_id": "nonsense" })).await;
    assert_eq!(unknown.refusal(), (400, "Bad Request: invalid file_id"));
}
