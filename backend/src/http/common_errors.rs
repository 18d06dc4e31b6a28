//! What the description says of every route, written once: errors that each can answer, and what headers may hold.

use nexus_api::limits::MAX_IDEMPOTENCY_KEY_CHARS;
use nexus_api::{ErrorCode, ErrorEnvelope};
use utoipa::ToSchema as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{Object, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder, Schema};

/// Whatever is asked, and whoever asks.
const ALWAYS: &[ErrorCode] = &[
    ErrorCode::InvalidRequest,
    ErrorCode::RequestTimeout,
    ErrorCode::TooManyRequests,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
];
/// Where credentials are needed, or could be wrong.
const CLOSED: &[ErrorCode] = &[ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::NotFound];
/// Where something is sent or asked for by parameters.
const CHECKED: &[ErrorCode] = &[ErrorCode::ValidationFailed];
const WITH_BODY: &[ErrorCode] = &[ErrorCode::PayloadTooLarge, ErrorCode::UnsupportedMediaType];

/// The largest id of a person: Telegram's have at most 52 significant bits.
const MAX_TELEGRAM_ID: isize = (1 << 52) - 1;

/// Adds them to all operations; what a route says of itself stays.
pub fn describe(openapi: &mut OpenApi) {
    for (path, item) in &mut openapi.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    bound(parameter);
                }
            }
            add(operation, ALWAYS);
            if !path.contains("/health") {
                add(operation, CLOSED);
            }
            if operation.request_body.is_some() {
                add(operation, WITH_BODY);
            }
            if operation.request_body.is_some() || operation.parameters.is_some() {
                add(operation, CHECKED);
            }
        }
    }
}

fn add(operation: &mut Operation, codes: &[ErrorCode]) {
    for code in codes {
        let described = || {
            let schema = Ref::from_schema_name(ErrorEnvelope::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response = ResponseBuilder::new()
                .description(format!("`{}` and other codes of this status", code.as_str()))
                .content("application/json", content)
                .build();
            RefOr::T(response)
        };
        let responses = &mut operation.responses.responses;
        responses
            .entry(code.status().to_string())
            .or_insert_with(described);
    }
}

/// A header is there or not, and never `null`; some have a form.
fn bound(parameter: &mut Parameter) {
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else {
        return;
    };
    if parameter.parameter_in == ParameterIn::Header {
        without_null(schema);
    }
    match parameter.name.as_str() {
        "Idempotency-Key" => {
            (schema.min_length, schema.max_length) = (Some(1), Some(MAX_IDEMPOTENCY_KEY_CHARS));
            schema.pattern = Some("^[\\x20-\\x7e]+$".to_owned());
        }
        "X-Telegram-User-Id" => {
            schema.minimum = Some(utoipa::Number::Int(1));
            schema.maximum = Some(utoipa::Number::Int(MAX_TELEGRAM_ID));
        }
        "If-Match" => schema.pattern = Some("^\"[0-9]{1,18}\"$".to_owned()),
        _ => {}
    }
}

fn without_null(schema: &mut Object) {
    if let SchemaType::Array(types) = &schema.schema_type {
        let mut kept = types.iter().filter(|kind| **kind != Type::Null);
        if let (Some(kind), None) = (kept.next(), kept.next()) {
            schema.schema_type = SchemaType::Type(kind.clone());
        }
    }
}
