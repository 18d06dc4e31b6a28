//! What a cache of answers asks the rows: in which state knowledge bases are, and whether texts still stand somewhere. Nothing
//! of the cache itself lies here.

use std::collections::HashSet;

use nexus_domain::{ContentHash, KbId, Timestamp, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{FEW, IDS, SOME, fitting, ids_in, padded, statements, tuples};
use crate::types::{At, hash};

macro_rules! stamps {
    ($ids:expr) => {
        tuples!(
            "SELECT k.id, k.revision, k.updated_at,
                (SELECT MAX(q.calibrated_at) FROM kb_quality q WHERE q.kb_id = k.id) AS calibrated_at,
                CASE WHEN EXISTS (SELECT 1 FROM document_versions v WHERE v.kb_id = k.id AND v.state = 'pending')
                    OR EXISTS (SELECT 1 FROM document_versions v WHERE v.kb_id = k.id AND v.state = 'retired')
                    THEN 1 ELSE 0 END AS moving
            FROM knowledge_bases k WHERE k.deleted_at IS NULL AND k.id IN ",
            1,
            $ids,
            " ORDER BY k.id"
        )
    };
}

statements! {
    STAMPS_OF_FEW = stamps!(FEW);
    STAMPS_OF_SOME = stamps!(SOME);
    STAMPS = stamps!(IDS);
    // Whose they are is told apart afterwards: asked for one knowledge base, SQLite may rather read all of its chunks.
    CURRENT = ids_in!("SELECT DISTINCT c.kb_id, c.content_hash FROM chunks c
        JOIN documents d ON d.version_id = c.version_id AND d.deleted_at IS NULL
        JOIN knowledge_bases k ON k.id = c.kb_id AND k.deleted_at IS NULL WHERE c.content_hash IN ", "");
    OF_VERSIONS = ids_in!("SELECT DISTINCT kb_id, content_hash FROM chunks WHERE version_id IN ", "");
}

/// All that tells whether what was found in a knowledge base would be found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KbStamp {
    pub kb: KbId,
    pub revision: i64,
    /// Moves with the revision, with its name, and after a backup was put back, whose revisions are counted anew.
    pub updated_at: Timestamp,
    /// When its limits were measured last, which raises no revision.
    pub calibrated_at: Option<Timestamp>,
    /// Versions of documents come or go: the indexes hold points of no current row, which weigh in scores.
    pub moving: bool,
}

#[derive(FromRow)]
struct StampRow {
    id: Uuid,
    revision: i64,
    updated_at: At,
    calibrated_at: Option<At>,
    moving: i32,
}

#[derive(Debug)]
pub struct Cached<C>(pub(crate) C);

impl<C: Connect> Cached<C> {
    /// Of those among `kbs` that are there, by id.
    pub async fn stamps(&mut self, kbs: &[KbId]) -> Result<Vec<KbStamp>, StorageError> {
        let mut kbs = kbs.to_vec();
        kbs.sort_unstable();
        let rows: Vec<StampRow> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in kbs.chunks(IDS) {
                let (sql, ids) = fitting([STAMPS_OF_FEW, STAMPS_OF_SOME, STAMPS], batch);
                let mut select = sqlx::query_as(sql);
                for id in ids {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let stamp = |row: StampRow| KbStamp {
            kb: KbId::from_uuid(row.id),
            revision: row.revision,
            updated_at: row.updated_at.0,
            calibrated_at: row.calibrated_at.map(|at| at.0),
            moving: row.moving == 1,
        };
        Ok(rows.into_iter().map(stamp).collect())
    }

    /// Those of the contents that a document of the knowledge base shows.
    pub async fn current(
        &mut self,
        kb: KbId,
        contents: &[ContentHash],
    ) -> Result<HashSet<ContentHash>, StorageError> {
        let rows: Vec<(Uuid, Vec<u8>)> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in contents.chunks(IDS) {
                let mut select = sqlx::query_as(CURRENT);
                for content in padded(batch) {
                    select = select.bind(content.as_bytes().as_slice());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let of_kb = rows.iter().filter(|(of, _)| *of == kb.as_uuid());
        of_kb.map(|(_, content)| hash(content)).collect()
    }

    /// The contents of versions, whatever their state.
    pub async fn of_versions(
        &mut self,
        versions: &[VersionId],
    ) -> Result<Vec<(KbId, ContentHash)>, StorageError> {
        let rows: Vec<(Uuid, Vec<u8>)> = on!(self.0, |c| {
            let mut rows = Vec::new();
            for batch in versions.chunks(IDS) {
                let mut select = sqlx::query_as(OF_VERSIONS);
                for id in padded(batch) {
                    select = select.bind(id.as_uuid());
                }
                rows.append(&mut select.fetch_all(&mut *c).await?);
            }
            rows
        });
        let content = |(kb, content): (Uuid, Vec<u8>)| Ok((KbId::from_uuid(kb), hash(&content)?));
        rows.into_iter().map(content).collect()
    }
}
