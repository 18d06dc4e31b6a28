//! How the bot's messages look, what holds for all of them, and how the process carries them.

mod answers;
mod bounds;
mod cards;
mod contents;
mod fixtures;
mod locales;
mod notices;
mod process;
mod properties;
mod settings;
mod telegram_html;
mod updates;
