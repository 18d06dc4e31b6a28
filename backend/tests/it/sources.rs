//! Sources that are fetched, from the request to the citation: real repositories on this machine, by git.

use nexus_api::{
    DocumentFormat, ErrorCode, IngestGit, IngestWeb, PlannedChangeKind, RetrievalMode, SourceCredential,
    TaskState,
};

use crate::repository::{Repo, app, done, git, sync};
use crate::test_app::{KB, Setup, TestApp, files_hold};

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_read_and_kept_up_to_date() {
    let repo = Repo::new();
    repo.write("docs/lamp.md", "# Lamp\n\nThe lamp on the desk is turquoise.\n");
    repo.write("docs/ru/lampa.md", "# Лампа\n\nЛампа на столе бирюзовая.\n");
    repo.write(
        "src/main.rs",
        "fn lamp() -> &'static str {\n    \"turquoise\"\n}\n",
    );
    let first = repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    let task = done(&app, &accepted).await;
    assert_eq!(task.counts.documents_indexed, 3, "{:?}", task.counts);
    assert_eq!(task.source_id, Some(accepted.source_id));
    assert_eq!(app.found("turquoise desk").await[0], "docs/lamp.md");
    let source = app
        .client
        .source(accepted.knowledge_base_id, accepted.source_id)
        .await
        .unwrap();
    assert!(
        source.state.unwrap().contains(&first),
        "the state names the commit"
    );
    assert_eq!(source.documents, 3);

    let embedded = app.embedder.as_ref().unwrap().embedded().len();
    let again = sync(&app, &accepted, false).await;
    assert_eq!(again.counts.documents_indexed, 0, "nothing has changed");

    repo.write("docs/lamp.md", "# Lamp\n\nThe lamp on the desk is crimson.\n");
    std::fs::remove_file(repo.path("src/main.rs")).unwrap();
    std::fs::create_dir_all(repo.path("manual")).unwrap();
    std::fs::rename(repo.path("docs/ru"), repo.path("manual/ru")).unwrap();
    repo.commit();
    let plan = sync(&app, &accepted, true).await.plan.unwrap();
    assert_eq!((plan.add, plan.change, plan.remove), (1, 1, 2), "{plan:?}");
    let change = plan
        .changes
        .iter()
        .find(|change| change.path == "docs/lamp.md")
        .unwrap();
    assert_eq!(change.change, PlannedChangeKind::Change);
    assert_eq!(
        app.found("turquoise desk").await[0],
        "docs/lamp.md",
        "a dry run changes nothing"
    );

    let task = sync(&app, &accepted, false).await;
    assert_eq!(task.counts.documents_removed, 2);
    assert_eq!(app.found("crimson").await, ["docs/lamp.md"]);
    assert!(app.found("turquoise").await.is_empty());
    assert_eq!(app.found("бирюзовая").await, ["manual/ru/lampa.md"]);
    let now = app.embedder.as_ref().unwrap().embedded().len();
    assert_eq!(now - embedded, 1, "what moved is not embedded again");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_in_no_file_of_the_database() {
    const WORD: &str = "xylocarpdeleted";
    let repo = Repo::new();
    repo.write("a.md", &format!("# {WORD} title\n\nThe secret word is {WORD}.\n"));
    repo.write("b.md", "# B\n\nStays.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    assert!(
        files_hold(app.data.path(), WORD),
        "the test looks where texts are"
    );
    std::fs::remove_file(repo.path("a.md")).unwrap();
    repo.commit();
    sync(&app, &accepted, false).await;
    assert!(app.found(WORD).await.is_empty());
    // A person's own words would be kept with the answer.
    let answer = app.ask("What is the secret word?").await;
    assert!(!serde_json::to_string(&answer).unwrap().contains(WORD));
    app.quiet().await;
    assert!(
        !files_hold(app.data.path(), WORD),
        "the text is gone from the files of the database"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_kept_sealed_and_stays_with_its_site() {
    const TOKEN: &str = "ghp_averysecrettokenindeed";
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let mut body = IngestGit {
        knowledge_base: KB.to_owned(),
        source: Some("private".to_owned()),
        url: "https://git.example.invalid/a.git".to_owned(),
        credential: Some(SourceCredential {
            user: None,
            token: TOKEN.to_owned(),
        }),
        ..IngestGit::default()
    };
    let accepted = app.client.ingest_git(&body).await.unwrap();
    let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
    let source = app.client.source(kb, id).await.unwrap();
    assert!(source.has_credential);
    assert!(!serde_json::to_string(&source).unwrap().contains(TOKEN));
    assert!(
        !files_hold(app.data.path(), TOKEN),
        "no file holds the token as it is"
    );

    body.credential = None;
    body.folder = Some("docs".to_owned());
    app.client.ingest_git(&body).await.unwrap();
    assert!(
        app.client.source(kb, id).await.unwrap().has_credential,
        "other settings, the same site"
    );
    body.url = "https://elsewhere.example.invalid/a.git".to_owned();
    app.client.ingest_git(&body).await.unwrap();
    assert!(
        !app.client.source(kb, id).await.unwrap().has_credential,
        "another site does not get the token"
    );
    for task in app.client.tasks(None).await.unwrap().items {
        let _ = app.client.cancel_task(task.id).await;
    }
    app.stop_now().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_private_networks_and_nonsense_are_refused_at_once() {
    let app = TestApp::start().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    for url in [
        "https://127.0.0.1/a.git",
        "https://169.254.169.254/latest",
        "https://[::1]/a.git",
        "http://example.org/a.git",
        "file:///etc",
        "ssh://git@github.com/a/b.git",
        "git@github.com:a/b.git",
        "--upload-pack=touch /tmp/x",
        "https://me:word@example.org/a.git",
        "nonsense",
    ] {
        let body = IngestGit {
            knowledge_base: KB.to_owned(),
            url: url.to_owned(),
            ..IngestGit::default()
        };
        let error = app.client.ingest_git(&body).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::ValidationFailed), "{url}: {error}");
    }
    let web = IngestWeb {
        knowledge_base: KB.to_owned(),
        url: "https://10.0.0.1/".to_owned(),
        ..IngestWeb::default()
    };
    let error = app.client.ingest_web(&web).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ValidationFailed));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_deleted_with_all_that_came_from_it() {
    let repo = Repo::new();
    repo.write("a.md", "# A\n\nA heliotrope word.\n");
    repo.commit();
    let app = app().await;
    app.ingest(&[("own.md", b"# Own\n\nAn upload.\n")]).await;
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
    assert_eq!(app.found("heliotrope").await, ["a.md"]);
    app.client.delete_source(kb, id).await.unwrap();
    assert!(app.found("heliotrope").await.is_empty());
    assert_eq!(
        app.found("upload").await,
        ["own.md"],
        "other sources are left alone"
    );
    let error = app.client.source(kb, id).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    app.quiet().await;
    let mirror = app.data.path().join("sources").join(id.to_string());
    assert!(!mirror.exists(), "its folder is swept");

    let again = app.client.ingest_git(&git(&repo)).await.unwrap();
    assert_ne!(again.source_id, id, "the same name is a new source");
    done(&app, &again).await;
    assert_eq!(app.found("heliotrope").await, ["a.md"]);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_could_not_be_read_are_read_again_alone() {
    // A reader that breaks down on everything.
    let app = TestApp::with(Setup {
        reader: Some("/bin/false".into()),
        ..Setup::default()
    })
    .await;
    let task = app
        .ingest(&[
            ("good.md", b"# Good\n\nReadable.\n"),
            ("bad.pdf", b"%PDF-1.4\nnothing"),
        ])
        .await;
    assert_eq!(task.counts.files_with_problems, 1);
    let again = app.client.retry_task(task.id).await.unwrap();
    let again = app.settled(again.id).await;
    assert_eq!(again.state, TaskState::Succeeded, "{:?}", again.error);
    assert_eq!(
        again.counts.files_with_problems, 1,
        "it is as unreadable as before"
    );
    assert_eq!(
        again.counts.documents_unchanged, 0,
        "what was read is not looked at"
    );
    assert_eq!(app.found("readable").await, ["good.md"], "and is not removed");

    let whole = app.ingest(&[("good.md", b"# Good\n\nReadable.\n")]).await;
    let error = app.client.retry_task(whole.id).await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(ErrorCode::TaskState),
        "there is nothing to retry"
    );
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_task_tells_its_place_and_what_it_waits_for() {
    let app = TestApp::with(Setup {
        settings: vec![("NEXUS_SOURCES_LOCAL_REPOSITORIES", "true".to_owned())],
        ..Setup::default()
    })
    .await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let missing = IngestGit {
        knowledge_base: KB.to_owned(),
        url: "https://nowhere.example.invalid/a.git".to_owned(),
        ..IngestGit::default()
    };
    let accepted = app.client.ingest_git(&missing).await.unwrap();
    let waits = async {
        loop {
            let task = app.client.task(accepted.task_id).await.unwrap();
            if task.state == TaskState::Queued && task.attempts == 0 && task.started_at.is_some() {
                return task;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let task = tokio::time::timeout(std::time::Duration::from_secs(90), waits)
        .await
        .unwrap();
    let waits_for = task.progress.waits_for.unwrap();
    assert!(waits_for.contains("tried again at"), "{waits_for}");
    assert_eq!(task.progress.queued_before, Some(0));
    let cancelled = app.client.cancel_task(accepted.task_id).await.unwrap();
    assert_eq!(cancelled.state, TaskState::Cancelled);
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn citations_of_a_repository_know_their_lines_and_its_wrong_branch_is_told() {
    let repo = Repo::new();
    repo.write("guide.md", "# Guide\n\nThe saffron lamp stands left.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let hit = app.search("saffron", RetrievalMode::Lexical).await.remove(0);
    assert_eq!(hit.document_format, DocumentFormat::Markdown);
    assert_eq!(
        hit.source_link, None,
        "a folder of this machine is no address for people"
    );

    let wrong = IngestGit {
        branch: Some("no-such-branch".to_owned()),
        ..git(&repo)
    };
    let accepted = app.client.ingest_git(&wrong).await.unwrap();
    let task = app.settled(accepted.task_id).await;
    assert_eq!(task.state, TaskState::Failed);
    let error = task.error.unwrap();
    assert!(error.message.contains("no-such-branch"), "{error:?}");
    assert_eq!(app.found("saffron").await, ["guide.md"], "what was there stays");
    app.end().await;
}
