"""What models can do and how much they write, as rows of `abilities.json`, which `make abilities` writes.

Three answers, not two: a word in `has` is something that the model can do, one in `lacks` something that it cannot, and
what stands in neither is unknown. Only what is lacking is ever refused: unknown is not missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Literal

import msgspec
from llmgateway.v1 import model_pb2

from llmgateway_server.config.settings import Ability

INPUT_MODALITIES = ("image", "audio", "video", "document")
MAX_KNOWN = 4096
# What Bedrock's names of models begin with where several regions serve them ("Inference profiles", AWS documentation).
REGION_GROUPS = frozenset({"us", "eu", "apac", "global", "jp", "au", "ca", "us-gov"})

_Capability = model_pb2.Model.Capability


class Abilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model. `output` are modalities, counts are in tokens; empty or 0 where unknown."""

    kind: Literal["", "generate", "embed", "rerank"] = ""
    has: frozenset[Ability] = frozenset()
    lacks: frozenset[Ability] = frozenset()
    output: tuple[str, ...] = ()
    max_output: int = 0
    context: int = 0


class OwnAbilities(msgspec.Struct, frozen=True):
    """What the configuration says of a model: it stands above the file. 0 leaves a count as it is."""

    can: Mapping[Ability, bool] = {}
    max_output: int = 0
    context: int = 0

    def over(self, known: Abilities) -> Abilities:
        """Return what is known of the model with this on top."""
        has = (known.has | {word for word, can in self.can.items() if can}) - {
            w for w, can in self.can.items() if not can
        }
        return Abilities(
            known.kind,
            has,
            (known.lacks | {word for word, can in self.can.items() if not can}) - has,
            known.output,
            self.max_output or known.max_output,
            self.context or known.context,
        )


class AbilityFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: whose data it is, as of which day, and rows by vendor and name in lower case."""

    source: str
    read_on: date
    vendors: Mapping[str, Mapping[str, Abilities]]


UNKNOWN = Abilities()


class AbilityBook:
    """What is known of models, by provider and name. `own` is the configuration's, by `provider/model`."""

    def __init__(self, file: AbilityFile, own: Mapping[str, OwnAbilities] | None = None) -> None:
        self.source = f"{file.source}, {file.read_on}"
        self._file = file
        self._own = own or {}
        # Callers name models again and again.
        self.find = lru_cache(maxsize=MAX_KNOWN)(self._find)

    def describe(self, model: model_pb2.Model, provider: str, name: str) -> None:
        """Add what is known of a model where its provider does not say."""
        known = self.find(provider, name)
        if not model.capabilities:
            words = sorted(known.has | ({known.kind} if known.kind else set()))
            numbers = [
                _Capability.Value(f"CAPABILITY_{word.upper()}") for word in words if word not in INPUT_MODALITIES
            ]
            model.capabilities.extend(sorted(numbers))
        if not model.input_modalities and known.kind:
            model.input_modalities.extend(["text", *(word for word in INPUT_MODALITIES if word in known.has)])
        if not model.output_modalities:
            model.output_modalities.extend(known.output)
        model.missing_capabilities.extend(sorted(known.lacks))
        model.max_output_token_count = model.max_output_token_count or known.max_output
        model.context_token_count = model.context_token_count or known.context

    def _find(self, provider: str, name: str) -> Abilities:
        known = self._row(provider, name.lower())
        own = self._own.get(f"{provider}/{name}")
        return known if own is None else own.over(known)

    def _row(self, provider: str, name: str) -> Abilities:
        rows = self._file.vendors.get(provider, {})
        if name in rows:
            return rows[name]
        group, _, rest = name.partition(".")
        return rows.get(rest, UNKNOWN) if provider == "bedrock" and group in REGION_GROUPS else UNKNOWN


@lru_cache(maxsize=1)  # a third of a megabyte, read once
def load_abilities() -> AbilityFile:
    """Return the file's rows."""
    return msgspec.json.decode(resources.files(__package__).joinpath("abilities.json").read_bytes(), type=AbilityFile)
