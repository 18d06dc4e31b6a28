//! Real binaries, from outside.

mod kill;
mod walls;
