//! Many askers, while documents come, rights go and the server is stopped: who of them is told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nexus_domain::StandingState;
use serde_json::json;

use super::{World, question_of};
use crate::api::text;
use crate::bot_process::said;

/// Things that documents will tell of, and what of each.
const NAMES: [&str; 50] = [
    "Aldora",
    "Brinvel",
    "Castovar",
    "Drelmont",
    "Eskadir",
    "Farnholt",
    "Gravenor",
    "Halistra",
    "Iverness",
    "Jorvalen",
    "Kestrelin",
    "Lomakar",
    "Mirsenda",
    "Norvalis",
    "Ostrakem",
    "Pelindor",
    "Quessera",
    "Rudavion",
    "Selmarit",
    "Tarvenol",
    "Ulmareth",
    "Vostrine",
    "Wexholme",
    "Xandrevi",
    "Yorwenna",
    "Zelmaris",
    "Ambrotan",
    "Belcarra",
    "Corvinet",
    "Dunmarek",
    "Elstroma",
    "Fenwardi",
    "Gostrella",
    "Hexmount",
    "Isoldane",
    "Juniperra",
    "Kalvoriu",
    "Lithgoer",
    "Marzhenko",
    "Nethervo",
    "Orlevanta",
    "Prismoral",
    "Quillanor",
    "Rostavike",
    "Sundrael",
    "Thornquay",
    "Umberlock",
    "Valtressa",
    "Wyndhaven",
    "Zorvenko",
];
/// What a document says of a thing, and how people ask for it in words of their own.
const FACTS: [(&str, &str); 5] = [
    (
        "Power: at full load the {} takes 14{} watts.",
        "how much power does the {} draw at full load",
    ),
    (
        "Order spare filters of the {} under the number F-77{}.",
        "Under which number do I order a new filter for the {}?",
    ),
    (
        "The {} may be operated at {} to 45 degrees.",
        "How many degrees can the {} be operated at?",
    ),
    (
        "Warranty: claims for the {} end after {} months.",
        "After how long does the warranty of the {} end?",
    ),
    (
        "To reset the {}, hold the left button for {} seconds.",
        "Which button do I press to reset the {}?",
    ),
];
/// Things of which documents come, in three parts; of the rest none comes.
const PARTS: [std::ops::Range<usize>; 3] = [0..14, 14..28, 28..40];

fn page(thing: usize) -> (String, String) {
    let name = NAMES[thing];
    let facts = FACTS.iter().map(|(fact, _)| {
        fact.replacen("{}", name, 1)
            .replacen("{}", &(thing + 3).to_string(), 1)
    });
    let facts = facts.collect::<Vec<_>>().join("\n\n");
    (
        format!("{}.md", name.to_lowercase()),
        format!("# Notes\n\n{facts}\n"),
    )
}

fn asked(thing: usize, fact: usize) -> String {
    let name = NAMES[thing];
    // Half of the people write as people do.
    let name = if (thing + fact).is_multiple_of(2) {
        name.to_owned()
    } else {
        name.to_lowercase()
    };
    FACTS[fact].1.replace("{}", &name)
}

/// 250 questions of 125 people are refused. Of 200 of them documents come in three uploads, while the server is stopped and started
/// and people lose their rights or their wish to hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_askers_most_are_told_hardly_any_wrongly_none_twice_and_none_who_lost_access() {
    let mut world = World::start(&[], None).await;
    let mut users = BTreeMap::new();
    let mut asks: BTreeMap<(i64, String), usize> = BTreeMap::new();
    for person in 1_000..1_125 {
        let id = world.bot.api.introduce("docs", person).await;
        let path = format!("/knowledge-bases/{}/members/{id}", world.kb);
        let joined = world.operator.put(&path, &json!({"role": "reader"})).await;
        assert!(joined.0 < 300, "{joined:?}");
        users.insert(person, id);
    }
    for n in 0..250 {
        let person = 1_000 + i64::try_from(n % 125).unwrap();
        let (thing, question) = (n / FACTS.len(), asked(n / FACTS.len(), n % FACTS.len()));
        world.refused(person, &question).await;
        assert!(asks.insert((person, question), thing).is_none());
    }
    assert_eq!(world.counts().await, BTreeMap::from([("open", 250)]));

    // Since which part.
    let mut without: BTreeMap<i64, usize> = BTreeMap::new();
    let mut messages = Vec::new();
    for (number, part) in PARTS.into_iter().enumerate() {
        let pages: Vec<_> = part.map(page).collect();
        let files: Vec<(&str, &[u8])> = pages
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()))
            .collect();
        world.added(&format!("part-{number}.tar.gz"), &files).await;
        if number == 1 {
            // In the midst of the looks, twice.
            for _ in 0..2 {
                world = world.restart(&[]).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        world.looked().await;
        if number < 2 {
            // Messages are made and not sent yet: some of the people lose the knowledge base, are blocked, or want none.
            for person in (1_000 + 20 * i64::try_from(number).unwrap()..).take(9) {
                let user = &users[&person];
                let done = match person % 3 {
                    0 => {
                        let path = format!("/knowledge-bases/{}/members/{user}", world.kb);
                        world.operator.delete(&path).await
                    }
                    1 => {
                        let blocked = json!({"blocked": true});
                        world.operator.patch(&format!("/users/{user}"), &blocked).await
                    }
                    _ => {
                        let (_, bots) = world.operator.get(&format!("/users/{user}/bots")).await;
                        let of = text(&bots["items"][0]["subscription"]["id"]);
                        let path = format!("/subscriptions/{of}/settings");
                        let api = world.operator.header("if-match", "\"1\"");
                        api.patch(&path, &json!({"notices": false})).await
                    }
                };
                assert!(done.0 < 300, "{done:?}");
                without.insert(person, number);
            }
        }
        messages.extend(world.told().await.into_iter().map(|message| (number, message)));
    }
    // Once more, for whatever was left over.
    world = world.restart(&[]).await;
    world.looked().await;
    messages.extend(world.told().await.into_iter().map(|message| (2, message)));

    let (mut right, mut wrong, mut lost) = (BTreeSet::new(), 0_u32, 0_usize);
    let mut seen = BTreeSet::new();
    for (number, message) in &messages {
        assert_eq!(said(message), "answer", "{message}");
        let asker = (
            message["telegram_chat_id"].as_i64().unwrap(),
            question_of(message),
        );
        lost += usize::from(without.get(&asker.0).is_some_and(|since| since <= number));
        assert!(seen.insert(asker.clone()), "twice: {asker:?}");
        let thing = asks[&asker];
        let (path, _) = page(thing);
        let citations = message["content"]["answer"]["citations"].as_array().unwrap();
        if citations
            .iter()
            .any(|cited| cited["passage"]["document_path"] == path)
        {
            // Whoever lost it later was told before.
            if !without.contains_key(&asker.0) {
                right.insert(asker);
            }
        } else {
            wrong += 1;
        }
    }
    let entitled = asks
        .iter()
        .filter(|((person, _), thing)| **thing < PARTS[2].end && !without.contains_key(person))
        .count();
    eprintln!(
        "{} questions, {} with documents whose askers may be told: {} told rightly ({:.1} %), {wrong} wrongly ({:.1} %), \
         {lost} who lost access or opted out, {:?}",
        asks.len(),
        entitled,
        right.len(),
        right.len() as f64 * 100.0 / entitled as f64,
        f64::from(wrong) * 100.0 / messages.len() as f64,
        world.counts().await,
    );
    assert!(entitled >= 160 && right.len() * 10 >= entitled * 8);
    assert!(f64::from(wrong) <= 0.02 * messages.len() as f64);
    assert_eq!(lost, 0);
    let told = world.db.standing_questions().counts().await.unwrap();
    let told = told.iter().find(|(state, _)| *state == StandingState::Told);
    assert_eq!(
        told.map(|(_, count)| *count),
        Some(messages.len() as u64),
        "none is lost"
    );
    world.end().await;
}
