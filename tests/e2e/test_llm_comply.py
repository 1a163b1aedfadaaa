"""The compliance suite `llm-comply`, whose nine tests of the format `openai-chat` all pass."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.fakes.openai import FakeOpenAI

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMAND = Path(sys.executable).parent / "llm-comply"
SUITE_TIMEOUT_S = 60.0
TEST_COUNT = 9


async def test_all_nine_tests_pass(rest: str, provider: FakeOpenAI) -> None:
    # Not `fake`, which checks what the provider is sent: the suite sends a member that OpenAI does not declare.
    provider.reset()
    # Its test of reasoning runs only for models whose names promise it; the fake answers to any name.
    arguments = ["--format", "openai-chat", "-u", rest, "-k", "none", "-m", "fake/gpt-5", "--json"]
    process = await asyncio.create_subprocess_exec(
        str(COMMAND), *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SUITE_TIMEOUT_S):
        output, _ = await process.communicate()
    results = json.loads(output)
    assert process.returncode == 0, json.dumps(results, indent=1)[:8000]
    statuses = [test["status"] for test in results["results"]]
    assert statuses == ["passed"] * TEST_COUNT
