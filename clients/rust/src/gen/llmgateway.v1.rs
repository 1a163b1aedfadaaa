// @generated from proto/ by generate/: do not edit.
/// Says how one call may use the response cache.
///
/// The gateway has no response cache yet: every mode is answered with `CACHE_STATUS_BYPASS`, but
/// `MODE_CACHED_ONLY`, which fails with `CACHE_MISS`. The other fields are checked and have no effect.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CachePolicy {
    /// What this call may do to the cache. If unset, as the route says.
    pub mode: i32,
    /// The oldest entry that this call accepts, 0 or more. If unset, as the route says.
    pub max_age: ::core::option::Option<::prost_types::Duration>,
    /// Who shares the entries that this call reads and writes. If unset, as the route says.
    pub scope: i32,
    /// The least similarity that a semantic hit needs, 0 to 1; 1 turns semantic hits off. It may raise
    /// the route's, never lower it. If unset, as the route says.
    pub min_similarity: ::core::option::Option<f64>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl CachePolicy {
    ///Returns `mode`; the default where its number is newer than this code.
    pub fn mode(&self) -> cache_policy::Mode {
        cache_policy::Mode::try_from(self.mode).unwrap_or_default()
    }
    ///Sets `mode`.
    pub fn set_mode(&mut self, value: cache_policy::Mode) {
        self.mode = value as i32;
    }
    ///Returns `scope`; the default where its number is newer than this code.
    pub fn scope(&self) -> cache_policy::Scope {
        cache_policy::Scope::try_from(self.scope).unwrap_or_default()
    }
    ///Sets `scope`.
    pub fn set_scope(&mut self, value: cache_policy::Scope) {
        self.scope = value as i32;
    }
}
impl ::prost::Message for CachePolicy {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.mode != 0 {
            ::prost::encoding::int32::encode(1u32, &self.mode, buf);
        }
        if let Some(value) = &self.max_age {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if self.scope != 0 {
            ::prost::encoding::int32::encode(3u32, &self.scope, buf);
        }
        if let Some(value) = &self.min_similarity {
            ::prost::encoding::double::encode(4u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.mode, buf, ctx),
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.max_age.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => ::prost::encoding::int32::merge(wire_type, &mut self.scope, buf, ctx),
            4u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.min_similarity.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.mode != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.mode)
            } else {
                0
            }
            + self
                .max_age
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + if self.scope != 0 {
                ::prost::encoding::int32::encoded_len(3u32, &self.scope)
            } else {
                0
            }
            + self
                .min_similarity
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(4u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `CachePolicy`.
pub mod cache_policy {
    /// Says what a call may do to the cache.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Mode {
        /// As the route says; a route that says nothing is `MODE_OFF`.
        Unspecified = 0,
        /// Neither reads nor writes.
        Off = 1,
        /// Reads, and writes on a miss.
        ReadWrite = 2,
        /// Writes without reading: replaces an entry that is out of date.
        Refresh = 3,
        /// Reads without writing; a miss goes upstream.
        ReadOnly = 4,
        /// Reads; a miss fails with `CACHE_MISS`, and nothing is sent upstream.
        CachedOnly = 5,
    }
    impl Mode {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "MODE_UNSPECIFIED",
                Self::Off => "MODE_OFF",
                Self::ReadWrite => "MODE_READ_WRITE",
                Self::Refresh => "MODE_REFRESH",
                Self::ReadOnly => "MODE_READ_ONLY",
                Self::CachedOnly => "MODE_CACHED_ONLY",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "MODE_UNSPECIFIED" => Some(Self::Unspecified),
                "MODE_OFF" => Some(Self::Off),
                "MODE_READ_WRITE" => Some(Self::ReadWrite),
                "MODE_REFRESH" => Some(Self::Refresh),
                "MODE_READ_ONLY" => Some(Self::ReadOnly),
                "MODE_CACHED_ONLY" => Some(Self::CachedOnly),
                _ => None,
            }
        }
    }
    /// Says who shares entries, narrowest first. A call may narrow the route's scope, never widen it.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Scope {
        /// As the route says.
        Unspecified = 0,
        /// The calls of one key with one `end_user_id`.
        EndUser = 1,
        /// The calls of one key.
        Key = 2,
        /// The calls of all keys of one team.
        Team = 3,
        /// The calls of all keys of the gateway.
        Organization = 4,
    }
    impl Scope {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "SCOPE_UNSPECIFIED",
                Self::EndUser => "SCOPE_END_USER",
                Self::Key => "SCOPE_KEY",
                Self::Team => "SCOPE_TEAM",
                Self::Organization => "SCOPE_ORGANIZATION",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "SCOPE_UNSPECIFIED" => Some(Self::Unspecified),
                "SCOPE_END_USER" => Some(Self::EndUser),
                "SCOPE_KEY" => Some(Self::Key),
                "SCOPE_TEAM" => Some(Self::Team),
                "SCOPE_ORGANIZATION" => Some(Self::Organization),
                _ => None,
            }
        }
    }
}
/// Says what the response cache did for one call.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CacheResult {
    /// What it did. Always set in an answer.
    pub status: i32,
    /// How long ago the entry was written. Set on a hit only.
    pub age: ::core::option::Option<::prost_types::Duration>,
    /// How similar the entry's request is to this one, 0 to 1. Set on a semantic hit only.
    pub similarity: ::core::option::Option<f64>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl CacheResult {
    ///Returns `status`; the default where its number is newer than this code.
    pub fn status(&self) -> CacheStatus {
        CacheStatus::try_from(self.status).unwrap_or_default()
    }
    ///Sets `status`.
    pub fn set_status(&mut self, value: CacheStatus) {
        self.status = value as i32;
    }
}
impl ::prost::Message for CacheResult {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.status != 0 {
            ::prost::encoding::int32::encode(1u32, &self.status, buf);
        }
        if let Some(value) = &self.age {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.similarity {
            ::prost::encoding::double::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.status, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.age.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.similarity.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.status != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.status)
            } else {
                0
            }
            + self
                .age
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + self
                .similarity
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says what the response cache did for one call.
///
/// New values may be added; treat an unknown one as `CACHE_STATUS_BYPASS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum CacheStatus {
    /// Never sent.
    Unspecified = 0,
    /// The cache was not asked: there is none, or the policy forbids it. The provider answered.
    Bypass = 1,
    /// The cache was asked and held nothing. The provider answered.
    Miss = 2,
    /// The cache answered: it held the same request.
    Hit = 3,
    /// The cache answered: it held a request that is similar enough.
    SemanticHit = 4,
    /// The answer is shared with a call that was in flight with the same request.
    Coalesced = 5,
}
impl CacheStatus {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "CACHE_STATUS_UNSPECIFIED",
            Self::Bypass => "CACHE_STATUS_BYPASS",
            Self::Miss => "CACHE_STATUS_MISS",
            Self::Hit => "CACHE_STATUS_HIT",
            Self::SemanticHit => "CACHE_STATUS_SEMANTIC_HIT",
            Self::Coalesced => "CACHE_STATUS_COALESCED",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "CACHE_STATUS_UNSPECIFIED" => Some(Self::Unspecified),
            "CACHE_STATUS_BYPASS" => Some(Self::Bypass),
            "CACHE_STATUS_MISS" => Some(Self::Miss),
            "CACHE_STATUS_HIT" => Some(Self::Hit),
            "CACHE_STATUS_SEMANTIC_HIT" => Some(Self::SemanticHit),
            "CACHE_STATUS_COALESCED" => Some(Self::Coalesced),
            _ => None,
        }
    }
}
/// The values of `google.rpc.ErrorInfo.reason` in the domain `llmgateway.dev`.
///
/// On the wire stands the whole name, prefix included, so that every language's own enum parser reads
/// it; prose leaves the prefix out. Each comment names the gRPC code and the HTTP status first: a
/// value belongs to one of each. Then it says what a caller can do, and which keys
/// `ErrorInfo.metadata` may hold; a key is left out where its value is unknown.
///
/// New values may be added: treat an unknown one by its gRPC code. "Not raised yet" marks those that
/// wait for the part of the gateway which raises them.
///
/// Where several attempts failed in different ways, the call fails with `ALL_TARGETS_FAILED` and lists
/// each reason in its attempts; where all failed alike, with that reason. A failure that is the request's
/// own fault (`INVALID_ARGUMENT`) and one of the call's deadline is told as itself, whatever came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum ErrorReason {
    /// Never sent as a reason. In `Attempt.error_reason`: the attempt answered.
    Unspecified = 0,
    /// INVALID_ARGUMENT, 400. A field is wrong, or is not served yet. Comes with
    /// `google.rpc.BadRequest`, which holds a violation for each of the first 16 such fields. Trying
    /// again is no use.
    InvalidField = 1,
    /// INVALID_ARGUMENT, 400. The input is longer than the model reads. Shorten it, or name a model
    /// with a larger window. Metadata: `model`, `inputTokenCount`, `contextTokenCount`.
    ContextTooLong = 2,
    /// INVALID_ARGUMENT, 400. The provider's filter withheld prompt or answer before any content. After
    /// content it is no error but `FINISH_REASON_CONTENT_FILTERED`. Metadata: `provider`, `category`.
    ContentFiltered = 3,
    /// INVALID_ARGUMENT, 400. A guard of the gateway refused the prompt. Not raised yet.
    /// Metadata: `guard`.
    GuardBlocked = 4,
    /// INVALID_ARGUMENT, 400. The provider refused the request for a reason of its own, which
    /// `CallFailure.provider_message` tells. Metadata: `provider`, `httpStatus`.
    ProviderRejectedRequest = 5,
    /// UNAUTHENTICATED, 401. The caller's key is absent, unknown, expired or revoked; which one is not
    /// told.
    ApiKeyInvalid = 10,
    /// PERMISSION_DENIED, 403. The caller's key may not use this model. Metadata: `model`.
    ModelNotAllowed = 11,
    /// PERMISSION_DENIED, 403. The caller's role does not let it do this. Raised by the admin services
    /// only. Metadata: `permission`.
    PermissionMissing = 12,
    /// NOT_FOUND, 404. No model and no route has this name, here or at the provider.
    /// Metadata: `model`, `nearest`: the known name that resembles it most, if any does.
    ModelNotFound = 20,
    /// NOT_FOUND, 404. The call allowed a cached answer only, and there is none. Nothing was sent.
    CacheMiss = 21,
    /// NOT_FOUND, 404. There is no such resource for this caller: another tenant's are not found,
    /// either. Raised by the admin services only. Metadata: `resource`.
    ResourceNotFound = 22,
    /// ALREADY_EXISTS, 409. The idempotency key came with another request before. Not raised yet.
    IdempotencyKeyReused = 23,
    /// ABORTED, 409. The resource changed since its `etag` was read: read it again. Raised by the admin
    /// services only. Metadata: `resource`.
    EtagMismatch = 24,
    /// ALREADY_EXISTS, 409. There is a resource of this name. Raised by the admin services only.
    /// Metadata: `resource`.
    ResourceExists = 25,
    /// FAILED_PRECONDITION, 400. No target can do what the request asks, or none is left by the
    /// request's own `RoutingPreferences`. Metadata: `model`, `capability`.
    CapabilityMissing = 30,
    /// FAILED_PRECONDITION, 400. A cost quota applies, and it is not known what the request could cost:
    /// the model has no price, or something is asked for that has none. The message says what to change.
    /// Metadata: `model`, `field`: the path of what has no price, if it is not the model.
    PriceUnknown = 31,
    /// FAILED_PRECONDITION, 400. The resource stands in the gateway's configuration, and is changed there.
    /// Raised by the admin services only. Metadata: `resource`.
    ResourceReadOnly = 32,
    /// RESOURCE_EXHAUSTED, 429. A quota is used up for now. Comes with `google.rpc.QuotaFailure`,
    /// `CallFailure.quota_violations` and `google.rpc.RetryInfo`.
    QuotaExceeded = 40,
    /// RESOURCE_EXHAUSTED, 402. What is committed leaves no room in a budget; waiting for running calls
    /// is no use. Comes with `google.rpc.QuotaFailure` and `CallFailure.quota_violations`, and with
    /// `google.rpc.RetryInfo` if the budget's window turns over.
    BudgetExceeded = 41,
    /// RESOURCE_EXHAUSTED, 429. The provider's own rate limit. Comes with `google.rpc.RetryInfo` if the
    /// provider says when to come back. Metadata: `provider`, and the provider's headers that tell of
    /// its limits under their own names, for example `x-ratelimit-remaining-requests`.
    ProviderRateLimited = 42,
    /// RESOURCE_EXHAUSTED, 429. The gateway has no room for the call now; nothing was sent. Comes with
    /// `google.rpc.RetryInfo`.
    GatewayOverloaded = 43,
    /// RESOURCE_EXHAUSTED, 413. The request is over the gateway's limit, 32 MiB unless configured
    /// otherwise. Trying again is no use. Over gRPC it is gRPC's own library that refuses such a message,
    /// with this code and without a reason. Metadata: `limitBytes`.
    RequestTooLarge = 44,
    /// RESOURCE_EXHAUSTED, 502. The provider's answer is over the gateway's limit. Not raised yet: such
    /// an answer is `PROVIDER_BAD_RESPONSE`. Metadata: `limitBytes`.
    ResponseTooLarge = 45,
    /// UNAVAILABLE, 502. Every attempt failed, for different reasons. Comes with `google.rpc.RetryInfo` if
    /// it is known when a target may answer again. Metadata: `model`, the name that was asked for.
    AllTargetsFailed = 50,
    /// UNAVAILABLE, 503. The provider refused for load. Comes with `google.rpc.RetryInfo` if the
    /// provider says when to come back. Metadata: `provider`.
    ProviderOverloaded = 51,
    /// UNAVAILABLE, 502. No connection to the provider, no TLS, no such name, or the connection broke
    /// before any content. Metadata: `provider`.
    ProviderUnreachable = 52,
    /// UNAVAILABLE, 502. The provider refused the gateway's own credentials, or the gateway's account
    /// there has no credit left: whoever runs the gateway must act. Metadata: `provider`.
    ProviderKeyRejected = 53,
    /// UNAVAILABLE, 502. The provider failed, or its answer made no sense or was over a limit, before
    /// any content. Metadata: `provider`, `httpStatus`.
    ProviderBadResponse = 54,
    /// UNAVAILABLE; over REST an `error` event, since the status line is gone. The stream broke off
    /// after content had been sent. Trying again means paying again. Metadata: `provider`.
    StreamBroken = 55,
    /// UNAVAILABLE, 503. The ledger that money depends on does not answer. Comes with
    /// `google.rpc.RetryInfo`.
    StoreUnavailable = 56,
    /// UNAVAILABLE, 503. The ledger's disk is full: nothing that a cost quota applies to is accepted.
    StorageFull = 57,
    /// UNAVAILABLE, 503. The gateway is shutting down; another replica may answer at once.
    ShuttingDown = 58,
    /// UNAVAILABLE, 503. The target failed so often of late that it is left alone for a while, and there is
    /// no other; nothing was sent. Comes with `google.rpc.RetryInfo`. Metadata: `provider`, `model`.
    CircuitOpen = 59,
    /// DEADLINE_EXCEEDED, 504. No connection to the provider in time. Metadata: `provider`, `timeoutMs`.
    ConnectTimeout = 60,
    /// DEADLINE_EXCEEDED, 504. No content of a stream in time. Metadata: `provider`, `timeoutMs`.
    FirstContentTimeout = 61,
    /// DEADLINE_EXCEEDED, 504; in a stream an `error` event. Too long a silence between two events.
    /// Metadata: `provider`, `timeoutMs`.
    EventGapTimeout = 62,
    /// DEADLINE_EXCEEDED, 504. The call as a whole took longer than its deadline, or than the gateway
    /// allows. Metadata: `timeoutMs`.
    TotalTimeout = 63,
    /// ABORTED; in a stream the connection closes. The caller reads its stream too slowly.
    ReaderTooSlow = 64,
    /// INTERNAL, 500. A fault of the gateway. Report the call id to whoever runs it.
    /// Metadata: `callId`.
    InternalError = 70,
}
impl ErrorReason {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "ERROR_REASON_UNSPECIFIED",
            Self::InvalidField => "ERROR_REASON_INVALID_FIELD",
            Self::ContextTooLong => "ERROR_REASON_CONTEXT_TOO_LONG",
            Self::ContentFiltered => "ERROR_REASON_CONTENT_FILTERED",
            Self::GuardBlocked => "ERROR_REASON_GUARD_BLOCKED",
            Self::ProviderRejectedRequest => "ERROR_REASON_PROVIDER_REJECTED_REQUEST",
            Self::ApiKeyInvalid => "ERROR_REASON_API_KEY_INVALID",
            Self::ModelNotAllowed => "ERROR_REASON_MODEL_NOT_ALLOWED",
            Self::PermissionMissing => "ERROR_REASON_PERMISSION_MISSING",
            Self::ModelNotFound => "ERROR_REASON_MODEL_NOT_FOUND",
            Self::CacheMiss => "ERROR_REASON_CACHE_MISS",
            Self::ResourceNotFound => "ERROR_REASON_RESOURCE_NOT_FOUND",
            Self::IdempotencyKeyReused => "ERROR_REASON_IDEMPOTENCY_KEY_REUSED",
            Self::EtagMismatch => "ERROR_REASON_ETAG_MISMATCH",
            Self::ResourceExists => "ERROR_REASON_RESOURCE_EXISTS",
            Self::CapabilityMissing => "ERROR_REASON_CAPABILITY_MISSING",
            Self::PriceUnknown => "ERROR_REASON_PRICE_UNKNOWN",
            Self::ResourceReadOnly => "ERROR_REASON_RESOURCE_READ_ONLY",
            Self::QuotaExceeded => "ERROR_REASON_QUOTA_EXCEEDED",
            Self::BudgetExceeded => "ERROR_REASON_BUDGET_EXCEEDED",
            Self::ProviderRateLimited => "ERROR_REASON_PROVIDER_RATE_LIMITED",
            Self::GatewayOverloaded => "ERROR_REASON_GATEWAY_OVERLOADED",
            Self::RequestTooLarge => "ERROR_REASON_REQUEST_TOO_LARGE",
            Self::ResponseTooLarge => "ERROR_REASON_RESPONSE_TOO_LARGE",
            Self::AllTargetsFailed => "ERROR_REASON_ALL_TARGETS_FAILED",
            Self::ProviderOverloaded => "ERROR_REASON_PROVIDER_OVERLOADED",
            Self::ProviderUnreachable => "ERROR_REASON_PROVIDER_UNREACHABLE",
            Self::ProviderKeyRejected => "ERROR_REASON_PROVIDER_KEY_REJECTED",
            Self::ProviderBadResponse => "ERROR_REASON_PROVIDER_BAD_RESPONSE",
            Self::StreamBroken => "ERROR_REASON_STREAM_BROKEN",
            Self::StoreUnavailable => "ERROR_REASON_STORE_UNAVAILABLE",
            Self::StorageFull => "ERROR_REASON_STORAGE_FULL",
            Self::ShuttingDown => "ERROR_REASON_SHUTTING_DOWN",
            Self::CircuitOpen => "ERROR_REASON_CIRCUIT_OPEN",
            Self::ConnectTimeout => "ERROR_REASON_CONNECT_TIMEOUT",
            Self::FirstContentTimeout => "ERROR_REASON_FIRST_CONTENT_TIMEOUT",
            Self::EventGapTimeout => "ERROR_REASON_EVENT_GAP_TIMEOUT",
            Self::TotalTimeout => "ERROR_REASON_TOTAL_TIMEOUT",
            Self::ReaderTooSlow => "ERROR_REASON_READER_TOO_SLOW",
            Self::InternalError => "ERROR_REASON_INTERNAL_ERROR",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "ERROR_REASON_UNSPECIFIED" => Some(Self::Unspecified),
            "ERROR_REASON_INVALID_FIELD" => Some(Self::InvalidField),
            "ERROR_REASON_CONTEXT_TOO_LONG" => Some(Self::ContextTooLong),
            "ERROR_REASON_CONTENT_FILTERED" => Some(Self::ContentFiltered),
            "ERROR_REASON_GUARD_BLOCKED" => Some(Self::GuardBlocked),
            "ERROR_REASON_PROVIDER_REJECTED_REQUEST" => {
                Some(Self::ProviderRejectedRequest)
            }
            "ERROR_REASON_API_KEY_INVALID" => Some(Self::ApiKeyInvalid),
            "ERROR_REASON_MODEL_NOT_ALLOWED" => Some(Self::ModelNotAllowed),
            "ERROR_REASON_PERMISSION_MISSING" => Some(Self::PermissionMissing),
            "ERROR_REASON_MODEL_NOT_FOUND" => Some(Self::ModelNotFound),
            "ERROR_REASON_CACHE_MISS" => Some(Self::CacheMiss),
            "ERROR_REASON_RESOURCE_NOT_FOUND" => Some(Self::ResourceNotFound),
            "ERROR_REASON_IDEMPOTENCY_KEY_REUSED" => Some(Self::IdempotencyKeyReused),
            "ERROR_REASON_ETAG_MISMATCH" => Some(Self::EtagMismatch),
            "ERROR_REASON_RESOURCE_EXISTS" => Some(Self::ResourceExists),
            "ERROR_REASON_CAPABILITY_MISSING" => Some(Self::CapabilityMissing),
            "ERROR_REASON_PRICE_UNKNOWN" => Some(Self::PriceUnknown),
            "ERROR_REASON_RESOURCE_READ_ONLY" => Some(Self::ResourceReadOnly),
            "ERROR_REASON_QUOTA_EXCEEDED" => Some(Self::QuotaExceeded),
            "ERROR_REASON_BUDGET_EXCEEDED" => Some(Self::BudgetExceeded),
            "ERROR_REASON_PROVIDER_RATE_LIMITED" => Some(Self::ProviderRateLimited),
            "ERROR_REASON_GATEWAY_OVERLOADED" => Some(Self::GatewayOverloaded),
            "ERROR_REASON_REQUEST_TOO_LARGE" => Some(Self::RequestTooLarge),
            "ERROR_REASON_RESPONSE_TOO_LARGE" => Some(Self::ResponseTooLarge),
            "ERROR_REASON_ALL_TARGETS_FAILED" => Some(Self::AllTargetsFailed),
            "ERROR_REASON_PROVIDER_OVERLOADED" => Some(Self::ProviderOverloaded),
            "ERROR_REASON_PROVIDER_UNREACHABLE" => Some(Self::ProviderUnreachable),
            "ERROR_REASON_PROVIDER_KEY_REJECTED" => Some(Self::ProviderKeyRejected),
            "ERROR_REASON_PROVIDER_BAD_RESPONSE" => Some(Self::ProviderBadResponse),
            "ERROR_REASON_STREAM_BROKEN" => Some(Self::StreamBroken),
            "ERROR_REASON_STORE_UNAVAILABLE" => Some(Self::StoreUnavailable),
            "ERROR_REASON_STORAGE_FULL" => Some(Self::StorageFull),
            "ERROR_REASON_SHUTTING_DOWN" => Some(Self::ShuttingDown),
            "ERROR_REASON_CIRCUIT_OPEN" => Some(Self::CircuitOpen),
            "ERROR_REASON_CONNECT_TIMEOUT" => Some(Self::ConnectTimeout),
            "ERROR_REASON_FIRST_CONTENT_TIMEOUT" => Some(Self::FirstContentTimeout),
            "ERROR_REASON_EVENT_GAP_TIMEOUT" => Some(Self::EventGapTimeout),
            "ERROR_REASON_TOTAL_TIMEOUT" => Some(Self::TotalTimeout),
            "ERROR_REASON_READER_TOO_SLOW" => Some(Self::ReaderTooSlow),
            "ERROR_REASON_INTERNAL_ERROR" => Some(Self::InternalError),
            _ => None,
        }
    }
}
/// What a call read, wrote and cost, all its attempts and candidates together.
///
/// Counts are tokens of the provider's own tokenizer, 0 or more; a count that the provider does not
/// give is 0. Counts "of" another one are parts of it, not additions to it, and may overlap.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Usage {
    /// Tokens read, whatever their kind: cached and cache-written ones included.
    pub input_token_count: i32,
    /// Those of `input_token_count` served from the provider's prompt cache.
    pub cached_input_token_count: i32,
    /// Those of `input_token_count` written to the provider's prompt cache.
    pub cache_write_input_token_count: i32,
    /// Those of `cache_write_input_token_count` written for an hour or more.
    pub long_cache_write_input_token_count: i32,
    /// Those of `input_token_count` that are audio.
    pub audio_input_token_count: i32,
    /// Those of `input_token_count` that are images or video.
    pub image_input_token_count: i32,
    /// Those of `input_token_count` that the provider's own tools added.
    pub tool_input_token_count: i32,
    /// Tokens written, whatever their kind: reasoning included. 0 for embeddings.
    pub output_token_count: i32,
    /// Those of `output_token_count` spent on reasoning.
    pub reasoning_token_count: i32,
    /// Those of `output_token_count` that are audio.
    pub audio_output_token_count: i32,
    /// Those of `output_token_count` that are images.
    pub image_output_token_count: i32,
    /// Those of `output_token_count` that a prediction in the request foretold.
    pub accepted_prediction_token_count: i32,
    /// Those of `output_token_count` that a prediction foretold wrongly: not in the answer, and charged
    /// all the same.
    pub rejected_prediction_token_count: i32,
    /// Units billed by the search instead of the token, where the provider bills so.
    pub search_unit_count: i32,
    /// The price of it all, in 1e-9 US dollars, 0 or more. Unset if the gateway knows no price.
    pub cost_usd_nanos: ::core::option::Option<i64>,
    /// Where the counts come from.
    pub source: i32,
    /// The provider's own usage as a JSON object, complete. Empty if it sent none.
    pub provider_json: ::prost::alloc::string::String,
    /// Tokens read that the provider charges for, where it counts them apart from those it read, as
    /// Cohere does. If unset, `input_token_count`.
    pub billed_input_token_count: ::core::option::Option<i32>,
    /// Tokens written that the provider charges for, where it counts them apart from those it wrote. If
    /// unset, `output_token_count`.
    pub billed_output_token_count: ::core::option::Option<i32>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl Usage {
    ///Returns `source`; the default where its number is newer than this code.
    pub fn source(&self) -> usage::Source {
        usage::Source::try_from(self.source).unwrap_or_default()
    }
    ///Sets `source`.
    pub fn set_source(&mut self, value: usage::Source) {
        self.source = value as i32;
    }
}
impl ::prost::Message for Usage {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.input_token_count != 0 {
            ::prost::encoding::int32::encode(1u32, &self.input_token_count, buf);
        }
        if self.cached_input_token_count != 0 {
            ::prost::encoding::int32::encode(2u32, &self.cached_input_token_count, buf);
        }
        if self.cache_write_input_token_count != 0 {
            ::prost::encoding::int32::encode(
                3u32,
                &self.cache_write_input_token_count,
                buf,
            );
        }
        if self.long_cache_write_input_token_count != 0 {
            ::prost::encoding::int32::encode(
                4u32,
                &self.long_cache_write_input_token_count,
                buf,
            );
        }
        if self.audio_input_token_count != 0 {
            ::prost::encoding::int32::encode(5u32, &self.audio_input_token_count, buf);
        }
        if self.image_input_token_count != 0 {
            ::prost::encoding::int32::encode(6u32, &self.image_input_token_count, buf);
        }
        if self.tool_input_token_count != 0 {
            ::prost::encoding::int32::encode(7u32, &self.tool_input_token_count, buf);
        }
        if self.output_token_count != 0 {
            ::prost::encoding::int32::encode(8u32, &self.output_token_count, buf);
        }
        if self.reasoning_token_count != 0 {
            ::prost::encoding::int32::encode(9u32, &self.reasoning_token_count, buf);
        }
        if self.audio_output_token_count != 0 {
            ::prost::encoding::int32::encode(10u32, &self.audio_output_token_count, buf);
        }
        if self.image_output_token_count != 0 {
            ::prost::encoding::int32::encode(11u32, &self.image_output_token_count, buf);
        }
        if self.accepted_prediction_token_count != 0 {
            ::prost::encoding::int32::encode(
                12u32,
                &self.accepted_prediction_token_count,
                buf,
            );
        }
        if self.rejected_prediction_token_count != 0 {
            ::prost::encoding::int32::encode(
                13u32,
                &self.rejected_prediction_token_count,
                buf,
            );
        }
        if self.search_unit_count != 0 {
            ::prost::encoding::int32::encode(14u32, &self.search_unit_count, buf);
        }
        if let Some(value) = &self.cost_usd_nanos {
            ::prost::encoding::int64::encode(15u32, value, buf);
        }
        if self.source != 0 {
            ::prost::encoding::int32::encode(16u32, &self.source, buf);
        }
        if !self.provider_json.is_empty() {
            ::prost::encoding::string::encode(17u32, &self.provider_json, buf);
        }
        if let Some(value) = &self.billed_input_token_count {
            ::prost::encoding::int32::encode(18u32, value, buf);
        }
        if let Some(value) = &self.billed_output_token_count {
            ::prost::encoding::int32::encode(19u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.input_token_count,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.cached_input_token_count,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.cache_write_input_token_count,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.long_cache_write_input_token_count,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.audio_input_token_count,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.image_input_token_count,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.tool_input_token_count,
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.output_token_count,
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.reasoning_token_count,
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.audio_output_token_count,
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.image_output_token_count,
                    buf,
                    ctx,
                )
            }
            12u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.accepted_prediction_token_count,
                    buf,
                    ctx,
                )
            }
            13u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.rejected_prediction_token_count,
                    buf,
                    ctx,
                )
            }
            14u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.search_unit_count,
                    buf,
                    ctx,
                )
            }
            15u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self.cost_usd_nanos.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            16u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.source, buf, ctx)
            }
            17u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            18u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.billed_input_token_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            19u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.billed_output_token_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.input_token_count)
            } else {
                0
            }
            + if self.cached_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    2u32,
                    &self.cached_input_token_count,
                )
            } else {
                0
            }
            + if self.cache_write_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    3u32,
                    &self.cache_write_input_token_count,
                )
            } else {
                0
            }
            + if self.long_cache_write_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    4u32,
                    &self.long_cache_write_input_token_count,
                )
            } else {
                0
            }
            + if self.audio_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    5u32,
                    &self.audio_input_token_count,
                )
            } else {
                0
            }
            + if self.image_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    6u32,
                    &self.image_input_token_count,
                )
            } else {
                0
            }
            + if self.tool_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(7u32, &self.tool_input_token_count)
            } else {
                0
            }
            + if self.output_token_count != 0 {
                ::prost::encoding::int32::encoded_len(8u32, &self.output_token_count)
            } else {
                0
            }
            + if self.reasoning_token_count != 0 {
                ::prost::encoding::int32::encoded_len(9u32, &self.reasoning_token_count)
            } else {
                0
            }
            + if self.audio_output_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    10u32,
                    &self.audio_output_token_count,
                )
            } else {
                0
            }
            + if self.image_output_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    11u32,
                    &self.image_output_token_count,
                )
            } else {
                0
            }
            + if self.accepted_prediction_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    12u32,
                    &self.accepted_prediction_token_count,
                )
            } else {
                0
            }
            + if self.rejected_prediction_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    13u32,
                    &self.rejected_prediction_token_count,
                )
            } else {
                0
            }
            + if self.search_unit_count != 0 {
                ::prost::encoding::int32::encoded_len(14u32, &self.search_unit_count)
            } else {
                0
            }
            + self
                .cost_usd_nanos
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(15u32, value))
            + if self.source != 0 {
                ::prost::encoding::int32::encoded_len(16u32, &self.source)
            } else {
                0
            }
            + if !self.provider_json.is_empty() {
                ::prost::encoding::string::encoded_len(17u32, &self.provider_json)
            } else {
                0
            }
            + self
                .billed_input_token_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(18u32, value))
            + self
                .billed_output_token_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(19u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Usage`.
pub mod usage {
    /// Says where the counts come from.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Source {
        /// Never sent.
        Unspecified = 0,
        /// The provider said so.
        Provider = 1,
        /// The gateway counted or estimated what it relayed, because the provider did not say.
        Counted = 2,
        /// The gateway took an upper bound, because it could not count.
        Bound = 3,
    }
    impl Source {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "SOURCE_UNSPECIFIED",
                Self::Provider => "SOURCE_PROVIDER",
                Self::Counted => "SOURCE_COUNTED",
                Self::Bound => "SOURCE_BOUND",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "SOURCE_UNSPECIFIED" => Some(Self::Unspecified),
                "SOURCE_PROVIDER" => Some(Self::Provider),
                "SOURCE_COUNTED" => Some(Self::Counted),
                "SOURCE_BOUND" => Some(Self::Bound),
                _ => None,
            }
        }
    }
}
/// What the gateway knows of one call. Part of every answer that may cost something.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CallInfo {
    /// The gateway's id of the call, unique and opaque. The same in its logs and usage reports, in the
    /// trailing metadata `x-request-id` of a failed call, and in the REST header `x-request-id`.
    pub call_id: ::prost::alloc::string::String,
    /// When the gateway accepted the call, by its own clock.
    pub create_time: ::core::option::Option<::prost_types::Timestamp>,
    /// The provider that answered, by its name in the gateway's configuration, for example `openai`.
    pub provider: ::prost::alloc::string::String,
    /// The model that answered, as the provider names it, for example `gpt-4o-mini-2024-07-18`: never a
    /// route, and without the provider.
    pub model: ::prost::alloc::string::String,
    /// The provider's own id of the answer, for example `chatcmpl-…`. Empty if it has none.
    pub provider_response_id: ::prost::alloc::string::String,
    /// The service tier that served the call, in the provider's words. Empty if it does not say.
    pub service_tier: ::prost::alloc::string::String,
    /// What the response cache did.
    pub cache: ::core::option::Option<CacheResult>,
    /// The attempts of the call in order, failed ones too; the last one answered. Empty on a cache hit. In
    /// `GenerationStarted`: those that failed before, since the last one is not over yet.
    pub attempts: ::prost::alloc::vec::Vec<Attempt>,
    /// What the request asked for and did not get, and what is doubtful in the answer. Most often empty.
    pub warnings: ::prost::alloc::vec::Vec<Warning>,
    /// Time spent in the gateway itself: the call's duration without the waits for providers.
    pub gateway_latency: ::core::option::Option<::prost_types::Duration>,
    /// From the call's acceptance to its first content, as the gateway saw it. Unset for embeddings,
    /// and where the provider answered as a whole.
    pub first_content_latency: ::core::option::Option<::prost_types::Duration>,
    /// Members of the provider's answer that the contract has no field for, as a JSON object: those of
    /// its top level only; see `Candidate.provider_json`, `Usage.provider_json` and
    /// `Part.provider_json` for the others. Empty if there are none.
    pub provider_json: ::prost::alloc::string::String,
    /// The rates that the call counted against: of each metric the one with the least left. Empty where
    /// none apply.
    pub rate_limits: ::prost::alloc::vec::Vec<RateLimit>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CallInfo {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.call_id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.call_id, buf);
        }
        if let Some(value) = &self.create_time {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if !self.provider.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.provider, buf);
        }
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.model, buf);
        }
        if !self.provider_response_id.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.provider_response_id, buf);
        }
        if !self.service_tier.is_empty() {
            ::prost::encoding::string::encode(6u32, &self.service_tier, buf);
        }
        if let Some(value) = &self.cache {
            ::prost::encoding::message::encode(7u32, value, buf);
        }
        for value in &self.attempts {
            ::prost::encoding::message::encode(8u32, value, buf);
        }
        for value in &self.warnings {
            ::prost::encoding::message::encode(9u32, value, buf);
        }
        if let Some(value) = &self.gateway_latency {
            ::prost::encoding::message::encode(10u32, value, buf);
        }
        if let Some(value) = &self.first_content_latency {
            ::prost::encoding::message::encode(11u32, value, buf);
        }
        if !self.provider_json.is_empty() {
            ::prost::encoding::string::encode(12u32, &self.provider_json, buf);
        }
        for value in &self.rate_limits {
            ::prost::encoding::message::encode(13u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.call_id, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.create_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.provider, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_response_id,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.service_tier,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.cache.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.attempts,
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.warnings,
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.gateway_latency.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.first_content_latency.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            12u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            13u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.rate_limits,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.call_id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.call_id)
            } else {
                0
            }
            + self
                .create_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + if !self.provider.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.provider)
            } else {
                0
            }
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(4u32, &self.model)
            } else {
                0
            }
            + if !self.provider_response_id.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.provider_response_id)
            } else {
                0
            }
            + if !self.service_tier.is_empty() {
                ::prost::encoding::string::encoded_len(6u32, &self.service_tier)
            } else {
                0
            }
            + self
                .cache
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(7u32, value))
            + ::prost::encoding::message::encoded_len_repeated(8u32, &self.attempts)
            + ::prost::encoding::message::encoded_len_repeated(9u32, &self.warnings)
            + self
                .gateway_latency
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(10u32, value))
            + self
                .first_content_latency
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(11u32, value))
            + if !self.provider_json.is_empty() {
                ::prost::encoding::string::encoded_len(12u32, &self.provider_json)
            } else {
                0
            }
            + ::prost::encoding::message::encoded_len_repeated(13u32, &self.rate_limits)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A limit on requests or tokens a second or a minute, and what is left of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct RateLimit {
    /// Whose limit it is, for example `key/ci`.
    pub scope: ::prost::alloc::string::String,
    /// What it counts: `requests`, `tokens`, or a newer word.
    pub metric: ::prost::alloc::string::String,
    /// The time over which it counts: `second`, `minute`, or a newer word.
    pub window: ::prost::alloc::string::String,
    /// The most that the window allows, 0 or more.
    pub limit: i64,
    /// What is left now, 0 or more. Tokens are taken by a guess, and corrected once the call has ended.
    pub remaining: i64,
    /// How long until all of it is left again, if nothing else is taken.
    pub reset_after: ::core::option::Option<::prost_types::Duration>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RateLimit {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.scope.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.scope, buf);
        }
        if !self.metric.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.metric, buf);
        }
        if !self.window.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.window, buf);
        }
        if self.limit != 0 {
            ::prost::encoding::int64::encode(4u32, &self.limit, buf);
        }
        if self.remaining != 0 {
            ::prost::encoding::int64::encode(5u32, &self.remaining, buf);
        }
        if let Some(value) = &self.reset_after {
            ::prost::encoding::message::encode(6u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.scope, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.metric, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.window, buf, ctx)
            }
            4u32 => ::prost::encoding::int64::merge(wire_type, &mut self.limit, buf, ctx),
            5u32 => {
                ::prost::encoding::int64::merge(wire_type, &mut self.remaining, buf, ctx)
            }
            6u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.reset_after.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.scope.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.scope)
            } else {
                0
            }
            + if !self.metric.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.metric)
            } else {
                0
            }
            + if !self.window.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.window)
            } else {
                0
            }
            + if self.limit != 0 {
                ::prost::encoding::int64::encoded_len(4u32, &self.limit)
            } else {
                0
            }
            + if self.remaining != 0 {
                ::prost::encoding::int64::encoded_len(5u32, &self.remaining)
            } else {
                0
            }
            + self
                .reset_after
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(6u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One try at one target.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Attempt {
    /// The target's provider, by its name in the gateway's configuration.
    pub provider: ::prost::alloc::string::String,
    /// The target's model, as the provider names it.
    pub model: ::prost::alloc::string::String,
    /// Why the try failed. `ERROR_REASON_UNSPECIFIED` for one that answered.
    pub error_reason: i32,
    /// The HTTP status of the provider's answer, 100 to 599. 0 if there was no answer, or no HTTP.
    pub http_status: i32,
    /// How long the try took, from its start to its answer's end or to its failure.
    pub latency: ::core::option::Option<::prost_types::Duration>,
    /// Why the try was made.
    pub kind: i32,
    /// What the try cost, in 1e-9 US dollars, 0 or more; a failed one may cost, too. Unset if unknown.
    pub cost_usd_nanos: ::core::option::Option<i64>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl Attempt {
    ///Returns `error_reason`; the default where its number is newer than this code.
    pub fn error_reason(&self) -> ErrorReason {
        ErrorReason::try_from(self.error_reason).unwrap_or_default()
    }
    ///Sets `error_reason`.
    pub fn set_error_reason(&mut self, value: ErrorReason) {
        self.error_reason = value as i32;
    }
    ///Returns `kind`; the default where its number is newer than this code.
    pub fn kind(&self) -> attempt::Kind {
        attempt::Kind::try_from(self.kind).unwrap_or_default()
    }
    ///Sets `kind`.
    pub fn set_kind(&mut self, value: attempt::Kind) {
        self.kind = value as i32;
    }
}
impl ::prost::Message for Attempt {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.provider.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.provider, buf);
        }
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.model, buf);
        }
        if self.error_reason != 0 {
            ::prost::encoding::int32::encode(3u32, &self.error_reason, buf);
        }
        if self.http_status != 0 {
            ::prost::encoding::int32::encode(4u32, &self.http_status, buf);
        }
        if let Some(value) = &self.latency {
            ::prost::encoding::message::encode(5u32, value, buf);
        }
        if self.kind != 0 {
            ::prost::encoding::int32::encode(6u32, &self.kind, buf);
        }
        if let Some(value) = &self.cost_usd_nanos {
            ::prost::encoding::int64::encode(7u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.provider, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.error_reason,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.http_status,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.latency.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => ::prost::encoding::int32::merge(wire_type, &mut self.kind, buf, ctx),
            7u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self.cost_usd_nanos.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.provider.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.provider)
            } else {
                0
            }
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.model)
            } else {
                0
            }
            + if self.error_reason != 0 {
                ::prost::encoding::int32::encoded_len(3u32, &self.error_reason)
            } else {
                0
            }
            + if self.http_status != 0 {
                ::prost::encoding::int32::encoded_len(4u32, &self.http_status)
            } else {
                0
            }
            + self
                .latency
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(5u32, value))
            + if self.kind != 0 {
                ::prost::encoding::int32::encoded_len(6u32, &self.kind)
            } else {
                0
            }
            + self
                .cost_usd_nanos
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(7u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Attempt`.
pub mod attempt {
    /// Says why a try was made. New values may be added; treat an unknown one as `KIND_RETRY`.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Kind {
        /// Never sent.
        Unspecified = 0,
        /// The first try of the call.
        First = 1,
        /// The same target again, after a failure there: perhaps with another of the provider's keys.
        Retry = 2,
        /// Another target, after a failure.
        Fallback = 3,
        /// A second try beside a slow one. Not made yet.
        Hedge = 4,
    }
    impl Kind {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "KIND_UNSPECIFIED",
                Self::First => "KIND_FIRST",
                Self::Retry => "KIND_RETRY",
                Self::Fallback => "KIND_FALLBACK",
                Self::Hedge => "KIND_HEDGE",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "KIND_UNSPECIFIED" => Some(Self::Unspecified),
                "KIND_FIRST" => Some(Self::First),
                "KIND_RETRY" => Some(Self::Retry),
                "KIND_FALLBACK" => Some(Self::Fallback),
                "KIND_HEDGE" => Some(Self::Hedge),
                _ => None,
            }
        }
    }
}
/// One thing that a request asked for and did not get, or that is doubtful in its answer. The call
/// succeeded all the same.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Warning {
    /// The path of the field in the request, for example `sampling.top_k`, or else in the answer, for
    /// example `usage`.
    pub field: ::prost::alloc::string::String,
    /// What became of it, in one English sentence for people to read.
    pub description: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Warning {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.field.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.field, buf);
        }
        if !self.description.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.description, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.field, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.description,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.field.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.field)
            } else {
                0
            }
            + if !self.description.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.description)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// What the gateway knows of a call that failed. Rides in `google.rpc.Status.details`.
///
/// Together with the other details it takes at most 4 KiB, because a status above 8 KiB would be
/// replaced on its way: the oldest attempts are left out first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CallFailure {
    /// The gateway's id of the call, as `CallInfo.call_id`.
    pub call_id: ::prost::alloc::string::String,
    /// Whether content had been sent before the failure. If so, trying again means paying again.
    pub started: bool,
    /// The attempts of the call in order, as `CallInfo.attempts`. All of them failed. Empty where nothing
    /// was sent.
    pub attempts: ::prost::alloc::vec::Vec<Attempt>,
    /// What was read, written and charged before the failure, without `provider_json`. Unset if
    /// nothing was, or if it is unknown.
    pub usage: ::core::option::Option<Usage>,
    /// The provider's own message, redacted, at most 512 bytes. Empty if it sent none.
    pub provider_message: ::prost::alloc::string::String,
    /// The quotas that refused the call. Empty where it failed otherwise.
    pub quota_violations: ::prost::alloc::vec::Vec<QuotaViolation>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CallFailure {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.call_id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.call_id, buf);
        }
        if self.started {
            ::prost::encoding::bool::encode(2u32, &self.started, buf);
        }
        for value in &self.attempts {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        if !self.provider_message.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.provider_message, buf);
        }
        for value in &self.quota_violations {
            ::prost::encoding::message::encode(6u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.call_id, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::bool::merge(wire_type, &mut self.started, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.attempts,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_message,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.quota_violations,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.call_id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.call_id)
            } else {
                0
            }
            + if self.started {
                ::prost::encoding::bool::encoded_len(2u32, &self.started)
            } else {
                0
            } + ::prost::encoding::message::encoded_len_repeated(3u32, &self.attempts)
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(4u32, value))
            + if !self.provider_message.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.provider_message)
            } else {
                0
            }
            + ::prost::encoding::message::encoded_len_repeated(
                6u32,
                &self.quota_violations,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One quota that a call would break.
///
/// `limit`, `used` and `held` count what `metric` names: tokens, requests, calls at once, or cost in
/// 1e-9 US dollars. A call is refused if `used + held` and what it asks for exceed `limit`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct QuotaViolation {
    /// Whose quota it is, for example `team/platform` or `key/ci`.
    pub scope: ::prost::alloc::string::String,
    /// What it counts: `tokens`, `requests`, `concurrency` (calls at once), `cost`, or a newer word.
    pub metric: ::prost::alloc::string::String,
    /// The time over which it counts: `second`, `minute`, `hour`, `day`, `week`, `month`, `total`, or a
    /// newer word. Empty for `concurrency`.
    pub window: ::prost::alloc::string::String,
    /// The most that the window allows, 0 or more.
    pub limit: i64,
    /// What finished calls have spent in the window, 0 or more. For a rate, what counts against it now.
    pub used: i64,
    /// What running calls have reserved, 0 or more. It shrinks as they finish.
    pub held: i64,
    /// When the window turns over and `used` starts at 0 again; for a rate, when nothing will count
    /// against it. Unset for `total` and for `concurrency`.
    pub reset_time: ::core::option::Option<::prost_types::Timestamp>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for QuotaViolation {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.scope.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.scope, buf);
        }
        if !self.metric.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.metric, buf);
        }
        if !self.window.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.window, buf);
        }
        if self.limit != 0 {
            ::prost::encoding::int64::encode(4u32, &self.limit, buf);
        }
        if self.used != 0 {
            ::prost::encoding::int64::encode(5u32, &self.used, buf);
        }
        if self.held != 0 {
            ::prost::encoding::int64::encode(6u32, &self.held, buf);
        }
        if let Some(value) = &self.reset_time {
            ::prost::encoding::message::encode(7u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.scope, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.metric, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.window, buf, ctx)
            }
            4u32 => ::prost::encoding::int64::merge(wire_type, &mut self.limit, buf, ctx),
            5u32 => ::prost::encoding::int64::merge(wire_type, &mut self.used, buf, ctx),
            6u32 => ::prost::encoding::int64::merge(wire_type, &mut self.held, buf, ctx),
            7u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.reset_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.scope.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.scope)
            } else {
                0
            }
            + if !self.metric.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.metric)
            } else {
                0
            }
            + if !self.window.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.window)
            } else {
                0
            }
            + if self.limit != 0 {
                ::prost::encoding::int64::encoded_len(4u32, &self.limit)
            } else {
                0
            }
            + if self.used != 0 {
                ::prost::encoding::int64::encoded_len(5u32, &self.used)
            } else {
                0
            }
            + if self.held != 0 {
                ::prost::encoding::int64::encoded_len(6u32, &self.held)
            } else {
                0
            }
            + self
                .reset_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(7u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One turn of a conversation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ChatMessage {
    /// Who wrote it. Required.
    pub role: i32,
    /// What it says, in order. May be empty only in `ROLE_ASSISTANT`.
    ///
    /// Which parts a role may hold: `ROLE_SYSTEM` and `ROLE_DEVELOPER` text; `ROLE_USER` text and media;
    /// `ROLE_TOOL` tool results; `ROLE_ASSISTANT` any. Provider parts may stand in all but `ROLE_TOOL`.
    pub parts: ::prost::alloc::vec::Vec<Part>,
    /// Tells participants of one role apart. If empty, none is sent.
    pub name: ::prost::alloc::string::String,
    /// What the contract has no field for, by dialect: a JSON object merged into this message for a
    /// target that speaks the dialect, and ignored for any other.
    pub provider_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ChatMessage {
    ///Returns `role`; the default where its number is newer than this code.
    pub fn role(&self) -> Role {
        Role::try_from(self.role).unwrap_or_default()
    }
    ///Sets `role`.
    pub fn set_role(&mut self, value: Role) {
        self.role = value as i32;
    }
}
impl ::prost::Message for ChatMessage {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.role != 0 {
            ::prost::encoding::int32::encode(1u32, &self.role, buf);
        }
        for value in &self.parts {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if !self.name.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.name, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            4u32,
            &self.provider_json,
            buf,
        );
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.role, buf, ctx),
            2u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.parts,
                    buf,
                    ctx,
                )
            }
            3u32 => ::prost::encoding::string::merge(wire_type, &mut self.name, buf, ctx),
            4u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.role != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.role)
            } else {
                0
            } + ::prost::encoding::message::encoded_len_repeated(2u32, &self.parts)
            + if !self.name.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.name)
            } else {
                0
            }
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                4u32,
                &self.provider_json,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One piece of a message.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Part {
    /// The provider's id of the item that this part belongs to. Parts of one item share it. Empty if
    /// the provider has no items. Send it back unchanged.
    pub item_id: ::prost::alloc::string::String,
    /// The provider's proof about this part. Unset if there is none. Send it back unchanged.
    pub signature: ::core::option::Option<Signature>,
    /// What the text rests on, in the order sent. Written by the model; accepted back.
    pub annotations: ::prost::alloc::vec::Vec<Annotation>,
    /// The tokens of a text or refusal part, in order, if `GenerateRequest.top_logprob_count` asked for
    /// them. Written by the model; ignored in requests.
    pub logprobs: ::prost::alloc::vec::Vec<TokenLogprob>,
    /// Asks the provider to cache the prompt up to here, this part included. In requests only.
    pub cache_breakpoint: ::core::option::Option<CacheBreakpoint>,
    /// What the contract has no field for, by dialect: a JSON object each. Send it back unchanged.
    pub provider_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// The content. A part without one is newer than its reader: skip it, send it back unchanged. The
    /// gateway skips such a part in `ROLE_ASSISTANT` with a `Warning` and refuses it in other roles.
    pub content: ::core::option::Option<part::Content>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Part {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.content {
            value.encode(buf);
        }
        if !self.item_id.is_empty() {
            ::prost::encoding::string::encode(8u32, &self.item_id, buf);
        }
        if let Some(value) = &self.signature {
            ::prost::encoding::message::encode(9u32, value, buf);
        }
        for value in &self.annotations {
            ::prost::encoding::message::encode(10u32, value, buf);
        }
        for value in &self.logprobs {
            ::prost::encoding::message::encode(11u32, value, buf);
        }
        if let Some(value) = &self.cache_breakpoint {
            ::prost::encoding::message::encode(12u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            13u32,
            &self.provider_json,
            buf,
        );
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 | 2u32 | 3u32 | 4u32 | 5u32 | 6u32 | 7u32 => {
                part::Content::merge(&mut self.content, tag, wire_type, buf, ctx)
            }
            8u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.item_id, buf, ctx)
            }
            9u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.signature.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.annotations,
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.logprobs,
                    buf,
                    ctx,
                )
            }
            12u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.cache_breakpoint.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            13u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self.content.as_ref().map_or(0, part::Content::encoded_len)
            + if !self.item_id.is_empty() {
                ::prost::encoding::string::encoded_len(8u32, &self.item_id)
            } else {
                0
            }
            + self
                .signature
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(9u32, value))
            + ::prost::encoding::message::encoded_len_repeated(10u32, &self.annotations)
            + ::prost::encoding::message::encoded_len_repeated(11u32, &self.logprobs)
            + self
                .cache_breakpoint
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(12u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                13u32,
                &self.provider_json,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Part`.
pub mod part {
    /// The content. A part without one is newer than its reader: skip it, send it back unchanged. The
    /// gateway skips such a part in `ROLE_ASSISTANT` with a `Warning` and refuses it in other roles.
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum Content {
        /// Plain text.
        #[prost(string, tag = "1")]
        Text(::prost::alloc::string::String),
        /// An image, audio, video or a document.
        #[prost(message, tag = "2")]
        Media(super::Media),
        /// What the model thought before it answered.
        #[prost(message, tag = "3")]
        Reasoning(super::Reasoning),
        /// A call that the model wants made, or that the provider made itself.
        #[prost(message, tag = "4")]
        ToolCall(super::ToolCall),
        /// What a call returned. In `ROLE_TOOL`, or in `ROLE_ASSISTANT` if the provider made the call.
        #[prost(message, tag = "5")]
        ToolResult(super::ToolResult),
        /// Why the model declines, in its own words. Only in `ROLE_ASSISTANT`.
        #[prost(string, tag = "6")]
        Refusal(::prost::alloc::string::String),
        /// A block of one provider that the contract does not know.
        #[prost(message, tag = "7")]
        ProviderPart(super::ProviderPart),
    }
}
/// An image, audio, video or a document.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Media {
    /// The IANA media type, for example `image/png`. Required unless `file_id` is set.
    pub mime_type: ::prost::alloc::string::String,
    /// The file's name, which models read with documents. If empty, none is sent.
    pub file_name: ::prost::alloc::string::String,
    /// How closely to look at an image: `low`, `high`, `auto`, or the provider's own word. If empty, its
    /// default.
    pub detail: ::prost::alloc::string::String,
    /// What an audio answer says. Written by the model; ignored in requests.
    pub transcript: ::prost::alloc::string::String,
    /// When `file_id` stops being valid. Unset if never, or if unknown. Ignored in requests.
    pub expire_time: ::core::option::Option<::prost_types::Timestamp>,
    /// Where the bytes are. Required. The gateway itself never fetches anything.
    pub source: ::core::option::Option<media::Source>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Media {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.mime_type.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.mime_type, buf);
        }
        if let Some(value) = &self.source {
            value.encode(buf);
        }
        if !self.file_name.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.file_name, buf);
        }
        if !self.detail.is_empty() {
            ::prost::encoding::string::encode(6u32, &self.detail, buf);
        }
        if !self.transcript.is_empty() {
            ::prost::encoding::string::encode(7u32, &self.transcript, buf);
        }
        if let Some(value) = &self.expire_time {
            ::prost::encoding::message::encode(8u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.mime_type,
                    buf,
                    ctx,
                )
            }
            2u32 | 3u32 | 4u32 => {
                media::Source::merge(&mut self.source, tag, wire_type, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.file_name,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.detail, buf, ctx)
            }
            7u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.transcript,
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.expire_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.mime_type.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.mime_type)
            } else {
                0
            } + self.source.as_ref().map_or(0, media::Source::encoded_len)
            + if !self.file_name.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.file_name)
            } else {
                0
            }
            + if !self.detail.is_empty() {
                ::prost::encoding::string::encoded_len(6u32, &self.detail)
            } else {
                0
            }
            + if !self.transcript.is_empty() {
                ::prost::encoding::string::encoded_len(7u32, &self.transcript)
            } else {
                0
            }
            + self
                .expire_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(8u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Media`.
pub mod media {
    /// Where the bytes are. Required. The gateway itself never fetches anything.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Source {
        /// The bytes themselves, not base64. Bounded by the request's own limit.
        #[prost(bytes, tag = "2")]
        Data(::prost::alloc::vec::Vec<u8>),
        /// A URI that the provider fetches: `https`, or its own storage's scheme, `gs` or `s3`.
        #[prost(string, tag = "3")]
        Uri(::prost::alloc::string::String),
        /// The provider's id of a file that it holds already, or of its earlier audio answer.
        #[prost(string, tag = "4")]
        FileId(::prost::alloc::string::String),
    }
}
/// What a model thought before it answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Reasoning {
    /// The readable part. May be empty.
    pub text: ::prost::alloc::string::String,
    /// What kind of thought it is.
    pub kind: i32,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl Reasoning {
    ///Returns `kind`; the default where its number is newer than this code.
    pub fn kind(&self) -> reasoning::Kind {
        reasoning::Kind::try_from(self.kind).unwrap_or_default()
    }
    ///Sets `kind`.
    pub fn set_kind(&mut self, value: reasoning::Kind) {
        self.kind = value as i32;
    }
}
impl ::prost::Message for Reasoning {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.text.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.text, buf);
        }
        if self.kind != 0 {
            ::prost::encoding::int32::encode(2u32, &self.kind, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.text, buf, ctx),
            2u32 => ::prost::encoding::int32::merge(wire_type, &mut self.kind, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.text.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.text)
            } else {
                0
            }
            + if self.kind != 0 {
                ::prost::encoding::int32::encoded_len(2u32, &self.kind)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Reasoning`.
pub mod reasoning {
    /// Says what kind of thought it is.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Kind {
        /// As `KIND_TEXT`.
        Unspecified = 0,
        /// The thought itself. Its text may be withheld (empty) while its signature is not.
        Text = 1,
        /// A summary of the thought.
        Summary = 2,
        /// Withheld by the provider: no text, only `Part.signature`.
        Redacted = 3,
    }
    impl Kind {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "KIND_UNSPECIFIED",
                Self::Text => "KIND_TEXT",
                Self::Summary => "KIND_SUMMARY",
                Self::Redacted => "KIND_REDACTED",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "KIND_UNSPECIFIED" => Some(Self::Unspecified),
                "KIND_TEXT" => Some(Self::Text),
                "KIND_SUMMARY" => Some(Self::Summary),
                "KIND_REDACTED" => Some(Self::Redacted),
                _ => None,
            }
        }
    }
}
/// A provider's opaque proof about a part, which it wants back with the part.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Signature {
    /// The provider that made it, by its name in the gateway's configuration. A request that another
    /// provider answers is sent without it.
    pub provider: ::prost::alloc::string::String,
    /// Exactly as the provider wrote it, never decoded.
    pub value: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Signature {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.provider.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.provider, buf);
        }
        if !self.value.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.provider, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.value, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.provider.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.provider)
            } else {
                0
            }
            + if !self.value.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.value)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says what a stretch of a part's text rests on.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Annotation {
    /// Where the source is, for example `<https://…`.> Empty if it has no address.
    pub uri: ::prost::alloc::string::String,
    /// The source's title. Empty if unknown.
    pub title: ::prost::alloc::string::String,
    /// The words cited from the source. Empty if the provider does not give them.
    pub cited_text: ::prost::alloc::string::String,
    /// The first character annotated, from 0, counted in Unicode code points of the part's text. Unset
    /// if the provider does not say.
    pub start_index: ::core::option::Option<i32>,
    /// One after the last character annotated, counted alike. Unset if the provider does not say.
    pub end_index: ::core::option::Option<i32>,
    /// The provider's own annotation as a JSON object, complete.
    pub provider_json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Annotation {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.uri.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.uri, buf);
        }
        if !self.title.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.title, buf);
        }
        if !self.cited_text.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.cited_text, buf);
        }
        if let Some(value) = &self.start_index {
            ::prost::encoding::int32::encode(4u32, value, buf);
        }
        if let Some(value) = &self.end_index {
            ::prost::encoding::int32::encode(5u32, value, buf);
        }
        if !self.provider_json.is_empty() {
            ::prost::encoding::string::encode(6u32, &self.provider_json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.uri, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.title, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.cited_text,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.start_index.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.end_index.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.uri.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.uri)
            } else {
                0
            }
            + if !self.title.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.title)
            } else {
                0
            }
            + if !self.cited_text.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.cited_text)
            } else {
                0
            }
            + self
                .start_index
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(4u32, value))
            + self
                .end_index
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(5u32, value))
            + if !self.provider_json.is_empty() {
                ::prost::encoding::string::encoded_len(6u32, &self.provider_json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One token and how likely it was.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TokenLogprob {
    /// The token as the provider prints it.
    pub token: ::prost::alloc::string::String,
    /// The token's bytes; it may be a part of a character. Empty if the provider does not say.
    pub utf8: ::prost::alloc::vec::Vec<u8>,
    /// The natural logarithm of its probability: 0 or less, and -infinity or a very small number for a
    /// token that could not come.
    pub logprob: f64,
    /// The likeliest tokens at this place, likeliest first, as many as were asked for; the token itself
    /// may be among them. Their own `top_logprobs` are empty.
    pub top_logprobs: ::prost::alloc::vec::Vec<TokenLogprob>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for TokenLogprob {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.token.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.token, buf);
        }
        if !self.utf8.is_empty() {
            ::prost::encoding::bytes::encode(2u32, &self.utf8, buf);
        }
        if self.logprob.to_bits() != 0 {
            ::prost::encoding::double::encode(3u32, &self.logprob, buf);
        }
        for value in &self.top_logprobs {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.token, buf, ctx)
            }
            2u32 => ::prost::encoding::bytes::merge(wire_type, &mut self.utf8, buf, ctx),
            3u32 => {
                ::prost::encoding::double::merge(wire_type, &mut self.logprob, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.top_logprobs,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.token.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.token)
            } else {
                0
            }
            + if !self.utf8.is_empty() {
                ::prost::encoding::bytes::encoded_len(2u32, &self.utf8)
            } else {
                0
            }
            + if self.logprob.to_bits() != 0 {
                ::prost::encoding::double::encoded_len(3u32, &self.logprob)
            } else {
                0
            }
            + ::prost::encoding::message::encoded_len_repeated(4u32, &self.top_logprobs)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Marks the end of a prefix of the prompt that the provider should cache.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CacheBreakpoint {
    /// How long to keep it, in the provider's words, for example `5m` or `1h`. If empty, its default.
    pub ttl: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CacheBreakpoint {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.ttl.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.ttl, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.ttl, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.ttl.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.ttl)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A call that the model wants made, or that the provider made itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ToolCall {
    /// The id that the result must repeat. The gateway mints one if the provider has none.
    pub id: ::prost::alloc::string::String,
    /// The name of the tool to call. Required. It may be one that was not offered: models invent some.
    pub name: ::prost::alloc::string::String,
    /// Who runs it. If unset, the caller.
    pub executor: i32,
    /// What to call it with.
    pub input: ::core::option::Option<tool_call::Input>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ToolCall {
    ///Returns `executor`; the default where its number is newer than this code.
    pub fn executor(&self) -> tool_call::Executor {
        tool_call::Executor::try_from(self.executor).unwrap_or_default()
    }
    ///Sets `executor`.
    pub fn set_executor(&mut self, value: tool_call::Executor) {
        self.executor = value as i32;
    }
}
impl ::prost::Message for ToolCall {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.id, buf);
        }
        if !self.name.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.name, buf);
        }
        if let Some(value) = &self.input {
            value.encode(buf);
        }
        if self.executor != 0 {
            ::prost::encoding::int32::encode(5u32, &self.executor, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.id, buf, ctx),
            2u32 => ::prost::encoding::string::merge(wire_type, &mut self.name, buf, ctx),
            3u32 | 4u32 => {
                tool_call::Input::merge(&mut self.input, tag, wire_type, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.executor, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.id)
            } else {
                0
            }
            + if !self.name.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.name)
            } else {
                0
            } + self.input.as_ref().map_or(0, tool_call::Input::encoded_len)
            + if self.executor != 0 {
                ::prost::encoding::int32::encoded_len(5u32, &self.executor)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `ToolCall`.
pub mod tool_call {
    /// Says who runs the call.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Executor {
        /// As `EXECUTOR_CALLER`.
        Unspecified = 0,
        /// The caller, who answers with a `ToolResult` in `ROLE_TOOL`.
        Caller = 1,
        /// The provider. The caller must not run it.
        Provider = 2,
    }
    impl Executor {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "EXECUTOR_UNSPECIFIED",
                Self::Caller => "EXECUTOR_CALLER",
                Self::Provider => "EXECUTOR_PROVIDER",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "EXECUTOR_UNSPECIFIED" => Some(Self::Unspecified),
                "EXECUTOR_CALLER" => Some(Self::Caller),
                "EXECUTOR_PROVIDER" => Some(Self::Provider),
                _ => None,
            }
        }
    }
    /// What to call it with.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Input {
        /// The arguments of a function as JSON text, as the model wrote it: check it, it may be invalid
        /// JSON. Never empty in an answer: no arguments are `{}`.
        #[prost(string, tag = "3")]
        ArgumentsJson(::prost::alloc::string::String),
        /// The free text for a custom tool.
        #[prost(string, tag = "4")]
        Text(::prost::alloc::string::String),
    }
}
/// What a call returned.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ToolResult {
    /// The id of the call, `ToolCall.id`. Required; the call must stand before it in the conversation.
    pub tool_call_id: ::prost::alloc::string::String,
    /// The tool's name. If empty, taken from the call in the conversation.
    pub tool_name: ::prost::alloc::string::String,
    /// What the model reads: text, media and provider parts. May be empty: the call returned nothing.
    pub parts: ::prost::alloc::vec::Vec<Part>,
    /// A JSON value instead of `parts`, where the result is data. Excludes `parts`.
    pub output_json: ::prost::alloc::string::String,
    /// Whether the call failed; the result then says why.
    pub failed: bool,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ToolResult {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.tool_call_id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.tool_call_id, buf);
        }
        if !self.tool_name.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.tool_name, buf);
        }
        for value in &self.parts {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        if !self.output_json.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.output_json, buf);
        }
        if self.failed {
            ::prost::encoding::bool::encode(5u32, &self.failed, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.tool_call_id,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.tool_name,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.parts,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.output_json,
                    buf,
                    ctx,
                )
            }
            5u32 => ::prost::encoding::bool::merge(wire_type, &mut self.failed, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.tool_call_id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.tool_call_id)
            } else {
                0
            }
            + if !self.tool_name.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.tool_name)
            } else {
                0
            } + ::prost::encoding::message::encoded_len_repeated(3u32, &self.parts)
            + if !self.output_json.is_empty() {
                ::prost::encoding::string::encoded_len(4u32, &self.output_json)
            } else {
                0
            }
            + if self.failed {
                ::prost::encoding::bool::encoded_len(5u32, &self.failed)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A block of one provider that the contract does not know.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ProviderPart {
    /// The dialect that it belongs to, for example `anthropic`. Required. Sent to no other: left out of an
    /// assistant's message, with a `Warning`, where the target speaks another, and refused in other roles.
    pub dialect: ::prost::alloc::string::String,
    /// The block's type, for example `container_upload`.
    pub r#type: ::prost::alloc::string::String,
    /// The block as a JSON object, complete. Required.
    pub json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ProviderPart {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.dialect.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.dialect, buf);
        }
        if !self.r#type.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.r#type, buf);
        }
        if !self.json.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.dialect, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.r#type, buf, ctx)
            }
            3u32 => ::prost::encoding::string::merge(wire_type, &mut self.json, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.dialect.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.dialect)
            } else {
                0
            }
            + if !self.r#type.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.r#type)
            } else {
                0
            }
            + if !self.json.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says who wrote a message. New values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Role {
    /// Never valid.
    Unspecified = 0,
    /// The operator, whose instructions rank above the user's.
    System = 1,
    /// The caller, or whoever speaks through it.
    User = 2,
    /// The model.
    Assistant = 3,
    /// A tool that the caller ran.
    Tool = 4,
    /// The developer of the application. Sent as `ROLE_SYSTEM` where the provider knows no developer.
    Developer = 5,
}
impl Role {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "ROLE_UNSPECIFIED",
            Self::System => "ROLE_SYSTEM",
            Self::User => "ROLE_USER",
            Self::Assistant => "ROLE_ASSISTANT",
            Self::Tool => "ROLE_TOOL",
            Self::Developer => "ROLE_DEVELOPER",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "ROLE_UNSPECIFIED" => Some(Self::Unspecified),
            "ROLE_SYSTEM" => Some(Self::System),
            "ROLE_USER" => Some(Self::User),
            "ROLE_ASSISTANT" => Some(Self::Assistant),
            "ROLE_TOOL" => Some(Self::Tool),
            "ROLE_DEVELOPER" => Some(Self::Developer),
            _ => None,
        }
    }
}
/// Something that the model may call.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tool {
    /// Asks the provider to cache the prompt up to here, this tool included. If unset, it is not asked.
    pub cache_breakpoint: ::core::option::Option<CacheBreakpoint>,
    /// What the contract has no field for, by dialect: a JSON object merged into this tool for a target
    /// that speaks the dialect, and ignored for any other.
    pub provider_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// What it is. Required.
    pub kind: ::core::option::Option<tool::Kind>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Tool {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.kind {
            value.encode(buf);
        }
        if let Some(value) = &self.cache_breakpoint {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            5u32,
            &self.provider_json,
            buf,
        );
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 | 2u32 | 3u32 => {
                tool::Kind::merge(&mut self.kind, tag, wire_type, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.cache_breakpoint.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self.kind.as_ref().map_or(0, tool::Kind::encoded_len)
            + self
                .cache_breakpoint
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(4u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                5u32,
                &self.provider_json,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Tool`.
pub mod tool {
    /// What it is. Required.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Kind {
        /// A function with JSON arguments, run by the caller.
        #[prost(message, tag = "1")]
        Function(super::FunctionTool),
        /// A function with free-text input, run by the caller.
        #[prost(message, tag = "2")]
        Custom(super::CustomTool),
        /// A tool that the provider runs or defines.
        #[prost(message, tag = "3")]
        ProviderTool(super::ProviderTool),
    }
}
/// A function with JSON arguments, run by the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct FunctionTool {
    /// The name: `\[a-zA-Z0-9_.:-\]{1,128}`, or less where the provider takes less. Required.
    pub name: ::prost::alloc::string::String,
    /// What it does and when to call it, for the model to read. If empty, none is sent.
    pub description: ::prost::alloc::string::String,
    /// The JSON Schema of its arguments, a JSON object. If empty, it takes none.
    pub input_schema_json: ::prost::alloc::string::String,
    /// Whether its arguments must satisfy the schema to the letter. If unset, as the provider does.
    pub strict: ::core::option::Option<bool>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for FunctionTool {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.name.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.name, buf);
        }
        if !self.description.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.description, buf);
        }
        if !self.input_schema_json.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.input_schema_json, buf);
        }
        if let Some(value) = &self.strict {
            ::prost::encoding::bool::encode(4u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.name, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.description,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.input_schema_json,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    self.strict.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.name.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.name)
            } else {
                0
            }
            + if !self.description.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.description)
            } else {
                0
            }
            + if !self.input_schema_json.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.input_schema_json)
            } else {
                0
            }
            + self
                .strict
                .as_ref()
                .map_or(0, |value| ::prost::encoding::bool::encoded_len(4u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A function with free-text input, run by the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CustomTool {
    /// The name: `\[a-zA-Z0-9_.:-\]{1,128}`, or less where the provider takes less. Required.
    pub name: ::prost::alloc::string::String,
    /// What it does and when to call it, for the model to read. If empty, none is sent.
    pub description: ::prost::alloc::string::String,
    /// What its input must look like. If unset, any text.
    pub grammar: ::core::option::Option<Grammar>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CustomTool {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.name.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.name, buf);
        }
        if !self.description.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.description, buf);
        }
        if let Some(value) = &self.grammar {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.name, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.description,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.grammar.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.name.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.name)
            } else {
                0
            }
            + if !self.description.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.description)
            } else {
                0
            }
            + self
                .grammar
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A tool that one provider runs or defines.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ProviderTool {
    /// The dialect that it belongs to, for example `anthropic`. Required. A target of another dialect
    /// cannot serve the request.
    pub dialect: ::prost::alloc::string::String,
    /// The provider's type, for example `web_search_20260318`. Required.
    pub r#type: ::prost::alloc::string::String,
    /// Its settings as a JSON object. If empty, none.
    pub config_json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ProviderTool {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.dialect.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.dialect, buf);
        }
        if !self.r#type.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.r#type, buf);
        }
        if !self.config_json.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.config_json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.dialect, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.r#type, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.config_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.dialect.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.dialect)
            } else {
                0
            }
            + if !self.r#type.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.r#type)
            } else {
                0
            }
            + if !self.config_json.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.config_json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// A formal grammar.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Grammar {
    /// The notation, for example `lark` or `regex`. Required. Which ones there are is the provider's to
    /// say.
    pub syntax: ::prost::alloc::string::String,
    /// The grammar in that notation. Required.
    pub definition: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Grammar {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.syntax.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.syntax, buf);
        }
        if !self.definition.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.definition, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.syntax, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.definition,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.syntax.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.syntax)
            } else {
                0
            }
            + if !self.definition.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.definition)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says whether the model may, must or must not call a tool.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ToolChoice {
    /// How freely the model may call tools. If unset, it decides. `MODE_REQUIRED` needs tools.
    pub mode: i32,
    /// The only tools that it may call, by name; each is one of `GenerateRequest.tools`. If empty, all.
    /// Excludes `MODE_NONE`.
    pub allowed_tool_names: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Whether one answer may hold several calls. If unset, as the provider does.
    pub parallel: ::core::option::Option<bool>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ToolChoice {
    ///Returns `mode`; the default where its number is newer than this code.
    pub fn mode(&self) -> tool_choice::Mode {
        tool_choice::Mode::try_from(self.mode).unwrap_or_default()
    }
    ///Sets `mode`.
    pub fn set_mode(&mut self, value: tool_choice::Mode) {
        self.mode = value as i32;
    }
}
impl ::prost::Message for ToolChoice {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.mode != 0 {
            ::prost::encoding::int32::encode(1u32, &self.mode, buf);
        }
        ::prost::encoding::string::encode_repeated(2u32, &self.allowed_tool_names, buf);
        if let Some(value) = &self.parallel {
            ::prost::encoding::bool::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.mode, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.allowed_tool_names,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    self.parallel.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.mode != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.mode)
            } else {
                0
            }
            + ::prost::encoding::string::encoded_len_repeated(
                2u32,
                &self.allowed_tool_names,
            )
            + self
                .parallel
                .as_ref()
                .map_or(0, |value| ::prost::encoding::bool::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `ToolChoice`.
pub mod tool_choice {
    /// Says how freely a model may call tools.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Mode {
        /// As `MODE_AUTO`.
        Unspecified = 0,
        /// The model decides.
        Auto = 1,
        /// The model must not call a tool.
        None = 2,
        /// The model must call at least one tool.
        Required = 3,
    }
    impl Mode {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "MODE_UNSPECIFIED",
                Self::Auto => "MODE_AUTO",
                Self::None => "MODE_NONE",
                Self::Required => "MODE_REQUIRED",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "MODE_UNSPECIFIED" => Some(Self::Unspecified),
                "MODE_AUTO" => Some(Self::Auto),
                "MODE_NONE" => Some(Self::None),
                "MODE_REQUIRED" => Some(Self::Required),
                _ => None,
            }
        }
    }
}
/// Asks for one generation.
///
/// What a target cannot do is refused or dropped as `unsupported_policy` says, never silently ignored.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GenerateRequest {
    /// What to run: `provider/model`, or the name of a route, for example `openai/gpt-4o-mini` or `fast`.
    /// Required, at most 512 characters. Where nothing else bears such a name, `:floor` at its end stands
    /// for `routing.sort` = `price`, and `:nitro` for `throughput`.
    pub model: ::prost::alloc::string::String,
    /// The conversation so far, oldest first. Required unless `raw_prompt` is set; at most 10,000 unless
    /// configured otherwise.
    pub messages: ::prost::alloc::vec::Vec<ChatMessage>,
    /// Text to continue as it is, without a chat template. Excludes `messages`.
    pub raw_prompt: ::core::option::Option<RawPrompt>,
    /// The tools that the model may call. If empty, it calls none. Names are unique.
    pub tools: ::prost::alloc::vec::Vec<Tool>,
    /// Whether the model may, must or must not call a tool. If unset, it may.
    pub tool_choice: ::core::option::Option<ToolChoice>,
    /// How the model picks tokens. If unset, the model's own defaults apply.
    pub sampling: ::core::option::Option<Sampling>,
    /// The most tokens to write, reasoning included; at least 1. If unset, the model's own limit applies.
    pub max_output_token_count: ::core::option::Option<i32>,
    /// What the text must look like. If unset, it is free.
    pub output_format: ::core::option::Option<OutputFormat>,
    /// How the model thinks. If unset, the model's own defaults apply.
    pub reasoning: ::core::option::Option<ReasoningOptions>,
    /// How many candidates to write, 1 to 128. If unset, 1.
    pub candidate_count: ::core::option::Option<i32>,
    /// If set, log probabilities of the written tokens are returned, with so many alternatives to each:
    /// 0 to 20. If unset, none are.
    pub top_logprob_count: ::core::option::Option<i32>,
    /// How this call may use the response cache. If unset, the route decides.
    pub cache_policy: ::core::option::Option<CachePolicy>,
    /// Labels for routing rules, logs and usage reports; the gateway's own, never sent to a provider. At
    /// most 16, with keys of 1 to 64 characters and values of at most 512.
    pub labels: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// A stable id of the end user, without personal data, passed on to providers that ask for one. At
    /// most 512 characters. If empty, none is sent.
    pub end_user_id: ::prost::alloc::string::String,
    /// By dialect, for example `openai`, a JSON object merged last into the body for a target that
    /// speaks it.
    ///
    /// A member that the gateway itself sets (model, messages, tools, limits, counts, stream, store,
    /// user, upstream routing) is refused with `INVALID_FIELD`. A dialect that no target speaks is
    /// answered with a `Warning`.
    pub provider_options_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Would make retries safe: calls of one caller with equal keys within 10 minutes run once. A UUID.
    /// Not served yet: if set, the call is refused with `INVALID_FIELD`.
    pub idempotency_key: ::prost::alloc::string::String,
    /// How the provider may cache the prompt. If unset, as the provider does.
    pub prompt_cache: ::core::option::Option<PromptCacheOptions>,
    /// The service tier to ask the provider for, in its own words, for example `flex`. It changes the
    /// price. If empty, the provider's default.
    pub service_tier: ::prost::alloc::string::String,
    /// What the answer may hold: `text`, `audio`, `image`, or a newer word. If empty, text.
    pub output_modalities: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// How audio is to sound. Has a meaning only if `output_modalities` holds `audio`.
    pub audio: ::core::option::Option<AudioOptions>,
    /// Which targets to prefer, within what the caller may use. If unset, the route decides.
    pub routing: ::core::option::Option<RoutingPreferences>,
    /// What to do with what a target cannot do. If unset, the route decides; its default refuses.
    pub unsupported_policy: i32,
    /// Would bound what this call may cost, in 1e-9 US dollars. Not served yet: if set, the call is
    /// refused with `INVALID_FIELD`.
    pub max_cost_usd_nanos: ::core::option::Option<i64>,
    /// If set, `StreamGenerate` sends a heartbeat after each silence of this length: 5 s to 60 s. If
    /// unset, none. The first heartbeat ends the client library's own retries. No effect on `Generate`,
    /// which has no events.
    pub heartbeat_interval: ::core::option::Option<::prost_types::Duration>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl GenerateRequest {
    ///Returns `unsupported_policy`; the default where its number is newer than this code.
    pub fn unsupported_policy(&self) -> UnsupportedPolicy {
        UnsupportedPolicy::try_from(self.unsupported_policy).unwrap_or_default()
    }
    ///Sets `unsupported_policy`.
    pub fn set_unsupported_policy(&mut self, value: UnsupportedPolicy) {
        self.unsupported_policy = value as i32;
    }
}
impl ::prost::Message for GenerateRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.model, buf);
        }
        for value in &self.messages {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.raw_prompt {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        for value in &self.tools {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        if let Some(value) = &self.tool_choice {
            ::prost::encoding::message::encode(5u32, value, buf);
        }
        if let Some(value) = &self.sampling {
            ::prost::encoding::message::encode(6u32, value, buf);
        }
        if let Some(value) = &self.max_output_token_count {
            ::prost::encoding::int32::encode(7u32, value, buf);
        }
        if let Some(value) = &self.output_format {
            ::prost::encoding::message::encode(8u32, value, buf);
        }
        if let Some(value) = &self.reasoning {
            ::prost::encoding::message::encode(9u32, value, buf);
        }
        if let Some(value) = &self.candidate_count {
            ::prost::encoding::int32::encode(10u32, value, buf);
        }
        if let Some(value) = &self.top_logprob_count {
            ::prost::encoding::int32::encode(11u32, value, buf);
        }
        if let Some(value) = &self.cache_policy {
            ::prost::encoding::message::encode(12u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            13u32,
            &self.labels,
            buf,
        );
        if !self.end_user_id.is_empty() {
            ::prost::encoding::string::encode(14u32, &self.end_user_id, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            15u32,
            &self.provider_options_json,
            buf,
        );
        if !self.idempotency_key.is_empty() {
            ::prost::encoding::string::encode(16u32, &self.idempotency_key, buf);
        }
        if let Some(value) = &self.prompt_cache {
            ::prost::encoding::message::encode(17u32, value, buf);
        }
        if !self.service_tier.is_empty() {
            ::prost::encoding::string::encode(18u32, &self.service_tier, buf);
        }
        ::prost::encoding::string::encode_repeated(19u32, &self.output_modalities, buf);
        if let Some(value) = &self.audio {
            ::prost::encoding::message::encode(20u32, value, buf);
        }
        if let Some(value) = &self.routing {
            ::prost::encoding::message::encode(21u32, value, buf);
        }
        if self.unsupported_policy != 0 {
            ::prost::encoding::int32::encode(22u32, &self.unsupported_policy, buf);
        }
        if let Some(value) = &self.max_cost_usd_nanos {
            ::prost::encoding::int64::encode(23u32, value, buf);
        }
        if let Some(value) = &self.heartbeat_interval {
            ::prost::encoding::message::encode(24u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.messages,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.raw_prompt.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.tools,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.tool_choice.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.sampling.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.max_output_token_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.output_format.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.reasoning.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.candidate_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.top_logprob_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            12u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.cache_policy.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            13u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.labels,
                    buf,
                    ctx,
                )
            }
            14u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.end_user_id,
                    buf,
                    ctx,
                )
            }
            15u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_options_json,
                    buf,
                    ctx,
                )
            }
            16u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.idempotency_key,
                    buf,
                    ctx,
                )
            }
            17u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.prompt_cache.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            18u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.service_tier,
                    buf,
                    ctx,
                )
            }
            19u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.output_modalities,
                    buf,
                    ctx,
                )
            }
            20u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.audio.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            21u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.routing.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            22u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.unsupported_policy,
                    buf,
                    ctx,
                )
            }
            23u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self.max_cost_usd_nanos.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            24u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.heartbeat_interval.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.model)
            } else {
                0
            } + ::prost::encoding::message::encoded_len_repeated(2u32, &self.messages)
            + self
                .raw_prompt
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
            + ::prost::encoding::message::encoded_len_repeated(4u32, &self.tools)
            + self
                .tool_choice
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(5u32, value))
            + self
                .sampling
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(6u32, value))
            + self
                .max_output_token_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(7u32, value))
            + self
                .output_format
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(8u32, value))
            + self
                .reasoning
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(9u32, value))
            + self
                .candidate_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(10u32, value))
            + self
                .top_logprob_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(11u32, value))
            + self
                .cache_policy
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(12u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                13u32,
                &self.labels,
            )
            + if !self.end_user_id.is_empty() {
                ::prost::encoding::string::encoded_len(14u32, &self.end_user_id)
            } else {
                0
            }
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                15u32,
                &self.provider_options_json,
            )
            + if !self.idempotency_key.is_empty() {
                ::prost::encoding::string::encoded_len(16u32, &self.idempotency_key)
            } else {
                0
            }
            + self
                .prompt_cache
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(17u32, value))
            + if !self.service_tier.is_empty() {
                ::prost::encoding::string::encoded_len(18u32, &self.service_tier)
            } else {
                0
            }
            + ::prost::encoding::string::encoded_len_repeated(
                19u32,
                &self.output_modalities,
            )
            + self
                .audio
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(20u32, value))
            + self
                .routing
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(21u32, value))
            + if self.unsupported_policy != 0 {
                ::prost::encoding::int32::encoded_len(22u32, &self.unsupported_policy)
            } else {
                0
            }
            + self
                .max_cost_usd_nanos
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(23u32, value))
            + self
                .heartbeat_interval
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(24u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Text to continue as it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct RawPrompt {
    /// The text that follows the gap which the model is to fill. If empty, nothing follows.
    pub suffix: ::prost::alloc::string::String,
    /// Whether the answer repeats the prompt before its continuation.
    pub echo: bool,
    /// The text. Required.
    pub prompt: ::core::option::Option<raw_prompt::Prompt>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RawPrompt {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.prompt {
            value.encode(buf);
        }
        if !self.suffix.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.suffix, buf);
        }
        if self.echo {
            ::prost::encoding::bool::encode(4u32, &self.echo, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 | 2u32 => {
                raw_prompt::Prompt::merge(&mut self.prompt, tag, wire_type, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.suffix, buf, ctx)
            }
            4u32 => ::prost::encoding::bool::merge(wire_type, &mut self.echo, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self.prompt.as_ref().map_or(0, raw_prompt::Prompt::encoded_len)
            + if !self.suffix.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.suffix)
            } else {
                0
            }
            + if self.echo {
                ::prost::encoding::bool::encoded_len(4u32, &self.echo)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `RawPrompt`.
pub mod raw_prompt {
    /// The text. Required.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Prompt {
        /// As text. May be empty: the model then starts from nothing.
        #[prost(string, tag = "1")]
        Text(::prost::alloc::string::String),
        /// As the model's own tokens.
        #[prost(message, tag = "2")]
        TokenIds(super::TokenIds),
    }
}
/// Text as tokens.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TokenIds {
    /// The tokens' numbers in the model's own vocabulary: 0 or more, at least one.
    pub ids: ::prost::alloc::vec::Vec<i32>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for TokenIds {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        ::prost::encoding::int32::encode_packed(1u32, &self.ids, buf);
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge_repeated(
                    wire_type,
                    &mut self.ids,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::int32::encoded_len_packed(1u32, &self.ids)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how a model picks tokens. A provider may allow less than the ranges given.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sampling {
    /// Randomness, 0 to 2: 0 picks the likeliest. If unset, the model's own default.
    pub temperature: ::core::option::Option<f64>,
    /// The share of the probability mass to pick from, above 0 and at most 1; 1 is all. If unset, the
    /// model's own default.
    pub top_p: ::core::option::Option<f64>,
    /// The number of likeliest tokens to pick from, at least 1. If unset, the model's own default.
    pub top_k: ::core::option::Option<i32>,
    /// The least probability to pick, as a share of the likeliest token's, 0 to 1; 0 is no bound. If
    /// unset, the model's own default.
    pub min_p: ::core::option::Option<f64>,
    /// Lowers tokens by how often they came before, -2 to 2; negative values raise them. If unset, the
    /// model's own default.
    pub frequency_penalty: ::core::option::Option<f64>,
    /// Lowers tokens that came before at all, -2 to 2; negative values raise them. If unset, the model's
    /// own default.
    pub presence_penalty: ::core::option::Option<f64>,
    /// Asks for the same answer to the same request, as well as the provider can. If unset, none.
    pub seed: ::core::option::Option<i64>,
    /// Texts that end the generation and are not part of it. At most 64, or fewer where the provider
    /// takes fewer; none is empty.
    pub stop_sequences: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// What to add to the logits of tokens, by the token's number: -100 (never) to 100 (always).
    pub logit_bias: ::prost::alloc::collections::BTreeMap<i32, f64>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Sampling {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.temperature {
            ::prost::encoding::double::encode(1u32, value, buf);
        }
        if let Some(value) = &self.top_p {
            ::prost::encoding::double::encode(2u32, value, buf);
        }
        if let Some(value) = &self.top_k {
            ::prost::encoding::int32::encode(3u32, value, buf);
        }
        if let Some(value) = &self.min_p {
            ::prost::encoding::double::encode(4u32, value, buf);
        }
        if let Some(value) = &self.frequency_penalty {
            ::prost::encoding::double::encode(5u32, value, buf);
        }
        if let Some(value) = &self.presence_penalty {
            ::prost::encoding::double::encode(6u32, value, buf);
        }
        if let Some(value) = &self.seed {
            ::prost::encoding::int64::encode(7u32, value, buf);
        }
        ::prost::encoding::string::encode_repeated(8u32, &self.stop_sequences, buf);
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::int32::encode,
            ::prost::encoding::int32::encoded_len,
            ::prost::encoding::double::encode,
            ::prost::encoding::double::encoded_len,
            9u32,
            &self.logit_bias,
            buf,
        );
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.temperature.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.top_p.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.top_k.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.min_p.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.frequency_penalty.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::double::merge(
                    wire_type,
                    self.presence_penalty.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self.seed.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.stop_sequences,
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::int32::merge,
                    ::prost::encoding::double::merge,
                    &mut self.logit_bias,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .temperature
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(1u32, value))
            + self
                .top_p
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(2u32, value))
            + self
                .top_k
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(3u32, value))
            + self
                .min_p
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(4u32, value))
            + self
                .frequency_penalty
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(5u32, value))
            + self
                .presence_penalty
                .as_ref()
                .map_or(0, |value| ::prost::encoding::double::encoded_len(6u32, value))
            + self
                .seed
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(7u32, value))
            + ::prost::encoding::string::encoded_len_repeated(8u32, &self.stop_sequences)
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::int32::encoded_len,
                ::prost::encoding::double::encoded_len,
                9u32,
                &self.logit_bias,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says what the answer's text must look like.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct OutputFormat {
    /// The format. Required.
    pub format: ::core::option::Option<output_format::Format>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for OutputFormat {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.format {
            value.encode(buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 | 2u32 | 3u32 => {
                output_format::Format::merge(&mut self.format, tag, wire_type, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self.format.as_ref().map_or(0, output_format::Format::encoded_len)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `OutputFormat`.
pub mod output_format {
    /// The format. Required.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Format {
        /// Any JSON object.
        #[prost(message, tag = "1")]
        JsonObject(super::JsonObjectFormat),
        /// JSON that satisfies a schema.
        #[prost(message, tag = "2")]
        JsonSchema(super::JsonSchemaFormat),
        /// Text that a grammar accepts.
        #[prost(message, tag = "3")]
        Grammar(super::Grammar),
    }
}
/// Any JSON object. Most providers want the word "JSON" in the prompt, too.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct JsonObjectFormat {
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for JsonObjectFormat {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// JSON that satisfies a schema.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct JsonSchemaFormat {
    /// The schema's name: `\[a-zA-Z0-9_-\]{1,64}`. If empty, `output`.
    pub name: ::prost::alloc::string::String,
    /// What the schema is for, for the model to read. If empty, none is sent.
    pub description: ::prost::alloc::string::String,
    /// The JSON Schema, a JSON object. Required. Providers understand different parts of the standard.
    pub schema_json: ::prost::alloc::string::String,
    /// Whether the model must satisfy the schema to the letter. If unset, as the provider does.
    pub strict: ::core::option::Option<bool>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for JsonSchemaFormat {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.name.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.name, buf);
        }
        if !self.description.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.description, buf);
        }
        if !self.schema_json.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.schema_json, buf);
        }
        if let Some(value) = &self.strict {
            ::prost::encoding::bool::encode(4u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.name, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.description,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.schema_json,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    self.strict.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.name.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.name)
            } else {
                0
            }
            + if !self.description.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.description)
            } else {
                0
            }
            + if !self.schema_json.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.schema_json)
            } else {
                0
            }
            + self
                .strict
                .as_ref()
                .map_or(0, |value| ::prost::encoding::bool::encoded_len(4u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how a model thinks before it answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ReasoningOptions {
    /// How hard: `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`, or a newer word. If empty,
    /// the model's own default. Excludes `max_token_count`.
    pub effort: ::prost::alloc::string::String,
    /// The most tokens to think with, 0 or more; 0 turns thinking off where the model allows that. If
    /// unset, the model's own limit. Excludes `effort`.
    pub max_token_count: ::core::option::Option<i32>,
    /// What to show of the thoughts: `none`, `auto`, `concise`, `detailed`, `full`, or a newer word. If
    /// empty, as the provider does.
    pub visibility: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ReasoningOptions {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.effort.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.effort, buf);
        }
        if let Some(value) = &self.max_token_count {
            ::prost::encoding::int32::encode(2u32, value, buf);
        }
        if !self.visibility.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.visibility, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.effort, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.max_token_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.visibility,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.effort.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.effort)
            } else {
                0
            }
            + self
                .max_token_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(2u32, value))
            + if !self.visibility.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.visibility)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how a provider may cache the prompt. Never the gateway's response cache: see `CachePolicy`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct PromptCacheOptions {
    /// Calls with equal keys go to the same place at the provider, where their common prefix may be
    /// cached. If empty, as the provider does.
    pub key: ::prost::alloc::string::String,
    /// How long to keep the prefix, in the provider's words, for example `24h`. If empty, its default.
    pub ttl: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for PromptCacheOptions {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.key.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.key, buf);
        }
        if !self.ttl.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.ttl, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.key, buf, ctx),
            2u32 => ::prost::encoding::string::merge(wire_type, &mut self.ttl, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.key.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.key)
            } else {
                0
            }
            + if !self.ttl.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.ttl)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how an audio answer is to sound.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct AudioOptions {
    /// The voice, by the provider's name, for example `alloy`. If empty, its default.
    pub voice: ::prost::alloc::string::String,
    /// The format, by the provider's name, for example `pcm16` or `mp3`. If empty, its default.
    pub format: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for AudioOptions {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.voice.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.voice, buf);
        }
        if !self.format.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.format, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.voice, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.format, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.voice.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.voice)
            } else {
                0
            }
            + if !self.format.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.format)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says which targets of a route to prefer. It narrows what the caller may use, never widens it.
///
/// If the filters leave no target, the call is refused with `CAPABILITY_MISSING`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RoutingPreferences {
    /// Models or routes to try in order after `GenerateRequest.model`, at most 16. The caller must be
    /// allowed to use each. They come before the route's own fallbacks.
    pub fallback_models: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Providers to try first, in order, by their names in the gateway's configuration; the others
    /// follow. If empty, as the route says.
    pub provider_order: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// The only providers to use, by their names in the gateway's configuration. If empty, all.
    pub allowed_providers: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Providers not to use. Wins over `allowed_providers`.
    pub denied_providers: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Whether another target may answer after the first one failed. If unset, it may.
    pub allow_fallback: ::core::option::Option<bool>,
    /// Tags that a target must have, for example `region` = `eu`, in addition to those that the route and
    /// the key require. If empty, any will do.
    pub required_tags: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// What to sort targets by: `price`, `latency` or `throughput`, the best first; fallbacks stay last.
    /// If empty, as the route says.
    pub sort: ::prost::alloc::string::String,
    /// The most that a target's tokens may cost; one whose price is unknown is left out. If unset, any
    /// price will do.
    pub max_price: ::core::option::Option<MaxPrice>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RoutingPreferences {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        ::prost::encoding::string::encode_repeated(1u32, &self.fallback_models, buf);
        ::prost::encoding::string::encode_repeated(2u32, &self.provider_order, buf);
        ::prost::encoding::string::encode_repeated(3u32, &self.allowed_providers, buf);
        ::prost::encoding::string::encode_repeated(4u32, &self.denied_providers, buf);
        if let Some(value) = &self.allow_fallback {
            ::prost::encoding::bool::encode(5u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            6u32,
            &self.required_tags,
            buf,
        );
        if !self.sort.is_empty() {
            ::prost::encoding::string::encode(7u32, &self.sort, buf);
        }
        if let Some(value) = &self.max_price {
            ::prost::encoding::message::encode(8u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.fallback_models,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.provider_order,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.allowed_providers,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.denied_providers,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    self.allow_fallback.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.required_tags,
                    buf,
                    ctx,
                )
            }
            7u32 => ::prost::encoding::string::merge(wire_type, &mut self.sort, buf, ctx),
            8u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.max_price.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::string::encoded_len_repeated(
                1u32,
                &self.fallback_models,
            )
            + ::prost::encoding::string::encoded_len_repeated(2u32, &self.provider_order)
            + ::prost::encoding::string::encoded_len_repeated(
                3u32,
                &self.allowed_providers,
            )
            + ::prost::encoding::string::encoded_len_repeated(
                4u32,
                &self.denied_providers,
            )
            + self
                .allow_fallback
                .as_ref()
                .map_or(0, |value| ::prost::encoding::bool::encoded_len(5u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                6u32,
                &self.required_tags,
            )
            + if !self.sort.is_empty() {
                ::prost::encoding::string::encoded_len(7u32, &self.sort)
            } else {
                0
            }
            + self
                .max_price
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(8u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// The most that a target's tokens may cost, in 1e-9 US dollars for a million tokens, 0 or more.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct MaxPrice {
    /// Of what is read. If unset, any price.
    pub input_usd_nanos_per_million: ::core::option::Option<i64>,
    /// Of what is written. If unset, any price.
    pub output_usd_nanos_per_million: ::core::option::Option<i64>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for MaxPrice {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.input_usd_nanos_per_million {
            ::prost::encoding::int64::encode(1u32, value, buf);
        }
        if let Some(value) = &self.output_usd_nanos_per_million {
            ::prost::encoding::int64::encode(2u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self
                        .input_usd_nanos_per_million
                        .get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self
                        .output_usd_nanos_per_million
                        .get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .input_usd_nanos_per_million
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(1u32, value))
            + self
                .output_usd_nanos_per_million
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(2u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// The whole of a generation: by definition the fold of its events.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GenerateResponse {
    /// What the gateway knows of the call.
    pub call: ::core::option::Option<CallInfo>,
    /// The answers, ordered by index. Never empty; `GenerateRequest.candidate_count` of them, unless the
    /// provider wrote fewer.
    pub candidates: ::prost::alloc::vec::Vec<Candidate>,
    /// What the call read, wrote and cost, all candidates together.
    pub usage: ::core::option::Option<Usage>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GenerateResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        for value in &self.candidates {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.candidates,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
            + ::prost::encoding::message::encoded_len_repeated(2u32, &self.candidates)
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Candidate {
    /// Its place among the candidates, from 0.
    pub index: i32,
    /// What the model wrote. Its role is `ROLE_ASSISTANT`; it may have no parts. Append it to
    /// `GenerateRequest.messages` as it is to go on with the conversation.
    pub message: ::core::option::Option<ChatMessage>,
    /// Why the model stopped.
    pub finish_reason: i32,
    /// The same in the provider's words, for example `end_turn`.
    pub provider_finish_reason: ::prost::alloc::string::String,
    /// The stop sequence that ended it. Empty if none did, or if the provider does not say.
    pub stop_sequence: ::prost::alloc::string::String,
    /// Members of the provider's candidate that the contract has no field for, as a JSON object. Those
    /// of its message lie under the key `message`. Empty if there are none.
    pub provider_json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl Candidate {
    ///Returns `finish_reason`; the default where its number is newer than this code.
    pub fn finish_reason(&self) -> FinishReason {
        FinishReason::try_from(self.finish_reason).unwrap_or_default()
    }
    ///Sets `finish_reason`.
    pub fn set_finish_reason(&mut self, value: FinishReason) {
        self.finish_reason = value as i32;
    }
}
impl ::prost::Message for Candidate {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.index, buf);
        }
        if let Some(value) = &self.message {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if self.finish_reason != 0 {
            ::prost::encoding::int32::encode(3u32, &self.finish_reason, buf);
        }
        if !self.provider_finish_reason.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.provider_finish_reason, buf);
        }
        if !self.stop_sequence.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.stop_sequence, buf);
        }
        if !self.provider_json.is_empty() {
            ::prost::encoding::string::encode(6u32, &self.provider_json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.index, buf, ctx),
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.message.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.finish_reason,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_finish_reason,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.stop_sequence,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.index)
            } else {
                0
            }
            + self
                .message
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + if self.finish_reason != 0 {
                ::prost::encoding::int32::encoded_len(3u32, &self.finish_reason)
            } else {
                0
            }
            + if !self.provider_finish_reason.is_empty() {
                ::prost::encoding::string::encoded_len(
                    4u32,
                    &self.provider_finish_reason,
                )
            } else {
                0
            }
            + if !self.stop_sequence.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.stop_sequence)
            } else {
                0
            }
            + if !self.provider_json.is_empty() {
                ::prost::encoding::string::encoded_len(6u32, &self.provider_json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says what to do with what a target cannot do, for example `sampling.top_k` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum UnsupportedPolicy {
    /// As the route says; one that says nothing is `UNSUPPORTED_POLICY_REFUSE`.
    Unspecified = 0,
    /// Skip the target; refuse the call if none is left.
    Refuse = 1,
    /// Leave out what it cannot do, and say so in `CallInfo.warnings`.
    Drop = 2,
}
impl UnsupportedPolicy {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "UNSUPPORTED_POLICY_UNSPECIFIED",
            Self::Refuse => "UNSUPPORTED_POLICY_REFUSE",
            Self::Drop => "UNSUPPORTED_POLICY_DROP",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "UNSUPPORTED_POLICY_UNSPECIFIED" => Some(Self::Unspecified),
            "UNSUPPORTED_POLICY_REFUSE" => Some(Self::Refuse),
            "UNSUPPORTED_POLICY_DROP" => Some(Self::Drop),
            _ => None,
        }
    }
}
/// Says why a model stopped. New values may be added; treat an unknown one as `FINISH_REASON_OTHER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum FinishReason {
    /// Never sent.
    Unspecified = 0,
    /// The model was done, or wrote a stop sequence.
    Stop = 1,
    /// `max_output_token_count` or the model's own output limit was reached: the text is incomplete.
    Length = 2,
    /// The model waits for the results of its tool calls.
    ToolCalls = 3,
    /// The provider, or a guard of the gateway, withheld the rest.
    ContentFiltered = 4,
    /// The model declined to answer.
    Refused = 5,
    /// The provider paused a long turn: send the message back as it is to go on.
    Paused = 6,
    /// Input and output together filled the model's context window: the text is incomplete.
    ContextFull = 7,
    /// The model wrote a tool call that the provider could not read.
    MalformedToolCall = 8,
    /// Something else: see `Candidate.provider_finish_reason`.
    Other = 9,
}
impl FinishReason {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "FINISH_REASON_UNSPECIFIED",
            Self::Stop => "FINISH_REASON_STOP",
            Self::Length => "FINISH_REASON_LENGTH",
            Self::ToolCalls => "FINISH_REASON_TOOL_CALLS",
            Self::ContentFiltered => "FINISH_REASON_CONTENT_FILTERED",
            Self::Refused => "FINISH_REASON_REFUSED",
            Self::Paused => "FINISH_REASON_PAUSED",
            Self::ContextFull => "FINISH_REASON_CONTEXT_FULL",
            Self::MalformedToolCall => "FINISH_REASON_MALFORMED_TOOL_CALL",
            Self::Other => "FINISH_REASON_OTHER",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "FINISH_REASON_UNSPECIFIED" => Some(Self::Unspecified),
            "FINISH_REASON_STOP" => Some(Self::Stop),
            "FINISH_REASON_LENGTH" => Some(Self::Length),
            "FINISH_REASON_TOOL_CALLS" => Some(Self::ToolCalls),
            "FINISH_REASON_CONTENT_FILTERED" => Some(Self::ContentFiltered),
            "FINISH_REASON_REFUSED" => Some(Self::Refused),
            "FINISH_REASON_PAUSED" => Some(Self::Paused),
            "FINISH_REASON_CONTEXT_FULL" => Some(Self::ContextFull),
            "FINISH_REASON_MALFORMED_TOOL_CALL" => Some(Self::MalformedToolCall),
            "FINISH_REASON_OTHER" => Some(Self::Other),
            _ => None,
        }
    }
}
/// A stretch of a generation's events.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StreamGenerateResponse {
    /// At least one event, in order. The server sends together what is ready together: where one message
    /// ends and the next begins has no meaning.
    pub events: ::prost::alloc::vec::Vec<GenerationEvent>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for StreamGenerateResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        for value in &self.events {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.events,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::message::encoded_len_repeated(1u32, &self.events)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One event of a generation.
///
/// The events of a generation add up to its `GenerateResponse`; adding them up is called the fold. How
/// text is cut into deltas has no meaning: the server splits and joins them as it sees fit, and the fold
/// is the same.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GenerationEvent {
    /// Counts the events of a generation from 1, without gaps. Heartbeats have 0.
    pub sequence_number: i64,
    /// The candidate that the event belongs to, from 0: for part events and `candidate_finished`. 0 for
    /// the others.
    pub candidate_index: i32,
    /// What happened. Clients MUST skip an event without one: it is newer than they are.
    pub event: ::core::option::Option<generation_event::Event>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GenerationEvent {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.sequence_number != 0 {
            ::prost::encoding::int64::encode(1u32, &self.sequence_number, buf);
        }
        if self.candidate_index != 0 {
            ::prost::encoding::int32::encode(2u32, &self.candidate_index, buf);
        }
        if let Some(value) = &self.event {
            value.encode(buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    &mut self.sequence_number,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.candidate_index,
                    buf,
                    ctx,
                )
            }
            3u32 | 4u32 | 5u32 | 6u32 | 7u32 | 8u32 | 9u32 | 10u32 => {
                generation_event::Event::merge(&mut self.event, tag, wire_type, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.sequence_number != 0 {
                ::prost::encoding::int64::encoded_len(1u32, &self.sequence_number)
            } else {
                0
            }
            + if self.candidate_index != 0 {
                ::prost::encoding::int32::encoded_len(2u32, &self.candidate_index)
            } else {
                0
            } + self.event.as_ref().map_or(0, generation_event::Event::encoded_len)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `GenerationEvent`.
pub mod generation_event {
    /// What happened. Clients MUST skip an event without one: it is newer than they are.
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum Event {
        /// The generation runs. First, once.
        #[prost(message, tag = "3")]
        Started(super::GenerationStarted),
        /// Opens a part.
        #[prost(message, tag = "4")]
        PartStarted(super::PartStarted),
        /// Appends to an open part.
        #[prost(message, tag = "5")]
        PartDelta(super::PartDelta),
        /// Closes a part.
        #[prost(message, tag = "6")]
        PartFinished(super::PartFinished),
        /// Closes a candidate, all of whose parts are closed. Once for each candidate.
        #[prost(message, tag = "7")]
        CandidateFinished(super::CandidateFinished),
        /// The generation is whole. Last, once; every candidate is closed.
        #[prost(message, tag = "8")]
        Finished(super::GenerationFinished),
        /// Says only that the call is alive. May come before `started`. Changes nothing in the fold.
        #[prost(message, tag = "9")]
        Heartbeat(super::Heartbeat),
        /// Progress in one provider's own words. Changes nothing in the fold.
        #[prost(message, tag = "10")]
        ProviderEvent(super::ProviderEvent),
    }
}
/// Says who answers. No other target answers after it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GenerationStarted {
    /// What is known by now, among it the call's id and the provider.
    pub call: ::core::option::Option<CallInfo>,
    /// What is known by now, often the input's tokens. Unset if nothing is. Replaced by that of
    /// `finished`.
    pub usage: ::core::option::Option<Usage>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GenerationStarted {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Opens the part at `index`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PartStarted {
    /// The part's place in its candidate's message, from 0. The parts of a candidate are opened in order
    /// and without gaps; several may be open at once.
    pub index: i32,
    /// The part so far: its kind, and whatever is known of it, up to the whole.
    pub part: ::core::option::Option<Part>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for PartStarted {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.index, buf);
        }
        if let Some(value) = &self.part {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.index, buf, ctx),
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.part.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.index)
            } else {
                0
            }
            + self
                .part
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Appends to the open part at `index`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PartDelta {
    /// The part's place in its candidate's message, from 0.
    pub index: i32,
    /// To append to `Part.annotations`.
    pub annotations: ::prost::alloc::vec::Vec<Annotation>,
    /// To append to `Part.logprobs`.
    pub logprobs: ::prost::alloc::vec::Vec<TokenLogprob>,
    /// What to append, and to which field. It fits the part's kind. May be unset, if only annotations or
    /// log probabilities are appended. Clients MUST skip what appends to a part of a kind unknown to them.
    pub delta: ::core::option::Option<part_delta::Delta>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for PartDelta {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.index, buf);
        }
        if let Some(value) = &self.delta {
            value.encode(buf);
        }
        for value in &self.annotations {
            ::prost::encoding::message::encode(6u32, value, buf);
        }
        for value in &self.logprobs {
            ::prost::encoding::message::encode(7u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.index, buf, ctx),
            2u32 | 3u32 | 4u32 | 5u32 => {
                part_delta::Delta::merge(&mut self.delta, tag, wire_type, buf, ctx)
            }
            6u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.annotations,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.logprobs,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.index)
            } else {
                0
            } + self.delta.as_ref().map_or(0, part_delta::Delta::encoded_len)
            + ::prost::encoding::message::encoded_len_repeated(6u32, &self.annotations)
            + ::prost::encoding::message::encoded_len_repeated(7u32, &self.logprobs)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `PartDelta`.
pub mod part_delta {
    /// What to append, and to which field. It fits the part's kind. May be unset, if only annotations or
    /// log probabilities are appended. Clients MUST skip what appends to a part of a kind unknown to them.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Delta {
        /// To the text of a text, reasoning, refusal or custom tool-call part.
        #[prost(string, tag = "2")]
        Text(::prost::alloc::string::String),
        /// To `ToolCall.arguments_json` of a tool call. A piece of JSON text is no JSON: wait for the end of
        /// the part before reading it.
        #[prost(string, tag = "3")]
        ArgumentsJson(::prost::alloc::string::String),
        /// To `Media.data` of a media part.
        #[prost(bytes, tag = "4")]
        Data(::prost::alloc::vec::Vec<u8>),
        /// To `Media.transcript` of a media part.
        #[prost(string, tag = "5")]
        Transcript(::prost::alloc::string::String),
    }
}
/// Closes the part at `index`, and adds what is known of it only at its end.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PartFinished {
    /// The part's place in its candidate's message, from 0.
    pub index: i32,
    /// If set, replaces `Part.signature`.
    pub signature: ::core::option::Option<Signature>,
    /// Sets entries of `Part.provider_json`; replaces those with the same key.
    pub provider_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for PartFinished {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.index, buf);
        }
        if let Some(value) = &self.signature {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            3u32,
            &self.provider_json,
            buf,
        );
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.index, buf, ctx),
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.signature.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.index)
            } else {
                0
            }
            + self
                .signature
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                3u32,
                &self.provider_json,
            )
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Closes a candidate.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CandidateFinished {
    /// Why the model stopped, as `Candidate.finish_reason`.
    pub finish_reason: i32,
    /// The same in the provider's words, as `Candidate.provider_finish_reason`.
    pub provider_finish_reason: ::prost::alloc::string::String,
    /// The stop sequence that ended it, as `Candidate.stop_sequence`.
    pub stop_sequence: ::prost::alloc::string::String,
    /// Members of the provider's candidate without a field, as `Candidate.provider_json`.
    pub provider_json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl CandidateFinished {
    ///Returns `finish_reason`; the default where its number is newer than this code.
    pub fn finish_reason(&self) -> FinishReason {
        FinishReason::try_from(self.finish_reason).unwrap_or_default()
    }
    ///Sets `finish_reason`.
    pub fn set_finish_reason(&mut self, value: FinishReason) {
        self.finish_reason = value as i32;
    }
}
impl ::prost::Message for CandidateFinished {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.finish_reason != 0 {
            ::prost::encoding::int32::encode(1u32, &self.finish_reason, buf);
        }
        if !self.provider_finish_reason.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.provider_finish_reason, buf);
        }
        if !self.stop_sequence.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.stop_sequence, buf);
        }
        if !self.provider_json.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.provider_json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.finish_reason,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_finish_reason,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.stop_sequence,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.provider_json,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.finish_reason != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.finish_reason)
            } else {
                0
            }
            + if !self.provider_finish_reason.is_empty() {
                ::prost::encoding::string::encoded_len(
                    2u32,
                    &self.provider_finish_reason,
                )
            } else {
                0
            }
            + if !self.stop_sequence.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.stop_sequence)
            } else {
                0
            }
            + if !self.provider_json.is_empty() {
                ::prost::encoding::string::encoded_len(4u32, &self.provider_json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Ends the generation: it is whole.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GenerationFinished {
    /// What the gateway knows of the call, as `GenerateResponse.call`. Whole: it replaces that of
    /// `started`. If unset, that of `started` stands.
    pub call: ::core::option::Option<CallInfo>,
    /// What the call read, wrote and cost, as `GenerateResponse.usage`. Whole: it replaces that of
    /// `started`. If unset, that of `started` stands.
    pub usage: ::core::option::Option<Usage>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GenerationFinished {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says that the call is alive while the model is silent. Sent only if
/// `GenerateRequest.heartbeat_interval` asks for it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Heartbeat {
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Heartbeat {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Progress in one provider's own words, for those who know it. Never content.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ProviderEvent {
    /// The dialect that the provider speaks, for example `openai`.
    pub dialect: ::prost::alloc::string::String,
    /// The event's type, for example `response.web_search_call.searching`.
    pub r#type: ::prost::alloc::string::String,
    /// The event as a JSON object, complete.
    pub json: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ProviderEvent {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.dialect.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.dialect, buf);
        }
        if !self.r#type.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.r#type, buf);
        }
        if !self.json.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.json, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.dialect, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.r#type, buf, ctx)
            }
            3u32 => ::prost::encoding::string::merge(wire_type, &mut self.json, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.dialect.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.dialect)
            } else {
                0
            }
            + if !self.r#type.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.r#type)
            } else {
                0
            }
            + if !self.json.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.json)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks several models the same thing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CompareRequest {
    /// What to ask. Its `model` must be empty; its `heartbeat_interval`, too. Required.
    pub generation: ::core::option::Option<GenerateRequest>,
    /// The models or routes, 2 to 16. Required. One may come twice.
    pub models: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CompareRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.generation {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        ::prost::encoding::string::encode_repeated(2u32, &self.models, buf);
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.generation.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.models,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .generation
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
            + ::prost::encoding::string::encoded_len_repeated(2u32, &self.models)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Holds what one of the models sent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CompareResponse {
    /// The model's place in `CompareRequest.models`, from 0.
    pub model_index: i32,
    /// What it sent. After `failure`, and after events that end with `finished`, nothing more comes
    /// from this model.
    pub item: ::core::option::Option<compare_response::Item>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CompareResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.model_index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.model_index, buf);
        }
        if let Some(value) = &self.item {
            value.encode(buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.model_index,
                    buf,
                    ctx,
                )
            }
            2u32 | 3u32 => {
                compare_response::Item::merge(&mut self.item, tag, wire_type, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.model_index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.model_index)
            } else {
                0
            } + self.item.as_ref().map_or(0, compare_response::Item::encoded_len)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `CompareResponse`.
pub mod compare_response {
    /// What it sent. After `failure`, and after events that end with `finished`, nothing more comes
    /// from this model.
    #[derive(Clone, PartialEq, ::prost::Oneof)]
    pub enum Item {
        /// Events, as `StreamGenerate` would send them. Latency, usage and cost stand in the last one.
        #[prost(message, tag = "2")]
        Events(super::StreamGenerateResponse),
        /// Why this model failed. The others go on.
        #[prost(message, tag = "3")]
        Failure(super::CompareFailure),
    }
}
/// Tells why one of several models failed: what the status of its own `StreamGenerate` would have
/// told.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CompareFailure {
    /// The gRPC code, for example 14 for `UNAVAILABLE`.
    pub code: i32,
    /// The reason, as in `google.rpc.ErrorInfo.reason`.
    pub reason: i32,
    /// One English sentence that says what to do next.
    pub message: ::prost::alloc::string::String,
    /// The call's id and attempts, and what came before the failure.
    pub failure: ::core::option::Option<CallFailure>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl CompareFailure {
    ///Returns `reason`; the default where its number is newer than this code.
    pub fn reason(&self) -> ErrorReason {
        ErrorReason::try_from(self.reason).unwrap_or_default()
    }
    ///Sets `reason`.
    pub fn set_reason(&mut self, value: ErrorReason) {
        self.reason = value as i32;
    }
}
impl ::prost::Message for CompareFailure {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.code != 0 {
            ::prost::encoding::int32::encode(1u32, &self.code, buf);
        }
        if self.reason != 0 {
            ::prost::encoding::int32::encode(2u32, &self.reason, buf);
        }
        if !self.message.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.message, buf);
        }
        if let Some(value) = &self.failure {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.code, buf, ctx),
            2u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.reason, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.message, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.failure.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.code != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.code)
            } else {
                0
            }
            + if self.reason != 0 {
                ::prost::encoding::int32::encoded_len(2u32, &self.reason)
            } else {
                0
            }
            + if !self.message.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.message)
            } else {
                0
            }
            + self
                .failure
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(4u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks how many tokens a generation would read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CountTokensRequest {
    /// The generation, checked as `Generate` checks it. Required. It is not run and costs nothing.
    pub generation: ::core::option::Option<GenerateRequest>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CountTokensRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.generation {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.generation.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .generation
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how many tokens a generation would read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CountTokensResponse {
    /// Tokens of the whole input, 0 or more: messages, tools, and what the chat template adds.
    pub input_token_count: i32,
    /// Whether the provider counted. If not, because it has no way to, the count is the gateway's
    /// estimate from the text's length, and should not decide what only just fits.
    pub exact: bool,
    /// What the gateway knows of the call: the target that would answer, and the attempt at counting.
    pub call: ::core::option::Option<CallInfo>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for CountTokensResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.input_token_count != 0 {
            ::prost::encoding::int32::encode(1u32, &self.input_token_count, buf);
        }
        if self.exact {
            ::prost::encoding::bool::encode(2u32, &self.exact, buf);
        }
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.input_token_count,
                    buf,
                    ctx,
                )
            }
            2u32 => ::prost::encoding::bool::merge(wire_type, &mut self.exact, buf, ctx),
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.input_token_count)
            } else {
                0
            }
            + if self.exact {
                ::prost::encoding::bool::encoded_len(2u32, &self.exact)
            } else {
                0
            }
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks for vectors.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EmbedRequest {
    /// The model or route to run, as `GenerateRequest.model`. Required.
    pub model: ::prost::alloc::string::String,
    /// What to embed, a vector for each. Required, 1 to 2048; a provider may take fewer.
    pub inputs: ::prost::alloc::vec::Vec<EmbedInput>,
    /// The length of each vector, at least 1. If unset, the model's own.
    pub dimension_count: ::core::option::Option<i32>,
    /// What the vectors are for: `query`, `document`, `classification`, `clustering`, or the provider's
    /// own word. If empty, as the provider does. A target without such a choice refuses the request.
    pub input_type: ::prost::alloc::string::String,
    /// How the numbers are to be written. If unset, as `EMBEDDING_ENCODING_FLOAT32`. A target that
    /// cannot write them so refuses the request.
    pub encoding: i32,
    /// Whether the provider may cut inputs that are too long for the model. If unset, as the provider
    /// does, which is most often to refuse them.
    pub truncate: ::core::option::Option<bool>,
    /// How this call may use the response cache, as in `GenerateRequest`.
    pub cache_policy: ::core::option::Option<CachePolicy>,
    /// Labels for routing rules and usage reports, as in `GenerateRequest`.
    pub labels: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// A stable id of the end user, as in `GenerateRequest`.
    pub end_user_id: ::prost::alloc::string::String,
    /// By dialect, a JSON object merged into the provider's body, as in `GenerateRequest`.
    pub provider_options_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Would make retries safe, as in `GenerateRequest`. Not served yet: if set, the call is refused
    /// with `INVALID_FIELD`.
    pub idempotency_key: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl EmbedRequest {
    ///Returns `encoding`; the default where its number is newer than this code.
    pub fn encoding(&self) -> EmbeddingEncoding {
        EmbeddingEncoding::try_from(self.encoding).unwrap_or_default()
    }
    ///Sets `encoding`.
    pub fn set_encoding(&mut self, value: EmbeddingEncoding) {
        self.encoding = value as i32;
    }
}
impl ::prost::Message for EmbedRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.model, buf);
        }
        for value in &self.inputs {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.dimension_count {
            ::prost::encoding::int32::encode(3u32, value, buf);
        }
        if !self.input_type.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.input_type, buf);
        }
        if self.encoding != 0 {
            ::prost::encoding::int32::encode(5u32, &self.encoding, buf);
        }
        if let Some(value) = &self.truncate {
            ::prost::encoding::bool::encode(6u32, value, buf);
        }
        if let Some(value) = &self.cache_policy {
            ::prost::encoding::message::encode(7u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            8u32,
            &self.labels,
            buf,
        );
        if !self.end_user_id.is_empty() {
            ::prost::encoding::string::encode(9u32, &self.end_user_id, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            10u32,
            &self.provider_options_json,
            buf,
        );
        if !self.idempotency_key.is_empty() {
            ::prost::encoding::string::encode(11u32, &self.idempotency_key, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.inputs,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.dimension_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.input_type,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.encoding, buf, ctx)
            }
            6u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    self.truncate.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.cache_policy.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.labels,
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.end_user_id,
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_options_json,
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.idempotency_key,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.model)
            } else {
                0
            } + ::prost::encoding::message::encoded_len_repeated(2u32, &self.inputs)
            + self
                .dimension_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(3u32, value))
            + if !self.input_type.is_empty() {
                ::prost::encoding::string::encoded_len(4u32, &self.input_type)
            } else {
                0
            }
            + if self.encoding != 0 {
                ::prost::encoding::int32::encoded_len(5u32, &self.encoding)
            } else {
                0
            }
            + self
                .truncate
                .as_ref()
                .map_or(0, |value| ::prost::encoding::bool::encoded_len(6u32, value))
            + self
                .cache_policy
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(7u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                8u32,
                &self.labels,
            )
            + if !self.end_user_id.is_empty() {
                ::prost::encoding::string::encoded_len(9u32, &self.end_user_id)
            } else {
                0
            }
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                10u32,
                &self.provider_options_json,
            )
            + if !self.idempotency_key.is_empty() {
                ::prost::encoding::string::encoded_len(11u32, &self.idempotency_key)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One thing to embed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct EmbedInput {
    /// The thing. Required.
    pub input: ::core::option::Option<embed_input::Input>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for EmbedInput {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.input {
            value.encode(buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 | 2u32 | 3u32 => {
                embed_input::Input::merge(&mut self.input, tag, wire_type, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self.input.as_ref().map_or(0, embed_input::Input::encoded_len)
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `EmbedInput`.
pub mod embed_input {
    /// The thing. Required.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Oneof)]
    pub enum Input {
        /// A text. Not empty.
        #[prost(string, tag = "1")]
        Text(::prost::alloc::string::String),
        /// A text as the model's own tokens. Not empty.
        #[prost(message, tag = "2")]
        TokenIds(super::TokenIds),
        /// An image, audio, video or a document, for models that embed such.
        #[prost(message, tag = "3")]
        Media(super::Media),
    }
}
/// Holds the vectors of one request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EmbedResponse {
    /// One vector for each input, in the inputs' order.
    pub embeddings: ::prost::alloc::vec::Vec<Embedding>,
    /// What the gateway knows of the call.
    pub call: ::core::option::Option<CallInfo>,
    /// What the call read and cost. It writes no tokens.
    pub usage: ::core::option::Option<Usage>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for EmbedResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        for value in &self.embeddings {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.embeddings,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::message::encoded_len_repeated(1u32, &self.embeddings)
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One vector. Which of the two fields is filled follows from `EmbedRequest.encoding`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Embedding {
    /// The numbers as floats, one a dimension. On the wire they are packed little-endian float32, so
    /// that they can be read without a copy.
    pub values: ::prost::alloc::vec::Vec<f32>,
    /// The numbers in any other encoding.
    pub quantized: ::prost::alloc::vec::Vec<u8>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Embedding {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        ::prost::encoding::float::encode_packed(1u32, &self.values, buf);
        if !self.quantized.is_empty() {
            ::prost::encoding::bytes::encode(2u32, &self.quantized, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::float::merge_repeated(
                    wire_type,
                    &mut self.values,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::bytes::merge(wire_type, &mut self.quantized, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::float::encoded_len_packed(1u32, &self.values)
            + if !self.quantized.is_empty() {
                ::prost::encoding::bytes::encoded_len(2u32, &self.quantized)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Says how the numbers of a vector are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum EmbeddingEncoding {
    /// As `EMBEDDING_ENCODING_FLOAT32`.
    Unspecified = 0,
    /// 32-bit floats, in `Embedding.values`.
    Float32 = 1,
    /// One signed byte a dimension, -128 to 127, in `Embedding.quantized`.
    Int8 = 2,
    /// One unsigned byte a dimension, 0 to 255, in `Embedding.quantized`.
    Uint8 = 3,
    /// One bit a dimension, eight to a byte, most significant first, in `Embedding.quantized`.
    Ubinary = 4,
}
impl EmbeddingEncoding {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Unspecified => "EMBEDDING_ENCODING_UNSPECIFIED",
            Self::Float32 => "EMBEDDING_ENCODING_FLOAT32",
            Self::Int8 => "EMBEDDING_ENCODING_INT8",
            Self::Uint8 => "EMBEDDING_ENCODING_UINT8",
            Self::Ubinary => "EMBEDDING_ENCODING_UBINARY",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "EMBEDDING_ENCODING_UNSPECIFIED" => Some(Self::Unspecified),
            "EMBEDDING_ENCODING_FLOAT32" => Some(Self::Float32),
            "EMBEDDING_ENCODING_INT8" => Some(Self::Int8),
            "EMBEDDING_ENCODING_UINT8" => Some(Self::Uint8),
            "EMBEDDING_ENCODING_UBINARY" => Some(Self::Ubinary),
            _ => None,
        }
    }
}
/// Asks where a generation would go now. Nothing is sent, reserved or charged.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExplainRouteRequest {
    /// The generation, as it would be sent to `Generate`. Required.
    pub generation: ::core::option::Option<GenerateRequest>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ExplainRouteRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.generation {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.generation.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .generation
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Tells where a generation would go, and why.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExplainRouteResponse {
    /// The route that was followed in the end, or the model itself: differs from
    /// `GenerateRequest.model` where a rule, or a route that only points to another, led on.
    pub route: ::prost::alloc::string::String,
    /// How that route orders its targets: `priority`, `weighted`, `cheapest`, `least_busy`, `fastest`,
    /// or a newer word.
    pub strategy: ::prost::alloc::string::String,
    /// The facts of the request that rules may look at, by name, for example `request.turn_count`.
    pub facts: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// The rules that were looked at, in order; of each route up to the first that held.
    pub rules: ::prost::alloc::vec::Vec<RuleOutcome>,
    /// The targets: first those that would be tried, in that order, then those that are left out. What
    /// the caller may not use is not listed.
    ///
    /// An order that is drawn by weights is one draw: the next call may draw another.
    pub targets: ::prost::alloc::vec::Vec<TargetOutcome>,
    /// About how many tokens would be read, 0 or more.
    pub input_token_count: i32,
    /// Which state of the configuration answered. It grows with each reload, from 1.
    pub config_revision: i64,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ExplainRouteResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.route.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.route, buf);
        }
        if !self.strategy.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.strategy, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            3u32,
            &self.facts,
            buf,
        );
        for value in &self.rules {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        for value in &self.targets {
            ::prost::encoding::message::encode(5u32, value, buf);
        }
        if self.input_token_count != 0 {
            ::prost::encoding::int32::encode(6u32, &self.input_token_count, buf);
        }
        if self.config_revision != 0 {
            ::prost::encoding::int64::encode(7u32, &self.config_revision, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.route, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.strategy, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.facts,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.rules,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.targets,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.input_token_count,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    &mut self.config_revision,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.route.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.route)
            } else {
                0
            }
            + if !self.strategy.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.strategy)
            } else {
                0
            }
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                3u32,
                &self.facts,
            ) + ::prost::encoding::message::encoded_len_repeated(4u32, &self.rules)
            + ::prost::encoding::message::encoded_len_repeated(5u32, &self.targets)
            + if self.input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(6u32, &self.input_token_count)
            } else {
                0
            }
            + if self.config_revision != 0 {
                ::prost::encoding::int64::encoded_len(7u32, &self.config_revision)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Tells what one rule said.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct RuleOutcome {
    /// The route whose rule it is.
    pub route: ::prost::alloc::string::String,
    /// The condition, as the configuration has it.
    pub condition: ::prost::alloc::string::String,
    /// Where it leads if it holds: a route or a model.
    pub target: ::prost::alloc::string::String,
    /// Whether it held.
    pub matched: bool,
    /// Why it could not be evaluated; it was skipped then. Empty if it could.
    pub error: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RuleOutcome {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.route.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.route, buf);
        }
        if !self.condition.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.condition, buf);
        }
        if !self.target.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.target, buf);
        }
        if self.matched {
            ::prost::encoding::bool::encode(4u32, &self.matched, buf);
        }
        if !self.error.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.error, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.route, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.condition,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.target, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::bool::merge(wire_type, &mut self.matched, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.error, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.route.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.route)
            } else {
                0
            }
            + if !self.condition.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.condition)
            } else {
                0
            }
            + if !self.target.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.target)
            } else {
                0
            }
            + if self.matched {
                ::prost::encoding::bool::encoded_len(4u32, &self.matched)
            } else {
                0
            }
            + if !self.error.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.error)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Tells what would become of one target.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct TargetOutcome {
    /// The target's provider, by its name in the gateway's configuration.
    pub provider: ::prost::alloc::string::String,
    /// The target's model, as the provider names it.
    pub model: ::prost::alloc::string::String,
    /// Whether it is one of the route's or the request's fallbacks rather than one of its targets.
    pub is_fallback: bool,
    /// Why it is left out. `EXCLUSION_UNSPECIFIED` for one that would be tried.
    pub exclusion: i32,
    /// Why it stands where it stands, in one English sentence for people to read.
    pub description: ::prost::alloc::string::String,
    /// The most that the generation could cost there, in 1e-9 US dollars: about what would be read, and
    /// all that may be written. Unset if no price, or no limit of the answer, is known.
    pub max_cost_usd_nanos: ::core::option::Option<i64>,
    /// Until when it is left alone. Unset for one that is healthy.
    pub unhealthy_until_time: ::core::option::Option<::prost_types::Timestamp>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl TargetOutcome {
    ///Returns `exclusion`; the default where its number is newer than this code.
    pub fn exclusion(&self) -> target_outcome::Exclusion {
        target_outcome::Exclusion::try_from(self.exclusion).unwrap_or_default()
    }
    ///Sets `exclusion`.
    pub fn set_exclusion(&mut self, value: target_outcome::Exclusion) {
        self.exclusion = value as i32;
    }
}
impl ::prost::Message for TargetOutcome {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.provider.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.provider, buf);
        }
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.model, buf);
        }
        if self.is_fallback {
            ::prost::encoding::bool::encode(3u32, &self.is_fallback, buf);
        }
        if self.exclusion != 0 {
            ::prost::encoding::int32::encode(4u32, &self.exclusion, buf);
        }
        if !self.description.is_empty() {
            ::prost::encoding::string::encode(5u32, &self.description, buf);
        }
        if let Some(value) = &self.max_cost_usd_nanos {
            ::prost::encoding::int64::encode(6u32, value, buf);
        }
        if let Some(value) = &self.unhealthy_until_time {
            ::prost::encoding::message::encode(7u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.provider, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::bool::merge(
                    wire_type,
                    &mut self.is_fallback,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.exclusion, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.description,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    self.max_cost_usd_nanos.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.unhealthy_until_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.provider.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.provider)
            } else {
                0
            }
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.model)
            } else {
                0
            }
            + if self.is_fallback {
                ::prost::encoding::bool::encoded_len(3u32, &self.is_fallback)
            } else {
                0
            }
            + if self.exclusion != 0 {
                ::prost::encoding::int32::encoded_len(4u32, &self.exclusion)
            } else {
                0
            }
            + if !self.description.is_empty() {
                ::prost::encoding::string::encoded_len(5u32, &self.description)
            } else {
                0
            }
            + self
                .max_cost_usd_nanos
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int64::encoded_len(6u32, value))
            + self
                .unhealthy_until_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(7u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `TargetOutcome`.
pub mod target_outcome {
    /// Says why a target is left out. New values may be added; `description` tells each in a sentence.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Exclusion {
        /// It is not left out.
        Unspecified = 0,
        /// It cannot do what the request asks.
        Capability = 1,
        /// Its circuit is open, or it rests after a rate limit.
        Unhealthy = 2,
        /// It costs more than the request's own limit.
        Price = 3,
        /// Its context is too small for the request.
        Context = 4,
        /// The request's preferences leave it out.
        Preference = 5,
        /// It lacks a tag that the route, the key or the request requires.
        Tag = 6,
        /// It runs as many calls as it may.
        Busy = 7,
    }
    impl Exclusion {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "EXCLUSION_UNSPECIFIED",
                Self::Capability => "EXCLUSION_CAPABILITY",
                Self::Unhealthy => "EXCLUSION_UNHEALTHY",
                Self::Price => "EXCLUSION_PRICE",
                Self::Context => "EXCLUSION_CONTEXT",
                Self::Preference => "EXCLUSION_PREFERENCE",
                Self::Tag => "EXCLUSION_TAG",
                Self::Busy => "EXCLUSION_BUSY",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "EXCLUSION_UNSPECIFIED" => Some(Self::Unspecified),
                "EXCLUSION_CAPABILITY" => Some(Self::Capability),
                "EXCLUSION_UNHEALTHY" => Some(Self::Unhealthy),
                "EXCLUSION_PRICE" => Some(Self::Price),
                "EXCLUSION_CONTEXT" => Some(Self::Context),
                "EXCLUSION_PREFERENCE" => Some(Self::Preference),
                "EXCLUSION_TAG" => Some(Self::Tag),
                "EXCLUSION_BUSY" => Some(Self::Busy),
                _ => None,
            }
        }
    }
}
/// A model, or a route, that a caller may name in a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Model {
    /// What to put into `GenerateRequest.model`, for example `openai/gpt-4o-mini` or the route `fast`.
    pub id: ::prost::alloc::string::String,
    /// The provider that answers, by its name in the gateway's configuration. Empty for a route.
    pub provider: ::prost::alloc::string::String,
    /// What it can do. Empty if the catalogue does not know the model: it is then tried with anything.
    pub capabilities: ::prost::alloc::vec::Vec<i32>,
    /// The most tokens that it reads and writes together. 0 if unknown.
    pub context_token_count: i32,
    /// The most tokens that it writes in one answer. 0 if unknown.
    pub max_output_token_count: i32,
    /// What it reads: `text`, `image`, `audio`, `video`, `document`, or a newer word. Empty if unknown.
    pub input_modalities: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// What it writes: `text`, `image`, `audio`, or a newer word. Empty if unknown.
    pub output_modalities: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// The paths of the request's fields that it honours, for example `sampling.temperature`. Empty if
    /// unknown.
    pub accepted_parameters: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// What its tokens cost, a price for each kind. Empty if unknown.
    pub prices: ::prost::alloc::vec::Vec<Price>,
    /// When its provider published it. Unset if unknown.
    pub create_time: ::core::option::Option<::prost_types::Timestamp>,
    /// What it cannot do, for sure: the words of `capabilities` in lower case without their prefix, and of
    /// `input_modalities`, for example `tools` or `image`. What stands in neither list is unknown, and is
    /// tried. A request for one of these is refused before it is sent.
    pub missing_capabilities: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// What its provider bills for calls that bring no whole answer. Unset if unknown.
    pub billing: ::core::option::Option<BillingTerms>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Model {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.id, buf);
        }
        if !self.provider.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.provider, buf);
        }
        ::prost::encoding::int32::encode_packed(3u32, &self.capabilities, buf);
        if self.context_token_count != 0 {
            ::prost::encoding::int32::encode(4u32, &self.context_token_count, buf);
        }
        if self.max_output_token_count != 0 {
            ::prost::encoding::int32::encode(5u32, &self.max_output_token_count, buf);
        }
        ::prost::encoding::string::encode_repeated(6u32, &self.input_modalities, buf);
        ::prost::encoding::string::encode_repeated(7u32, &self.output_modalities, buf);
        ::prost::encoding::string::encode_repeated(8u32, &self.accepted_parameters, buf);
        for value in &self.prices {
            ::prost::encoding::message::encode(9u32, value, buf);
        }
        if let Some(value) = &self.create_time {
            ::prost::encoding::message::encode(10u32, value, buf);
        }
        ::prost::encoding::string::encode_repeated(
            11u32,
            &self.missing_capabilities,
            buf,
        );
        if let Some(value) = &self.billing {
            ::prost::encoding::message::encode(12u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.id, buf, ctx),
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.provider, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::int32::merge_repeated(
                    wire_type,
                    &mut self.capabilities,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.context_token_count,
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.max_output_token_count,
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.input_modalities,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.output_modalities,
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.accepted_parameters,
                    buf,
                    ctx,
                )
            }
            9u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.prices,
                    buf,
                    ctx,
                )
            }
            10u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.create_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            11u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.missing_capabilities,
                    buf,
                    ctx,
                )
            }
            12u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.billing.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.id)
            } else {
                0
            }
            + if !self.provider.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.provider)
            } else {
                0
            } + ::prost::encoding::int32::encoded_len_packed(3u32, &self.capabilities)
            + if self.context_token_count != 0 {
                ::prost::encoding::int32::encoded_len(4u32, &self.context_token_count)
            } else {
                0
            }
            + if self.max_output_token_count != 0 {
                ::prost::encoding::int32::encoded_len(5u32, &self.max_output_token_count)
            } else {
                0
            }
            + ::prost::encoding::string::encoded_len_repeated(
                6u32,
                &self.input_modalities,
            )
            + ::prost::encoding::string::encoded_len_repeated(
                7u32,
                &self.output_modalities,
            )
            + ::prost::encoding::string::encoded_len_repeated(
                8u32,
                &self.accepted_parameters,
            ) + ::prost::encoding::message::encoded_len_repeated(9u32, &self.prices)
            + self
                .create_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(10u32, value))
            + ::prost::encoding::string::encoded_len_repeated(
                11u32,
                &self.missing_capabilities,
            )
            + self
                .billing
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(12u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `Model`.
pub mod model {
    /// Says what a model can do. New values may be added; skip an unknown one.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Capability {
        /// Never sent.
        Unspecified = 0,
        /// It serves `Generate` and `StreamGenerate`.
        Generate = 1,
        /// It serves `Embed`.
        Embed = 2,
        /// It orders documents by relevance: it serves `Rerank`.
        Rerank = 3,
        /// It calls tools.
        Tools = 4,
        /// It calls several tools in one answer.
        ParallelTools = 5,
        /// Its answers satisfy a JSON Schema.
        JsonSchema = 6,
        /// It reasons, and that can be turned up or down.
        Reasoning = 7,
        /// Its provider caches prompts.
        PromptCache = 8,
    }
    impl Capability {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "CAPABILITY_UNSPECIFIED",
                Self::Generate => "CAPABILITY_GENERATE",
                Self::Embed => "CAPABILITY_EMBED",
                Self::Rerank => "CAPABILITY_RERANK",
                Self::Tools => "CAPABILITY_TOOLS",
                Self::ParallelTools => "CAPABILITY_PARALLEL_TOOLS",
                Self::JsonSchema => "CAPABILITY_JSON_SCHEMA",
                Self::Reasoning => "CAPABILITY_REASONING",
                Self::PromptCache => "CAPABILITY_PROMPT_CACHE",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "CAPABILITY_UNSPECIFIED" => Some(Self::Unspecified),
                "CAPABILITY_GENERATE" => Some(Self::Generate),
                "CAPABILITY_EMBED" => Some(Self::Embed),
                "CAPABILITY_RERANK" => Some(Self::Rerank),
                "CAPABILITY_TOOLS" => Some(Self::Tools),
                "CAPABILITY_PARALLEL_TOOLS" => Some(Self::ParallelTools),
                "CAPABILITY_JSON_SCHEMA" => Some(Self::JsonSchema),
                "CAPABILITY_REASONING" => Some(Self::Reasoning),
                "CAPABILITY_PROMPT_CACHE" => Some(Self::PromptCache),
                _ => None,
            }
        }
    }
}
/// What a provider bills for calls that bring no whole answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct BillingTerms {
    /// When the gateway breaks off a stream.
    pub on_cancel: i32,
    /// When the gateway breaks off a call that is no stream, or the provider takes too long.
    pub on_timeout: i32,
    /// When the provider fails, with an HTTP status of 500 or more.
    pub on_server_error: i32,
    /// Where that was read, the address of a document. Empty if unknown.
    pub source: ::prost::alloc::string::String,
    /// When it was read there. Unset if unknown.
    pub read_time: ::core::option::Option<::prost_types::Timestamp>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl BillingTerms {
    ///Returns `on_cancel`; the default where its number is newer than this code.
    pub fn on_cancel(&self) -> billing_terms::Charge {
        billing_terms::Charge::try_from(self.on_cancel).unwrap_or_default()
    }
    ///Sets `on_cancel`.
    pub fn set_on_cancel(&mut self, value: billing_terms::Charge) {
        self.on_cancel = value as i32;
    }
    ///Returns `on_timeout`; the default where its number is newer than this code.
    pub fn on_timeout(&self) -> billing_terms::Charge {
        billing_terms::Charge::try_from(self.on_timeout).unwrap_or_default()
    }
    ///Sets `on_timeout`.
    pub fn set_on_timeout(&mut self, value: billing_terms::Charge) {
        self.on_timeout = value as i32;
    }
    ///Returns `on_server_error`; the default where its number is newer than this code.
    pub fn on_server_error(&self) -> billing_terms::Charge {
        billing_terms::Charge::try_from(self.on_server_error).unwrap_or_default()
    }
    ///Sets `on_server_error`.
    pub fn set_on_server_error(&mut self, value: billing_terms::Charge) {
        self.on_server_error = value as i32;
    }
}
impl ::prost::Message for BillingTerms {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.on_cancel != 0 {
            ::prost::encoding::int32::encode(1u32, &self.on_cancel, buf);
        }
        if self.on_timeout != 0 {
            ::prost::encoding::int32::encode(2u32, &self.on_timeout, buf);
        }
        if self.on_server_error != 0 {
            ::prost::encoding::int32::encode(3u32, &self.on_server_error, buf);
        }
        if !self.source.is_empty() {
            ::prost::encoding::string::encode(4u32, &self.source, buf);
        }
        if let Some(value) = &self.read_time {
            ::prost::encoding::message::encode(5u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.on_cancel, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.on_timeout,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.on_server_error,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.source, buf, ctx)
            }
            5u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.read_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.on_cancel != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.on_cancel)
            } else {
                0
            }
            + if self.on_timeout != 0 {
                ::prost::encoding::int32::encoded_len(2u32, &self.on_timeout)
            } else {
                0
            }
            + if self.on_server_error != 0 {
                ::prost::encoding::int32::encoded_len(3u32, &self.on_server_error)
            } else {
                0
            }
            + if !self.source.is_empty() {
                ::prost::encoding::string::encoded_len(4u32, &self.source)
            } else {
                0
            }
            + self
                .read_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(5u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Nested message and enum types in `BillingTerms`.
pub mod billing_terms {
    /// Says how much of such a call is billed. New values may be added; treat an unknown one as
    /// `CHARGE_UNSPECIFIED`.
    #[derive(
        Clone,
        Copy,
        Debug,
        PartialEq,
        Eq,
        Hash,
        PartialOrd,
        Ord,
        ::prost::Enumeration
    )]
    #[repr(i32)]
    pub enum Charge {
        /// Unknown.
        Unspecified = 0,
        /// Nothing.
        Nothing = 1,
        /// What was read and written until then.
        Processed = 2,
        /// The whole answer, which is written to its end.
        Whole = 3,
    }
    impl Charge {
        /// String value of the enum field names used in the ProtoBuf definition.
        ///
        /// The values are not transformed in any way and thus are considered stable
        /// (if the ProtoBuf definition does not change) and safe for programmatic use.
        pub fn as_str_name(&self) -> &'static str {
            match self {
                Self::Unspecified => "CHARGE_UNSPECIFIED",
                Self::Nothing => "CHARGE_NOTHING",
                Self::Processed => "CHARGE_PROCESSED",
                Self::Whole => "CHARGE_WHOLE",
            }
        }
        /// Creates an enum from field names used in the ProtoBuf definition.
        pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
            match value {
                "CHARGE_UNSPECIFIED" => Some(Self::Unspecified),
                "CHARGE_NOTHING" => Some(Self::Nothing),
                "CHARGE_PROCESSED" => Some(Self::Processed),
                "CHARGE_WHOLE" => Some(Self::Whole),
                _ => None,
            }
        }
    }
}
/// What one kind of token costs.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Price {
    /// The kind, named after the field of `Usage` that counts it without `_token_count` or `_count`, for
    /// example `input`, `cached_input`, `output` or `search_unit`.
    pub token_kind: ::prost::alloc::string::String,
    /// The price of a million such tokens, in 1e-9 US dollars, 0 or more: 150000000 is 0.15 dollars.
    pub usd_nanos_per_million: i64,
    /// Where the price was read, for example the address of a price list. Empty if unknown.
    pub source: ::prost::alloc::string::String,
    /// When it was read there. Unset if unknown.
    pub read_time: ::core::option::Option<::prost_types::Timestamp>,
    /// Above how many input tokens of a call this price holds, for all its tokens of the kind; of
    /// several, the highest that the input is above. 0 for a price that holds from the start.
    pub above_input_token_count: i32,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for Price {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.token_kind.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.token_kind, buf);
        }
        if self.usd_nanos_per_million != 0 {
            ::prost::encoding::int64::encode(2u32, &self.usd_nanos_per_million, buf);
        }
        if !self.source.is_empty() {
            ::prost::encoding::string::encode(3u32, &self.source, buf);
        }
        if let Some(value) = &self.read_time {
            ::prost::encoding::message::encode(4u32, value, buf);
        }
        if self.above_input_token_count != 0 {
            ::prost::encoding::int32::encode(5u32, &self.above_input_token_count, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.token_kind,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::int64::merge(
                    wire_type,
                    &mut self.usd_nanos_per_million,
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.source, buf, ctx)
            }
            4u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.read_time.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    &mut self.above_input_token_count,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.token_kind.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.token_kind)
            } else {
                0
            }
            + if self.usd_nanos_per_million != 0 {
                ::prost::encoding::int64::encoded_len(2u32, &self.usd_nanos_per_million)
            } else {
                0
            }
            + if !self.source.is_empty() {
                ::prost::encoding::string::encoded_len(3u32, &self.source)
            } else {
                0
            }
            + self
                .read_time
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(4u32, value))
            + if self.above_input_token_count != 0 {
                ::prost::encoding::int32::encoded_len(
                    5u32,
                    &self.above_input_token_count,
                )
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks for one model.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct GetModelRequest {
    /// The model's or the route's name, as `Model.id`. Required.
    pub id: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GetModelRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.id.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.id, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::string::merge(wire_type, &mut self.id, buf, ctx),
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.id.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.id)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Holds one model.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GetModelResponse {
    /// The model. Always set.
    pub model: ::core::option::Option<Model>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for GetModelResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if let Some(value) = &self.model {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.model.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + self
                .model
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(1u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks for a page of models.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ListModelsRequest {
    /// The most models to return, 0 or more. If 0, 100; values above 1000 become 1000.
    pub page_size: i32,
    /// The page to return: `next_page_token` of the page before. If empty, the first.
    pub page_token: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ListModelsRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.page_size != 0 {
            ::prost::encoding::int32::encode(1u32, &self.page_size, buf);
        }
        if !self.page_token.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.page_token, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::int32::merge(wire_type, &mut self.page_size, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.page_token,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.page_size != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.page_size)
            } else {
                0
            }
            + if !self.page_token.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.page_token)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Holds a page of models.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListModelsResponse {
    /// The models that the caller may use, ordered by id. May be fewer than were asked for.
    pub models: ::prost::alloc::vec::Vec<Model>,
    /// What to put into `ListModelsRequest.page_token` for the next page. If empty, this is the last.
    pub next_page_token: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for ListModelsResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        for value in &self.models {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        if !self.next_page_token.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.next_page_token, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.models,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.next_page_token,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::message::encoded_len_repeated(1u32, &self.models)
            + if !self.next_page_token.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.next_page_token)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Asks how well documents answer a query.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RerankRequest {
    /// The model or route to run, as `GenerateRequest.model`. Required.
    pub model: ::prost::alloc::string::String,
    /// The query. Required.
    pub query: ::prost::alloc::string::String,
    /// The documents, none of them empty. Required, 1 to 1000.
    pub documents: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    /// The most results, at least 1. If unset, one for each document.
    pub result_count: ::core::option::Option<i32>,
    /// How many tokens of each document are read, at least 1. If unset, as the provider does.
    pub max_document_token_count: ::core::option::Option<i32>,
    /// Labels for routing rules and usage reports, as in `GenerateRequest`.
    pub labels: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// By dialect, a JSON object merged into the provider's body, as in `GenerateRequest`.
    pub provider_options_json: ::prost::alloc::collections::BTreeMap<
        ::prost::alloc::string::String,
        ::prost::alloc::string::String,
    >,
    /// Would make retries safe, as in `GenerateRequest`. Not served yet: if set, the call is refused
    /// with `INVALID_FIELD`.
    pub idempotency_key: ::prost::alloc::string::String,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RerankRequest {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if !self.model.is_empty() {
            ::prost::encoding::string::encode(1u32, &self.model, buf);
        }
        if !self.query.is_empty() {
            ::prost::encoding::string::encode(2u32, &self.query, buf);
        }
        ::prost::encoding::string::encode_repeated(3u32, &self.documents, buf);
        if let Some(value) = &self.result_count {
            ::prost::encoding::int32::encode(4u32, value, buf);
        }
        if let Some(value) = &self.max_document_token_count {
            ::prost::encoding::int32::encode(5u32, value, buf);
        }
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            6u32,
            &self.labels,
            buf,
        );
        ::prost::encoding::btree_map::encode(
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            ::prost::encoding::string::encode,
            ::prost::encoding::string::encoded_len,
            7u32,
            &self.provider_options_json,
            buf,
        );
        if !self.idempotency_key.is_empty() {
            ::prost::encoding::string::encode(8u32, &self.idempotency_key, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.model, buf, ctx)
            }
            2u32 => {
                ::prost::encoding::string::merge(wire_type, &mut self.query, buf, ctx)
            }
            3u32 => {
                ::prost::encoding::string::merge_repeated(
                    wire_type,
                    &mut self.documents,
                    buf,
                    ctx,
                )
            }
            4u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.result_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            5u32 => {
                ::prost::encoding::int32::merge(
                    wire_type,
                    self.max_document_token_count.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            6u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.labels,
                    buf,
                    ctx,
                )
            }
            7u32 => {
                ::prost::encoding::btree_map::merge(
                    ::prost::encoding::string::merge,
                    ::prost::encoding::string::merge,
                    &mut self.provider_options_json,
                    buf,
                    ctx,
                )
            }
            8u32 => {
                ::prost::encoding::string::merge(
                    wire_type,
                    &mut self.idempotency_key,
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if !self.model.is_empty() {
                ::prost::encoding::string::encoded_len(1u32, &self.model)
            } else {
                0
            }
            + if !self.query.is_empty() {
                ::prost::encoding::string::encoded_len(2u32, &self.query)
            } else {
                0
            } + ::prost::encoding::string::encoded_len_repeated(3u32, &self.documents)
            + self
                .result_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(4u32, value))
            + self
                .max_document_token_count
                .as_ref()
                .map_or(0, |value| ::prost::encoding::int32::encoded_len(5u32, value))
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                6u32,
                &self.labels,
            )
            + ::prost::encoding::btree_map::encoded_len(
                ::prost::encoding::string::encoded_len,
                ::prost::encoding::string::encoded_len,
                7u32,
                &self.provider_options_json,
            )
            + if !self.idempotency_key.is_empty() {
                ::prost::encoding::string::encoded_len(8u32, &self.idempotency_key)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// Holds the documents' relevance, best first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RerankResponse {
    /// The results, the best first.
    pub results: ::prost::alloc::vec::Vec<RerankResult>,
    /// What the gateway knows of the call.
    pub call: ::core::option::Option<CallInfo>,
    /// What the call read and cost.
    pub usage: ::core::option::Option<Usage>,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RerankResponse {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        for value in &self.results {
            ::prost::encoding::message::encode(1u32, value, buf);
        }
        if let Some(value) = &self.call {
            ::prost::encoding::message::encode(2u32, value, buf);
        }
        if let Some(value) = &self.usage {
            ::prost::encoding::message::encode(3u32, value, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => {
                ::prost::encoding::message::merge_repeated(
                    wire_type,
                    &mut self.results,
                    buf,
                    ctx,
                )
            }
            2u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.call.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            3u32 => {
                ::prost::encoding::message::merge(
                    wire_type,
                    self.usage.get_or_insert_with(Default::default),
                    buf,
                    ctx,
                )
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + ::prost::encoding::message::encoded_len_repeated(1u32, &self.results)
            + self
                .call
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(2u32, value))
            + self
                .usage
                .as_ref()
                .map_or(0, |value| ::prost::encoding::message::encoded_len(3u32, value))
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
/// One document's relevance.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RerankResult {
    /// Its place in `RerankRequest.documents`, from 0.
    pub index: i32,
    /// Its relevance, higher for better. Comparable within one response only.
    pub score: f64,
    /// Fields that are newer than this code: kept as they came, and sent back so.
    pub unknown_fields: crate::UnknownFields,
}
impl ::prost::Message for RerankResult {
    fn encode_raw(&self, buf: &mut impl ::prost::bytes::BufMut) {
        if self.index != 0 {
            ::prost::encoding::int32::encode(1u32, &self.index, buf);
        }
        if self.score.to_bits() != 0 {
            ::prost::encoding::double::encode(2u32, &self.score, buf);
        }
        self.unknown_fields.encode_raw(buf);
    }
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: ::prost::encoding::WireType,
        buf: &mut impl ::prost::bytes::Buf,
        ctx: ::prost::encoding::DecodeContext,
    ) -> ::core::result::Result<(), ::prost::DecodeError> {
        match tag {
            1u32 => ::prost::encoding::int32::merge(wire_type, &mut self.index, buf, ctx),
            2u32 => {
                ::prost::encoding::double::merge(wire_type, &mut self.score, buf, ctx)
            }
            _ => self.unknown_fields.merge_field(tag, wire_type, buf, ctx),
        }
    }
    fn encoded_len(&self) -> usize {
        self.unknown_fields.encoded_len()
            + if self.index != 0 {
                ::prost::encoding::int32::encoded_len(1u32, &self.index)
            } else {
                0
            }
            + if self.score.to_bits() != 0 {
                ::prost::encoding::double::encoded_len(2u32, &self.score)
            } else {
                0
            }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}
