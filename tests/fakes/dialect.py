"""What a fake of a dialect must give; in return `replies.py` and `faults.py` serve it.

A dialect is pure: requests in, JSON and frames out. The server is `provider.py`, the choice of bytes, chunks and
silences is the replies'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tests.fakes.answer import Answer, Counts, Prompt
from tests.fakes.framing import Framing
from tests.fakes.request import RecordedRequest

Trouble = Literal[
    "invalid",
    "context_too_long",
    "content_filtered",
    "key_rejected",
    "key_forbidden",
    "model_unknown",
    "rate_limited",
    "server",
    "unavailable",
    "overloaded",
]
TROUBLE_BY_STATUS: Mapping[int, Trouble] = {
    400: "invalid",
    401: "key_rejected",
    403: "key_forbidden",
    404: "model_unknown",
    429: "rate_limited",
    500: "server",
    503: "unavailable",
    529: "overloaded",
}
# What not every vendor has, beside troubles.
Feature = Literal[
    "count_tokens",
    "embeddings",
    "rerank",
    "parallel_tools",
    "images",
    "reasoning",
    "signed_reasoning",  # thoughts carry a proof, which must come back with them
    "logit_bias",
    "retry_after",  # a 429 may say when to come back
    "cached_usage",  # a usage tells what came from a cache
    "typed_stream_errors",  # an error inside a stream says which trouble it is
    "broken_arguments_whole",  # a call's arguments are a text, which may be no JSON, in a whole answer
    "broken_arguments_stream",  # the same in a stream
]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: a status, and JSON."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream's frames in their order.

    `opening` comes before any content. `content` reaches from the first frame with content to the last; in an
    answer of text alone each of them has some. `ending` says how it ended. Without `terminal` the stream is broken.
    """

    opening: Sequence[bytes]
    content: Sequence[bytes]
    ending: Sequence[bytes]
    terminal: Sequence[bytes]

    @property
    def frames(self) -> list[bytes]:
        return [*self.opening, *self.content, *self.ending, *self.terminal]


# Where in a stream something happens: after so many frames, or as the stream itself tells.
Place = int | Callable[[Stream], int]


def opened(stream: Stream) -> int:
    """Before the first content."""
    return len(stream.opening)


def after_content(count: int) -> Callable[[Stream], int]:
    """After so many frames with content."""
    return lambda stream: len(stream.opening) + count


def before_terminal(stream: Stream) -> int:
    """After everything but the terminal."""
    return len(stream.frames) - len(stream.terminal)


def index_of(place: Place, stream: Stream) -> int:
    """Return how many frames come before a place."""
    return place if isinstance(place, int) else place(stream)


class Dialect(Protocol):
    """One vendor's wire format, from the side of the vendor."""

    @property
    def name(self) -> str:
        """The name by which the gateway knows the provider."""

    @property
    def base_path(self) -> str:
        """What follows the host in the base URL that the gateway takes; empty for nothing."""

    @property
    def framing(self) -> Framing: ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every healthy answer, such as the id of the request."""

    @property
    def lacks(self) -> frozenset[Trouble | Feature]:
        """What this vendor has no way to say or do: faults and tests leave it out."""

    @property
    def models(self) -> Sequence[str]:
        """The names of its models; empty where the gateway's base URL lists none."""

    @property
    def malformed(self) -> bytes:
        """A frame whose framing is right and whose JSON is broken."""

    def is_generation(self, request: RecordedRequest) -> bool:
        """Whether it asks for an answer of a model."""

    def is_stream(self, request: RecordedRequest) -> bool:
        """Whether it wants a stream; meaningful for any request, whole or not."""

    def refuse(self, request: RecordedRequest) -> Response | None:
        """Return the refusal of what the real one refuses, as far as that is cheap to tell; None for a good request."""

    def prompt(self, request: RecordedRequest) -> Prompt:
        """Return what a generation asks for."""

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        """Return the JSON of a whole answer. `usage` is in the vendor's shape and goes in unseen; None leaves it out."""

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        """Return the same answer as a stream."""

    def usage(self, counts: Counts) -> object:
        """Return a usage in the vendor's shape."""

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        """Return how the vendor words a trouble; `retry_after` is in seconds, None where it does not say.

        Not called for what it lacks.
        """

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        """Return how it tells of a trouble inside a stream."""

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        """Answer what is no generation: models, counts of tokens, vectors. Bytes are the frames of a stream."""
