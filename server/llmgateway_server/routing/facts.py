"""What rules may know of a request: counted, or said in fields of its own. No word of a prompt can set a fact.

`FACTS` names them, alike in expressions, in explanations and in the documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Literal, NamedTuple

from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, rerank_pb2

from llmgateway_server import tokens
from llmgateway_server.call import Principal
from llmgateway_server.config.conditions import Thing
from llmgateway_server.routing.complexity import Shape, complexity_of

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

MEDIA: Mapping[str, Thing] = {"image": "image", "audio": "audio", "video": "video"}
MEDIA_THINGS: frozenset[Thing] = frozenset(("image", "audio", "video", "document"))
INSTRUCTING = (message_pb2.ROLE_SYSTEM, message_pb2.ROLE_DEVELOPER)
NO_REASONING = ("", "none")


class Facts:
    """The facts of one request. Each is found when it is first asked for, once: planning is on the hot path.

    `clock` gives the wall clock's time in UTC; it is read only where a rule looks at the time.
    """

    def __init__(self, request: Request, principal: Principal, clock: Callable[[], datetime]) -> None:
        self._request = request
        self._clock = clock
        self.principal = principal
        self.model = request.model

    @cached_property
    def _generation(self) -> generation_pb2.GenerateRequest:
        """The request if it is a generation, else an empty one."""
        request = self._request
        return request if isinstance(request, generation_pb2.GenerateRequest) else generation_pb2.GenerateRequest()

    @cached_property
    def has(self) -> frozenset[Thing]:
        """What it holds and asks for."""
        request = self._request
        if isinstance(request, embedding_pb2.EmbedRequest):
            return frozenset(thing_of(item.media) for item in request.inputs if item.HasField("media"))
        return frozenset(things_of(self._generation))

    @cached_property
    def input_token_count(self) -> int:
        """About how many tokens a model would read."""
        request = self._request
        if isinstance(request, generation_pb2.GenerateRequest):
            return tokens.estimate_generation(request)
        if isinstance(request, embedding_pb2.EmbedRequest):
            return tokens.estimate_embedding(request)
        return tokens.estimate_rerank(request)

    @property
    def output_token_count(self) -> int:
        """The request's own limit, 0 where it has none."""
        return self._generation.max_output_token_count

    @property
    def message_count(self) -> int:
        return len(self._generation.messages)

    @cached_property
    def turn_count(self) -> int:
        """How often the user speaks."""
        return sum(message.role == message_pb2.ROLE_USER for message in self._generation.messages)

    @property
    def tool_count(self) -> int:
        return len(self._generation.tools)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        return dict(self._request.labels)

    @cached_property
    def complexity(self) -> float:
        """From 0 to 1, as `complexity.py` says."""
        has = self.has
        shape = Shape(
            self.input_token_count,
            self.tool_count,
            self.turn_count,
            len(has & MEDIA_THINGS),
            has_schema="schema" in has,
            asks_for_reasoning="reasoning" in has,
        )
        return complexity_of(shape, texts_of(self._request))

    @cached_property
    def now(self) -> datetime:
        """When the call is planned, in UTC; the same for all rules."""
        return self._clock()

    def table(self) -> dict[str, str]:
        """Return all facts by name, as text for people. A label has a row of its own."""
        return dict(row for fact in FACTS for row in rows_of(fact.name, fact.read(self)))


Kind = Literal["text", "texts", "whole", "real", "labels", "moment"]


class Fact(NamedTuple):
    """A fact as rules and explanations name it, what kind of value it has, and where that is read."""

    name: str
    kind: Kind
    read: Callable[[Facts], object]


FACTS = (
    Fact("request.model", "text", attrgetter("model")),
    Fact("request.has", "texts", attrgetter("has")),
    Fact("request.input_tokens", "whole", attrgetter("input_token_count")),
    Fact("request.output_tokens", "whole", attrgetter("output_token_count")),
    Fact("request.message_count", "whole", attrgetter("message_count")),
    Fact("request.turn_count", "whole", attrgetter("turn_count")),
    Fact("request.tool_count", "whole", attrgetter("tool_count")),
    Fact("request.complexity", "real", attrgetter("complexity")),
    Fact("request.labels", "labels", attrgetter("labels")),
    Fact("principal.name", "text", attrgetter("principal.name")),
    Fact("principal.team", "text", attrgetter("principal.team")),
    Fact("principal.labels", "labels", attrgetter("principal.labels")),
    Fact("time", "moment", attrgetter("now")),
)


def things_of(request: generation_pb2.GenerateRequest) -> Iterator[Thing]:
    """Yield what a generation holds and asks for; some of it more than once."""
    if request.tools:
        yield "tools"
    yield from wishes_of(request)
    messages = request.messages
    for message in messages:
        if message.role in INSTRUCTING:
            yield "system"
        yield from media_in(message.parts)
    if messages and messages[-1].role == message_pb2.ROLE_ASSISTANT:
        yield "prefill"


def wishes_of(request: generation_pb2.GenerateRequest) -> Iterator[Thing]:
    """Yield what the answer is to be like."""
    output, reasoning = request.output_format, request.reasoning
    if output.HasField("json_schema"):
        yield "schema"
        yield "json"
    if output.HasField("json_object"):
        yield "json"
    if reasoning.effort not in NO_REASONING or reasoning.max_token_count > 0:
        yield "reasoning"


def media_in(parts: Iterable[message_pb2.Part]) -> Iterator[Thing]:
    """Yield the kinds of media in parts, inside results of tools, too."""
    for part in parts:
        kind = part.WhichOneof("content")
        if kind == "media":
            yield thing_of(part.media)
        elif kind == "tool_result":
            yield from media_in(part.tool_result.parts)


def thing_of(media: message_pb2.Media) -> Thing:
    """Return what kind of thing media are; what is neither seen nor heard is a document."""
    return MEDIA.get(media.mime_type.partition("/")[0].lower(), "document")


def texts_of(request: Request) -> Iterator[str]:
    """Yield the texts of a request, the newest first."""
    if isinstance(request, embedding_pb2.EmbedRequest):
        yield from (item.text for item in request.inputs)
    elif isinstance(request, rerank_pb2.RerankRequest):
        yield request.query
        yield from request.documents
    else:
        for message in reversed(request.messages):
            yield from texts_in(message.parts)
        yield request.raw_prompt.text
        yield request.raw_prompt.suffix


def texts_in(parts: Iterable[message_pb2.Part]) -> Iterator[str]:
    """Yield the texts in parts, inside calls of tools and their results, too."""
    for part in parts:
        kind = part.WhichOneof("content")
        if kind == "text":
            yield part.text
        elif kind == "tool_call":
            yield part.tool_call.arguments_json or part.tool_call.text
        elif kind == "tool_result":
            yield part.tool_result.output_json
            yield from texts_in(part.tool_result.parts)


def rows_of(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the rows that show a fact."""
    if isinstance(value, Mapping):
        yield from ((f"{name}.{label}", text) for label, text in value.items())
    else:
        yield name, show(value)


def show(value: object) -> str:
    """Write a fact's value for people."""
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"{value:.3f}" if isinstance(value, float) else str(value)
