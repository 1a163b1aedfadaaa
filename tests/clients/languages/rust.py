"""Rust: a crate; samples are its examples, the conformance runner is another crate in its workspace."""

from __future__ import annotations

from tests.clients.languages.language import CLIENTS, Language

FOLDER = CLIENTS / "rust"
# Two at once, as many as a small machine has.
CARGO = ("--locked", "--jobs", "2")
# A project of its own, so that building the client does not build it.
GENERATOR = ("--manifest-path", "generate/Cargo.toml")

LANGUAGE = Language(
    name="rust",
    folder=FOLDER,
    tools=("cargo", "rustfmt", "cargo-clippy"),
    build=(("cargo", "build", *CARGO, "--workspace", "--bins", "--examples"),),
    checks={
        "format": ("cargo", "fmt", "--all", "--check"),
        "lint": ("cargo", "clippy", *CARGO, "--workspace", "--all-targets", "--", "-D", "warnings"),
        "documentation": ("cargo", "doc", *CARGO, "--workspace", "--no-deps"),
        "unit tests": ("cargo", "test", *CARGO, "--workspace"),
        "format of the generator": ("cargo", "fmt", *GENERATOR, "--check"),
        "lint of the generator": ("cargo", "clippy", *CARGO, *GENERATOR, "--", "-D", "warnings"),
    },
    package=(("cargo", "package", *CARGO, "--allow-dirty"),),
    sample=lambda name: (f"target/debug/examples/{name}",),
    runner=("target/debug/llmgateway-conformance",),
    # A warning of the documentation is a mistake.
    environment={"RUSTDOCFLAGS": "-D warnings", "CARGO_TARGET_DIR": str(FOLDER / "target")},
)
