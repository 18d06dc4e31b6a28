//! The simulated Telegram, called as bots call it.

#![expect(clippy::unwrap_used, reason = "a test that fails to set itself up has failed")]

mod chats;
mod commands;
mod files;
mod limits;
mod load;
mod marks;
mod messages;
mod polling;
mod presses;
mod teloxide_types;
mod tls;
mod trouble;
mod webhooks;

use std::time::Duration;

use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use telegram_simulator::{BotHandle, Chat, Limits, Options, Telegram, User};

const TOKEN: &str = "4242:secret";
const SOON: Duration = Duration::from_secs(10);

/// A bot, a person, and the wire between the bot and Telegram.
struct World {
    telegram: Telegram,
    bot: BotHandle,
    anna: User,
    http: Client,
}

/// What a call came to.
#[derive(Debug, PartialEq)]
struct Reply {
    status: u16,
    body: Value,
}

impl Reply {
    fn result(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        assert_eq!(self.body["ok"], true);
        self.body["result"].clone()
    }

    /// The code and the words of a refusal, which must be those of the status.
    fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.body["ok"], false, "{}", self.body);
        assert_eq!(self.body["error_code"], self.status);
        (self.status, self.body["description"].as_str().unwrap())
    }
}

fn unlimited() -> Options {
    Options {
        limits: Limits::none(),
        ..Options::default()
    }
}

impl World {
    fn new(options: Options) -> Self {
        let telegram = Telegram::start(options).unwrap();
        let bot = telegram.add_bot(TOKEN, "nexus_bot");
        let anna = telegram.user(1001, "Anna", "ru");
        let http = client(&telegram);
        Self {
            telegram,
            bot,
            anna,
            http,
        }
    }

    /// A chat in which Anna has said hello.
    fn private(&self) -> Chat {
        let chat = self.bot.chat_with(&self.anna);
        self.anna.writes(&chat, "hello");
        chat
    }

    async fn try_call(&self, method: &str, params: Value) -> reqwest::Result<Reply> {
        let url = format!("{}/bot{TOKEN}/{method}", self.telegram.address());
        let response = self.http.post(url).json(&params).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok(Reply {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    async fn call(&self, method: &str, params: Value) -> Reply {
        self.try_call(method, params).await.unwrap()
    }

    async fn send(&self, chat: &Chat, text: &str) -> Reply {
        self.call("sendMessage", json!({ "chat_id": chat.id(), "text": text }))
            .await
    }

    async fn sent(&self, chat: &Chat, text: &str) -> i64 {
        self.send(chat, text).await.result()["message_id"]
            .as_i64()
            .unwrap()
    }

    async fn updates(&self, offset: i64) -> Vec<Value> {
        let params = json!({ "offset": offset, "timeout": 0 });
        self.call("getUpdates", params)
            .await
            .result()
            .as_array()
            .unwrap()
            .clone()
    }

    async fn last_update(&self) -> Value {
        self.updates(-1).await.pop().unwrap()
    }
}

fn client(telegram: &Telegram) -> Client {
    let authority = Certificate::from_pem(telegram.ca_pem().as_bytes()).unwrap();
    Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap()
}
