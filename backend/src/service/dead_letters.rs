//! Messages that could not be delivered: admins who use the bot are told, with one notice and not a hundred.

use std::time::Duration;

use nexus_domain::bot::BotError;
use nexus_domain::{ChatKind, ChatState, Content, Delivery, Language, Priority, Say, Timestamp};
use nexus_storage::{Tx, UserFilter};

use super::ServiceError;

/// Between two notices of one bot.
const NOTICE_EVERY: Duration = Duration::from_secs(3_600);
/// Admins who are told.
const MAX_ADMINS: usize = 20;
/// Dead letters that are counted for the notice.
const MAX_COUNTED: usize = 1_000;

/// Notes the error at the bot, and tells its admins unless they were told within the hour.
pub(super) async fn tell_admins(
    tx: &mut Tx,
    dead: &Delivery,
    message: &str,
    now: Timestamp,
) -> Result<(), ServiceError> {
    // Others that fail at the same moment wait here, and see that admins were told.
    let Some(bot) = tx.bots().lock(dead.bot_id).await? else {
        return Ok(());
    };
    let told = bot
        .last_error
        .is_some_and(|error| now.since(error.at) < NOTICE_EVERY);
    if told {
        return Ok(());
    }
    let error = BotError {
        message: message.to_owned(),
        at: now,
    };
    tx.bots().set_error(bot.id, Some(&error)).await?;
    let letters = tx.deliveries().dead(Some(bot.id), None, MAX_COUNTED).await?;
    let count = u32::try_from(letters.len()).unwrap_or(u32::MAX);
    let admins = UserFilter {
        role: Some(nexus_domain::Role::Admin),
        ..UserFilter::default()
    };
    for admin in tx.users().list(&admins, None, MAX_ADMINS).await? {
        let own = admin.person.telegram_id.get();
        let chat = tx.chats().by_telegram_id(bot.id, own).await?;
        let open = chat.filter(|chat| {
            // A notice that itself cannot be delivered is not told of.
            chat.kind == ChatKind::Private && chat.state == ChatState::Active && chat.id != dead.chat_id
        });
        let Some(chat) = open.filter(|_| !admin.blocked) else {
            continue;
        };
        let tag = admin.person.language_code.as_deref().unwrap_or_default();
        let language = Language::for_tag(tag);
        let notice = Delivery {
            user_id: Some(admin.id),
            content: Some(Content::say(Say::DeadLetters { count })),
            ..Delivery::new(
                (bot.id, chat.id),
                Priority::Notice,
                language,
                dead.trace_id.clone(),
                now,
            )
        };
        tx.deliveries().insert(&notice, None).await?;
    }
    Ok(())
}
