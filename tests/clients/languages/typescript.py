"""TypeScript: a package for Node, by its own locked tools; samples and the conformance runner import it by its name."""

from __future__ import annotations

import hashlib

from tests import toolchains
from tests.clients.languages.language import CLIENTS, Language

FOLDER = CLIENTS / "typescript"
# Says which lock file is installed: npm itself would install anew each time.
STAMP = FOLDER / "node_modules" / ".installed"


def install() -> None:
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if not STAMP.exists() or STAMP.read_text() != lock:
        toolchains.install(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], str(FOLDER))
        STAMP.write_text(lock)


LANGUAGE = Language(
    name="typescript",
    folder=FOLDER,
    tools=("node", "npm"),
    install=install,
    build=(("npm", "run", "--silent", "build"), ("npm", "run", "--silent", "compile")),
    checks={
        "format": ("npm", "run", "--silent", "format"),
        "lint": ("npm", "run", "--silent", "lint"),
        "types": ("npm", "run", "--silent", "types"),
        "tests": ("npm", "run", "--silent", "test"),
    },
    package=(("npm", "run", "--silent", "try-package"),),
    sample=lambda name: ("node", f"build/samples/{name}.js"),
    runner=("node", "build/conformance/runner.js"),
)
