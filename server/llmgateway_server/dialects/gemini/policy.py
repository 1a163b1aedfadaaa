"""What becomes of a field that the target cannot take: refused by its path, or left out with a warning."""

from __future__ import annotations

from llmgateway.v1 import call_pb2

from llmgateway_server.errors import CapabilityMissing, FieldViolation, InvalidField


class Policy:
    """Refuses or leaves out, as the request's `unsupported_policy` says. `warnings` gathers what was left out."""

    def __init__(self, provider: str, model: str, *, drops: bool) -> None:
        self._provider = provider
        self._model = model
        self._drops = drops
        self.warnings: list[call_pb2.Warning] = []

    def miss(self, field: str, dropped: str = "") -> None:
        """Refuse a field, or leave it out where that is allowed; `dropped` says what then becomes of it."""
        if not self._drops:
            raise self.missing(field)
        self.warn(field, dropped or f"{self._provider} does not take it.")

    def missing(
        self, field: str, instead: str = "Leave it out, or set unsupported_policy to drop it."
    ) -> CapabilityMissing:
        """Return the refusal of a field that nothing can be left out of."""
        return CapabilityMissing(
            f"{self._provider} does not take {field}. {instead}",
            metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": field},
        )

    def warn(self, field: str, description: str) -> None:
        """Say what became of a field."""
        self.warnings.append(call_pb2.Warning(field=field, description=description))


def invalid(field: str, description: str) -> InvalidField:
    """Refuse a field whose value or place is wrong."""
    return InvalidField([FieldViolation(field, description)])
