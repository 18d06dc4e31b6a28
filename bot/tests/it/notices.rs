//! What a person is told when something went wrong.

use nexus_api::{ErrorBody, ErrorCode};
use nexus_bot::render::{self, Limits, Notice};
use nexus_bot::words::Language;
use serde_json::json;

use crate::fixtures::checked;

fn body(code: ErrorCode, details: Option<serde_json::Value>) -> ErrorBody {
    ErrorBody {
        code,
        message: "internal words".to_owned(),
        details,
        request_id: "0190b2d4".to_owned(),
    }
}

fn told(body: &ErrorBody, retry_after: Option<u64>, language: Language) -> String {
    let rich = render::error(&Notice::of(body, retry_after), language);
    let parts = checked(&rich, Limits::default());
    assert_eq!(parts.len(), 1);
    parts[0].html.clone()
}

#[test]
fn a_limit_says_what_it_counts_and_when_it_ends() {
    let quota = body(
        ErrorCode::QuotaExceeded,
        Some(json!({"measure": "questions", "limit": 30})),
    );
    assert_eq!(
        told(&quota, Some(5 * 3_600), Language::Ru),
        "Лимит на сегодня исчерпан.\nВ день можно задать не больше 30 вопросов.\nВозвращайтесь через 5 часов."
    );
    let quota = body(
        ErrorCode::QuotaExceeded,
        Some(json!({"measure": "uploaded_bytes", "limit": 50_000_000})),
    );
    assert_eq!(
        told(&quota, Some(90_000), Language::En),
        "The limit for today is reached.\nUp to 50 MB of files a day are possible.\nPlease come back in 25 hours."
    );
    let budget = |measure| json!({"measure": measure, "limit": 2_500_000, "currency": "USD"});
    let quota = body(ErrorCode::QuotaExceeded, Some(budget("cost_micros")));
    assert_eq!(
        told(&quota, Some(5 * 3_600), Language::Ru),
        "Лимит на сегодня исчерпан.\nЯзыковой модели отведено не больше 2,50 USD в день.\nВозвращайтесь через 5 часов."
    );
    let quota = body(ErrorCode::QuotaExceeded, Some(budget("monthly_cost_micros")));
    assert_eq!(
        told(&quota, Some(3 * 86_400), Language::En),
        "The limit for this month is reached.\nThe language model may cost up to 2.50 USD a month.\nPlease come back in 3 days."
    );
    // Details of another shape are no reason to fail.
    let quota = body(ErrorCode::QuotaExceeded, Some(json!({"limit": "many"})));
    assert_eq!(
        told(&quota, None, Language::En),
        "The limit for today is reached."
    );
}

#[test]
fn too_many_requests_tell_the_time() {
    let body = body(ErrorCode::TooManyRequests, None);
    assert_eq!(
        told(&body, Some(2), Language::Ru),
        "Слишком много запросов подряд. Дайте мне, пожалуйста, небольшую передышку.\nВозвращайтесь через 2 секунды."
    );
}

#[test]
fn only_what_somebody_must_look_into_has_a_reference() {
    for code in ErrorCode::ALL {
        for language in Language::ALL {
            let told = told(&body(*code, None), None, language);
            let needs = code.status() >= 500 || matches!(code.status(), 400 | 401);
            assert_eq!(told.contains("<code>0190b2d4</code>"), needs, "{told}");
            assert!(
                !told.contains("internal words") && !told.contains(code.as_str()),
                "{told}"
            );
        }
    }
}
