//! Writes a knowledge base's lexical points again from its rows: after its average length has moved a step, after the
//! analyser has changed, or after the index was lost.

use nexus_domain::document::embedding_text;
use nexus_domain::{Collection, GenerationId, Point, Stage, Vector, VersionId};
use nexus_storage::IndexableChunk;
use nexus_text::{Analysis, Bm25};

use super::context::WorkerContext;
use super::failure::Stopped;
use super::heartbeat::Running;
use super::lexical;
use super::points::upsert_current;
use super::run::Completion;

/// Chunks read and written at once.
const PAGE: usize = 256;

pub async fn run(context: &WorkerContext, running: &Running) -> Result<Completion, Stopped> {
    let Some(kb) = running.task.kb_id else {
        return Ok(Completion::default());
    };
    let stats = context.db.knowledge_bases().stats(kb, GenerationId::NONE).await?;
    running.meter.stage(Stage::Rebuilding, Some(stats.chunks));
    let milli = lexical::quantised(stats.term_total, stats.chunks);
    let mut after = None;
    loop {
        running.check()?;
        let page = context.db.chunks().indexable_of_kb(kb, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.chunk.id);
        running.meter.advance(page.len() as u64);
        let points = weigh(page, lexical::average(milli)).await?;
        upsert_current(context, running, Collection::Lexical, points, "rebuild.page").await?;
    }
    context.vectors.persist(Collection::Lexical).await?;
    // The row last: until then it is known that the points are to be written again. Nothing is ingested meanwhile.
    let mut tx = context.db.begin().await?;
    running.hold(&mut tx).await?;
    tx.knowledge_bases().set_lexical_average(kb, milli).await?;
    tx.knowledge_bases()
        .bump_revision(kb, context.clock.now())
        .await?;
    tx.commit().await?;
    Ok(Completion::default())
}

/// Analyses chunks on a blocking thread: their points, each with the version that it is of.
async fn weigh(page: Vec<IndexableChunk>, average: f32) -> Result<Vec<(VersionId, Point)>, Stopped> {
    let weighed = tokio::task::spawn_blocking(move || {
        let bm25 = Bm25::default();
        let analysed = page.into_iter().map(|row| (analysis(&row), row.chunk));
        analysed
            .filter(|(analysis, _)| !analysis.terms.is_empty())
            .map(|(analysis, chunk)| {
                let point = Point {
                    id: chunk.id,
                    kb_id: chunk.kb_id,
                    vector: Vector::Sparse(bm25.document_vector(&analysis, average)),
                };
                (chunk.version_id, point)
            })
            .collect()
    });
    weighed.await.map_err(|error| Stopped::internal(&error))
}

fn analysis(row: &IndexableChunk) -> Analysis {
    nexus_text::analyze(&embedding_text(
        &row.document_title,
        &row.chunk.heading_path,
        &row.chunk.text,
    ))
}
