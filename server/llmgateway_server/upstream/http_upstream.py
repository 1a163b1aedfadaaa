"""A provider behind HTTP: a codec, a base URL, keys taken in turn, and the timers of one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import msgspec
from llmgateway.fold import unfold
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2, rerank_pb2, stream_pb2

from llmgateway_server import errors
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.codec import (
    Codec,
    Decoded,
    EncodedRequest,
    Frame,
    Framing,
    Renamer,
    Reranker,
    Sibling,
    StreamDecoder,
    TokenCounter,
)
from llmgateway_server.dialects.failures import bad_response, rate_limits, spent_for_s
from llmgateway_server.dialects.parameters import accepted_parameters
from llmgateway_server.upstream.asked import AskedCandidates
from llmgateway_server.upstream.content import bears_content
from llmgateway_server.upstream.credentials.credentials import Credentials
from llmgateway_server.upstream.eventstream import EventStreamSplitter
from llmgateway_server.upstream.frames import FrameTooLargeError, FramingError, Splitter
from llmgateway_server.upstream.http import (
    BodyTooLargeError,
    ConnectError,
    ConnectionBrokenError,
    ConnectTimeoutError,
    HttpClient,
    HttpResponse,
)
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.masking import Masking
from llmgateway_server.upstream.ndjson import LineSplitter
from llmgateway_server.upstream.sse import SseSplitter
from llmgateway_server.upstream.timeout import Timeout
from llmgateway_server.upstream.upstream import AttemptState

LIST_MODELS_TIMEOUT_S = 5.0
SPLITTERS: Mapping[Framing, Callable[[int], Splitter]] = {
    "sse": SseSplitter,
    "ndjson": LineSplitter,
    "aws": EventStreamSplitter,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider is and how it knows us.

    `base_url` has no trailing slash. `key_headers` holds, for each key, the headers that carry it; one empty
    mapping where the provider wants none. `models_base_url` is where its models are listed, empty where that is below
    `base_url`, too. `credentials` make the headers of each request, where a key will not do.
    """

    name: str
    base_url: str
    key_headers: Sequence[Mapping[str, str]]
    credentials: Credentials | None = None
    models_base_url: str = ""


class HttpUpstream:
    """`Upstream` over HTTP. `sibling` is the codec of models that speak another dialect than the provider's others.

    `clock` is monotonic, in seconds. Which of the keys an attempt uses is said by its state.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        codec: Codec,
        http: HttpClient,
        timeouts: TimeoutSettings,
        limits: LimitSettings,
        clock: Callable[[], float],
        sibling: Sibling | None = None,
    ) -> None:
        self.name = endpoint.name
        self.dialect = codec.name
        self._base_url = endpoint.base_url
        self._models_base_url = endpoint.models_base_url or endpoint.base_url
        self._credentials = endpoint.credentials
        self._codec = codec
        self._sibling = sibling
        self._http = http
        self._timeouts = timeouts
        self._limits = limits
        self._clock = clock
        shared = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "llmgateway"}
        self._headers = [{**shared, **key_headers} for key_headers in endpoint.key_headers or [{}]]
        self.key_count = len(self._headers)
        self._masking = Masking(endpoint.key_headers)

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse:
        codec = self._codec_of(model)
        encoded = codec.encode_generate(request, model, stream=False)
        with self._masking:
            response = codec.decode_generate(request, await self._exchange(codec, encoded, state))
        return response if len(response.candidates) == 1 else AskedCandidates(request).only_response(response)

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse:
        codec = self._codec_of(model)
        encoded = codec.encode_embed(request, model)
        with self._masking:
            return codec.decode_embed(request, await self._exchange(codec, encoded, state))

    async def rerank(
        self, request: rerank_pb2.RerankRequest, model: str, state: AttemptState
    ) -> rerank_pb2.RerankResponse:
        codec = self._codec_of(model)
        if not isinstance(codec, Reranker):
            raise errors.CapabilityMissing(
                f"{self.name} has no models that rerank. Name a model of another provider, cohere for example.",
                metadata={"model": f"{self.name}/{model}"[:200], "capability": "rerank"},
            )
        encoded = codec.encode_rerank(request, model)
        with self._masking:
            return codec.decode_rerank(request, await self._exchange(codec, encoded, state))

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> int | None:
        codec = self._codec_of(model)
        if not isinstance(codec, TokenCounter) or not codec.counts(model):
            return None
        encoded = codec.encode_count_tokens(request, model)
        with self._masking:
            return codec.decode_count_tokens(await self._exchange(codec, encoded, state))

    async def list_models(self) -> list[model_pb2.Model]:
        state = AttemptState(self._clock() + LIST_MODELS_TIMEOUT_S)
        codec = self._codec
        with self._masking:
            listed = await self._exchange(codec, codec.encode_list_models(), state, self._models_base_url)
            return codec.decode_list_models(listed)

    def dialect_of(self, model: str) -> str:
        return self._codec_of(model).name

    def listed_name(self, model: str) -> str:
        if isinstance(self._codec, Renamer):
            return self._codec.listed_name(model)
        is_apart = self._sibling is not None and self._sibling.serves(model)
        return "" if is_apart else model

    def reads_options(self, dialect: str) -> bool:
        return dialect == self.dialect or (self._sibling is not None and dialect == self._sibling.codec.name)

    def accepted_parameters(self, model: str) -> list[str]:
        def send(request: generation_pb2.GenerateRequest) -> bytes | None:
            encoded = self._codec_of(model).encode_generate(request, model, stream=False)
            return None if encoded.warnings else encoded.path.encode() + encoded.body

        return accepted_parameters(send)

    async def close(self) -> None:
        """Nothing is held: connections belong to the HTTP client, which all providers share."""

    async def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[list[stream_pb2.GenerationEvent], None]:
        codec = self._codec_of(model)
        encoded = codec.encode_generate(request, model, stream=True)
        asked = AskedCandidates(request)
        timer = StreamTimer(self.name, self._clock, state.timeouts or self._timeouts, state)
        response = await timer.bound(self._open(codec, encoded, state))
        try:
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if media_type == "text/html":
                raise bad_response(self.name, "it answered with a web page: check base_url", response.status)
            if media_type == "application/json":
                # Some servers answer a stream's request whole; an error inside a 200 comes this way, too.
                body = await timer.bound(self._read(response, self._limits.response_bytes))
                with self._masking:
                    if body.lstrip().startswith(b"["):
                        events = asked.only(self._decode_array(codec, request, body))
                    else:
                        events = unfold(asked.only_response(codec.decode_generate(request, body)))
                yield events
                return
            reader = StreamReader(self.name, codec.stream_decoder(request), codec.framing, self._limits)
            while not reader.ended:
                events = asked.only(reader.feed(await timer.bound(self._read_chunk(response))))
                if events:
                    timer.saw(events)
                    yield events
                    # What comes meanwhile leaves together: a message costs far more than its words.
                    if not reader.ended:
                        await asyncio.sleep(self._limits.stream_join_s)
            with self._masking:
                events = asked.only(reader.finish())
            if events:
                yield events
        finally:
            response.close()

    def _codec_of(self, model: str) -> Codec:
        sibling = self._sibling
        return sibling.codec if sibling is not None and sibling.serves(model) else self._codec

    def _decode_array(
        self, codec: Codec, request: generation_pb2.GenerateRequest, body: bytes
    ) -> list[stream_pb2.GenerationEvent]:
        """Read a stream that came as one array of its chunks, as Google's does without server-sent events."""
        decoder = codec.stream_decoder(request)
        try:
            chunks = msgspec.json.decode(body, type=list[msgspec.Raw])
        except msgspec.DecodeError as error:
            raise bad_response(self.name, "it is no JSON", HTTPStatus.OK) from error
        decoded: Decoded = []
        for chunk in chunks:
            decoded += decoder.decode(Frame("", bytes(chunk)))
        return join_deltas(decoded + decoder.finish())

    async def _exchange(
        self, codec: Codec, encoded: EncodedRequest, state: AttemptState, base_url: str | None = None
    ) -> bytes:
        """Send a request and read the whole answer, under the connect timer and the deadline only."""
        started_s = self._clock()
        try:
            with Timeout(state.deadline_s - started_s):
                response = await self._open(codec, encoded, state, base_url)
                try:
                    return await self._read(response, self._limits.response_bytes)
                finally:
                    response.close()
        except TimeoutError as error:
            raise timed_out(errors.TotalTimeout, self.name, state.deadline_s - started_s) from error
        finally:
            state.waited_s += self._clock() - started_s

    async def _open(
        self, codec: Codec, encoded: EncodedRequest, state: AttemptState, base_url: str | None = None
    ) -> HttpResponse:
        """Send a request; return an answer of status 2xx, or raise what another one means."""
        state.warnings.extend(encoded.warnings)
        url, headers = (base_url or self._base_url) + encoded.path, self._headers[state.key_index % self.key_count]
        connect_s = (state.timeouts or self._timeouts).connect_s
        if encoded.headers:
            headers = {**headers, **encoded.headers}
        credentials = self._credentials
        if credentials is not None:
            if not credentials.is_ready():
                await credentials.ready()
            headers = {**headers, **credentials.headers(encoded.method, url, headers, encoded.body)}
        try:
            response = await self._http.send(encoded.method, url, headers, encoded.body, connect_s, state.dispatch)
        except ConnectTimeoutError as error:
            raise timed_out(errors.ConnectTimeout, self.name, connect_s) from error
        except (ConnectError, ConnectionBrokenError) as error:
            message = f"{self.name} cannot be reached: {error}. Check base_url, or try again."
            raise errors.ProviderUnreachable(message, metadata={"provider": self.name}) from error
        state.http_status = response.status
        if 200 <= response.status < 300:
            if self.key_count > 1:
                state.spent_for_s = spent_for_s(response.headers)
            return response
        try:
            if 300 <= response.status < 400:
                raise bad_response(self.name, "it redirects, which is never followed: check base_url", response.status)
            failure = codec.decode_error(response.status, response.headers, await self._read_error(response))
            if isinstance(failure, errors.ProviderRateLimited):
                failure.metadata |= rate_limits(response.headers)
            if credentials is not None and isinstance(failure, errors.ProviderKeyRejected):
                credentials.refused()
            raise failure
        finally:
            response.close()

    async def _read_error(self, response: HttpResponse) -> bytes:
        try:
            return self._masking.body(await response.read(self._limits.error_bytes))
        except (BodyTooLargeError, ConnectionBrokenError):
            return b""  # The status alone says enough.

    async def _read(self, response: HttpResponse, limit_bytes: int) -> bytes:
        try:
            return await response.read(limit_bytes)
        except BodyTooLargeError as error:
            raise too_large(self.name, limit_bytes) from error
        except ConnectionBrokenError as error:
            raise bad_response(self.name, str(error), response.status) from error

    async def _read_chunk(self, response: HttpResponse) -> bytes:
        try:
            return await response.read_chunk()
        except ConnectionBrokenError as error:
            raise bad_response(self.name, str(error), response.status) from error


class StreamReader:
    """The bytes of one stream, turned into events. No I/O.

    `ended` is true once nothing more need be read: the provider's terminal came, or the bytes ended.
    """

    def __init__(self, provider: str, decoder: StreamDecoder, framing: Framing, limits: LimitSettings) -> None:
        self.ended = False
        self._provider = provider
        self._decoder = decoder
        self._limits = limits
        self._splitter = SPLITTERS[framing](limits.event_bytes)
        self._size_bytes = 0
        self._failure: errors.CallError | None = None

    def feed(self, chunk: bytes) -> list[stream_pb2.GenerationEvent]:
        """Return the events that `chunk` completes; an empty chunk is the end of the bytes.

        What came before a failure is returned first: `finish` raises it then.
        """
        self._size_bytes += len(chunk)
        decoded: Decoded = []
        try:
            if self._size_bytes > self._limits.stream_bytes:
                raise too_large(self._provider, self._limits.stream_bytes)
            for frame in self._frames(chunk):
                decoded += self._decoder.decode(frame)
                if self._decoder.ended:
                    break
        except errors.CallError as error:
            self._failure = error
        self.ended = not chunk or self._decoder.ended or self._failure is not None
        return join_deltas(decoded)

    def _frames(self, chunk: bytes) -> Iterator[Frame]:
        """Yield the frames that `chunk` completes; raise what is wrong with the next one after those before it."""
        try:
            yield from self._splitter.feed(chunk) if chunk else self._splitter.close()
        except FramingError as error:
            yield from error.frames
            if isinstance(error, FrameTooLargeError):
                raise too_large(self._provider, self._limits.event_bytes) from error
            raise bad_response(self._provider, str(error), 200) from error

    def finish(self) -> list[stream_pb2.GenerationEvent]:
        """Return the events still owed; raise what broke the stream."""
        if self._failure is not None:
            raise self._failure
        return join_deltas(self._decoder.finish())


class StreamTimer:
    """The timers of one stream: to the first content, then between events, and the deadline over all.

    Only events count, keep-alives do not. Where the model is expected to think first, silence before the
    first content is bounded by the deadline alone.
    """

    def __init__(
        self,
        provider: str,
        clock: Callable[[], float],
        timeouts: TimeoutSettings,
        state: AttemptState,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._state = state
        self._gap_s = timeouts.gap_s
        self._started_s = clock()
        self._error: type[errors.CallError] = errors.FirstContentTimeout
        self._timeout_s = timeouts.first_content_s
        self._until_s = state.deadline_s if state.waits_long else self._started_s + timeouts.first_content_s
        self._has_content = False

    async def bound(self, operation: Awaitable[T]) -> T:
        """Await within the timer that is running; raise its error when it fires."""
        waiting_since_s = self._clock()
        try:
            with Timeout(min(self._until_s, self._state.deadline_s) - waiting_since_s):
                return await operation
        except TimeoutError as error:
            if self._state.deadline_s <= self._until_s:
                total_s = self._state.deadline_s - self._started_s
                raise timed_out(errors.TotalTimeout, self._provider, total_s) from error
            raise timed_out(self._error, self._provider, self._timeout_s) from error
        finally:
            self._state.waited_s += self._clock() - waiting_since_s

    def saw(self, events: Sequence[stream_pb2.GenerationEvent]) -> None:
        """Start the gap timer anew, once there is content."""
        if not self._has_content:
            if not any(bears_content(event) for event in events):
                return
            self._has_content = True
            self._error, self._timeout_s = errors.EventGapTimeout, self._gap_s
        self._until_s = self._clock() + self._gap_s


def timed_out(error: type[errors.CallError], provider: str, timeout_s: float) -> errors.CallError:
    """Say which timer of `provider` fired, and after how long."""
    what = {
        errors.ConnectTimeout: "accepted no connection",
        errors.FirstContentTimeout: "sent no content",
        errors.EventGapTimeout: "was silent between two events",
        errors.TotalTimeout: "was not done",
    }[error]
    metadata = {"provider": provider, "timeoutMs": str(max(round(timeout_s * 1000), 0))}
    return error(
        f"{provider} {what} within {max(timeout_s, 0):.3g} s. Try again, or raise the timeout.", metadata=metadata
    )


def too_large(provider: str, limit_bytes: int) -> errors.ProviderBadResponse:
    """Refuse an answer, event or stream over its limit."""
    return bad_response(provider, f"it is over the limit of {limit_bytes} bytes", 200)
