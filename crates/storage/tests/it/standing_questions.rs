use std::time::Duration;

use nexus_domain::{
    AnswerId, Chat, ContentHash, DeliveryId, KbId, KnowledgeBase, Language, LeaseToken, StandingQuestion,
    StandingQuestionId, StandingState, UserId,
};
use nexus_storage::testing::{TestDb, meddle};
use nexus_storage::{Db, PurgeStep, StandingClaim};

use crate::chats::stored_chat;
use crate::people::{stored_bot, stored_user};
use crate::support::{at, new_kb, stored_kb, token};

on_both_databases! {
    a_question_is_read_back_and_the_same_one_is_refreshed
    of_too_many_the_oldest_go
    a_change_is_looked_at_when_it_has_settled
    a_question_is_looked_at_by_one_and_told_once
    what_was_answered_or_forgotten_is_not_told
    a_look_that_fails_is_made_again_later
    one_that_cannot_be_read_keeps_no_other_waiting
    what_is_edited_replaces_what_it_asked_before
    questions_go_with_their_chat_their_bot_and_their_knowledge_base
    questions_move_with_their_chat
    a_question_to_all_is_for_new_knowledge_bases_too
    what_has_expired_goes_whatever_became_of_it
}

const LEASE: Duration = Duration::from_secs(60);

struct World {
    chat: Chat,
    anna: UserId,
    kb: KbId,
}

async fn world(db: &Db) -> World {
    let bot = stored_bot(db, "docs").await;
    World {
        chat: stored_chat(db, bot, 77).await,
        anna: stored_user(db, 77).await,
        kb: stored_kb(db, "handbook").await,
    }
}

impl World {
    fn question(&self, text: &str, seconds: i64) -> StandingQuestion {
        StandingQuestion {
            id: StandingQuestionId::new(at(seconds)),
            bot_id: self.chat.bot_id,
            chat_id: self.chat.id,
            topic_id: 0,
            user_id: self.anna,
            digest: ContentHash::of(text.as_bytes()),
            language: Language::Ru,
            question: text.to_owned(),
            searched: format!("{text} 🔥"),
            chosen: vec![self.kb],
            reply_to: Some(seconds),
            answer_id: Some(AnswerId::new(at(seconds))),
            baseline: "{\"score\":0.25}".to_owned(),
            attempts: 0,
            asked_at: at(seconds),
            expires_at: at(seconds + 1_000),
        }
    }

    async fn opened(&self, db: &Db, question: &StandingQuestion) -> StandingQuestionId {
        in_tx!(db, |tx| tx.standing_questions().open(
            question,
            &[(self.kb, 1)],
            10
        ))
    }

    async fn texts(&self, db: &Db) -> Vec<String> {
        let rows = db.standing_questions().of_chat(self.chat.id).await.unwrap();
        rows.into_iter().map(|row| row.question.question).collect()
    }
}

async fn change(db: &Db, kb: KbId, seconds: i64) -> i64 {
    in_tx!(db, |tx| tx.knowledge_bases().bump_revision(kb, at(seconds))).unwrap()
}

async fn claim(db: &Db, kb: KbId, seconds: i64, lease: LeaseToken) -> Option<StandingClaim> {
    in_tx!(db, |tx| tx.standing_questions().claim(
        kb,
        at(seconds),
        LEASE,
        lease
    ))
}

async fn claimed(db: &Db, kb: KbId, seconds: i64, lease: LeaseToken) -> Option<StandingQuestion> {
    match claim(db, kb, seconds, lease).await? {
        StandingClaim::Question(question) => Some(*question),
        StandingClaim::Unreadable(id, error) => panic!("{id}: {error}"),
    }
}

async fn state(db: &Db, id: StandingQuestionId) -> Option<StandingState> {
    let row = db.standing_questions().get(id).await.unwrap();
    row.map(|row| row.state)
}

async fn a_question_is_read_back_and_the_same_one_is_refreshed(db: &Db) {
    let world = world(db).await;
    let first = world.question("Как сбросить «Маяк»?\0", 5);
    let id = world.opened(db, &first).await;
    let row = db.standing_questions().get(id).await.unwrap().unwrap();
    let expected = StandingQuestion {
        question: "Как сбросить «Маяк»?␀".to_owned(),
        searched: "Как сбросить «Маяк»?␀ 🔥".to_owned(),
        ..first.clone()
    };
    assert_eq!(
        (row.question, row.state, row.delivery),
        (expected, StandingState::Open, None)
    );

    let again = StandingQuestion {
        digest: first.digest,
        ..world.question("как сбросить маяк", 9)
    };
    assert_eq!(world.opened(db, &again).await, id, "one row");
    let row = db.standing_questions().get(id).await.unwrap().unwrap();
    assert_eq!(row.question, StandingQuestion { id, ..again });
    assert_eq!(world.texts(db).await.len(), 1);
    // Somebody else, and another topic.
    let other = StandingQuestion {
        user_id: stored_user(db, 78).await,
        ..world.question("Как сбросить «Маяк»?\0", 10)
    };
    let topic = StandingQuestion {
        topic_id: 4,
        ..world.question("Как сбросить «Маяк»?\0", 11)
    };
    for question in [other, topic] {
        assert_ne!(world.opened(db, &question).await, id);
    }
    assert_eq!(
        db.standing_questions().counts().await.unwrap(),
        [(StandingState::Open, 3)]
    );
}

async fn of_too_many_the_oldest_go(db: &Db) {
    let world = world(db).await;
    for n in 0..5 {
        let question = world.question(&format!("question {n}"), n);
        in_tx!(db, |tx| tx.standing_questions().open(
            &question,
            &[(world.kb, 1)],
            3
        ));
    }
    assert_eq!(world.texts(db).await, ["question 2", "question 3", "question 4"]);
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().trim(1, 1)), 1);
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().trim(1, 10)), 1);
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().trim(1, 10)), 0);
    assert_eq!(world.texts(db).await.len(), 1);
}

async fn a_change_is_looked_at_when_it_has_settled(db: &Db) {
    let world = world(db).await;
    let id = world.opened(db, &world.question("one", 5)).await;
    let due = async |now, quiet| {
        db.standing_questions()
            .due_kbs(at(now), at(quiet), 10)
            .await
            .unwrap()
    };
    assert!(due(10, 10).await.is_empty(), "nothing has changed");
    let revision = change(db, world.kb, 20).await;
    assert!(due(25, 19).await.is_empty(), "it goes on");
    assert_eq!(due(25, 20).await, [world.kb]);
    assert!(due(4, 20).await.is_empty(), "the question is not due");
    let lease = token();
    assert_eq!(claimed(db, world.kb, 30, lease).await.unwrap().id, id);
    assert!(due(30, 30).await.is_empty(), "somebody looks");
    assert!(in_tx!(db, |tx| tx.standing_questions().looked(
        id,
        lease,
        &[(world.kb, revision)],
        "{}",
        at(31)
    )));
    assert!(due(40, 40).await.is_empty(), "it was looked at");
    change(db, world.kb, 41).await;
    assert_eq!(due(50, 50).await, [world.kb]);
}

async fn a_question_is_looked_at_by_one_and_told_once(db: &Db) {
    let world = world(db).await;
    let (one, two) = (
        world.opened(db, &world.question("one", 5)).await,
        world.opened(db, &world.question("two", 6)).await,
    );
    change(db, world.kb, 10).await;
    let (first, second, third) = (token(), token(), token());
    assert_eq!(claimed(db, world.kb, 20, first).await.unwrap().id, one);
    assert_eq!(claimed(db, world.kb, 20, second).await.unwrap().id, two);
    assert_eq!(claimed(db, world.kb, 20, third).await, None);
    // The first look takes too long: another one takes it over.
    assert_eq!(claimed(db, world.kb, 81, third).await.unwrap().id, one);
    let (lost, delivery) = (DeliveryId::new(at(82)), DeliveryId::new(at(83)));
    assert!(!in_tx!(db, |tx| tx.standing_questions().told(
        one,
        first,
        lost,
        at(82)
    )));
    assert!(in_tx!(db, |tx| tx.standing_questions().told(
        one,
        third,
        delivery,
        at(83)
    )));
    assert!(!in_tx!(db, |tx| tx.standing_questions().told(
        one,
        third,
        lost,
        at(84)
    )));
    let row = db.standing_questions().get(one).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivery), (StandingState::Told, Some(delivery)));
    assert_eq!(
        (row.question.question.as_str(), row.question.searched.as_str()),
        ("", "")
    );
    // No message tells two.
    let mut tx = db.begin().await.unwrap();
    let twice = tx.standing_questions().told(two, second, delivery, at(84)).await;
    assert!(twice.is_err(), "{twice:?}");
    drop(tx);
    let refused = row.question.answer_id.unwrap();
    let refusals = [AnswerId::new(at(1)), refused];
    let closed = db.standing_questions().closed(&refusals).await.unwrap();
    assert_eq!(closed.into_iter().collect::<Vec<_>>(), [refused]);
    assert!(in_tx!(db, |tx| tx
        .standing_questions()
        .withdraw_message(delivery, at(85))));
    assert!(!in_tx!(db, |tx| tx
        .standing_questions()
        .withdraw_message(delivery, at(86))));
    assert_eq!(state(db, one).await, Some(StandingState::Withdrawn));
}

async fn what_was_answered_or_forgotten_is_not_told(db: &Db) {
    let world = world(db).await;
    let (one, two) = (world.question("one", 5), world.question("two", 6));
    for question in [&one, &two] {
        world.opened(db, question).await;
    }
    change(db, world.kb, 10).await;
    let (first, second) = (token(), token());
    for lease in [first, second] {
        assert!(claimed(db, world.kb, 20, lease).await.is_some());
    }
    assert!(in_tx!(db, |tx| tx.standing_questions().answered(
        one.place(),
        one.digest,
        at(21)
    )));
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().forget(one.place())), 1);
    for (id, lease) in [(one.id, first), (two.id, second)] {
        let message = DeliveryId::new(at(22));
        assert!(!in_tx!(db, |tx| tx.standing_questions().told(
            id,
            lease,
            message,
            at(22)
        )));
        assert!(!in_tx!(db, |tx| tx.standing_questions().later(
            id,
            lease,
            at(22),
            true
        )));
    }
    assert_eq!(state(db, one.id).await, Some(StandingState::Answered));
    assert_eq!(state(db, two.id).await, None);
    // Asked and refused once more, it stands again, and the look from before does not count.
    world.opened(db, &one).await;
    assert_eq!(state(db, one.id).await, Some(StandingState::Open));
    let message = DeliveryId::new(at(23));
    assert!(!in_tx!(db, |tx| tx.standing_questions().told(
        one.id,
        first,
        message,
        at(23)
    )));
}

async fn a_look_that_fails_is_made_again_later(db: &Db) {
    let world = world(db).await;
    let id = world.opened(db, &world.question("one", 5)).await;
    change(db, world.kb, 10).await;
    let lease = token();
    claimed(db, world.kb, 20, lease).await.unwrap();
    assert!(in_tx!(db, |tx| tx.standing_questions().later(
        id,
        lease,
        at(50),
        true
    )));
    assert_eq!(claimed(db, world.kb, 49, token()).await, None);
    let again = token();
    assert_eq!(claimed(db, world.kb, 50, again).await.unwrap().attempts, 1);
    // A process that knows that it is alone ends the looks of the one before.
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().expire_leases(at(51))), 1);
    let last = token();
    assert_eq!(claimed(db, world.kb, 51, last).await.unwrap().id, id);
    assert!(!in_tx!(db, |tx| tx.standing_questions().withdraw(id, again)));
    assert!(in_tx!(db, |tx| tx.standing_questions().withdraw(id, last)));
    assert_eq!(state(db, id).await, None);
}

async fn one_that_cannot_be_read_keeps_no_other_waiting(db: &TestDb) {
    let world = world(db).await;
    for (damage, seconds) in [("chosen = 'no json'", 10), ("language = 'martian'", 20)] {
        let (first, second) = (format!("a{seconds}"), format!("b{seconds}"));
        let bad = world.question(&first, seconds);
        let bad_id = world.opened(db, &bad).await;
        meddle(
            db.url(),
            &format!("UPDATE standing_questions SET {damage} WHERE question = '{first}'"),
        )
        .await;
        let good = world.opened(db, &world.question(&second, seconds + 1)).await;
        change(db, world.kb, seconds + 2).await;
        match claim(db, world.kb, seconds + 3, token()).await {
            Some(StandingClaim::Unreadable(id, _)) => assert_eq!(id, bad_id, "it is due longest"),
            other => panic!("{other:?}"),
        }
        let lease = token();
        let next = claimed(db, world.kb, seconds + 3, lease).await.unwrap();
        assert_eq!(next.id, good);
        assert!(claimed(db, world.kb, seconds + 3, token()).await.is_none());
        assert!(in_tx!(db, |tx| tx.standing_questions().withdraw(good, lease)));
        change(db, world.kb, seconds + 4).await;
        assert!(
            claimed(db, world.kb, seconds + 500, token()).await.is_none(),
            "nor is it claimed after a change"
        );
        assert_eq!(
            db.standing_questions().counts().await.unwrap(),
            [(StandingState::Unreadable, 1)]
        );
        // Whoever asks again is heard.
        assert_eq!(world.opened(db, &bad).await, bad_id);
        assert_eq!(state(db, bad_id).await, Some(StandingState::Open));
        assert_eq!(in_tx!(db, |tx| tx.standing_questions().forget(bad.place())), 1);
    }
}

async fn what_is_edited_replaces_what_it_asked_before(db: &Db) {
    let world = world(db).await;
    let (before, other) = (world.question("before", 5), world.question("other", 6));
    for question in [&before, &other] {
        world.opened(db, question).await;
    }
    let edited = StandingQuestion {
        reply_to: before.reply_to,
        ..world.question("after", 7)
    };
    world.opened(db, &edited).await;
    in_tx!(db, |tx| tx.standing_questions().supersede(
        edited.place(),
        5,
        edited.digest
    ));
    assert_eq!(world.texts(db).await, ["other", "after"]);
}

async fn questions_go_with_their_chat_their_bot_and_their_knowledge_base(db: &Db) {
    let world = world(db).await;
    let more = stored_kb(db, "more").await;
    world.opened(db, &world.question("one", 5)).await;
    let both = world.question("both", 6);
    in_tx!(db, |tx| tx.standing_questions().open(
        &both,
        &[(world.kb, 1), (more, 1)],
        10
    ));
    assert!(in_tx!(db, |tx| tx.knowledge_bases().delete(world.kb, at(10))));
    assert_eq!(
        in_tx!(db, |tx| tx.knowledge_bases().purge_step(world.kb, 10)),
        PurgeStep::Done
    );
    assert_eq!(world.texts(db).await, ["both"]);
    change(db, more, 20).await;
    assert_eq!(
        db.standing_questions().due_kbs(at(30), at(30), 10).await.unwrap(),
        [more]
    );
    assert_eq!(
        in_tx!(db, |tx| tx.standing_questions().delete_of_chat(world.chat.id)),
        1
    );
    world.opened(db, &world.question("one", 40)).await;
    assert!(in_tx!(db, |tx| tx.bots().delete(world.chat.bot_id, at(41))));
    assert!(world.texts(db).await.is_empty());
}

async fn questions_move_with_their_chat(db: &Db) {
    let world = world(db).await;
    let to = stored_chat(db, world.chat.bot_id, -100).await;
    for text in ["one", "two"] {
        world.opened(db, &world.question(text, 5)).await;
    }
    let there = StandingQuestion {
        chat_id: to.id,
        ..world.question("two", 6)
    };
    world.opened(db, &there).await;
    in_tx!(db, |tx| tx.standing_questions().move_to(world.chat.id, to.id));
    assert!(world.texts(db).await.is_empty());
    let mut moved = db.standing_questions().of_chat(to.id).await.unwrap();
    moved.sort_by(|a, b| a.question.question.cmp(&b.question.question));
    let moved: Vec<_> = moved
        .into_iter()
        .map(|row| (row.question.question, row.question.reply_to))
        .collect();
    assert_eq!(moved, [("one".to_owned(), None), ("two".to_owned(), Some(6))]);
    in_tx!(db, |tx| tx.standing_questions().move_to(to.id, to.id));
    let stayed = db.standing_questions().of_chat(to.id).await.unwrap();
    assert!(stayed.len() == 2 && stayed.iter().all(|row| row.question.reply_to.is_none()));
}

async fn a_question_to_all_is_for_new_knowledge_bases_too(db: &Db) {
    let world = world(db).await;
    let all = StandingQuestion {
        chosen: Vec::new(),
        asked_at: at(-5),
        ..world.question("all", 5)
    };
    world.opened(db, &all).await;
    world.opened(db, &world.question("chosen", 6)).await;
    // Made at second 0, as the one that was asked.
    let new = stored_kb(db, "new").await;
    let empty = KnowledgeBase {
        revision: 0,
        ..new_kb("empty")
    };
    in_tx!(db, |tx| tx.knowledge_bases().insert(&empty));
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().enrol()), 2);
    assert_eq!(in_tx!(db, |tx| tx.standing_questions().enrol()), 0);
    assert_eq!(
        db.standing_questions().due_kbs(at(10), at(10), 10).await.unwrap(),
        [new]
    );
    assert_eq!(claimed(db, empty.id, 10, token()).await, None, "it holds nothing");
    assert_eq!(claimed(db, new, 10, token()).await.unwrap().id, all.id);
    assert_eq!(claimed(db, new, 10, token()).await, None);
}

async fn what_has_expired_goes_whatever_became_of_it(db: &Db) {
    let world = world(db).await;
    let (one, two) = (world.question("one", 5), world.question("two", 500));
    for question in [&one, &two] {
        world.opened(db, question).await;
    }
    assert!(in_tx!(db, |tx| tx.standing_questions().answered(
        one.place(),
        one.digest,
        at(21)
    )));
    let expired = async |seconds| in_tx!(db, |tx| tx.standing_questions().delete_expired(at(seconds), 10));
    assert_eq!(expired(1_004).await, 0);
    assert_eq!(expired(1_005).await, 1);
    assert_eq!(state(db, one.id).await, None);
    assert_eq!(expired(1_500).await, 1);
    assert_eq!(db.standing_questions().counts().await.unwrap(), []);
}
