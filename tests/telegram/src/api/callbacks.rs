//! Answers to pressed buttons.

use super::{Answer, Call, Refused};

/// Characters of an answer (<https://core.telegram.org/bots/api#answercallbackquery>).
const MAX_LENGTH: usize = 200;

pub(super) fn answer(call: &mut Call<'_>) -> Answer {
    let lifetime = call.world.options.callback_lifetime;
    let now = call.world.clock.now().instant;
    let id = call.params.text("callback_query_id");
    let text = call.params.text("text");
    let is_alert = call.params.flag("show_alert");
    if text.chars().count() > MAX_LENGTH {
        return Err(Refused::bad("MESSAGE_TOO_LONG"));
    }
    let callback = call.bot().callbacks.get_mut(&id).filter(|callback| {
        callback.answer.is_none() && now.saturating_duration_since(callback.at) < lifetime
    });
    let Some(callback) = callback else {
        return Err(Refused::bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    };
    callback.answer = Some((text, is_alert));
    Ok(true.into())
}
