//! Chats as bots see them.

use serde_json::json;

use super::{Answer, Call, Refused};
use crate::world::{ChatKey, Membership};

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let key = call.chat()?;
    let mut chat = call.world.chat_json(call.world.chat(key));
    chat["accent_color_id"] = 0.into();
    chat["max_reaction_count"] = 11.into();
    chat["accepted_gift_types"] = json!({
        "unlimited_gifts": false,
        "limited_gifts": false,
        "unique_gifts": false,
        "premium_subscription": false,
    });
    Ok(chat)
}

pub(super) fn leave(call: &mut Call<'_>) -> Answer {
    let key = call.chat()?;
    if matches!(key, ChatKey::Private { .. }) {
        return Err(Refused::bad(
            "chat member status can't be changed in private chats",
        ));
    }
    let bot = call.bot;
    call.world.chat_mut(key).bots.insert(bot, Membership::Left);
    Ok(true.into())
}
