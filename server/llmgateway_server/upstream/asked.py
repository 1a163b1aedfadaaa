"""Keeps the candidates that were asked for: some servers write more, and a caller who asked for one takes no second."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, stream_pb2

Event = stream_pb2.GenerationEvent
# The kinds of events that belong to a candidate.
OF_CANDIDATES = frozenset({"part_started", "part_delta", "part_finished", "candidate_finished"})


class AskedCandidates:
    """Keeps the first candidates of one answer, as many as its request asks for; a warning tells of others."""

    def __init__(self, request: generation_pb2.GenerateRequest) -> None:
        self._most = request.candidate_count if request.HasField("candidate_count") else 1
        self._kept: set[int] = set()
        self._has_others = False

    def only_response(self, response: generation_pb2.GenerateResponse) -> generation_pb2.GenerateResponse:
        """Return a whole answer without the others."""
        if len(response.candidates) > self._most:
            del response.candidates[self._most :]
            self._has_others = True
            self._warn(response.call)
        return response

    def only(self, events: list[Event]) -> list[Event]:
        """Return the events of a stream without those of the others."""
        kept = [event for event in events if event.candidate_index in self._kept or self._keeps(event)]
        if self._has_others and kept and kept[-1].HasField("finished"):
            self._warn(kept[-1].finished.call)
        return kept

    def _keeps(self, event: Event) -> bool:
        if event.WhichOneof("event") not in OF_CANDIDATES:
            return True
        if len(self._kept) < self._most:
            self._kept.add(event.candidate_index)
            return True
        self._has_others = True
        return False

    def _warn(self, call: call_pb2.CallInfo) -> None:
        call.warnings.add(
            field="candidate_count",
            description="The provider wrote more candidates than asked for: they were left out.",
        )
