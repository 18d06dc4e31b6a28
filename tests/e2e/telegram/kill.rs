//! People write to a bot while everything around it fails: the bot and the backend are killed at moments that nobody chose,
//! and a part of Telegram's calls fails or loses its reply. Nothing may be lost, nothing answered twice, and each chat keeps
//! its order. Whoever is in the middle of a dialogue goes on in it (`choosers`).

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use telegram_simulator::{Author, BotHandle, Chat, Entry, Limits, Options, Seen, Telegram, Trouble, User};

use super::choosers::{Chooser, choosers};
use super::installation::{Installation, LAMPS, TOKEN};

/// How much is written, and how much goes wrong.
struct Scale {
    chats: usize,
    /// Messages of each person.
    rounds: usize,
    /// People who are in the middle of a dialogue, besides.
    choosers: usize,
    kills: usize,
    within: Duration,
}

const IN_CI: Scale = Scale {
    chats: 200,
    rounds: 10,
    choosers: 20,
    kills: 12,
    within: Duration::from_secs(420),
};
/// `make soak`.
const SOAK: Scale = Scale {
    chats: 500,
    rounds: 20,
    choosers: 50,
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

/// How often each of the two was killed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kills {
    pub(super) bot: usize,
    pub(super) backend: usize,
}

impl Kills {
    pub(super) const fn all(self) -> usize {
        self.bot + self.backend
    }

    /// Whether the bot dies next: by chance, but neither of the two is spared for long.
    fn is_bots_turn(self, rng: &mut StdRng) -> bool {
        let by_chance = rng.random_bool(0.5);
        match self.bot.abs_diff(self.backend) {
            0..3 => by_chance,
            _ => self.bot < self.backend,
        }
    }
}

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
pub(super) fn said(chat: &Chat) -> Vec<Seen> {
    let mut messages = chat.messages();
    messages.retain(|message| {
        matches!(message.author, Author::Bot(_)) && !message.text.starts_with(BACKEND_AWAY)
    });
    messages
}

pub(super) fn is_placeholder(message: &Seen) -> bool {
    PLACEHOLDERS.iter().any(|sign| message.text.starts_with(sign))
}

/// Messages that were sent although the bot never heard of it.
pub(super) fn lost_replies(journal: &[Entry], chat: &Chat) -> usize {
    let lost = journal
        .iter()
        .filter(|entry| entry.method == "sendMessage" && entry.is_done() && entry.trouble.is_some());
    lost.filter(|entry| entry.chat == Some(chat.id())).count()
}

pub(super) struct Person {
    pub(super) user: User,
    pub(super) chat: Chat,
}

impl Person {
    pub(super) fn new(telegram: &Telegram, bot: &BotHandle, id: i64) -> Self {
        let user = telegram.user(id, "Anna", "en");
        let chat = bot.chat_with(&user);
        Self { user, chat }
    }
}

fn people(telegram: &Telegram, bot: &BotHandle, count: usize) -> Vec<Person> {
    let id = |n| 10_000 + i64::try_from(n).unwrap_or_default();
    (0..count).map(|n| Person::new(telegram, bot, id(n))).collect()
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
    let mut choosers = choosers(&telegram, &handle, scale.choosers);
    let mut rng = StdRng::seed_from_u64(seed);
    let began = Instant::now();
    let mut nexus = installation.start().await.unwrap();
    let mut bot = installation.bot(&telegram, &nexus, QUICK).unwrap();
    let expected = scale.chats * scale.rounds;
    let mut kills = Kills::default();
    let mut written = 0;
    loop {
        for chooser in &mut choosers {
            chooser.goes_on(kills, kills.all() >= scale.kills);
        }
        // People write all the while, as far ahead as a part of all that they will write, and until the last kill.
        let ahead = expected / 4 + answered(&people);
        let until = expected * (kills.all() + 1) / scale.kills;
        while written < expected.min(ahead).min(until) {
            let person = &people[written % scale.chats];
            let (text, _) = line(written / scale.chats);
            person.user.writes(&person.chat, &text);
            written += 1;
        }
        let done = answered(&people);
        if written == expected && done >= expected && choosers.iter().all(Chooser::is_done) {
            break;
        }
        assert!(
            began.elapsed() < scale.within,
            "{done} of {expected} answers, {} of {} dialogues after {:?} and {kills:?}",
            choosers.iter().filter(|chooser| chooser.is_done()).count(),
            choosers.len(),
            began.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(rng.random_range(200..2_500))).await;
        // Nothing dies before most of the dialogues have begun.
        let begun = choosers.iter().filter(|chooser| chooser.has_begun()).count();
        if kills.all() < scale.kills && begun * 4 >= choosers.len() * 3 {
            if kills.is_bots_turn(&mut rng) {
                kills.bot += 1;
                bot.kill().await.unwrap();
                bot = installation.bot(&telegram, &nexus, QUICK).unwrap();
            } else {
                kills.backend += 1;
                nexus.kill().await.unwrap();
                nexus = installation.start().await.unwrap();
            }
        }
    }
    // What could still come twice has time to come.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let took = began.elapsed();

    let journal = telegram.journal();
    let (mut orphans, mut lost) = (0, 0);
    for person in &people {
        let (placeholders, answers): (Vec<_>, Vec<_>) =
            said(&person.chat).into_iter().partition(is_placeholder);
        let lost_here = lost_replies(&journal, &person.chat);
        // A kill interrupts many chats at once, and each of them in one message.
        assert!(
            placeholders.len() <= lost_here + kills.all(),
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
    for chooser in &choosers {
        orphans += chooser.check(&journal, kills);
        lost += chooser.lost_replies(&journal);
    }
    let after_deaths = choosers
        .iter()
        .filter(|chooser| chooser.pressed_after_deaths())
        .count();
    eprintln!(
        "{expected} updates in {} chats and {} dialogues, {after_deaths} of them across deaths of both; {kills:?}, {} calls \
         of which {} failed: {took:?}; {orphans} orphan placeholders, {lost} lost replies",
        scale.chats,
        choosers.len(),
        telegram.counters().calls,
        telegram.counters().troubled,
    );
    assert!(
        orphans <= lost + kills.all() * IN_HAND,
        "{orphans} orphan placeholders for {kills:?} and {lost} lost replies"
    );
    assert!(
        after_deaths * 4 >= choosers.len() * 3,
        "only {after_deaths} of {} were in a dialogue while both died",
        choosers.len()
    );
    assert_eq!(
        telegram.counters().updates_made,
        telegram.counters().updates_confirmed
    );
    bot.kill().await.unwrap();
    nexus.kill().await.unwrap();
}
