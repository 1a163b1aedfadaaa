"""What a request asks for and the provider does not take: refused, or left out with a warning."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2

from llmgateway_server.errors import CapabilityMissing

DROP_HINT = "Leave it out, or set unsupported_policy to drop it."
MODEL_HINT = "Leave it out, or name a model that has it."


class Gaps:
    """Refuses or leaves out, as the request's `unsupported_policy` says. `warnings` say what was left out."""

    def __init__(self, request: generation_pb2.GenerateRequest, model: str, provider: str) -> None:
        self.warnings: list[call_pb2.Warning] = []
        self._is_dropping = request.unsupported_policy == generation_pb2.UNSUPPORTED_POLICY_DROP
        self._model = model
        self._provider = provider

    def miss(self, field: str, bound: str = "") -> None:
        """Refuse a field that the provider does not take, or leave it out with a warning where that is allowed.

        `bound` says which values it does not take, for example ` above 1`; empty: none at all.
        """
        if not self._is_dropping:
            raise missing(self._provider, self._model, field, bound)
        self.warn(field, f"{self._provider} does not take it{bound}.")

    def warn(self, field: str, description: str) -> None:
        """Say what became of a field."""
        self.warnings.append(call_pb2.Warning(field=field, description=description))

    def refuse(self, field: str) -> CapabilityMissing:
        """Return the refusal of what cannot be left out without changing what the request means."""
        return missing(self._provider, self._model, field, hint=MODEL_HINT)


def missing(provider: str, model: str, field: str, bound: str = "", hint: str = DROP_HINT) -> CapabilityMissing:
    """Return the refusal of a field that the provider does not take."""
    return CapabilityMissing(
        f"{provider} does not take {field}{bound}. {hint}",
        metadata={"model": f"{provider}/{model}"[:200], "capability": field},
    )
