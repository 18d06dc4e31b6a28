use super::*;

const MS: Duration = Duration::from_millis(1);

fn schedule(per_second: u32) -> Schedule {
    Schedule::new(Limits {
        per_second,
        ..Limits::default()
    })
}

#[test]
fn a_chat_gets_two_calls_in_two_seconds_and_others_go_on_meanwhile() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    let placeholder = schedule.join(1, Class::Answer);
    let text = schedule.join(1, Class::Answer);
    let more = schedule.join(1, Class::Answer);
    let other = schedule.join(2, Class::Answer);
    assert_eq!(schedule.next(start), Next::Go(placeholder));
    assert_eq!(schedule.next(start), Next::Go(text));
    assert_eq!(schedule.next(start), Next::Go(other));
    assert_eq!(schedule.next(start), Next::Wait(start + 2 * SECOND));
    assert_eq!(schedule.next(start + 2 * SECOND), Next::Go(more));
    assert_eq!(schedule.next(start + 2 * SECOND), Next::Idle);
}

#[test]
fn a_group_gets_twenty_a_minute_in_any_minute() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    let mut sent = Vec::new();
    let mut now = start;
    while now < start + 3 * MINUTE {
        let ticket = schedule.join(-5, Class::Answer);
        match schedule.next(now) {
            Next::Go(_) => sent.push(now),
            Next::Wait(until) => {
                schedule.leave(ticket);
                now = until;
            }
            Next::Idle => unreachable!("somebody waits"),
        }
    }
    assert!(sent.len() >= 60, "{}", sent.len());
    for (place, at) in sent.iter().enumerate().skip(20) {
        assert!(at.duration_since(sent[place - 20]) >= MINUTE);
    }
}

#[test]
fn answers_overtake_notices() {
    let start = Instant::now();
    let mut schedule = schedule(2);
    for chat in 1..=100 {
        schedule.join(chat, Class::Notice);
    }
    let answer = schedule.join(1_000, Class::Answer);
    assert_eq!(schedule.next(start), Next::Go(answer));
    assert!(matches!(schedule.next(start), Next::Go(_)));
    assert_eq!(schedule.next(start), Next::Wait(start + SECOND));
    let late = schedule.join(1_001, Class::Answer);
    assert_eq!(schedule.next(start + SECOND), Next::Go(late));
}

#[test]
fn notices_leave_some_calls_to_answers_that_come_later() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    for chat in 1..=100 {
        schedule.join(chat, Class::Notice);
    }
    let sent = (0..30)
        .filter(|_| matches!(schedule.next(start), Next::Go(_)))
        .count();
    assert_eq!(sent, 24);
    let answer = schedule.join(1_000, Class::Answer);
    assert_eq!(schedule.next(start), Next::Go(answer));
    assert_eq!(schedule.next(start), Next::Wait(start + SECOND));
}

#[test]
fn previews_take_what_is_left() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    assert!(schedule.try_now(1, start));
    assert!(schedule.try_now(1, start + SECOND));
    assert!(!schedule.try_now(1, start + 1_999 * MS));
    assert!(schedule.try_now(1, start + 2 * SECOND));
    let waiting = schedule.join(2, Class::Notice);
    assert!(!schedule.try_now(3, start + 3 * SECOND));
    schedule.leave(waiting);
    assert!(schedule.try_now(3, start + 3 * SECOND));
}

#[test]
fn previews_leave_half_of_a_groups_minute_to_answers() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    let shown = (0..30)
        .filter(|second| schedule.try_now(-5, start + *second * SECOND))
        .count();
    assert_eq!(shown, 10);
    let answer = schedule.join(-5, Class::Answer);
    assert_eq!(schedule.next(start + 30 * SECOND), Next::Go(answer));
}

#[test]
fn a_refusal_pauses_the_chat_and_two_pause_everything() {
    let start = Instant::now();
    let mut schedule = schedule(30);
    schedule.refused(1, 7 * SECOND, start);
    let paused = schedule.join(1, Class::Answer);
    let free = schedule.join(2, Class::Answer);
    assert_eq!(schedule.next(start), Next::Go(free));
    assert_eq!(schedule.next(start), Next::Wait(start + 7 * SECOND));
    assert_eq!(schedule.pause_of(1, start + 2 * SECOND), 5 * SECOND);
    assert_eq!(schedule.pause_of(3, start), Duration::ZERO);

    schedule.refused(2, 3 * SECOND, start + 100 * MS);
    schedule.join(3, Class::Answer);
    assert_eq!(
        schedule.next(start + 200 * MS),
        Next::Wait(start + 100 * MS + 3 * SECOND)
    );
    assert!(matches!(schedule.next(start + 4 * SECOND), Next::Go(_)));
    assert_eq!(schedule.next(start + 7 * SECOND), Next::Go(paused));
}

#[test]
fn idle_chats_are_forgotten() {
    let start = Instant::now();
    let mut schedule = schedule(1_000_000);
    for chat in 0..5_000 {
        assert!(schedule.try_now(chat + 1, start + u32::try_from(chat).unwrap() * 10 * MS));
    }
    assert!(schedule.chats.len() <= MANY_CHATS);
}
