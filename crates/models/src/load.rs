//! From a model's files to sessions that were checked: tries what the plan says until something works.

use std::thread::{ScopedJoinHandle, scope};

use nexus_domain::EmbedderInfo;

use crate::check::{self, Expected};
use crate::error::ModelError;
use crate::identity;
use crate::local::LocalModel;
use crate::options::{EmbedderOptions, QuerySession};
use crate::plan::{self, Available, Engine, Variant};
use crate::precision::Precision;
use crate::processor::Processor;
use crate::runtime::Runtime;
use crate::session::Session;

const TOGETHER: usize = 8;

/// What loading yields, before any thread runs.
pub(crate) struct Loaded<C> {
    pub(crate) info: EmbedderInfo,
    /// Why it is not what was asked for or could be.
    pub(crate) note: Option<String>,
    pub(crate) passages: C,
    /// `None`: questions share the session of the passages.
    pub(crate) queries: Option<C>,
    /// Questions that may be run at once.
    pub(crate) together: usize,
}

/// The best variant that loads and passes its check. The error is the last one's.
pub(crate) fn load(
    options: &EmbedderOptions,
    local: &LocalModel,
    runtime: &Runtime,
) -> Result<Loaded<Session>, ModelError> {
    let there = Available {
        processor: Processor::detect(),
        openvino: runtime.openvino,
        int8: local.graph(Precision::Int8).is_file(),
    };
    let plan = plan::plan(options.precision, &there);
    let mut notes: Vec<String> = plan.note.map(str::to_owned).into_iter().collect();
    let mut failure = None;
    for variant in plan.variants {
        match load_variant(options, local, runtime, variant) {
            Ok(mut loaded) => {
                loaded.note = Some(notes.join("; ")).filter(|note| !note.is_empty());
                return Ok(loaded);
            }
            Err(error) => {
                tracing::warn!(%variant, %error, "the embedding model cannot be run like this");
                notes.push(format!("{variant} {}", error.in_public()));
                failure = Some(error);
            }
        }
    }
    Err(failure.expect("a plan ends with fp32, so something was tried"))
}

/// Both sessions and the identity at once: each takes a good part of a second.
fn load_variant(
    options: &EmbedderOptions,
    local: &LocalModel,
    runtime: &Runtime,
    variant: Variant,
) -> Result<Loaded<Session>, ModelError> {
    let own = match options.query_session {
        QuerySession::Auto => local.external_weights().is_some(),
        QuerySession::Own => true,
        QuerySession::Shared => false,
    };
    let threads = options.passage_threads();
    let expected = expected(local, runtime, variant, threads)?;
    let open = |threads, questions: bool| {
        let mut session = Session::open(local, runtime, variant, threads)?;
        check::model(&local.profile, &mut session, variant.precision, expected.as_ref())?;
        if questions && variant.engine == Engine::OpenVino {
            session.warm_up().map_err(|reason| ModelError::Output {
                model: local.profile.name.clone(),
                reason,
            })?;
        }
        Ok(session)
    };
    let (model, passages, queries) = scope(|scope| {
        let identity = scope.spawn(|| identity::of(local, variant.precision));
        let queries = own.then(|| scope.spawn(|| open(options.query_threads(), true)));
        let passages = open(threads, !own);
        (
            joined(local, identity),
            passages,
            queries.map(|queries| joined(local, queries)),
        )
    });
    let info = EmbedderInfo {
        model: model?,
        dimension: local.profile.dimension,
        scripts: local.profile.scripts.clone(),
        runtime: described(local, runtime, variant, threads),
    };
    Ok(Loaded {
        info,
        note: None,
        passages: passages?,
        queries: queries.transpose()?,
        together: match variant.precision {
            // One scale for all that is run at once: a question's vector would depend on who asks beside it.
            Precision::Int8 => 1,
            Precision::Fp32 | Precision::Bf16 => TOGETHER,
        },
    })
}

/// What the variant's vectors are held against: the stored reference, or else, where it is not fp32, what fp32 says here.
fn expected(
    local: &LocalModel,
    runtime: &Runtime,
    variant: Variant,
    threads: usize,
) -> Result<Option<Expected>, ModelError> {
    let stored = Expected::stored(&local.profile);
    if stored.is_some() || variant.precision == Precision::Fp32 {
        return Ok(stored);
    }
    let mut baseline = Session::open(local, runtime, Variant::FP32, threads)?;
    Expected::computed(&local.profile, &mut baseline).map(Some)
}

/// For people: "ONNX Runtime 1.24.1 with OpenVINO, bf16, 2 threads".
fn described(local: &LocalModel, runtime: &Runtime, variant: Variant, threads: usize) -> String {
    let engine = match variant.engine {
        Engine::OnnxRuntime => "",
        Engine::OpenVino => " with OpenVINO",
    };
    let precision = match variant.precision {
        // Weights that came in another format are not made better.
        Precision::Fp32 => local.profile.precision.as_str(),
        other => other.as_str(),
    };
    let plural = if threads == 1 { "thread" } else { "threads" };
    format!("{}{engine}, {precision}, {threads} {plural}", runtime.name)
}

fn joined<T>(
    local: &LocalModel,
    thread: ScopedJoinHandle<'_, Result<T, ModelError>>,
) -> Result<T, ModelError> {
    let panicked = |_| ModelError::Load {
        model: local.profile.name.clone(),
        reason: "loading panicked".to_owned(),
    };
    thread.join().map_err(panicked)?
}
