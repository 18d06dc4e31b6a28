//! The door: from what a request presents to what its caller may do. Credentials prove who calls; everything else is read
//! from rows at this request.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use nexus_auth::signed_request::{self, BodyCheck};
use nexus_auth::{KeyRing, TokenKind, Verified};
use nexus_domain::{
    Access, Bot, BotCaller, BotId, Caller, Clock, IncomingWebhook, Maker, Origin, PersonBy, PersonCaller,
    Reach, Role, Scopes, ServiceTokenId, SessionId, Standing, TelegramId, User, UserId,
};
use nexus_storage::{Db, SessionRow};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use super::credentials::hash;
use super::refusal::{Refusal, looks_like_token};
use super::secrets::SIGNING_SECRET;
use super::{ServiceError, secrets};

/// Seconds for which a signed request could be sent again, both ways of the tolerance.
const SIGNED_REQUEST_LIFE: std::time::Duration =
    std::time::Duration::from_secs(2 * signed_request::TOLERANCE_SECONDS + 60);

#[derive(Clone, Debug)]
pub struct Door {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
}

/// What a request presents.
#[derive(Debug, Default)]
pub struct Presented {
    pub credential: Credential,
    /// The person whom a bot names.
    pub named: Option<TelegramId>,
    pub origin: Origin,
    pub signature: Option<PresentedSignature>,
}

#[derive(Debug, Default)]
pub enum Credential {
    #[default]
    None,
    Bearer(SecretString),
    /// A session in a cookie, and what proves that the page itself asks; `None` for requests that change nothing.
    Cookie {
        token: SecretString,
        csrf: Option<SecretString>,
    },
}

/// The headers of a signed request, and what they sign.
#[derive(Debug)]
pub struct PresentedSignature {
    pub method: String,
    pub path_and_query: String,
    pub timestamp: Option<String>,
    pub nonce: Option<String>,
    pub content_sha256: Option<String>,
    pub signature: Option<String>,
}

/// A caller who may come in.
#[derive(Debug)]
pub struct Admitted {
    /// `None` where a bot names a person whom it has not introduced.
    pub access: Option<Access>,
    /// What the bot may do for itself, where a bot calls.
    pub bot: Option<Access>,
    /// Compares the body with what was signed, where it was.
    pub body: Option<BodyCheck>,
}

impl Door {
    pub async fn admit(&self, presented: Presented) -> Result<Admitted, ServiceError> {
        let refuse_name = |named: Option<TelegramId>| match named {
            Some(_) => Err(Refusal::ConflictingIdentity),
            None => Ok(()),
        };
        let alone = |access| Admitted {
            access: Some(access),
            bot: None,
            body: None,
        };
        match &presented.credential {
            Credential::None => Err(Refusal::Unauthorized.into()),
            Credential::Cookie { token, csrf } => {
                refuse_name(presented.named)?;
                let verified = self.verified(token)?;
                let session = self.session(verified, &presented.origin, Some(csrf)).await?;
                Ok(alone(session))
            }
            Credential::Bearer(key) if !looks_like_token(key.expose_secret()) => {
                refuse_name(presented.named)?;
                Ok(alone(self.key(key, &presented.origin).await?))
            }
            Credential::Bearer(token) => {
                let verified = self.verified(token)?;
                match verified.kind {
                    TokenKind::Session => {
                        refuse_name(presented.named)?;
                        Ok(alone(self.session(verified, &presented.origin, None).await?))
                    }
                    TokenKind::Service => self.bot(verified, &presented).await,
                }
            }
        }
    }

    /// The rights of the same caller as rows say now: for streams that outlive a change of them.
    pub async fn again(&self, access: &Access) -> Result<Access, ServiceError> {
        let now = match access.caller() {
            Caller::ApiKey(id) => {
                let row = self.db.api_keys().get(*id).await?;
                self.standing_of_key(row.ok_or(Refusal::Revoked)?, access.origin())?
            }
            Caller::Person(person) => match person.by {
                PersonBy::Session { session, .. } => self.standing_of_session(session).await?.0,
                PersonBy::Message { bot } => self.standing_in_chat(bot, person.user).await?,
                PersonBy::Webhook(id) => {
                    let webhook = self.db.incoming_webhooks().get(id).await?;
                    let webhook = webhook.ok_or(Refusal::Revoked)?;
                    return self.of_webhook(&webhook, access.origin().clone()).await;
                }
                PersonBy::Bot(caller) => {
                    let bot = self.bot_of_token(caller.token, access.origin()).await?;
                    self.named(&bot, caller, person.telegram_id)
                        .await?
                        .ok_or(Refusal::Unauthorized)?
                }
            },
            Caller::Bot(caller) => {
                let bot = self.bot_of_token(caller.token, access.origin()).await?;
                self.standing_of_bot(&bot, *caller).await?
            }
            Caller::Public => return Ok(access.clone()),
        };
        Ok(Access::decide(now).from_origin(access.origin().clone()))
    }

    /// What a person may do whose message a bot has passed on, as rows say now.
    pub async fn in_chat(&self, bot: BotId, user: UserId, origin: Origin) -> Result<Access, ServiceError> {
        let standing = self.standing_in_chat(bot, user).await?;
        Ok(Access::decide(standing).from_origin(origin))
    }

    /// What a webhook may do: what its maker may, as rows say now, in its knowledge base alone.
    pub async fn of_webhook(
        &self,
        webhook: &IncomingWebhook,
        origin: Origin,
    ) -> Result<Access, ServiceError> {
        let standing = match webhook.maker {
            Maker::ApiKey(key) => {
                let row = self.db.api_keys().get(key).await?;
                self.standing_of_key(row.ok_or(Refusal::Revoked)?, &origin)?
            }
            Maker::Person(user) => {
                let user = self.db.users().get(user).await?.ok_or(Refusal::Unauthorized)?;
                self.standing_of_person(user, PersonBy::Webhook(webhook.id), Role::Admin)
                    .await?
            }
        };
        let access = Access::decide(standing).from_origin(origin);
        Ok(access.restricted_to([webhook.kb_id]))
    }

    async fn standing_in_chat(&self, bot: BotId, user: UserId) -> Result<Standing, ServiceError> {
        let ceiling = self.ceiling(bot).await?;
        let user = self.db.users().get(user).await?.ok_or(Refusal::Unauthorized)?;
        self.standing_of_person(user, PersonBy::Message { bot }, ceiling)
            .await
    }

    fn verified(&self, token: &SecretString) -> Result<Verified, Refusal> {
        Ok(self.keys.verify(token.expose_secret(), seconds(&*self.clock))?)
    }

    async fn key(&self, key: &SecretString, origin: &Origin) -> Result<Access, ServiceError> {
        let row = self
            .db
            .api_keys()
            .find_by_hash(hash(key.expose_secret()).as_bytes())
            .await?;
        let standing = self.standing_of_key(row.ok_or(Refusal::Unauthorized)?, origin)?;
        Ok(Access::decide(standing).from_origin(origin.clone()))
    }

    fn standing_of_key(
        &self,
        row: nexus_storage::ApiKeyRow,
        origin: &Origin,
    ) -> Result<Standing, ServiceError> {
        if row.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(Refusal::Expired.into());
        }
        allowed(&row.addresses, origin)?;
        Ok(Standing {
            caller: Caller::ApiKey(row.id),
            role: row.role,
            ceiling: Role::Admin,
            scopes: row.scopes,
            reach: row.kbs.map_or(Reach::Every, Reach::These),
        })
    }

    async fn session(
        &self,
        verified: Verified,
        origin: &Origin,
        cookie: Option<&Option<SecretString>>,
    ) -> Result<Access, ServiceError> {
        let (standing, row) = self
            .standing_of_session(SessionId::from_uuid(verified.jti))
            .await?;
        // A cookie goes along with requests that its owner never meant; a bearer token does not.
        match (cookie, row.csrf_hash) {
            (None, None) => {}
            (Some(csrf), Some(wanted)) => check_csrf(csrf.as_ref(), &wanted)?,
            _ => return Err(Refusal::Unauthorized.into()),
        }
        Ok(Access::decide(standing).from_origin(origin.clone()))
    }

    async fn standing_of_session(&self, id: SessionId) -> Result<(Standing, SessionRow), ServiceError> {
        let found = self.db.rights().session(id).await?.ok_or(Refusal::Unauthorized)?;
        let session = found.session;
        if session.revoked_at.is_some() {
            return Err(Refusal::Revoked.into());
        }
        if session.expires_at <= self.clock.now() {
            return Err(Refusal::Expired.into());
        }
        let ceiling = match session.bot_id {
            None => Role::Admin,
            Some(bot) => self.ceiling(bot).await?,
        };
        let by = PersonBy::Session {
            session: session.id,
            bot: session.bot_id,
        };
        let standing = self.standing_of_person(found.user, by, ceiling).await?;
        Ok((standing, session))
    }

    async fn ceiling(&self, bot: BotId) -> Result<Role, ServiceError> {
        let bot = self.db.bots().get(bot).await?.ok_or(Refusal::Revoked)?;
        if bot.is_active {
            Ok(bot.max_role)
        } else {
            Err(Refusal::BotDisabled.into())
        }
    }

    async fn bot(&self, verified: Verified, presented: &Presented) -> Result<Admitted, ServiceError> {
        let token = ServiceTokenId::from_uuid(verified.jti);
        let bot = self.bot_of_token(token, &presented.origin).await?;
        let body = self.check_signature(&bot, presented.signature.as_ref()).await?;
        let caller = BotCaller { bot: bot.id, token };
        let itself = Access::decide(self.standing_of_bot(&bot, caller).await?);
        let itself = itself.from_origin(presented.origin.clone());
        let access = match presented.named {
            None => Some(itself.clone()),
            Some(named) => self
                .named(&bot, caller, named)
                .await?
                .map(|standing| Access::decide(standing).from_origin(presented.origin.clone())),
        };
        Ok(Admitted {
            access,
            bot: Some(itself),
            body,
        })
    }

    async fn bot_of_token(&self, token: ServiceTokenId, origin: &Origin) -> Result<Bot, ServiceError> {
        let found = self.db.rights().token(token).await?.ok_or(Refusal::Revoked)?;
        if found.token.revoked_at.is_some() {
            return Err(Refusal::Revoked.into());
        }
        if found.token.expires_at <= self.clock.now() {
            return Err(Refusal::Expired.into());
        }
        if !found.bot.is_active {
            return Err(Refusal::BotDisabled.into());
        }
        allowed(&found.bot.addresses, origin)?;
        Ok(found.bot)
    }

    async fn check_signature(
        &self,
        bot: &Bot,
        presented: Option<&PresentedSignature>,
    ) -> Result<Option<BodyCheck>, ServiceError> {
        if !bot.signs_requests {
            return Ok(None);
        }
        let presented = presented.ok_or(Refusal::SignatureRequired)?;
        let sealed = self.db.bots().sealed_signing_secret(bot.id).await?;
        let sealed = sealed.ok_or(Refusal::SignatureRequired)?;
        let secret = secrets::open(&self.keys, &sealed, bot.id, SIGNING_SECRET)?;
        let target = signed_request::Target {
            method: &presented.method,
            path_and_query: &presented.path_and_query,
        };
        let headers = signed_request::Presented {
            timestamp: presented.timestamp.as_deref(),
            nonce: presented.nonce.as_deref(),
            content_sha256: presented.content_sha256.as_deref(),
            signature: presented.signature.as_deref(),
        };
        let accepted = signed_request::verify(&target, &headers, &secret, seconds(&*self.clock))
            .map_err(Refusal::Signature)?;
        let used = blake3::Hasher::new()
            .update(b"signed request")
            .update(bot.id.as_uuid().as_bytes())
            .update(accepted.nonce.as_bytes())
            .finalize();
        let mut tx = self.db.begin().await?;
        let until = self.clock.now().plus(SIGNED_REQUEST_LIFE);
        let first = tx.proofs().first_use(used.as_bytes(), until).await?;
        tx.commit().await?;
        if first {
            Ok(Some(accepted.body))
        } else {
            Err(Refusal::Replayed.into())
        }
    }

    async fn standing_of_bot(&self, bot: &Bot, caller: BotCaller) -> Result<Standing, ServiceError> {
        Ok(Standing {
            caller: Caller::Bot(caller),
            role: Role::Reader,
            ceiling: Role::Reader,
            scopes: Scopes::ALL,
            reach: Reach::Granted(self.db.rights().grants(None, Some(bot.id)).await?),
        })
    }

    async fn named(
        &self,
        bot: &Bot,
        caller: BotCaller,
        named: TelegramId,
    ) -> Result<Option<Standing>, ServiceError> {
        let Some(user) = self.db.users().by_telegram_id(named).await? else {
            return Ok(None);
        };
        // Whom others have introduced is not this bot's to speak for.
        if self.db.subscriptions().by(user.id, bot.id).await?.is_none() {
            return Ok(None);
        }
        let standing = self
            .standing_of_person(user, PersonBy::Bot(caller), bot.max_role)
            .await?;
        Ok(Some(standing))
    }

    async fn standing_of_person(
        &self,
        user: User,
        by: PersonBy,
        ceiling: Role,
    ) -> Result<Standing, ServiceError> {
        if user.blocked {
            return Err(Refusal::UserBlocked.into());
        }
        let caller = Caller::Person(PersonCaller {
            user: user.id,
            telegram_id: user.person.telegram_id,
            by,
        });
        let reach = self.db.rights().grants(Some(user.id), caller.bot()).await?;
        Ok(Standing {
            caller,
            role: user.role,
            ceiling,
            scopes: Scopes::ALL,
            reach: Reach::Granted(reach),
        })
    }
}

fn check_csrf(presented: Option<&SecretString>, wanted: &[u8; 32]) -> Result<(), Refusal> {
    match presented {
        // Reading needs none: other pages cannot see what comes back.
        None => Ok(()),
        Some(token) => {
            let is = hash(token.expose_secret());
            if bool::from(is.as_bytes().ct_eq(wanted)) {
                Ok(())
            } else {
                Err(Refusal::Csrf)
            }
        }
    }
}

fn allowed(networks: &[IpNet], origin: &Origin) -> Result<(), Refusal> {
    let inside = |address: IpAddr| networks.iter().any(|network| network.contains(&address));
    if networks.is_empty()
        || origin
            .address
            .is_some_and(|address| inside(address.to_canonical()))
    {
        Ok(())
    } else {
        Err(Refusal::AddressNotAllowed)
    }
}

/// Unix seconds.
pub(super) fn seconds(clock: &dyn Clock) -> i64 {
    clock.now().as_micros().div_euclid(1_000_000)
}
