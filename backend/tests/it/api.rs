//! The API as a program without our client sees it: a caller with a token, JSON in and out.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::test_app::{KEY, TestApp};

pub const BOT_TOKEN: &str = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8";

/// Whoever calls: with what credential, for whom.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    headers: Vec<(&'static str, String)>,
}

/// A status and a body; `null` where there was none.
pub type Reply = (u16, Value);

impl Api {
    /// The operator, with the key of the settings.
    pub fn operator(app: &TestApp) -> Self {
        Self::nobody(app).with(KEY)
    }

    pub fn nobody(app: &TestApp) -> Self {
        Self::at(app.client.base())
    }

    /// Whoever calls the server at this address.
    pub fn at(base: &str) -> Self {
        Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .build()
                .unwrap(),
            base: base.to_owned(),
            token: None,
            headers: Vec::new(),
        }
    }

    pub fn with(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            headers: Vec::new(),
            ..self.clone()
        }
    }

    /// The same bot, for a person.
    pub fn named(&self, telegram_id: i64) -> Self {
        self.header("x-telegram-user-id", telegram_id.to_string())
    }

    pub fn header(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut api = self.clone();
        api.headers.push((name, value.into()));
        api
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1{path}", self.base);
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// Registers a bot that keeps its Telegram token here; its id, and itself.
    pub async fn register_bot(&self, code: &str) -> (String, Self) {
        let body = json!({"code": code, "name": code, "telegram_token": BOT_TOKEN});
        let (status, bot) = self.post("/bots", &body).await;
        assert_eq!(status, 201, "{bot}");
        let id = text(&bot["id"]);
        let (status, issued) = self
            .post(&format!("/bots/{id}/tokens"), &json!({"name": "t"}))
            .await;
        assert_eq!(status, 201, "{issued}");
        (id, self.with(&text(&issued["token"])))
    }

    /// As a bot: introduces a person; their id.
    pub async fn introduce(&self, bot: &str, telegram_id: i64) -> String {
        let body = json!({"bot": bot, "telegram_id": telegram_id, "first_name": "Анна"});
        let (status, reply) = self.post("/users/from-telegram", &body).await;
        assert_eq!(status, 200, "{reply}");
        text(&reply["user"]["id"])
    }

    /// Makes a knowledge base; its id.
    pub async fn knowledge_base(&self, name: &str) -> String {
        let (status, kb) = self.post("/knowledge-bases", &json!({"name": name})).await;
        assert_eq!(status, 201, "{kb}");
        text(&kb["id"])
    }

    /// Names of the knowledge bases that the caller sees.
    pub async fn seen(&self) -> Vec<String> {
        let (status, page) = self.get("/knowledge-bases").await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap().iter();
        items.map(|kb| text(&kb["name"])).collect()
    }
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// The code of an error.
pub fn code(reply: &Reply) -> &str {
    reply.1["error"]["code"].as_str().unwrap_or_default()
}

/// What went wrong: status and code.
pub fn error(reply: &Reply) -> (u16, &str) {
    (reply.0, code(reply))
}

pub fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Fields in the order of their names, as Telegram signs them.
pub fn check_string(fields: &[(&str, String)]) -> String {
    let mut lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// A Mini App's initData, as Telegram signs it for the bot with this token.
pub fn init_data(bot_token: &str, telegram_id: i64, auth_date: i64) -> String {
    let user = json!({"id": telegram_id, "first_name": "Анна", "language_code": "ru"});
    let fields = [
        ("auth_date", auth_date.to_string()),
        ("query_id", "AAHdF6IQAAAAAN0XohDhrOrc".to_owned()),
        ("user", user.to_string()),
    ];
    let secret = hmac(b"WebAppData", bot_token.as_bytes());
    let hash = hex::encode(hmac(&secret, check_string(&fields).as_bytes()));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &fields {
        query.append_pair(name, value);
    }
    query.append_pair("hash", &hash);
    query.finish()
}
