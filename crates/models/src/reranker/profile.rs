//! What has to be known of a reranker besides its files.

use std::path::Path;

use nexus_domain::Script;
use serde::Deserialize;

use crate::error::{ModelError, read};
use crate::profile::PROFILE_FILE;

/// What tells a reranker's description from an embedding model's, which has no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Reranker,
}

/// A pair and the score (the raw output of the model) that it must get, within a twentieth.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerankReference {
    pub question: String,
    pub passage: String,
    pub score: f32,
}

/// The description of a reranker, from the `nexus-model.json` of its folder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RerankerProfile {
    /// Read so that the description of another kind of model is refused.
    kind: Kind,
    pub name: String,
    /// The window: tokens of question and passage together, the special ones included; what is beyond is cut.
    pub max_tokens: usize,
    /// Scripts of the languages that it was trained on.
    pub scripts: Vec<Script>,
    /// Of the weights; for people.
    #[serde(default = "fp32")]
    pub precision: String,
    #[serde(default)]
    pub reference: Option<RerankReference>,
}

fn fp32() -> String {
    "fp32".to_owned()
}

/// Whether a folder says of itself that it is a reranker. One that cannot be read is no business of this question.
pub(crate) fn is_one(folder: &Path) -> bool {
    #[derive(Deserialize)]
    struct Described {
        kind: Kind,
    }
    std::fs::read(folder.join(PROFILE_FILE))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Described>(&bytes).ok())
        .is_some_and(|described| described.kind == Kind::Reranker)
}

impl RerankerProfile {
    pub(super) fn of_folder(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(PROFILE_FILE);
        if !path.is_file() {
            return Err(ModelError::Unknown {
                folder: folder.to_owned(),
            });
        }
        let profile: Self =
            serde_json::from_slice(&read(&path)?).map_err(|error| ModelError::invalid(&path, error))?;
        match profile.fault() {
            Some(fault) => Err(ModelError::invalid(&path, fault)),
            None => Ok(profile),
        }
    }

    /// What makes this profile unusable.
    fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() {
            return Some("`name` is empty");
        }
        if !(16..=8192).contains(&self.max_tokens) {
            return Some("`max_tokens` must be between 16 and 8192");
        }
        if self.scripts.is_empty() {
            return Some("`scripts` names none");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_describes_its_reranker_and_errors_name_the_field() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_one(folder.path()));
        let error = RerankerProfile::of_folder(folder.path()).unwrap_err();
        assert!(matches!(error, ModelError::Unknown { .. }), "{error}");
        let write = |text: &str| std::fs::write(folder.path().join(PROFILE_FILE), text).unwrap();
        write(r#"{"kind":"reranker","name":"own","max_tokens":512,"scripts":["latin","cyrillic"]}"#);
        let own = RerankerProfile::of_folder(folder.path()).unwrap();
        assert_eq!((own.name.as_str(), own.precision.as_str()), ("own", "fp32"));
        assert!(is_one(folder.path()));
        for (text, complaint) in [
            (
                r#"{"name":"own","dimension":3,"pooling":"cls","max_tokens":128,"scripts":["latin"]}"#,
                "dimension",
            ),
            (r#"{"name":"own","max_tokens":128,"scripts":["latin"]}"#, "kind"),
            (
                r#"{"kind":"embedder","name":"own","max_tokens":128,"scripts":["latin"]}"#,
                "embedder",
            ),
            (
                r#"{"kind":"reranker","name":"","max_tokens":128,"scripts":["latin"]}"#,
                "name",
            ),
            (
                r#"{"kind":"reranker","name":"own","max_tokens":1,"scripts":["latin"]}"#,
                "max_tokens",
            ),
            (
                r#"{"kind":"reranker","name":"own","max_tokens":128,"scripts":[]}"#,
                "scripts",
            ),
        ] {
            write(text);
            let error = RerankerProfile::of_folder(folder.path()).unwrap_err().to_string();
            assert!(
                error.contains(complaint) && error.contains(PROFILE_FILE),
                "{error}"
            );
        }
    }
}
