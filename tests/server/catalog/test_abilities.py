"""What the catalogue says that models can do, and that it never says it of a model that did."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, get_args
from urllib.parse import unquote

from llmgateway.v1 import model_pb2
from llmgateway_server.catalog.abilities import (
    INPUT_MODALITIES,
    UNKNOWN,
    Abilities,
    AbilityBook,
    OwnAbilities,
    load_abilities,
)
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.settings import Ability

from tests import specs

BOOK = AbilityBook(load_abilities())
_Model = model_pb2.Model


def described(provider: str, name: str, book: AbilityBook = BOOK) -> model_pb2.Model:
    model = model_pb2.Model()
    book.describe(model, provider, name)
    return model


def test_the_configuration_knows_the_contract_s_words() -> None:
    capabilities = {name.removeprefix("CAPABILITY_").lower() for name, _ in model_pb2.Model.Capability.items()}
    assert set(get_args(Ability)) == (capabilities - {"unspecified"}).union(INPUT_MODALITIES)


def test_every_vendor_of_the_file_is_one_of_ours() -> None:
    assert load_abilities().vendors.keys() <= load_vendors().keys()


def test_no_row_contradicts_itself() -> None:
    for rows in load_abilities().vendors.values():
        for name, row in rows.items():
            assert name == name.lower()
            assert not row.has & row.lacks, name
            assert min(row.max_output, row.context) >= 0, name
            assert row != UNKNOWN, name


def test_a_model_is_described_in_full() -> None:
    model = described("openai", "gpt-4o-mini")
    assert list(model.capabilities) == [
        _Model.CAPABILITY_GENERATE,
        _Model.CAPABILITY_TOOLS,
        _Model.CAPABILITY_PARALLEL_TOOLS,
        _Model.CAPABILITY_JSON_SCHEMA,
        _Model.CAPABILITY_PROMPT_CACHE,
    ]
    assert list(model.input_modalities) == ["text", "image", "document"]
    assert list(model.output_modalities) == ["text"]
    assert list(model.missing_capabilities) == ["audio", "reasoning", "video"]
    assert (model.context_token_count, model.max_output_token_count) == (128_000, 16_384)


def test_what_the_provider_says_itself_stays() -> None:
    model = model_pb2.Model(
        capabilities=[_Model.CAPABILITY_EMBED],
        input_modalities=["video"],
        output_modalities=["audio"],
        max_output_token_count=1,
        context_token_count=2,
    )
    BOOK.describe(model, "openai", "gpt-4o-mini")
    assert (model.max_output_token_count, model.context_token_count) == (1, 2)
    assert (list(model.input_modalities), list(model.output_modalities)) == (["video"], ["audio"])
    assert list(model.capabilities) == [_Model.CAPABILITY_EMBED]


def test_an_unknown_model_lacks_nothing() -> None:
    assert described("openai", "gpt-of-tomorrow") == model_pb2.Model()
    assert described("vllm", "gpt-4o-mini") == model_pb2.Model()


def test_a_name_for_several_regions_is_its_model_s() -> None:
    known = BOOK.find("bedrock", "amazon.nova-pro-v1:0")
    assert "tools" in known.has
    for group in ("us", "eu", "apac"):
        assert BOOK.find("bedrock", f"{group}.amazon.nova-pro-v1:0").has >= {"tools"}
    assert BOOK.find("bedrock", "zz.amazon.nova-pro-v1:0") == UNKNOWN


def test_the_configuration_stands_above_the_file() -> None:
    own = {
        "openai/gpt-4o-mini": OwnAbilities({"audio": True, "tools": False}, max_output=7),
        "vllm/mine": OwnAbilities({"image": False, "tools": True}, context=9),
    }
    book = AbilityBook(load_abilities(), own)
    known = book.find("openai", "gpt-4o-mini")
    assert "audio" in known.has
    assert "audio" not in known.lacks
    assert "tools" in known.lacks
    assert "tools" not in known.has
    assert (known.max_output, known.context) == (7, 128_000)
    assert book.find("vllm", "mine") == Abilities(has=frozenset({"tools"}), lacks=frozenset({"image"}), context=9)


def asked(exchange: specs.Exchange) -> Iterator[str]:
    """Yield what a recorded request asks for, in the catalogue's words, whatever its dialect."""
    body: dict[str, Any] = exchange.request
    text = json.dumps(body)
    settings = body.get("generationConfig") or {}
    if body.get("tools") or body.get("toolConfig"):
        yield "tools"
    if re.search(r'"(image_url|input_image|inlineData": {"mimeType": "image)', text) or '"type": "image"' in text:
        yield "image"
    if "json_schema" in text or "responseJsonSchema" in settings or "responseSchema" in settings:
        yield "json_schema"
    if "input_audio" in text or '"mimeType": "audio' in text:
        yield "audio"
    thinking = body.get("thinking") or {}
    if (body.get("reasoning_effort") or "none") != "none" or thinking.get("type") in ("enabled", "adaptive"):
        yield "reasoning"
    if "contents" in body or "messages" in body:
        yield "generate"


def model_of(exchange: specs.Exchange) -> str:
    in_path = re.search(r"/(?:models?|deployments)/([^/:?]+(?::\d)?)", exchange.path)
    return str(exchange.request.get("model") or (unquote(in_path[1]) if in_path else ""))


@specs.needs_specs
def test_nothing_is_missing_that_a_recorded_call_made_use_of() -> None:
    wrong, seen = set(), 0
    for exchange in specs.exchanges():
        if 200 <= exchange.status < 300 and isinstance(exchange.request, dict):
            lacks = BOOK.find(exchange.provider, model_of(exchange)).lacks
            seen += bool(lacks)
            wrong |= {(exchange.provider, model_of(exchange), word) for word in asked(exchange) if word in lacks}
    assert wrong == set()
    assert seen > 100
