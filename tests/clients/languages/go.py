"""Go: a module that others require; samples and the conformance runner are commands in it."""

from __future__ import annotations

from tests import toolchains
from tests.clients.languages.language import CLIENTS, Language

MODULE = "github.com/llmgateway/llmgateway/clients/go"
STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
STATICCHECK_PLACE = toolchains.TOOLS / "staticcheck-v0.8.2" / "staticcheck"
# Nothing is uploaded for a Go module: that another one can require it is all of packaging.
CONSUMER = "build/consumer"
IN_CONSUMER = ("go", "-C", CONSUMER)


def install() -> None:
    toolchains.go_tool(STATICCHECK)


LANGUAGE = Language(
    name="go",
    folder=CLIENTS / "go",
    tools=("go", "gofmt"),
    install=install,
    build=(("go", "build", "-o", "build/", "./..."),),
    checks={
        "format": ("gofmt", "-d", "."),
        "vet": ("go", "vet", "./..."),
        # Generated packages have no comment of their own.
        "staticcheck": (str(STATICCHECK_PLACE), "-checks", "all,-ST1000", "./..."),
        "tidy": ("go", "mod", "tidy", "-diff"),
        "tests": ("go", "test", "-race", "./..."),
    },
    package=(
        ("rm", "-rf", CONSUMER),
        ("mkdir", "-p", CONSUMER),
        ("cp", "samples/basic/main.go", "go.sum", CONSUMER),
        (*IN_CONSUMER, "mod", "init", "consumer.test"),
        (*IN_CONSUMER, "mod", "edit", f"-require={MODULE}@v0.1.0", f"-replace={MODULE}=../.."),
        (*IN_CONSUMER, "build", "-mod=mod", "-o", "consumer", "."),
    ),
    sample=lambda name: (f"build/{name}",),
    runner=("build/conformance",),
)
