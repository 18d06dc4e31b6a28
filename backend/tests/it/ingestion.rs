//! Uploads: what is new, what is known, what is gone, what cannot be read.

use nexus_api::{ErrorCode, ProblemCode, RetrievalMode, TaskState};
use nexus_client::{Upload, UploadTarget};

use crate::test_app::{KB, Setup, TestApp, archive};

const PUMPS: &[u8] = b"# Pumps\n\nThe pump is blue. It is started with the lever on its left side.\n";
const VALVES: &[u8] = b"# Valves\n\nA valve is closed clockwise.\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_found_by_words_and_by_vectors() {
    let app = TestApp::start().await;
    let task = app.ingest(&[("en/pumps.md", PUMPS), ("valves.md", VALVES)]).await;
    assert_eq!(
        (task.counts.documents_indexed, task.counts.chunks_indexed),
        (2, 2)
    );
    assert_eq!(task.counts.chunks_embedded, 2);
    assert_eq!(app.found("lever of the pump").await, ["en/pumps.md"]);
    let dense = app.search("valve closed clockwise", RetrievalMode::Dense).await;
    assert_eq!(dense[0].document_path, "valves.md");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_archive_again_changes_nothing_and_a_new_one_only_what_differs() {
    let app = TestApp::start().await;
    app.ingest(&[("pumps.md", PUMPS), ("valves.md", VALVES)]).await;
    let before = app.client.find_knowledge_base(KB).await.unwrap().unwrap();

    let again = app
        .ingest(&[("pumps.md", PUMPS), ("valves.md", VALVES)])
        .await
        .counts;
    assert_eq!(
        (
            again.documents_indexed,
            again.documents_unchanged,
            again.documents_removed
        ),
        (0, 2, 0)
    );
    let same = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!(
        same.revision, before.revision,
        "nothing changed, so no cache entry is stale"
    );

    let changed = app
        .ingest(&[("pumps.md", b"# Pumps\n\nThe pump is red.\n"), ("new.md", VALVES)])
        .await
        .counts;
    assert_eq!((changed.documents_indexed, changed.documents_removed), (2, 1));
    assert_eq!(
        (changed.chunks_embedded, changed.chunks_from_cache),
        (1, 1),
        "the valves only moved"
    );
    assert_eq!(app.found("blue").await, Vec::<String>::new());
    assert_eq!(app.found("red").await, ["pumps.md"]);
    assert_eq!(app.found("valve").await, ["new.md"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_known_is_not_embedded_again() {
    let app = TestApp::start().await;
    app.ingest(&[("a/valves.md", VALVES)]).await;
    let moved = app
        .ingest(&[("b/valves.md", VALVES), ("c/valves.md", VALVES)])
        .await
        .counts;
    assert_eq!(
        (
            moved.documents_indexed,
            moved.chunks_embedded,
            moved.chunks_from_cache
        ),
        (2, 0, 2)
    );
    assert_eq!(app.embedder.as_ref().unwrap().embedded().len(), 1);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn single_files_replace_their_namesake_and_remove_nothing() {
    let app = TestApp::start().await;
    for (name, text) in [
        ("pumps.md", PUMPS),
        ("valves.md", VALVES),
        ("pumps.md", b"# Pumps\n\nNow green.\n"),
    ] {
        let task = app.upload(UploadTarget::File, name, text).await;
        assert_eq!(app.settled(task).await.state, TaskState::Succeeded);
    }
    assert_eq!(app.found("green").await, ["pumps.md"]);
    assert_eq!(app.found("valve").await, ["valves.md"]);
    assert!(app.found("lever").await.is_empty());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_name_keeps_its_ending() {
    let app = TestApp::start().await;
    let name = format!("{}.md", "инструкция".repeat(20));
    let task = app
        .upload(
            UploadTarget::File,
            &name,
            "# Лампа\n\nЛампа зелёная.\n".as_bytes(),
        )
        .await;
    assert_eq!(app.settled(task).await.state, TaskState::Succeeded);
    let hits = app.search("лампа", RetrievalMode::Lexical).await;
    assert_eq!(
        (hits[0].document_path.as_str(), hits[0].heading_path.as_slice()),
        (name.as_str(), ["Лампа".to_owned()].as_slice()),
        "it was read as Markdown"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_has_a_reason_and_the_rest_is_there() {
    let app = TestApp::start().await;
    let image = [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0];
    let inner = archive(&[
        ("x.md", VALVES),
        ("innermost.tar.gz", &archive(&[("y.md", PUMPS)])),
    ]);
    let mut wide = vec![0xff, 0xfe];
    wide.extend("Wide\0 text".encode_utf16().flat_map(u16::to_le_bytes));
    let files: &[(&str, &[u8])] = &[
        ("ok.md", PUMPS),
        ("picture.png", &image),
        ("empty.txt", b""),
        ("inner.tar.gz", &inner),
        ("wide.txt", &wide),
        ("marked.txt", b"\xef\xbb\xbfwith a \0 in it"),
    ];
    let task = app.ingest(files).await;
    assert_eq!(
        (task.counts.documents_indexed, task.counts.files_with_problems),
        (2, 5)
    );
    let problems = app.client.problems(task.id, None).await.unwrap().items;
    let code = |path: &str| {
        problems
            .iter()
            .find(|p| p.path.as_deref() == Some(path))
            .map(|p| p.code)
    };
    assert_eq!(code("picture.png"), Some(ProblemCode::Binary));
    assert_eq!(code("wide.txt"), Some(ProblemCode::Binary));
    assert_eq!(code("marked.txt"), Some(ProblemCode::Binary));
    assert_eq!(code("empty.txt"), Some(ProblemCode::Empty));
    assert_eq!(
        code("inner.tar.gz/innermost.tar.gz"),
        Some(ProblemCode::NestedArchive)
    );
    assert_eq!(app.found("valve").await, ["inner.tar.gz/x.md"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_archive_that_breaks_off_removes_nothing_of_what_it_held() {
    let app = TestApp::start().await;
    let inner = archive(&[("pumps.md", PUMPS), ("valves.md", VALVES)]);
    app.ingest(&[("inner.tar.gz", &inner), ("old.md", b"# Old\n\nAn old page.\n")])
        .await;
    let cut = &inner[..inner.len() / 2];
    let task = app.ingest(&[("inner.tar.gz", cut)]).await;
    assert_eq!(task.counts.documents_removed, 0);
    let problems = app.client.problems(task.id, None).await.unwrap().items;
    assert_eq!(problems[0].path.as_deref(), Some("inner.tar.gz"));
    assert_eq!(problems[0].code, ProblemCode::Truncated);
    assert_eq!(app.found("valve").await, ["inner.tar.gz/valves.md"]);
    let task = app
        .ingest(&[("inner.tar.gz", &archive(&[("valves.md", VALVES)]))])
        .await;
    assert_eq!(task.counts.documents_removed, 2);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_archive_gives_what_was_readable_and_removes_nothing() {
    let app = TestApp::start().await;
    app.ingest(&[("old.md", VALVES), ("pumps.md", PUMPS)]).await;
    // Text that does not compress, so that the cut falls into the second file.
    let noise: String = (0..40_000_u32)
        .map(|n| format!("{:x} ", n.wrapping_mul(2_654_435_761)))
        .collect();
    let whole = archive(&[
        ("a-first.md", b"# First\n\nA readable page.\n"),
        ("b-long.txt", noise.as_bytes()),
    ]);
    let task = app.upload_archive("docs.tar.gz", &whole[..whole.len() / 2]).await;
    let task = app.settled(task).await;
    assert_eq!(task.state, TaskState::Succeeded);
    assert_eq!(app.found("readable page").await, ["a-first.md"]);
    assert_eq!(
        app.found("valve").await,
        ["old.md"],
        "what was not met may still be in the archive"
    );
    let problems = app.client.problems(task.id, None).await.unwrap().items;
    assert!(
        problems
            .iter()
            .any(|p| p.code == ProblemCode::Truncated && p.path.is_none()),
        "{problems:?}"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_archive_fails_with_its_reason() {
    let app = TestApp::start().await;
    for (name, bytes, code) in [
        ("docs.zip", b"this is no zip at all".as_slice(), "corrupt"),
        ("docs.tar.gz", b"".as_slice(), "empty"),
    ] {
        let task = app.upload_archive(name, bytes).await;
        let task = app.settled(task).await;
        assert_eq!(task.state, TaskState::Failed, "{name}");
        assert_eq!(task.error.unwrap().code, code, "{name}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_beyond_the_limit_is_refused_and_leaves_no_file() {
    let settings = vec![("NEXUS_UPLOADS_MAX_BYTES", "1000".to_owned())];
    let app = TestApp::with(Setup {
        settings,
        ..Setup::default()
    })
    .await;
    let kb = app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.txt");
    std::fs::write(&path, "x".repeat(2_000)).unwrap();
    let upload = Upload {
        target: UploadTarget::File,
        path,
        file_name: "big.txt".to_owned(),
        source: None,
        knowledge_base: kb.id.to_string(),
    };
    let error = app.client.upload(&upload, |_| {}).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::PayloadTooLarge));
    let left = app.data.path().join("uploads").read_dir().unwrap().count();
    assert_eq!(left, 0);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_everything_works_by_words_and_says_so_and_vectors_follow_later() {
    let app = TestApp::with(Setup {
        lexical_only: true,
        ..Setup::default()
    })
    .await;
    app.ingest(&[("pumps.md", PUMPS)]).await;
    let answer = app.ask("How is the pump started?").await;
    assert!(answer.found);
    assert_eq!(
        answer.retrieval.dense.status,
        nexus_api::SideStatus::NotConfigured
    );
    let ready = app.client.readiness().await.unwrap();
    assert_eq!(ready.status, nexus_api::CheckStatus::Degraded);
    assert_eq!(ready.dense_retrieval.status, nexus_api::CheckStatus::Degraded);
    // What was not asked for is no fault.
    assert_eq!(ready.reranking.status, nexus_api::CheckStatus::Ok);
    assert_eq!(ready.written_answers.status, nexus_api::CheckStatus::Ok);
    assert!(ready.written_answers.models.is_empty());
    let data = app.end().await;

    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    app.quiet().await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    assert_eq!((kb.chunks, kb.embedded_chunks), (1, 1));
    assert_eq!(app.search("lever pump", RetrievalMode::Dense).await.len(), 1);
    app.end().await;
}
