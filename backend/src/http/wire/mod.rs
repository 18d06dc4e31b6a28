//! From the domain to the contract. Pure; one function per type.

use std::borrow::Cow;

use nexus_api as api;
use nexus_domain as domain;
use nexus_rag as rag;

use crate::service::{KbOverview, TaskView};

pub mod access;
pub mod answers;
pub mod chats;
pub mod conversations;
pub mod model_calls;
pub mod quality;
pub mod remotes;
pub mod sources;
pub mod webhooks;

pub fn knowledge_base(overview: KbOverview, caller: &domain::Access) -> api::KnowledgeBase {
    let KbOverview { kb, stats } = overview;
    api::KnowledgeBase {
        id: kb.id.as_uuid(),
        name: kb.name,
        description: kb.description,
        revision: kb.revision,
        documents: stats.documents,
        chunks: stats.chunks,
        embedded_chunks: stats.embedded_chunks,
        visibility: access::visibility(kb.visibility),
        quotas: access::quotas(kb.quotas),
        my_role: access::kb_role(caller.role_in(kb.id).unwrap_or(domain::KbRole::Reader)),
        created_at: kb.created_at.to_datetime(),
        updated_at: kb.updated_at.to_datetime(),
    }
}

fn format(format: domain::Format) -> api::DocumentFormat {
    match format {
        domain::Format::Markdown => api::DocumentFormat::Markdown,
        domain::Format::Html => api::DocumentFormat::Html,
        domain::Format::PlainText => api::DocumentFormat::PlainText,
        domain::Format::Csv => api::DocumentFormat::Csv,
        domain::Format::Json => api::DocumentFormat::Json,
        domain::Format::Rst => api::DocumentFormat::Rst,
        domain::Format::Code => api::DocumentFormat::Code,
        domain::Format::Pdf => api::DocumentFormat::Pdf,
        domain::Format::Docx => api::DocumentFormat::Docx,
        domain::Format::Pptx => api::DocumentFormat::Pptx,
        domain::Format::Spreadsheet => api::DocumentFormat::Spreadsheet,
        domain::Format::OpenDocument => api::DocumentFormat::OpenDocument,
        domain::Format::Epub => api::DocumentFormat::Epub,
        domain::Format::Rtf => api::DocumentFormat::Rtf,
        domain::Format::Notebook => api::DocumentFormat::Notebook,
        domain::Format::Email => api::DocumentFormat::Email,
        domain::Format::MediaWiki => api::DocumentFormat::MediaWiki,
        domain::Format::DokuWiki => api::DocumentFormat::DokuWiki,
    }
}

fn lines(range: domain::LineRange) -> api::LineRange {
    api::LineRange {
        first: range.first,
        last: range.last,
    }
}

/// Address of a document's text.
fn text_link(document: domain::DocumentId) -> String {
    format!("/api/v1/documents/{document}/text")
}

/// Address of exactly these lines.
fn lines_link(document: domain::DocumentId, range: domain::LineRange) -> String {
    format!(
        "{}?first_line={}&last_line={}",
        text_link(document),
        range.first,
        range.last
    )
}

pub fn document(document: domain::Document) -> api::Document {
    api::Document {
        id: document.id.as_uuid(),
        knowledge_base_id: document.kb_id.as_uuid(),
        source_id: document.source_id.as_uuid(),
        text_link: text_link(document.id),
        link: document.link,
        path: document.path,
        title: document.title,
        format: format(document.format),
        size_bytes: document.size_bytes,
        chunk_count: document.chunk_count,
        created_at: document.created_at.to_datetime(),
        updated_at: document.updated_at.to_datetime(),
    }
}

fn task_kind(kind: domain::TaskKind) -> api::TaskKind {
    match kind {
        domain::TaskKind::IngestUpload => api::TaskKind::IngestUpload,
        domain::TaskKind::RemoveDocument => api::TaskKind::RemoveDocument,
        domain::TaskKind::SyncSource => api::TaskKind::SyncSource,
        domain::TaskKind::EmbedKb => api::TaskKind::EmbedKb,
        domain::TaskKind::ImportKb => api::TaskKind::ImportKb,
        domain::TaskKind::RebuildLexical => api::TaskKind::RebuildLexical,
        domain::TaskKind::Sweep => api::TaskKind::Sweep,
    }
}

pub fn task_state(state: domain::TaskState) -> api::TaskState {
    match state {
        domain::TaskState::Queued => api::TaskState::Queued,
        domain::TaskState::Running => api::TaskState::Running,
        domain::TaskState::Paused => api::TaskState::Paused,
        domain::TaskState::Succeeded => api::TaskState::Succeeded,
        domain::TaskState::Failed => api::TaskState::Failed,
        domain::TaskState::Cancelled => api::TaskState::Cancelled,
    }
}

fn task_stage(stage: domain::Stage) -> api::TaskStage {
    match stage {
        domain::Stage::Waiting => api::TaskStage::Waiting,
        domain::Stage::Indexing => api::TaskStage::Indexing,
        domain::Stage::Embedding => api::TaskStage::Embedding,
        domain::Stage::Removing => api::TaskStage::Removing,
        domain::Stage::Rebuilding => api::TaskStage::Rebuilding,
        domain::Stage::Sweeping => api::TaskStage::Sweeping,
        domain::Stage::Finished => api::TaskStage::Finished,
    }
}

fn thousandths(value: u64) -> f64 {
    value as f64 / 1_000.0
}

fn progress(progress: domain::Progress, queued_before: Option<u64>) -> api::TaskProgress {
    api::TaskProgress {
        stage: task_stage(progress.stage),
        done: progress.done,
        total: progress.total,
        rate_per_second: progress.rate_milli.map(thousandths),
        eta_seconds: progress.eta_millis.map(thousandths),
        waits_for: progress.waits_for,
        queued_before,
    }
}

fn counts(counts: domain::task::Counts) -> api::TaskCounts {
    api::TaskCounts {
        documents_indexed: counts.documents_indexed,
        documents_unchanged: counts.documents_unchanged,
        documents_removed: counts.documents_removed,
        files_with_problems: counts.files_with_problems,
        chunks_indexed: counts.chunks_indexed,
        chunks_embedded: counts.chunks_embedded,
        chunks_from_cache: counts.chunks_from_cache,
        bytes_read: counts.bytes_read,
    }
}

pub fn task(seen: TaskView) -> api::Task {
    let TaskView { task, queued_before } = seen;
    api::Task {
        id: task.id.as_uuid(),
        kind: task_kind(task.payload.kind()),
        state: task_state(task.state),
        knowledge_base_id: task.kb_id.map(domain::KbId::as_uuid),
        source_id: task.payload.source().map(domain::SourceId::as_uuid),
        counts: counts(task.progress.counts),
        plan: task.progress.plan.clone().map(sources::plan),
        progress: progress(task.progress, queued_before),
        error: task.error.map(|error| api::TaskError {
            code: error.code,
            message: error.message,
        }),
        attempts: task.attempts,
        created_at: task.created_at.to_datetime(),
        started_at: task.started_at.map(domain::Timestamp::to_datetime),
        updated_at: task.updated_at.to_datetime(),
        finished_at: task.finished_at.map(domain::Timestamp::to_datetime),
    }
}

pub fn problem(problem: domain::Problem) -> api::Problem {
    api::Problem {
        path: problem.path,
        code: problem_code(problem.code),
        message: problem.message,
    }
}

macro_rules! same_codes {
    ($($variant:ident)+) => {
        fn problem_code(code: domain::ProblemCode) -> api::ProblemCode {
            match code { $(domain::ProblemCode::$variant => api::ProblemCode::$variant,)+ }
        }
    };
}

same_codes! {
    Encrypted Truncated Corrupt NestedArchive TooDeep TooLarge TooManyEntries SuspiciousRatio PathEscapesRoot
    InvalidPath Link DeviceName DuplicatePath Binary UnsupportedFormat UnsupportedCompression UnknownEncoding Empty
    ParseFailed NestedTooDeep MemoryLimit TooManyPages TimedOut ReaderCrashed NotFound AccessDenied Unreachable
    AddressRefused RobotsDisallowed Submodule LfsPointer RemovalsHeld
}

pub fn retrieval_mode(mode: api::RetrievalMode) -> rag::Mode {
    match mode {
        api::RetrievalMode::Hybrid => rag::Mode::Hybrid,
        api::RetrievalMode::Lexical => rag::Mode::Lexical,
        api::RetrievalMode::Dense => rag::Mode::Dense,
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

fn side(report: rag::SideReport) -> api::SideReport {
    let (status, reason) = match report.status {
        rag::SideStatus::Ran => (api::SideStatus::Ran, None),
        rag::SideStatus::NotAsked => (api::SideStatus::NotAsked, None),
        rag::SideStatus::NotConfigured => (api::SideStatus::NotConfigured, None),
        rag::SideStatus::ScriptUnknown => (api::SideStatus::ScriptUnknown, None),
        rag::SideStatus::Failed(reason) => (api::SideStatus::Failed, Some(reason)),
    };
    api::SideReport {
        status,
        reason,
        candidates: u32::try_from(report.candidates).unwrap_or(u32::MAX),
        best_score: report.best_score,
        milliseconds: millis(report.micros),
    }
}

fn rerank(report: rag::RerankReport) -> api::RerankReport {
    let (status, reason) = match report.status {
        rag::RerankStatus::Ran => (api::RerankStatus::Ran, None),
        rag::RerankStatus::NotAsked => (api::RerankStatus::NotAsked, None),
        rag::RerankStatus::NotConfigured => (api::RerankStatus::NotConfigured, None),
        rag::RerankStatus::ScriptUnknown => (api::RerankStatus::ScriptUnknown, None),
        rag::RerankStatus::TimedOut => (api::RerankStatus::TimedOut, None),
        rag::RerankStatus::Failed(reason) => (api::RerankStatus::Failed, Some(reason)),
    };
    api::RerankReport {
        status,
        reason,
        candidates: u32::try_from(report.candidates).unwrap_or(u32::MAX),
        milliseconds: millis(report.micros),
    }
}

fn retrieval(report: rag::RetrievalReport) -> api::Retrieval {
    api::Retrieval {
        mode: match report.mode_asked {
            rag::Mode::Hybrid => api::RetrievalMode::Hybrid,
            rag::Mode::Lexical => api::RetrievalMode::Lexical,
            rag::Mode::Dense => api::RetrievalMode::Dense,
        },
        question: report.question,
        rewritten_by: report.rewritten_by.map(conversations::rewritten_by),
        rewrite_failure: report.rewrite_failure.map(conversations::rewrite_failure),
        lexical: side(report.lexical),
        dense: side(report.dense),
        rerank: rerank(report.rerank),
        lexical_weight: report.lexical_weight,
        model: report.model,
        embedding_milliseconds: millis(report.embed_micros),
        total_milliseconds: millis(report.total_micros),
    }
}

struct Scores {
    score: f32,
    lexical: Option<f32>,
    dense: Option<f32>,
    rerank: Option<f32>,
}

fn passage(passage: domain::Passage, scores: Scores) -> api::Passage {
    let source_link = passage.link();
    let domain::Passage {
        chunk,
        kb_name,
        source_name,
        document_path,
        document_title,
        format: read_as,
        document_link: _,
    } = passage;
    api::Passage {
        chunk_id: chunk.id.as_uuid(),
        knowledge_base_id: chunk.kb_id.as_uuid(),
        knowledge_base: kb_name,
        document_id: chunk.document_id.as_uuid(),
        document_path,
        document_title,
        document_format: format(read_as),
        source: source_name,
        heading_path: chunk.heading_path,
        lines: lines(chunk.lines),
        pages: chunk.pages.map(|pages| api::PageRange {
            first: pages.first,
            last: pages.last,
        }),
        source_link,
        link: lines_link(chunk.document_id, chunk.lines),
        text: chunk.text,
        score: scores.score,
        lexical_score: scores.lexical,
        dense_score: scores.dense,
        rerank_score: scores.rerank,
    }
}

pub fn search_response(found: rag::Retrieval) -> api::SearchResponse {
    let hit = |hit: rag::RankedPassage| {
        passage(
            hit.passage,
            Scores {
                score: hit.score,
                lexical: hit.lexical,
                dense: hit.dense,
                rerank: hit.rerank,
            },
        )
    };
    api::SearchResponse {
        passages: found.hits.into_iter().map(hit).collect(),
        retrieval: retrieval(found.report),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub fn answer(answer: rag::Answer) -> api::Answer {
    api::Answer {
        id: answer.id.map(domain::AnswerId::as_uuid),
        unsupported_blocks: count(answer.unsupported()),
        blocks: answer.blocks.into_iter().map(block).collect(),
        generation: generation(answer.generation),
        text: answer.text,
        found: answer.found,
        language: language(answer.language),
        citations: answer.citations.into_iter().map(citation).collect(),
        nearest: answer.nearest.into_iter().map(citation).collect(),
        support: Some(quality::support(answer.support)),
        retrieval: retrieval(answer.retrieval),
    }
}

const fn language(language: rag::AnswerLanguage) -> api::AnswerLanguage {
    match language {
        rag::AnswerLanguage::Russian => api::AnswerLanguage::Ru,
        rag::AnswerLanguage::English => api::AnswerLanguage::En,
    }
}

pub fn ai_answer(answer: rag::FreeAnswer) -> api::AiAnswer {
    api::AiAnswer {
        text: answer.text,
        language: language(answer.language),
        citations: Vec::new(),
        generation: generation(answer.generation),
    }
}

fn block(block: rag::Block) -> api::AnswerBlock {
    api::AnswerBlock {
        text: block.text,
        citations: block.citations,
        supported: block.supported,
    }
}

fn generation(report: rag::Generation) -> api::Generation {
    api::Generation {
        status: match report.status {
            rag::GenerationStatus::Written => api::GenerationStatus::Written,
            rag::GenerationStatus::Extractive => api::GenerationStatus::Extractive,
            rag::GenerationStatus::Failed => api::GenerationStatus::Failed,
            rag::GenerationStatus::Unsourced => api::GenerationStatus::Unsourced,
        },
        reason: report.reason.map(generation_reason),
        model: report.model,
        prompt_version: report.prompt_version.map(Cow::into_owned),
        usage: report.usage.map(|usage| api::TokenUsage {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
        }),
        truncated: report.truncated,
        invented_citations: count(report.invented_citations),
        milliseconds: millis(report.micros),
        first_token_milliseconds: report.first_token_micros.map(millis),
        cached: match report.cached {
            rag::Cached::None => api::Cached::None,
            rag::Cached::Text => api::Cached::Text,
            rag::Cached::Answer => api::Cached::Answer,
        },
        cost: report.cost.map(model_calls::cost),
    }
}

macro_rules! same_reasons {
    ($($variant:ident)+) => {
        fn generation_reason(reason: rag::GenerationReason) -> api::GenerationReason {
            match reason { $(rag::GenerationReason::$variant => api::GenerationReason::$variant,)+ }
        }
    };
}

same_reasons! {
    NotConfigured NothingFound Unavailable RateLimited TimedOut RefusedKey BadRequest BrokenOff Filtered Uncited
}

pub fn answer_delta(delta: rag::AnswerDelta) -> api::AnswerDelta {
    let citation = |(number, chunk): (u32, domain::ChunkId)| api::DeltaCitation {
        number,
        chunk_id: chunk.as_uuid(),
    };
    api::AnswerDelta {
        text: delta.text,
        citations: delta.cited.into_iter().map(citation).collect(),
    }
}

pub fn free_delta(text: String) -> api::AnswerDelta {
    api::AnswerDelta {
        text,
        citations: Vec::new(),
    }
}

fn citation(citation: rag::Citation) -> api::Citation {
    let document = citation.passage.chunk.document_id;
    let scores = Scores {
        score: citation.score,
        lexical: citation.lexical,
        dense: citation.dense,
        rerank: citation.rerank,
    };
    api::Citation {
        number: citation.number,
        quote_lines: lines(citation.quote_lines),
        link: lines_link(document, citation.quote_lines),
        quote: citation.quote,
        passage: passage(citation.passage, scores),
    }
}
