"""Ruby: stubs and one sample, in a gem."""

from __future__ import annotations

import subprocess

import pytest

from tests.clients.languages.language import CLIENTS, Language

FOLDER = CLIENTS / "ruby"
# `ruby -wc` prints warnings and succeeds all the same.
COMPILE_WITHOUT_WARNINGS = """
def Warning.warn(message, category: nil) = abort(message)
ARGV.each { |path| RubyVM::InstructionSequence.compile_file(path) }
"""


def require_runtime() -> None:
    """Skip where Ruby is without gRPC."""
    if subprocess.run(["ruby", "-e", "require 'grpc'"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this test needs the gem grpc, which is not installed (Debian: ruby-grpc)")


LANGUAGE = Language(
    name="ruby",
    folder=FOLDER,
    tools=("ruby", "gem"),
    install=require_runtime,
    checks={
        "warnings": (
            *("ruby", "-w", "-e", COMPILE_WITHOUT_WARNINGS, "llmgateway.gemspec", "samples/basic.rb"),
            *sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("lib/**/*.rb")),
        ),
    },
    package=(
        ("mkdir", "-p", "build"),
        ("gem", "build", "--strict", "llmgateway.gemspec", "-o", "build/llmgateway.gem"),
    ),
    sample=lambda name: ("ruby", "-I", "lib", f"samples/{name}.rb"),
    samples=("basic",),
)
