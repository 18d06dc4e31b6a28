//! How the bot's messages look, and what holds for all of them.

mod answers;
mod bounds;
mod cards;
mod fixtures;
mod locales;
mod notices;
mod properties;
mod telegram_html;
