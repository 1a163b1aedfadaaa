"""Other people's schemas and recordings, beside the checkout where they are present. Read here, never copied."""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "specs"

needs_specs = pytest.mark.skipif(not FOLDER.exists(), reason="the specifications are not beside this checkout")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded exchange. `body` is the answer's raw bytes, `request` the decoded body that was sent."""

    name: str
    provider: str
    path: str
    status: int
    headers: dict[str, str]
    request: Any
    body: bytes

    @property
    def is_stream(self) -> bool:
        return b"data:" in self.body and not self.body.lstrip().startswith(b"{")


def exchanges() -> Iterator[Exchange]:
    """Yield the recordings of the corpus, and of the fixtures that have a request beside them."""
    if not FOLDER.exists():
        return
    with gzip.open(FOLDER / "corpus.jsonl.gz", "rt") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            body = row["response"]
            headers = {name.lower(): str(value) for name, value in (row["headers"] or {}).items()}
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            yield Exchange(
                f"corpus-{number}", row["provider"], row["path"], row["status"], headers, row["request"], raw
            )
    for path in sorted(FOLDER.glob("fixtures/*/*.sse")):
        if not path.with_suffix(".json").exists():
            continue
        about = json.loads(path.with_suffix(".json").read_text())
        request, response = about["request"], about["response"]
        headers = {name.lower(): str(value) for name, value in response["headers"].items()}
        yield Exchange(
            path.stem,
            path.parent.name,
            request["path"],
            response["status"],
            headers,
            request.get("body"),
            path.read_bytes(),
        )


def closed_validator(provider: str, endpoint: str, kind: str) -> Callable[[Any], list[str]]:
    """Return a check of JSON against a provider's schema in the closed reading: what is undeclared is wrong."""
    return _validator(provider, endpoint, kind, closed=True)


def validator(provider: str, endpoint: str, kind: str) -> Callable[[Any], list[str]]:
    """Return a check of JSON against a provider's schema as it is."""
    return _validator(provider, endpoint, kind, closed=False)


def _validator(provider: str, endpoint: str, kind: str, *, closed: bool) -> Callable[[Any], list[str]]:
    spec = importlib.util.spec_from_file_location("specs_oracle", FOLDER / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    document = json.loads((FOLDER / "schemas" / f"{provider}.chat.schema.json").read_text())
    ref = document["endpoints"][endpoint][kind]
    document = oracle.closed(document) if closed else document
    checker = oracle.validator(document, ref)
    return lambda value: [
        f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in checker.iter_errors(value)
    ]
