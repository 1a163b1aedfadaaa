"""Which target a conversation went to last, so that its next turn finds the provider's prompt cache warm.

Calls with one `prompt_cache.key` belong together. Without one, a turn belongs to the turn before it: what came before
the assistant's last message is what that turn had asked. A first turn has none before it, so that equal prompts that
begin conversations still spread as the route says. Nobody's calls steer another's: caller and route are part of each
key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

import msgspec
from cachetools import TLRUCache
from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.routing.target import Target

MAX_CONVERSATIONS = 65_536
DIGEST_BYTES = 16
LIFETIMES_S = {"5m": 300.0, "1h": 3_600.0, "24h": 86_400.0, "in_memory": 300.0}

Generation = generation_pb2.GenerateRequest
ChatMessage = message_pb2.ChatMessage


class Thread:
    """A call's place in its conversation: under `before` the last turn was noted, under `after` this one will be.

    `before` is empty where no turn came before. `is_named` says that the caller gave the key. What is seldom asked for
    is worked out when it is: most calls begin a conversation, and one that fails has nothing to note.
    """

    __slots__ = ("_messages", "_scope", "before", "is_named")

    def __init__(self, scope: str, messages: Sequence[ChatMessage], key: str, last: int) -> None:
        self._scope = scope
        self._messages = messages
        self.is_named = bool(key)
        if key:
            self.before = blake2b(f"{scope}\0key\0{key}".encode(), digest_size=DIGEST_BYTES).digest()
        else:
            self.before = self._digest(last) if last else b""

    @property
    def after(self) -> bytes:
        """Where this turn is noted."""
        return self.before if self.is_named else self._digest(len(self._messages))

    def _digest(self, count: int) -> bytes:
        """Return the digest of the first messages."""
        digest = blake2b(self._scope.encode(), digest_size=DIGEST_BYTES)
        for message in self._messages[:count]:
            digest.update(message.SerializeToString(deterministic=True))
        return digest.digest()


class Stuck(msgspec.Struct, frozen=True):
    """Where a conversation went. `until_s` is when its provider has forgotten it, by a monotonic clock."""

    target: Target
    key_index: int
    until_s: float


class StickyBook:
    """Remembers conversations for as long as their providers do, 65,536 at most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: TLRUCache[bytes, Stuck] = TLRUCache(
            MAX_CONVERSATIONS, ttu=lambda _, stuck, __: stuck.until_s, timer=clock
        )

    def recall(self, thread: Thread) -> Stuck | None:
        """Return where the turn before went, if its provider may still know it."""
        return self._kept.get(thread.before) if thread.before else None

    def remember(self, thread: Thread, target: Target, key_index: int, lifetime_s: float) -> None:
        """Note where a turn went."""
        self._kept[thread.after] = Stuck(target, key_index, self._clock() + lifetime_s)


def thread_of(request: Generation, scope: str) -> Thread:
    """Return a call's place in its conversation. `scope` says whose it is, and on which route."""
    return Thread(scope, request.messages, request.prompt_cache.key, last_answer(request))


def last_answer(request: Generation) -> int:
    """Return where the assistant spoke last, 0 where it has not."""
    for index in range(len(request.messages) - 1, 0, -1):
        if request.messages[index].role == message_pb2.ROLE_ASSISTANT:
            return index
    return 0


def lifetime_s(request: Generation, by_catalogue_s: float) -> float:
    """Return how long a provider keeps a prompt: as the request asks, else as the catalogue says."""
    return LIFETIMES_S.get(request.prompt_cache.ttl, by_catalogue_s) if request.prompt_cache.ttl else by_catalogue_s
