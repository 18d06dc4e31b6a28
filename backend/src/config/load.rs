//! Where settings come from.

use std::collections::BTreeMap;
use std::path::Path;

use config::{Config as Layers, File, FileFormat, Value, ValueKind};

use super::{Config, ConfigError, DEFAULTS};

/// Variables of the same prefix that are no settings: the settings file's place, what tests use, and the bot's, which may stand
/// in the same `.env`.
const NOT_SETTINGS: &[&str] = &[
    "NEXUS_CONFIG",
    "NEXUS_TEST_",
    "NEXUS_BOT_",
    "NEXUS_BACKEND_",
    "NEXUS_PUBLIC_URL",
];

/// The environment variable of a setting: `models.dir` is `NEXUS_MODELS_DIR`.
pub(super) fn variable(setting: &str) -> String {
    format!("NEXUS_{}", setting.replace('.', "_").to_uppercase())
}

impl Config {
    /// Reads `.env`, `nexus.toml` (or the file that `NEXUS_CONFIG` names) and the environment.
    pub fn load() -> Result<Self, ConfigError> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => return Err(error.into()),
            _ => {}
        }
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let file = environment
            .get("NEXUS_CONFIG")
            .map_or("nexus.toml", String::as_str);
        Self::from_layers(Some(Path::new(file)), &environment)
    }

    /// The settings that a file and an environment give.
    pub fn from_layers(
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let defaults = Layers::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .build()?;
        let settings = names(&defaults);
        let mut layers = Layers::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            let required = environment.contains_key("NEXUS_CONFIG");
            layers = layers.add_source(File::from(file).format(FileFormat::Toml).required(required));
        }
        refuse_unknown_variables(&settings, environment)?;
        for setting in &settings {
            if let Some(text) = environment.get(&variable(setting)) {
                layers = layers.set_override(setting, text.as_str())?;
            }
        }
        let merged = layers.build()?;
        refuse_unknown_settings(&settings, &names(&merged))?;
        let mut config: Self = merged
            .try_deserialize()
            .map_err(|error| named(&settings, error))?;
        config.otlp.fill_from(environment);
        config.validated()
    }
}

/// A value of the wrong type, with the setting's name and variable.
fn named(settings: &[String], error: config::ConfigError) -> ConfigError {
    let message = error.to_string();
    match settings
        .iter()
        .find(|setting| message.contains(&format!("`{setting}`")))
    {
        Some(setting) => ConfigError::invalid(setting, message),
        None => error.into(),
    }
}

/// The dotted names of all values.
fn names(layers: &Layers) -> Vec<String> {
    fn walk(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match &value.kind {
            ValueKind::Table(table) => {
                for (key, value) in table {
                    let name = if prefix.is_empty() {
                        key.clone()
                    } else {
                        format!("{prefix}.{key}")
                    };
                    walk(&name, value, found);
                }
            }
            _ => found.push(prefix.to_owned()),
        }
    }
    let mut found = Vec::new();
    walk("", &layers.cache, &mut found);
    found.sort();
    found
}

fn refuse_unknown_settings(known: &[String], given: &[String]) -> Result<(), ConfigError> {
    match given.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(ConfigError::invalid(name, "there is no such setting")),
        None => Ok(()),
    }
}

fn refuse_unknown_variables(
    settings: &[String],
    environment: &BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    let known: Vec<String> = settings.iter().map(|setting| variable(setting)).collect();
    let is_known = |name: &str| {
        known.iter().any(|known| known == name) || NOT_SETTINGS.iter().any(|other| name.starts_with(other))
    };
    match environment
        .keys()
        .find(|name| name.starts_with("NEXUS_") && !is_known(name))
    {
        Some(name) => Err(ConfigError::Invalid {
            setting: name.trim_start_matches("NEXUS_").to_lowercase(),
            variable: name.clone(),
            reason: "there is no such setting; .env.example lists them all".to_owned(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let environment = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::from_layers(None, &environment)
    }

    #[test]
    fn the_defaults_stand_alone() {
        let config = load(&[]).unwrap();
        assert_eq!(config.listen.port(), 8080);
        assert!(config.database_url().starts_with("sqlite:"));
    }

    #[test]
    fn the_environment_sets_every_setting_by_one_scheme() {
        let config = load(&[
            ("NEXUS_DATA_DIR", "/tmp/x"),
            ("NEXUS_WORKER_LEASE_SECONDS", "7"),
            ("NEXUS_ADMIN_KEY", "a-key-that-is-long"),
        ])
        .unwrap();
        assert_eq!(config.worker.lease_seconds, 7);
        assert_eq!(config.database_url(), "sqlite:/tmp/x/nexus.db");
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let message = |pairs: &[(&str, &str)]| load(pairs).unwrap_err().to_string();
        assert!(message(&[("NEXUS_LISTEN", "here")]).contains("NEXUS_LISTEN"));
        assert!(message(&[("NEXUS_WORKER_CONCURRENCY", "0")]).contains("NEXUS_WORKER_CONCURRENCY"));
        let kept_too_short = message(&[("NEXUS_WORKER_CHAT_KEEP_DAYS", "1")]);
        assert!(
            kept_too_short.contains("NEXUS_WORKER_CHAT_KEEP_DAYS"),
            "{kept_too_short}"
        );
        assert!(message(&[("NEXUS_WORKER_CONCURRENCY", "many")]).contains("worker.concurrency"));
        assert!(message(&[("NEXUS_TLS_CERT", "cert.pem")]).contains("NEXUS_TLS_KEY"));
        assert!(message(&[("NEXUS_ADMIN_KEY", "short")]).contains("NEXUS_ADMIN_KEY"));
        assert!(message(&[("NEXUS_DATABASE_URL", "mysql://x")]).contains("NEXUS_DATABASE_URL"));
        assert!(message(&[("NEXUS_LISTN", "x")]).contains("NEXUS_LISTN"));
        assert!(message(&[("NEXUS_QDRANT_URL", "qdrant")]).contains("NEXUS_QDRANT_URL"));
        assert!(message(&[("NEXUS_QDRANT_PREFIX", "a/b")]).contains("NEXUS_QDRANT_PREFIX"));
        let key = ("NEXUS_QDRANT_API_KEY", "secret-of-qdrant");
        let open = message(&[("NEXUS_QDRANT_URL", "http://qdrant:6334"), key]);
        assert!(
            open.contains("https") && !open.contains("secret-of-qdrant"),
            "{open}"
        );
        assert!(message(&[("NEXUS_OTLP_ENDPOINT", "collector:4317")]).contains("NEXUS_OTLP_ENDPOINT"));
        assert!(message(&[("NEXUS_OTLP_RATIO", "2")]).contains("NEXUS_OTLP_RATIO"));
        let collector = ("NEXUS_OTLP_ENDPOINT", "http://collector:4318");
        let headers = message(&[collector, ("NEXUS_OTLP_HEADERS", "secret-of-the-collector")]);
        assert!(
            headers.contains("NEXUS_OTLP_HEADERS") && !headers.contains("secret-of"),
            "{headers}"
        );
        for url in [
            "https://qdrant:6334",
            "http://127.0.0.1:6334",
            "http://localhost:6334",
        ] {
            load(&[("NEXUS_QDRANT_URL", url), key]).unwrap();
        }
    }

    #[test]
    fn traces_go_nowhere_unless_an_endpoint_is_given_here_or_where_all_programs_read_it() {
        assert!(load(&[]).unwrap().otlp.export().unwrap().is_none());
        let standard = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let export = load(&[standard]).unwrap().otlp.export().unwrap();
        assert_eq!(export.unwrap().to_string(), "collector");
        let ours = ("NEXUS_OTLP_ENDPOINT", "http://ours:4318");
        let export = load(&[standard, ours]).unwrap().otlp.export().unwrap();
        assert_eq!(export.unwrap().to_string(), "ours");
        // At plain http, headers would be refused: those of the standard endpoint are not taken for ours.
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret-of-it");
        load(&[standard, ours, headers]).unwrap();
        let refused = load(&[standard, headers]).unwrap_err().to_string();
        assert!(
            refused.contains("NEXUS_OTLP_HEADERS") && !refused.contains("secret-of-it"),
            "{refused}"
        );
        let password = ("NEXUS_OTLP_ENDPOINT", "https://anna:secret-of-it@collector:4318");
        let refused = load(&[password]).unwrap_err().to_string();
        assert!(
            refused.contains("NEXUS_OTLP_ENDPOINT") && !refused.contains("secret-of-it"),
            "{refused}"
        );
    }

    #[test]
    fn a_file_lies_between_the_defaults_and_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nexus.toml");
        std::fs::write(&file, "[worker]\nconcurrency = 3\nlease_seconds = 9\n").unwrap();
        let environment = BTreeMap::from([("NEXUS_WORKER_LEASE_SECONDS".to_owned(), "11".to_owned())]);
        let config = Config::from_layers(Some(&file), &environment).unwrap();
        assert_eq!((config.worker.concurrency, config.worker.lease_seconds), (3, 11));

        std::fs::write(&file, "[worker]\nconcurency = 3\n").unwrap();
        let error = Config::from_layers(Some(&file), &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("worker.concurency"));
    }

    #[test]
    fn the_example_environment_lists_every_setting() {
        let example = include_str!("../../../.env.example");
        let defaults = Layers::builder()
            .add_source(File::from_str(DEFAULTS, FileFormat::Toml))
            .build()
            .unwrap();
        for setting in names(&defaults) {
            assert!(
                example.contains(&format!("{}=", variable(&setting))),
                "{setting} is missing"
            );
        }
    }
}
