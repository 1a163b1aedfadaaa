"""Upstreams that play what a test writes, behind a planner with a clock of the test's own."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, message_pb2, stream_pb2
from llmgateway_server import errors
from llmgateway_server.attempts.attempts import Attempts
from llmgateway_server.attempts.delivery import Events
from llmgateway_server.call import Call, Principal
from llmgateway_server.quota.accounts import Account, Accounts
from llmgateway_server.upstream.upstream import AttemptState

from tests.server.quota.desks import make_desk
from tests.server.routing.world import World

Event = stream_pb2.GenerationEvent
Step = Events | errors.CallError
STARTED = Event(started=stream_pb2.GenerationStarted())
OPENED = Event(part_started=stream_pb2.PartStarted(part=message_pb2.Part(text="")))
CLOSED = Event(part_finished=stream_pb2.PartFinished())
DONE = Event(candidate_finished=stream_pb2.CandidateFinished(finish_reason=generation_pb2.FINISH_REASON_STOP))
FINISHED = Event(finished=stream_pb2.GenerationFinished())


def delta(text: str) -> Event:
    return Event(part_delta=stream_pb2.PartDelta(text=text))


ANSWER: Sequence[Step] = ([STARTED, OPENED, delta("Hello")], [CLOSED, DONE, FINISHED])


def copy_of(events: Events) -> Events:
    copies = [Event() for _ in events]
    for copy, event in zip(copies, events, strict=True):
        copy.CopyFrom(event)
    return copies


class Scripted:
    """A provider that plays one script a call, in turn, and the last one for ever. An empty one answers.

    `asked` notes each call's model and key; `states` what each was given. Each call takes `takes_s` of the clock.
    """

    dialect = "openai"

    def __init__(self, name: str, world: World, *scripts: Sequence[Step], takes_s: float = 0.0) -> None:
        self.name = name
        self.key_count = 1
        self.asked: list[tuple[str, int]] = []
        self.states: list[AttemptState] = []
        self.is_open = False
        self._world = world
        self._scripts = deque(scripts or [ANSWER])
        self._takes_s = takes_s

    def _begin(self, model: str, state: AttemptState) -> Sequence[Step]:
        state.dispatch()
        self.asked.append((model, state.key_index))
        self.states.append(state)
        self._world.now_s += self._takes_s
        script = self._scripts.popleft() if len(self._scripts) > 1 else self._scripts[0]
        return script or ANSWER

    async def generate(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> generation_pb2.GenerateResponse:
        script = self._begin(model, state)
        state.waited_s += 2.0
        state.warnings.append(call_pb2.Warning(field="sampling.top_k"))
        for step in script:
            self._raise(step, state)
        state.http_status = 200
        part = message_pb2.Part(text="y" * 8)
        message = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[part])
        return generation_pb2.GenerateResponse(candidates=[generation_pb2.Candidate(message=message)])

    async def stream(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> AsyncGenerator[Events, None]:
        self.is_open = True
        try:
            for step in self._begin(model, state):
                self._raise(step, state)
                assert isinstance(step, list)
                state.http_status = 200
                yield copy_of(step)
        finally:
            self.is_open = False

    async def embed(
        self, request: embedding_pb2.EmbedRequest, model: str, state: AttemptState
    ) -> embedding_pb2.EmbedResponse:
        for step in self._begin(model, state):
            self._raise(step, state)
        return embedding_pb2.EmbedResponse()

    def dialect_of(self, model: str) -> str:
        return self.dialect

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest, model: str, state: AttemptState
    ) -> int | None:
        for step in self._begin(model, state):
            self._raise(step, state)
        return 7

    def _raise(self, step: Step, state: AttemptState) -> None:
        if isinstance(step, errors.CallError):
            state.http_status = step.http_status
            raise step


class Stage:
    """Attempts over scripted providers. `paused` holds the pauses between attempts, which move the clock."""

    def __init__(self, world: World, providers: Mapping[str, Scripted]) -> None:
        self.world = world
        self.paused: list[float] = []
        upstreams: Mapping[str, Any] = providers  # Any: only what attempts use of an upstream
        self.attempts = Attempts(world.books, upstreams, self._pause)
        self.desk = make_desk(monotonic_s=lambda: world.now_s, wall_ns=lambda: int(world.now_s * 1e9))

    async def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.world.now_s += seconds

    def call(self, timeout_s: float = 600.0) -> Call:
        now_s = self.world.now_s
        return Call("call_1", "Generate", Principal("ci"), now_s, 0, now_s + timeout_s)

    async def generate(
        self, name: str, request: generation_pb2.GenerateRequest, call: Call | None = None
    ) -> generation_pb2.GenerateResponse:
        call = call or self.call()
        account = await self.account(call, request)
        try:
            return await self.attempts.generate(call, request, self.world.plan(name, request), account)
        finally:
            account.close()

    async def stream(
        self, name: str, request: generation_pb2.GenerateRequest, call: Call | None = None
    ) -> list[Events]:
        call, plan = call or self.call(), self.world.plan(name, request)
        account = await self.account(call, request)
        try:
            return [events async for events in self.attempts.stream(call, request, plan, account)]
        finally:
            account.close()

    async def account(self, call: Call, request: generation_pb2.GenerateRequest) -> Account:
        return await Accounts(self.desk).open(call, request)
