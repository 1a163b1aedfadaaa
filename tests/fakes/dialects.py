"""Every dialect that a fake provider speaks, by the gateway's name of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.anthropic import ANTHROPIC
from tests.fakes.bedrock import BEDROCK
from tests.fakes.cohere import COHERE
from tests.fakes.dialect import Dialect, Feature, Trouble
from tests.fakes.gemini import GEMINI
from tests.fakes.mistral import MISTRAL
from tests.fakes.ollama import OLLAMA
from tests.fakes.openai import OPENAI

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        ANTHROPIC,
        GEMINI,
        OLLAMA,
        BEDROCK,
        COHERE,
        MISTRAL,
        OPENAI,
    )
}


def dialects_with(*needed: Trouble | Feature) -> list[str]:
    """Return the names of those that have all of this, for tests of what not every vendor has."""
    return [name for name, dialect in DIALECTS.items() if not dialect.lacks & {*needed}]
