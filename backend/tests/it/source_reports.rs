//! `GET /sources`: how fresh sources are, and how many answers rest on them.

use nexus_api::{Freshness, SourceKind, SourceReport, StartSync};
use serde_json::json;

use crate::api::Api;
use crate::repository::{Repo, app, done, git};
use crate::test_app::{KB, TestApp};

const NOTES: &str =
    "# Maker\n\nThe Mirador pump number 6 was delivered to the station in March by its maker.\n";

async fn reports(app: &TestApp) -> (SourceReport, SourceReport) {
    let page = app.client.source_reports(false, None).await.unwrap();
    assert_eq!((page.items.len(), page.next_cursor), (2, None));
    let of = |kind| {
        page.items
            .iter()
            .find(|report| report.kind == kind)
            .unwrap()
            .clone()
    };
    (of(SourceKind::Git), of(SourceKind::Archive))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_told_with_what_became_of_it() {
    let repo = Repo::new();
    repo.write("docs/lamp.md", "# Lamp\n\nThe lamp on the desk is turquoise.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let uploaded = app.ingest(&[("maker.md", NOTES.as_bytes())]).await;

    let (lamp, maker) = reports(&app).await;
    assert_eq!((lamp.id, lamp.documents, lamp.chunks), (accepted.source_id, 1, 1));
    assert_eq!(lamp.last_sync.task_id, Some(accepted.task_id));
    assert_eq!(
        lamp.last_sync.task.unwrap().state,
        nexus_api::TaskState::Succeeded
    );
    assert_eq!((lamp.hits.count, lamp.refusals.count), (0, 0));
    assert_eq!((maker.name.as_str(), maker.documents), ("docs.tar.gz", 1));
    assert_eq!(
        maker.last_sync.task_id,
        Some(uploaded.id),
        "an upload is read, too"
    );
    for report in [&lamp.staleness, &maker.staleness] {
        assert_eq!((report.state, report.seconds), (Freshness::Fresh, Some(0)));
    }

    let answer = app.ask("Is the lamp on the desk turquoise?").await;
    assert!(answer.found, "{answer:?}");
    let cites = |path: &str| {
        answer
            .citations
            .iter()
            .any(|cited| cited.passage.document_path == path)
    };
    assert!(cites("docs/lamp.md"), "{answer:?}");
    let refusal = app
        .ask("Which opera did the pump maker sing in Vienna as Leporello?")
        .await;
    assert!(!refusal.found, "{refusal:?}");
    let nearest = |path: &str| {
        refusal
            .nearest
            .iter()
            .any(|near| near.passage.document_path == path)
    };
    assert!(nearest("maker.md"), "{refusal:?}");
    let (lamp, maker) = reports(&app).await;
    assert_eq!(lamp.hits.count, 1);
    assert!(lamp.hits.last_at.is_some());
    assert_eq!(lamp.refusals.count, u64::from(nearest("docs/lamp.md")));
    assert_eq!(
        (maker.hits.count, maker.refusals.count),
        (u64::from(cites("maker.md")), 1)
    );

    // The repository is gone: whatever has changed in it, nobody can read.
    app.clock.advance(std::time::Duration::from_secs(90));
    std::fs::remove_dir_all(repo.path(".git")).unwrap();
    let again = app
        .client
        .sync_source(
            accepted.knowledge_base_id,
            accepted.source_id,
            StartSync::default(),
        )
        .await
        .unwrap();
    let failing = async {
        loop {
            let page = app.client.source_reports(true, None).await.unwrap();
            if let [stale] = &page.items[..] {
                return stale.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let stale = tokio::time::timeout(std::time::Duration::from_secs(60), failing)
        .await
        .unwrap();
    assert_eq!(
        (stale.id, stale.staleness.state),
        (accepted.source_id, Freshness::Failing)
    );
    assert_eq!(
        stale.staleness.seconds,
        Some(90),
        "what is answered from is as old as that"
    );
    assert_eq!(stale.last_sync.task_id, Some(again.task_id));
    assert!(stale.last_sync.task.unwrap().error.is_some());
    app.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_filtered_and_come_in_pages() {
    let app = TestApp::start().await;
    app.ingest(&[("a.md", b"# A\n\nSomething.\n")]).await;
    for name in ["b.tar.gz", "c.tar.gz"] {
        let task = app
            .upload_archive(name, &crate::test_app::archive(&[("b.md", b"# B\n\nMore.\n")]))
            .await;
        app.settled(task).await;
    }
    let operator = Api::operator(&app);
    let names = async |query: &str| {
        let (status, page) = operator.get(&format!("/sources?{query}")).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().clone();
        let names: Vec<_> = items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect();
        (names, page["next_cursor"].as_str().map(str::to_owned))
    };
    let (mut all, _) = names("").await;
    assert_eq!(all.len(), 3);
    let (first, cursor) = names("limit=2").await;
    let (last, end) = names(&format!("limit=2&cursor={}", cursor.unwrap())).await;
    assert_eq!(([first, last].concat(), end), (all.clone(), None));
    all.sort();
    assert_eq!(all, ["b.tar.gz", "c.tar.gz", "docs.tar.gz"]);
    assert_eq!(names("kind=archive&state=fresh").await.0.len(), 3);
    assert_eq!(names("stale=true").await, (Vec::new(), None));
    assert_eq!(names("state=overdue").await.0.len(), 0);
    assert_eq!(names("kind=git").await.0.len(), 0);
    assert_eq!(
        names(&format!("knowledge_base_id={}", uuid::Uuid::new_v4()))
            .await
            .0
            .len(),
        0
    );
    for wrong in [
        "kind=hologram",
        "state=rotten",
        "knowledge_base_id=x",
        "stale=perhaps",
    ] {
        let (status, error) = operator.get(&format!("/sources?{wrong}")).await;
        assert_eq!(
            (status, &error["error"]["code"]),
            (400, &json!("invalid_request")),
            "{wrong}"
        );
    }
    app.end().await;
}
