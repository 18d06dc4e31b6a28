//! Making, finding, changing and deleting knowledge bases.

use nexus_api::{CreateKnowledgeBase, ErrorCode, RetrievalMode, SearchRequest, UpdateKnowledgeBase};

use crate::test_app::{KB, Setup, TestApp};

fn named(name: &str) -> CreateKnowledgeBase {
    CreateKnowledgeBase {
        name: name.to_owned(),
        description: String::new(),
        ..CreateKnowledgeBase::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once_and_free_again_after_its_owner_is_gone() {
    let app = TestApp::start().await;
    let first = app
        .client
        .create_knowledge_base(&named("База знаний"))
        .await
        .unwrap();
    let error = app
        .client
        .create_knowledge_base(&named(" База знаний "))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::AlreadyExists));
    app.client.delete_knowledge_base(first.id).await.unwrap();
    assert_eq!(
        app.client.knowledge_base(first.id).await.unwrap_err().code(),
        Some(ErrorCode::NotFound)
    );
    let second = app
        .client
        .create_knowledge_base(&named("База знаний"))
        .await
        .unwrap();
    assert_ne!(first.id, second.id);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_used_are_told_with_the_field() {
    let app = TestApp::start().await;
    for name in [
        "",
        "../etc",
        "a\nb",
        &"x".repeat(65),
        "0190b2d4-0000-7000-8000-000000000000",
    ] {
        let error = app.client.create_knowledge_base(&named(name)).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ValidationFailed), "{name:?}");
    }
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages_in_the_order_of_names() {
    let app = TestApp::start().await;
    for name in ["c", "a", "b"] {
        app.client.create_knowledge_base(&named(name)).await.unwrap();
    }
    let page = app.client.knowledge_bases(None).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|kb| kb.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(page.next_cursor, None);
    let error = app.client.knowledge_bases(Some("nonsense")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::InvalidRequest));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_knowledge_base_is_renamed_and_found_by_its_new_name() {
    let app = TestApp::start().await;
    app.ingest(&[("a.md", b"# Pumps\n\nThe pump is blue.\n")]).await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    let body = UpdateKnowledgeBase {
        name: Some("manual".to_owned()),
        description: Some("Pumps".to_owned()),
        ..UpdateKnowledgeBase::default()
    };
    let changed = app.client.update_knowledge_base(kb.id, &body).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.description.as_str()),
        ("manual", "Pumps")
    );
    assert_eq!(
        (changed.documents, changed.chunks, changed.embedded_chunks),
        (1, 1, 1)
    );
    assert!(app.client.find_knowledge_base(KB).await.unwrap().is_none());
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_not_found_a_moment_later_and_leaves_nothing_behind() {
    let app = TestApp::start().await;
    app.ingest(&[("a.md", b"# Pumps\n\nThe pump is blue.\n")]).await;
    app.quiet().await;
    let kb = app.client.find_knowledge_base(KB).await.unwrap().unwrap();
    app.client.delete_knowledge_base(kb.id).await.unwrap();
    let everywhere = SearchRequest {
        query: "pump".to_owned(),
        knowledge_bases: Vec::new(),
        mode: RetrievalMode::Hybrid,
        limit: 10,
        distinct_documents: false,
    };
    assert!(app.client.search(&everywhere).await.unwrap().passages.is_empty());
    let data = app.end().await;

    let app = TestApp::with(Setup {
        data: Some(data),
        ..Setup::default()
    })
    .await;
    app.quiet().await;
    let collections = app.client.readiness().await.unwrap().vectors.collections;
    assert!(
        collections.iter().all(|collection| collection.points == 0),
        "{collections:?}"
    );
    app.end().await;
}
