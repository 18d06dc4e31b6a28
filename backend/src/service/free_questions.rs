//! Questions to the chat model itself, without a knowledge base: in the manner of the bot that asks, within the same limits.
//! What is answered is not kept: there is nothing that it was made from. Its call is, with what it cost.

use std::pin::Pin;

use futures::{Stream, StreamExt as _, stream};
use nexus_domain::{Access, Asker, Purpose};
use nexus_rag::follow_up::Turn;
use nexus_rag::{FreeAnswer, FreeEvent, FreeStream, GenerationReason};

use super::usage::{Most, NO_KBS, Taken};
use super::{Calls, ModelCalls, Questions, ServiceError};

#[derive(Clone, Debug)]
pub struct FreeQuestions {
    pub questions: Questions,
    pub model_calls: ModelCalls,
}

/// Ends after [`FreeEvent::Done`] or an error. Dropping it cancels the call to the model.
pub type FreeAnswers = Pin<Box<dyn Stream<Item = Result<FreeEvent, ServiceError>> + Send>>;

impl FreeQuestions {
    pub async fn answer(
        &self,
        access: &Access,
        question: String,
        history: Vec<Turn>,
    ) -> Result<FreeAnswer, ServiceError> {
        let mut answer = self.stream(access, question, history).await?;
        while let Some(event) = answer.next().await {
            if let FreeEvent::Done(answer) = event? {
                return Ok(*answer);
            }
        }
        Err(ServiceError::Internal("the answer has no end".into()))
    }

    /// What the caller may not ask is refused before the stream begins. A stream that is left stays counted as a whole.
    pub async fn stream(
        &self,
        access: &Access,
        question: String,
        history: Vec<Turn>,
    ) -> Result<FreeAnswers, ServiceError> {
        let Questions {
            bots,
            usage,
            answering,
            ..
        } = &self.questions;
        let bot = bots.calling(access).await?;
        let Some(mut writing) = answering.writing.clone() else {
            return Err(ServiceError::NoChatModel);
        };
        writing.manner = self.questions.manner(access, bot.as_ref()).await?;
        let calls = self.model_calls.open(Asker::of(access.caller()));
        writing.calls = calls.log().of(Purpose::Chat);
        let accounts = usage.accounts(access, bot.as_ref(), NO_KBS).await?;
        let most = Most {
            chat: writing.most_free_usage(),
            embedded_tokens: 0,
        };
        let taken = usage.take_question(&accounts, most).await?;
        Ok(settled_at_the_end(
            writing.freely(question, history),
            taken,
            calls,
        ))
    }
}

/// Prices and counts the answer, and keeps its calls, before its last event is passed on.
fn settled_at_the_end(answer: FreeStream, taken: Taken, calls: Calls) -> FreeAnswers {
    let state = (answer, Some(taken), calls);
    stream::unfold(state, async |(mut answer, mut taken, calls)| {
        let mut event = answer.next().await?.map_err(failed);
        let ended = match &mut event {
            Ok(FreeEvent::Delta(_)) => None,
            Ok(FreeEvent::Done(answer)) => {
                answer.generation.cost = calls.cost();
                taken.take().map(|taken| (taken, true))
            }
            Err(_) => taken.take().map(|taken| (taken, false)),
        };
        if let Some((taken, is_answered)) = ended {
            let spent = calls.spent();
            if is_answered {
                taken.settle(spent).await;
            } else {
                taken.give_back_but(spent).await;
            }
            calls.keep().await;
        }
        Some((event, (answer, taken, calls)))
    })
    .boxed()
}

/// There is no answer without the model: whatever ails it, asking again later may help.
fn failed(reason: GenerationReason) -> ServiceError {
    ServiceError::Unavailable(format!("the chat model gave no answer: {reason:?}").into())
}
