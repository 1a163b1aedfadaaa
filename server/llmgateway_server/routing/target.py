"""A target: one provider's model."""

from __future__ import annotations

import msgspec


class Target(msgspec.Struct, frozen=True):
    """One provider's model. `provider` is its name in the configuration, `model` the provider's own name."""

    provider: str
    model: str

    @property
    def id(self) -> str:
        """The name under which a caller may always ask for it."""
        return f"{self.provider}/{self.model}"


def target_of(text: str) -> Target:
    """Read `provider/model`; the model may hold further slashes."""
    provider, _, model = text.partition("/")
    return Target(provider, model)
