"""The list of models: a model is found by each of its names, and what no list can know may be tried."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import pytest
from llmgateway.v1 import model_pb2
from llmgateway_server import errors
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.dialects.codec import Renamer
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.routing.directory import Listing, ModelDirectory
from llmgateway_server.routing.target import Target

from tests.server.routing.world import World

LISTED = ("base", "llama3.2:latest")
OTHER_NAMES: Mapping[str, str] = {"eu.base": "base", "eu.gone": "gone", "apart": ""}


def listing(names: Sequence[str] | None) -> Listing:
    async def answer() -> list[model_pb2.Model]:
        if names is None:
            raise errors.ProviderUnreachable("p does not answer")
        return [model_pb2.Model(id=name, context_token_count=7) for name in names]

    return answer


def directory(names: Sequence[str] | None = LISTED) -> ModelDirectory:
    def describe(model: model_pb2.Model, provider: str, name: str) -> None:
        model.accepted_parameters.append(f"{provider} has {name}")

    def listed_name(target: Target) -> str:
        return OTHER_NAMES.get(target.model, target.model)

    table = World({"route": {"targets": ["p/eu.base"], "fallback": ["p/base"]}}, providers=["p"]).table
    return ModelDirectory(table, {"p": listing(names)}, time.monotonic, lambda *_: None, describe, listed_name)


@pytest.mark.parametrize(
    ("asked", "said"), [("p/base", "p has base"), ("p/eu.base", "p has base"), ("p/apart", "p has apart")]
)
async def test_a_model_is_found_by_each_of_its_names(asked: str, said: str) -> None:
    model = await directory().get_model(asked)
    assert (model.id, model.provider, [*model.accepted_parameters]) == (asked, "p", [said])
    assert model.context_token_count == (0 if asked == "p/apart" else 7)


@pytest.mark.parametrize("asked", ["p/gone", "p/eu.gone"])
async def test_what_the_provider_does_not_list_is_named(asked: str) -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        await directory().get_model(asked)
    assert caught.value.metadata["model"] == asked


async def test_any_model_may_be_tried_where_the_provider_does_not_list() -> None:
    model = await directory(None).get_model("p/eu.gone")
    assert (model.id, [*model.accepted_parameters]) == ("p/eu.gone", ["p has eu.gone"])


async def test_a_name_found_by_another_changes_nothing_in_the_list() -> None:
    known = directory()
    await known.get_model("p/eu.base")
    listed = await known.list_models()
    assert [model.id for model in listed] == ["p/base", "p/llama3.2:latest", "route"]
    assert [*listed[2].accepted_parameters] == ["p has base"]


NAMES = [
    ("ollama", "llama3.2", "llama3.2:latest"),
    ("ollama", "llama3.2:1b", "llama3.2:1b"),
    ("ollama", "host:5000/library/llama3.2", "host:5000/library/llama3.2:latest"),
    ("bedrock", "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
    ("bedrock", "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
    ("openrouter", "openai/gpt-4o:nitro", "openai/gpt-4o"),
    ("huggingface", "meta-llama/Llama-3.3-70B-Instruct:groq", "meta-llama/Llama-3.3-70B-Instruct"),
    ("openai", "ft:gpt-4o:org::id", "ft:gpt-4o:org::id"),
    ("azure", "my-deployment", ""),
]


@pytest.mark.parametrize(("vendor", "model", "name"), NAMES)
def test_each_dialect_knows_its_lists_names(vendor: str, model: str, name: str) -> None:
    row = load_vendors()[vendor]
    codec = make_codec(row.dialect, vendor, row.quirks)
    assert isinstance(codec, Renamer)
    assert codec.listed_name(model) == name
