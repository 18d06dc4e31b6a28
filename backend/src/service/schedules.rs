//! When a source is synced by itself: cron expressions in a time zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use nexus_domain::{Schedule, Timestamp};

use super::ServiceError;

/// Longest expression, in bytes.
const MOST_BYTES: usize = 256;
/// Least time between two syncs, in seconds.
const LEAST_GAP_SECONDS: i64 = 300;
/// Times that are looked at to find the least gap.
const LOOKED_AT: usize = 64;

/// A schedule that was checked, and when it is due first.
pub fn checked(
    cron: &str,
    time_zone: Option<&str>,
    default_zone: Tz,
    now: Timestamp,
) -> Result<(Schedule, Timestamp), ServiceError> {
    let zone = match time_zone {
        Some(name) => name.parse::<Tz>().map_err(|_| {
            let reason = format!("{name:?} is no time zone such as Europe/Moscow");
            ServiceError::invalid("schedule", reason)
        })?,
        None => default_zone,
    };
    let parsed = parse(cron)?;
    let mut times = Vec::with_capacity(LOOKED_AT);
    let mut from = local(now, zone);
    while times.len() < LOOKED_AT
        && let Ok(next) = parsed.find_next_occurrence(&from, false)
    {
        times.push(next);
        from = next;
    }
    let Some(first) = times.first() else {
        return Err(ServiceError::invalid("schedule", "the schedule never comes"));
    };
    let gap = times.windows(2).filter_map(|pair| match pair {
        [a, b] => Some((*b - *a).num_seconds()),
        _ => None,
    });
    if gap.min().is_some_and(|gap| gap < LEAST_GAP_SECONDS) {
        let reason = "a source is synced at most every five minutes";
        return Err(ServiceError::invalid("schedule", reason));
    }
    let schedule = Schedule {
        cron: cron.trim().to_owned(),
        time_zone: zone.name().to_owned(),
    };
    Ok((schedule, Timestamp::from(first.with_timezone(&Utc))))
}

/// When a stored schedule is due next; `None` if it never comes, or cannot be read any more.
pub fn next(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let zone: Tz = schedule.time_zone.parse().ok()?;
    let cron = parse(&schedule.cron).ok()?;
    let next = cron.find_next_occurrence(&local(now, zone), false).ok()?;
    Some(Timestamp::from(next.with_timezone(&Utc)))
}

fn local(now: Timestamp, zone: Tz) -> DateTime<Tz> {
    now.to_datetime().with_timezone(&zone)
}

fn parse(cron: &str) -> Result<Cron, ServiceError> {
    if cron.len() > MOST_BYTES {
        let reason = format!("a cron expression takes at most {MOST_BYTES} bytes");
        return Err(ServiceError::invalid("schedule", reason));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    parser.parse(cron).map_err(|error| {
        let reason = format!("{cron:?} is no cron expression such as \"30 4 * * 1-5\": {error}");
        ServiceError::invalid("schedule", reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from(text.parse::<DateTime<Utc>>().unwrap())
    }

    #[test]
    fn a_schedule_is_read_in_its_time_zone() {
        let now = at("2026-01-10T00:00:00Z");
        let (schedule, first) = checked("30 4 * * *", Some("Europe/Moscow"), Tz::UTC, now).unwrap();
        assert_eq!(first, at("2026-01-10T01:30:00Z"));
        assert_eq!(next(&schedule, first), Some(at("2026-01-11T01:30:00Z")));
    }

    #[test]
    fn clocks_that_are_put_forward_skip_no_day() {
        // In Berlin 02:30 does not exist on 29 March 2026.
        let zone = Some("Europe/Berlin");
        let (schedule, first) = checked("30 2 * * *", zone, Tz::UTC, at("2026-03-28T12:00:00Z")).unwrap();
        assert!(
            first >= at("2026-03-29T00:30:00Z") && first <= at("2026-03-29T01:30:00Z"),
            "{first:?}"
        );
        assert_eq!(
            next(&schedule, at("2026-03-29T12:00:00Z")),
            Some(at("2026-03-30T00:30:00Z"))
        );
    }

    #[test]
    fn nonsense_is_told_and_not_kept() {
        let now = at("2026-01-10T00:00:00Z");
        for cron in [
            "",
            "every day",
            "* * * * *",
            "*/2 * * * *",
            "0 0 30 2 *",
            "99 * * * *",
            "1 2 3",
        ] {
            assert!(checked(cron, None, Tz::UTC, now).is_err(), "{cron}");
        }
        assert!(checked("0 4 * * *", Some("Mars/Olympus"), Tz::UTC, now).is_err());
        checked("*/5 * * * *", None, Tz::UTC, now).unwrap();
    }
}
