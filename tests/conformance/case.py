"""A case: one call, and what a client must see of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from llmgateway.v1 import (
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
)

Json = Any  # Any: decoded JSON.

CASES = Path(__file__).parent / "cases"

REQUESTS: Mapping[str, type[Message]] = {
    "Generate": generation_pb2.GenerateRequest,
    "StreamGenerate": generation_pb2.GenerateRequest,
    "Compare": compare_pb2.CompareRequest,
    "Embed": embedding_pb2.EmbedRequest,
    "Rerank": rerank_pb2.RerankRequest,
    "CountTokens": count_tokens_pb2.CountTokensRequest,
    "ExplainRoute": explain_pb2.ExplainRouteRequest,
    "GetModel": model_pb2.GetModelRequest,
    "ListModels": model_pb2.ListModelsRequest,
}
# What a runner is told to do beside the call itself.
ORDERS = ("timeout_s", "leave_after", "cancel_after_ms")
EXPECTATIONS = frozenset(
    {
        "events",
        "response",
        "response_has",
        "text",
        "is_finished",
        "models",
        "model_ids",
        "error",
        "left",
        "cancelled",
        "follow_up",
        "sent_message",
    }
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case as its file has it.

    `key` names one of the gateway's keys, `times` is how often the call is made; only the last answer counts.
    """

    name: str
    rpc: str
    request: Json
    expected: Mapping[str, Json]
    orders: Mapping[str, Json]
    follow_up: Json | None = None
    key: str = "valid"
    times: int = 1

    def line(self, client: Mapping[str, Json]) -> str:
        """Return what a runner reads: never what is expected."""
        line = {"name": self.name, "client": client, "rpc": self.rpc, **self.orders}
        line["request"] = self.request
        line["request_bytes"] = encode_request(self.rpc, self.request)
        if self.follow_up is not None:
            line["follow_up_bytes"] = encode_request("Generate", self.follow_up)
        return json.dumps(line)


def read_cases(folder: Path) -> list[Case]:
    """Return the cases of a folder by name; raise `ValueError` for a file that is none."""
    cases = [read_case(path.stem, json.loads(path.read_text())) for path in sorted(folder.glob("*.json"))]
    if not cases:
        raise ValueError(f"{folder} holds no cases: they are files named *.json")
    return cases


def read_case(name: str, content: Json) -> Case:
    """Return one case; raise `ValueError` for what nobody would read."""
    members = dict(content)
    members.pop("description", None)
    case = Case(
        name=name,
        rpc=members.pop("rpc"),
        request=members.pop("request"),
        expected=expand(members.pop("expected")),
        orders={order: members.pop(order) for order in ORDERS if order in members},
        follow_up=members.pop("follow_up", None),
        key=members.pop("key", "valid"),
        times=members.pop("times", 1),
    )
    odd = sorted({*members, *(case.expected.keys() - EXPECTATIONS)})
    if odd or not case.expected or case.rpc not in REQUESTS:
        raise ValueError(f"{name}: {', '.join(odd) or 'rpc or expected'} is wrong")
    return case


def encode_request(rpc: str, request: Json) -> str:
    """Return a request's bytes in base64; `encode_scripts` tells how its mock script may be written."""
    message = json_format.ParseDict(encode_scripts(expand(request)), REQUESTS[rpc]())
    return base64.b64encode(message.SerializeToString()).decode()


def expand(value: Json) -> Json:
    """Write out `{"$repeat": [TEXT, COUNT]}`, so that large texts need no large files."""
    if isinstance(value, dict):
        if set(value) == {"$repeat"}:
            text, count = value["$repeat"]
            return text * count
        return {name: expand(item) for name, item in value.items()}
    return [expand(item) for item in value] if isinstance(value, list) else value


def encode_scripts(value: Json) -> Json:
    """Make text of what stands as an object where the contract wants JSON text, as scripts in `provider_options_json`."""
    if isinstance(value, dict):
        return {
            name: encode_texts(item) if name.endswith("_json") else encode_scripts(item) for name, item in value.items()
        }
    return [encode_scripts(item) for item in value] if isinstance(value, list) else value


def encode_texts(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: item if isinstance(item, str) else json.dumps(item) for name, item in value.items()}
    return value
