//! `nexus eval --refusals`: questions to a knowledge base with and without their evidence. Holds half of a set's documents
//! out, asks all questions, and tells at which cost in unanswerable questions how many of the answerable are kept; then
//! the same once the knowledge base holds as many documents of another set beside them. With `--judged` a chat model reads
//! the passages, too, and what it refuses is refused at any threshold.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use nexus_api::{GenerationReason, GenerationStatus, KbQuality, QueryRequest, RetrievalMode, SupportMode};
use nexus_client::Client;
use nexus_domain::ContentHash;
use nexus_rag::support::{CurvePoint, RiskCurve};
use serde::Serialize;

use super::EvalArgs;
use super::corpus::{self, KB, Part};
use super::own_server::OwnServer;
use super::run::{JudgedQuery, judged_queries};
use crate::config::Config;

/// Questions in flight.
const AT_ONCE: usize = 4;
/// Coverage that the shares of unanswerable questions are compared at.
const COMPARED_AT: f32 = 0.85;
/// The score of what was refused with the model's say: no threshold lets it pass.
const REFUSED: f32 = -1.0;
/// How long a measurement of the knowledge base may take, and how often it is asked for.
const PATIENCE: Duration = Duration::from_secs(1_800);
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LANES: [RetrievalMode; 2] = [RetrievalMode::Lexical, RetrievalMode::Hybrid];

/// One way of asking, at one size of the knowledge base.
#[derive(Debug, Serialize)]
struct Outcome {
    set: String,
    passages: u64,
    mode: &'static str,
    answerable: usize,
    unanswerable: usize,
    /// Where 85 % of the answerable are kept; `null` where a model refuses too many of them.
    compared: Option<CurvePoint>,
    /// What the server did: by the threshold of its own, or by the word of a model that is asked from that threshold on.
    own: CurvePoint,
    calibrated: bool,
    curve: Vec<CurvePoint>,
}

/// A question that was asked.
struct Asked {
    answerable: bool,
    found: bool,
    score: f32,
    threshold: f32,
    calibrated: bool,
}

pub async fn run(config: &Config, args: &EvalArgs) -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    for set in &args.sets {
        let name = super::name_of(set)?;
        outcomes.extend(measure(config, &name, set, args).await?);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcomes)?);
    } else {
        print(&outcomes);
    }
    Ok(())
}

async fn measure(config: &Config, name: &str, set: &Path, args: &EvalArgs) -> anyhow::Result<Vec<Outcome>> {
    let server = OwnServer::start(&configured(config, args.judged)?).await?;
    let client = &server.client;
    let seed = args.seed;
    let documents =
        corpus::ingest_part(client, set, Part::new("half", move |id, _| is_kept(id, seed))).await?;
    let queries = judged_queries(set)?;
    let mut outcomes = measured(client, name, &documents, &queries, args.judged).await?;
    if let Some(beside) = &args.beside {
        let wanted = documents.documents();
        let more = Part::new("beside", move |_, number| number < wanted);
        corpus::ingest_part(client, beside, more).await?;
        let name = format!("{name}, doubled");
        outcomes.extend(measured(client, &name, &documents, &queries, args.judged).await?);
    }
    server.stop().await?;
    Ok(outcomes)
}

/// Whether a document is in the knowledge base: half of them are, others with another seed.
fn is_kept(id: &str, seed: u64) -> bool {
    ContentHash::of_parts([id.as_bytes(), &seed.to_le_bytes()]).as_bytes()[0] < 128
}

/// Without being asked to, no model judges: it would be measured with the threshold that is to be measured.
fn configured(config: &Config, is_judged: bool) -> anyhow::Result<Config> {
    let mut config = config.clone();
    config.answers.calibration_seconds = 1;
    if !is_judged {
        config.chat.url.clear();
        config.chat.second.url.clear();
        config.chat.third.url.clear();
    } else if config.chat.url.is_empty() {
        bail!("no chat model is configured that could judge (NEXUS_CHAT_URL, NEXUS_CHAT_MODEL)");
    }
    Ok(config)
}

async fn measured(
    client: &Client,
    name: &str,
    documents: &corpus::Corpus,
    queries: &[JudgedQuery],
    is_judged: bool,
) -> anyhow::Result<Vec<Outcome>> {
    let kb = client
        .find_knowledge_base(KB)
        .await?
        .context("the knowledge base is gone")?;
    eprintln!("{name}: the knowledge base is measured on its own text");
    let quality = calibrated(client, kb.id).await?;
    for mode in &quality.modes {
        eprintln!(
            "{name}: {:?}: threshold {:.3} of {} questions",
            mode.mode, mode.threshold, mode.questions
        );
    }
    let mut outcomes = Vec::new();
    for lane in LANES {
        eprintln!("{name}: asking {} questions, {lane:?}", queries.len());
        let asked: Vec<(SupportMode, Asked)> = stream::iter(queries)
            .map(|query| ask(client, documents, query, lane, is_judged.then_some(&quality)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let is_hybrid = asked.iter().any(|(mode, _)| *mode == SupportMode::Hybrid);
        if lane == RetrievalMode::Hybrid && !is_hybrid {
            eprintln!("{name}: the embedding model has no say: hybrid is lexical");
            continue;
        }
        let asked: Vec<Asked> = asked.into_iter().map(|(_, asked)| asked).collect();
        outcomes.push(outcome(name, kb.chunks, lane, &asked)?);
    }
    Ok(outcomes)
}

async fn calibrated(client: &Client, kb: uuid::Uuid) -> anyhow::Result<KbQuality> {
    let measured = async {
        loop {
            let quality = client.quality(kb).await?;
            if quality.modes.iter().all(|mode| !mode.stale) {
                return Ok(quality);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(PATIENCE, measured).await {
        Ok(quality) => quality,
        Err(_) => bail!("the knowledge base was not measured in {} s", PATIENCE.as_secs()),
    }
}

async fn ask(
    client: &Client,
    documents: &corpus::Corpus,
    query: &JudgedQuery,
    mode: RetrievalMode,
    judged: Option<&KbQuality>,
) -> anyhow::Result<(SupportMode, Asked)> {
    let request = QueryRequest {
        question: query.text.clone(),
        knowledge_bases: vec![KB.to_owned()],
        mode,
        history: Vec::new(),
    };
    let answer = client.ask_question(&request).await?;
    let support = answer
        .support
        .context("the answer does not say how it was judged")?;
    let answerable = query
        .judgements
        .iter()
        .any(|(document, grade)| *grade > 0 && documents.holds(document));
    // A model is asked from a lower threshold on.
    let asked_from = judged.and_then(|quality| {
        let of_mode = quality.modes.iter().find(|of| of.mode == support.mode)?;
        Some(of_mode.model_threshold)
    });
    let reason = answer.generation.reason;
    if answer.generation.status == GenerationStatus::Failed && reason.is_none_or(is_outage) {
        bail!("the chat model failed: {reason:?}");
    }
    let asked = Asked {
        answerable,
        found: answer.found,
        score: match judged {
            Some(_) if !answer.found => REFUSED,
            _ => support.score,
        },
        threshold: asked_from.unwrap_or(support.threshold),
        calibrated: support.calibrated,
    };
    Ok((support.mode, asked))
}

/// Whether the model has judged nothing. A text of it that cannot be used is answered as the server answers it.
const fn is_outage(reason: GenerationReason) -> bool {
    matches!(
        reason,
        GenerationReason::Unavailable
            | GenerationReason::RateLimited
            | GenerationReason::TimedOut
            | GenerationReason::RefusedKey
            | GenerationReason::BadRequest
            | GenerationReason::BrokenOff
    )
}

fn outcome(set: &str, passages: u64, mode: RetrievalMode, asked: &[Asked]) -> anyhow::Result<Outcome> {
    let scores = |answerable: bool| {
        let those = asked.iter().filter(move |one| one.answerable == answerable);
        those.map(|one| one.score).collect::<Vec<f32>>()
    };
    let share = |answerable: bool| {
        let those: Vec<_> = asked.iter().filter(|one| one.answerable == answerable).collect();
        let found = those.iter().filter(|one| one.found).count();
        found as f32 / those.len().max(1) as f32
    };
    let curve = RiskCurve::new(scores(true), scores(false));
    let (answerable, unanswerable) = curve.questions();
    if answerable == 0 {
        bail!("no question can be answered");
    }
    let is_reached = |point: &CurvePoint| point.threshold >= 0.0;
    Ok(Outcome {
        set: set.to_owned(),
        passages,
        mode: match mode {
            RetrievalMode::Lexical => "lexical",
            RetrievalMode::Dense => "dense",
            RetrievalMode::Hybrid => "hybrid",
        },
        answerable,
        unanswerable,
        compared: curve.at_coverage(COMPARED_AT).filter(is_reached),
        own: CurvePoint {
            threshold: asked.iter().map(|one| one.threshold).fold(0.0, f32::max),
            coverage: share(true),
            risk: share(false),
        },
        calibrated: asked.iter().any(|one| one.calibrated),
        curve: curve.points().into_iter().filter(is_reached).collect(),
    })
}

fn print(outcomes: &[Outcome]) {
    println!(
        "| set | passages | mode | answerable / not | not answerable, but answered, at 85 % coverage | own threshold | \
         its coverage | its risk |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for one in outcomes {
        println!(
            "| {} | {} | {} | {} / {} | {} | {:.3}{} | {:.1} % | {:.1} % |",
            one.set,
            one.passages,
            one.mode,
            one.answerable,
            one.unanswerable,
            one.compared.map_or_else(
                || "not reached".to_owned(),
                |point| format!("{:.1} % (≥ {:.3})", point.risk * 100.0, point.threshold),
            ),
            one.own.threshold,
            if one.calibrated { "" } else { " (fixed)" },
            one.own.coverage * 100.0,
            one.own.risk * 100.0
        );
    }
    for one in outcomes {
        let points = one.curve.iter();
        let points = points.map(|point| format!("{:.0} → {:.1}", point.coverage * 100.0, point.risk * 100.0));
        println!(
            "\n{}, {}: coverage → risk, in %: {}",
            one.set,
            one.mode,
            points.collect::<Vec<_>>().join(" · ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answerable: bool, score: f32) -> Asked {
        Asked {
            answerable,
            found: score > REFUSED,
            score,
            threshold: 0.2,
            calibrated: true,
        }
    }

    /// Ten questions that can be answered, of which a model refuses so many, and ten that cannot, of which it refuses nine.
    fn judged(refused: usize) -> Outcome {
        let answerable = (0..10).map(|n| asked(true, if n < refused { REFUSED } else { 0.5 }));
        let others = (0..10).map(|n| asked(false, if n < 9 { REFUSED } else { 0.6 }));
        let all: Vec<_> = answerable.chain(others).collect();
        outcome("set", 1, RetrievalMode::Lexical, &all).unwrap()
    }

    #[test]
    fn what_a_model_refuses_is_refused_at_any_threshold() {
        let one = judged(1);
        let compared = one.compared.unwrap();
        assert_eq!((compared.coverage, compared.risk), (0.9, 0.1));
        assert_eq!((one.own.coverage, one.own.risk), (0.9, 0.1));
        let three = judged(3);
        assert!(three.compared.is_none());
        assert!(three.curve.iter().all(|point| point.coverage <= 0.7), "{three:?}");
        assert_eq!(three.own.coverage, 0.7);
    }
}
