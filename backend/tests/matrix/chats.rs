//! Chats, what was said in them and what waits to be sent. A process of nobody's serves all bots, as far as cells need it.

use std::time::Duration;

use nexus_domain::{
    Chat, ChatId, ChatKind, ChatState, Clock as _, Content, Delivery, DeliveryId, DeliveryState, Event,
    Keyboard, Language, Priority, Update, UpdateId, UpdateState,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::callers::Caller;
use crate::requests::Stage;
use crate::table::{Operation, Target};
use crate::things::{Bot, Person};
use crate::world::World;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_000_000_000);

/// A person's private chat with a bot, and a message to them that was sent there.
#[derive(Clone, Default)]
pub struct Talk {
    pub chat: String,
    pub message: String,
}

/// Whether an operation is about what is said through bots.
pub fn is_about_chats(path: &str) -> bool {
    let areas = [
        "/chats",
        "/messages/",
        "/outbox/",
        "/dead-letters",
        "/notifications",
    ];
    path.contains("{code}") || areas.iter().any(|area| path.starts_with(area))
}

impl World {
    /// The person has asked, and the bot has answered.
    pub async fn talk(&self, bot: &Bot, person: &Person) -> Talk {
        let chat = self.chat(&bot.id, person.telegram_id).await;
        self.ask_in(&chat).await;
        let message = self.deliver(&chat, Some(&person.user), DeliveryState::Sent).await;
        Talk {
            chat: chat.id.to_string(),
            message: message.id.to_string(),
        }
    }

    /// A message of a bot that could not be delivered.
    pub async fn dead_letter(&self, bot: &str) -> String {
        let chat = self.fresh_chat(bot).await;
        let letter = self.deliver(&chat, None, DeliveryState::Dead).await;
        letter.id.to_string()
    }

    /// The bot's chat of this id at Telegram.
    async fn chat(&self, bot: &str, telegram_chat_id: i64) -> Chat {
        let now = self.app.clock.now();
        let candidate = Chat {
            id: ChatId::new(now),
            bot_id: bot.parse().unwrap(),
            telegram_chat_id,
            kind: if telegram_chat_id > 0 {
                ChatKind::Private
            } else {
                ChatKind::Group
            },
            title: None,
            state: ChatState::Active,
            created_at: now,
            last_message_at: now,
        };
        let mut tx = self.db.begin().await.unwrap();
        let chats = tx.chats().arrive(&[candidate]).await.unwrap();
        tx.commit().await.unwrap();
        chats.into_iter().next().unwrap()
    }

    /// A group that nobody has written in.
    async fn fresh_chat(&self, bot: &str) -> Chat {
        self.chat(bot, self.fresh_group()).await
    }

    fn fresh_group(&self) -> i64 {
        -i64::try_from(self.next()).unwrap()
    }

    /// A question that is answered already, so that no worker takes it up.
    async fn ask_in(&self, chat: &Chat) {
        let now = self.app.clock.now();
        let update = Update {
            id: UpdateId::new(now),
            bot_id: chat.bot_id,
            update_id: i64::try_from(self.next()).unwrap(),
            chat_id: chat.id,
            user_id: None,
            topic_id: None,
            message_id: Some(1),
            person: None,
            event: Event::Text {
                text: "How are you?".to_owned(),
            },
            state: UpdateState::Handled,
            attempts: 1,
            trace_id: String::new(),
            received_at: now,
        };
        let mut tx = self.db.begin().await.unwrap();
        let new = tx.updates().insert(std::slice::from_ref(&update)).await.unwrap();
        assert!(new.contains(&update.id), "an update is new");
        tx.commit().await.unwrap();
    }

    async fn deliver(&self, chat: &Chat, user: Option<&str>, state: DeliveryState) -> Delivery {
        let now = self.app.clock.now();
        let error = (state == DeliveryState::Dead).then(|| "Bad Request: no rights to send".to_owned());
        let delivery = Delivery {
            id: DeliveryId::new(now),
            bot_id: chat.bot_id,
            chat_id: chat.id,
            user_id: user.map(|user| user.parse().unwrap()),
            update_id: None,
            topic_id: None,
            reply_to: None,
            priority: Priority::Answer,
            language: Language::En,
            state,
            content: Some(Content::Text {
                text: "Fine, thank you.".to_owned(),
                keyboard: Keyboard::default(),
            }),
            kbs: Vec::new(),
            question: Some("What is it?".to_owned()),
            task_id: None,
            file_name: None,
            parts: Vec::new(),
            lease: None,
            due_at: (state == DeliveryState::Pending).then_some(now),
            attempts: 0,
            error,
            trace_id: String::new(),
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.db.begin().await.unwrap();
        tx.deliveries().insert(&delivery, None).await.unwrap();
        tx.commit().await.unwrap();
        delivery
    }

    /// From now on our process serves the bot.
    async fn hold(&self, bot: &str) {
        let now = self.app.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        let bot_id = bot.parse().unwrap();
        let mut leases = tx.bot_leases();
        let taken = leases.take(bot_id, self.process, now.plus(LONG), now).await;
        assert!(taken.unwrap(), "another process serves the bot {bot}");
        tx.commit().await.unwrap();
    }

    /// A delivery that our process has and may report on: its id and its lease.
    async fn handed_out(&self, bot: &str) -> (String, String) {
        let chat = self.fresh_chat(bot).await;
        let delivery = self.deliver(&chat, None, DeliveryState::Pending).await;
        let now = self.app.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        let mut deliveries = tx.deliveries();
        let handed = deliveries
            .hand_out(chat.bot_id, self.process, &[], 1_000, now)
            .await;
        tx.commit().await.unwrap();
        let mut handed = handed.unwrap().into_iter().map(|(handed, _)| handed);
        let ours = handed.find(|handed| handed.id == delivery.id);
        let lease = ours.expect("what is due is handed out").lease;
        (delivery.id.to_string(), lease.unwrap().to_string())
    }

    /// What a cell that is to succeed says, sends or settles.
    pub async fn fresh_talk(
        &self,
        caller: &Caller,
        operation: &Operation,
        target: Target,
        stage: Stage,
    ) -> Stage {
        let bot = if target == Target::Own {
            &caller.bot
        } else {
            &self.idle.id
        };
        match operation.path.as_str() {
            "/bots/{code}/lease/{holder}" => self.hold(bot).await,
            "/bots/{code}/outbox" => {
                self.hold(bot).await;
                let chat = self.fresh_chat(bot).await;
                self.deliver(&chat, None, DeliveryState::Pending).await;
            }
            "/outbox/{id}/retry" => return stage.on(self.dead_letter(bot).await),
            path if path.starts_with("/outbox/") => {
                let (id, lease) = self.handed_out(bot).await;
                return Stage {
                    lease,
                    ..stage.on(id)
                };
            }
            "/chats/{id}/messages" => return stage.on(self.fresh_chat(bot).await.id.to_string()),
            _ => {}
        }
        stage
    }

    /// What is sent to operations about chats; `None` where nothing is.
    pub fn talk_body(&self, stage: &Stage, path: &str) -> Option<Value> {
        let lease = &stage.lease;
        Some(match path {
            "/bots/{code}/lease" => json!({"holder": self.process, "seconds": 30}),
            "/bots/{code}/updates" => self.batch(),
            "/bots/{code}/outbox" => json!({"holder": self.process, "wait_seconds": 0}),
            "/outbox/{id}/placeholder" => json!({"lease": lease, "part": 0, "message_id": 1}),
            "/outbox/{id}/sent" => json!({"lease": lease, "parts": 0}),
            "/outbox/{id}/failed" => json!({"lease": lease, "kind": "retry", "message": "Too Many Requests"}),
            "/chats/{id}/messages" => json!({"text": "Hello."}),
            "/notifications" => json!({"bot": stage.id, "users": [self.neighbour.user], "text": "Hello."}),
            "/messages/{id}/feedback" | "/answers/{id}/feedback" => json!({"verdict": "good"}),
            _ => return None,
        })
    }

    /// The bot was added to a group by nobody in particular: nobody is introduced and nothing is answered, so that no worker
    /// changes later what other cells see.
    fn batch(&self) -> Value {
        let chat = json!({"id": self.fresh_group(), "kind": "group", "title": "Pumps"});
        json!({"updates": [{"update_id": self.next(), "chat": chat, "event": {"kind": "joined"}}]})
    }

    /// Paths where the operator sees what was said.
    pub fn talks(&self) -> Vec<String> {
        let talks = [&self.neighbours, &self.guests, &self.idles];
        let messages = talks.map(|talk| format!("/chats/{}/messages?limit=200", talk.chat));
        let lists = ["/chats?limit=200", "/dead-letters?limit=200"].map(str::to_owned);
        messages.into_iter().chain(lists).collect()
    }
}

/// A lease that no delivery has.
pub fn no_lease() -> String {
    Uuid::new_v4().to_string()
}
