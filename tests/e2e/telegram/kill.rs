//! People write to a bot while everything around it fails: the bot and the backend are killed at moments that nobody chose,
//! and a part of Telegram's calls fails or loses its reply. Nothing may be lost, nothing answered twice, and each chat keeps
//! its order.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use telegram_simulator::{Author, BotHandle, Chat, Limits, Options, Seen, Telegram, Trouble, User};

use super::installation::{Installation, LAMPS, TOKEN};

/// How much is written, and how much goes wrong.
struct Scale {
    chats: usize,
    /// Messages of each person.
    rounds: usize,
    kills: usize,
    within: Duration,
}

const IN_CI: Scale = Scale {
    chats: 200,
    rounds: 10,
    kills: 12,
    within: Duration::from_secs(420),
};
/// `make soak`.
const SOAK: Scale = Scale {
    chats: 500,
    rounds: 20,
    kills: 1_000,
    within: Duration::from_secs(3_600),
};
const TROUBLED: f64 = 0.2;
/// Messages that a bot's process sends at the same time, at most.
const IN_HAND: usize = 50;
/// Telegram's own limits would make this test last for minutes.
const QUICK: &[(&str, &str)] = &[
    ("NEXUS_BOT_CHAT_PER_SECOND", "30"),
    ("NEXUS_BOT_PER_SECOND", "1000"),
];
/// What is said while the backend is away.
const BACKEND_AWAY: &str = "The server is away";
/// What stands in a chat until there is something to say.
const PLACEHOLDERS: [&str; 3] = ["🔎", "…", "⏳"];

/// What a person writes, and by what its answer is known.
fn line(round: usize) -> (String, String) {
    match round % 5 {
        1 => (
            "/help".to_owned(),
            "Below an answer you find its sources".to_owned(),
        ),
        3 => ("/new".to_owned(), "this is a new conversation".to_owned()),
        _ => {
            let lamp = round % LAMPS;
            (
                format!("Which colour has lamp number {lamp}?"),
                format!("colour-{lamp}"),
            )
        }
    }
}

/// Texts of the bot in a chat, as they stand there; without those that it says on its own account.
fn said(chat: &Chat) -> Vec<Seen> {
    let mut messages = chat.messages();
    messages.retain(|message| {
        matches!(message.author, Author::Bot(_)) && !message.text.starts_with(BACKEND_AWAY)
    });
    messages
}

fn is_placeholder(message: &Seen) -> bool {
    PLACEHOLDERS.iter().any(|sign| message.text.starts_with(sign))
}

struct Person {
    user: User,
    chat: Chat,
}

fn people(telegram: &Telegram, bot: &BotHandle, count: usize) -> Vec<Person> {
    (0..count)
        .map(|n| {
            let id = 10_000 + i64::try_from(n).unwrap_or_default();
            let user = telegram.user(id, "Anna", "en");
            let chat = bot.chat_with(&user);
            Person { user, chat }
        })
        .collect()
}

/// How many answers stand in all chats.
fn answered(people: &[Person]) -> usize {
    people
        .iter()
        .map(|person| {
            let messages = said(&person.chat);
            messages.iter().filter(|message| !is_placeholder(message)).count()
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_answered_twice_whoever_dies() {
    let is_soak = std::env::var_os("NEXUS_SOAK").is_some();
    let scale = if is_soak { SOAK } else { IN_CI };
    let seed = std::env::var("NEXUS_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(20_261_121);
    eprintln!("NEXUS_SEED={seed}");
    let telegram = Telegram::start(Options {
        tls: true,
        limits: Limits::none(),
        trouble: Trouble::at_rate(seed, TROUBLED),
        ..Options::default()
    })
    .unwrap();
    let handle = telegram.add_bot(TOKEN, "lamps_bot");
    let installation = Installation::new(&telegram).await.unwrap();
    let people = people(&telegram, &handle, scale.chats);
    let mut rng = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    let mut nexus = installation.start().await.unwrap();
    let mut bot = installation.bot(&telegram, &nexus, QUICK).unwrap();
    let expected = scale.chats * scale.rounds;
    let mut kills = 0;
    let mut written = 0;
    loop {
        // People write all the while, as far ahead as a part of all that they will write, and until the last kill.
        let ahead = expected / 4 + answered(&people);
        let until = expected * (kills + 1) / scale.kills;
        while written < expected.min(ahead).min(until) {
            let person = &people[written % scale.chats];
            let (text, _) = line(written / scale.chats);
            person.user.writes(&person.chat, &text);
            written += 1;
        }
        let done = answered(&people);
        if written == expected && done >= expected {
            break;
        }
        assert!(
            began.elapsed() < scale.within,
            "{done} of {expected} answers after {:?} and {kills} kills",
            began.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..2_500))).await;
        if kills < scale.kills {
            kills += 1;
            if rng.random_bool(0.5) {
                bot.kill().await.unwrap();
                bot = installation.bot(&telegram, &nexus, QUICK).unwrap();
            } else {
                nexus.kill().await.unwrap();
                nexus = installation.start().await.unwrap();
            }
        }
    }
    // What could still come twice has time to come.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let took = began.elapsed();

    let journal = telegram.journal();
    let lost_in = |chat: i64| {
        let lost = journal
            .iter()
            .filter(|entry| entry.method == "sendMessage" && entry.is_done() && entry.trouble.is_some());
        lost.filter(|entry| entry.chat == Some(chat)).count()
    };
    let (mut orphans, mut lost) = (0, 0);
    for person in &people {
        let (placeholders, answers): (Vec<_>, Vec<_>) =
            said(&person.chat).into_iter().partition(is_placeholder);
        let lost_here = lost_in(person.chat.id());
        // A kill interrupts many chats at once, and each of them in one message.
        assert!(
            placeholders.len() <= lost_here + kills,
            "{} placeholders in one chat, {lost_here} lost replies",
            placeholders.len()
        );
        orphans += placeholders.len();
        lost += lost_here;
        let texts: Vec<_> = answers.iter().map(|answer| answer.text.as_str()).collect();
        assert_eq!(answers.len(), scale.rounds, "{texts:#?}");
        for (round, answer) in answers.iter().enumerate() {
            let (asked, known_by) = line(round);
            assert!(
                answer.text.contains(&known_by),
                "{asked:?} got {:?}; all: {texts:#?}",
                answer.text
            );
        }
    }
    eprintln!(
        "{expected} updates in {} chats, {kills} kills, {} calls of which {} failed: {took:?}; {orphans} orphan \
         placeholders, {lost} lost replies",
        scale.chats,
        telegram.counters().calls,
        telegram.counters().troubled,
    );
    assert!(
        orphans <= lost + kills * IN_HAND,
        "{orphans} orphan placeholders for {kills} kills and {lost} lost replies"
    );
    assert_eq!(
        telegram.counters().updates_made,
        telegram.counters().updates_confirmed
    );
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}
