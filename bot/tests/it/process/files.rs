//! Files that editors send.

use nexus_api::{Content, Delivery, ErrorCode};
use serde_json::json;
use uuid::Uuid;

use super::{Process, World, delivery};

fn file(name: &str) -> Delivery {
    delivery(
        7,
        Some(Content::FetchFile {
            file_id: name.to_owned(),
            file_name: "docs.zip".to_owned(),
            is_archive: true,
            knowledge_base_id: Uuid::from_u128(9),
            telegram_user_id: 555,
        }),
    )
}

#[tokio::test]
async fn a_file_goes_to_the_backend_in_the_name_of_its_sender() {
    let world = World::new().await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    world
        .telegram
        .change(|inside| inside.files.insert("zip".to_owned(), bytes.clone()));
    let process = world.start();
    let wanted = file("zip");
    world.backend.send(wanted.clone());
    let sent = world.backend.report(wanted.id, "sent").await;
    assert_eq!(
        sent,
        json!({"lease": wanted.lease, "parts": 1, "task_id": Uuid::nil()})
    );
    world
        .telegram
        .reads(7, "I have got the file and am reading it.")
        .await;
    world.backend.change(|inside| {
        let upload = &inside.uploads[0];
        assert_eq!(upload.path, "archives");
        assert_eq!(upload.headers["x-telegram-user-id"], "555");
        assert_eq!(upload.headers["idempotency-key"], wanted.id.to_string().as_str());
        assert_eq!(upload.headers["x-request-id"], "trace-1");
        assert!(upload.body.windows(8).any(|window| window == b"docs.zip"));
        assert!(upload.body.windows(bytes.len()).any(|window| window == bytes));
    });
    process.stop().await;
}

#[tokio::test]
async fn a_file_that_is_gone_too_large_or_not_taken_is_told_with_a_code() {
    let world = World::new().await;
    let config = world.config_with(&[("NEXUS_BOT_MAX_DOWNLOAD_MB", "1")]);
    let process = Process::start(config);
    world.telegram.change(|inside| {
        inside.files.insert("large".to_owned(), vec![0; 2 << 20]);
        inside.files.insert("small".to_owned(), vec![0; 10]);
    });
    let gone = file("gone");
    world.backend.send(gone.clone());
    let failed = world.backend.report(gone.id, "failed").await;
    assert_eq!(
        (&failed["kind"], &failed["code"]),
        (&json!("file_refused"), &json!("not_found"))
    );

    let large = file("large");
    world.backend.send(large.clone());
    let failed = world.backend.report(large.id, "failed").await;
    assert_eq!(failed["code"], "payload_too_large");

    world
        .backend
        .change(|inside| inside.upload_refusal = Some(ErrorCode::QuotaExceeded));
    let small = file("small");
    world.backend.send(small.clone());
    let failed = world.backend.report(small.id, "failed").await;
    assert_eq!(
        (&failed["kind"], &failed["code"]),
        (&json!("file_refused"), &json!("quota_exceeded"))
    );

    world
        .backend
        .change(|inside| inside.upload_refusal = Some(ErrorCode::Unavailable));
    let later = file("small");
    world.backend.send(later.clone());
    assert_eq!(world.backend.report(later.id, "failed").await["kind"], "retry");
    let keys = world.backend.change(|inside| {
        let uploads = inside
            .uploads
            .iter()
            .map(|upload| upload.headers["idempotency-key"].clone());
        uploads
            .filter(|key| *key == later.id.to_string().as_str())
            .count()
    });
    assert_eq!(keys, 3);
    process.stop().await;
}
