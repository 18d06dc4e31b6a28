//! Include and exclude globs over paths.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use nexus_domain::PathFilter;

/// Most patterns of a filter, and bytes of one.
const MOST_PATTERNS: usize = 100;
const MOST_BYTES: usize = 512;

#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    #[error("a filter takes {MOST_PATTERNS} patterns of at most {MOST_BYTES} bytes")]
    TooMany,
    #[error("the pattern {pattern:?} is not a glob: {reason}")]
    Pattern { pattern: String, reason: String },
}

/// A compiled [`PathFilter`]. `*` stays within a folder, `**` does not; a pattern without `/` matches the file's name in any
/// folder; one that ends with `/` matches all that is below.
#[derive(Clone, Debug)]
pub struct Filter {
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Filter {
    pub fn new(filter: &PathFilter) -> Result<Self, FilterError> {
        let include = (!filter.include.is_empty()).then(|| compile(&filter.include));
        Ok(Self {
            include: include.transpose()?,
            exclude: compile(&filter.exclude)?,
        })
    }

    pub fn takes(&self, path: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(path)) && !self.exclude.is_match(path)
    }
}

fn compile(patterns: &[String]) -> Result<GlobSet, FilterError> {
    if patterns.len() > MOST_PATTERNS || patterns.iter().any(|pattern| pattern.len() > MOST_BYTES) {
        return Err(FilterError::TooMany);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let refuse = |error: globset::Error| FilterError::Pattern {
            pattern: pattern.clone(),
            reason: error.kind().to_string(),
        };
        let whole = match pattern.strip_suffix('/') {
            Some(folder) => format!("{folder}/**"),
            None if !pattern.contains('/') => format!("**/{pattern}"),
            None => pattern.clone(),
        };
        let whole = whole.trim_start_matches('/');
        let glob = GlobBuilder::new(whole)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        set.add(glob.map_err(refuse)?);
    }
    set.build().map_err(|error| FilterError::Pattern {
        pattern: patterns.join(", "),
        reason: error.kind().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(include: &[&str], exclude: &[&str], path: &str) -> bool {
        let own = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let filter = PathFilter {
            include: own(include),
            exclude: own(exclude),
        };
        Filter::new(&filter).unwrap().takes(path)
    }

    #[test]
    fn what_is_included_and_not_excluded_is_taken() {
        assert!(takes(&[], &[], "a/b.md"));
        assert!(takes(&["*.md"], &[], "a/b.md"));
        assert!(!takes(&["*.md"], &[], "a/b.rs"));
        assert!(takes(&["docs/**/*.md"], &[], "docs/a/b.md"));
        assert!(!takes(&["docs/*.md"], &[], "docs/a/b.md"));
        assert!(!takes(&["*.md"], &["drafts/"], "drafts/a/b.md"));
        assert!(!takes(&[], &["/vendor/**"], "vendor/x.c"));
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let filter = PathFilter {
            include: vec!["a[".into()],
            exclude: vec![],
        };
        let error = Filter::new(&filter).unwrap_err();
        assert!(error.to_string().contains("\"a[\""), "{error}");
    }
}
