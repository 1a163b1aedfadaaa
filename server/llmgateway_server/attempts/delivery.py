"""How much of an answer has been passed on, and what it took where the provider does not say."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2, stream_pb2, usage_pb2

from llmgateway_server import errors, tokens
from llmgateway_server.routing.target import Target

Events = list[stream_pb2.GenerationEvent]


class Delivery:
    """How much of a stream has been passed on, for the account of one whose usage never came."""

    def __init__(self) -> None:
        self.has_begun = False
        self._characters = 0
        self._byte_count = 0
        self._usage: usage_pb2.Usage | None = None

    def add(self, events: Events) -> None:
        """Count what `events` bring."""
        self.has_begun = True
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "part_delta":
                delta = event.part_delta
                self._characters += len(delta.text) + len(delta.arguments_json)
                self._byte_count += len(delta.data) + sum(
                    [byte_count_of(text) for text in (delta.text, delta.arguments_json, delta.transcript) if text]
                )
            elif kind == "part_started":
                self._byte_count += event.part_started.part.ByteSize()
            elif kind == "started" and event.started.HasField("usage"):
                self._usage = event.started.usage

    @property
    def most_output_token_count(self) -> int:
        """The most tokens that what came can be: each is a byte at least."""
        return self._byte_count

    def usage(self, request: generation_pb2.GenerateRequest) -> usage_pb2.Usage:
        """Return what the provider said by now, else a count of what was passed on."""
        if self._usage is not None and self._usage.output_token_count:
            return self._usage
        return counted_usage(tokens.estimate_generation(request), -(-self._characters // tokens.BYTES_PER_TOKEN))


def byte_count_of(text: str) -> int:
    """Return how long a text is in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def is_uncounted(usage: usage_pb2.Usage) -> bool:
    """Whether the provider said nothing of usage."""
    return usage.source == usage_pb2.Usage.SOURCE_UNSPECIFIED


def counted_usage(input_token_count: int, output_token_count: int) -> usage_pb2.Usage:
    """Return a usage that says it is the gateway's own count."""
    return usage_pb2.Usage(
        input_token_count=input_token_count,
        output_token_count=output_token_count,
        source=usage_pb2.Usage.SOURCE_COUNTED,
    )


def break_off(error: errors.CallError, target: Target) -> errors.CallError:
    """Return what an error means after content has been sent: a time-out stays one, all else breaks the stream."""
    if error.code == errors.Code.DEADLINE_EXCEEDED:
        return error
    message = f"The stream of {target.id} broke off; trying again means paying again. {error.message}"
    return errors.StreamBroken(
        message,
        metadata={**error.metadata, "provider": target.provider},
        provider_message=error.provider_message,
        http_status=error.http_status,
        retry_after_s=error.retry_after_s,
    )
