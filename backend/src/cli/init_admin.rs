//! `nexus init-admin`: the operator names the first admin. From then on admins act through the API only.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use nexus_domain::{
    Action, AuditEntry, AuditId, CallerKind, Clock as _, Person, Role, SystemClock, Target, TargetKind,
    TelegramId, User, UserId,
};
use nexus_storage::{Db, UserChange};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use crate::app;
use crate::config::Config;

/// How long the token that is printed lives: enough to register a bot and make a key.
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);

#[derive(Debug, clap::Args)]
pub struct InitAdminArgs {
    /// The person's id at Telegram, a number
    #[arg(long, allow_negative_numbers = true)]
    telegram_id: i64,
    /// Their name, until they write to a bot
    #[arg(long, default_value = "Admin")]
    first_name: String,
    /// Go on although there is an admin already
    #[arg(long)]
    another: bool,
}

pub async fn run(config: &Config, args: InitAdminArgs) -> anyhow::Result<()> {
    let telegram_id = TelegramId::new(args.telegram_id);
    let telegram_id =
        telegram_id.context("--telegram-id takes a person's id at Telegram, a positive number")?;
    let person = Person {
        telegram_id,
        username: None,
        first_name: args.first_name,
        last_name: None,
        language_code: None,
    };
    let db = app::connect(config).await?;
    db.migrate().await.context("the database could not be migrated")?;
    let user = make_admin(&db, &person.checked()?, args.another).await?;
    let sign_ins = app::sign_ins(config, &db, Arc::new(SystemClock)).await?;
    let begun = sign_ins.first_session(user, TOKEN_LIFE).await?;
    println!("Telegram user {telegram_id} is an admin now.");
    println!("A token for the API, good for an hour (Authorization: Bearer …); it is shown this once:");
    println!("{}", begun.token.expose_secret());
    db.close().await;
    Ok(())
}

async fn make_admin(db: &Db, person: &Person, another: bool) -> anyhow::Result<User> {
    let now = SystemClock.now();
    let mut tx = db.begin().await?;
    let admins = tx.users().lock_admins().await?;
    let known = tx.users().by_telegram_id(person.telegram_id).await?;
    let is_admin = known.as_ref().is_some_and(|user| admins.contains(&user.id));
    ensure!(
        admins.is_empty() || is_admin || another,
        "there is an admin already: admins make others by PATCH /api/v1/users/{{id}}; --another makes one here"
    );
    let user = match known {
        Some(user) => user,
        None => tx.users().upsert(person, UserId::new(now), now).await?.0,
    };
    let change = UserChange {
        role: Some(Role::Admin),
        blocked: Some(false),
        quotas: None,
    };
    let user = tx
        .users()
        .update(user.id, &change, now)
        .await?
        .context("the person was just there")?;
    let entry = AuditEntry {
        id: AuditId::new(now),
        at: now,
        actor_kind: CallerKind::Public,
        actor_id: None,
        bot_id: None,
        action: Action::UserUpdate,
        target: Target {
            kind: TargetKind::User,
            id: user.id.to_string(),
        },
        kb_id: None,
        details: Map::from_iter([
            ("role".to_owned(), Value::from(Role::Admin.as_str())),
            ("by".to_owned(), Value::from("nexus init-admin")),
        ]),
        address: None,
        trace_id: String::new(),
    };
    tx.audit().insert(&entry).await?;
    tx.commit().await?;
    Ok(user)
}
