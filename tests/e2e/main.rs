//! Real binaries, from outside.

mod kill;
mod poison;
mod scale;
mod seen;
mod telegram;
mod walls;
