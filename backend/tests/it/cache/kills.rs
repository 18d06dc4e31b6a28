//! Real processes that are killed wherever it hurts, while people ask and documents change. The memory of a process dies with
//! it; the Redis remembers all of them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nexus_api::{Cached, QueryRequest, RetrievalMode, TaskState};
use nexus_client::{Client, ClientConfig, Upload, UploadTarget};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::redis_stand_in::RedisStandIn;
use super::{pump, question_about};
use crate::test_app::{KB, archive};

const DOCUMENTS: usize = 60;
const KEY: &str = "a-key-for-killed-processes";
/// Where a process ends itself, or the milliseconds after which it is killed.
const ENDS: [Result<&str, u64>; 11] = [
    Ok("ingest.points_durable:1"),
    Ok("ingest.before_switch_commit:1"),
    Ok("ingest.switched:1"),
    Ok("cache.unconfirmed:7"),
    Ok("sweep.points_gone:1"),
    Ok("sweep.cache_forgotten:1"),
    Ok("sweep.rows_gone:1"),
    Err(40),
    Err(150),
    Err(400),
    Err(900),
];

struct Process {
    child: Child,
    client: Client,
}

impl Process {
    async fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NEXUS_")) {
            command.env_remove(name);
        }
        let mut child = command
            .arg("serve")
            .current_dir(data)
            .env("NEXUS_DATA_DIR", data)
            .env("NEXUS_LISTEN", "127.0.0.1:0")
            .env("NEXUS_ADMIN_KEY", KEY)
            .env("NEXUS_MODELS_ENABLED", "false")
            .env("NEXUS_ANSWERS_CALIBRATION_SECONDS", "0")
            .env("NEXUS_LIMITS_PROGRAM_QUESTIONS", "0")
            .env("NEXUS_LIMITS_PROGRAM_REQUESTS", "0")
            .env("NEXUS_HTTP_REQUESTS_PER_SECOND", "1000000")
            .env("NEXUS_HTTP_BURST", "1000000")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("it serves before it ends");
            if line.contains("\"message\":\"serving\"") {
                let address = line
                    .split("\"address\":\"")
                    .nth(1)
                    .and_then(|rest| rest.split('"').next());
                break format!("http://{}", address.unwrap());
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = Client::new(ClientConfig::new(address.parse().unwrap(), KEY.to_owned().into())).unwrap();
        Self { child, client }
    }

    async fn kill(mut self) {
        // It may have ended by itself.
        self.child.kill().await.ok();
    }

    async fn quiet(&self) {
        loop {
            let tasks = self.client.tasks(None).await.unwrap().items;
            if tasks.iter().all(|task| task.state.is_settled()) {
                let failed = tasks.iter().find(|task| task.state == TaskState::Failed);
                assert!(failed.is_none(), "{failed:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn ask(client: &Client, n: usize) -> Result<nexus_api::Answer, nexus_client::ClientError> {
    let request = QueryRequest {
        question: question_about(n),
        knowledge_bases: vec![KB.to_owned()],
        mode: RetrievalMode::Hybrid,
        history: Vec::new(),
    };
    client.ask_question(&request).await
}

/// Every fifth document is another one in each state.
fn turns(n: usize, state: usize) -> usize {
    let changed = if n % 5 == state % 5 { state * 1_000 } else { 0 };
    10_007 + n + changed
}

async fn upload(client: &Client, state: usize) -> bool {
    let documents: Vec<_> = (0..DOCUMENTS).map(|n| pump(n, turns(n, state))).collect();
    let files: Vec<(&str, &[u8])> = documents
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_bytes()))
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("upload");
    std::fs::write(&path, archive(&files)).unwrap();
    let Ok(kb) = client.find_or_create_knowledge_base(KB).await else {
        return false;
    };
    let upload = Upload {
        target: UploadTarget::Archive,
        path,
        file_name: "docs.tar.gz".to_owned(),
        source: None,
        knowledge_base: kb.id.to_string(),
    };
    client.upload(&upload, |_| {}).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_killed_process_leaves_a_stale_answer_behind() {
    let redis = RedisStandIn::start().await;
    let data = tempfile::tempdir().unwrap();
    let url = redis.url();
    let shared = [
        ("NEXUS_CACHE_REDIS_URL", url.as_str()),
        ("NEXUS_CACHE_REDIS_MILLISECONDS", "2000"),
    ];
    let first = Process::start(data.path(), &shared).await;
    assert!(upload(&first.client, 0).await);
    first.quiet().await;
    for n in 0..DOCUMENTS {
        ask(&first.client, n).await.unwrap();
    }
    first.kill().await;
    let (mut asked, mut from_cache, mut died) = (0, 0, 0);
    for (at, end) in ENDS.iter().enumerate() {
        let state = at + 1;
        let mut settings = shared.to_vec();
        if let Ok(point) = end {
            settings.push(("NEXUS_TEST_CRASH_AT", *point));
        }
        let mut process = Process::start(data.path(), &settings).await;
        let client = process.client.clone();
        let asking = tokio::spawn(async move {
            let mut n = 0;
            while ask(&client, n % DOCUMENTS).await.is_ok() {
                n += 7;
            }
        });
        let taken = upload(&process.client, state).await;
        let within = match end {
            Ok(_) => Duration::from_secs(20),
            Err(millis) => Duration::from_millis(*millis),
        };
        died += usize::from(tokio::time::timeout(within, process.child.wait()).await.is_ok());
        process.kill().await;
        asking.abort();

        let after = Process::start(data.path(), &shared).await;
        if !taken {
            assert!(upload(&after.client, state).await);
        }
        after.quiet().await;
        for _ in 0..2 {
            for n in 0..DOCUMENTS {
                let answer = ask(&after.client, n).await.unwrap();
                let fact = format!("turns {} times", turns(n, state));
                assert!(
                    answer.text.contains(&fact),
                    "{end:?}: not {fact}: {}",
                    answer.text
                );
                asked += 1;
                from_cache += usize::from(answer.generation.cached == Cached::Answer);
            }
        }
        after.kill().await;
    }
    // A twin without a cache says the same.
    let last = Process::start(data.path(), &shared).await;
    last.quiet().await;
    let mut said = Vec::new();
    for n in 0..DOCUMENTS {
        let answer = ask(&last.client, n).await.unwrap();
        assert_eq!(
            answer.generation.cached,
            Cached::Answer,
            "of the process before: {n}"
        );
        said.push((answer.text, answer.citations, answer.found));
    }
    last.kill().await;
    let twin = Process::start(data.path(), &[("NEXUS_CACHE_HOURS", "0")]).await;
    twin.quiet().await;
    let mut stale = 0;
    for (n, said) in said.into_iter().enumerate() {
        let answer = ask(&twin.client, n).await.unwrap();
        assert_eq!(answer.generation.cached, Cached::None);
        stale += usize::from((answer.text, answer.citations, answer.found) != said);
    }
    twin.kill().await;
    println!(
        "{} ends of processes ({died} at a named place): {asked} answers after them, {from_cache} out of the cache, 0 of another \
         state; beside a twin without a cache {stale} of {DOCUMENTS} stale",
        ENDS.len()
    );
    assert_eq!(stale, 0);
    assert!(
        from_cache >= asked / 2 && died >= 5,
        "{from_cache} of {asked}, {died}"
    );
}
