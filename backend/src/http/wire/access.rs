//! People, bots, keys and the audit log, to and from the contract.

use nexus_api as api;
use nexus_domain as domain;
use secrecy::SecretString;
use uuid::Uuid;

use crate::service::{
    ApiKeyChange, ApiKeyRow, Begun, BotChange, DayOfUse, Introduced, MemberRow, NewApiKey, NewBot, Proof,
    ServiceTokenRow,
};

/// Gives two enums of the same words their mapping, in both directions.
macro_rules! same_words {
    ($to:ident, $from:ident: $name:ident { $($variant:ident),+ $(,)? }) => {
        pub const fn $to(value: domain::$name) -> api::$name {
            match value { $(domain::$name::$variant => api::$name::$variant),+ }
        }

        pub const fn $from(value: api::$name) -> domain::$name {
            match value { $(api::$name::$variant => domain::$name::$variant),+ }
        }
    };
}

same_words!(role, role_from: Role { Reader, Editor, Admin });
same_words!(kb_role, kb_role_from: KbRole { Reader, Editor, Owner });
pub const fn style(style: domain::Style) -> api::AnswerStyle {
    match style {
        domain::Style::Brief => api::AnswerStyle::Brief,
        domain::Style::Normal => api::AnswerStyle::Normal,
        domain::Style::Detailed => api::AnswerStyle::Detailed,
    }
}

const fn style_from(style: api::AnswerStyle) -> domain::Style {
    match style {
        api::AnswerStyle::Brief => domain::Style::Brief,
        api::AnswerStyle::Normal => domain::Style::Normal,
        api::AnswerStyle::Detailed => domain::Style::Detailed,
    }
}

same_words!(visibility, visibility_from: Visibility { Private, Everyone });
same_words!(scope, scope_from: Scope { Ask, Read, Ingest, Manage, Users, Bots, Keys, Logs });

pub const fn caller_kind(kind: domain::CallerKind) -> api::CallerKind {
    match kind {
        domain::CallerKind::Bot => api::CallerKind::Bot,
        domain::CallerKind::Person => api::CallerKind::Person,
        domain::CallerKind::Key => api::CallerKind::Key,
        domain::CallerKind::Public => api::CallerKind::Public,
    }
}

pub const fn quotas(quotas: domain::Quotas) -> api::Quotas {
    api::Quotas {
        questions: quotas.questions,
        tokens: quotas.tokens,
        uploaded_bytes: quotas.uploaded_bytes,
        cost_micros: quotas.cost_micros,
        monthly_cost_micros: quotas.monthly_cost_micros,
    }
}

pub const fn quotas_from(quotas: api::Quotas) -> domain::Quotas {
    domain::Quotas {
        questions: quotas.questions,
        tokens: quotas.tokens,
        uploaded_bytes: quotas.uploaded_bytes,
        cost_micros: quotas.cost_micros,
        monthly_cost_micros: quotas.monthly_cost_micros,
    }
}

pub fn usage(day: DayOfUse) -> api::Usage {
    let of = |measure| {
        let found = day.measures.iter().find(|(of, ..)| *of == measure);
        let (used, limit) = found.map_or((0, None), |(_, used, limit)| (*used, *limit));
        api::Used { used, limit }
    };
    api::Usage {
        questions: of(domain::Measure::Questions),
        tokens: of(domain::Measure::Tokens),
        uploaded_bytes: of(domain::Measure::UploadedBytes),
        cost_micros: of(domain::Measure::Cost),
        monthly_cost_micros: of(domain::Measure::MonthlyCost),
        currency: day.currency.to_string(),
        time_zone: day.zone.name().to_owned(),
        resets_at: day.resets_at.to_datetime(),
        month_resets_at: day.month_resets_at.to_datetime(),
    }
}

pub fn user(user: domain::User) -> api::User {
    api::User {
        id: user.id.as_uuid(),
        telegram_id: user.person.telegram_id.get(),
        username: user.person.username,
        first_name: user.person.first_name,
        last_name: user.person.last_name,
        language_code: user.person.language_code,
        role: role(user.role),
        blocked: user.blocked,
        quotas: quotas(user.quotas),
        created_at: user.created_at.to_datetime(),
        updated_at: user.updated_at.to_datetime(),
    }
}

pub fn subscription(subscription: domain::Subscription) -> api::Subscription {
    api::Subscription {
        id: subscription.id.as_uuid(),
        user_id: subscription.user_id.as_uuid(),
        bot_id: subscription.bot_id.as_uuid(),
        installed_at: subscription.installed_at.to_datetime(),
        settings: subscription.settings,
        settings_version: subscription.settings_version,
        state: subscription.state,
        state_version: subscription.state_version,
        last_interaction_at: subscription.last_interaction_at.to_datetime(),
    }
}

pub fn introduced(introduced: Introduced) -> api::UserSubscription {
    api::UserSubscription {
        user: user(introduced.user),
        subscription: subscription(introduced.subscription),
        user_created: introduced.user_created,
        subscription_created: introduced.subscription_created,
    }
}

pub fn user_bot((bot, used): (domain::Bot, domain::Subscription)) -> api::UserBot {
    api::UserBot {
        bot: bot.code,
        name: bot.name,
        is_active: bot.is_active,
        subscription: subscription(used),
    }
}

pub fn bot(bot: domain::Bot) -> api::Bot {
    api::Bot {
        id: bot.id.as_uuid(),
        code: bot.code,
        name: bot.name,
        description: bot.description,
        version: bot.version,
        is_active: bot.is_active,
        telegram_bot_id: bot.telegram_bot_id,
        has_telegram_token: bot.has_telegram_token,
        signs_requests: bot.signs_requests,
        addresses: bot.addresses.iter().map(ToString::to_string).collect(),
        max_role: role(bot.max_role),
        default_knowledge_bases: bot.default_kbs.iter().map(|kb| kb.as_uuid()).collect(),
        texts: api::BotTexts {
            start: bot.texts.start,
            help: bot.texts.help,
            error: bot.texts.error,
        },
        settings: api::BotSettings {
            instructions: bot.settings.instructions,
            model: bot.settings.model,
            style: bot.settings.style.map(style),
        },
        quotas: quotas(bot.quotas),
        person_quotas: quotas(bot.person_quotas),
        time_zone: bot.time_zone.name().to_owned(),
        last_error: bot.last_error.map(|error| api::BotError {
            message: error.message,
            at: error.at.to_datetime(),
        }),
        created_at: bot.created_at.to_datetime(),
        updated_at: bot.updated_at.to_datetime(),
    }
}

pub fn new_bot(body: api::CreateBot, idempotency_key: Option<String>) -> NewBot {
    NewBot {
        code: body.code,
        name: body.name,
        description: body.description,
        version: body.version,
        telegram_token: body.telegram_token.map(SecretString::from),
        telegram_bot_id: body.telegram_bot_id,
        time_zone: body.time_zone,
        idempotency_key,
    }
}

pub fn bot_change(body: api::UpdateBot) -> BotChange {
    BotChange {
        name: body.name,
        description: body.description,
        version: body.version,
        telegram_token: body.telegram_token.map(|token| token.map(SecretString::from)),
        addresses: body.addresses,
        max_role: body.max_role.map(role_from),
        default_kbs: body.default_knowledge_bases.map(kb_ids),
        texts: body.texts.map(|texts| domain::BotTexts {
            start: texts.start,
            help: texts.help,
            error: texts.error,
        }),
        settings: body.settings.map(|settings| domain::bot::BotSettings {
            instructions: settings.instructions,
            model: settings.model,
            style: settings.style.map(style_from),
        }),
        quotas: body.quotas.map(quotas_from),
        person_quotas: body.person_quotas.map(quotas_from),
        time_zone: body.time_zone,
    }
}

fn kb_ids(ids: Vec<Uuid>) -> Vec<domain::KbId> {
    ids.into_iter().map(domain::KbId::from_uuid).collect()
}

pub fn kb_bot(bot: domain::Bot) -> api::KbBot {
    api::KbBot {
        id: bot.id.as_uuid(),
        code: bot.code,
        name: bot.name,
        is_active: bot.is_active,
    }
}

pub fn service_token(row: ServiceTokenRow) -> api::ServiceToken {
    api::ServiceToken {
        id: row.id.as_uuid(),
        bot_id: row.bot_id.as_uuid(),
        name: row.name,
        created_at: row.created_at.to_datetime(),
        expires_at: row.expires_at.to_datetime(),
        revoked_at: row.revoked_at.map(domain::Timestamp::to_datetime),
    }
}

pub fn member(row: MemberRow) -> api::Member {
    api::Member {
        user: api::MemberPerson {
            id: row.user.id.as_uuid(),
            telegram_id: row.user.person.telegram_id.get(),
            username: row.user.person.username,
            first_name: row.user.person.first_name,
            last_name: row.user.person.last_name,
        },
        role: kb_role(row.role),
        created_at: row.created_at.to_datetime(),
    }
}

pub fn api_key(row: ApiKeyRow) -> api::ApiKey {
    api::ApiKey {
        id: row.id.as_uuid(),
        name: row.name,
        role: role(row.role),
        scopes: row.scopes.iter().map(scope).collect(),
        knowledge_bases: row
            .kbs
            .map(|kbs| kbs.into_iter().map(domain::KbId::as_uuid).collect()),
        addresses: row.addresses.iter().map(ToString::to_string).collect(),
        created_at: row.created_at.to_datetime(),
        expires_at: row.expires_at.map(domain::Timestamp::to_datetime),
    }
}

fn scopes_from(scopes: Vec<api::Scope>) -> domain::Scopes {
    scopes.into_iter().map(scope_from).collect()
}

pub fn new_api_key(body: api::CreateApiKey, all: domain::Scopes) -> NewApiKey {
    NewApiKey {
        name: body.name,
        role: role_from(body.role),
        scopes: body.scopes.map_or(all, scopes_from),
        kbs: body.knowledge_bases.map(kb_ids),
        addresses: body.addresses,
        expires_at: body.expires_at.map(domain::Timestamp::from),
    }
}

pub fn api_key_change(body: api::UpdateApiKey) -> ApiKeyChange {
    ApiKeyChange {
        name: body.name,
        role: body.role.map(role_from),
        scopes: body.scopes.map(scopes_from),
        kbs: body.knowledge_bases.map(|kbs| kbs.map(kb_ids)),
        addresses: body.addresses,
        expires_at: body.expires_at.map(|at| at.map(domain::Timestamp::from)),
    }
}

pub fn proof(proof: api::TelegramProof) -> Proof {
    match proof {
        api::TelegramProof::InitData { init_data } => Proof::InitData(init_data),
        api::TelegramProof::InitDataSignature { init_data } => Proof::InitDataSignature(init_data),
        api::TelegramProof::LoginWidget { fields } => Proof::LoginWidget(fields),
        api::TelegramProof::IdToken { id_token, nonce } => Proof::IdToken {
            token: id_token.into(),
            nonce,
        },
    }
}

/// A session that has begun; its token is shown where it does not go into a cookie.
pub fn signed_in(begun: Begun, token: Option<String>, csrf_token: Option<String>) -> api::SignedIn {
    api::SignedIn {
        token,
        csrf_token,
        expires_at: begun.expires_at.to_datetime(),
        user: user(begun.user),
    }
}

pub fn audit_entry(entry: domain::AuditEntry) -> api::AuditEntry {
    api::AuditEntry {
        id: entry.id.as_uuid(),
        at: entry.at.to_datetime(),
        actor_kind: caller_kind(entry.actor_kind),
        actor_id: entry.actor_id,
        bot_id: entry.bot_id.map(domain::BotId::as_uuid),
        action: entry.action.as_str().to_owned(),
        target_kind: entry.target.kind.as_str().to_owned(),
        target_id: entry.target.id,
        knowledge_base_id: entry.kb_id.map(domain::KbId::as_uuid),
        details: entry.details,
        address: entry.address,
        trace_id: entry.trace_id,
    }
}
