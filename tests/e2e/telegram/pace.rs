//! How soon people are answered, and what that takes. Timed, so not part of the tests: `make bench-bot` runs it.

use std::time::{Duration, Instant};

use serde_json::json;
use telegram_simulator::{Chat, Options, Telegram, User};

use super::installation::{Installation, TOKEN};

const LISTENERS: i64 = 500;
const NOTICES: usize = 10_000;
const QUESTIONS: usize = 10;
const MOST_EXTRA: Duration = Duration::from_millis(1_500);
const MOST_MEMORY_MB: u64 = 60;
const UPDATES: i64 = 5_000;
const MOST_ACKNOWLEDGED: Duration = Duration::from_millis(50);
const SECRET: &str = "a-secret-of-the-webhook";
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
const LONG: Duration = Duration::from_secs(120);

/// From the question to its answer.
async fn answered_after(user: &User, chat: &Chat) -> Duration {
    let asked = Instant::now();
    let question = user.writes(chat, "Which colour has lamp number 3?");
    chat.wait_for(
        |message| message.id > question && message.text.contains("colour-3"),
        LONG,
    )
    .await
    .expect("the answer comes");
    asked.elapsed()
}

async fn median_answer(telegram: &Telegram, bot: &telegram_simulator::BotHandle, first: i64) -> Duration {
    let mut times = Vec::new();
    for n in 0..QUESTIONS {
        let user = telegram.user(first + i64::try_from(n).unwrap_or_default(), "Anna", "en");
        times.push(answered_after(&user, &bot.chat_with(&user)).await);
    }
    times.sort_unstable();
    eprintln!("answers after {times:?}");
    times[QUESTIONS - 1]
}

/// Resident memory of a process, from the kernel.
fn memory_mb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_024
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run by `make bench-bot`"]
async fn an_answer_does_not_wait_for_ten_thousand_notices() {
    let telegram = Telegram::start(Options {
        tls: true,
        ..Options::default()
    })
    .unwrap();
    let handle = telegram.add_bot(TOKEN, "lamps_bot");
    let installation = Installation::new(&telegram).await.unwrap();
    let nexus = installation.start().await.unwrap();
    let bot = installation.bot(&telegram, &nexus, &[]).unwrap();
    for id in 0..LISTENERS {
        let user = telegram.user(20_000 + id, "Olga", "en");
        user.writes(&handle.chat_with(&user), "/help");
    }
    let introduced = u64::try_from(LISTENERS).unwrap_or_default();
    telegram
        .wait_until(|| telegram.counters().edited >= introduced, LONG)
        .await
        .unwrap();
    let quiet = median_answer(&telegram, &handle, 30_000).await;

    let admin = installation.admin(&nexus).unwrap();
    let mut users = Vec::new();
    let mut cursor = String::new();
    while users.len() < usize::try_from(LISTENERS).unwrap_or_default() {
        let page = admin
            .get(&format!("/users?limit=200&cursor={cursor}"))
            .await
            .unwrap();
        let items = page["items"].as_array().unwrap();
        users.extend(items.iter().map(|user| user["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    for _ in 0..NOTICES / users.len() {
        let body = json!({"bot": "lamps", "users": users, "text": "Maintenance tonight"});
        admin.post("/notifications", &body).await.unwrap();
    }
    let busy = median_answer(&telegram, &handle, 40_000).await;
    let memory = bot.pid().map_or(0, memory_mb);
    eprintln!(
        "slowest of {QUESTIONS} answers: {quiet:?} without and {busy:?} with {NOTICES} notices waiting; the bot takes \
         {memory} MB; Telegram's limits were hit {} times",
        telegram.counters().limited
    );
    assert!(busy <= quiet + MOST_EXTRA, "{busy:?} instead of {quiet:?}");
    assert!(memory < MOST_MEMORY_MB, "{memory} MB");
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}

/// Posts an update as Telegram does, until it is taken: how long that took.
async fn posted(http: reqwest::Client, address: String, update: serde_json::Value) -> Duration {
    let began = Instant::now();
    loop {
        let request = http.post(&address).header(SECRET_HEADER, SECRET).json(&update);
        match request.send().await {
            Ok(response) if response.status() == 200 => return began.elapsed(),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run by `make bench-bot`"]
async fn five_hundred_updates_a_second_are_stored_and_acknowledged() {
    let telegram = Telegram::start(Options {
        tls: true,
        ..Options::default()
    })
    .unwrap();
    let handle = telegram.add_bot(TOKEN, "lamps_bot");
    let installation = Installation::new(&telegram).await.unwrap();
    let nexus = installation.start().await.unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        // A proxy with a certificate would stand there.
        ("NEXUS_BOT_WEBHOOK_URL", "https://localhost/hook"),
        ("NEXUS_BOT_WEBHOOK_LISTEN", listen.as_str()),
        ("NEXUS_BOT_WEBHOOK_SECRET", SECRET),
    ];
    let bot = installation.bot(&telegram, &nexus, &settings).unwrap();
    telegram
        .wait_until(|| handle.webhook().is_some(), LONG)
        .await
        .unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .build()
        .unwrap();
    let address = format!("http://{listen}/hook");
    let began = Instant::now();
    let mut sent = Vec::new();
    for n in 0..UPDATES {
        let person = 50_000 + n % LISTENERS;
        let update = json!({"update_id": 1_000 + n, "message": {
            "message_id": 1 + n / LISTENERS, "date": 1_790_000_000, "text": "/new",
            "entities": [{"type": "bot_command", "offset": 0, "length": 4}],
            "chat": {"id": person, "type": "private", "first_name": "Anna"},
            "from": {"id": person, "is_bot": false, "first_name": "Anna", "language_code": "en"}}});
        let due = began + Duration::from_micros(2_000) * u32::try_from(n).unwrap_or_default();
        tokio::time::sleep_until(due.into()).await;
        sent.push(tokio::spawn(posted(http.clone(), address.clone(), update)));
    }
    let mut times = Vec::new();
    for one in sent {
        times.push(one.await.unwrap());
    }
    let took = began.elapsed();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let memory = bot.pid().map_or(0, memory_mb);
    eprintln!(
        "{UPDATES} updates in {took:?}: acknowledged after p50 {:?}, p99 {:?}, at most {:?}; the bot takes {memory} MB",
        at(50),
        at(99),
        at(100)
    );
    assert!(at(99) < MOST_ACKNOWLEDGED, "{:?}", at(99));
    assert!(memory < MOST_MEMORY_MB, "{memory} MB");
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}
