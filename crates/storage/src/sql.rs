//! Statements as constants: a list of those that a file holds, and statements over many rows.
//!
//! sqlx takes `&'static str` and keeps prepared statements by their text, so statements over many rows come in fixed
//! widths that are laid out at compile time: rows are written [`ROWS`] at a time and then one by one (or in [`HANDFULS`]),
//! ids are asked for [`IDS`] at a time, the last batch filled up with its last id.

/// Rows per multi-row insert.
pub(crate) const ROWS: usize = 32;

/// Ids per statement over a list of ids.
pub(crate) const IDS: usize = 64;

/// Ids per statement where few are usual and somebody waits; else [`IDS`]. Ids that only fill up cost SQLite time, too: of 64, ten
/// that are asked for take 71 µs, and 28 µs of 16.
pub(crate) const FEW: usize = 2;
pub(crate) const SOME: usize = 16;

/// Rows per statement where a handful is usual and somebody waits: most first.
pub(crate) const HANDFULS: [usize; 3] = [16, 4, 1];

/// Cuts rows into [`HANDFULS`].
pub(crate) fn handfuls<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let width = HANDFULS.into_iter().find(|width| *width <= rows.len())?;
        let (handful, rest) = rows.split_at(width);
        rows = rest;
        Some(handful)
    })
}

/// Declares statements, and with them the list that the tests prepare on both databases: none can be forgotten.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$meta])* const $name: &str = $sql;)+

        #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "only tests prepare all statements"))]
        pub(crate) const STATEMENTS: &[&str] = &[$($name),+];
    };
}
pub(crate) use statements;

/// `prefix ($1,$2),($3,$4) suffix` for `rows` rows of `columns` columns, as a constant.
macro_rules! tuples {
    ($prefix:expr, $rows:expr, $columns:expr, $suffix:expr) => {{
        const LEN: usize = $crate::sql::tuples_len($prefix, $rows, $columns, $suffix);
        const BYTES: [u8; LEN] = $crate::sql::tuples_bytes($prefix, $rows, $columns, $suffix);
        match std::str::from_utf8(&BYTES) {
            Ok(sql) => sql,
            Err(_) => panic!("made of two strings and ASCII"),
        }
    }};
}
pub(crate) use tuples;

/// `prefix ($1,…,$64) suffix`, as a constant; further parameters start at `$65`.
macro_rules! ids_in {
    ($prefix:expr, $suffix:expr) => {
        $crate::sql::tuples!($prefix, 1, $crate::sql::IDS, $suffix)
    };
}
pub(crate) use ids_in;

/// A batch of at most [`IDS`] values, filled up with its last one.
pub(crate) fn padded<T>(batch: &[T]) -> impl Iterator<Item = &T> {
    padded_to(IDS, batch)
}

fn padded_to<T>(width: usize, batch: &[T]) -> impl Iterator<Item = &T> {
    batch.iter().chain(batch.last().into_iter().cycle()).take(width)
}

/// The narrowest of the statements for [`FEW`], [`SOME`] and [`IDS`] ids that takes the batch, and the batch filled up to that.
pub(crate) fn fitting<'a, T>(
    sql: [&'static str; 3],
    batch: &'a [T],
) -> (&'static str, impl Iterator<Item = &'a T>) {
    let [few, some, all] = sql;
    let (sql, width) = if batch.len() <= FEW {
        (few, FEW)
    } else if batch.len() <= SOME {
        (some, SOME)
    } else {
        (all, IDS)
    };
    (sql, padded_to(width, batch))
}

pub(crate) const fn tuples_len(prefix: &str, rows: usize, columns: usize, suffix: &str) -> usize {
    let mut len = prefix.len() + suffix.len() + rows * 2 + rows - 1;
    let mut number = 1;
    while number <= rows * columns {
        len += 1 + digits(number);
        number += 1;
    }
    len + rows * (columns - 1)
}

pub(crate) const fn tuples_bytes<const LEN: usize>(
    prefix: &str,
    rows: usize,
    columns: usize,
    suffix: &str,
) -> [u8; LEN] {
    let mut out = [0; LEN];
    let mut at = copy(&mut out, 0, prefix.as_bytes());
    let mut number = 1;
    while number <= rows * columns {
        let column = (number - 1) % columns;
        at = copy(
            &mut out,
            at,
            if column > 0 {
                b","
            } else if number == 1 {
                b"("
            } else {
                b",("
            },
        );
        out[at] = b'$';
        at = decimal(&mut out, at + 1, number);
        if column + 1 == columns {
            at = copy(&mut out, at, b")");
        }
        number += 1;
    }
    copy(&mut out, at, suffix.as_bytes());
    out
}

const fn copy(out: &mut [u8], mut at: usize, bytes: &[u8]) -> usize {
    let mut i = 0;
    while i < bytes.len() {
        out[at] = bytes[i];
        at += 1;
        i += 1;
    }
    at
}

const fn decimal(out: &mut [u8], at: usize, mut number: usize) -> usize {
    let end = at + digits(number);
    let mut i = end;
    while i > at {
        i -= 1;
        out[i] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    end
}

const fn digits(mut number: usize) -> usize {
    let mut count = 1;
    while number >= 10 {
        number /= 10;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_across() {
        assert_eq!(tuples!("V ", 2, 3, " X"), "V ($1,$2,$3),($4,$5,$6) X");
        assert_eq!(tuples!("", 4, 3, "").matches('$').count(), 12);
        assert!(tuples!("", 4, 3, "").ends_with("($10,$11,$12)"));
        assert!(ids_in!("id IN ", " AND x = $65").ends_with(",$63,$64) AND x = $65"));
    }

    #[test]
    fn a_short_batch_is_filled_up_and_an_empty_one_stays_empty() {
        assert_eq!(padded(&[1, 2]).count(), IDS);
        assert_eq!(padded(&[1, 2]).last(), Some(&2));
        assert_eq!(padded::<i32>(&[]).count(), 0);
    }

    #[test]
    fn a_batch_goes_into_the_narrowest_statement_that_takes_it() {
        let width = |ids: usize| {
            let ids: Vec<_> = (0..ids).collect();
            let (sql, filled) = fitting(["few", "some", "all"], &ids);
            (sql, filled.count())
        };
        assert_eq!([1, 2].map(width), [("few", FEW); 2]);
        assert_eq!([3, 16].map(width), [("some", SOME); 2]);
        assert_eq!([17, 64].map(width), [("all", IDS); 2]);
    }

    #[test]
    fn handfuls_are_as_wide_as_they_can_be_and_leave_nothing() {
        let rows: Vec<_> = (0..39).collect();
        let widths: Vec<_> = handfuls(&rows).map(<[i32]>::len).collect();
        assert_eq!(widths, [16, 16, 4, 1, 1, 1]);
        assert_eq!(handfuls(&rows).collect::<Vec<_>>().concat(), rows);
        assert_eq!(handfuls::<i32>(&[]).count(), 0);
    }
}
