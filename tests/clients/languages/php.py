"""PHP: stubs alone, loaded and used without gRPC: its extension comes neither with Debian nor from a registry here."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.languages.language import CLIENTS, Command, Language


def no_sample(name: str) -> Command:
    """Refuse: there is none."""
    raise LookupError(f"PHP has no sample {name}")


def require_runtime() -> None:
    """Skip where PHP is without protobuf."""
    found = 'exit(stream_resolve_include_path("Google/Protobuf/Internal/Message.php") ? 0 : 1);'
    if subprocess.run(["php", "-r", found], capture_output=True, check=False).returncode != 0:
        pytest.skip("this test needs PHP's protobuf, which is not installed (Debian: php-google-protobuf)")


LANGUAGE = Language(
    name="php",
    folder=CLIENTS / "php",
    tools=("php",),
    install=require_runtime,
    checks={
        "syntax of the stub": ("php", "-l", "gen/LlmGateway/V1/LLMGatewayClient.php"),
        "messages": ("php", "tests/round_trip.php"),
    },
    sample=no_sample,
    samples=(),
)
