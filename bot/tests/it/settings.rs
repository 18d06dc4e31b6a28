//! Settings, and what is said about wrong ones.

use std::collections::BTreeMap;

use nexus_bot::config::{Config, VARIABLES};

const NEEDED: [(&str, &str); 3] = [
    ("NEXUS_BOT_TOKEN", "42:secret-token"),
    ("NEXUS_BOT_SERVICE_TOKEN", "secret-service"),
    ("NEXUS_BACKEND_URL", "https://nexus.example"),
];

fn with(more: &[(&str, &str)]) -> Result<Config, String> {
    let environment: BTreeMap<_, _> = NEEDED
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Config::from_environment(&environment).map_err(|error| error.to_string())
}

#[test]
fn traces_go_nowhere_unless_an_endpoint_is_given() {
    assert!(with(&[]).unwrap().otlp.is_none());
    for variable in ["NEXUS_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        let export = with(&[(variable, "http://collector:4318")]).unwrap().otlp;
        assert_eq!(export.unwrap().to_string(), "collector");
    }
    let error = with(&[("NEXUS_OTLP_ENDPOINT", "collector:4317")]).unwrap_err();
    assert!(error.contains("NEXUS_OTLP_ENDPOINT"), "{error}");
    let error = with(&[("NEXUS_OTLP_RATIO", "2")]).unwrap_err();
    assert!(error.contains("NEXUS_OTLP_RATIO"), "{error}");
    let collector = ("NEXUS_OTLP_ENDPOINT", "http://collector:4318");
    // At plain http, headers would be refused: those of the standard endpoint are not taken for ours.
    let standard = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret-of-it");
    assert!(with(&[collector, standard]).is_ok());
    let error = with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"), standard]).unwrap_err();
    assert!(
        error.contains("NEXUS_OTLP_HEADERS") && !error.contains("secret-of-it"),
        "{error}"
    );
    let error = with(&[collector, ("NEXUS_OTLP_HEADERS", "secret-of-it")]).unwrap_err();
    assert!(
        error.contains("NEXUS_OTLP_HEADERS") && !error.contains("secret-of-it"),
        "{error}"
    );
}

#[test]
fn three_settings_are_enough() {
    let config = with(&[]).unwrap();
    assert_eq!(config.telegram.base.as_str(), "https://api.telegram.org/");
    assert_eq!(config.lease_seconds, 30);
    assert!(config.webhook.is_none());
    assert!(!format!("{config:?}").contains("secret"));
    for (name, _) in NEEDED {
        assert!(with(&[(name, "")]).unwrap_err().contains(name));
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_to_do() {
    let cases = [
        ("NEXUS_BOT_TOKEN", "secret", "@BotFather"),
        (
            "NEXUS_BACKEND_URL",
            "http://nexus.example",
            "NEXUS_BACKEND_ALLOW_PLAIN_HTTP",
        ),
        ("NEXUS_BACKEND_URL", "https://nexus.example/api", "after the host"),
        (
            "NEXUS_BOT_API_URL",
            "http://telegram.example",
            "NEXUS_BOT_API_ALLOW_PLAIN_HTTP",
        ),
        ("NEXUS_BACKEND_CA", "/nowhere.pem", "cannot be read"),
        ("NEXUS_BOT_LEASE_SECONDS", "0", "between"),
        ("NEXUS_BOT_MAX_DOWNLOAD_MB", "many", "whole number"),
        ("NEXUS_BOT_DRAFTS", "yes", "true or false"),
        ("NEXUS_BOT_WEBHOOK_URL", "http://bot.example", "https"),
        (
            "NEXUS_BOT_WEBHOOK_URL",
            "https://bot.example",
            "NEXUS_BOT_WEBHOOK_LISTEN",
        ),
        ("NEXUS_LOG_FORMAT", "xml", "json or text"),
        ("NEXUS_BOT_LEASE", "3", "NEXUS_BOT_LEASE"),
    ];
    for (name, value, said) in cases {
        let error = with(&[(name, value)]).unwrap_err();
        assert!(error.contains(said), "{name}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(with(&[("NEXUS_BACKEND_URL", "http://127.0.0.1:8080")]).is_ok());
}

#[test]
fn requests_are_signed_where_a_secret_is_given_and_it_is_not_shown() {
    assert!(with(&[]).unwrap().backend.signing.is_none());
    let variable = "NEXUS_BOT_SIGNING_SECRET";
    let config = with(&[(variable, "nxs_hidden")]).unwrap();
    assert!(config.backend.signing.is_some());
    assert!(!format!("{config:?}").contains("hidden"));
    let error = with(&[(variable, "nxs hidden")]).unwrap_err();
    assert!(error.contains(variable) && !error.contains("hidden"), "{error}");
}

#[test]
fn a_webhook_has_a_secret_even_if_nobody_made_one() {
    let webhook = |more: &[(&str, &str)]| {
        let mut settings = vec![
            ("NEXUS_BOT_WEBHOOK_URL", "https://bot.example/hook"),
            ("NEXUS_BOT_WEBHOOK_LISTEN", "127.0.0.1:8090"),
        ];
        settings.extend(more);
        with(&settings)
    };
    assert!(webhook(&[]).unwrap().webhook.is_some());
    assert!(webhook(&[("NEXUS_BOT_WEBHOOK_SECRET", "short")]).is_err());
}

#[test]
fn the_example_environment_lists_every_setting() {
    let example = include_str!("../../../.env.example");
    for variable in VARIABLES {
        assert!(example.contains(&format!("{variable}=")), "{variable} is missing");
    }
}
