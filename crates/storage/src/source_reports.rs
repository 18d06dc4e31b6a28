//! Sources as those see them who look after them: across knowledge bases, how much each holds, how its last task ended, and
//! how many answers rest on it.

use std::collections::{BTreeSet, HashMap};

use nexus_domain::{
    AnswerId, DocumentId, KbId, Source, SourceId, SourceKind, TaskError, TaskState, Timestamp,
};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sources::{SourceRow, Sources, source_columns};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{At, from_json, limit, number, word};

macro_rules! report {
    () => {
        concat!(
            "SELECT ",
            source_columns!(),
            ", t.state AS task_state, t.error AS task_error, t.finished_at AS task_finished_at
        FROM sources s JOIN knowledge_bases k ON k.id = s.kb_id AND k.deleted_at IS NULL
        LEFT JOIN tasks t ON t.id = s.sync_task_id WHERE s.deleted_at IS NULL"
        )
    };
}

statements! {
    LIST = concat!(report!(), " AND s.id > $1 AND (s.kb_id = $2 OR $2 IS NULL) AND (s.kind = $3 OR $3 IS NULL)
        ORDER BY s.id LIMIT $4");
    LIST_OF_KBS = ids_in!(concat!(report!(), " AND s.kb_id IN "),
        " AND s.id > $65 AND (s.kind = $66 OR $66 IS NULL) ORDER BY s.id LIMIT $67");
    HELD = ids_in!("SELECT source_id, COUNT(*) AS documents, CAST(SUM(chunk_count) AS BIGINT) AS chunks
        FROM documents WHERE source_id IN ", " AND deleted_at IS NULL GROUP BY source_id");
    USES = ids_in!("SELECT source_id, found, COUNT(*) AS answers, MAX(created_at) AS last_at
        FROM answer_sources WHERE source_id IN ", " GROUP BY source_id, found");
    // A document that was swept meanwhile has no source any more.
    PUT = "INSERT INTO answer_sources (source_id, answer_id, found, created_at)
        SELECT d.source_id, a.id, a.found, a.created_at FROM answers a JOIN documents d ON d.id = $2 WHERE a.id = $1
        ON CONFLICT (source_id, found, answer_id) DO NOTHING";
}

/// Which sources to list; `None` is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceFilter<'a> {
    pub kb: Option<KbId>,
    /// Only those of these knowledge bases.
    pub kbs: Option<&'a BTreeSet<KbId>>,
    pub kind: Option<SourceKind>,
}

/// A source, what it holds, and how its last task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    pub source: Source,
    pub documents: u64,
    pub chunks: u64,
    /// Of the task that read it last, or is to; `None` where there was none, or its row is gone.
    pub task: Option<SourceTask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceTask {
    pub state: TaskState,
    /// Why the task, or its last attempt, failed.
    pub error: Option<TaskError>,
    pub finished_at: Option<Timestamp>,
}

/// Of the answers that are kept, how many rest on a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceUse {
    /// Answers that cite it.
    pub hits: u64,
    pub last_hit: Option<Timestamp>,
    /// Refusals that showed something of it as nearest.
    pub refusals: u64,
    pub last_refusal: Option<Timestamp>,
}

#[derive(FromRow)]
struct ReportRow {
    #[sqlx(flatten)]
    source: SourceRow,
    task_state: Option<String>,
    task_error: Option<String>,
    task_finished_at: Option<At>,
}

impl TryFrom<ReportRow> for SourceReport {
    type Error = StorageError;

    fn try_from(row: ReportRow) -> Result<Self, StorageError> {
        let error = row.task_error.as_deref();
        let error = error
            .map(|error| from_json(error, "error of a task"))
            .transpose()?;
        let task = match row.task_state.as_deref() {
            Some(state) => Some(SourceTask {
                state: word(state)?,
                error,
                finished_at: row.task_finished_at.map(|at| at.0),
            }),
            None => None,
        };
        Ok(Self {
            source: row.source.try_into()?,
            documents: 0,
            chunks: 0,
            task,
        })
    }
}

#[derive(FromRow)]
struct HeldRow {
    source_id: Uuid,
    documents: i64,
    chunks: i64,
}

#[derive(FromRow)]
struct UseRow {
    source_id: Uuid,
    found: bool,
    answers: i64,
    last_at: At,
}

impl<C: Connect> Sources<C> {
    /// Live sources of live knowledge bases in the order of their making, after the source `after`.
    pub async fn reports(
        &mut self,
        filter: SourceFilter<'_>,
        after: Option<SourceId>,
        rows: usize,
    ) -> Result<Vec<SourceReport>, StorageError> {
        let after = after.map_or(Uuid::nil(), SourceId::as_uuid);
        let kind = filter.kind.map(SourceKind::as_str);
        let kbs: Option<Vec<Uuid>> = filter.kbs.map(|kbs| {
            let wanted = kbs.iter().filter(|kb| filter.kb.is_none_or(|only| only == **kb));
            wanted.map(|kb| kb.as_uuid()).collect()
        });
        let found: Vec<ReportRow> = on!(self.0, |c| match &kbs {
            None => {
                let select = sqlx::query_as(LIST)
                    .bind(after)
                    .bind(filter.kb.map(KbId::as_uuid));
                select.bind(kind).bind(limit(rows)).fetch_all(c).await?
            }
            Some(kbs) => {
                let mut found = Vec::new();
                for batch in kbs.chunks(IDS) {
                    let mut select = sqlx::query_as(LIST_OF_KBS);
                    for kb in padded(batch) {
                        select = select.bind(*kb);
                    }
                    let select = select.bind(after).bind(kind).bind(limit(rows));
                    found.append(&mut select.fetch_all(&mut *c).await?);
                }
                found
            }
        });
        let reports: Result<Vec<SourceReport>, StorageError> =
            found.into_iter().map(TryInto::try_into).collect();
        let mut reports = reports?;
        // Each batch gave its first ones.
        reports.sort_unstable_by_key(|report| report.source.id);
        reports.truncate(rows);
        self.count(&mut reports).await?;
        Ok(reports)
    }

    /// What they hold, all at once: an index has it.
    async fn count(&mut self, reports: &mut [SourceReport]) -> Result<(), StorageError> {
        let rows: Vec<HeldRow> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in reports.chunks(IDS) {
                let mut select = sqlx::query_as(HELD);
                for report in padded(batch) {
                    select = select.bind(report.source.id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let held: HashMap<_, _> = rows
            .into_iter()
            .map(|row| (SourceId::from_uuid(row.source_id), (row.documents, row.chunks)))
            .collect();
        for report in reports {
            if let Some((documents, chunks)) = held.get(&report.source.id) {
                report.documents = number(*documents, "count of documents")?;
                report.chunks = number(*chunks, "count of chunks")?;
            }
        }
        Ok(())
    }

    /// How many of the answers that are kept rest on these sources; those without any are left out.
    pub async fn uses(&mut self, sources: &[SourceId]) -> Result<HashMap<SourceId, SourceUse>, StorageError> {
        let rows: Vec<UseRow> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in sources.chunks(IDS) {
                let mut select = sqlx::query_as(USES);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let mut uses: HashMap<_, SourceUse> = HashMap::new();
        for row in rows {
            let used = uses.entry(SourceId::from_uuid(row.source_id)).or_default();
            let (answers, last) = (number(row.answers, "count of answers")?, Some(row.last_at.0));
            if row.found {
                (used.hits, used.last_hit) = (answers, last);
            } else {
                (used.refusals, used.last_refusal) = (answers, last);
            }
        }
        Ok(uses)
    }
}

impl Sources<&mut Tx> {
    /// Notes that an answer, which is stored, cites these documents or shows them as nearest.
    pub(crate) async fn used(
        &mut self,
        answer: AnswerId,
        documents: &BTreeSet<DocumentId>,
    ) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for document in documents {
                sqlx::query(PUT)
                    .bind(answer.as_uuid())
                    .bind(document.as_uuid())
                    .execute(&mut *c)
                    .await?;
            }
        });
        Ok(())
    }
}
