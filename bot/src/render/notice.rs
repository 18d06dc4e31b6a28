//! What a person is told when something went wrong.

use nexus_api::{ErrorBody, ErrorCode};

use super::rich::RichText;
use super::tag::Tag;
use super::writer::Writer;
use crate::words::{Language, Measure, Phrase, Value, Words};

/// An error as far as a person is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// What the API calls it.
    pub code: ErrorCode,
    /// From the header `Retry-After`.
    pub retry_after_seconds: Option<u64>,
    /// What a daily limit counts, and how much of it there is.
    pub limit: Option<(Measure, u64)>,
    /// Of a limit in money.
    pub currency: Option<&'a str>,
    /// By which the server's log knows the request.
    pub reference: Option<&'a str>,
}

impl<'a> Notice<'a> {
    /// `retry_after_seconds` is the header's. Of the details, `measure`, `limit` and `currency` are read.
    pub fn of(body: &'a ErrorBody, retry_after_seconds: Option<u64>) -> Self {
        let limit = body.details.as_ref().and_then(|details| {
            let measure = Measure::named(details.get("measure")?.as_str()?)?;
            Some((measure, details.get("limit")?.as_u64()?))
        });
        Self {
            code: body.code,
            retry_after_seconds,
            limit,
            currency: body
                .details
                .as_ref()
                .and_then(|details| details.get("currency")?.as_str()),
            reference: Some(&body.request_id),
        }
    }

    /// Whether somebody may have to look into the log. What a person can mend alone needs no reference.
    fn needs_reference(&self) -> bool {
        self.code.status() >= 500 || matches!(self.code.status(), 400 | 401)
    }
}

/// What happened, what to do, when to come back, and a reference where one is of use.
pub fn error(notice: &Notice<'_>, language: Language) -> RichText {
    let words = Words::of(language);
    let mut out = Writer::new();
    match notice.limit {
        Some((Measure::MonthlyCost, _)) => out.text(&words.say(Phrase::MonthlyLimit)),
        _ => out.text(&words.error(notice.code)),
    }
    if let Some((measure, limit)) = notice.limit {
        out.gap(1);
        out.text(&words.limit(measure, limit, notice.currency));
    }
    if let Some(seconds) = notice.retry_after_seconds {
        let time = words.duration(seconds);
        out.gap(1);
        out.text(&words.say_with(Phrase::ComeBackIn, &[("time", Value::Text(&time))]));
    }
    if let Some(reference) = notice.reference.filter(|_| notice.needs_reference()) {
        out.gap(2);
        out.text(&words.say(Phrase::Reference));
        out.text(" ");
        out.tagged(Tag::Code, reference);
    }
    out.finish()
}
