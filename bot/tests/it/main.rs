//! How the bot's messages look, and what holds for all of them.

mod locales;
