//! One loaded copy of a model, for one thread. Blocking; checks what comes out.

use fastembed::{InitOptionsUserDefined, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel};

use crate::error::{ModelError, read};
use crate::length::within_reach;
use crate::local::{LocalModel, TOKENIZER_FILE};
use crate::plan::Variant;
use crate::runtime::Runtime;
use crate::{check, engine};

/// Texts are padded to multiples of this many tokens. OpenVINO makes kernels for each length that it sees, which takes longer
/// than to run them; so there are few lengths.
const LENGTHS: usize = 4;
/// Questions are seldom longer, in tokens.
const LONGEST_QUESTION: usize = 64;

/// A model, its tokenizer and its threads.
pub(crate) struct Session {
    model: TextEmbedding,
    dimension: usize,
    max_tokens: usize,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("dimension", &self.dimension)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Loads the model with this many threads of its own.
    pub(crate) fn open(
        local: &LocalModel,
        runtime: &Runtime,
        variant: Variant,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let file = |name: &str| read(&local.folder.join(name));
        let tokenizer = TokenizerFiles {
            tokenizer_file: file(TOKENIZER_FILE)?,
            config_file: file("config.json")?,
            special_tokens_map_file: file("special_tokens_map.json")?,
            tokenizer_config_file: file("tokenizer_config.json")?,
        };
        let graph = read(&local.graph(variant.precision))?;
        let model =
            UserDefinedEmbeddingModel::new(graph, tokenizer).with_pooling(local.profile.pooling.into());
        let options = InitOptionsUserDefined::new()
            .with_environment(runtime.environment.clone())
            .with_max_length(local.profile.max_tokens);
        let options = engine::configured(options, variant, threads)
            // The graph comes from memory; its weights may lie in a file beside it, which is then mapped.
            .with_session_config(
                "session.model_external_initializers_file_folder_path",
                local.folder.to_string_lossy(),
            )
            // Threads that wait would burn the cores that the rest of the server needs.
            .with_session_config("session.intra_op.allow_spinning", "0");
        let mut model =
            TextEmbedding::try_new_from_user_defined(model, options).map_err(|error| ModelError::Load {
                model: local.profile.name.clone(),
                reason: error.to_string(),
            })?;
        // Never above what the model can take.
        if local.profile.max_tokens.is_multiple_of(LENGTHS) {
            let padding = model.tokenizer.get_padding().cloned();
            let padding = padding.map(|mut padding| {
                padding.pad_to_multiple_of = Some(LENGTHS);
                padding
            });
            model.tokenizer.with_padding(padding);
        }
        Ok(Self {
            model,
            dimension: local.profile.dimension,
            max_tokens: local.profile.max_tokens,
        })
    }

    /// Runs a text of each length that questions have, so that nobody's question has to wait for it.
    pub(crate) fn warm_up(&mut self) -> Result<(), String> {
        for tokens in (LENGTHS..=LONGEST_QUESTION.min(self.max_tokens)).step_by(LENGTHS) {
            // A token each, and two special ones.
            self.embed(&["a ".repeat(tokens - 2)])?;
        }
        Ok(())
    }

    /// The unit vectors of one batch, in order. The error is for the log and the task's row.
    pub(crate) fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        let texts: Vec<&str> = texts
            .iter()
            .map(|text| within_reach(text, self.max_tokens))
            .collect();
        let count = texts.len();
        let vectors = self
            .model
            .embed(&texts, Some(count.max(1)))
            .map_err(|error| error.to_string())?;
        check::vectors(&vectors, count, self.dimension)?;
        Ok(vectors)
    }
}
