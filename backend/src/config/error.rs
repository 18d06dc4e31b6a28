//! What can be wrong with settings.

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings cannot be read: {0}")]
    Read(#[from] config::ConfigError),
    #[error("the file .env cannot be read: {0}")]
    DotEnv(#[from] dotenvy::Error),
    #[error("setting `{setting}` ({variable}): {reason}")]
    Invalid {
        setting: String,
        variable: String,
        reason: String,
    },
}

impl ConfigError {
    pub(crate) fn invalid(setting: &str, reason: impl Into<String>) -> Self {
        Self::Invalid {
            setting: setting.to_owned(),
            variable: super::load::variable(setting),
            reason: reason.into(),
        }
    }
}
