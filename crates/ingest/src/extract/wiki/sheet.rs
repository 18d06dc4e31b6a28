//! Markdown that grows line by line and knows where its headings stand.

use crate::extract::derived::Derived;

#[derive(Debug, Default)]
pub(in crate::extract) struct Sheet {
    out: String,
    /// Lines written so far.
    lines: u32,
    /// A blank line is due before the next one.
    gap: bool,
    anchors: Vec<(u32, String)>,
}

impl Sheet {
    pub(in crate::extract) fn gap(&mut self) {
        self.gap = !self.out.is_empty();
    }

    /// A line as it stands, or several.
    pub(in crate::extract) fn line(&mut self, line: &str) {
        if std::mem::take(&mut self.gap) {
            self.put("");
        }
        self.put(line);
    }

    fn put(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
        let ends = memchr::memchr_iter(b'\n', line.as_bytes()).count() + 1;
        self.lines = self.lines.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
    }

    /// A block of its own.
    pub(in crate::extract) fn block(&mut self, text: &str) {
        self.gap();
        self.line(text);
        self.gap();
    }

    pub(in crate::extract) fn heading(&mut self, level: usize, text: &str, anchor: Option<String>) {
        self.block(&format!("{} {text}", "#".repeat(level.clamp(1, 6))));
        if let Some(anchor) = anchor {
            self.anchors.push((self.lines, anchor));
        }
    }

    pub(in crate::extract) fn fence(&mut self, language: &str, text: &str) {
        let text = text.trim_matches('\n').trim_end();
        if text.trim().is_empty() {
            return;
        }
        let fence = match (text.contains("```"), text.contains("~~~~")) {
            (false, _) => "```",
            (true, false) => "~~~~",
            (true, true) => "``````````",
        };
        let sound = language.len() < 24
            && language
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+#-_".contains(c));
        let language = if sound { language } else { "" };
        self.gap();
        self.line(&format!("{fence}{language}"));
        self.line(text);
        self.line(fence);
        self.gap();
    }

    /// A pipe table whose first row is its head. One that has a single row or column does not relate anything: its cells
    /// become paragraphs, like rows above the head that hold one cell.
    pub(in crate::extract) fn table(&mut self, rows: &[Vec<String>]) {
        let filled = |row: &&Vec<String>| row.iter().any(|cell| !cell.trim().is_empty());
        let mut rows: Vec<&Vec<String>> = rows.iter().filter(filled).collect();
        let titles = rows
            .iter()
            .take_while(|row| row.iter().filter(|cell| !cell.trim().is_empty()).count() < 2);
        let mut titles = titles.count();
        if rows.len() < titles + 2 {
            titles = rows.len();
        }
        self.gap();
        for row in rows.drain(..titles) {
            for cell in row.iter().filter(|cell| !cell.trim().is_empty()) {
                self.block(&escaped(cell.trim()));
            }
        }
        for (number, row) in rows.iter().enumerate() {
            let mut line = String::from("|");
            for cell in *row {
                line.push(' ');
                line.push_str(&cell.trim().replace('|', "\\|"));
                line.push_str(" |");
            }
            self.line(&line);
            if number == 0 {
                self.line(&format!("|{}", " --- |".repeat(row.len())));
            }
        }
        self.gap();
    }

    pub(in crate::extract) fn finish(self, title: String) -> Derived {
        Derived {
            title,
            text: self.out,
            anchors: self.anchors,
        }
    }
}

/// Text, with a backslash before each line that would read as a heading or a fence.
pub(in crate::extract) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
        let heading =
            (1..=6).contains(&hashes) && line[hashes..].chars().next().is_none_or(char::is_whitespace);
        if heading || line.starts_with("```") || line.starts_with("~~~") {
            out.push('\\');
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Sheet;

    #[test]
    fn anchors_stand_at_the_lines_of_their_headings() {
        let mut sheet = Sheet::default();
        sheet.line("one\ntwo");
        sheet.heading(2, "A", Some("A".into()));
        sheet.fence("rust", "\nlet a;\nlet b;\n\n");
        sheet.heading(3, "B", Some("B".into()));
        let derived = sheet.finish(String::new());
        for (line, anchor) in derived.anchors {
            let text = derived.text.lines().nth(line as usize - 1).unwrap();
            assert!(text.ends_with(&anchor) && text.starts_with('#'), "{text}");
        }
    }

    #[test]
    fn a_table_needs_rows_and_columns() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let text = |rows: &[Vec<String>]| {
            let mut sheet = Sheet::default();
            sheet.table(rows);
            sheet.finish(String::new()).text
        };
        assert_eq!(
            text(&[row(&["Title", ""]), row(&["a", "b|c"]), row(&["1", ""])]),
            "Title\n\n| a | b\\|c |\n| --- | --- |\n| 1 |  |\n"
        );
        assert_eq!(text(&[row(&["only", "row"])]), "only\n\nrow\n");
    }
}
