"""What encoding one request needs to know of its target, and what it gathers on the way."""

from __future__ import annotations

import re
import zlib

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.anthropic.quirks import Quirks
from llmgateway_server.dialects.gaps import Gaps, drops_gaps, invalid
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing

MAX_CACHE_BREAKPOINTS = 4
TTLS = frozenset({"", "5m", "1h"})
TTL_WORDS = ": it keeps a prompt for 5m or 1h"
CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
CALL_ID_WRONG = re.compile(r"[^a-zA-Z0-9_-]")


class Target(Gaps):
    """Where one request goes. `warnings` say what was left out, `betas` which beta features it uses."""

    def __init__(self, request: generation_pb2.GenerateRequest, model: str, provider: str, quirks: Quirks) -> None:
        super().__init__(provider, model, drops=drops_gaps(request))
        self.model = model
        self.provider = provider
        self.quirks = quirks
        self.betas: list[str] = []
        self._breakpoint_count = 0
        self._is_short_lived = False

    def missing(self, message: str, field: str) -> CapabilityMissing:
        """Return the refusal of what cannot be left out, in words of its own."""
        metadata = {"model": f"{self.provider}/{self.model}"[:200], "capability": field}
        return CapabilityMissing(message, metadata=metadata)

    def put(self, body: Json, member: str, value: object, field: str) -> None:
        """Set a member of the body, unless the provider refuses it."""
        if member in self.quirks.unsupported:
            self.miss(field)
        else:
            body[member] = value

    def use(self, beta: str) -> None:
        """Note a beta feature that the request needs."""
        if beta not in self.betas:
            self.betas.append(beta)

    def add_breakpoint(self, encoded: Json, mark: message_pb2.CacheBreakpoint, path: str) -> None:
        """Ask for the prompt to be cached up to this block or tool. Called in the order of the prompt."""
        field = f"{path}.cache_breakpoint"
        if self._breakpoint_count == MAX_CACHE_BREAKPOINTS:
            self.miss(field, f": it caches at {MAX_CACHE_BREAKPOINTS} places of a prompt at most")
            return
        self._breakpoint_count += 1
        encoded["cache_control"] = self.cache_control(mark.ttl, f"{field}.ttl")

    def add_last_breakpoint(self, body: Json, ttl: str, field: str) -> None:
        """Ask for the whole prompt to be cached, which takes one of the places, too."""
        if self._breakpoint_count == MAX_CACHE_BREAKPOINTS:
            self.miss(field, f": it caches at {MAX_CACHE_BREAKPOINTS} places of a prompt at most")
        elif ttl not in TTLS:
            self.miss(field, TTL_WORDS)
        else:
            self.put(body, "cache_control", self.cache_control(ttl, field), field)

    def cache_control(self, ttl: str, field: str) -> Json:
        """Return a place's mark. What is kept for an hour must come before what is kept for less."""
        if ttl not in TTLS:
            self.miss(field, TTL_WORDS)
            ttl = ""
        elif ttl == "1h" and self._is_short_lived:
            self.miss(field, ": what it keeps for 1h comes before what it keeps for 5m")
            ttl = ""
        self._is_short_lived = self._is_short_lived or ttl != "1h"
        return {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}


def call_id(given: str, path: str) -> str:
    """Return a call's id as Anthropic takes it. Another provider's may hold other characters: they are replaced, the
    same way each time, with a checksum that keeps ids apart."""
    if CALL_ID.fullmatch(given):
        return given
    if not given:
        raise invalid(path, "is required: the result of the call repeats it")
    return f"{CALL_ID_WRONG.sub('_', given)}_{zlib.crc32(given.encode('utf-8', 'replace')):08x}"
