//! Tables in text: which delimiter, and the cells of a record. The text itself is kept as it stands.

/// How many bytes of a table are looked at to find its delimiter.
const SAMPLE: usize = 16 << 10;

/// The delimiter that gives the most records with the same number (two or more) of cells.
pub(crate) fn delimiter(text: &str) -> u8 {
    let mut end = text.floor_char_boundary(SAMPLE);
    if end < text.len() {
        end = memchr::memrchr(b'\n', &text.as_bytes()[..end]).unwrap_or(end);
    }
    let sample = &text[..end];
    let score = |delimiter: u8| {
        let widths: Vec<usize> = reader(sample, delimiter)
            .byte_records()
            .flatten()
            .take(64)
            .map(|r| r.len())
            .collect();
        let first = widths.first().copied().unwrap_or(0);
        let equal = widths.iter().filter(|width| **width == first).count();
        if first < 2 {
            (0, 0)
        } else {
            (equal * 100 / widths.len().max(1), first)
        }
    };
    // The comma is last: of equals, `max_by_key` takes the last one.
    [b'|', b';', b'\t', b',']
        .into_iter()
        .max_by_key(|delimiter| score(*delimiter))
        .unwrap_or(b',')
}

/// The cells of the first record of `text`.
pub(crate) fn record(text: &str, delimiter: u8) -> Vec<String> {
    reader(text, delimiter)
        .byte_records()
        .next()
        .and_then(Result::ok)
        .map(|record| {
            record
                .iter()
                .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}
