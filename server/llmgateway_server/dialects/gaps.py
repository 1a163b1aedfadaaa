"""What a request asks for and a provider does not take: refused by its path, or left out with a warning."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.options import decode_object
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing, FieldViolation, InvalidField

DROP_HINT = "Leave it out, or set unsupported_policy to drop it."
MODEL_HINT = "Leave it out, or name a model that has it."


class Gaps:
    """Refuses or leaves out, as the request's `unsupported_policy` says. `warnings` say what became of which field."""

    def __init__(self, provider: str, model: str, *, drops: bool) -> None:
        self.warnings: list[call_pb2.Warning] = []
        self._provider = provider
        self._model = model
        self._drops = drops

    def miss(self, field: str, bound: str = "", *, dropped: str = "") -> None:
        """Refuse a field that the provider does not take, or leave it out with a warning where that is allowed.

        `bound` says which values it does not take, or why, for example ` above 1`; empty: none at all. `dropped`
        says what becomes of the field where it is left out, unless just that.
        """
        if not self._drops:
            raise missing(self._provider, self._model, field, bound)
        self.warn(field, dropped or f"{self._provider} does not take it{bound}.")

    def warn(self, field: str, description: str) -> None:
        """Say what became of a field."""
        self.warnings.append(call_pb2.Warning(field=field, description=description))

    def leaves_out(self, path: str, part: message_pb2.Part, dialect: str) -> bool:
        """Whether an assistant's part is another dialect's block: it is left out, with a warning."""
        if not part.HasField("provider_part") or part.provider_part.dialect == dialect:
            return False
        whose = part.provider_part.dialect[:64]
        self.warn(path, f"It is a block of the dialect {whose!r}, and the target speaks {dialect}: it was left out.")
        return True

    def refuse(self, field: str, hint: str = MODEL_HINT) -> CapabilityMissing:
        """Return the refusal of what cannot be left out without changing what the request means."""
        return missing(self._provider, self._model, field, hint=hint)


def drops_gaps(request: generation_pb2.GenerateRequest) -> bool:
    """Whether the request lets what the provider does not take be left out."""
    return request.unsupported_policy == generation_pb2.UNSUPPORTED_POLICY_DROP


def missing(provider: str, model: str, field: str, bound: str = "", hint: str = DROP_HINT) -> CapabilityMissing:
    """Return the refusal of a field that the provider does not take."""
    return CapabilityMissing(
        f"{provider} does not take {field}{bound}. {hint}",
        metadata={"model": f"{provider}/{model}"[:200], "capability": field},
    )


def invalid(field: str, description: str) -> InvalidField:
    """Return the refusal of a field whose value or place is wrong for the dialect."""
    return InvalidField([FieldViolation(field, description)])


def own_block(path: str, block: message_pb2.ProviderPart, dialect: str) -> Json:
    """Return a block of a dialect's own as it came. Raise `InvalidField` for another dialect's."""
    if block.dialect != dialect:
        description = f"belongs to the dialect {block.dialect[:64]!r}, and the target speaks {dialect}"
        raise invalid(f"{path}.provider_part.dialect", description)
    return decode_object(block.json)
