"""Go: messages and the service's client and server, by buf with the two official plugins, which Go builds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests import toolchains
from tests.contract.generators.generator import CLIENTS, PROTO, PUBLIC, Generator, run

PLUGINS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
)


def missing() -> str | None:
    return None if shutil.which("go") else "Go is not installed"


def generate(out: Path) -> None:
    """Write the package `llmgatewayv1`, at the place that `go_package` names."""
    plugins = [
        {"local": [str(toolchains.go_tool(plugin))], "out": str(out), "opt": ["paths=source_relative"]}
        for plugin in PLUGINS
    ]
    template = json.dumps({"version": "v2", "plugins": plugins})
    run([toolchains.BUF, "generate", "--template", template, "--path", PROTO / PUBLIC])


GENERATOR = Generator("go", CLIENTS / "go" / "gen", missing, generate)
