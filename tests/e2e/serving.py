"""Starts the installed command, reads from its banner where it listens, and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from llmgateway_server.config.resilience import BreakerSettings, ResilienceSettings, RetrySettings

from tests.e2e import canaries

COMMAND = Path(sys.executable).parent / "llmgateway"
# Longer than any healthy step takes on a busy machine; a test that runs into it has failed.
SAFETY_S = 30.0
WHOLE_GATEWAY = ("gRPC", "REST", "metrics")
ADDRESSES = {*WHOLE_GATEWAY, "admin"}
PROBES = ("/metrics", "/readyz", "/livez")


@dataclass(frozen=True, slots=True)
class Served:
    """A running `llmgateway`. `addresses` are those of the banner, by their names there; `log` is its standard error.

    `secrets` are those that its test gave it, beside the canaries.
    """

    process: asyncio.subprocess.Process
    addresses: Mapping[str, str]
    banner: str
    log: Path
    secrets: Sequence[str] = ()

    @property
    def grpc(self) -> str:
        return self.addresses["gRPC"]

    @property
    def rest(self) -> str:
        """The base URL of REST, without `/v1`."""
        return self.addresses["REST"]

    @property
    def metrics(self) -> str:
        return self.addresses["metrics"]

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code. What its probes tell by then must be no secret."""
        if number != signal.SIGKILL:
            await self.check_probes()
        self.process.send_signal(number)
        return await self.exit_code()

    async def check_probes(self) -> None:
        """Fail if metrics or probes tell a secret."""
        if "metrics" not in self.addresses:
            return
        base = self.metrics.removesuffix("/metrics")
        timeout = aiohttp.ClientTimeout(total=SAFETY_S)
        async with aiohttp.ClientSession(base, timeout=timeout) as http:
            for path in PROBES:
                async with http.get(path) as answer:
                    canaries.check(path, await answer.read(), self.secrets)

    async def exit_code(self) -> int:
        """Wait for the end."""
        async with asyncio.timeout(SAFETY_S):
            return await self.process.wait()


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without anything that would configure a gateway, and with canaries."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_BASE_URL", "_HOST")) and not name.startswith("LLMGATEWAY")
    }
    return {**inherited, **canaries.VARIABLES, **more}


async def spawn(
    arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start `llmgateway` with its standard output in a pipe and its standard error in `log`.

    Its data lies beside the log, in a folder of its own for each log: two gateways of one test have two ledgers.
    """
    variables = {"XDG_DATA_HOME": str(log.with_suffix(".data")), **(variables or {})}
    with log.open("wb") as errors:
        return await asyncio.create_subprocess_exec(
            str(COMMAND),
            *arguments,
            env=environment(**variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )


async def read_banner(
    process: asyncio.subprocess.Process, log: Path, names: Sequence[str]
) -> tuple[Mapping[str, str], str]:
    """Read standard output until every address named is known; fail with the log if the process ends before."""
    assert process.stdout is not None
    addresses: dict[str, str] = {}
    banner = ""
    async with asyncio.timeout(SAFETY_S):
        while not set(names) <= set(addresses):
            line = (await process.stdout.readline()).decode()
            if not line:
                code = await process.wait()
                raise AssertionError(f"llmgateway ended with {code} before it was ready:\n{banner}{text_of(log)}")
            banner += line
            words = line.split()
            if len(words) >= 2 and words[0] in ADDRESSES:
                addresses[words[0]] = words[1]
    return addresses, banner


@contextlib.asynccontextmanager
async def watched(
    process: asyncio.subprocess.Process,
    log: Path,
    names: Sequence[str] = WHOLE_GATEWAY,
    variables: Mapping[str, str] | None = None,
) -> AsyncGenerator[Served, None]:
    """Wait until a gateway is ready; when the block is left, kill it if it still runs, and read all that it told."""
    secrets = canaries.secrets_of(variables or {})
    try:
        addresses, banner = await read_banner(process, log, names)
        yield Served(process, addresses, banner, log, secrets)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert process.stdout is not None
    canaries.check("standard output", banner.encode() + await process.stdout.read(), secrets)
    canaries.check(log, text_of(log), secrets)


@contextlib.asynccontextmanager
async def serving(
    arguments: Sequence[str],
    log: Path,
    variables: Mapping[str, str] | None = None,
    names: Sequence[str] = WHOLE_GATEWAY,
) -> AsyncGenerator[Served, None]:
    """Run `llmgateway ARGUMENTS` until the block is left; whatever still runs then is killed."""
    process = await spawn(arguments, log, variables)
    async with watched(process, log, names, variables) as served:
        yield served


async def run_to_end(
    arguments: Sequence[str], log: Path, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run `llmgateway ARGUMENTS` that is to end by itself; return its exit code, standard output and error."""
    process = await spawn(arguments, log, variables)
    try:
        async with asyncio.timeout(SAFETY_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    told, secrets = output.decode(), canaries.secrets_of(variables or {})
    canaries.check(f"llmgateway {arguments[0]}", told + text_of(log), secrets)
    return process.returncode, told, text_of(log)


def text_of(log: Path) -> str:
    """Read a small local file: nothing that would hold the event loop up."""
    return log.read_text()


# For tests of what one try does: nothing is tried again, and none is held against the next.
ONE_TRY = ResilienceSettings(retry=RetrySettings(attempts=1), breaker=BreakerSettings(enabled=False))
ONE_TRY_YAML = "resilience: {retry: {attempts: 1}, breaker: {enabled: false}}"

FREE_PORTS = """
server:
  grpc_listen: 127.0.0.1:0
  http_listen: 127.0.0.1:0
  metrics_listen: 127.0.0.1:0
  admin_listen: 127.0.0.1:0
"""


def write_config(folder: Path, text: str) -> Path:
    """Write a configuration file, with canaries in it."""
    path = folder / "gateway.yaml"
    path.write_text(canaries.planted(text))
    return path
