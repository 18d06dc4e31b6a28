use futures::future::join_all;
use nexus_domain::{BotId, KbId, Measure, QuotaSubject, UserId};
use nexus_storage::Db;

use crate::support::at;

on_both_databases! {
    what_is_taken_adds_up_to_the_limit_and_no_further
    callers_who_race_never_pass_the_limit_together
    what_is_left_is_taken_and_no_more
    what_is_given_back_can_be_taken_again
    uses_are_kept_apart_by_subject_measure_and_day
    old_days_are_forgotten
}

const QUESTIONS: Measure = Measure::Questions;

async fn take(db: &Db, subject: QuotaSubject, amount: u64, limit: Option<u64>) -> Option<u64> {
    in_tx!(db, |tx| tx.quotas().take(subject, QUESTIONS, 7, amount, limit))
}

async fn used(db: &Db, subject: QuotaSubject) -> u64 {
    let used = db.quotas().used(subject, 7).await.unwrap();
    used.iter()
        .find(|(measure, _)| *measure == QUESTIONS)
        .map_or(0, |(_, used)| *used)
}

async fn what_is_taken_adds_up_to_the_limit_and_no_further(db: &Db) {
    let subject = QuotaSubject::User(UserId::new(at(0)));
    assert_eq!(take(db, subject, 6, Some(5)).await, None, "the first one too");
    assert_eq!(take(db, subject, 3, Some(5)).await, Some(3));
    assert_eq!(take(db, subject, 3, Some(5)).await, None);
    assert_eq!(used(db, subject).await, 3, "a refusal changes nothing");
    assert_eq!(take(db, subject, 2, Some(5)).await, Some(5));
    assert_eq!(take(db, subject, 1, Some(5)).await, None);
    assert_eq!(take(db, subject, 100, None).await, Some(105));
    assert_eq!(take(db, subject, 0, Some(5)).await, None, "the limit was lowered");
    assert_eq!(
        take(db, subject, u64::MAX, None).await,
        None,
        "more than can be counted"
    );
    assert_eq!(take(db, subject, 1, Some(u64::MAX)).await, Some(106));
}

async fn callers_who_race_never_pass_the_limit_together(db: &Db) {
    let subject = QuotaSubject::Bot(BotId::new(at(0)));
    let callers = (0..100).map(|_| take(db, subject, 1, Some(50)));
    let mut taken: Vec<u64> = join_all(callers).await.into_iter().flatten().collect();
    taken.sort_unstable();
    assert_eq!(taken, (1..=50).collect::<Vec<_>>());
    assert_eq!(used(db, subject).await, 50);
}

async fn what_is_left_is_taken_and_no_more(db: &Db) {
    let subject = QuotaSubject::Bot(BotId::new(at(1)));
    let up_to = async |amount| {
        in_tx!(db, |tx| tx
            .quotas()
            .take_up_to(subject, QUESTIONS, 7, amount, 100))
    };
    let took = join_all((0..8).map(|_| up_to(30))).await;
    let mut took: Vec<u64> = took;
    took.sort_unstable();
    assert_eq!(took, [0, 0, 0, 0, 10, 30, 30, 30]);
    assert_eq!(used(db, subject).await, 100);
}

async fn what_is_given_back_can_be_taken_again(db: &Db) {
    let subject = QuotaSubject::Kb(KbId::new(at(0)));
    let give_back = async |amount| in_tx!(db, |tx| tx.quotas().give_back(subject, QUESTIONS, 7, amount));
    give_back(3).await;
    assert_eq!(used(db, subject).await, 0, "there was nothing");
    take(db, subject, 5, Some(5)).await;
    give_back(2).await;
    assert_eq!(take(db, subject, 2, Some(5)).await, Some(5));
    give_back(9).await;
    assert_eq!(used(db, subject).await, 0, "never below");
}

async fn uses_are_kept_apart_by_subject_measure_and_day(db: &Db) {
    let uuid = UserId::new(at(0)).as_uuid();
    let (user, bot) = (
        QuotaSubject::User(UserId::from_uuid(uuid)),
        QuotaSubject::Bot(BotId::from_uuid(uuid)),
    );
    let mut tx = db.begin().await.unwrap();
    for (subject, measure, day, amount) in [
        (user, Measure::Questions, 7, 1),
        (user, Measure::Tokens, 7, 2),
        (user, Measure::Questions, 8, 3),
        (bot, Measure::Questions, 7, 4),
    ] {
        let used = tx
            .quotas()
            .take(subject, measure, day, amount, Some(4))
            .await
            .unwrap();
        assert_eq!(used, Some(amount));
    }
    tx.commit().await.unwrap();
    assert_eq!(
        db.quotas().used(user, 7).await.unwrap(),
        [(Measure::Questions, 1), (Measure::Tokens, 2)]
    );
    assert_eq!(
        db.quotas().used(user, 8).await.unwrap(),
        [(Measure::Questions, 3)]
    );
    assert_eq!(db.quotas().used(bot, 7).await.unwrap(), [(Measure::Questions, 4)]);
    assert_eq!(db.quotas().used(bot, 8).await.unwrap(), []);
}

async fn old_days_are_forgotten(db: &Db) {
    let subject = QuotaSubject::User(UserId::new(at(0)));
    for day in [5, 6, 7] {
        in_tx!(db, |tx| tx.quotas().take(subject, QUESTIONS, day, 1, None));
    }
    assert_eq!(in_tx!(db, |tx| tx.quotas().delete_before(7)), 2);
    assert_eq!(db.quotas().used(subject, 6).await.unwrap(), []);
    assert_eq!(used(db, subject).await, 1);
}
