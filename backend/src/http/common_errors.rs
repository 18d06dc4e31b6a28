//! Errors that every route can answer, written into the description once instead of at each route.

use nexus_api::{ErrorCode, ErrorEnvelope};
use utoipa::ToSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

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
