//! The passages that answers were made from: one copy of each, which outlives the chunk's row but not a deletion of its text.
//!
//! A copy is known by the hash of all that it holds, so two answers share one exactly if they were made from the same bytes.

use std::collections::BTreeMap;

use nexus_domain::document::embedding_text;
use nexus_domain::{
    AnswerId, Chunk, ChunkId, ContentHash, DocumentId, KbId, LineRange, PageRange, Passage, VersionId,
};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Uuid;

use crate::db::Tx;
use crate::dialect::LOCK_CONTEXTS;
use crate::error::StorageError;
use crate::session::{Connect, on};
use crate::sql::{IDS, ids_in, padded, statements};
use crate::types::{from_json, limit, to_json, word};

/// Copies in the list `$list` whose text stands nowhere any more. A chunk whose row is gone was swept while something was made of
/// it; one that waits for the sweep is found by that.
macro_rules! gone {
    ($list:literal) => {
        concat!(
            "FROM context_passages u JOIN kept_passages p ON p.id = u.passage_id
             LEFT JOIN chunks c ON c.id = p.lives_in
             LEFT JOIN documents d ON d.id = p.document_id AND d.deleted_at IS NULL
             LEFT JOIN knowledge_bases k ON k.id = d.kb_id AND k.deleted_at IS NULL
             WHERE u.context_id = ",
            $list,
            " AND (p.text IS NULL OR c.id IS NULL OR k.id IS NULL)"
        )
    };
}
pub(crate) use gone as gone_passages;

statements! {
    GONE = concat!("SELECT DISTINCT u.passage_id ", gone_passages!("$1"), " ORDER BY u.passage_id");
    OF_ANSWER = "SELECT p.chunk_id, p.document_id, p.kb_id, p.place, p.text, u.is_shown,
            CASE WHEN d.id IS NULL OR d.deleted_at IS NOT NULL OR k.id IS NULL OR k.deleted_at IS NOT NULL THEN 0
                ELSE 1 END AS live
        FROM answers a JOIN context_passages u ON u.context_id = a.context_id JOIN kept_passages p ON p.id = u.passage_id
        LEFT JOIN documents d ON d.id = p.document_id LEFT JOIN knowledge_bases k ON k.id = p.kb_id
        WHERE a.id = $1 ORDER BY u.ordinal";
    INSERT = "INSERT INTO kept_passages (digest, chunk_id, lives_in, document_id, kb_id, place, text)
        VALUES ($1, $2, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING";
    ID_OF = "SELECT id FROM kept_passages WHERE digest = $1";
    INSERT_CONTEXT = "INSERT INTO answer_contexts (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
    USE = "INSERT INTO context_passages (context_id, ordinal, passage_id, is_shown) VALUES ($1, $2, $3, $4)";
    FOLLOW = "UPDATE kept_passages SET lives_in = $2 WHERE id = $1";
    ERASE = "UPDATE kept_passages SET text = NULL, place = '' WHERE id = $1";
    // What was looked for may hold words of what was answered before.
    ERASE_ANSWERS = "UPDATE answers SET body = NULL, searched = NULL
        WHERE context_id IN (SELECT context_id FROM context_passages WHERE passage_id = $1 AND is_shown)";
    CONTEXTS = ids_in!("SELECT DISTINCT context_id FROM answers WHERE context_id IS NOT NULL AND id IN ",
        " ORDER BY context_id");
    USED = ids_in!("SELECT DISTINCT passage_id FROM context_passages WHERE context_id IN ", " ORDER BY passage_id");
    DELETE_UNUSED_CONTEXT = "DELETE FROM answer_contexts WHERE id = $1
        AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.context_id = $1)";
    DELETE_UNUSED = "DELETE FROM kept_passages WHERE id = $1
        AND NOT EXISTS (SELECT 1 FROM context_passages u WHERE u.passage_id = $1)";
}

/// A passage that an answer was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedPassage {
    pub passage: Passage,
    /// Whether the answer may hold something of it.
    pub is_shown: bool,
    /// Whether the answer cites it or, where nothing was found, shows it as nearest.
    pub is_cited: bool,
}

/// The same as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPassage {
    pub chunk: ChunkId,
    pub document: DocumentId,
    pub kb: KbId,
    /// `None`: its text was deleted.
    pub passage: Option<Passage>,
    pub is_shown: bool,
}

/// Where a passage stood: all of it but ids and text.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    version: VersionId,
    ordinal: u32,
    kb: String,
    source: String,
    path: String,
    title: String,
    format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headings: Vec<String>,
    lines: LineRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pages: Option<PageRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anchor: Option<String>,
    terms: u32,
}

impl Place {
    fn of(passage: &Passage) -> Self {
        let chunk = &passage.chunk;
        Self {
            version: chunk.version_id,
            ordinal: chunk.ordinal,
            kb: passage.kb_name.clone(),
            source: passage.source_name.clone(),
            path: passage.document_path.clone(),
            title: passage.document_title.clone(),
            format: passage.format.as_str().to_owned(),
            link: passage.document_link.clone(),
            headings: chunk.heading_path.clone(),
            lines: chunk.lines,
            pages: chunk.pages,
            anchor: chunk.anchor.clone(),
            terms: chunk.term_count,
        }
    }
}

#[derive(FromRow)]
struct Row {
    chunk_id: Uuid,
    document_id: Uuid,
    kb_id: Uuid,
    place: String,
    text: Option<String>,
    is_shown: bool,
    live: i32,
}

impl TryFrom<Row> for KeptPassage {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let (chunk, document) = (
            ChunkId::from_uuid(row.chunk_id),
            DocumentId::from_uuid(row.document_id),
        );
        let kb = KbId::from_uuid(row.kb_id);
        // What was deleted is gone at once, also where the sweep has not come by yet.
        let passage = match row.text.filter(|_| row.live == 1) {
            None => None,
            Some(text) => {
                let place: Place = from_json(&row.place, "place of a kept passage")?;
                let embedded = embedding_text(&place.title, &place.headings, &text);
                Some(Passage {
                    chunk: Chunk {
                        id: chunk,
                        version_id: place.version,
                        document_id: document,
                        kb_id: kb,
                        ordinal: place.ordinal,
                        text,
                        heading_path: place.headings,
                        lines: place.lines,
                        pages: place.pages,
                        anchor: place.anchor,
                        term_count: place.terms,
                        content_hash: ContentHash::of(embedded.as_bytes()),
                    },
                    kb_name: place.kb,
                    source_name: place.source,
                    document_path: place.path,
                    document_title: place.title,
                    format: word(&place.format)?,
                    document_link: place.link,
                })
            }
        };
        Ok(Self {
            chunk,
            document,
            kb,
            passage,
            is_shown: row.is_shown,
        })
    }
}

/// What answers were made from: the lists that they refer to, and the copies that stand in those.
#[derive(Debug, Default)]
pub(super) struct Used {
    contexts: Vec<Uuid>,
    copies: Vec<i64>,
}

#[derive(Debug)]
pub struct KeptPassages<C>(pub(crate) C);

impl<C: Connect> KeptPassages<C> {
    /// What an answer was made from, in its order.
    pub async fn of_answer(&mut self, id: AnswerId) -> Result<Vec<KeptPassage>, StorageError> {
        let rows: Vec<Row> = on!(self.0, |c| sqlx::query_as(OF_ANSWER)
            .bind(id.as_uuid())
            .fetch_all(c)
            .await?);
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// What these answers were made from.
    pub(super) async fn used_by(&mut self, answers: &[AnswerId]) -> Result<Used, StorageError> {
        let answers: Vec<_> = answers.iter().map(|id| id.as_uuid()).collect();
        Ok(on!(self.0, |c| {
            let mut used = Used::default();
            for batch in answers.chunks(IDS) {
                let mut select = sqlx::query_scalar(CONTEXTS);
                for id in padded(batch) {
                    select = select.bind(id);
                }
                used.contexts.append(&mut select.fetch_all(&mut *c).await?);
            }
            used.contexts.sort_unstable();
            used.contexts.dedup();
            for batch in used.contexts.chunks(IDS) {
                let mut select = sqlx::query_scalar(USED);
                for id in padded(batch) {
                    select = select.bind(id);
                }
                used.copies.append(&mut select.fetch_all(&mut *c).await?);
            }
            used.copies.sort_unstable();
            used.copies.dedup();
            used
        }))
    }
}

impl KeptPassages<&mut Tx> {
    /// Keeps what an answer is made from as a list of this id; copies that are there are shared, and so is a list. No passages,
    /// no list.
    pub(super) async fn put(&mut self, list: AnswerId, used: &[UsedPassage]) -> Result<(), StorageError> {
        if used.is_empty() {
            return Ok(());
        }
        let is_new = on!(self.0, |c| sqlx::query(INSERT_CONTEXT)
            .bind(list.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        if is_new == 0 {
            return Ok(());
        }
        // In one order for all, so that no two that keep the same wait for each other.
        let mut copies: BTreeMap<ContentHash, (Vec<usize>, String)> = BTreeMap::new();
        for (at, used) in used.iter().enumerate() {
            let place = to_json(&Place::of(&used.passage));
            let digest = digest(&used.passage, &place);
            copies
                .entry(digest)
                .or_insert_with(|| (Vec::new(), place))
                .0
                .push(at);
        }
        for (digest, (places, place)) in &copies {
            let Some(passage) = places
                .first()
                .and_then(|at| used.get(*at))
                .map(|used| &used.passage)
            else {
                continue;
            };
            let chunk = &passage.chunk;
            on!(self.0, |c| {
                let insert = sqlx::query(INSERT)
                    .bind(digest.as_bytes().as_slice())
                    .bind(chunk.id.as_uuid())
                    .bind(chunk.document_id.as_uuid())
                    .bind(chunk.kb_id.as_uuid());
                insert.bind(place).bind(&chunk.text).execute(&mut *c).await?;
                let id: i64 = sqlx::query_scalar(ID_OF)
                    .bind(digest.as_bytes().as_slice())
                    .fetch_one(&mut *c)
                    .await?;
                for at in places {
                    let insert = sqlx::query(USE).bind(list.as_uuid()).bind(limit(*at)).bind(id);
                    insert
                        .bind(used.get(*at).is_some_and(|used| used.is_shown))
                        .execute(&mut *c)
                        .await?;
                }
            });
        }
        Ok(())
    }

    /// Forgets what answers were made from as far as it is gone: nobody can say any more whether it was edited or deleted.
    pub(super) async fn erase_what_is_gone(&mut self, list: Uuid) -> Result<(), StorageError> {
        let gone: Vec<i64> = on!(self.0, |c| sqlx::query_scalar(GONE)
            .bind(list)
            .fetch_all(c)
            .await?);
        for copy in gone {
            self.empty(copy).await?;
        }
        Ok(())
    }

    /// A passage was edited: its copy goes with the one that has taken its place.
    pub(crate) async fn follow(&mut self, copy: i64, to: ChunkId) -> Result<(), StorageError> {
        on!(self.0, |c| sqlx::query(FOLLOW)
            .bind(copy)
            .bind(to.as_uuid())
            .execute(c)
            .await?
            .rows_affected());
        Ok(())
    }

    /// Forgets a text, and what answers say that show something of it, those that are being kept at this moment included.
    pub(crate) async fn erase(&mut self, copy: i64) -> Result<(), StorageError> {
        let lock = LOCK_CONTEXTS.on(self.0.kind());
        on!(self.0, |c| sqlx::query(lock)
            .bind(copy)
            .execute(c)
            .await?
            .rows_affected());
        self.empty(copy).await
    }

    async fn empty(&mut self, copy: i64) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for sql in [ERASE, ERASE_ANSWERS] {
                sqlx::query(sql).bind(copy).execute(&mut *c).await?;
            }
        });
        Ok(())
    }

    pub(super) async fn delete_unused(&mut self, used: &Used) -> Result<(), StorageError> {
        on!(self.0, |c| {
            for context in &used.contexts {
                sqlx::query(DELETE_UNUSED_CONTEXT)
                    .bind(context)
                    .execute(&mut *c)
                    .await?;
            }
            for copy in &used.copies {
                sqlx::query(DELETE_UNUSED).bind(copy).execute(&mut *c).await?;
            }
        });
        Ok(())
    }
}

fn digest(passage: &Passage, place: &str) -> ContentHash {
    let chunk = &passage.chunk;
    let ids = [
        chunk.id.as_uuid(),
        chunk.document_id.as_uuid(),
        chunk.kb_id.as_uuid(),
    ];
    let ids = ids.iter().map(|id| id.as_bytes().as_slice());
    ContentHash::of_parts(ids.chain([place.as_bytes(), chunk.text.as_bytes()]))
}
