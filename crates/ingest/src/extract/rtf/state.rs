//! What holds while an RTF file is read: groups keep what changed inside of them to themselves.

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::charset;
use crate::extract::blocks::Blocks;
use crate::limits::Limits;

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Body,
    /// A paragraph's bullet or number.
    Marker,
    /// A note at the foot or the end.
    Note,
    Title,
    FontTable,
    StyleSheet,
    Nowhere,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    target: Target,
    encoding: &'static Encoding,
    /// Stand-ins behind each `\u`.
    stand_ins: usize,
    is_hidden: bool,
    is_deleted: bool,
    /// Only `\*` stood in the group so far.
    is_optional: bool,
    /// Of the paragraph, from 1.
    heading: Option<usize>,
    list_level: usize,
    in_table: bool,
}

pub(super) struct Document {
    pub(super) blocks: Blocks,
    group: Group,
    groups: Vec<Group>,
    page: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
    font: i32,
    default_font: i32,
    /// Heading levels of styles, from 1.
    styles: HashMap<i32, usize>,
    style: i32,
    style_name: String,
    /// Bytes whose code page holds until it changes.
    bytes: Vec<u8>,
    /// Half of a UTF-16 pair.
    surrogate: Option<u16>,
    /// Stand-ins that are still to be passed over.
    passing: usize,
    paragraph: String,
    marker: String,
    title: String,
    note: String,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cells: u64,
    max_cells: u64,
}

impl Document {
    pub(super) fn new(limits: &Limits) -> Self {
        let group = Group {
            target: Target::Body,
            encoding: WINDOWS_1252,
            stand_ins: 1,
            is_hidden: false,
            is_deleted: false,
            is_optional: false,
            heading: None,
            list_level: 0,
            in_table: false,
        };
        Self {
            blocks: Blocks::new(limits),
            group,
            groups: Vec::new(),
            page: WINDOWS_1252,
            fonts: HashMap::new(),
            font: 0,
            default_font: 0,
            styles: HashMap::new(),
            style: 0,
            style_name: String::new(),
            bytes: Vec::new(),
            surrogate: None,
            passing: 0,
            paragraph: String::new(),
            marker: String::new(),
            title: String::new(),
            note: String::new(),
            rows: Vec::new(),
            row: Vec::new(),
            cells: 0,
            max_cells: limits.cells,
        }
    }

    /// The depth of the group that opens.
    pub(super) fn open(&mut self) -> usize {
        self.settle();
        self.passing = 0;
        self.groups.push(self.group);
        self.group.is_optional = false;
        self.groups.len()
    }

    pub(super) fn close(&mut self) {
        self.settle();
        if self.group.target == Target::StyleSheet {
            self.name_style();
        }
        self.passing = 0;
        let Some(group) = self.groups.pop() else { return };
        let ended = std::mem::replace(&mut self.group, group).target;
        if ended == Target::Note && group.target != Target::Note {
            let note = std::mem::take(&mut self.note);
            self.push(&format!(" ({})", note.trim()));
        }
    }

    pub(super) fn finish(mut self) -> (Blocks, String) {
        self.settle();
        self.end_paragraph();
        self.end_table();
        (self.blocks, self.title)
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        let passed = self.passing.min(text.len());
        self.passing -= passed;
        self.bytes
            .extend_from_slice(text.get(passed..).unwrap_or_default());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.text(&[byte]);
    }

    pub(super) fn sign(&mut self, sign: u8) {
        self.settle();
        match sign {
            b'*' => self.group.is_optional = true,
            b'~' => self.push("\u{A0}"),
            b'_' => self.push("-"),
            b'\\' | b'{' | b'}' => self.text(&[sign]),
            _ => {}
        }
    }

    pub(super) fn word(&mut self, word: &str, number: Option<i32>) {
        self.settle();
        if word == "u" {
            self.unit(number.unwrap_or_default());
            return;
        }
        self.passing = 0;
        if self.destination(word) {
            return;
        }
        match word {
            "ansicpg" => {
                self.page = number.and_then(charset::of_code_page).unwrap_or(self.page);
                self.group.encoding = self.page;
            }
            "mac" => self.page = charset::of_code_page(10_000).unwrap_or(self.page),
            "deff" => self.default_font = number.unwrap_or_default(),
            "f" => {
                self.font = number.unwrap_or_default();
                self.group.encoding = self.encoding_of(self.font);
            }
            "fcharset" if self.group.target == Target::FontTable => {
                let encoding = number.and_then(charset::of_font).unwrap_or(self.page);
                self.fonts.insert(self.font, encoding);
            }
            "uc" => self.group.stand_ins = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(1).min(16),
            "v" => self.group.is_hidden = number != Some(0),
            "deleted" => self.group.is_deleted = number != Some(0),
            "plain" => {
                self.group.is_hidden = false;
                self.group.is_deleted = false;
                self.group.encoding = self.encoding_of(self.default_font);
            }
            _ if self.group.target == Target::StyleSheet => self.style_word(word, number),
            _ => self.body_word(word, number),
        }
    }

    /// Whether the word says where the group's text goes.
    fn destination(&mut self, word: &str) -> bool {
        let is_optional = std::mem::take(&mut self.group.is_optional);
        self.group.target = match word {
            "fonttbl" => Target::FontTable,
            "stylesheet" => Target::StyleSheet,
            "title" if self.group.target == Target::Nowhere => Target::Title,
            "listtext" | "pntext" => Target::Marker,
            "footnote" => Target::Note,
            // Shapes hold their text deep in what older readers are to pass over.
            "shpinst" | "shptxt" | "shp" => return true,
            "colortbl" | "info" | "pict" | "header" | "headerl" | "headerr" | "headerf" | "footer"
            | "footerl" | "footerr" | "footerf" | "fldinst" | "listtable" | "listoverridetable"
            | "revtbl" | "rsidtbl" | "generator" | "themedata" | "colorschememapping" | "datastore"
            | "latentstyles" | "objdata" | "nonshppict" | "sp" | "xe" | "tc" | "bkmkstart" | "bkmkend"
            | "ftnsep" | "ftnsepc" | "aftnsep" => Target::Nowhere,
            _ if is_optional => Target::Nowhere,
            _ => return false,
        };
        true
    }

    fn style_word(&mut self, word: &str, number: Option<i32>) {
        let number = number.unwrap_or_default();
        match word {
            "s" => {
                self.style = number;
                self.style_name.clear();
            }
            "outlinelevel" if (0..9).contains(&number) => {
                self.styles.insert(self.style, number as usize + 1);
            }
            _ => {}
        }
    }

    fn body_word(&mut self, word: &str, number: Option<i32>) {
        match word {
            "par" | "sect" | "page" => self.end_paragraph(),
            "line" => self.push("\n"),
            "tab" => self.push("\t"),
            "emdash" => self.push("—"),
            "endash" => self.push("–"),
            "bullet" => self.push("•"),
            "lquote" => self.push("‘"),
            "rquote" => self.push("’"),
            "ldblquote" => self.push("“"),
            "rdblquote" => self.push("”"),
            "emspace" | "enspace" | "qmspace" => self.push(" "),
            "pard" => {
                self.group.heading = None;
                self.group.in_table = false;
                self.group.list_level = 0;
            }
            "s" => self.group.heading = number.and_then(|style| self.styles.get(&style)).copied(),
            "outlinelevel" => {
                let level = number.and_then(|level| usize::try_from(level).ok());
                self.group.heading = level.filter(|level| *level < 9).map(|level| level + 1);
            }
            "ilvl" => {
                self.group.list_level = number.and_then(|level| usize::try_from(level).ok()).unwrap_or(0);
            }
            "intbl" => self.group.in_table = true,
            "cell" | "nestcell" => self.end_cell(),
            "row" | "nestrow" => self.end_row(),
            _ => {}
        }
    }

    fn unit(&mut self, unit: i32) {
        self.passing = self.group.stand_ins;
        // Written as a signed number of 16 bits.
        let Ok(unit) = u16::try_from(unit & 0xFFFF) else {
            return;
        };
        let pair = [self.surrogate.take().unwrap_or(unit), unit];
        let units = if pair[0] == unit { &pair[1..] } else { &pair[..] };
        match char::decode_utf16(units.iter().copied()).next() {
            Some(Ok(c)) => self.push(c.encode_utf8(&mut [0; 4])),
            Some(Err(_)) if (0xD800..0xDC00).contains(&unit) => self.surrogate = Some(unit),
            // Signs of the Symbol font come as private use; none of them is a letter.
            _ => {}
        }
    }

    fn encoding_of(&self, font: i32) -> &'static Encoding {
        self.fonts.get(&font).copied().unwrap_or(self.page)
    }

    /// Bytes become text in the code page that held for them.
    fn settle(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let encoding = match self.group.target {
            Target::Title => self.page,
            _ => self.group.encoding,
        };
        let (text, _) = encoding.decode_without_bom_handling(&bytes);
        self.push(&text);
    }

    fn push(&mut self, text: &str) {
        if self.group.is_hidden || self.group.is_deleted {
            return;
        }
        match self.group.target {
            Target::Body => self.paragraph.push_str(text),
            Target::Marker => self.marker.push_str(text),
            Target::Note => self.note.push_str(text),
            Target::Title => self.title.push_str(text),
            Target::StyleSheet => self.style_name.push_str(text),
            Target::FontTable | Target::Nowhere => {}
        }
    }

    fn name_style(&mut self) {
        let name = self.style_name.trim().trim_end_matches(';').to_lowercase();
        let level = name
            .strip_prefix("heading")
            .or_else(|| name.strip_prefix("заголовок"));
        let level = level.and_then(|level| level.trim().parse().ok());
        let level = if name == "title" { Some(1) } else { level };
        if let Some(level) = level.filter(|level| (1..=9).contains(level)) {
            self.styles.entry(self.style).or_insert(level);
        }
        self.style_name.clear();
        self.style = 0;
    }

    fn end_paragraph(&mut self) {
        if self.group.target != Target::Body || self.group.in_table {
            self.push("\n");
            return;
        }
        self.end_table();
        let text = std::mem::take(&mut self.paragraph);
        let marker = std::mem::take(&mut self.marker);
        let marker = marker.trim();
        match self.group.heading {
            Some(level) => self.blocks.heading(level, &format!("{marker} {text}")),
            None if marker.is_empty() => self.blocks.paragraph(&text),
            None => {
                let number = marker.trim_end_matches(['.', ')']).parse().ok();
                self.blocks.item(self.group.list_level, number, &text);
            }
        }
    }

    fn end_cell(&mut self) {
        if self.group.target != Target::Body {
            return;
        }
        self.cells += 1;
        let text = std::mem::take(&mut self.paragraph);
        let marker = std::mem::take(&mut self.marker);
        if !self.has_too_many_cells() {
            self.row.push(format!("{} {text}", marker.trim()));
        }
    }

    pub(super) const fn has_too_many_cells(&self) -> bool {
        self.cells > self.max_cells
    }

    fn end_row(&mut self) {
        if !self.row.is_empty() {
            self.rows.push(std::mem::take(&mut self.row));
        }
    }

    fn end_table(&mut self) {
        self.end_row();
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.blocks.table(&rows);
        }
    }
}
