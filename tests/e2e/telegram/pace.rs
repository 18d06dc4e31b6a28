//! How soon people are answered, and what that takes. Timed, so not part of the tests: `make bench-bot` runs it.

use std::time::{Duration, Instant};

use nexus_models::chat_stand_in::{ChatStandIn, Play};
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
/// People who ask at the same time.
const ASKERS: usize = 10;
/// From the model's first word to the first text that a person sees: a second, and what lies between two edits.
const MOST_TO_FIRST_TEXT: Duration = Duration::from_millis(1_000 + 1_200);
/// What the model says, word by word.
const WORDS_OF_MODEL: usize = 60;
const BETWEEN_WORDS: Duration = Duration::from_millis(100);
/// How all that it says begins.
const FIRST_WORD: &str = "Indeed";
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

/// Asks, and tells when the first of the model's words was seen, and the question by which the model knows it.
async fn first_text_seen(user: User, chat: Chat) -> (String, Instant) {
    // Told apart by the name, which stands in no document.
    let asker = format!("asker-{}", user.id());
    let question = format!("Which colour has lamp number 3? It is {asker} who asks.");
    let asked = user.writes(&chat, &question);
    let begins = |text: &str| text.contains(FIRST_WORD);
    let seen = chat
        .wait_for(|message| message.id > asked && begins(&message.text), LONG)
        .await
        .expect("a text comes");
    let at = Instant::now();
    assert!(seen.text.ends_with('…'), "it is a preview: {}", seen.text);
    (asker, at)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; run by `make bench-bot`"]
async fn the_text_is_seen_soon_after_the_models_first_word() {
    let telegram = Telegram::start(Options {
        tls: true,
        ..Options::default()
    })
    .unwrap();
    let handle = telegram.add_bot(TOKEN, "lamps_bot");
    let words = (1..WORDS_OF_MODEL).map(|n| format!(" word-{n}"));
    let model = ChatStandIn::start([Play::Drips {
        deltas: std::iter::once(FIRST_WORD.to_owned()).chain(words).collect(),
        every: BETWEEN_WORDS,
    }])
    .await;
    let installation = Installation::new(&telegram).await.unwrap();
    let url = model.url();
    let settings = [
        ("NEXUS_CHAT_URL", url.as_str()),
        ("NEXUS_CHAT_MODEL", "writer"),
        ("NEXUS_CHAT_KEY", "a-key-for-tests-only"),
    ];
    let nexus = installation.start_with(&settings).await.unwrap();
    let bot = installation.bot(&telegram, &nexus, &[]).unwrap();
    let mut asking = Vec::new();
    for n in 0..ASKERS {
        let id = 70_000 + i64::try_from(n).unwrap_or_default();
        let user = telegram.user(id, "Anna", "en");
        let chat = handle.chat_with(&user);
        asking.push(tokio::spawn(first_text_seen(user, chat)));
    }
    let mut times = Vec::new();
    for one in asking {
        let (asker, seen) = one.await.unwrap();
        let asked = model.asked();
        let mut of_asker = asked
            .iter()
            .filter(|asked| asked.body.to_string().contains(&asker));
        let spoke = of_asker.find_map(|asked| asked.first_word);
        let spoke = spoke.expect("the model was asked, and has spoken");
        times.push(seen.saturating_duration_since(spoke));
    }
    times.sort_unstable();
    let (median, longest) = (times[ASKERS / 2], times[ASKERS - 1]);
    eprintln!(
        "first text after the model's first word, {ASKERS} people at once: p50 {median:?}, at most {longest:?}; \
         Telegram's limits were hit {} times",
        telegram.counters().limited
    );
    assert!(longest <= MOST_TO_FIRST_TEXT, "{times:?}");
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
    let answered = telegram.counters().sent;
    eprintln!(
        "{UPDATES} updates in {took:?}: acknowledged after p50 {:?}, p99 {:?}, at most {:?}; {answered} messages sent by then; the \
         bot takes {memory} MB",
        at(50),
        at(99),
        at(100)
    );
    assert!(at(99) < MOST_ACKNOWLEDGED, "{:?}", at(99));
    assert!(memory < MOST_MEMORY_MB, "{memory} MB");
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}
