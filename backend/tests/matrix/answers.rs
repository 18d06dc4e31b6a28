//! Answers that callers were given.

use nexus_domain::{AnswerId, Asker, Clock as _, ContentHash};
use nexus_storage::{AnswerRow, NewAnswer};

use crate::callers::{Caller, Standing};
use crate::world::World;

impl World {
    /// An answer to a question of this caller's, made from nothing.
    pub async fn answer_for(&self, caller: &Caller) -> String {
        let is_key = caller.name == "the operator" || matches!(caller.standing, Standing::Key(_));
        let is_person = caller.is_named || caller.name.ends_with("session");
        let asker = if is_key {
            Asker {
                api_key: Some(caller.key.parse().unwrap()),
                ..Asker::default()
            }
        } else {
            Asker {
                user: is_person.then(|| caller.person.user.parse().unwrap()),
                bot: Some(caller.bot.parse().unwrap()),
                api_key: None,
            }
        };
        self.answer(asker).await
    }

    /// An answer to a question that somebody has asked a bot.
    pub async fn answer_by(&self, bot: &str, user: &str) -> String {
        let asker = Asker {
            user: Some(user.parse().unwrap()),
            bot: Some(bot.parse().unwrap()),
            api_key: None,
        };
        self.answer(asker).await
    }

    async fn answer(&self, asker: Asker) -> String {
        let now = self.app.clock.now();
        let row = AnswerRow {
            id: AnswerId::new(now),
            created_at: now,
            asker,
            delivery: None,
            question: "How are you?".to_owned(),
            searched: None,
            found: false,
            language: "en".to_owned(),
            mode: "hybrid".to_owned(),
            status: "extractive".to_owned(),
            reason: Some("not_configured".to_owned()),
            model: None,
            prompt_version: None,
            usage: None,
            retrieval_micros: 1,
            generation_micros: 0,
            context_hash: ContentHash::of(b""),
            report: r#"{"lexical":["not_asked",0,null,null,0],"dense":["not_asked",0,null,null,0],
                "rerank":["not_asked",0,0],"script":"none","micros":[0,0,0],"support":{"score":0.0,"threshold":1.0,
                "calibrated":false,"basis":"lexical","worth_asking":1.0}}"#
                .to_owned(),
            trace_id: None,
            body: Some(r#"{"text":["Fine."],"blocks":[],"citations":[]}"#.to_owned()),
            feedback: None,
        };
        let id = row.id.to_string();
        let new = NewAnswer {
            row,
            kbs: Vec::new(),
            passages: Vec::new(),
            repeats: None,
        };
        let mut tx = self.db.begin().await.unwrap();
        tx.answers().insert(&new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }
}
