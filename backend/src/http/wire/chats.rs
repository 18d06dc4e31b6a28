//! Chats, updates and deliveries, between the domain and the contract. What is kept as the contract writes it is read back
//! here.

use nexus_api as api;
use nexus_domain as domain;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, to_value};

use super::super::error::ApiError;
use crate::service::{
    ChatMessage, Failure, FailureKind, NewUpdate, Presenter, ServiceError, ShownError, TaskView,
};

/// How things look by this contract.
pub const PRESENTER: Presenter = Presenter {
    answer: |answer| shown(&super::answer(answer)),
    passages: |found| {
        let passages = super::search_response(found).passages;
        passages.iter().map(shown).collect()
    },
    task: |task| {
        let queued_before = None;
        shown(&super::task(TaskView { task, queued_before }))
    },
    problem: |problem| shown(&super::problem(problem)),
    error: |error| {
        let error = ApiError::from(error);
        ShownError {
            code: error.code.as_str(),
            details: error.details.map(|details| *details),
            retry_after_seconds: error.retry_after,
            cause: error.cause,
        }
    },
};

fn shown(value: &impl Serialize) -> Value {
    to_value(value).unwrap_or_default()
}

/// Types that are written alike.
pub(super) fn same<A: Serialize, B: DeserializeOwned>(value: &A) -> Result<B, ApiError> {
    let read = to_value(value).and_then(serde_json::from_value);
    read.map_err(|error| ServiceError::Internal(error.into()).into())
}

fn kind(kind: domain::ChatKind) -> api::ChatKind {
    match kind {
        domain::ChatKind::Private => api::ChatKind::Private,
        domain::ChatKind::Group => api::ChatKind::Group,
        domain::ChatKind::Supergroup => api::ChatKind::Supergroup,
        domain::ChatKind::Channel => api::ChatKind::Channel,
    }
}

pub fn language(language: domain::Language) -> api::AnswerLanguage {
    match language {
        domain::Language::Ru => api::AnswerLanguage::Ru,
        domain::Language::En => api::AnswerLanguage::En,
    }
}

/// An update whose shape was checked already; `Person::checked` does the rest.
pub fn new_update(update: api::Update) -> Result<NewUpdate, ApiError> {
    let event = same(&update.event)?;
    let person = update.from.map(person).transpose()?;
    Ok(NewUpdate {
        update_id: update.update_id,
        telegram_chat_id: update.chat.id,
        chat_kind: match update.chat.kind {
            api::ChatKind::Private => domain::ChatKind::Private,
            api::ChatKind::Group => domain::ChatKind::Group,
            api::ChatKind::Supergroup => domain::ChatKind::Supergroup,
            api::ChatKind::Channel => domain::ChatKind::Channel,
        },
        chat_title: update.chat.title,
        topic_id: update.topic_id,
        message_id: update.message_id,
        person,
        event,
    })
}

fn person(from: api::TelegramPerson) -> Result<domain::Person, ApiError> {
    let telegram_id = domain::TelegramId::new(from.telegram_id)
        .ok_or_else(|| ApiError::invalid("from.telegram_id", "no person has this id at Telegram"))?;
    let person = domain::Person {
        telegram_id,
        username: from.username,
        first_name: from.first_name,
        last_name: from.last_name,
        language_code: from.language_code,
    };
    person
        .checked()
        .map_err(|error| ApiError::invalid(error.field, error.to_string()))
}

pub fn chat(chat: domain::Chat) -> api::Chat {
    api::Chat {
        id: chat.id.as_uuid(),
        bot_id: chat.bot_id.as_uuid(),
        telegram_chat_id: chat.telegram_chat_id,
        kind: kind(chat.kind),
        title: chat.title,
        state: match chat.state {
            domain::ChatState::Active => api::ChatState::Active,
            domain::ChatState::Left => api::ChatState::Left,
        },
        created_at: chat.created_at.to_datetime(),
        last_message_at: chat.last_message_at.to_datetime(),
    }
}

pub fn delivery((delivery, chat): (domain::Delivery, domain::Chat)) -> Result<api::Delivery, ApiError> {
    let lease = delivery.lease.ok_or(ServiceError::LeaseLost)?;
    Ok(api::Delivery {
        id: delivery.id.as_uuid(),
        lease: lease.as_uuid(),
        message_id: delivery.id.as_uuid(),
        priority: match delivery.priority {
            domain::Priority::Answer => api::Priority::Answer,
            domain::Priority::Notice => api::Priority::Notice,
        },
        telegram_chat_id: chat.telegram_chat_id,
        chat_kind: kind(chat.kind),
        topic_id: delivery.topic_id,
        reply_to_message_id: delivery.reply_to,
        language: language(delivery.language),
        parts: delivery.parts,
        content: delivery.content.as_ref().map(same).transpose()?,
        attempts: delivery.attempts,
        update_id: delivery.update_id,
        trace_id: delivery.trace_id,
        created_at: delivery.created_at.to_datetime(),
    })
}

fn state(state: domain::DeliveryState) -> api::DeliveryState {
    match state {
        domain::DeliveryState::Writing => api::DeliveryState::Writing,
        domain::DeliveryState::Pending => api::DeliveryState::Pending,
        domain::DeliveryState::Sent => api::DeliveryState::Sent,
        domain::DeliveryState::Dead => api::DeliveryState::Dead,
        domain::DeliveryState::Dropped => api::DeliveryState::Dropped,
    }
}

pub fn message(message: ChatMessage) -> Result<api::Message, ApiError> {
    Ok(match message {
        ChatMessage::In(update) => api::Message {
            id: update.id.as_uuid(),
            chat_id: update.chat_id.as_uuid(),
            direction: api::MessageDirection::In,
            topic_id: update.topic_id,
            user_id: update.user_id.map(domain::UserId::as_uuid),
            event: Some(same(&update.event)?),
            content: None,
            delivery: None,
            telegram_message_ids: update.message_id.into_iter().collect(),
            feedback: None,
            created_at: update.received_at.to_datetime(),
        },
        ChatMessage::Out(delivery, feedback) => api::Message {
            id: delivery.id.as_uuid(),
            chat_id: delivery.chat_id.as_uuid(),
            direction: api::MessageDirection::Out,
            topic_id: delivery.topic_id,
            user_id: delivery.user_id.map(domain::UserId::as_uuid),
            event: None,
            content: delivery.content.as_ref().map(same).transpose()?,
            delivery: Some(state(delivery.state)),
            telegram_message_ids: delivery.parts,
            feedback: feedback.map(shown_feedback).transpose()?,
            created_at: delivery.created_at.to_datetime(),
        },
    })
}

pub fn shown_feedback(feedback: domain::Feedback) -> Result<api::MessageFeedback, ApiError> {
    Ok(api::MessageFeedback {
        verdict: same(&feedback.verdict)?,
        reason: feedback.reason.as_ref().map(same).transpose()?,
    })
}

pub fn feedback(feedback: api::MessageFeedback) -> Result<domain::Feedback, ApiError> {
    Ok(domain::Feedback {
        verdict: same(&feedback.verdict)?,
        reason: feedback.reason.as_ref().map(same).transpose()?,
    })
}

pub fn dead_letter(delivery: domain::Delivery) -> api::DeadLetter {
    api::DeadLetter {
        id: delivery.id.as_uuid(),
        bot_id: delivery.bot_id.as_uuid(),
        chat_id: delivery.chat_id.as_uuid(),
        message_id: delivery.id.as_uuid(),
        attempts: delivery.attempts,
        error: delivery.error.unwrap_or_default(),
        created_at: delivery.created_at.to_datetime(),
        failed_at: delivery.updated_at.to_datetime(),
    }
}

pub fn failure(failed: api::DeliveryFailed) -> Failure {
    Failure {
        kind: match failed.kind {
            api::FailureKind::BotFatal => FailureKind::BotFatal,
            api::FailureKind::ChatFatal => FailureKind::ChatFatal,
            api::FailureKind::Retry => FailureKind::Retry,
            api::FailureKind::Terminal => FailureKind::Terminal,
            api::FailureKind::MessageGone => FailureKind::MessageGone,
            api::FailureKind::FileRefused => FailureKind::FileRefused,
        },
        message: failed.message,
        code: failed.code.map(api::ErrorCode::as_str),
        retry_after: failed
            .retry_after_seconds
            .map(|seconds| std::time::Duration::from_secs(seconds.into())),
        migrated_to: failed.migrated_to,
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        Button, FeedbackReason, KbId, Keyboard, Label, Language, Say, Style, Timestamp, UnsupportedKind,
        Verdict,
    };
    use serde_json::json;

    use super::*;

    /// Everything that the domain can say, the contract can.
    #[test]
    fn the_contract_reads_every_sentence_and_label() {
        let says = [
            Say::Start,
            Say::Help,
            Say::UnknownCommand,
            Say::Forgotten,
            Say::TextDeleted,
            Say::Refreshed,
            Say::Cancelled,
            Say::NothingToCancel,
            Say::EmptyQuestion,
            Say::QuestionTooLong { limit: 4_000 },
            Say::Unsupported {
                unsupported: UnsupportedKind::Voice,
            },
            Say::ButtonExpired,
            Say::NoMore,
            Say::FeedbackWhy,
            Say::FeedbackThanks,
            Say::Settings {
                language: Some(Language::Ru),
                notices: true,
                style: Some(Style::Brief),
                instructions: Some("Без жаргона.".to_owned()),
            },
            Say::LanguageAsk,
            Say::LanguageChosen { language: None },
            Say::KbAsk,
            Say::KbNone,
            Say::KbChosen {
                names: vec!["a".to_owned()],
            },
            Say::KbGone,
            Say::FileAskKb {
                file: "a.zip".to_owned(),
            },
            Say::FileNoKb,
            Say::FileTooLarge { limit_megabytes: 20 },
            Say::FileKnown,
            Say::TaskCancelAsked,
            Say::TaskRetryAsked,
            Say::DeadLetters { count: 3 },
        ];
        let labels = [
            Label::Passage { number: 1 },
            Label::More,
            Label::Good,
            Label::Bad,
            Label::KnowledgeBase {
                name: "a".to_owned(),
                chosen: Some(true),
            },
            Label::AllKnowledgeBases { chosen: false },
            Label::Language {
                language: None,
                chosen: true,
            },
            Label::Notices { on: true },
            Label::Style {
                style: Style::Detailed,
                chosen: true,
            },
            Label::Cancel,
            Label::Retry,
            Label::Done,
        ];
        let reasons = [
            FeedbackReason::Wrong,
            FeedbackReason::Incomplete,
            FeedbackReason::Outdated,
            FeedbackReason::WrongSource,
            FeedbackReason::Unclear,
            FeedbackReason::Other,
        ];
        let labels = labels
            .into_iter()
            .chain(reasons.map(|reason| Label::Reason { reason }));
        let row: Vec<_> = labels
            .map(|label| Button {
                label,
                token: "t".to_owned(),
            })
            .collect();
        for say in says {
            let content = domain::Content::Say {
                say,
                keyboard: Keyboard(vec![row.clone()]),
            };
            let read: api::Content = same(&content).unwrap();
            assert_eq!(to_value(&read).unwrap(), to_value(&content).unwrap());
        }
        for verdict in [Verdict::Good, Verdict::Bad] {
            let feedback = domain::Feedback {
                verdict,
                reason: Some(FeedbackReason::WrongSource),
            };
            assert_eq!(
                super::feedback(shown_feedback(feedback).unwrap()).unwrap(),
                feedback
            );
        }
    }

    #[test]
    fn the_contract_reads_errors_texts_and_files() {
        let kb = KbId::new(Timestamp::from_micros(0));
        let fetch = domain::Content::FetchFile {
            file_id: "f".to_owned(),
            file_unique_id: "u".to_owned(),
            file_name: "a.zip".to_owned(),
            is_archive: true,
            knowledge_base_id: kb,
            telegram_user_id: 7,
        };
        let read: api::Content = same(&fetch).unwrap();
        assert_eq!(
            to_value(read).unwrap()["knowledge_base_id"],
            json!(kb.to_string())
        );
        let refused = PRESENTER.refusal("payload_too_large", "trace");
        assert!(matches!(
            same(&refused).unwrap(),
            api::Content::Error {
                code: api::ErrorCode::PayloadTooLarge,
                ..
            }
        ));
        let error = PRESENTER.error(ServiceError::NoSpace, "trace", Some("Sorry".to_owned()));
        let read: api::Content = same(&error).unwrap();
        assert_eq!(to_value(read).unwrap(), to_value(error).unwrap());
    }

    #[test]
    fn events_are_read_as_they_are_written() {
        let events = [
            json!({"kind": "text", "text": "?"}),
            json!({"kind": "edit", "text": "!"}),
            json!({"kind": "command", "name": "kb", "argument": ""}),
            json!({"kind": "button", "token": "t"}),
            json!({"kind": "file", "file_id": "f", "file_unique_id": "u", "file_name": "n", "size_bytes": 3,
                "is_too_large": false, "limit_megabytes": 20}),
            json!({"kind": "unsupported", "what": "sticker"}),
            json!({"kind": "left"}),
            json!({"kind": "joined"}),
            json!({"kind": "migrated", "to": -100}),
        ];
        for event in events {
            let read: api::UpdateEvent = serde_json::from_value(event.clone()).unwrap();
            let kept: domain::Event = same(&read).unwrap();
            assert_eq!(to_value(&kept).unwrap(), event);
        }
    }
}
