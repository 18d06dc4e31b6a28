//! The port that turns hits into passages, served from rows: what is not current, or not asked for, falls out here.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use nexus_domain::{ChunkId, KbFilter, KbId, Passage, PassageError, Passages, VersionId};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::chunks::{ChunkRow, chunk_columns};
use crate::db::Db;
use crate::error::StorageError;
use crate::session::on;
use crate::sql::{FEW, IDS, SOME, fitting, ids_in, padded, statements, tuples};
use crate::types::word;

macro_rules! current {
    ($ids:expr) => {
        tuples!(
            concat!(
                "SELECT ",
                chunk_columns!(),
                ", k.name AS kb_name, s.name AS source_name, d.path, d.title, d.format, d.link
                FROM chunks c
                JOIN documents d ON d.version_id = c.version_id AND d.deleted_at IS NULL
                JOIN sources s ON s.id = d.source_id
                JOIN knowledge_bases k ON k.id = d.kb_id AND k.deleted_at IS NULL
                WHERE c.id IN "
            ),
            1,
            $ids,
            ""
        )
    };
}

statements! {
    CURRENT_OF_FEW = current!(FEW);
    CURRENT_OF_SOME = current!(SOME);
    CURRENT = current!(IDS);
    VERSIONS_OF = ids_in!("SELECT id, version_id FROM chunks WHERE id IN ", "");
}

#[derive(FromRow)]
struct PassageRow {
    #[sqlx(flatten)]
    chunk: ChunkRow,
    kb_name: String,
    source_name: String,
    path: String,
    title: String,
    format: String,
    link: Option<String>,
}

impl TryFrom<PassageRow> for Passage {
    type Error = StorageError;

    fn try_from(row: PassageRow) -> Result<Self, StorageError> {
        Ok(Self {
            chunk: row.chunk.try_into()?,
            kb_name: row.kb_name,
            source_name: row.source_name,
            document_path: row.path,
            document_title: row.title,
            format: word(&row.format)?,
            document_link: row.link,
        })
    }
}

#[async_trait]
impl Passages for Db {
    async fn current(&self, ids: &[ChunkId], filter: &KbFilter) -> Result<Vec<Passage>, PassageError> {
        let allowed: HashSet<KbId> = filter.kbs().collect();
        if ids.is_empty() || allowed.is_empty() {
            return Ok(Vec::new());
        }
        let mut passages = passages(self, ids)
            .await
            .map_err(|error| PassageError(Box::new(error)))?;
        passages.retain(|passage| allowed.contains(&passage.chunk.kb_id));
        Ok(passages)
    }

    async fn versions_of(&self, ids: &[ChunkId]) -> Result<HashMap<ChunkId, VersionId>, PassageError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        versions_of(self, ids)
            .await
            .map_err(|error| PassageError(Box::new(error)))
    }
}

async fn versions_of(mut db: &Db, ids: &[ChunkId]) -> Result<HashMap<ChunkId, VersionId>, StorageError> {
    let rows: Vec<(Uuid, Uuid)> = on!(db, |c| {
        let mut rows = Vec::with_capacity(ids.len());
        for batch in ids.chunks(IDS) {
            let mut select = sqlx::query_as(VERSIONS_OF);
            for id in padded(batch) {
                select = select.bind(id.as_uuid());
            }
            rows.append(&mut select.fetch_all(&mut *c).await?);
        }
        rows
    });
    let version = |(id, version)| (ChunkId::from_uuid(id), VersionId::from_uuid(version));
    Ok(rows.into_iter().map(version).collect())
}

async fn passages(mut db: &Db, ids: &[ChunkId]) -> Result<Vec<Passage>, StorageError> {
    let rows: Vec<PassageRow> = on!(db, |c| {
        let mut rows = Vec::with_capacity(ids.len());
        for batch in ids.chunks(IDS) {
            let (sql, ids) = fitting([CURRENT_OF_FEW, CURRENT_OF_SOME, CURRENT], batch);
            let mut select = sqlx::query_as(sql);
            for id in ids {
                select = select.bind(id.as_uuid());
            }
            rows.append(&mut select.fetch_all(&mut *c).await?);
        }
        rows
    });
    rows.into_iter().map(TryInto::try_into).collect()
}
