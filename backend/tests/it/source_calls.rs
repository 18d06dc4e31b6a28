//! What starts syncs by itself: schedules and webhooks.

use hmac::{Hmac, KeyInit as _, Mac as _};
use nexus_api::{ErrorCode, SourceSchedule, SyncAccepted, UpdateSource};
use nexus_domain::Clock as _;
use sha2::Sha256;
use uuid::Uuid;

use crate::repository::{Repo, app, done, git};
use crate::test_app::KB;

#[tokio::test(flavor = "multi_thread")]
async fn schedules_start_syncs_when_their_time_has_come() {
    let repo = Repo::new();
    repo.write("a.md", "# A\n\nFirst text.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
    let schedule = |cron: &str| UpdateSource {
        schedule: Some(Some(SourceSchedule {
            cron: cron.to_owned(),
            time_zone: Some("Europe/Moscow".to_owned()),
        })),
        ..UpdateSource::default()
    };
    let error = app
        .client
        .update_source(kb, id, &schedule("* * * * *"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ValidationFailed), "too often");
    let source = app
        .client
        .update_source(kb, id, &schedule("0 4 * * *"))
        .await
        .unwrap();
    let due = source.next_sync_at.unwrap();
    assert_eq!(due.to_rfc3339()[11..16], *"01:00", "four o'clock in Moscow");

    repo.write("a.md", "# A\n\nSecond text.\n");
    repo.commit();
    app.clock.advance(std::time::Duration::from_secs(24 * 3_600));
    let synced = async {
        loop {
            if app.found("second").await == ["a.md"] {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), synced)
        .await
        .unwrap();
    let source = app.client.source(kb, id).await.unwrap();
    assert!(source.next_sync_at.unwrap() > app.clock.now().to_datetime());
    let none = UpdateSource {
        schedule: Some(None),
        ..UpdateSource::default()
    };
    let source = app.client.update_source(kb, id, &none).await.unwrap();
    assert_eq!((source.schedule, source.next_sync_at), (None, None));
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_starts_a_sync_and_an_unsigned_one_finds_nothing() {
    let repo = Repo::new();
    repo.write("a.md", "# A\n\nFirst text.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
    let hook = app.client.issue_source_webhook(kb, id).await.unwrap();
    repo.write("a.md", "# A\n\nSecond text.\n");
    repo.commit();

    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let body = br#"{"ref":"refs/heads/main"}"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()).unwrap();
    mac.update(body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let post = |source: Uuid, header: &'static str, value: String| {
        let url = format!("{}/api/v1/webhooks/sources/{source}", app.client.base());
        let request = http.post(url).header(header, value).body(body.to_vec());
        async move { request.send().await.unwrap() }
    };
    for (source, header, value) in [
        (id, "x-hub-signature-256", format!("sha256={}", "0".repeat(64))),
        (id, "x-gitlab-token", "guess".to_owned()),
        (id, "x-something", String::new()),
        (Uuid::from_u128(7), "x-hub-signature-256", signature.clone()),
    ] {
        assert_eq!(post(source, header, value).await.status(), 404);
    }
    let answer = post(id, "x-hub-signature-256", signature).await;
    assert_eq!(answer.status(), 202);
    let started: SyncAccepted = answer.json().await.unwrap();
    done(&app, &started).await;
    assert_eq!(app.found("second").await, ["a.md"]);
    let answer = post(id, "x-gitlab-token", hook.secret.clone()).await;
    assert_eq!(answer.status(), 202, "GitLab sends the secret itself");
    app.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_may_say_some_megabytes_and_not_more() {
    let repo = Repo::new();
    repo.write("a.md", "# A\n\nText.\n");
    repo.commit();
    let app = app().await;
    app.client.find_or_create_knowledge_base(KB).await.unwrap();
    let accepted = app.client.ingest_git(&git(&repo)).await.unwrap();
    done(&app, &accepted).await;
    let (kb, id) = (accepted.knowledge_base_id, accepted.source_id);
    let hook = app.client.issue_source_webhook(kb, id).await.unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .build()
        .unwrap();
    let post = async |source: Uuid, bytes: usize| {
        let body = vec![b' '; bytes];
        let mut mac = Hmac::<Sha256>::new_from_slice(hook.secret.as_bytes()).unwrap();
        mac.update(&body);
        let signature = hex::encode(mac.finalize().into_bytes());
        let url = format!("{}/api/v1/webhooks/sources/{source}", app.client.base());
        let request = http.post(url).header("x-gitea-signature", signature);
        request
            .body(body)
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    assert_eq!(post(id, 4 << 20).await.unwrap(), 202);
    // Whoever goes on sending may find the connection closed before it has read the answer.
    assert!(matches!(post(id, 6 << 20).await, Ok(413) | Err(_)));
    assert!(matches!(
        post(Uuid::from_u128(7), 4 << 20).await,
        Ok(404) | Err(_)
    ));
    app.end().await;
}
