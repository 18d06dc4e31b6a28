//! Bots: registered, described, turned on and off; their tokens and secrets.

use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use nexus_auth::{KeyRing, TokenKind};
use nexus_domain::bot::{
    BotSettings, MAX_ADDRESSES, MAX_DEFAULT_KBS, MAX_DESCRIPTION_CHARS, MAX_INSTRUCTIONS_CHARS,
    MAX_NAME_CHARS, MAX_TEXT_CHARS, MAX_VERSION_CHARS, parse_code, telegram_bot_id,
};
use nexus_domain::{
    Access, Action, Bot, BotId, BotTexts, Caller, Clock, ContentHash, KbId, Quotas, Role, Scope,
    ServiceTokenId, TargetKind,
};
use nexus_storage::{Db, ServiceTokenRow};
use secrecy::{ExposeSecret as _, SecretString};

use super::audit::Change;
use super::door::seconds;
use super::ingestion::{Idempotent, caller_key};
use super::secrets::{SIGNING_SECRET, TELEGRAM_TOKEN, seal};
use super::{ServiceError, api_keys, checks};

const DAY: Duration = Duration::from_secs(86_400);
const MODEL_CHARS: usize = 200;

#[derive(Clone, Debug)]
pub struct Bots {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
}

#[derive(Debug)]
pub struct NewBot {
    pub code: String,
    pub name: String,
    pub description: Option<String>,
    pub version: Option<String>,
    pub telegram_token: Option<SecretString>,
    pub telegram_bot_id: Option<i64>,
    pub time_zone: Option<String>,
    pub idempotency_key: Option<String>,
}

/// What changes; `None` stays as it is.
#[derive(Debug, Default)]
pub struct BotChange {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub version: Option<String>,
    pub telegram_token: Option<Option<SecretString>>,
    pub addresses: Option<Vec<String>>,
    pub max_role: Option<Role>,
    pub default_kbs: Option<Vec<KbId>>,
    pub texts: Option<BotTexts>,
    pub settings: Option<BotSettings>,
    pub quotas: Option<Quotas>,
    pub person_quotas: Option<Quotas>,
    pub time_zone: Option<String>,
}

impl Bots {
    /// A bot sees itself; whoever manages bots sees them all.
    pub async fn get(&self, access: &Access, id: BotId) -> Result<Bot, ServiceError> {
        if !sees(access, id) {
            return Err(ServiceError::NotFound("bot"));
        }
        let bot = self.db.bots().get(id).await?;
        bot.ok_or(ServiceError::NotFound("bot"))
    }

    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<Bot>, ServiceError> {
        Ok(self.db.bots().list(after, limit).await?)
    }

    /// Registers a bot, turned on. The same idempotency key with the same code and name gives the same one again.
    pub async fn create(&self, access: &Access, new: NewBot) -> Result<Bot, ServiceError> {
        let now = self.clock.now();
        let token_id = new.telegram_token.as_ref().map(checked_token).transpose()?;
        let bot = Bot {
            id: BotId::new(now),
            code: parse_code(&new.code).map_err(|error| ServiceError::invalid("code", error))?,
            name: checks::line("name", &new.name, MAX_NAME_CHARS)?,
            description: checks::text("description", new.description, MAX_DESCRIPTION_CHARS)?,
            version: checks::text("version", new.version, MAX_VERSION_CHARS)?.unwrap_or_default(),
            is_active: true,
            telegram_bot_id: token_id.or(checked_bot_id(new.telegram_bot_id)?),
            has_telegram_token: token_id.is_some(),
            signs_requests: false,
            addresses: Vec::new(),
            max_role: Role::Editor,
            default_kbs: Vec::new(),
            texts: BotTexts::default(),
            settings: BotSettings::default(),
            quotas: Quotas::default(),
            person_quotas: Quotas::default(),
            time_zone: new.time_zone.as_deref().map_or(Ok(Tz::UTC), checked_zone)?,
            last_error: None,
            created_at: now,
            updated_at: now,
        };
        let sealed = new.telegram_token.as_ref();
        let sealed = sealed
            .map(|token| seal(&self.keys, token, bot.id, TELEGRAM_TOKEN))
            .transpose()?;
        let token = new.telegram_token.as_ref();
        let token = token
            .map(secrecy::ExposeSecret::expose_secret)
            .unwrap_or_default();
        let mut tx = self.db.begin().await?;
        let key = new.idempotency_key.as_deref().map(|key| Idempotent {
            caller: caller_key(access),
            key,
            fingerprint: ContentHash::of_parts([
                b"create bot".as_slice(),
                bot.code.as_bytes(),
                bot.name.as_bytes(),
                bot.description.as_deref().unwrap_or_default().as_bytes(),
                bot.version.as_bytes(),
                bot.telegram_bot_id.unwrap_or_default().to_string().as_bytes(),
                token.as_bytes(),
                bot.time_zone.name().as_bytes(),
            ]),
        });
        if let Some(key) = &key
            && let Some(made) = key.begin(&mut tx, now).await?
        {
            tx.commit().await?;
            let made = made.parse().map_err(|_| ServiceError::NotFound("bot"))?;
            return self.get(access, made).await;
        }
        let inserted = tx.bots().insert(&bot, sealed.as_deref()).await;
        inserted.map_err(|error| checks::taken(error, "bot", &bot.code))?;
        if let Some(key) = &key {
            key.complete(&mut tx, 201, &bot.id.to_string()).await?;
        }
        Change::new(Action::BotCreate, TargetKind::Bot, bot.id)
            .with("code", bot.code.as_str())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(bot)
    }

    /// Whether the caller is shown the bot that it comes through as the bot's manager would be.
    pub fn are_shown_to(access: &Access) -> bool {
        matches!(access.caller(), Caller::Bot(_)) || access.require(Role::Admin, Scope::Bots).is_ok()
    }

    /// The bot that the call comes through.
    pub async fn calling(&self, access: &Access) -> Result<Option<Bot>, ServiceError> {
        match access.caller().bot() {
            Some(bot) => Ok(self.db.bots().get(bot).await?),
            None => Ok(None),
        }
    }

    pub async fn update(&self, access: &Access, id: BotId, change: BotChange) -> Result<Bot, ServiceError> {
        let now = self.clock.now();
        let default_kbs = match change.default_kbs {
            Some(kbs) => Some(self.checked_kbs(kbs).await?),
            None => None,
        };
        if change.max_role == Some(Role::Admin) {
            api_keys::holds_everything(access)?;
        }
        let mut tx = self.db.begin().await?;
        let mut bot = tx.bots().lock(id).await?.ok_or(ServiceError::NotFound("bot"))?;
        let mut log = Change::new(Action::BotUpdate, TargetKind::Bot, id);
        if let Some(name) = change.name {
            bot.name = checks::line("name", &name, MAX_NAME_CHARS)?;
            log = log.with("name", bot.name.as_str());
        }
        if let Some(description) = change.description {
            bot.description = checks::text("description", description, MAX_DESCRIPTION_CHARS)?;
            log = log.with("description", true);
        }
        if let Some(version) = change.version {
            bot.version = checks::text("version", Some(version), MAX_VERSION_CHARS)?.unwrap_or_default();
            log = log.with("version", bot.version.as_str());
        }
        if let Some(addresses) = change.addresses {
            bot.addresses = checks::networks("addresses", &addresses, MAX_ADDRESSES)?;
            log = log.with("addresses", listed(&bot.addresses));
        }
        if let Some(role) = change.max_role {
            bot.max_role = role;
            log = log.with("max_role", role.as_str());
        }
        if let Some(kbs) = default_kbs {
            bot.default_kbs = kbs;
            log = log.with("default_knowledge_bases", listed(&bot.default_kbs));
        }
        if let Some(texts) = change.texts {
            bot.texts = checked_texts(texts)?;
            log = log.with("texts", true);
        }
        if let Some(settings) = change.settings {
            bot.settings = checked_settings(settings)?;
            log = log.with("settings", true);
        }
        if let Some(quotas) = change.quotas {
            bot.quotas = checks::quotas("quotas", quotas)?;
            log = log.with("quotas", super::people::quotas_json(quotas));
        }
        if let Some(quotas) = change.person_quotas {
            bot.person_quotas = checks::quotas("person_quotas", quotas)?;
            log = log.with("person_quotas", super::people::quotas_json(quotas));
        }
        if let Some(zone) = change.time_zone {
            bot.time_zone = checked_zone(&zone)?;
            log = log.with("time_zone", zone);
        }
        bot.updated_at = now;
        tx.bots().update(&bot).await?;
        if let Some(token) = change.telegram_token {
            let kept = token
                .map(|token| {
                    Ok::<_, ServiceError>((
                        seal(&self.keys, &token, id, TELEGRAM_TOKEN)?,
                        checked_token(&token)?,
                    ))
                })
                .transpose()?;
            let kept = kept.as_ref().map(|(sealed, id)| (sealed.as_str(), *id));
            tx.bots().set_telegram_token(id, kept, now).await?;
            log = log.with("telegram_token", kept.is_some());
        }
        log.record(&mut tx, access, now).await?;
        tx.commit().await?;
        self.get(access, id).await
    }

    pub async fn set_active(&self, access: &Access, id: BotId, active: bool) -> Result<Bot, ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let bot = tx.bots().set_active(id, active, now).await?;
        let bot = bot.ok_or(ServiceError::NotFound("bot"))?;
        let action = if active {
            Action::BotEnable
        } else {
            Action::BotDisable
        };
        Change::new(action, TargetKind::Bot, id)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(bot)
    }

    /// Its tokens and sessions end with it.
    pub async fn delete(&self, access: &Access, id: BotId) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.bots().delete(id, now).await? {
            return Err(ServiceError::NotFound("bot"));
        }
        Change::new(Action::BotDelete, TargetKind::Bot, id)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn tokens(&self, bot: BotId) -> Result<Vec<ServiceTokenRow>, ServiceError> {
        Ok(self.db.service_tokens().list(bot).await?)
    }

    /// A token of the bot; this is the only time that it is shown.
    pub async fn issue_token(
        &self,
        access: &Access,
        bot: BotId,
        name: &str,
        days: u32,
    ) -> Result<(SecretString, ServiceTokenRow), ServiceError> {
        if !(1..=3_650).contains(&days) {
            return Err(ServiceError::invalid("expires_in_days", "days are 1 to 3,650"));
        }
        let now = self.clock.now();
        let row = ServiceTokenRow {
            id: ServiceTokenId::new(now),
            bot_id: bot,
            name: checks::line("name", name, MAX_NAME_CHARS)?,
            created_at: now,
            expires_at: now.plus(DAY * days),
            revoked_at: None,
        };
        let mut tx = self.db.begin().await?;
        let of = tx.bots().lock(bot).await?.ok_or(ServiceError::NotFound("bot"))?;
        // Whoever holds the token speaks for admins, too.
        if of.max_role == Role::Admin {
            api_keys::holds_everything(access)?;
        }
        tx.service_tokens().insert(&row).await?;
        Change::new(Action::TokenCreate, TargetKind::ServiceToken, row.id)
            .with("bot", bot.to_string())
            .with("name", row.name.as_str())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        let issued = seconds(&*self.clock);
        let expires = issued + i64::from(days) * 86_400;
        let token = self
            .keys
            .mint(TokenKind::Service, row.id.as_uuid(), issued, expires);
        Ok((token, row))
    }

    pub async fn revoke_token(
        &self,
        access: &Access,
        bot: BotId,
        token: ServiceTokenId,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.service_tokens().revoke(bot, token, now).await? {
            return Err(ServiceError::NotFound("token"));
        }
        Change::new(Action::TokenRevoke, TargetKind::ServiceToken, token)
            .with("bot", bot.to_string())
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// From now on each request of the bot must be signed with the secret that this gives; it is shown only here.
    pub async fn sign_requests(&self, access: &Access, bot: BotId) -> Result<SecretString, ServiceError> {
        let secret = nexus_auth::secrets::random_token("nxs_");
        let sealed = seal(&self.keys, &secret, bot, SIGNING_SECRET)?;
        self.set_signing(access, bot, Some(&sealed)).await?;
        Ok(secret)
    }

    pub async fn stop_signing(&self, access: &Access, bot: BotId) -> Result<(), ServiceError> {
        self.set_signing(access, bot, None).await
    }

    async fn set_signing(
        &self,
        access: &Access,
        bot: BotId,
        sealed: Option<&str>,
    ) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        if !tx.bots().set_signing_secret(bot, sealed, now).await? {
            return Err(ServiceError::NotFound("bot"));
        }
        let action = match sealed {
            Some(_) => Action::BotSecretSet,
            None => Action::BotSecretRemove,
        };
        Change::new(action, TargetKind::Bot, bot)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn checked_kbs(&self, kbs: Vec<KbId>) -> Result<Vec<KbId>, ServiceError> {
        if kbs.len() > MAX_DEFAULT_KBS {
            let reason = format!("at most {MAX_DEFAULT_KBS} knowledge bases");
            return Err(ServiceError::invalid("default_knowledge_bases", reason));
        }
        for kb in &kbs {
            if self.db.knowledge_bases().get(*kb).await?.is_none() {
                let reason = format!("there is no knowledge base {kb}");
                return Err(ServiceError::invalid("default_knowledge_bases", reason));
            }
        }
        Ok(kbs)
    }
}

/// A bot knows of itself; whoever manages bots knows of them all.
pub(super) fn sees(access: &Access, bot: BotId) -> bool {
    access.require_bot(bot).is_ok() || access.require(Role::Admin, Scope::Bots).is_ok()
}

fn listed<T: ToString>(items: &[T]) -> serde_json::Value {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}

fn checked_token(token: &SecretString) -> Result<i64, ServiceError> {
    telegram_bot_id(token.expose_secret()).ok_or_else(|| {
        ServiceError::invalid(
            "telegram_token",
            "this is not a token of BotFather, such as 123456:ABC…",
        )
    })
}

fn checked_bot_id(id: Option<i64>) -> Result<Option<i64>, ServiceError> {
    match id {
        Some(id) if id <= 0 => Err(ServiceError::invalid("telegram_bot_id", "ids are positive")),
        id => Ok(id),
    }
}

fn checked_zone(zone: &str) -> Result<Tz, ServiceError> {
    zone.parse()
        .map_err(|_| ServiceError::invalid("time_zone", "this is no IANA time zone such as Europe/Moscow"))
}

fn checked_texts(texts: BotTexts) -> Result<BotTexts, ServiceError> {
    Ok(BotTexts {
        start: checks::text("texts.start", texts.start, MAX_TEXT_CHARS)?,
        help: checks::text("texts.help", texts.help, MAX_TEXT_CHARS)?,
        error: checks::text("texts.error", texts.error, MAX_TEXT_CHARS)?,
    })
}

fn checked_settings(settings: BotSettings) -> Result<BotSettings, ServiceError> {
    Ok(BotSettings {
        instructions: checks::text(
            "settings.instructions",
            settings.instructions,
            MAX_INSTRUCTIONS_CHARS,
        )?,
        model: checks::text("settings.model", settings.model, MODEL_CHARS)?,
        style: settings.style,
    })
}
