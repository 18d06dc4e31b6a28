//! The place of uploads: a folder, objects in memory, and an S3 over HTTP must all do the same; and what the whole
//! application makes of an S3 that goes away or is left half way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nexus_api::{ErrorCode, TaskState};
use nexus_backend::config::Config;
use nexus_backend::uploads::{Uploads, UploadsError};
use nexus_backend::worker::remove_unknown_uploads;
use nexus_client::{Upload as ClientUpload, UploadTarget};
use nexus_domain::{ContentHash, Timestamp, Upload, UploadId};
use object_store::memory::InMemory;
use tokio::io::AsyncWriteExt as _;

use crate::s3::SimulatedS3;
use crate::test_app::{KB, KEY, Setup, TestApp, archive};

const MIB: usize = 1024 * 1024;
/// More than two parts of 8 MiB.
const LARGE: usize = 17 * MIB + 5;
const ANY_AGE: Duration = Duration::ZERO;

fn new_id() -> UploadId {
    UploadId::new(Timestamp::from_micros(1_767_225_600_000_000))
}

fn row(id: UploadId, bytes: &[u8]) -> Upload {
    Upload {
        id,
        file_name: "pages.zip".to_owned(),
        size_bytes: bytes.len() as u64,
        content_hash: ContentHash::of(bytes),
        created_at: Timestamp::from_micros(0),
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8).collect()
}

fn opened(data: &Path, settings: Vec<(&'static str, String)>) -> Uploads {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut all = BTreeMap::from([("NEXUS_DATA_DIR".to_owned(), data.to_string_lossy().into_owned())]);
    all.extend(settings.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Uploads::open(&Config::from_layers(None, &all).unwrap()).unwrap()
}

/// Files of uploads that were brought to this machine and not removed.
fn copies(data: &Path) -> usize {
    let spool = data.join("spool");
    let folders = std::fs::read_dir(spool).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir()
            .then(|| std::fs::read_dir(path).unwrap().count().saturating_sub(1))
    });
    folders.sum()
}

async fn stored(uploads: &Uploads, id: UploadId, bytes: &[u8]) {
    let mut sink = uploads.create(id).await.unwrap();
    for piece in bytes.chunks(300 * 1024) {
        sink.write(piece).await.unwrap();
    }
    sink.finish().await.unwrap().keep();
}

async fn until_nothing_is_there(uploads: &Uploads) {
    while !uploads.idle(ANY_AGE).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// What every place must do.
async fn keeps_uploads(uploads: Uploads) {
    for size in [0, 1, 8 * MIB, LARGE] {
        let (id, bytes) = (new_id(), bytes(size));
        stored(&uploads, id, &bytes).await;
        assert_eq!(uploads.idle(ANY_AGE).await.unwrap(), [id]);
        assert!(uploads.idle(Duration::from_secs(60)).await.unwrap().is_empty());
        let file = uploads.fetch(&row(id, &bytes)).await.unwrap();
        assert!(
            std::fs::read(file.path()).unwrap() == bytes,
            "{size} bytes came back as others"
        );
        drop(file);
        uploads.remove(id).await.unwrap();
        uploads.remove(id).await.unwrap();
        assert!(uploads.idle(ANY_AGE).await.unwrap().is_empty());
        if size > 0 {
            let error = uploads.fetch(&row(id, &bytes)).await.unwrap_err();
            assert!(matches!(error, UploadsError::Missing), "{error:?}");
        }
    }
    uploads.check(new_id()).await.unwrap();

    let mut unfinished = uploads.create(new_id()).await.unwrap();
    unfinished.write(&bytes(LARGE)).await.unwrap();
    drop(unfinished);
    let mut unwanted = uploads.create(new_id()).await.unwrap();
    unwanted.write(b"bytes that no row will know").await.unwrap();
    drop(unwanted.finish().await.unwrap());
    until_nothing_is_there(&uploads).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_uploads() {
    let data = tempfile::tempdir().unwrap();
    keeps_uploads(opened(data.path(), vec![])).await;
    let shared = format!("file://{}/shared", data.path().display());
    keeps_uploads(opened(data.path(), vec![("NEXUS_UPLOADS_URL", shared)])).await;
    assert!(data.path().join("shared").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_in_memory_keep_uploads() {
    let data = tempfile::tempdir().unwrap();
    for prefix in ["", "a/b"] {
        let uploads = Uploads::objects(Arc::new(InMemory::new()), prefix, data.path(), 1 << 31).unwrap();
        keeps_uploads(uploads).await;
    }
    assert_eq!(copies(data.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_keeps_uploads_and_is_given_parts_of_bounded_size() {
    let (data, s3) = (tempfile::tempdir().unwrap(), SimulatedS3::start().await);
    let uploads = opened(data.path(), s3.settings());
    s3.contents().is_old = true;
    // Its objects are as old as it says.
    let (id, large) = (new_id(), bytes(LARGE));
    stored(&uploads, id, &large).await;
    assert_eq!(s3.contents().largest_body, 8 * MIB);
    assert_eq!(uploads.idle(Duration::from_secs(24 * 3_600)).await.unwrap(), [id]);
    let file = uploads.fetch(&row(id, &large)).await.unwrap();
    assert_eq!(copies(data.path()), 1);
    assert!(std::fs::read(file.path()).unwrap() == large);
    drop(file);
    assert_eq!(copies(data.path()), 0);
    for _ in 0..4 {
        stored(&uploads, new_id(), b"one more than fits a page").await;
    }
    assert_eq!(uploads.idle(ANY_AGE).await.unwrap().len(), 5);

    // What is there is not what the row says.
    s3.contents().objects.values_mut().for_each(|bytes| bytes[0] ^= 1);
    let error = uploads.fetch(&row(id, &large)).await.unwrap_err();
    assert!(matches!(error, UploadsError::Damaged), "{error:?}");
    assert_eq!(copies(data.path()), 0);
    s3.contents().objects.clear();

    let mut unfinished = uploads.create(new_id()).await.unwrap();
    unfinished.write(&large).await.unwrap();
    assert_eq!(s3.contents().multiparts.len(), 1);
    drop(unfinished);
    s3.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_an_upload_whose_process_died_are_given_up_by_a_sweep() {
    let (data, s3) = (tempfile::tempdir().unwrap(), SimulatedS3::start().await);
    let uploads = opened(data.path(), s3.settings());
    let db = nexus_storage::testing::sqlite().await;
    let mut sink = uploads.create(new_id()).await.unwrap();
    sink.write(&bytes(LARGE)).await.unwrap();
    s3.until(|bucket| bucket.multiparts.values().any(|parts| parts.len() == 2))
        .await;
    // As a killed process leaves it.
    std::mem::forget(sink);
    remove_unknown_uploads(&db, &uploads, uploads.abandoned_after())
        .await
        .unwrap();
    assert_eq!(s3.contents().multiparts.len(), 1, "it may still be sent");
    s3.contents().is_old = true;
    remove_unknown_uploads(&db, &uploads, uploads.abandoned_after())
        .await
        .unwrap();
    s3.until_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_through_s3_and_waits_while_that_is_away() {
    let s3 = SimulatedS3::start().await;
    let app = TestApp::with(Setup {
        settings: s3.settings(),
        ..Setup::default()
    })
    .await;
    // Noise does not pack, so the archive takes parts.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(LARGE)
    .collect();
    let pumps = b"# Pumps\n\nThe pump has a lever.\n";
    app.ingest(&[("noise.bin", &noise), ("pumps.md", pumps)]).await;
    assert_eq!(s3.contents().largest_body, 8 * MIB);
    assert_eq!(app.found("lever").await, ["pumps.md"]);
    s3.until_empty().await;
    assert_eq!(copies(app.data.path()), 0);

    s3.contents().is_away = true;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("valves.tar.gz");
    std::fs::write(
        &path,
        archive(&[("valves.md", b"# Valves\n\nClosed clockwise.\n")]),
    )
    .unwrap();
    let upload = ClientUpload {
        target: UploadTarget::Archive,
        path,
        file_name: "valves.tar.gz".to_owned(),
        source: None,
        knowledge_base: KB.to_owned(),
    };
    let error = app.client.upload(&upload, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unavailable), "{error}");
    assert_eq!(
        app.found("lever").await,
        ["pumps.md"],
        "questions need no uploads"
    );

    // It goes away between the upload and its reading.
    s3.contents().is_away = false;
    s3.contents().refuses_reads = true;
    let task = app.client.upload(&upload, |_| {}).await.unwrap().task_id;
    let mut events = app.client.task_events(task);
    loop {
        let task = events.next().await.unwrap().unwrap();
        if let Some(error) = task.error {
            assert_eq!(
                (task.state, error.code.as_str()),
                (TaskState::Queued, "unavailable")
            );
            break;
        }
    }
    s3.contents().refuses_reads = false;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.settled(task).await.state, TaskState::Succeeded);
    assert_eq!(app.found("clockwise").await, ["valves.md"]);
    s3.until_empty().await;
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_in_the_bucket() {
    let s3 = SimulatedS3::start().await;
    let app = TestApp::with(Setup {
        settings: s3.settings(),
        ..Setup::default()
    })
    .await;
    let address = app.client.base().trim_start_matches("http://").to_owned();
    let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/ingestion/archives HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
         content-type: multipart/form-data; boundary=xx\r\ncontent-length: {}\r\n\r\n\
         --xx\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n",
        3 * LARGE
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&bytes(LARGE)).await.unwrap();
    s3.until(|bucket| bucket.multiparts.values().any(|parts| parts.len() == 2))
        .await;
    drop(socket);
    s3.until_empty().await;
    app.end().await;
}
