//! What a person has chosen, out of the settings of their subscription.

use nexus_domain::{KbId, Language, Style, Subscription, User};
use serde_json::{Value, json};

/// The languages that can be chosen; `None`: as in Telegram.
pub(super) const LANGUAGES: [Option<Language>; 3] = [None, Some(Language::Ru), Some(Language::En)];

/// The chosen one, if one was.
pub(super) fn chosen_language(subscription: &Subscription) -> Option<Language> {
    subscription.settings.get("language")?.as_str()?.parse().ok()
}

pub(super) fn language(subscription: &Subscription, user: &User) -> Language {
    let tag = user.person.language_code.as_deref().unwrap_or_default();
    chosen_language(subscription).unwrap_or_else(|| Language::for_tag(tag))
}

pub(super) fn language_patch(language: Option<Language>) -> Value {
    json!({ "language": language.map(Language::as_str) })
}

/// Whether the person takes messages that they have not asked for.
pub(crate) fn takes_notices(subscription: &Subscription) -> bool {
    subscription.settings.get("notices").and_then(Value::as_bool) != Some(false)
}

pub(super) fn notices_patch(on: bool) -> Value {
    // On is what is there without a word.
    json!({ "notices": if on { Value::Null } else { Value::Bool(false) } })
}

pub(super) fn style_patch(style: Style) -> Value {
    json!({ "style": style })
}

/// Knowledge bases that are asked; empty: the bot's own choice, or all.
pub(super) fn chosen_kbs(subscription: &Subscription) -> Vec<KbId> {
    let chosen = subscription
        .settings
        .get("knowledge_bases")
        .and_then(Value::as_array);
    let ids = chosen.into_iter().flatten().filter_map(Value::as_str);
    ids.filter_map(|id| id.parse().ok()).collect()
}

pub(super) fn kbs_patch(kbs: &[KbId]) -> Value {
    let ids: Vec<_> = kbs.iter().map(ToString::to_string).collect();
    json!({ "knowledge_bases": if ids.is_empty() { Value::Null } else { json!(ids) } })
}

#[cfg(test)]
mod tests {
    use nexus_domain::subscription::merged;
    use nexus_domain::{BotId, SubscriptionId, Timestamp, UserId};

    use super::*;

    fn subscription(patch: &Value) -> Subscription {
        let at = Timestamp::from_micros(0);
        Subscription {
            id: SubscriptionId::new(at),
            user_id: UserId::new(at),
            bot_id: BotId::new(at),
            installed_at: at,
            settings: merged(&serde_json::Map::new(), patch).unwrap(),
            settings_version: 1,
            state: serde_json::Map::new(),
            state_version: 1,
            last_interaction_at: at,
        }
    }

    #[test]
    fn what_was_chosen_is_read_back_and_nonsense_is_as_if_nothing_was() {
        let kb = KbId::new(Timestamp::from_micros(0));
        assert_eq!(chosen_kbs(&subscription(&kbs_patch(&[kb]))), [kb]);
        assert!(chosen_kbs(&subscription(&kbs_patch(&[]))).is_empty());
        assert!(!takes_notices(&subscription(&notices_patch(false))));
        assert!(takes_notices(&subscription(&notices_patch(true))));
        for language in LANGUAGES {
            assert_eq!(
                chosen_language(&subscription(&language_patch(language))),
                language
            );
        }
        let nonsense = subscription(&json!({"language": 3, "notices": "x", "knowledge_bases": ["x", 1]}));
        assert_eq!(chosen_language(&nonsense), None);
        assert!(takes_notices(&nonsense) && chosen_kbs(&nonsense).is_empty());
    }
}
