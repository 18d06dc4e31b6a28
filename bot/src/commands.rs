//! The commands that Telegram offers to people: told to it at each start.

use teloxide_core::types::BotCommand;

use crate::telegram::Telegram;
use crate::words::{Language, Phrase, Words};

const COMMANDS: [(&str, Phrase); 7] = [
    ("help", Phrase::CommandHelp),
    ("kb", Phrase::CommandKb),
    ("new", Phrase::CommandNew),
    ("refresh", Phrase::CommandRefresh),
    ("lang", Phrase::CommandLang),
    ("settings", Phrase::CommandSettings),
    ("cancel", Phrase::CommandCancel),
];

/// In each language, and in English for all others. If it does not work, the commands work still.
pub(crate) async fn announce(telegram: &Telegram) {
    let everyone = (Language::default(), None);
    let each = Language::ALL.map(|language| (language, Some(language.tag())));
    for (language, tag) in std::iter::once(everyone).chain(each) {
        let words = Words::of(language);
        let commands = COMMANDS.map(|(name, phrase)| BotCommand::new(name, words.say(phrase)));
        if let Err(error) = telegram.set_commands(commands.to_vec(), tag).await {
            tracing::warn!(%error, language = language.tag(), "the list of commands is not set");
        }
    }
}
