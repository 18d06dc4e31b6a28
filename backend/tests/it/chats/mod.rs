//! Chats from end to end, as the process that serves a bot meets them: updates go in, deliveries come out, and whatever
//! is lost in between is made good.

mod deliveries;
mod menus;
mod rights;
mod updates;
