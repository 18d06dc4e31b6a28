//! How long to wait before the next attempt.

use std::time::Duration;

use nexus_domain::ChatError;

/// Longest wait that is chosen here; a provider may name a longer one.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// The wait after `attempts` failed ones (1 or more), or `None` where another attempt cannot help.
///
/// Exponential with equal jitter (half fixed, half random, by `random` from 0 to 1), so that callers who failed
/// together do not come back together: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
/// A wait that the provider asked for is a lower bound.
pub(super) fn wait(error: &ChatError, attempts: u32, first_wait: Duration, random: f64) -> Option<Duration> {
    if !error.is_retryable() {
        return None;
    }
    let doubled = first_wait.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    let chosen = doubled.min(MAX_WAIT).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    Some(match error {
        ChatError::RateLimited {
            retry_after: Some(asked),
        } => chosen.max(*asked),
        _ => chosen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);

    #[test]
    fn waits_double_and_end_at_a_limit() {
        let away = ChatError::Unavailable(String::new());
        let waits: Vec<_> = (1..=4).map(|n| wait(&away, n, FIRST, 1.0).unwrap()).collect();
        assert_eq!(waits, [100, 200, 400, 800].map(Duration::from_millis));
        assert_eq!(wait(&away, 1, FIRST, 0.0), Some(FIRST / 2));
        assert_eq!(wait(&away, u32::MAX, FIRST, 1.0), Some(MAX_WAIT));
    }

    #[test]
    fn a_provider_that_names_a_wait_is_given_at_least_that() {
        let limited = |retry_after| ChatError::RateLimited { retry_after };
        let asked = Duration::from_secs(90);
        assert_eq!(wait(&limited(Some(asked)), 1, FIRST, 0.5), Some(asked));
        assert_eq!(wait(&limited(Some(Duration::ZERO)), 1, FIRST, 1.0), Some(FIRST));
        assert_eq!(wait(&limited(None), 1, FIRST, 1.0), Some(FIRST));
    }

    #[test]
    fn what_will_fail_again_is_not_tried_again() {
        assert_eq!(wait(&ChatError::RefusedKey, 1, FIRST, 1.0), None);
        assert_eq!(wait(&ChatError::BadRequest(String::new()), 1, FIRST, 1.0), None);
    }
}
