use std::time::Duration;

use prost::Message;
use prost_types::Any;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::pb::bad_request::FieldViolation as WrongField;
use tonic_types::pb::{BadRequest, ErrorInfo, RetryInfo, Status as RichStatus};

use super::*;
use crate::v1::Attempt;

fn any<D: Detail>(detail: &D) -> Any {
    Any { type_url: format!("type.googleapis.com/{}", D::FULL_NAME), value: detail.encode_to_vec() }
}

fn info(reason: &str) -> ErrorInfo {
    let metadata = [("model".to_owned(), "m".to_owned())].into();
    ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned(), metadata }
}

/// A status as the transport hands it on.
fn status(code: Code, details: Vec<Any>) -> Status {
    let mut status = Status::new(code, "Said.");
    let rich = RichStatus { code: code as i32, message: String::new(), details };
    status.metadata_mut().insert_bin(DETAILS, MetadataValue::from_bytes(&rich.encode_to_vec()));
    status
}

fn error(code: Code, details: Vec<Any>) -> Error {
    Error::from_status(status(code, details), false)
}

/// Every reason of the contract, with its code and what the caller branches on.
const TABLE: [(Code, &str, ErrorKind); 39] = [
    (Code::InvalidArgument, "INVALID_FIELD", ErrorKind::InvalidRequest),
    (Code::InvalidArgument, "CONTEXT_TOO_LONG", ErrorKind::InvalidRequest),
    (Code::InvalidArgument, "CONTENT_FILTERED", ErrorKind::InvalidRequest),
    (Code::InvalidArgument, "GUARD_BLOCKED", ErrorKind::InvalidRequest),
    (Code::InvalidArgument, "PROVIDER_REJECTED_REQUEST", ErrorKind::InvalidRequest),
    (Code::Unauthenticated, "API_KEY_INVALID", ErrorKind::Authentication),
    (Code::PermissionDenied, "MODEL_NOT_ALLOWED", ErrorKind::PermissionDenied),
    (Code::PermissionDenied, "PERMISSION_MISSING", ErrorKind::PermissionDenied),
    (Code::NotFound, "MODEL_NOT_FOUND", ErrorKind::NotFound),
    (Code::NotFound, "CACHE_MISS", ErrorKind::NotFound),
    (Code::NotFound, "RESOURCE_NOT_FOUND", ErrorKind::NotFound),
    (Code::AlreadyExists, "IDEMPOTENCY_KEY_REUSED", ErrorKind::Other),
    (Code::Aborted, "ETAG_MISMATCH", ErrorKind::Other),
    (Code::AlreadyExists, "RESOURCE_EXISTS", ErrorKind::Other),
    (Code::FailedPrecondition, "CAPABILITY_MISSING", ErrorKind::InvalidRequest),
    (Code::FailedPrecondition, "PRICE_UNKNOWN", ErrorKind::InvalidRequest),
    (Code::FailedPrecondition, "RESOURCE_READ_ONLY", ErrorKind::InvalidRequest),
    (Code::ResourceExhausted, "QUOTA_EXCEEDED", ErrorKind::RateLimited),
    (Code::ResourceExhausted, "BUDGET_EXCEEDED", ErrorKind::Other),
    (Code::ResourceExhausted, "PROVIDER_RATE_LIMITED", ErrorKind::RateLimited),
    (Code::ResourceExhausted, "GATEWAY_OVERLOADED", ErrorKind::RateLimited),
    (Code::ResourceExhausted, "REQUEST_TOO_LARGE", ErrorKind::InvalidRequest),
    (Code::ResourceExhausted, "RESPONSE_TOO_LARGE", ErrorKind::Other),
    (Code::Unavailable, "ALL_TARGETS_FAILED", ErrorKind::Unavailable),
    (Code::Unavailable, "PROVIDER_OVERLOADED", ErrorKind::Unavailable),
    (Code::Unavailable, "PROVIDER_UNREACHABLE", ErrorKind::Unavailable),
    (Code::Unavailable, "PROVIDER_KEY_REJECTED", ErrorKind::Unavailable),
    (Code::Unavailable, "PROVIDER_BAD_RESPONSE", ErrorKind::Unavailable),
    (Code::Unavailable, "STREAM_BROKEN", ErrorKind::StreamBroken),
    (Code::Unavailable, "STORE_UNAVAILABLE", ErrorKind::Unavailable),
    (Code::Unavailable, "STORAGE_FULL", ErrorKind::Unavailable),
    (Code::Unavailable, "SHUTTING_DOWN", ErrorKind::Unavailable),
    (Code::Unavailable, "CIRCUIT_OPEN", ErrorKind::Unavailable),
    (Code::DeadlineExceeded, "CONNECT_TIMEOUT", ErrorKind::DeadlineExceeded),
    (Code::DeadlineExceeded, "FIRST_CONTENT_TIMEOUT", ErrorKind::DeadlineExceeded),
    (Code::DeadlineExceeded, "EVENT_GAP_TIMEOUT", ErrorKind::DeadlineExceeded),
    (Code::DeadlineExceeded, "TOTAL_TIMEOUT", ErrorKind::DeadlineExceeded),
    (Code::Aborted, "READER_TOO_SLOW", ErrorKind::Other),
    (Code::Internal, "INTERNAL_ERROR", ErrorKind::Other),
];

#[test]
fn a_reason_has_its_kind() {
    for (code, name, kind) in TABLE {
        let reason_name = format!("ERROR_REASON_{name}");
        let error = error(code, vec![any(&info(&reason_name))]);
        assert_eq!((error.kind(), error.code(), error.reason_name()), (kind, code, reason_name.as_str()));
        assert_eq!(error.reason().as_str_name(), reason_name);
        assert_eq!(error.metadata()["model"], "m");
    }
}

#[test]
fn the_table_has_every_reason() {
    // No number of the contract's is above this one.
    let known = (1..1000).filter_map(|number| ErrorReason::try_from(number).ok());
    let mut known: Vec<_> = known.map(|reason| reason.as_str_name().to_owned()).collect();
    let mut table: Vec<_> = TABLE.iter().map(|(_, name, _)| format!("ERROR_REASON_{name}")).collect();
    known.sort();
    table.sort();
    assert_eq!(known, table);
}

#[test]
fn without_details_the_code_decides() {
    for (code, kind) in [
        (Code::Unavailable, ErrorKind::Unavailable),
        (Code::DeadlineExceeded, ErrorKind::DeadlineExceeded),
        (Code::Unauthenticated, ErrorKind::Authentication),
        (Code::ResourceExhausted, ErrorKind::Other),
        (Code::Unknown, ErrorKind::Other),
        (Code::Unimplemented, ErrorKind::Other),
        (Code::Cancelled, ErrorKind::Other),
    ] {
        let error = Error::from_status(Status::new(code, "Said."), false);
        assert_eq!((error.kind(), error.message()), (kind, "Said."));
        assert_eq!((error.reason(), error.reason_name()), (ErrorReason::Unspecified, "ERROR_REASON_UNSPECIFIED"));
        assert_eq!((error.call_id(), error.retry_after(), error.usage(), error.started()), ("", None, None, false));
        assert!(error.attempts().is_empty() && error.violations().is_empty() && error.metadata().is_empty());
        assert!(error.quota_violations().is_empty() && error.provider_message().is_empty());
    }
}

#[test]
fn content_that_came_makes_unavailable_a_broken_stream() {
    for (details, content_came, kind) in [
        (vec![], true, ErrorKind::StreamBroken),
        (vec![any(&CallFailure { started: true, ..CallFailure::default() })], false, ErrorKind::StreamBroken),
        (vec![any(&info("ERROR_REASON_PROVIDER_OVERLOADED"))], true, ErrorKind::StreamBroken),
        (vec![], false, ErrorKind::Unavailable),
    ] {
        let error = Error::from_status(status(Code::Unavailable, details), content_came);
        assert_eq!((error.kind(), error.started()), (kind, kind == ErrorKind::StreamBroken));
    }
    let error = Error::from_status(status(Code::DeadlineExceeded, vec![]), true);
    assert_eq!((error.kind(), error.started()), (ErrorKind::DeadlineExceeded, true));
}

#[test]
fn a_reason_newer_than_the_client_keeps_its_name() {
    let error = error(Code::NotFound, vec![any(&info("ERROR_REASON_OF_TOMORROW"))]);
    assert_eq!((error.kind(), error.reason()), (ErrorKind::NotFound, ErrorReason::Unspecified));
    assert_eq!(error.reason_name(), "ERROR_REASON_OF_TOMORROW");
    assert_eq!(error.to_string(), "Said. [OF_TOMORROW]");
}

#[test]
fn another_domain_s_reason_is_not_ours() {
    let foreign = ErrorInfo { domain: "elsewhere.example".to_owned(), ..info("ERROR_REASON_CACHE_MISS") };
    let error = error(Code::NotFound, vec![any(&foreign)]);
    assert_eq!((error.reason(), error.metadata().len()), (ErrorReason::Unspecified, 0));
}

#[test]
fn a_message_over_a_limit_of_the_library_s_is_an_invalid_request() {
    for said in ["Received message larger than max (5 vs. 4)", "received metadata size exceeds hard limit"] {
        let error = Error::from_status(Status::resource_exhausted(said), false);
        assert_eq!((error.kind(), error.reason()), (ErrorKind::InvalidRequest, ErrorReason::RequestTooLarge));
    }
}

#[test]
fn the_details_are_read() {
    let failure = CallFailure {
        call_id: "call_1".to_owned(),
        attempts: vec![Attempt { http_status: 429, ..Attempt::default() }],
        usage: Some(Usage { input_token_count: 3, ..Usage::default() }),
        provider_message: "Slow down.".to_owned(),
        quota_violations: vec![QuotaViolation { limit: 5, ..QuotaViolation::default() }],
        ..CallFailure::default()
    };
    let wrong = WrongField { field: "model".to_owned(), description: "Name one.".to_owned(), ..WrongField::default() };
    let request = BadRequest { field_violations: vec![wrong.clone(), wrong] };
    let error = error(Code::InvalidArgument, vec![any(&failure), any(&request)]);
    assert_eq!((error.call_id(), error.provider_message()), ("call_1", "Slow down."));
    assert_eq!((error.attempts(), error.usage()), (failure.attempts.as_slice(), failure.usage.as_ref()));
    assert_eq!(error.quota_violations(), failure.quota_violations);
    let expected = FieldViolation { field: "model".to_owned(), description: "Name one.".to_owned() };
    assert_eq!(error.violations(), [expected.clone(), expected]);
    assert_eq!(error.to_string(), "Said. [INVALID_ARGUMENT, call call_1]");
}

#[test]
fn a_delay_is_never_negative() {
    for (seconds, nanos, expected) in [
        (1, 500_000_000, Duration::from_millis(1500)),
        (0, 1, Duration::from_nanos(1)),
        (-5, 0, Duration::ZERO),
        (1, -500_000_000, Duration::from_millis(500)),
        (i64::MAX, i32::MAX, Duration::from_secs(i64::MAX as u64) + Duration::from_nanos(i32::MAX as u64)),
        (i64::MIN, i32::MIN, Duration::ZERO),
    ] {
        let retry = RetryInfo { retry_delay: Some(prost_types::Duration { seconds, nanos }) };
        assert_eq!(error(Code::Unavailable, vec![any(&retry)]).retry_after(), Some(expected));
    }
    assert_eq!(error(Code::Unavailable, vec![any(&RetryInfo::default())]).retry_after(), Some(Duration::ZERO));
}

#[test]
fn the_call_s_id_comes_from_the_details_or_else_from_the_metadata() {
    for (details, expected) in [
        (vec![any(&CallFailure { call_id: "from-details".to_owned(), ..CallFailure::default() })], "from-details"),
        (vec![any(&CallFailure::default())], "from-metadata"),
        (vec![], "from-metadata"),
    ] {
        let mut status = status(Code::Internal, details);
        status.metadata_mut().insert("x-request-id", MetadataValue::from_static("from-metadata"));
        assert_eq!(Error::from_status(status, false).call_id(), expected);
    }
}

#[test]
fn details_that_are_broken_hide_neither_the_status_nor_the_others() {
    let broken = Any { value: b"\xff\xff".to_vec(), ..any(&CallFailure::default()) };
    let nameless = Any { type_url: "nonsense".to_owned(), value: vec![] };
    let known = error(Code::NotFound, vec![broken, nameless, any(&info("ERROR_REASON_CACHE_MISS"))]);
    assert_eq!((known.kind(), known.reason()), (ErrorKind::NotFound, ErrorReason::CacheMiss));

    let mut status = Status::new(Code::NotFound, "");
    status.metadata_mut().insert_bin(DETAILS, MetadataValue::from_bytes(b"\xff\xff"));
    let error = Error::from_status(status, false);
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "NOT_FOUND"));
}

#[test]
fn the_failure_of_one_of_several_models_is_what_its_own_stream_would_have_given() {
    let failure = CallFailure { call_id: "call_2".to_owned(), ..CallFailure::default() };
    let told = CompareFailure {
        code: Code::ResourceExhausted as i32,
        reason: ErrorReason::ProviderRateLimited.into(),
        message: "Wait.".to_owned(),
        failure: Some(failure),
        ..CompareFailure::default()
    };
    let error = Error::from_compare_failure(told.clone(), false);
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Code::ResourceExhausted));
    assert_eq!(error.to_string(), "Wait. [PROVIDER_RATE_LIMITED, call call_2]");

    let newer = CompareFailure { code: 99, reason: 9999, message: String::new(), ..told };
    let error = Error::from_compare_failure(newer, false);
    assert_eq!((error.kind(), error.code(), error.message()), (ErrorKind::Other, Code::Unknown, "UNKNOWN"));
    let unavailable = CompareFailure { code: Code::Unavailable as i32, ..CompareFailure::default() };
    assert_eq!(Error::from_compare_failure(unavailable, true).kind(), ErrorKind::StreamBroken);
}
