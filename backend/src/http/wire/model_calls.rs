//! Calls of models and what they cost, to and from the contract.

use nexus_api as api;
use nexus_domain as domain;

use super::answers::asked_by;
use crate::service::{CallGroup, CallTotals};

pub fn amount(amount: domain::Amount) -> api::Amount {
    api::Amount {
        amount_micros: amount.micros,
        currency: amount.currency.to_string(),
    }
}

pub fn cost(cost: domain::Cost) -> api::GenerationCost {
    api::GenerationCost {
        amount_micros: cost.amount.micros,
        currency: cost.amount.currency.to_string(),
        complete: cost.complete,
    }
}

const fn purpose(purpose: domain::Purpose) -> api::ModelCallPurpose {
    match purpose {
        domain::Purpose::Answer => api::ModelCallPurpose::Answer,
        domain::Purpose::Rewrite => api::ModelCallPurpose::Rewrite,
        domain::Purpose::Chat => api::ModelCallPurpose::Chat,
        domain::Purpose::Embedding => api::ModelCallPurpose::Embedding,
    }
}

pub const fn purpose_from(purpose: api::ModelCallPurpose) -> domain::Purpose {
    match purpose {
        api::ModelCallPurpose::Answer => domain::Purpose::Answer,
        api::ModelCallPurpose::Rewrite => domain::Purpose::Rewrite,
        api::ModelCallPurpose::Chat => domain::Purpose::Chat,
        api::ModelCallPurpose::Embedding => domain::Purpose::Embedding,
    }
}

pub const fn group_from(group: api::ModelCallGroup) -> CallGroup {
    match group {
        api::ModelCallGroup::Day => CallGroup::Day,
        api::ModelCallGroup::Model => CallGroup::Model,
        api::ModelCallGroup::Bot => CallGroup::Bot,
        api::ModelCallGroup::User => CallGroup::User,
        api::ModelCallGroup::Purpose => CallGroup::Purpose,
    }
}

pub fn model_call(call: domain::ModelCall) -> api::ModelCall {
    api::ModelCall {
        id: call.id.as_uuid(),
        at: call.created_at.to_datetime(),
        purpose: purpose(call.purpose),
        model: call.model,
        provider: call.provider,
        asked_by: asked_by(call.asker),
        knowledge_base_id: call.kb.map(domain::KbId::as_uuid),
        requests: call.requests,
        answer_id: call.answer.map(domain::AnswerId::as_uuid),
        usage: call.usage.map(|usage| api::TokenUsage {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
        }),
        milliseconds: super::millis(call.micros),
        outcome: match call.outcome {
            domain::CallOutcome::Ok => api::ModelCallOutcome::Ok,
            domain::CallOutcome::Failed => api::ModelCallOutcome::Failed,
            domain::CallOutcome::Cut => api::ModelCallOutcome::Cut,
        },
        cost: call.price.map(amount),
    }
}

pub fn totals(totals: CallTotals) -> api::ModelCallTotals {
    let cost = |currency: domain::Currency| api::Amount {
        amount_micros: totals.cost_micros,
        currency: currency.to_string(),
    };
    api::ModelCallTotals {
        day: totals
            .day
            .and_then(domain::quota::date_of_day)
            .map(|day| day.to_string()),
        model: totals.model,
        bot_id: totals.bot.map(domain::BotId::as_uuid),
        user_id: totals.user.map(domain::UserId::as_uuid),
        purpose: totals.purpose.map(purpose),
        calls: totals.calls,
        failed_or_cut: totals.not_ok,
        without_tokens: totals.untold,
        without_price: totals.unpriced,
        prompt_tokens: totals.prompt_tokens,
        completion_tokens: totals.completion_tokens,
        cost: totals.currency.map(cost),
    }
}
