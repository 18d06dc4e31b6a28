//! What has to be known of a model besides its files: how to prompt it, how to pool it, what it can read.
//!
//! Two models are known out of the box; any other folder brings a `nexus-model.json` of the same form.

use std::path::Path;

use nexus_domain::Script;
use serde::Deserialize;

use crate::error::{ModelError, read};

/// The file in a model folder that describes a model (or overrides what is built in).
pub const PROFILE_FILE: &str = "nexus-model.json";

const BUILT_IN: [&str; 2] = [
    include_str!("profiles/multilingual-e5-small.json"),
    include_str!("profiles/all-minilm-l6-v2.json"),
];

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token's vector.
    Cls,
}

impl Pooling {
    /// As it stands in a model's identity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
        }
    }
}

impl From<Pooling> for fastembed::Pooling {
    fn from(pooling: Pooling) -> Self {
        match pooling {
            Pooling::Mean => Self::Mean,
            Pooling::Cls => Self::Cls,
        }
    }
}

/// A text and the vector that the model must give it as a passage. The vector need not be normalised.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Reference {
    pub text: String,
    pub vector: Vec<f32>,
}

/// The description of a model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    /// Length of a vector.
    pub dimension: usize,
    pub pooling: Pooling,
    /// Put before every question; with its space.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before every passage; with its space.
    #[serde(default)]
    pub passage_prefix: String,
    /// The window: tokens beyond are cut, the special ones and the prefix included.
    pub max_tokens: usize,
    /// Scripts of the languages that it was trained on.
    pub scripts: Vec<Script>,
    /// Of the weights; for people.
    #[serde(default = "fp32")]
    pub precision: String,
    #[serde(default)]
    pub reference: Option<Reference>,
}

fn fp32() -> String {
    "fp32".to_owned()
}

impl Profile {
    /// The profile of a model folder: its own, or the built-in one of the folder's name.
    pub(crate) fn of_folder(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(PROFILE_FILE);
        if path.is_file() {
            let profile: Self =
                serde_json::from_slice(&read(&path)?).map_err(|error| ModelError::invalid(&path, error))?;
            return match profile.fault() {
                Some(fault) => Err(ModelError::invalid(&path, fault)),
                None => Ok(profile),
            };
        }
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        Self::built_in(name).ok_or_else(|| ModelError::Unknown {
            folder: folder.to_owned(),
        })
    }

    /// A model that is known out of the box, by its name.
    pub fn built_in(name: &str) -> Option<Self> {
        BUILT_IN
            .iter()
            .map(|text| serde_json::from_str::<Self>(text).expect("the built-in profiles are tested"))
            .find(|profile| profile.name.eq_ignore_ascii_case(name))
    }

    /// What makes this profile unusable.
    fn fault(&self) -> Option<String> {
        if self.name.is_empty() {
            return Some("`name` is empty".to_owned());
        }
        if !(1..=8192).contains(&self.dimension) {
            return Some("`dimension` must be between 1 and 8192".to_owned());
        }
        if !(8..=8192).contains(&self.max_tokens) {
            return Some("`max_tokens` must be between 8 and 8192".to_owned());
        }
        if self.scripts.is_empty() {
            return Some("`scripts` names none".to_owned());
        }
        let length = self.reference.as_ref().map(|reference| reference.vector.len());
        length.filter(|&length| length != self.dimension).map(|length| {
            format!(
                "`reference` has {length} numbers, `dimension` says {}",
                self.dimension
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_sound() {
        for text in BUILT_IN {
            let profile: Profile = serde_json::from_str(text).unwrap();
            assert_eq!(profile.fault(), None, "{}", profile.name);
            assert_eq!(Profile::built_in(&profile.name.to_lowercase()), Some(profile));
        }
        let e5 = Profile::built_in("multilingual-e5-small").unwrap();
        assert_eq!(
            (e5.query_prefix.as_str(), e5.passage_prefix.as_str()),
            ("query: ", "passage: ")
        );
        assert!(e5.scripts.contains(&Script::Cyrillic));
        let minilm = Profile::built_in("all-MiniLM-L6-v2").unwrap();
        assert_eq!((minilm.scripts, minilm.max_tokens), (vec![Script::Latin], 256));
    }

    #[test]
    fn a_folder_may_describe_its_own_model_and_errors_name_the_field() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(folder.path().join(PROFILE_FILE), text).unwrap();
        write(r#"{"name":"own","dimension":3,"pooling":"cls","max_tokens":128,"scripts":["latin","other"]}"#);
        let own = Profile::of_folder(folder.path()).unwrap();
        assert_eq!((own.pooling, own.precision.as_str()), (Pooling::Cls, "fp32"));
        for (text, complaint) in [
            (r#"{"name":"own"}"#, "dimension"),
            (
                r#"{"name":"own","dimension":0,"pooling":"cls","max_tokens":128,"scripts":["latin"]}"#,
                "dimension",
            ),
            (
                r#"{"name":"own","dimension":3,"pooling":"max","max_tokens":128,"scripts":["latin"]}"#,
                "max",
            ),
            (
                r#"{"name":"o","dimension":3,"pooling":"cls","max_tokens":128,"scripts":["latin"],"reference":{"text":"","vector":[1]}}"#,
                "reference",
            ),
        ] {
            write(text);
            let error = Profile::of_folder(folder.path()).unwrap_err().to_string();
            assert!(
                error.contains(complaint) && error.contains(PROFILE_FILE),
                "{error}"
            );
        }
    }
}
