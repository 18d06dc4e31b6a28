//! Kept answers, from the domain to the contract.

use nexus_api as api;
use nexus_domain as domain;

use super::chats::{same, shown_feedback};
use crate::http::error::ApiError;
use crate::service::{AnswerRow, Gap, KeptPassage, LoggedAnswer, Replay};

pub fn kept_answer(replay: Replay) -> Result<api::KeptAnswer, ApiError> {
    let deleted = replay.is_deleted();
    let Replay {
        row,
        answer,
        revisions,
        passages,
        context_now,
    } = replay;
    let answer = super::answer(answer);
    let revision = |(kb, revision): (domain::KbId, i64)| api::KnowledgeBaseRevision {
        knowledge_base_id: kb.as_uuid(),
        revision,
    };
    Ok(api::KeptAnswer {
        id: row.id.as_uuid(),
        created_at: row.created_at.to_datetime(),
        asked_by: asked_by(row.asker),
        message_id: row.delivery.map(domain::DeliveryId::as_uuid),
        revisions: revisions.into_iter().map(revision).collect(),
        found: answer.found,
        language: answer.language,
        deleted,
        text: (!deleted).then_some(answer.text),
        blocks: answer.blocks,
        citations: answer.citations,
        retrieval: answer.retrieval,
        generation: answer.generation,
        context: passages.into_iter().enumerate().map(context_passage).collect(),
        context_digest: row.context_hash.to_string(),
        context_intact: context_now.map(|now| now == row.context_hash),
        feedback: row.feedback.map(shown_feedback).transpose()?,
        question: row.question,
        searched: row.searched,
        trace_id: row.trace_id,
    })
}

pub fn logged_query(logged: LoggedAnswer, with_question: bool) -> Result<api::LoggedQuery, ApiError> {
    let LoggedAnswer { answer, kbs } = logged;
    Ok(api::LoggedQuery {
        answer_id: answer.id.as_uuid(),
        at: answer.created_at.to_datetime(),
        asked_by: asked_by(answer.asker),
        message_id: answer.delivery.map(domain::DeliveryId::as_uuid),
        knowledge_base_ids: kbs.into_iter().map(domain::KbId::as_uuid).collect(),
        found: answer.found,
        language: same(&answer.language)?,
        status: same(&answer.status)?,
        usage: usage(&answer),
        retrieval_milliseconds: super::millis(answer.retrieval_micros),
        generation_milliseconds: super::millis(answer.generation_micros),
        deleted: answer.body.is_none(),
        feedback: answer.feedback.map(shown_feedback).transpose()?,
        question: with_question.then_some(answer.question),
        model: answer.model,
    })
}

pub fn kb_gap(gap: Gap, with_question: bool) -> api::KbGap {
    api::KbGap {
        questions: gap.questions,
        askers: gap.askers,
        first_at: gap.first_at.to_datetime(),
        last_at: gap.last_at.to_datetime(),
        answered_since: gap.answered_since,
        answer_id: gap.first.as_uuid(),
        example: with_question.then_some(gap.example),
    }
}

fn usage(answer: &AnswerRow) -> Option<api::TokenUsage> {
    let usage = answer.usage?;
    Some(api::TokenUsage {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
    })
}

pub(super) fn asked_by(asker: domain::Asker) -> api::AskedBy {
    api::AskedBy {
        user_id: asker.user.map(domain::UserId::as_uuid),
        bot_id: asker.bot.map(domain::BotId::as_uuid),
        api_key_id: asker.api_key.map(domain::ApiKeyId::as_uuid),
    }
}

fn context_passage((place, kept): (usize, KeptPassage)) -> api::ContextPassage {
    let bare = api::ContextPassage {
        number: super::count(place + 1),
        chunk_id: kept.chunk.as_uuid(),
        document_id: kept.document.as_uuid(),
        knowledge_base_id: kept.kb.as_uuid(),
        deleted: kept.passage.is_none(),
        knowledge_base: None,
        source: None,
        document_path: None,
        document_title: None,
        document_format: None,
        heading_path: Vec::new(),
        lines: None,
        pages: None,
        source_link: None,
        text: None,
    };
    let Some(passage) = kept.passage else {
        return bare;
    };
    let source_link = passage.link();
    let chunk = passage.chunk;
    api::ContextPassage {
        knowledge_base: Some(passage.kb_name),
        source: Some(passage.source_name),
        document_path: Some(passage.document_path),
        document_title: Some(passage.document_title),
        document_format: Some(super::format(passage.format)),
        heading_path: chunk.heading_path,
        lines: Some(super::lines(chunk.lines)),
        pages: chunk.pages.map(|pages| api::PageRange {
            first: pages.first,
            last: pages.last,
        }),
        source_link,
        text: Some(chunk.text),
        ..bare
    }
}
