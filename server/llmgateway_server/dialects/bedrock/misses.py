"""What a request asks for and a target lacks: refused, or left out with a warning where the request allows that."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2

from llmgateway_server.errors import CapabilityMissing


class Misses:
    """Collects what is left out of one request. `warnings` say so."""

    def __init__(self, request: generation_pb2.GenerateRequest, model: str, provider: str) -> None:
        self.warnings: list[call_pb2.Warning] = []
        self._may_drop = request.unsupported_policy == generation_pb2.UNSUPPORTED_POLICY_DROP
        self._model = model
        self._provider = provider

    def warn(self, field: str, description: str) -> None:
        """Say what became of a field."""
        self.warnings.append(call_pb2.Warning(field=field, description=description))

    def miss(self, field: str, but: str = "") -> None:
        """Refuse a field that the target does not take, or leave it out with a warning where that is allowed.

        `but` says what would be taken, or when.
        """
        if self._may_drop:
            self.warn(field, f"{self._provider} does not take it{but}.")
            return
        raise CapabilityMissing(
            f"{self._provider} does not take {field} with {self._model}{but}."
            " Leave it out, or set unsupported_policy to drop it.",
            metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": field},
        )
