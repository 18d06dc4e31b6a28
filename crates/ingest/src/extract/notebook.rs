//! Jupyter notebooks (nbformat 4): prose as it stands, code as blocks of the kernel's language, and what it printed. What
//! is no such notebook is JSON.

use nexus_domain::Format;
use serde::Deserialize;

use super::blocks::Blocks;
use super::{Extracted, Refusal};
use crate::limits::Limits;

/// How much of a cell's printed output is kept, in bytes.
const OUTPUT: usize = 4 << 10;

#[derive(Debug, Deserialize)]
struct Notebook {
    #[serde(default)]
    metadata: Metadata,
    cells: Vec<Cell>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    title: Option<String>,
    language_info: Option<Language>,
    kernelspec: Option<Kernel>,
}

#[derive(Debug, Deserialize)]
struct Language {
    #[serde(default)]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Kernel {
    #[serde(default)]
    language: String,
}

#[derive(Debug, Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default)]
    source: Lines,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Output {
    text: Lines,
    data: Data,
    ename: String,
    evalue: String,
}

/// Pictures and widgets stand beside it and are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "text/plain")]
    plain: Lines,
    #[serde(rename = "text/markdown")]
    markdown: Lines,
}

/// Text, or its lines.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl Lines {
    fn join(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(lines) => lines.concat(),
        }
    }
}

/// `None`: it is no notebook that can be read.
pub(super) fn read(text: &str, limits: &Limits) -> Option<Result<Extracted, Refusal>> {
    let notebook: Notebook = serde_json::from_str(text).ok()?;
    let language = notebook.language();
    let mut blocks = Blocks::new(limits);
    for cell in &notebook.cells {
        let source = cell.source.join();
        match cell.cell_type.as_str() {
            "markdown" => blocks.markdown(&source),
            "code" => blocks.code(&language, &source),
            _ => blocks.paragraph(&source),
        }
        for output in &cell.outputs {
            output.write(&mut blocks);
        }
        if blocks.is_full() {
            break;
        }
    }
    let title = notebook.metadata.title.unwrap_or_default();
    Some(blocks.finish(Format::Notebook, &title, "The notebook's cells are empty"))
}

impl Notebook {
    /// For the fences; a name that is no word is left out.
    fn language(&self) -> String {
        let info = self
            .metadata
            .language_info
            .as_ref()
            .map(|info| info.name.as_str());
        let kernel = self
            .metadata
            .kernelspec
            .as_ref()
            .map(|kernel| kernel.language.as_str());
        let name = info
            .filter(|name| !name.is_empty())
            .or(kernel)
            .unwrap_or_default();
        let is_word = name.len() <= 32 && name.chars().all(|c| c.is_alphanumeric() || "+#-_".contains(c));
        if is_word {
            name.to_lowercase()
        } else {
            String::new()
        }
    }
}

impl Output {
    fn write(&self, blocks: &mut Blocks) {
        let markdown = self.data.markdown.join();
        if !markdown.trim().is_empty() {
            blocks.markdown(shortened(&markdown));
            return;
        }
        let printed = [self.text.join(), self.data.plain.join()].concat();
        let failed = match self.ename.is_empty() {
            true => String::new(),
            false => format!("{}: {}", self.ename, self.evalue),
        };
        for text in [printed, failed] {
            // What only stands for a picture (`<Figure size 640x480 with 1 Axes>`) says nothing.
            let is_stand_in = text.starts_with('<') && text.trim_end().ends_with('>') && !text.contains('\n');
            if !is_stand_in {
                blocks.code("text", shortened(&text));
            }
        }
    }
}

fn shortened(text: &str) -> &str {
    text.get(..text.floor_char_boundary(OUTPUT)).unwrap_or(text)
}
