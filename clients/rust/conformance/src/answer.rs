//! What came of a case.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use llmgateway::prost::Message;
use llmgateway::{Code, Error, ErrorKind};
use serde::Serialize;

#[derive(Default, Serialize)]
pub struct Answer {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_finished: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<ComparedModel>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    #[serde(skip_serializing_if = "is_false")]
    pub left: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub cancelled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeated>,
    pub elapsed_ms: u128,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Serialize)]
#[serde(untagged)]
pub enum Events {
    Single(Vec<String>),
    Compared(Vec<ComparedEvent>),
}

#[derive(Serialize)]
pub struct ComparedEvent {
    pub model_index: usize,
    #[serde(flatten)]
    pub what: EventOrFailure,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOrFailure {
    Event(String),
    Error(Box<Failure>),
}

#[derive(Serialize)]
pub struct ComparedModel {
    pub name: String,
    pub response: String,
    pub error: Option<Failure>,
}

#[derive(Serialize)]
pub struct Repeated {
    pub succeeded: usize,
    pub failed: BTreeMap<String, usize>,
}

#[derive(Serialize)]
pub struct Failure {
    pub kind: &'static str,
    code: &'static str,
    reason: String,
    pub message: String,
    metadata: HashMap<String, String>,
    retry_after_ms: Option<u128>,
    call_id: String,
    started: bool,
    attempts: Vec<String>,
    usage: Option<String>,
    provider_message: String,
    violations: Vec<Violation>,
    quota_violations: Vec<String>,
    is_deadline_error: bool,
}

#[derive(Serialize)]
struct Violation {
    field: String,
    description: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let violations = error.violations().iter();
        Self {
            kind: kind_name(error.kind()),
            code: code_name(error.code()),
            reason: error.reason_name().to_owned(),
            message: error.message().to_owned(),
            metadata: error.metadata().clone(),
            retry_after_ms: error.retry_after().map(|after| after.as_millis()),
            call_id: error.call_id().to_owned(),
            started: error.started(),
            attempts: error.attempts().iter().map(encode).collect(),
            usage: error.usage().map(encode),
            provider_message: error.provider_message().to_owned(),
            violations: violations
                .map(|wrong| Violation { field: wrong.field.clone(), description: wrong.description.clone() })
                .collect(),
            quota_violations: error.quota_violations().iter().map(encode).collect(),
            // Rust has no error of its own for a deadline: the kind is what callers branch on.
            is_deadline_error: error.kind() == ErrorKind::DeadlineExceeded,
        }
    }
}

/// Writes a message.
pub fn encode(message: &impl Message) -> String {
    STANDARD.encode(message.encode_to_vec())
}

fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "INVALID_REQUEST",
        ErrorKind::Authentication => "AUTHENTICATION",
        ErrorKind::PermissionDenied => "PERMISSION_DENIED",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::RateLimited => "RATE_LIMITED",
        ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::DeadlineExceeded => "DEADLINE_EXCEEDED",
        ErrorKind::StreamBroken => "STREAM_BROKEN",
        _ => "OTHER",
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
