"""TypeScript: messages and the service's description, by protoc-gen-es.

Connect reads the details of a status by their schemas, so those of `google.rpc` are made here, too, from the files that
googleapis-common-protos installs. The plugin is the one that the client's own lock file pins.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import google.rpc

from tests import toolchains
from tests.clients.languages.typescript import install
from tests.contract.generators.generator import CLIENTS, PROTO, PUBLIC, Generator, run

PACKAGE = CLIENTS / "typescript"
PLUGIN = PACKAGE / "node_modules" / ".bin" / "protoc-gen-es"
STATUS_FILES = ("error_details.proto", "status.proto")


def missing() -> str | None:
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"this machine lacks {' and '.join(absent)}" if absent else None


def generate(out: Path) -> None:
    """Write `llmgateway/v1` and `google/rpc`."""
    install()
    plugin = {"local": str(PLUGIN), "out": str(out), "opt": ["target=ts", "import_extension=js"]}
    with tempfile.TemporaryDirectory() as root:
        template = Path(root) / "buf.gen.yaml"
        template.write_text(json.dumps({"version": "v2", "plugins": [plugin]}))
        statuses = Path(root) / "protos"
        (statuses / "google" / "rpc").mkdir(parents=True)
        for name in STATUS_FILES:
            shutil.copy(Path(google.rpc.__path__[0]) / name, statuses / "google" / "rpc")
        run([toolchains.BUF, "generate", "--template", template, PROTO, "--path", PROTO / PUBLIC])
        run([toolchains.BUF, "generate", "--template", template, statuses])


GENERATOR = Generator("typescript", PACKAGE / "src" / "gen", missing, generate)
