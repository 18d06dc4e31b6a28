use nexus_domain::{
    Amount, AnswerId, ApiKeyId, Asker, BotId, CallOutcome, ChatUsage, Currency, KbId, ModelCall, ModelCallId,
    Purpose, UserId,
};
use nexus_storage::{CallFilter, CallGroup, CallTotals, Db};

use crate::support::at;

on_both_databases! {
    calls_come_back_as_they_were_newest_first_and_page_by_page
    calls_of_one_time_are_paged_and_what_began_first_stands_last
    a_call_that_is_written_twice_counts_once
    calls_are_found_by_who_asked_model_purpose_and_time
    calls_are_added_up_by_one_thing_and_by_currency
    old_calls_are_forgotten
}

const DAY: i64 = 86_400;

fn usd(micros: u64) -> Option<Amount> {
    let currency: Currency = "USD".parse().unwrap();
    Some(Amount { micros, currency })
}

fn call(seconds: i64, model: &str) -> ModelCall {
    ModelCall {
        id: ModelCallId::new(at(seconds)),
        created_at: at(seconds),
        purpose: Purpose::Answer,
        model: model.to_owned(),
        provider: "models.example:8080".to_owned(),
        asker: Asker::default(),
        kb: None,
        requests: 1,
        answer: None,
        usage: Some(ChatUsage {
            prompt_tokens: 100,
            completion_tokens: 10,
        }),
        micros: 1_234,
        outcome: CallOutcome::Ok,
        price: usd(21),
    }
}

fn untold(seconds: i64, model: &str, outcome: CallOutcome) -> ModelCall {
    ModelCall {
        usage: None,
        price: None,
        outcome,
        ..call(seconds, model)
    }
}

async fn keep(db: &Db, calls: &[ModelCall]) {
    in_tx!(db, |tx| tx.model_calls().insert(calls));
}

async fn list(db: &Db, filter: &CallFilter) -> Vec<ModelCall> {
    db.model_calls().list(filter, None, 100).await.unwrap()
}

async fn calls_come_back_as_they_were_newest_first_and_page_by_page(db: &Db) {
    let first = ModelCall {
        asker: Asker {
            user: Some(UserId::new(at(0))),
            bot: Some(BotId::new(at(0))),
            api_key: Some(ApiKeyId::new(at(0))),
        },
        answer: Some(AnswerId::new(at(0))),
        purpose: Purpose::Rewrite,
        ..call(1, "small")
    };
    let second = untold(2, "large", CallOutcome::Failed);
    let third = ModelCall {
        kb: Some(KbId::new(at(0))),
        requests: 40,
        purpose: Purpose::Embedding,
        ..untold(3, "large", CallOutcome::Cut)
    };
    keep(db, &[first.clone(), second.clone(), third.clone()]).await;
    assert_eq!(
        list(db, &CallFilter::default()).await,
        [third.clone(), second.clone(), first.clone()]
    );
    let any = CallFilter::default();
    let page = db.model_calls().list(&any, Some(third.id), 1).await.unwrap();
    assert_eq!(page, std::slice::from_ref(&second));
    let page = db.model_calls().list(&any, Some(second.id), 5).await.unwrap();
    assert_eq!(page, [first]);
    let forgotten = ModelCallId::new(at(9));
    let page = db.model_calls().list(&any, Some(forgotten), 5).await.unwrap();
    assert!(page.is_empty(), "{page:?}");
}

/// Their ids tell nothing of it: they are made where calls end.
async fn calls_of_one_time_are_paged_and_what_began_first_stands_last(db: &Db) {
    let began = [5, 5, 5, 1, 9];
    let calls = began.map(|seconds| call(seconds, "m"));
    keep(db, &calls).await;
    let any = CallFilter::default();
    let mut paged = Vec::new();
    loop {
        let behind = paged.last().copied();
        let page = db.model_calls().list(&any, behind, 1).await.unwrap();
        let Some(next) = page.first() else { break };
        paged.push(next.id);
    }
    assert_eq!(paged, [4, 2, 1, 0, 3].map(|place| calls[place].id));
    let until = CallFilter {
        until: Some(at(5)),
        ..any
    };
    let behind = Some(calls[2].id);
    let page = db.model_calls().list(&until, behind, 5).await.unwrap();
    assert_eq!(page, [calls[3].clone()]);
}

async fn a_call_that_is_written_twice_counts_once(db: &Db) {
    let one = call(1, "a\0b");
    keep(db, std::slice::from_ref(&one)).await;
    keep(db, &[one.clone(), call(2, "c")]).await;
    let kept = list(db, &CallFilter::default()).await;
    let models: Vec<_> = kept.iter().map(|call| call.model.as_str()).collect();
    assert_eq!(models, ["c", "a\u{2400}b"]);
}

async fn calls_are_found_by_who_asked_model_purpose_and_time(db: &Db) {
    let (user, bot) = (UserId::new(at(0)), BotId::new(at(0)));
    let asked = |user, bot| Asker {
        user,
        bot,
        api_key: None,
    };
    let mut calls = [call(1, "a"), call(2, "b"), call(3, "a"), call(4, "b")];
    calls[0].asker = asked(Some(user), Some(bot));
    calls[1].asker = asked(None, Some(bot));
    calls[2].purpose = Purpose::Chat;
    keep(db, &calls).await;
    let found = async |filter: CallFilter| {
        let calls = list(db, &filter).await;
        let seconds = calls.iter().map(|call| call.created_at.since(at(0)).as_secs());
        seconds.collect::<Vec<_>>()
    };
    let any = CallFilter::default;
    assert_eq!(
        found(CallFilter {
            user: Some(user),
            ..any()
        })
        .await,
        [1]
    );
    assert_eq!(
        found(CallFilter {
            bot: Some(bot),
            ..any()
        })
        .await,
        [2, 1]
    );
    let model = Some("a".to_owned());
    assert_eq!(found(CallFilter { model, ..any() }).await, [3, 1]);
    let purpose = Some(Purpose::Chat);
    assert_eq!(found(CallFilter { purpose, ..any() }).await, [3]);
    let (from, until) = (Some(at(2)), Some(at(4)));
    assert_eq!(found(CallFilter { from, until, ..any() }).await, [3, 2]);
}

async fn calls_are_added_up_by_one_thing_and_by_currency(db: &Db) {
    let bot = BotId::new(at(0));
    let mut through_bot = call(DAY, "large");
    through_bot.asker.bot = Some(bot);
    through_bot.price = usd(1_000_000);
    keep(
        db,
        &[
            call(1, "small"),
            call(2, "small"),
            untold(3, "large", CallOutcome::Failed),
            untold(4, "large", CallOutcome::Cut),
            through_bot,
        ],
    )
    .await;
    let totals = async |by| {
        let any = CallFilter::default();
        let mut totals = db.model_calls().totals(&any, by, 100).await.unwrap();
        totals.sort_by_key(|it| (it.day, it.model.clone(), it.bot, it.currency));
        totals
    };
    let usd = usd(0).map(|amount| amount.currency);
    let small = CallTotals {
        model: Some("small".to_owned()),
        currency: usd,
        calls: 2,
        prompt_tokens: 200,
        completion_tokens: 20,
        cost_micros: 42,
        ..CallTotals::default()
    };
    let large = CallTotals {
        model: Some("large".to_owned()),
        currency: usd,
        calls: 1,
        prompt_tokens: 100,
        completion_tokens: 10,
        cost_micros: 1_000_000,
        ..CallTotals::default()
    };
    let failed = CallTotals {
        model: Some("large".to_owned()),
        calls: 2,
        not_ok: 2,
        untold: 2,
        unpriced: 2,
        ..CallTotals::default()
    };
    assert_eq!(
        totals(Some(CallGroup::Model)).await,
        [failed, large.clone(), small.clone()]
    );
    let all = totals(None).await;
    assert_eq!(all.len(), 2, "priced and unpriced");
    assert_eq!((all[1].calls, all[1].cost_micros), (3, 1_000_042));
    let days = totals(Some(CallGroup::Day)).await;
    let counted: Vec<_> = days.iter().map(|it| (it.day.unwrap(), it.calls)).collect();
    let first = counted[0].0;
    assert_eq!(counted, [(first, 2), (first, 2), (first + 1, 1)]);
    let bots = totals(Some(CallGroup::Bot)).await;
    assert_eq!(bots.last().map(|it| (it.bot, it.calls)), Some((Some(bot), 1)));
    assert_eq!(totals(Some(CallGroup::User)).await.len(), 2);
    let purposes = totals(Some(CallGroup::Purpose)).await;
    assert!(purposes.iter().all(|it| it.purpose == Some(Purpose::Answer)));
}

async fn old_calls_are_forgotten(db: &Db) {
    keep(db, &[call(1, "a"), call(2, "b"), call(3, "c")]).await;
    let forget = async |seconds, rows| in_tx!(db, |tx| tx.model_calls().delete_before(at(seconds), rows));
    assert_eq!(forget(3, 1).await, 1);
    assert_eq!(forget(3, 10).await, 1);
    assert_eq!(forget(3, 10).await, 0);
    assert_eq!(list(db, &CallFilter::default()).await.len(), 1);
}
