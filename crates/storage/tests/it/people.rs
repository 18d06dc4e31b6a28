//! People, bots and their credentials to write rows for.

use nexus_domain::bot::BotSettings;
use nexus_domain::{
    Action, ApiKeyId, AuditEntry, AuditId, Bot, BotId, BotTexts, CallerKind, Person, Quotas, Role, Scopes,
    ServiceTokenId, SessionId, Subscription, SubscriptionId, Target, TargetKind, TelegramId, Timestamp,
    UserId,
};
use nexus_storage::{ApiKeyRow, Db, ServiceTokenRow, SessionRow};
use serde_json::{Map, Value, json};

use crate::support::at;

pub(crate) fn person(telegram_id: i64) -> Person {
    Person {
        telegram_id: TelegramId::new(telegram_id).unwrap(),
        username: Some(format!("user_{telegram_id}")),
        first_name: "Анна".to_owned(),
        last_name: None,
        language_code: Some("ru".to_owned()),
    }
}

pub(crate) async fn stored_user(db: &Db, telegram_id: i64) -> UserId {
    let candidate = UserId::new(at(0));
    let (user, created) = in_tx!(db, |tx| tx.users().upsert(&person(telegram_id), candidate, at(0)));
    assert!(created);
    user.id
}

pub(crate) fn new_bot(code: &str) -> Bot {
    Bot {
        id: BotId::new(at(0)),
        code: code.to_owned(),
        name: "Справка".to_owned(),
        description: None,
        version: "1.0".to_owned(),
        is_active: true,
        telegram_bot_id: None,
        has_telegram_token: false,
        signs_requests: false,
        addresses: Vec::new(),
        max_role: Role::Admin,
        default_kbs: Vec::new(),
        texts: BotTexts::default(),
        settings: BotSettings::default(),
        quotas: Quotas::default(),
        person_quotas: Quotas::default(),
        time_zone: "Europe/Moscow".parse().unwrap(),
        last_error: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) async fn stored_bot(db: &Db, code: &str) -> BotId {
    let bot = new_bot(code);
    in_tx!(db, |tx| tx.bots().insert(&bot, None));
    bot.id
}

pub(crate) fn new_token(bot: BotId) -> ServiceTokenRow {
    ServiceTokenRow {
        id: ServiceTokenId::new(at(0)),
        bot_id: bot,
        name: "Сервер".to_owned(),
        created_at: at(0),
        expires_at: at(1_000),
        revoked_at: None,
    }
}

pub(crate) fn new_session(user: UserId, bot: Option<BotId>) -> SessionRow {
    SessionRow {
        id: SessionId::new(at(0)),
        user_id: user,
        bot_id: bot,
        method: "telegram".to_owned(),
        csrf_hash: None,
        created_at: at(0),
        expires_at: at(1_000),
        revoked_at: None,
    }
}

pub(crate) fn new_key(name: &str, hash: u8) -> ApiKeyRow {
    ApiKeyRow {
        id: ApiKeyId::new(at(0)),
        name: name.to_owned(),
        key_hash: [hash; 32],
        role: Role::Admin,
        scopes: Scopes::ALL,
        kbs: None,
        addresses: Vec::new(),
        created_at: at(0),
        expires_at: None,
    }
}

pub(crate) fn subscription(user: UserId, bot: BotId) -> Subscription {
    Subscription {
        id: SubscriptionId::new(at(0)),
        user_id: user,
        bot_id: bot,
        installed_at: at(0),
        settings: Map::new(),
        settings_version: 1,
        state: Map::new(),
        state_version: 1,
        last_interaction_at: at(0),
    }
}

pub(crate) fn entry(time: Timestamp) -> AuditEntry {
    AuditEntry {
        id: AuditId::new(time),
        at: time,
        actor_kind: CallerKind::Key,
        actor_id: None,
        bot_id: None,
        action: Action::KbUpdate,
        target: Target {
            kind: TargetKind::KnowledgeBase,
            id: "7".to_owned(),
        },
        kb_id: None,
        details: object(json!({"name": "новое"})),
        address: Some("10.0.0.7".to_owned()),
        trace_id: "trace".to_owned(),
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}
