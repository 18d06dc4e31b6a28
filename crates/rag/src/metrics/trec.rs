//! Run files for trec_eval and its relatives: `qid Q0 docid rank score tag`, one line per document.

use std::io::{self, Write};

/// Why a run could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Fields of a run file are divided by blanks, so none may hold one or be empty.
    #[error("{what} {value:?} cannot stand in a run file: it is empty or holds a blank")]
    Field { what: &'static str, value: String },
    #[error("the run could not be written")]
    Io(#[from] io::Error),
}

/// Writes the ranking of one query, best first.
///
/// trec_eval ignores the rank and sorts by score (and equal scores by id, backwards), so a score that does not fall
/// is written as the next smaller number: what outside tools read is the order given here.
pub fn write_run<S: AsRef<str>>(
    out: &mut impl Write,
    query_id: &str,
    ranking: &[(S, f32)],
    tag: &str,
) -> Result<(), RunError> {
    check("query id", query_id)?;
    check("tag", tag)?;
    let mut ceiling = f32::MAX;
    for (place, (document, score)) in ranking.iter().enumerate() {
        let document = document.as_ref();
        check("document id", document)?;
        // NaN sorts nowhere: `min` turns it into the ceiling.
        let score = score.min(ceiling);
        ceiling = score.next_down();
        writeln!(out, "{query_id} Q0 {document} {} {score} {tag}", place + 1)?;
    }
    Ok(())
}

fn check(what: &'static str, value: &str) -> Result<(), RunError> {
    if value.is_empty() || value.contains(char::is_whitespace) {
        return Err(RunError::Field {
            what,
            value: value.to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(ranking: &[(&str, f32)]) -> Result<String, RunError> {
        let mut out = Vec::new();
        write_run(&mut out, "q1", ranking, "nexus")?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_run_has_six_fields_a_line() {
        let run = written(&[("docs/a.md", 0.75), ("docs/b.md", 0.5)]).unwrap();
        assert_eq!(run, "q1 Q0 docs/a.md 1 0.75 nexus\nq1 Q0 docs/b.md 2 0.5 nexus\n");
    }

    #[test]
    fn equal_scores_keep_their_order_for_tools_that_sort_by_score() {
        let run = written(&[("a", 1.0), ("b", 1.0), ("c", f32::NAN), ("d", 0.5)]).unwrap();
        let scores: Vec<f32> = run
            .lines()
            .map(|line| line.split(' ').nth(4).unwrap().parse().unwrap())
            .collect();
        assert!(scores.windows(2).all(|pair| pair[0] > pair[1]), "{scores:?}");
        assert!(scores[2] > 0.999);
    }

    #[test]
    fn an_id_with_a_blank_is_refused() {
        let refused = written(&[("my file.md", 1.0)]).unwrap_err();
        assert!(refused.to_string().contains("my file.md"));
    }
}
