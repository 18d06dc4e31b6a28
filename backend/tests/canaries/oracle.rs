//! Judges an answer by the model alone: whose words are in it, and whether the caller was to get it at all.

use crate::calls::Call;
use crate::client::Answer;
use crate::outbox;
use crate::words;
use crate::world::{Need, Owner, Role, Who, World};

/// The model before and after the changes that ran while the request did: each answer may fit either.
#[derive(Clone, Copy)]
pub struct Oracle<'a> {
    pub before: &'a World,
    pub after: &'a World,
}

/// What an answer showed that it may show.
#[derive(Debug, Default)]
pub struct Shown {
    /// Words of what the caller may see.
    pub words: usize,
    /// The word that was sought is there.
    pub found: bool,
    /// Words of others that the caller had sent itself and an error repeats.
    pub echoes: Vec<String>,
}

impl Oracle<'_> {
    /// What is wrong, one sentence each.
    pub fn judge(&self, call: &Call, answer: &Answer) -> Result<Shown, String> {
        if answer.status >= 500 {
            return Err("the server failed".to_owned());
        }
        let shown = self.words(call, answer)?;
        if answer.is_granted() && !self.either(call, call.need) {
            return Err(format!(
                "it is granted, and the caller lacks what it needs: {:?}",
                call.need
            ));
        }
        if call.is_plain() && self.both(call, call.need) && !shown.found {
            return Err(format!(
                "the caller may read {:?}, and it is not there",
                call.finds
            ));
        }
        Ok(shown)
    }

    fn either(&self, call: &Call, need: Need) -> bool {
        self.before.allows(call.who, need) || self.after.allows(call.who, need)
    }

    pub fn both(&self, call: &Call, need: Need) -> bool {
        self.before.allows(call.who, need) && self.after.allows(call.who, need)
    }

    fn words(&self, call: &Call, answer: &Answer) -> Result<Shown, String> {
        let sent = call.sent();
        let mut shown = Shown::default();
        for word in words::found(&answer.body) {
            if self.may_show(call, answer, &word) {
                shown.words += 1;
                shown.found |= answer.is_granted() && call.finds.as_ref() == Some(&word);
            } else if !answer.is_granted() && is_among(&sent, &word) {
                shown.echoes.push(word);
            } else {
                return Err(self.leak(call, answer, &word));
            }
        }
        for word in words::found(answer.headers.as_bytes()) {
            // The request's own id comes back with every answer.
            let is_its_id = is_among(&sent, &word) && answer.request_id.contains(&word);
            if !is_its_id && !self.may_read(call, call.who, &word) {
                return Err(self.leak(call, answer, &word));
            }
        }
        Ok(shown)
    }

    /// Whether all may read the word whom the answer shows it to.
    fn may_show(&self, call: &Call, answer: &Answer, word: &str) -> bool {
        let mut readers = self.readers(call, answer, word).into_iter();
        readers.all(|who| self.may_read(call, who, word))
    }

    fn readers(&self, call: &Call, answer: &Answer, word: &str) -> Vec<Who> {
        outbox::readers(self.after, call, answer, word).unwrap_or_else(|| vec![call.who])
    }

    fn may_read(&self, call: &Call, who: Who, word: &str) -> bool {
        [self.before, self.after].into_iter().any(|world| {
            world.owners_of(word).into_iter().any(|owner| {
                world.may_read(who, owner)
                    || is_of_a_record(world, call, owner)
                    || was_said_before(world, call, who, owner)
            })
        })
    }

    fn leak(&self, call: &Call, answer: &Answer, word: &str) -> String {
        let whose = self.after.owners_of(word);
        let tell = |owner: &Owner| match owner {
            Owner::Kb(kb) => {
                let kb = &self.after.kbs[*kb];
                format!(
                    "the knowledge base {} {:?}, deleted: {}",
                    kb.id, kb.name, kb.deleted
                )
            }
            Owner::Deleted(kb) => format!("a deleted source of {}", self.after.kbs[*kb].id),
            Owner::Subscription(at) => format!("the subscription {}", self.after.subscriptions[*at].id),
        };
        let whose: Vec<String> = whose.iter().map(tell).collect();
        let unfit = self.readers(call, answer, word).into_iter();
        let unfit: Vec<String> = unfit
            .filter(|who| !self.may_read(call, *who, word))
            .map(|who| format!("{who:?} {}", self.after.describe(who)))
            .collect();
        format!("it shows {word} of {whose:?}, which may not be seen by {unfit:?}")
    }
}

/// What was answered out of a source before it was deleted is still delivered to who may use the knowledge base.
fn was_said_before(world: &World, call: &Call, who: Who, owner: Owner) -> bool {
    let delivers = [outbox::TAKE, "GET /messages/{id}/stream"].contains(&call.operation);
    matches!(owner, Owner::Deleted(kb) if delivers && world.may_read(who, Owner::Kb(kb)))
}

/// Who reads the log, or what was said in chats, reads of what was deleted too.
fn is_of_a_record(world: &World, call: &Call, owner: Owner) -> bool {
    let scope = match call.operation {
        "GET /logs" => "logs",
        "GET /chats/{id}/messages" => "users",
        _ => return false,
    };
    matches!(owner, Owner::Kb(_) | Owner::Deleted(_))
        && world.allows(call.who, Need::General(Role::Admin, scope))
}

/// An error may cut the word that it repeats.
fn is_among(sent: &[String], word: &str) -> bool {
    sent.iter().any(|sent| sent.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{add_kb, planned};
    use crate::calls::Body;
    use crate::rng::Rng;
    use crate::world::{Bot, KbRole, Person};

    /// A person who reads the first of two knowledge bases.
    fn world() -> World {
        let mut rng = Rng::new(7);
        let mut world = World::default();
        for n in [1, 2] {
            let mut kb = planned(n, &mut rng);
            kb.public = false;
            add_kb(&mut world, kb);
        }
        world.kbs[0].members.insert(0, KbRole::Reader);
        world.bots.push(Bot {
            id: String::new(),
            code: String::new(),
            token: String::new(),
            token_id: String::new(),
            max_role: Role::Reader,
            active: true,
        });
        world.people.push(Person {
            id: String::new(),
            telegram_id: 1,
            role: Role::Reader,
            blocked: false,
            bots: vec![0],
        });
        world
    }

    fn judged(status: u16, query: &str, body: &str) -> Result<Shown, String> {
        let world = world();
        let oracle = Oracle {
            before: &world,
            after: &world,
        };
        let call = Call {
            operation: "POST /rag/search",
            who: Who::Named { bot: 0, person: 0 },
            path: "/rag/search".to_owned(),
            headers: Vec::new(),
            body: Body::Json(serde_json::json!({ "query": query })),
            need: Need::General(Role::Reader, "ask"),
            finds: None,
            stolen: None,
        };
        let answer = Answer {
            status,
            headers: String::new(),
            request_id: String::new(),
            body: body.as_bytes().to_vec(),
        };
        oracle.judge(&call, &answer)
    }

    #[test]
    fn a_word_of_somebody_else_is_seen() {
        let world = world();
        let (own, foreign) = (&world.kbs[0].words[0], &world.kbs[1].words[0]);
        let hit = |word: &str| format!(r#"{{"passages":[{{"text":"The word is {word}."}}]}}"#);
        assert_eq!(judged(200, own, &hit(own)).unwrap().words, 1);
        assert!(judged(200, "x", &hit(foreign)).unwrap_err().contains(foreign));
        assert!(judged(200, "x", &hit(&foreign.to_uppercase())).is_err());
        assert!(judged(200, "x", &hit(&foreign[..14])).is_err(), "a part of it");
        assert!(judged(404, "x", &hit(foreign)).is_err(), "in an error too");
        assert!(
            judged(200, foreign, &hit(foreign)).is_err(),
            "asking for it is no excuse"
        );
        let echoes = judged(422, foreign, &hit(foreign)).unwrap().echoes;
        assert_eq!(&echoes[0], foreign);
        let nobodys = words::latin(&mut Rng::new(99));
        assert!(judged(200, "x", &hit(&nobodys)).is_err());
        assert!(judged(500, "x", "").is_err());
    }

    /// What a bot is given to send to the person.
    fn delivered(update_id: usize, word: &str) -> Result<Shown, String> {
        let world = world();
        let oracle = Oracle {
            before: &world,
            after: &world,
        };
        let call = Call {
            who: Who::Bot(0),
            need: Need::ItsBot(0),
            ..Call::of_operator(outbox::TAKE)
        };
        let content = serde_json::json!({"kind": "text", "text": format!("The word is {word}.")});
        let item = serde_json::json!({"update_id": update_id, "telegram_chat_id": -5, "content": content});
        let answer = Answer {
            status: 200,
            headers: String::new(),
            request_id: String::new(),
            body: serde_json::json!({ "items": [item] }).to_string().into_bytes(),
        };
        oracle.judge(&call, &answer)
    }

    #[test]
    fn a_delivery_is_judged_by_whom_it_is_for_and_not_by_the_bot() {
        let world = world();
        let (own, foreign) = (&world.kbs[0].words[0], &world.kbs[1].words[0]);
        let (who, bot) = (Who::Named { bot: 0, person: 0 }, Who::Bot(0));
        assert!(world.role_in(who, 0).is_some() && world.role_in(bot, 0).is_none());
        let of_the_person = outbox::update_id(&mut Rng::new(3), 0);
        let of_nobody = outbox::update_id(&mut Rng::new(3), 1);
        assert_eq!(delivered(of_the_person, own).unwrap().words, 1);
        assert!(delivered(of_the_person, foreign).unwrap_err().contains(foreign));
        assert!(delivered(of_nobody, own).is_err());
    }

    #[test]
    fn what_was_not_to_be_granted_is_seen() {
        let mut world = world();
        let who = Who::Named { bot: 0, person: 0 };
        let edits = Need::InKb(0, KbRole::Editor, "ingest");
        assert!(!world.allows(who, edits));
        world.kbs[0].members.insert(0, KbRole::Owner);
        assert!(!world.allows(who, edits), "through a bot for readers");
        world.bots[0].max_role = Role::Editor;
        assert!(world.allows(who, edits));
        assert!(!world.allows(who, Need::InKb(1, KbRole::Reader, "read")));
        world.people[0].blocked = true;
        assert!(!world.allows(who, Need::General(Role::Reader, "read")));
    }
}
