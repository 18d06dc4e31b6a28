//! `getUpdates`: one at a time, and it waits.

use std::time::Duration;

use tokio::time::timeout;

use super::{Answer, Params, Refused};
use crate::shared::Shared;
use crate::world::{Bot, World};

const MAX_UPDATES: i64 = 100;
/// Seconds.
const MAX_TIMEOUT: i64 = 50;

pub(crate) async fn poll(shared: &Shared, bot: i64, params: &Params) -> Answer {
    let limit = params
        .number("limit")
        .unwrap_or(MAX_UPDATES)
        .clamp(1, MAX_UPDATES);
    let wait = params.number("timeout").unwrap_or_default().clamp(0, MAX_TIMEOUT);
    let wait = Duration::from_secs(wait.unsigned_abs());
    let number = shared.change(|world| begin(world, bot, params))?;

    let mut changes = shared.watch();
    let is_over = |world: &World| {
        let bot = world.bots.get(&bot);
        bot.is_none_or(|bot| bot.poll != number || bot.webhook.is_some() || !bot.pending.is_empty())
    };
    // Whether there is something or the time is over: the world says what is to be answered.
    let _ = timeout(wait, changes.wait_for(is_over)).await;
    drop(changes);
    shared.read(|world| match world.bots.get(&bot) {
        Some(bot) => finish(bot, number, limit),
        None => Err(Refused::unauthorized()),
    })
}

/// Takes the place of the call before, and forgets what is confirmed.
fn begin(world: &mut World, bot: i64, params: &Params) -> Result<u64, Refused> {
    let allowed = params.names("allowed_updates")?;
    let bot = world.bots.get_mut(&bot).ok_or_else(Refused::unauthorized)?;
    if bot.webhook.is_some() {
        return Err(Refused::conflict(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ));
    }
    if let Some(kinds) = allowed {
        bot.allow(&kinds);
    }
    world.counters.updates_confirmed += bot.confirm(params.number("offset").unwrap_or_default());
    bot.poll += 1;
    Ok(bot.poll)
}

fn finish(bot: &Bot, number: u64, limit: i64) -> Answer {
    if bot.poll != number {
        return Err(Refused::conflict(
            "terminated by other getUpdates request; make sure that only one bot instance is running",
        ));
    }
    if bot.webhook.is_some() {
        return Err(Refused::conflict("terminated by setWebhook request"));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let updates = bot.pending.values().take(limit);
    Ok(updates.map(|pending| pending.update.clone()).collect())
}
