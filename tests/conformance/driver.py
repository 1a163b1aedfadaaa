"""Gives every case to a language's runner, and judges what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.clients.languages.language import Language
from tests.conformance.case import Case
from tests.conformance.judge import judge
from tests.e2e.serving import Served, serving

CONFIG = Path(__file__).parent / "gateway.yaml"
KEYS: Mapping[str, str | None] = {
    "valid": "sk-conformance-0123456789abcdef",
    "narrow": "sk-narrow-0123456789abcdef",
    "unknown": "sk-unknown-0123456789abcdef",
    "none": None,
}
VARIABLES = {"CONFORMANCE_KEY": str(KEYS["valid"]), "CONFORMANCE_NARROW_KEY": str(KEYS["narrow"])}
# Longer than any case takes on a busy machine, a virtual machine's start included.
ANSWER_TIMEOUT_S = 60.0
LINE_LIMIT_BYTES = 256 * 1024**2


class RunnerError(Exception):
    """A runner that ended, fell silent or wrote what is no answer."""


@dataclass
class Result:
    """How one language fared. `failed` tells by case what was wrong."""

    language: str
    passed: int = 0
    failed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def line(self) -> str:
        return f"{self.language}: {self.passed} passed, {len(self.failed)} failed"


class Runner:
    """A runner's process: a case in, an answer out."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment or {}
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Runner:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def ask(self, line: str, timeout_s: float = ANSWER_TIMEOUT_S) -> Mapping[str, Any]:  # Any: decoded JSON.
        """Return the answer to one case; raise `RunnerError`, after which the next case gets a fresh process."""
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
                answer = await process.stdout.readline()
            if not answer:
                raise RunnerError(f"the runner ended with {await process.wait()}")
            decoded: Mapping[str, Any] = json.loads(answer)
        except TimeoutError as error:
            await self.stop()
            raise RunnerError(f"the runner did not answer within {timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            await self.stop()
            raise RunnerError(f"the runner's answer cannot be read: {error}") from error
        except RunnerError:
            await self.stop()
            raise
        return decoded

    async def end(self) -> int:
        """Close the runner's input; return its exit code."""
        process = self._process or await self._start()
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            code = await process.wait()
        self._process = None
        return code

    async def stop(self) -> None:
        """Kill the process, if one runs."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )
        return self._process


@contextlib.asynccontextmanager
async def conformance_gateway(log: Path) -> AsyncIterator[Served]:
    """Run the gateway that the cases are written for."""
    async with serving(["serve", "--config", str(CONFIG)], log, VARIABLES) as served:
        yield served
        assert await served.stop() == 0


def runner_of(language: Language) -> Runner:
    """Return a language's runner, not yet started."""
    assert language.runner is not None
    return Runner(language.runner, language.folder, language.environment)


def client_of(target: str, key: str) -> dict[str, str]:
    """Return how a runner is to connect, by the name of a key."""
    value = KEYS[key]
    return {"target": target} if value is None else {"target": target, "key": value}


async def run_cases(name: str, runner: Runner, cases: Sequence[Case], target: str) -> Result:
    """Run every case, whatever failed before it."""
    result = Result(name)
    async with runner:
        for case in cases:
            try:
                wrong = judge(case, await ask(runner, case, target))
            except RunnerError as error:
                wrong = [str(error)]
            if wrong:
                result.failed[case.name] = wrong
            else:
                result.passed += 1
        code = await runner.end()
        if code != 0:
            result.failed["(end)"] = [f"the runner ended with {code} after its last case"]
    return result


async def ask(runner: Runner, case: Case, target: str) -> Mapping[str, Any]:  # Any: decoded JSON.
    """Have a case's call made as often as it says; return the last answer."""
    line = case.line(client_of(target, case.key))
    answer: Mapping[str, Any] = {}
    for _ in range(case.times):
        answer = await runner.ask(line)
    if answer.get("name") != case.name:
        raise RunnerError(f"the answer names {answer.get('name')!r}: answers must come one for each case, in order")
    return answer
