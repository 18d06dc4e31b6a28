//! Real binaries, from outside.

mod kill;
mod scale;
mod seen;
mod telegram;
mod walls;
