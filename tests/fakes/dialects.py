"""Every dialect that a fake provider speaks, by the gateway's name of it."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.anthropic import ANTHROPIC
from tests.fakes.dialect import Dialect
from tests.fakes.openai import OPENAI

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (ANTHROPIC, OPENAI)}
