//! The methods of the Bot API: what each checks and does, in the order and the words of Telegram's server
//! (<https://github.com/tdlib/telegram-bot-api/blob/master/telegram-bot-api/Client.cpp>).

mod access;
mod callbacks;
mod chats;
mod edits;
mod files;
mod me;
mod params;
mod polling;
mod refused;
mod sends;
mod webhooks;

use serde_json::Value;

pub(crate) use params::Params;
pub(crate) use polling::poll;
pub(crate) use refused::Refused;

use crate::world::{Bot, World};

pub(crate) type Answer = Result<Value, Refused>;

/// A call of a bot.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) bot: i64,
    pub(crate) params: &'a Params,
}

impl Call<'_> {
    fn bot(&mut self) -> &mut Bot {
        self.world
            .bots
            .get_mut(&self.bot)
            .expect("bots are never removed, and a call is let in by the token of one")
    }
}

/// `getUpdates`, the only method that waits.
pub(crate) const GET_UPDATES: &str = "getUpdates";

type Method = fn(&mut Call<'_>) -> Answer;

const METHODS: &[(&str, Method)] = &[
    ("getMe", me::get_me),
    ("logOut", me::accept),
    ("close", me::accept),
    ("setMyCommands", me::set_commands),
    ("getMyCommands", me::get_commands),
    ("deleteMyCommands", me::delete_commands),
    ("setWebhook", webhooks::set),
    ("deleteWebhook", webhooks::delete),
    ("getWebhookInfo", webhooks::info),
    ("sendMessage", sends::message),
    ("sendMessageDraft", sends::draft),
    ("sendChatAction", sends::action),
    ("editMessageText", edits::text),
    ("editMessageReplyMarkup", edits::markup),
    ("deleteMessage", edits::delete),
    ("deleteMessages", edits::delete_many),
    ("answerCallbackQuery", callbacks::answer),
    ("getFile", files::get),
    ("getChat", chats::get),
    ("leaveChat", chats::leave),
];

/// A method's name as it is written in the documentation; callers may write it as they like.
pub(crate) fn name(method: &str) -> Option<&'static str> {
    let names = METHODS.iter().map(|(name, _)| *name).chain([GET_UPDATES]);
    names.into_iter().find(|name| name.eq_ignore_ascii_case(method))
}

/// Carries out what does not wait.
pub(crate) fn carry_out(method: &str, mut call: Call<'_>) -> Answer {
    match METHODS.iter().find(|(name, _)| *name == method) {
        Some((_, carry_out)) => carry_out(&mut call),
        None => Err(Refused::no_method()),
    }
}
