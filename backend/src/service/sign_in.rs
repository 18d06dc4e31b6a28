//! Sign-in with what Telegram has signed, and the sessions that it begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_auth::telegram::jwks::Jwks;
use nexus_auth::telegram::{TelegramPerson, id_token, init_data, login_widget};
use nexus_auth::{KeyRing, TokenKind};
use nexus_domain::user::MAX_NAME_CHARS;
use nexus_domain::{
    Access, Action, Bot, Caller, Clock, Person, PersonBy, SessionId, TargetKind, TelegramId, Timestamp, User,
};
use nexus_storage::{Db, SessionRow};
use secrecy::{ExposeSecret as _, SecretString};

use super::audit::Change;
use super::credentials::hash;
use super::door::seconds;
use super::jwks::KeySource;
use super::secrets::{TELEGRAM_TOKEN, open};
use super::{Refusal, ServiceError, people};

#[derive(Clone, Debug)]
pub struct SignIns {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub keys: Arc<KeyRing>,
    pub jwks: KeySource,
    pub environment: init_data::Environment,
    pub max_age_seconds: u32,
    pub session_life: Duration,
}

/// What Telegram has signed about a person.
#[derive(Debug)]
pub enum Proof {
    InitData(String),
    InitDataSignature(String),
    LoginWidget(BTreeMap<String, String>),
    IdToken {
        token: SecretString,
        nonce: Option<String>,
    },
}

impl Proof {
    const fn method(&self) -> &'static str {
        match self {
            Self::InitData(_) => "init_data",
            Self::InitDataSignature(_) => "init_data_signature",
            Self::LoginWidget(_) => "login_widget",
            Self::IdToken { .. } => "id_token",
        }
    }

    /// What tells this proof from every other one: its own signature.
    fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"sign-in");
        match self {
            Self::InitData(raw) | Self::InitDataSignature(raw) => hasher.update(raw.as_bytes()),
            Self::LoginWidget(fields) => hasher.update(
                fields
                    .get("hash")
                    .map(String::as_str)
                    .unwrap_or_default()
                    .as_bytes(),
            ),
            Self::IdToken { token, .. } => hasher.update(token.expose_secret().as_bytes()),
        };
        hasher.finalize()
    }
}

/// A session that has just begun: the only moment at which its token can be shown.
#[derive(Debug)]
pub struct Begun {
    pub token: SecretString,
    /// What changes by cookie must carry; only for a session in a cookie.
    pub csrf: Option<SecretString>,
    pub expires_at: Timestamp,
    pub user: User,
}

impl SignIns {
    /// Begins a session of the person whom the proof names, who comes with the bot of this code. `anybody` is the access of
    /// a caller who has shown nothing yet.
    pub async fn sign_in(
        &self,
        anybody: &Access,
        code: &str,
        proof: Proof,
        in_cookie: bool,
    ) -> Result<Begun, ServiceError> {
        let bot = self.db.bots().by_code(code).await?;
        let bot = bot.ok_or(ServiceError::NotFound("bot"))?;
        if !bot.is_active {
            return Err(Refusal::BotDisabled.into());
        }
        let person = self.proven(&bot, &proof).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        // A Mini App may be reloaded with the same data; a widget's or provider's answer is good for one sign-in.
        if matches!(proof, Proof::LoginWidget(_) | Proof::IdToken { .. }) {
            let until = now.plus(Duration::from_secs(u64::from(self.max_age_seconds) + 120));
            if !tx.proofs().first_use(proof.digest().as_bytes(), until).await? {
                return Err(Refusal::Replayed.into());
            }
        }
        let introduced = people::introduce(&mut tx, anybody, &person, bot.id, now).await?;
        let (begun, row) = self.begin(introduced.user, Some(&bot), proof.method(), in_cookie, now);
        tx.sessions().insert(&row).await?;
        Change::new(Action::SignIn, TargetKind::Session, row.id)
            .with("user", row.user_id.to_string())
            .with("bot", bot.id.to_string())
            .with("method", proof.method())
            .record(&mut tx, anybody, now)
            .await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// A session for an admin whom the operator has just named, so that they can begin.
    pub async fn first_session(&self, user: User, life: Duration) -> Result<Begun, ServiceError> {
        let short = Self {
            session_life: life,
            ..self.clone()
        };
        let mut tx = self.db.begin().await?;
        let (begun, row) = short.begin(user, None, "operator", false, self.clock.now());
        tx.sessions().insert(&row).await?;
        tx.commit().await?;
        Ok(begun)
    }

    /// Ends the caller's session.
    pub async fn sign_out(&self, access: &Access) -> Result<(), ServiceError> {
        let Caller::Person(person) = access.caller() else {
            return Err(ServiceError::invalid(
                "session",
                "only a person's session can be signed out",
            ));
        };
        let PersonBy::Session { session, .. } = person.by else {
            return Err(ServiceError::invalid(
                "session",
                "the bot vouches for this person; there is no session",
            ));
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        tx.sessions().revoke(session, now).await?;
        Change::new(Action::SignOut, TargetKind::Session, session)
            .record(&mut tx, access, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    fn begin(
        &self,
        user: User,
        bot: Option<&Bot>,
        method: &str,
        in_cookie: bool,
        now: Timestamp,
    ) -> (Begun, SessionRow) {
        let csrf = in_cookie.then(|| nexus_auth::secrets::random_token("nxc_"));
        let row = SessionRow {
            id: SessionId::new(now),
            user_id: user.id,
            bot_id: bot.map(|bot| bot.id),
            method: method.to_owned(),
            csrf_hash: csrf.as_ref().map(|csrf| *hash(csrf.expose_secret()).as_bytes()),
            created_at: now,
            expires_at: now.plus(self.session_life),
            revoked_at: None,
        };
        let issued = seconds(&*self.clock);
        let life = i64::try_from(self.session_life.as_secs()).unwrap_or(i64::MAX);
        let token = self.keys.mint(
            TokenKind::Session,
            row.id.as_uuid(),
            issued,
            issued.saturating_add(life),
        );
        let begun = Begun {
            token,
            csrf,
            expires_at: row.expires_at,
            user,
        };
        (begun, row)
    }

    async fn proven(&self, bot: &Bot, proof: &Proof) -> Result<Person, ServiceError> {
        let (now, age) = (seconds(&*self.clock), self.max_age_seconds);
        let person = match proof {
            Proof::InitData(raw) => {
                let token = self.bot_token(bot).await?;
                let verified = init_data::verify_hmac(raw, &token, now, age);
                verified.map_err(Refusal::InitData)?.person
            }
            Proof::InitDataSignature(raw) => {
                let key = self.environment.into();
                let verified = init_data::verify_ed25519(raw, bot_id(bot)?, &key, now, age);
                verified.map_err(Refusal::InitDataSignature)?.person
            }
            Proof::LoginWidget(fields) => {
                let token = self.bot_token(bot).await?;
                let verified = login_widget::verify(fields, &token, now, age);
                verified.map_err(Refusal::LoginWidget)?.person
            }
            Proof::IdToken { token, nonce } => self.id_token(bot, token, nonce.as_deref()).await?,
        };
        known(person)
    }

    async fn id_token(
        &self,
        bot: &Bot,
        token: &SecretString,
        nonce: Option<&str>,
    ) -> Result<TelegramPerson, ServiceError> {
        let client_id = bot_id(bot)?.to_string();
        let expected = id_token::Expected {
            client_id: &client_id,
            nonce,
        };
        let verify = |keys: &Jwks| {
            let now = seconds(&*self.clock);
            id_token::verify(token.expose_secret(), keys, &expected, now, self.max_age_seconds)
        };
        // What cannot be a token of any key costs no fetch of keys.
        match verify(&Jwks::default()) {
            Err(id_token::IdTokenError::UnknownKey) => {}
            Err(error) => return Err(Refusal::IdToken(error).into()),
            Ok(_) => return Err(Refusal::Unauthorized.into()),
        }
        let outcome = match verify(&*self.jwks.current().await?) {
            // Telegram may have a new key since.
            Err(id_token::IdTokenError::UnknownKey) => match self.jwks.newer().await? {
                Some(keys) => verify(&keys),
                None => Err(id_token::IdTokenError::UnknownKey),
            },
            outcome => outcome,
        };
        Ok(outcome.map_err(Refusal::IdToken)?.person)
    }

    async fn bot_token(&self, bot: &Bot) -> Result<SecretString, ServiceError> {
        let sealed = self.db.bots().sealed_telegram_token(bot.id).await?;
        let sealed = sealed.ok_or_else(|| {
            ServiceError::invalid(
                "method",
                "the bot's Telegram token is not kept here; use init_data_signature",
            )
        })?;
        open(&self.keys, &sealed, bot.id, TELEGRAM_TOKEN)
    }
}

fn bot_id(bot: &Bot) -> Result<i64, ServiceError> {
    bot.telegram_bot_id.ok_or_else(|| {
        ServiceError::invalid(
            "bot",
            "the bot's Telegram id is not known here; set telegram_bot_id",
        )
    })
}

/// A proven person as ours. An id_token gives one full name, which may be longer than ours.
fn known(person: TelegramPerson) -> Result<Person, ServiceError> {
    let telegram_id = TelegramId::new(person.id);
    let person = Person {
        telegram_id: telegram_id.ok_or_else(|| ServiceError::invalid("id", "this is no person's id"))?,
        username: person.username,
        first_name: person.first_name.chars().take(MAX_NAME_CHARS).collect(),
        last_name: person.last_name,
        language_code: person.language_code,
    };
    person
        .checked()
        .map_err(|error| ServiceError::invalid(error.field, error))
}
