//! The bot and the backend as people in Telegram meet them.

mod choosers;
mod installation;
mod kill;
mod pace;
mod signed;
