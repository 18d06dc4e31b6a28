use nexus_domain::{
    AnswerId, ApiKeyId, Asker, BotId, ChatUsage, ChunkId, Content, ContentHash, DeliveryId, Feedback,
    FeedbackReason, KbId, Passage, Passages as _, Say, UserId, Verdict, VersionId,
};
use nexus_storage::{AnswerRow, Db, NewAnswer, QueryFilter, ShownBy, UsedPassage};

use crate::chats::stored_chat;
use crate::deliveries::{delivery, stored};
use crate::people::{stored_bot, stored_user};
use crate::support::{Shelf, at, filter};

on_both_databases! {
    an_answer_is_read_back_as_it_was_kept
    answers_share_what_they_were_made_from_and_outlive_its_rows
    an_answer_that_is_given_again_is_kept_like_the_first
    what_many_answers_share_is_erased_from_all_of_them
    a_copy_goes_where_its_passage_went
    what_is_deleted_goes_from_copies_and_from_answers_that_show_it
    what_was_deleted_before_it_could_be_kept_is_not_kept
    what_is_old_is_forgotten_with_what_nothing_else_was_made_from
    what_was_asked_is_listed_newest_first
    a_rated_message_rates_the_answer_that_it_gives
}

pub(crate) fn row(seconds: i64) -> AnswerRow {
    AnswerRow {
        id: AnswerId::new(at(seconds)),
        created_at: at(seconds),
        asker: Asker::default(),
        delivery: None,
        question: "Где насос? 🚰".to_owned(),
        searched: Some("где насос в подвале".to_owned()),
        found: true,
        language: "ru".to_owned(),
        mode: "hybrid".to_owned(),
        status: "written".to_owned(),
        reason: None,
        model: Some("writer-1".to_owned()),
        prompt_version: Some("v1".to_owned()),
        usage: Some(ChatUsage {
            prompt_tokens: 900,
            completion_tokens: 70,
        }),
        retrieval_micros: 1_234,
        generation_micros: 56_789,
        context_hash: ContentHash::of(b"context"),
        report: "{}".to_owned(),
        body: Some("{\"text\":[\"В подвале.\"]}".to_owned()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        feedback: None,
    }
}

fn new(row: AnswerRow, kbs: &[KbId], passages: &[(Passage, bool)]) -> NewAnswer {
    let used = passages.iter().map(|(passage, is_shown)| UsedPassage {
        passage: passage.clone(),
        is_shown: *is_shown,
        is_cited: *is_shown,
    });
    NewAnswer {
        row,
        kbs: kbs.iter().map(|kb| (*kb, 7)).collect(),
        passages: used.collect(),
        repeats: None,
    }
}

async fn keep(db: &Db, new: &NewAnswer) {
    in_tx!(db, |tx| tx.answers().insert(new));
}

/// A document's passages as retrieval finds them, and its version.
async fn passages(shelf: &Shelf<'_>, path: &str, texts: &[&str]) -> (Vec<Passage>, VersionId) {
    let (_, pending) = shelf.publish(path, texts).await;
    let mut found = Vec::new();
    for chunk in &pending.chunks {
        let mut one = shelf.db.current(&[chunk.id], &filter(&[shelf.kb])).await.unwrap();
        found.append(&mut one);
    }
    (found, pending.version.id)
}

/// Text and place of what an answer was made from; `None` where it was deleted.
async fn context(db: &Db, id: AnswerId) -> Vec<Option<String>> {
    let kept = db.kept_passages().of_answer(id).await.unwrap();
    let told = kept.into_iter().map(|kept| {
        let passage = kept.passage?;
        assert_eq!(passage.chunk.id, kept.chunk);
        Some(format!("{} {}", passage.document_path, passage.chunk.text))
    });
    told.collect()
}

async fn an_answer_is_read_back_as_it_was_kept(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, _) = passages(&shelf, "a.md", &["В подвале.\n", "У двери."]).await;
    let bare = AnswerRow {
        asker: Asker {
            user: None,
            bot: None,
            api_key: Some(ApiKeyId::new(at(0))),
        },
        searched: None,
        found: false,
        reason: Some("not_configured".to_owned()),
        model: None,
        prompt_version: None,
        usage: None,
        ..row(1)
    };
    let full = AnswerRow {
        asker: Asker {
            user: Some(UserId::new(at(0))),
            bot: Some(BotId::new(at(0))),
            api_key: None,
        },
        delivery: Some(DeliveryId::new(at(0))),
        ..row(2)
    };
    for row in [bare, full] {
        let used = [
            (found[1].clone(), false),
            (found[0].clone(), true),
            (found[1].clone(), true),
        ];
        let new = new(row.clone(), &[shelf.kb], &used);
        keep(db, &new).await;
        assert_eq!(db.answers().get(row.id).await.unwrap(), Some(row.clone()));
        assert_eq!(db.answers().kbs(row.id).await.unwrap(), [(shelf.kb, 7)]);
        let kept = db.kept_passages().of_answer(row.id).await.unwrap();
        let read: Vec<_> = kept
            .iter()
            .map(|kept| (kept.passage.clone().unwrap(), kept.is_shown))
            .collect();
        // What nobody asks of a passage again is counted anew.
        let as_kept = |(mut passage, is_shown): (Passage, bool), read: &Passage| {
            passage.chunk.content_hash = read.chunk.content_hash;
            (passage, is_shown)
        };
        let expected: Vec<_> = used
            .into_iter()
            .zip(&read)
            .map(|(used, read)| as_kept(used, &read.0))
            .collect();
        assert_eq!(read, expected);

        let feedback = Feedback {
            verdict: Verdict::Bad,
            reason: Some(FeedbackReason::Outdated),
        };
        in_tx!(db, |tx| tx.answers().rate(row.id, feedback, at(9)));
        let rated = db.answers().get(row.id).await.unwrap().unwrap();
        assert_eq!(rated.feedback, Some(feedback));
    }
    assert_eq!(db.answers().get(AnswerId::new(at(3))).await.unwrap(), None);
}

async fn answers_share_what_they_were_made_from_and_outlive_its_rows(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, version) = passages(&shelf, "a.md", &["The pump runs at 40 bar."]).await;
    let (first, second) = (row(1), row(2));
    for row in [&first, &second] {
        keep(db, &new(row.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    }
    let shown = db.shown_passages().of_versions(&[version]).await.unwrap();
    assert_eq!(shown.len(), 1, "there is one copy: {shown:?}");
    assert!(shown[0].is_live && shown[0].text == "The pump runs at 40 bar.");

    let (edited, pending) = shelf
        .pend(found[0].chunk.document_id, "a.md", &["It runs at 60 bar."])
        .await;
    shelf.switch(&edited).await;
    in_tx!(db, |tx| tx
        .shown_passages()
        .follow(&shown[0], pending.chunks[0].id));
    in_tx!(db, |tx| tx.versions().delete_versions(&[version]));
    for row in [&first, &second] {
        assert_eq!(
            context(db, row.id).await,
            [Some("a.md The pump runs at 40 bar.".to_owned())]
        );
        assert_eq!(db.answers().get(row.id).await.unwrap().as_ref(), Some(row));
    }
}

async fn an_answer_that_is_given_again_is_kept_like_the_first(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, _) = passages(&shelf, "a.md", &["one", "two"]).await;
    let used = [(found[1].clone(), true), (found[0].clone(), false)];
    let (first, again, of_none, later, late) = (row(1), row(2), row(3), row(4), row(5));
    let repeating = |row: &AnswerRow, other| NewAnswer {
        repeats: Some(other),
        ..new(row.clone(), &[shelf.kb], &used)
    };
    keep(db, &new(first.clone(), &[shelf.kb], &used)).await;
    keep(db, &repeating(&again, first.id)).await;
    // The one that it repeats was never kept, or is forgotten.
    keep(db, &repeating(&of_none, AnswerId::new(at(9)))).await;
    let as_kept = db.kept_passages().of_answer(first.id).await.unwrap();
    for row in [&again, &of_none] {
        assert_eq!(db.answers().get(row.id).await.unwrap().as_ref(), Some(row));
        assert_eq!(db.answers().kbs(row.id).await.unwrap(), [(shelf.kb, 7)]);
        let kept = db.kept_passages().of_answer(row.id).await.unwrap();
        assert_eq!(kept, as_kept);
    }
    assert_eq!(db.shown_passages().of_kb(shelf.kb, 10).await.unwrap().len(), 2);
    let uses = db.sources().uses(&[shelf.source]).await.unwrap();
    assert_eq!(uses[&shelf.source].hits, 3);

    // What the first one was made from stays for as long as another one is given again.
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(2), 10)), 1);
    assert_eq!(db.kept_passages().of_answer(again.id).await.unwrap(), as_kept);
    keep(db, &repeating(&later, first.id)).await;
    assert_eq!(db.kept_passages().of_answer(later.id).await.unwrap(), as_kept);
    assert_eq!(db.answers().kbs(later.id).await.unwrap(), [(shelf.kb, 7)]);
    let uses = db.sources().uses(&[shelf.source]).await.unwrap();
    assert_eq!(uses[&shelf.source].hits, 3);

    assert!(shelf.delete(found[0].chunk.document_id).await);
    assert_eq!(context(db, again.id).await, [None, None]);
    keep(db, &repeating(&late, first.id)).await;
    assert_eq!(context(db, late.id).await, [None, None]);
    for row in [&again, &of_none, &later, &late] {
        assert_eq!(db.answers().get(row.id).await.unwrap().unwrap().body, None);
    }
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(99), 10)), 4);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(99), 10)), 0);
    keep(db, &repeating(&late, first.id)).await;
    assert_eq!(
        context(db, late.id).await,
        [None, None],
        "a list of its own: the shared one is gone"
    );
}

async fn what_many_answers_share_is_erased_from_all_of_them(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (gone, _) = passages(&shelf, "gone.md", &["secret"]).await;
    let (stays, _) = passages(&shelf, "stays.md", &["plain"]).await;
    let used = [(gone[0].clone(), true), (stays[0].clone(), false)];
    let (first, again, last) = (row(1), row(2), row(3));
    keep(db, &new(first.clone(), &[shelf.kb], &used)).await;
    for row in [&again, &last] {
        let repeating = NewAnswer {
            repeats: Some(first.id),
            ..new(row.clone(), &[shelf.kb], &used)
        };
        keep(db, &repeating).await;
    }
    let of_nothing = NewAnswer {
        repeats: Some(AnswerId::new(at(9))),
        ..new(row(4), &[shelf.kb], &[])
    };
    keep(db, &of_nothing).await;
    assert_eq!(context(db, of_nothing.row.id).await, [None::<String>; 0]);

    // The first one is forgotten, and those that repeat it lose what is deleted.
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(2), 10)), 1);
    let document = gone[0].chunk.document_id;
    let shown = db.shown_passages().of_document(document).await.unwrap();
    let content = Content::say(Say::TextDeleted);
    in_tx!(db, |tx| tx.shown_passages().erase(&shown, &content, at(9)));
    for row in [&again, &last] {
        assert_eq!(
            context(db, row.id).await,
            [None, Some("stays.md plain".to_owned())]
        );
        assert_eq!(db.answers().get(row.id).await.unwrap().unwrap().body, None);
    }
    let other = db.answers().get(of_nothing.row.id).await.unwrap();
    assert_eq!(other, Some(of_nothing.row), "it shows nothing of it");

    // With the last of them the list goes, and what stands in it alone.
    assert_eq!(db.shown_passages().of_kb(shelf.kb, 10).await.unwrap().len(), 1);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(3), 10)), 1);
    assert_eq!(db.shown_passages().of_kb(shelf.kb, 10).await.unwrap().len(), 1);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(4), 10)), 1);
    assert_eq!(db.shown_passages().of_kb(shelf.kb, 10).await.unwrap(), []);
}

async fn a_copy_goes_where_its_passage_went(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, version) = passages(&shelf, "a.md", &["one"]).await;
    let kept = row(1);
    keep(db, &new(kept.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    let (edited, pending) = shelf.pend(found[0].chunk.document_id, "a.md", &["two"]).await;
    shelf.switch(&edited).await;
    let shown = db.shown_passages().of_versions(&[version]).await.unwrap();
    in_tx!(db, |tx| tx
        .shown_passages()
        .follow(&shown[0], pending.chunks[0].id));
    assert_eq!(db.shown_passages().of_versions(&[version]).await.unwrap(), []);
    let shown = db
        .shown_passages()
        .of_versions(&[edited.version_id])
        .await
        .unwrap();
    assert_eq!(
        (shown[0].chunk, shown[0].text.as_str()),
        (pending.chunks[0].id, "two")
    );
    assert_eq!(context(db, kept.id).await, [Some("a.md one".to_owned())]);

    // An answer that was read before the edit and is kept after it shares the copy, which is still looked after.
    in_tx!(db, |tx| tx.versions().delete_versions(&[version]));
    let late = row(2);
    keep(db, &new(late.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    assert_eq!(context(db, late.id).await, [Some("a.md one".to_owned())]);
}

async fn what_is_deleted_goes_from_copies_and_from_answers_that_show_it(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (gone, _) = passages(&shelf, "gone.md", &["secret"]).await;
    let (stays, _) = passages(&shelf, "stays.md", &["plain"]).await;
    let (shows, reads, other) = (row(1), row(2), row(3));
    let used = |is_shown| [(gone[0].clone(), is_shown), (stays[0].clone(), true)];
    keep(db, &new(shows.clone(), &[shelf.kb], &used(true))).await;
    keep(db, &new(reads.clone(), &[shelf.kb], &used(false))).await;
    keep(db, &new(other.clone(), &[shelf.kb], &[(stays[0].clone(), true)])).await;

    // At once for who asks, and for good when the sweep comes by.
    let document = gone[0].chunk.document_id;
    assert!(shelf.delete(document).await);
    let left = [None, Some("stays.md plain".to_owned())];
    assert_eq!(context(db, shows.id).await, left);
    let shown = db.shown_passages().of_document(document).await.unwrap();
    assert!(matches!(shown.as_slice(), [ShownBy::Copy(_)]), "{shown:?}");
    let content = Content::say(Say::TextDeleted);
    in_tx!(db, |tx| tx.shown_passages().erase(&shown, &content, at(9)));
    for row in [&shows, &reads] {
        assert_eq!(context(db, row.id).await, left);
    }
    let erased = db.answers().get(shows.id).await.unwrap().unwrap();
    assert_eq!((erased.body, erased.searched), (None, None));
    assert_eq!(erased.question, shows.question, "whose question it was, it is");
    for row in [&reads, &other] {
        assert_eq!(
            db.answers().get(row.id).await.unwrap().as_ref(),
            Some(row),
            "it showed nothing of it"
        );
    }
    assert_eq!(db.shown_passages().of_document(document).await.unwrap(), []);

    let of_kb = db.shown_passages().of_kb(shelf.kb, 10).await.unwrap();
    assert_eq!(of_kb.len(), 1);
    in_tx!(db, |tx| tx.shown_passages().erase(&of_kb, &content, at(9)));
    assert_eq!(context(db, other.id).await, [None]);
    assert_eq!(db.shown_passages().of_kb(shelf.kb, 10).await.unwrap(), []);
}

async fn what_was_deleted_before_it_could_be_kept_is_not_kept(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, _) = passages(&shelf, "a.md", &["secret"]).await;
    assert!(shelf.delete(found[0].chunk.document_id).await);
    let late = row(1);
    keep(db, &new(late.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    assert_eq!(context(db, late.id).await, [None]);
    assert_eq!(db.answers().get(late.id).await.unwrap().unwrap().body, None);

    let mut ghost = passages(&shelf, "b.md", &["swept"]).await.0.remove(0);
    ghost.chunk.id = ChunkId::new(at(5));
    let late = row(2);
    keep(db, &new(late.clone(), &[shelf.kb], &[(ghost, true)])).await;
    assert_eq!(
        context(db, late.id).await,
        [None],
        "nobody knows what became of it"
    );
}

async fn what_is_old_is_forgotten_with_what_nothing_else_was_made_from(db: &Db) {
    let shelf = Shelf::new(db, "kb").await;
    let (found, _) = passages(&shelf, "a.md", &["shared", "alone"]).await;
    let (older, old, young) = (row(10), row(20), row(30));
    keep(
        db,
        &new(
            older.clone(),
            &[shelf.kb],
            &[(found[1].clone(), true), (found[0].clone(), true)],
        ),
    )
    .await;
    keep(db, &new(old.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    keep(db, &new(young.clone(), &[shelf.kb], &[(found[0].clone(), true)])).await;
    let copies = async || db.shown_passages().of_kb(shelf.kb, 10).await.unwrap().len();
    assert_eq!(copies().await, 2);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(30), 1)), 1);
    assert_eq!(db.answers().get(older.id).await.unwrap(), None);
    assert_eq!(copies().await, 1, "what it alone was made from is gone");
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(30), 10)), 1);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(30), 10)), 0);
    assert_eq!(context(db, young.id).await, [Some("a.md shared".to_owned())]);
    assert_eq!(in_tx!(db, |tx| tx.answers().delete_before(at(31), 10)), 1);
    assert_eq!(
        (copies().await, db.answers().kbs(young.id).await.unwrap().len()),
        (0, 0)
    );
}

async fn what_was_asked_is_listed_newest_first(db: &Db) {
    let (one, two) = (KbId::new(at(0)), KbId::new(at(0)));
    let (anna, docs) = (UserId::new(at(0)), BotId::new(at(0)));
    let asked = |seconds, user, bot, found| AnswerRow {
        asker: Asker {
            user,
            bot,
            api_key: None,
        },
        found,
        ..row(seconds)
    };
    let rows = [
        asked(1, Some(anna), Some(docs), true),
        asked(2, None, Some(docs), false),
        asked(3, Some(anna), None, true),
    ];
    for (row, kbs) in rows.iter().zip([&[one, two][..], &[one], &[two]]) {
        keep(db, &new(row.clone(), kbs, &[])).await;
    }
    let good = Feedback {
        verdict: Verdict::Good,
        reason: None,
    };
    in_tx!(db, |tx| tx.answers().rate(rows[1].id, good, at(9)));
    let listed = async |filter: QueryFilter, before, most| {
        let listed = db.answers().list(&filter, before, most).await.unwrap();
        let numbers = listed
            .iter()
            .map(|logged| rows.iter().position(|row| row.id == logged.answer.id).unwrap());
        numbers.collect::<Vec<_>>()
    };
    let any = QueryFilter::default;
    assert_eq!(listed(any(), None, 10).await, [2, 1, 0]);
    assert_eq!(listed(any(), None, 2).await, [2, 1]);
    assert_eq!(listed(any(), Some(rows[1].id), 10).await, [0]);
    assert_eq!(
        listed(
            QueryFilter {
                kb: Some(one),
                ..any()
            },
            None,
            10
        )
        .await,
        [1, 0]
    );
    assert_eq!(
        listed(
            QueryFilter {
                bot: Some(docs),
                ..any()
            },
            None,
            10
        )
        .await,
        [1, 0]
    );
    assert_eq!(
        listed(
            QueryFilter {
                user: Some(anna),
                ..any()
            },
            None,
            10
        )
        .await,
        [2, 0]
    );
    assert_eq!(
        listed(
            QueryFilter {
                found: Some(false),
                ..any()
            },
            None,
            10
        )
        .await,
        [1]
    );
    let verdict = |verdict| QueryFilter {
        verdict: Some(verdict),
        ..any()
    };
    assert_eq!(listed(verdict(Verdict::Good), None, 10).await, [1]);
    assert_eq!(listed(verdict(Verdict::Bad), None, 10).await, [0; 0]);
    let within = QueryFilter {
        from: Some(at(2)),
        until: Some(at(3)),
        ..any()
    };
    assert_eq!(listed(within, None, 10).await, [1]);
    let whole = db.answers().list(&any(), None, 10).await.unwrap();
    let mut both = whole[2].kbs.clone();
    both.sort_unstable();
    assert_eq!(both, [one, two]);
}

async fn a_rated_message_rates_the_answer_that_it_gives(db: &Db) {
    let (bot, user) = (stored_bot(db, "docs").await, stored_user(db, 5).await);
    let chat = stored_chat(db, bot, 5).await;
    let message = stored(db, delivery(&chat, 1)).await;
    let given = AnswerRow {
        delivery: Some(message.id),
        ..row(1)
    };
    keep(db, &new(given.clone(), &[], &[])).await;
    let feedback = Feedback {
        verdict: Verdict::Bad,
        reason: Some(FeedbackReason::Wrong),
    };
    in_tx!(db, |tx| tx.feedback().put(message.id, user, feedback, at(2)));
    assert_eq!(db.feedback().of(message.id).await.unwrap(), Some(feedback));
    let rated = db.answers().get(given.id).await.unwrap().unwrap();
    assert_eq!(rated.feedback, Some(feedback));
}
