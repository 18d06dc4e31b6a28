//! From where on a knowledge base's passages are an answer: measured on its own text, kept in rows, and measured again when
//! the knowledge base has changed much.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use nexus_domain::{
    Access, Caller, Chunk, Clock, Collection, GenerationId, KbFilter, KbId, KnowledgeBase, PassageError,
    Reach, Role, Scopes, Standing, TaskKind,
};
use nexus_rag::Retriever;
use nexus_rag::support::{
    Basis, Calibration, Calibrations, Chance, CurvePoint, Limits, Measured, Sampled, calibrate,
};
use nexus_storage::{Db, KbQuality, StorageError};
use serde::{Deserialize, Serialize};

use super::{ModelCalls, ServiceError};

/// Passages that questions are made of.
const SAMPLES: usize = 400;
/// Passages read at once while they are drawn, and the rest after each page.
const PAGE: usize = 256;
const REST: Duration = Duration::from_millis(20);
/// A knowledge base whose number of passages has moved by more than this share is measured again.
const MOVED: f64 = 0.2;
/// Work after which a knowledge base is another one: while there is any, nothing is measured.
const CHANGING: [TaskKind; 6] = [
    TaskKind::IngestUpload,
    TaskKind::RemoveDocument,
    TaskKind::SyncSource,
    TaskKind::ImportKb,
    TaskKind::EmbedKb,
    TaskKind::RebuildLexical,
];

#[derive(Clone, Debug)]
pub struct Quality {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub retriever: Retriever,
    pub model_calls: ModelCalls,
    /// Share of the answerable questions that are to be answered, 0 to 1.
    pub target: f32,
}

/// What is kept of a measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    target: f32,
    limits: Option<Limits>,
    points: Vec<CurvePoint>,
}

/// How a knowledge base answers in one way of asking.
#[derive(Clone, Debug)]
pub struct ModeQuality {
    pub basis: Basis,
    pub limits: Limits,
    /// Whether the limits are the knowledge base's own.
    pub calibrated: bool,
    pub points: Vec<CurvePoint>,
    /// `None`: it was never looked at.
    pub measured: Option<KbQuality>,
    /// It has changed much since, or was never looked at.
    pub stale: bool,
}

/// Whether work waits or runs after which a knowledge base is another one.
pub(super) async fn is_changing(db: &Db, kb: KbId) -> Result<bool, StorageError> {
    for kind in CHANGING {
        if db.tasks().has_open(Some(kb), kind).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Quality {
    pub async fn of(&self, kb: &KnowledgeBase) -> Result<Vec<ModeQuality>, ServiceError> {
        let rows = self.db.kb_quality().of_kb(kb.id).await?;
        let chunks = self.chunks(kb.id).await?;
        let generation = self.generation().await.unwrap_or(GenerationId::NONE);
        let quality = |basis: Basis| {
            let row = rows.iter().find(|row| row.mode == basis.as_str());
            let kept = row.and_then(kept);
            let limits = kept.as_ref().and_then(|kept| kept.limits);
            ModeQuality {
                basis,
                limits: limits.unwrap_or_else(|| Limits::fixed(basis)),
                calibrated: limits.is_some(),
                points: kept.map(|kept| kept.points).unwrap_or_default(),
                stale: row.is_none_or(|row| self.is_stale(row, chunks, generation)),
                measured: row.cloned(),
            }
        };
        Ok(Basis::ALL.map(quality).into())
    }

    /// Whether a knowledge base is to be measured now: it has changed much since, and is at rest.
    pub async fn is_due(&self, kb: &KnowledgeBase) -> Result<bool, ServiceError> {
        let rows = self.db.kb_quality().of_kb(kb.id).await?;
        let generation = self.generation().await.unwrap_or(GenerationId::NONE);
        let unmoved =
            |row: &KbQuality| row.revision == kb.revision && !self.is_stale(row, row.chunks, generation);
        if rows.len() == Basis::ALL.len() && rows.iter().all(unmoved) {
            return Ok(false);
        }
        let chunks = self.chunks(kb.id).await?;
        let known = rows.len() == Basis::ALL.len();
        if chunks == 0 || known && !rows.iter().any(|row| self.is_stale(row, chunks, generation)) {
            return Ok(false);
        }
        Ok(!is_changing(&self.db, kb.id).await?)
    }

    /// Measures a knowledge base and keeps what came out. Takes minutes for a large one, a third of a core at most, and can be
    /// dropped at any time: nothing is written before its end.
    pub async fn measure(&self, kb: &KnowledgeBase) -> Result<(), ServiceError> {
        let generation = self.generation().await.unwrap_or(GenerationId::NONE);
        let chunks = self.chunks(kb.id).await?;
        let seed = seed(kb.id);
        let samples = self.samples(kb.id, seed).await?;
        let how = Calibration {
            filter: itself(kb.id),
            samples: &samples,
            target: self.target,
            seed,
            politely: true,
        };
        let calls = self.model_calls.open_feeding(kb.id);
        let retriever = Retriever {
            calls: calls.log().clone(),
            ..self.retriever.clone()
        };
        let measured = calibrate(&retriever, &how).await?;
        calls.keep().await;
        let mut tx = self.db.begin().await?;
        for measured in measured {
            let Measured {
                basis,
                limits,
                questions,
                points,
            } = measured;
            let kept = Kept {
                target: self.target,
                limits,
                points,
            };
            let row = KbQuality {
                mode: basis.as_str().to_owned(),
                revision: kb.revision,
                chunks,
                generation,
                questions: questions as u64,
                measured: serde_json::to_string(&kept)
                    .map_err(|error| ServiceError::Internal(error.to_string().into()))?,
                calibrated_at: self.clock.now(),
            };
            match tx.kb_quality().put(kb.id, &row).await {
                // It was deleted meanwhile.
                Err(StorageError::ReferenceViolation(_)) => return Ok(()),
                put => put?,
            }
        }
        tx.commit().await?;
        Ok(())
    }

    fn is_stale(&self, row: &KbQuality, chunks: u64, generation: GenerationId) -> bool {
        let moved = chunks.abs_diff(row.chunks) as f64 > row.chunks as f64 * MOVED;
        let target = kept(row).is_none_or(|kept| (kept.target - self.target).abs() > f32::EPSILON);
        moved || target || row.generation != generation
    }

    async fn chunks(&self, kb: KbId) -> Result<u64, ServiceError> {
        let stats = self.db.knowledge_bases().stats(kb, GenerationId::NONE).await?;
        Ok(stats.chunks)
    }

    /// That of the vectors which questions are put to.
    async fn generation(&self) -> Result<GenerationId, PassageError> {
        let side = self.retriever.dense.side().await?;
        Ok(match side.map(|side| side.collection) {
            Some(Collection::Dense { generation, .. }) => generation,
            Some(Collection::Lexical) | None => GenerationId::NONE,
        })
    }

    /// Passages of all of the knowledge base, each with the same chance (reservoir sampling).
    async fn samples(&self, kb: KbId, seed: u64) -> Result<Vec<Sampled>, ServiceError> {
        let mut chance = Chance::new(seed);
        let (mut samples, mut seen, mut after) = (Vec::new(), 0_usize, None);
        loop {
            let page = self.db.chunks().indexable_of_kb(kb, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.chunk.id);
            for row in page {
                seen += 1;
                if samples.len() < SAMPLES {
                    samples.push(sampled(row.chunk));
                } else if let Some(place) = samples.get_mut(chance.below(seen)) {
                    *place = sampled(row.chunk);
                }
            }
            tokio::time::sleep(REST).await;
        }
        Ok(samples)
    }
}

#[async_trait]
impl Calibrations for Quality {
    async fn limits(&self, kb: KbId, basis: Basis) -> Result<Option<Limits>, PassageError> {
        let rows = self.db.kb_quality().of_kb(kb).await;
        let rows = rows.map_err(|error| PassageError(error.into()))?;
        let row = rows.iter().find(|row| row.mode == basis.as_str());
        // Cosines of another model mean something else.
        let row = match row {
            Some(row) if basis == Basis::Hybrid && row.generation != self.generation().await? => None,
            row => row,
        };
        Ok(row.and_then(kept).and_then(|kept| kept.limits))
    }
}

fn kept(row: &KbQuality) -> Option<Kept> {
    serde_json::from_str(&row.measured).ok()
}

fn sampled(chunk: Chunk) -> Sampled {
    Sampled {
        document: chunk.document_id,
        content: chunk.content_hash,
        text: chunk.text,
    }
}

/// The same questions whenever the text is the same.
fn seed(kb: KbId) -> u64 {
    kb.as_uuid().as_u64_pair().1
}

/// A knowledge base that asks itself, and nothing else.
fn itself(kb: KbId) -> KbFilter {
    let itself = Access::decide(Standing {
        caller: Caller::Public,
        role: Role::Reader,
        ceiling: Role::Reader,
        scopes: Scopes::NONE,
        reach: Reach::These(vec![kb]),
    });
    itself.filter([kb])
}
