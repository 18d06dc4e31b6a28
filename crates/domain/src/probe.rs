//! Crash points: named places where the kill test ends the process. Outside of the `testing` feature they are nothing.

/// Ends the process as `kill -9` would, if the environment asks for it at this point.
///
/// `NEXUS_TEST_CRASH_AT=name:n` dies at the n-th passage of `name`.
#[cfg(feature = "testing")]
pub fn crash_point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TARGET: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let target = TARGET.get_or_init(|| {
        let value = std::env::var("NEXUS_TEST_CRASH_AT").ok()?;
        let (name, nth) = value.rsplit_once(':')?;
        Some((name.to_owned(), nth.parse().ok()?))
    });
    if let Some((wanted, nth)) = target
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        // SIGABRT runs no destructor and flushes nothing of ours: to the data it is a kill.
        std::process::abort();
    }
}

/// Nothing, in a shipped binary.
#[cfg(not(feature = "testing"))]
#[inline]
pub fn crash_point(_name: &str) {}

/// Appends a line to the file that `NEXUS_TEST_TRACE` names; it survives the process.
#[cfg(feature = "testing")]
pub fn trace(line: impl FnOnce() -> String) {
    use std::io::Write as _;
    if let Ok(path) = std::env::var("NEXUS_TEST_TRACE")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = file.write_all(format!("{}\n", line()).as_bytes());
    }
}

/// Nothing, in a shipped binary.
#[cfg(not(feature = "testing"))]
#[inline]
pub fn trace(_line: impl FnOnce() -> String) {}
