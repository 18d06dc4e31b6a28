//! Builds answers as a chat model would write them, with a lie in a fifth of their sentences, and counts which of them
//! `nexus_rag::verify` finds.
//!
//! An answer is made of sentences of real passages, retold: other words, other order, other forms of numbers and dates, another
//! voice. So a true sentence is not a copy, and a lie is retold like the truth. All follows from a seed.
//!
//! There are two sets of templates, `templates/development.json` and `templates/held-out.json`, with different frames, synonyms
//! and seeds, and each takes the passages that the other leaves. The verifier was tuned on the development set alone. The
//! held-out set was run when it was done, once; its figures stand in docs/adr/0015.

mod answers;
mod forms;
mod liar;
mod measure;
mod names;
mod passages;
mod retell;
mod templates;

pub use answers::{Answer, Kind, Maker, Statement};
pub use measure::{Score, Tally, measure};
pub use passages::{Passage, beir, folder};
pub use templates::Templates;
