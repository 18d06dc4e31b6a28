//! When a site wants to be asked again.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// A site may ask for more, but is asked again after a day.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// RFC 9110, 10.2.3: seconds, or a date. A date is measured against the date of the same answer, so that no clock has to
/// agree with another.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(MOST_RETRY_AFTER));
    }
    let date = |text: &str| -> Option<SystemTime> { httpdate::parse_http_date(text).ok() };
    let now = date(headers.get(DATE)?.to_str().ok()?)?;
    let until = date(text)?;
    let wait = until.duration_since(now).unwrap_or_default();
    Some(wait.min(MOST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn a_site_says_when_in_seconds_or_by_a_date() {
        let date = "Sat, 21 Nov 2026 10:00:00 GMT";
        assert_eq!(asked(&[("retry-after", "30")]), Some(Duration::from_secs(30)));
        assert_eq!(
            asked(&[("retry-after", "Sat, 21 Nov 2026 10:01:30 GMT"), ("date", date)]),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            asked(&[("retry-after", "Sat, 21 Nov 2020 10:01:30 GMT"), ("date", date)]),
            Some(Duration::ZERO)
        );
        assert_eq!(asked(&[("retry-after", "soon"), ("date", date)]), None);
        assert_eq!(asked(&[("retry-after", "99999999999")]), Some(MOST_RETRY_AFTER));
    }
}
