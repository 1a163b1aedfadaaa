//! What a failed call tells: one error that holds all that the gateway said, and a kind to branch on.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};
use tonic_types::pb::{BadRequest, ErrorInfo, RetryInfo, Status as RichStatus};

use crate::transport::DETAILS;
use crate::v1::{Attempt, CallFailure, CompareFailure, ErrorReason, QuotaViolation, Usage};

const DOMAIN: &str = "llmgateway.dev";
const CALL_ID_KEY: &str = "x-request-id";
const REASON_PREFIX: &str = "ERROR_REASON_";
/// gRPC's own words for a message or metadata over the receiver's limit.
const TOO_LARGE: [&str; 2] = ["message larger than max", "metadata size exceeds"];
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is wrong, or no target can serve it: sending it again is no use. [`Error::violations`] name the fields.
    InvalidRequest,
    /// The key is absent, unknown, expired or revoked.
    Authentication,
    /// The key may not do this.
    PermissionDenied,
    /// No model and no route has this name, or the cache does not hold the answer.
    NotFound,
    /// A limit is reached for now, or the gateway is full: try again after [`Error::retry_after`].
    RateLimited,
    /// Gateway or provider failed before any content: try again, or elsewhere.
    Unavailable,
    /// The call took longer than its deadline, or one of the gateway's timers ran out.
    DeadlineExceeded,
    /// The stream broke off: where [`Error::started`] says so, trying again means paying again.
    StreamBroken,
    /// Whatever fits none of the others.
    Other,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path in the request's message.
    pub field: String,
    /// What would be right.
    pub description: String,
}

/// A call that failed.
///
/// Branch on [`kind`](Self::kind) or [`reason`](Self::reason), never on the message.
#[derive(Clone)]
pub struct Error(Box<Failure>);

#[derive(Clone)]
struct Failure {
    kind: ErrorKind,
    code: Code,
    reason: ErrorReason,
    reason_name: String,
    message: String,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
    call: CallFailure,
    violations: Vec<FieldViolation>,
    source: Option<Arc<Status>>,
}

impl Error {
    /// What the failure means for the caller.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The gRPC code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The gateway's reason; `Unspecified` where it gave none, as for a failure of the network, or one newer than this client.
    pub fn reason(&self) -> ErrorReason {
        self.0.reason
    }

    /// The reason's name as it came, for example `ERROR_REASON_CACHE_MISS`.
    pub fn reason_name(&self) -> &str {
        &self.0.reason_name
    }

    /// One sentence that says what to do next.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What belongs to the reason: see the comments of [`ErrorReason`].
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.0.metadata
    }

    /// The time after which trying again may help, `None` where the gateway does not say.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The gateway's id of the call, empty where it never reached the gateway.
    pub fn call_id(&self) -> &str {
        &self.0.call.call_id
    }

    /// Whether content had come before the failure: then trying again means paying again.
    pub fn started(&self) -> bool {
        self.0.call.started
    }

    /// What the gateway tried, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.call.attempts
    }

    /// What was charged all the same, `None` if nothing was, or if it is unknown.
    pub fn usage(&self) -> Option<&Usage> {
        self.0.call.usage.as_ref()
    }

    /// The provider's own message, empty if it sent none.
    pub fn provider_message(&self) -> &str {
        &self.0.call.provider_message
    }

    /// The wrong fields of the request.
    pub fn violations(&self) -> &[FieldViolation] {
        &self.0.violations
    }

    /// The quotas that refused the call.
    pub fn quota_violations(&self) -> &[QuotaViolation] {
        &self.0.call.quota_violations
    }

    /// Reads a status. Details that are absent, unknown or broken are left out; the status itself always stands.
    ///
    /// `content_came` tells that the caller has received content on a stream.
    pub(crate) fn from_status(status: Status, content_came: bool) -> Self {
        let details = details(&status);
        let info = each::<ErrorInfo>(&details).find(|info| info.domain == DOMAIN);
        let mut call = each::<CallFailure>(&details).next().unwrap_or_default();
        call.started |= content_came;
        if call.call_id.is_empty() {
            let told = status.metadata().get(CALL_ID_KEY).and_then(|id| id.to_str().ok());
            call.call_id = told.unwrap_or_default().to_owned();
        }
        let (reason_name, metadata) = match info {
            Some(info) => (info.reason, info.metadata),
            None => (library_reason(&status).as_str_name().to_owned(), HashMap::new()),
        };
        let reason = ErrorReason::from_str_name(&reason_name).unwrap_or_default();
        let code = status.code();
        let message = if status.message().is_empty() { code_name(code) } else { status.message() };
        Self(Box::new(Failure {
            kind: kind_of(code, reason, call.started),
            code,
            reason,
            reason_name,
            message: message.to_owned(),
            metadata,
            retry_after: each::<RetryInfo>(&details).next().map(|retry| delay(&retry)),
            call,
            violations: each::<BadRequest>(&details).flat_map(violations).collect(),
            source: Some(Arc::new(status)),
        }))
    }

    /// Reads the failure of one of several models: the error is that which its own stream would have given.
    pub(crate) fn from_compare_failure(told: CompareFailure, content_came: bool) -> Self {
        let (code, reason) = (Code::from_i32(told.code), told.reason());
        let mut call = told.failure.unwrap_or_default();
        call.started |= content_came;
        Self(Box::new(Failure {
            kind: kind_of(code, reason, call.started),
            code,
            reason,
            reason_name: reason.as_str_name().to_owned(),
            message: if told.message.is_empty() { code_name(code).to_owned() } else { told.message },
            metadata: HashMap::new(),
            retry_after: None,
            call,
            violations: Vec::new(),
            source: None,
        }))
    }

    /// The error of a stream that is not as the contract has it.
    pub(crate) fn broken(message: String, call_id: &str, content_came: bool) -> Self {
        Self(Box::new(Failure {
            kind: ErrorKind::StreamBroken,
            code: Code::Internal,
            reason: ErrorReason::Unspecified,
            reason_name: ErrorReason::Unspecified.as_str_name().to_owned(),
            message,
            metadata: HashMap::new(),
            retry_after: None,
            call: CallFailure { call_id: call_id.to_owned(), started: content_came, ..CallFailure::default() },
            violations: Vec::new(),
            source: None,
        }))
    }

    /// Whether nothing shows that the gateway itself sent the status.
    pub(crate) fn is_of_the_library(&self) -> bool {
        matches!(self.0.code, Code::Unavailable | Code::Unknown | Code::Internal)
            && self.0.reason_name == ErrorReason::Unspecified.as_str_name()
            && self.0.call.call_id.is_empty()
    }

    /// The same failure with a message that says what to do: no gateway could be talked to.
    pub(crate) fn explained(mut self, message: String) -> Self {
        self.0.message = message;
        self.0.kind = ErrorKind::Unavailable;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &self.0;
        let name = match failure.reason_name.strip_prefix(REASON_PREFIX) {
            Some("UNSPECIFIED") => code_name(failure.code),
            Some(name) => name,
            None => &failure.reason_name,
        };
        write!(f, "{} [{name}", failure.message)?;
        if !failure.call.call_id.is_empty() {
            write!(f, ", call {}", failure.call.call_id)?;
        }
        write!(f, "]")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("code", &self.code())
            .field("reason", &self.reason_name())
            .field("message", &self.message())
            .field("call_id", &self.call_id())
            .field("started", &self.started())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|status| status as _)
    }
}

/// Returns the details of a status as far as they can be read.
fn details(status: &Status) -> Vec<prost_types::Any> {
    let told = status.metadata().get_bin(DETAILS).and_then(|told| told.to_bytes().ok());
    let rich = told.and_then(|bytes| RichStatus::decode(bytes).ok());
    rich.map(|rich| rich.details).unwrap_or_default()
}

/// Yields the details of one kind that can be read.
fn each<D: Detail>(details: &[prost_types::Any]) -> impl Iterator<Item = D> {
    let is_of_the_kind =
        |detail: &&prost_types::Any| detail.type_url.rsplit_once('/').is_some_and(|(_, name)| name == D::FULL_NAME);
    details.iter().filter(is_of_the_kind).filter_map(|detail| D::decode(detail.value.as_slice()).ok())
}

/// A message that rides in the details of a status.
trait Detail: Message + Default {
    const FULL_NAME: &'static str;
}

impl Detail for ErrorInfo {
    const FULL_NAME: &'static str = "google.rpc.ErrorInfo";
}

impl Detail for RetryInfo {
    const FULL_NAME: &'static str = "google.rpc.RetryInfo";
}

impl Detail for BadRequest {
    const FULL_NAME: &'static str = "google.rpc.BadRequest";
}

impl Detail for CallFailure {
    const FULL_NAME: &'static str = "llmgateway.v1.CallFailure";
}

fn violations(request: BadRequest) -> impl Iterator<Item = FieldViolation> {
    let told = request.field_violations.into_iter();
    told.map(|wrong| FieldViolation { field: wrong.field, description: wrong.description })
}

/// Returns the delay, never negative.
fn delay(retry: &RetryInfo) -> Duration {
    let delay = retry.retry_delay.unwrap_or_default();
    let nanos = (i128::from(delay.seconds) * NANOS_PER_SECOND + i128::from(delay.nanos)).max(0);
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    Duration::from_secs(seconds) + Duration::from_nanos((nanos % NANOS_PER_SECOND) as u64)
}

/// Returns the reason of a status that gRPC made itself: it refuses a message over a limit before the gateway sees it.
fn library_reason(status: &Status) -> ErrorReason {
    let is_too_large = TOO_LARGE.iter().any(|words| status.message().contains(words));
    if status.code() == Code::ResourceExhausted && is_too_large {
        ErrorReason::RequestTooLarge
    } else {
        ErrorReason::Unspecified
    }
}

/// Returns the kind of a status. UNAVAILABLE after content is a broken stream, whoever noticed it.
fn kind_of(code: Code, reason: ErrorReason, started: bool) -> ErrorKind {
    match reason {
        ErrorReason::QuotaExceeded | ErrorReason::ProviderRateLimited | ErrorReason::GatewayOverloaded => {
            return ErrorKind::RateLimited;
        }
        ErrorReason::RequestTooLarge => return ErrorKind::InvalidRequest,
        ErrorReason::StreamBroken => return ErrorKind::StreamBroken,
        _ => {}
    }
    match code {
        Code::InvalidArgument | Code::FailedPrecondition => ErrorKind::InvalidRequest,
        Code::Unauthenticated => ErrorKind::Authentication,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::NotFound => ErrorKind::NotFound,
        Code::Unavailable if started => ErrorKind::StreamBroken,
        Code::Unavailable => ErrorKind::Unavailable,
        Code::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        // RESOURCE_EXHAUSTED without a reason is also a library's word for a message that is too large.
        _ => ErrorKind::Other,
    }
}

/// Returns a code's name as gRPC writes it.
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

#[cfg(test)]
mod tests;
