//! What the markups of wikis share: a sheet of Markdown that grows line by line, pieces that no markup is read in, unique
//! ids of headings, HTML's entities. Knows no markup itself.

mod entity;
mod ids;
mod mask;
mod notes;
mod seek;
mod sheet;

pub(super) use entity::{character, decoded};
pub(super) use ids::Ids;
pub(super) use mask::{CLOSE, Mask, Masks, OPEN};
pub(super) use notes::Notes;
pub(super) use seek::Seek;
pub(super) use sheet::{Sheet, escaped};
