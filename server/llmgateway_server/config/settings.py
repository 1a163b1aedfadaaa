"""Every setting with its unit, default and range. Immutable once loaded. How values are written: `section.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from llmgateway_server.config.auth import AuthSettings
from llmgateway_server.config.quotas import QuotaSettings, StoreSettings
from llmgateway_server.config.resilience import ResilienceSettings, TimeoutSettings
from llmgateway_server.config.routes import NamedRoute, Tags
from llmgateway_server.config.section import Duration, PositiveDuration, Section, Several, Size, UsdNanos


class TlsSettings(Section):
    """Certificates as PEM files. With `client_ca`, callers must show a certificate that it signed.

    Relative paths start at the folder of the configuration file.
    """

    certificate: str = Field(min_length=1)
    key: str = Field(min_length=1)
    client_ca: str | None = Field(default=None, min_length=1)


class ServerSettings(Section):
    """Where the gateway listens, and how it stops. An address is `host:port`; port 0 takes a free one."""

    grpc_listen: str = "127.0.0.1:50051"
    http_listen: str = "127.0.0.1:8000"
    metrics_listen: str = "127.0.0.1:9464"
    admin_listen: str = "127.0.0.1:50052"
    """The admin services, over gRPC."""
    grpc_tls: TlsSettings | None = None
    """TLS for gRPC. Unset: plain text."""
    http_tls: TlsSettings | None = None
    """TLS for REST. Unset: plain text."""
    reflection: bool = True
    """Whether gRPC reflection answers, for grpcurl and its like."""
    channelz: bool = False
    """Whether gRPC's channelz tells of connections: to this machine, and with keys to who shows one. Extra `debug`."""
    lame_duck_s: Duration = Field(default=5.0, alias="lame_duck")
    """After SIGTERM the gateway serves on for so long while health says NOT_SERVING: load balancers need it."""
    drain_s: Duration = Field(default=600.0, alias="drain")
    """Then running calls may take so long to finish before they are cancelled."""


class LimitSettings(Section):
    """What a caller or a provider may make the gateway hold, wait for or read."""

    request_bytes: Size = Field(default=32 * 1024**2, alias="request")
    """The largest request, the same over REST and gRPC."""
    response_bytes: Size = Field(default=64 * 1024**2, alias="response")
    """The largest whole answer of a provider, after decompression."""
    stream_bytes: Size = Field(default=256 * 1024**2, alias="stream")
    """The most bytes of one provider's stream."""
    event_bytes: Size = Field(default=16 * 1024**2, alias="event")
    """The largest single event or line of a provider's stream."""
    error_bytes: Size = Field(default=64 * 1024, alias="error")
    """What is read of a provider's error body."""
    metadata_bytes: Size = Field(default=8 * 1024, alias="metadata")
    """The most bytes of gRPC metadata, and of HTTP header lines, of one call."""
    json_depth: int = Field(default=64, ge=1, le=512)
    """How deep JSON may nest, in bodies and in `_json` fields."""
    message_count: int = Field(default=10_000, ge=1, le=10_000_000)
    """The most messages of one conversation."""
    tool_count: int = Field(default=1_024, ge=1, le=10_000_000)
    """The most tools of one request."""
    concurrent_calls: int = Field(default=1_000, ge=1, le=1_000_000)
    """The most calls that run at once; further ones wait for room, fairly by key."""
    target_calls: int = Field(default=800, ge=1, le=1_000_000)
    """The most calls that run at once at one target: where it hangs, there is still room for others."""
    queued_calls: int = Field(default=1_000, ge=0, le=1_000_000)
    """The most calls that wait for room at once; one more is refused with `GATEWAY_OVERLOADED`."""
    queue_timeout_s: PositiveDuration = Field(default=10.0, alias="queue_timeout")
    """How long a call waits for room at most; one that would wait longer is refused at once."""
    concurrent_streams: int = Field(default=100, ge=1, le=1_000_000)
    """The most calls at once on one HTTP/2 connection; further ones wait in the client."""
    body_bytes_in_flight: Size = Field(default=256 * 1024**2, alias="bodies_in_flight")
    """The most bytes of REST request bodies held at once."""
    header_timeout_s: PositiveDuration = Field(default=10.0, alias="header_timeout")
    """How long a REST client may take for its request line and headers."""
    body_timeout_s: PositiveDuration = Field(default=60.0, alias="body_timeout")
    """How long a REST client may take for its body."""
    reader_stall_s: PositiveDuration = Field(default=60.0, alias="reader_stall")
    """How long a caller may leave a stream unread before it is cut."""
    header_hold_s: PositiveDuration = Field(default=10.0, alias="header_hold")
    """How long REST holds back the status line of a stream for its first content."""
    keep_alive_s: PositiveDuration = Field(default=15.0, alias="keep_alive")
    """After so long a silence a REST stream sends a comment."""
    stream_join_s: Annotated[Duration, Field(le=0.05)] = Field(default=0.005, alias="stream_join")
    """For so long after a message of a stream its next deltas are gathered; the first leaves at once."""


class ProviderSettings(Section):
    """A provider. One named like a vendor takes that vendor's row; what stands here overrides it.

    `api_keys` are taken in turn. `base_url` is what the vendor documents, for example
    `https://api.openai.com/v1`. `quirks` override how the dialect treats this provider. `timeouts` override the
    general ones, each by itself.
    """

    dialect: str | None = None
    base_url: str | None = None
    api_keys: Several[SecretStr] | None = None
    access_token: SecretStr | None = None
    """Instead of `api_keys`: a token sent as `Authorization: Bearer`, for example Microsoft Entra's for Azure."""
    credentials: Literal["aws", "google", "entra", "none"] | None = None
    """Instead of both: the chain of that vendor's own library; `none`: no credentials at all.

    If absent, the vendor's row names the chain, which serves where there are no credentials here.
    """
    region: str | None = None
    """AWS: the region. It is part of the address where `base_url` is absent, and of every signature."""
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    """AWS: static credentials; with temporary ones also the session token. Each request is signed."""
    project: str | None = None
    location: str | None = None
    """Google Cloud: whose Vertex AI, and where. Both are part of the address where `base_url` is absent."""
    api_version: str | None = None
    """Azure: the version of its dated API. If absent, its v1 API, which has none."""
    deployments: Mapping[str, str] = Field(default_factory=dict)
    """Azure: the deployment for a model. A model that is not here is its own deployment's name."""
    timeouts: TimeoutSettings | None = None
    resilience: ResilienceSettings | None = None
    """Retries and circuits of its targets, where they differ from the general ones, each by itself."""
    tags: Tags = Field(default_factory=dict)
    """What is true of all its models, for `require` and `required_tags`: `{region: eu}`."""
    concurrent_calls: int | None = Field(default=None, ge=1, le=1_000_000)
    """The most calls that run at once at each of its models. If absent, `limits.target_calls`."""
    unsupported_policy: Literal["refuse", "drop"] = "refuse"
    """What becomes of what a model cannot do, where the request does not say: dropping it leaves a warning."""
    quirks: Mapping[str, Any] = Field(default_factory=dict)  # Any: the dialect checks them, config knows no dialect.
    script: Mapping[str, Any] | None = None  # Any: decoded JSON; the dialect `mock` checks it.
    """Only for the dialect `mock`: the answer to every call, as in `provider_options_json`."""


TokenKind = Literal[
    "input",
    "cached_input",
    "cache_write_input",
    "long_cache_write_input",
    "audio_input",
    "image_input",
    "output",
    "reasoning",
    "audio_output",
    "image_output",
    "search_unit",
]


Ability = Literal[
    "generate",
    "embed",
    "rerank",
    "tools",
    "parallel_tools",
    "json_schema",
    "reasoning",
    "prompt_cache",
    "image",
    "audio",
    "video",
    "document",
]


class ModelSettings(Section):
    """A model of a provider, better known than the catalogue knows it.

    `price` replaces the catalogue's: US dollars for a million tokens, by their kind. `capabilities` says what the
    model can do and what it cannot, each by itself.
    """

    price: Mapping[TokenKind, UsdNanos] = Field(default_factory=dict)
    capabilities: Mapping[Ability, bool] = Field(default_factory=dict)
    context_tokens: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """The most tokens that it reads and writes together."""
    max_output_tokens: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """The most tokens that it writes in one answer."""
    tags: Tags = Field(default_factory=dict)
    """What is true of it beside its provider's tags; they stand above those."""
    default_output_limit: int | None = Field(default=None, ge=256, le=2**31 - 1)
    """The most tokens to write where a caller sets no limit and a cost quota applies. If absent, 4,096."""
    slow_first: bool | None = None
    """Whether it may be silent for minutes before its first words: `first_content` does not bound it then."""
    concurrent_calls: int | None = Field(default=None, ge=1, le=1_000_000)
    """The most calls that run there at once. If absent, as its provider says."""


class LogSettings(Section):
    """What is logged: JSON lines on standard error, one a call, never any content."""

    calls: bool = True
    level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")


class Settings(Section):
    """The whole configuration."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    auth: AuthSettings = Field(default_factory=AuthSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    timeouts: TimeoutSettings = Field(default_factory=TimeoutSettings)
    providers: Mapping[str, ProviderSettings] = Field(default_factory=dict)
    """By name. In a file without this section, those that the environment offers."""
    routes: Mapping[str, NamedRoute] = Field(default_factory=dict)
    """Names that callers may use, each with its targets, or with rules that lead to other routes."""
    resilience: ResilienceSettings = Field(default_factory=ResilienceSettings)
    """Retries and circuits, unless a provider or a route says otherwise."""
    models: Mapping[str, ModelSettings] = Field(default_factory=dict)
    """What is known of models, as `provider/model`, better than the catalogue knows it."""
    store: StoreSettings = Field(default_factory=StoreSettings)
    quotas: Several[QuotaSettings] = ()
    """What callers may use. A cost quota is strict: what could exceed it is not sent."""
    log: LogSettings = Field(default_factory=LogSettings)
