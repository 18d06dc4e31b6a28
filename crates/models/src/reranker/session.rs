//! One loaded cross-encoder, for one thread. Blocking; checks what comes out.

use std::path::Path;

use fastembed::{RerankInitOptionsUserDefined, TextRerank, TokenizerFiles, UserDefinedRerankingModel};

use super::profile::RerankerProfile;
use super::worker::Score;
use crate::error::{ModelError, read};
use crate::length::within_reach;
use crate::local::{GRAPH_FILE, TOKENIZER_FILE};
use crate::runtime::Runtime;

/// How far a score may be off its reference: what other processors and precisions change.
const TOLERANCE: f32 = 0.05;

pub(super) struct Session {
    model: TextRerank,
    max_tokens: usize,
}

impl Session {
    /// Loads the model with this many threads of its own, and lets it score once.
    pub(super) fn open(
        folder: &Path,
        profile: &RerankerProfile,
        runtime: &Runtime,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let file = |name: &str| read(&folder.join(name));
        let tokenizer = TokenizerFiles {
            tokenizer_file: file(TOKENIZER_FILE)?,
            config_file: file("config.json")?,
            special_tokens_map_file: file("special_tokens_map.json")?,
            tokenizer_config_file: file("tokenizer_config.json")?,
        };
        // By its path, so that weights in a file beside it are found.
        let model = UserDefinedRerankingModel::new(folder.join(GRAPH_FILE), tokenizer);
        let options = RerankInitOptionsUserDefined::new()
            .with_environment(runtime.environment.clone())
            .with_max_length(profile.max_tokens)
            .with_intra_threads(threads)
            // Threads that wait would burn the cores that the rest of the server needs.
            .with_session_config("session.intra_op.allow_spinning", "0");
        let model = TextRerank::try_new_from_user_defined(model, options)
            .map_err(|error| super::load_error(&profile.name, error))?;
        let mut session = Self {
            model,
            max_tokens: profile.max_tokens,
        };
        session.check(profile)?;
        Ok(session)
    }

    fn check(&mut self, profile: &RerankerProfile) -> Result<(), ModelError> {
        let (question, passage) = match &profile.reference {
            Some(reference) => (reference.question.as_str(), reference.passage.clone()),
            None => ("A question", "A passage".to_owned()),
        };
        let scores = self
            .score(question, &[passage])
            .map_err(|reason| ModelError::Output {
                model: profile.name.clone(),
                reason,
            })?;
        match (&profile.reference, scores.first()) {
            (Some(reference), Some(&score)) if (score - reference.score).abs() > TOLERANCE => {
                Err(ModelError::ScoreMismatch {
                    model: profile.name.clone(),
                    score,
                    expected: reference.score,
                })
            }
            _ => Ok(()),
        }
    }
}

impl Score for Session {
    fn score(&mut self, question: &str, passages: &[String]) -> Result<Vec<f32>, String> {
        let question = within_reach(question, self.max_tokens);
        let texts: Vec<&str> = passages
            .iter()
            .map(|text| within_reach(text, self.max_tokens))
            .collect();
        let ranked = self
            .model
            .rerank(question, &texts, false, Some(texts.len().max(1)))
            .map_err(|error| error.to_string())?;
        if ranked.len() != texts.len() {
            return Err(format!(
                "{} scores came back for {} passages",
                ranked.len(),
                texts.len()
            ));
        }
        let mut scores = vec![f32::NAN; texts.len()];
        for result in ranked {
            if let Some(score) = scores.get_mut(result.index) {
                *score = result.score;
            }
        }
        match scores.iter().find(|score| !score.is_finite()) {
            Some(score) => Err(format!("a score is {score}")),
            None => Ok(scores),
        }
    }
}
