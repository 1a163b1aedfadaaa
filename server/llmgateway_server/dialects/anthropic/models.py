"""The list of models (Anthropic's API reference, "List Models", read 2026-11-25)."""

from __future__ import annotations

from datetime import UTC, datetime

from llmgateway.v1 import model_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import INT32_MAX, decode, mapping, text


def decode_list_models(body: bytes, provider: str) -> list[model_pb2.Model]:
    """Return the models. The answer's order is the newest first."""
    try:
        raw = decode(body)
    except ValueError as error:
        raise bad_response(provider, "the list of models is not JSON") from error
    rows = mapping(raw).get("data")
    if not isinstance(rows, list):
        raise bad_response(provider, "it holds no list of models")
    models = []
    for item in rows:
        row = mapping(item)
        model = model_pb2.Model(id=text(row.get("id")))
        if not model.id:
            continue
        model.context_token_count = token_count(row.get("max_input_tokens"))
        model.max_output_token_count = token_count(row.get("max_tokens"))
        seconds = unix_seconds(text(row.get("created_at")))
        if seconds > 0:  # the epoch stands for a date that is not known
            model.create_time.seconds = seconds
        models.append(model)
    return models


def token_count(value: object) -> int:
    """Return a limit; 0 for anything that is none."""
    return value if type(value) is int and 0 < value <= INT32_MAX else 0


def unix_seconds(moment: str) -> int:
    """Return the seconds since the epoch of an RFC 3339 time; 0 for anything else."""
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return 0
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
