"""What clients in the field hold is still served: every call here is made of the contract's committed image alone.

An RPC or a field that was removed, renamed or renumbered fails here, whatever the generated code beside it says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict
from google.rpc import error_details_pb2, status_pb2

from tests.contract.image import POOL, SERVICE, class_named, class_of, fields_below, fields_set, unknown_in
from tests.contract.wire_requests import LEFT_OUT, REFUSED, SERVED, Json, says_hello
from tests.e2e.serving import FREE_PORTS, SAFETY_S, serving, write_config

with_the_gateway = pytest.mark.asyncio(loop_scope="module")

# A message of the image: its class is made while the tests run.
Read = Any

# The tag and the prices are for the request that asks for all there is.
CONFIG = f"""{FREE_PORTS}
  lame_duck: 0s
providers:
  mock: {{}}
models:
  mock/echo: {{tags: {{region: eu}}}}
  mock/lorem: {{tags: {{region: eu}}}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A request, and what holds of the messages of its answer."""

    request: Json
    holds: Callable[[Sequence[Read]], bool]


def has_started_and_finished(told: Sequence[Read]) -> bool:
    kinds = [event.WhichOneof("event") for message in told for event in message.events]
    return kinds[0] == "started" and "part_delta" in kinds and kinds[-1] == "finished"


def has_one_answer_and_one_failure(told: Sequence[Read]) -> bool:
    items = {(message.model_index, message.WhichOneof("item")) for message in told}
    (failure,) = (message.failure for message in told if message.WhichOneof("item") == "failure")
    return items == {(0, "events"), (1, "failure")} and failure.failure.attempts[0].http_status == 429


ROWS = {
    "Generate": Row(says_hello(), lambda told: told[0].candidates[0].message.parts[0].text == "Hello"),
    "StreamGenerate": Row(says_hello(model="mock/lorem"), has_started_and_finished),
    "Compare": Row(
        {"generation": says_hello(model=""), "models": ["mock/lorem", "mock/error-429"]}, has_one_answer_and_one_failure
    ),
    "Embed": Row(
        {"model": "mock/embed", "inputs": [{"text": "one"}, {"token_ids": {"ids": [1]}}], "dimension_count": 4},
        lambda told: [len(embedding.values) for embedding in told[0].embeddings] == [4, 4],
    ),
    "Rerank": Row(
        {"model": "mock/rerank", "query": "river", "documents": ["A city.", "A river."], "result_count": 1},
        lambda told: [result.index for result in told[0].results] == [1],
    ),
    "CountTokens": Row({"generation": says_hello()}, lambda told: told[0].input_token_count > 0),
    "ExplainRoute": Row({"generation": says_hello()}, lambda told: told[0].targets[0].model == "echo"),
    "GetModel": Row({"id": "mock/echo"}, lambda told: told[0].model.id == "mock/echo"),
    "ListModels": Row({"page_size": 2}, lambda told: len(told[0].models) == 2 and told[0].next_page_token != ""),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def channel(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[grpc.aio.Channel]:
    """A connection to the installed gateway."""
    folder = tmp_path_factory.mktemp("wire")
    async with serving(["serve", "--config", str(write_config(folder, CONFIG))], folder / "log") as served:
        async with grpc.aio.insecure_channel(served.grpc) as opened:
            yield opened
        assert await served.stop() == 0


async def call(channel: grpc.aio.Channel, name: str, request: Json) -> list[Read]:
    """Call an RPC as the image has it; return the messages of its answer."""
    method = SERVICE.methods_by_name[name]
    make = channel.unary_stream if method.server_streaming else channel.unary_unary
    stub = make(
        f"/{SERVICE.full_name}/{name}",
        request_serializer=class_of(method.input_type).SerializeToString,
        response_deserializer=class_of(method.output_type).FromString,
    )
    running = stub(ParseDict(request, class_of(method.input_type)()), timeout=SAFETY_S)
    return [message async for message in running] if method.server_streaming else [await running]


def test_every_rpc_of_the_image_has_a_row() -> None:
    assert set(ROWS) == {method.name for method in SERVICE.methods}


@with_the_gateway
@pytest.mark.parametrize("name", ROWS)
async def test_an_rpc_answers_in_words_of_the_image(channel: grpc.aio.Channel, name: str) -> None:
    told = await call(channel, name, ROWS[name].request)
    assert ROWS[name].holds(told), told
    assert [place for message in told for place in unknown_in(message)] == []


def test_the_requests_hold_every_field_of_a_generation() -> None:
    kind = class_named("GenerateRequest")
    requests = [ParseDict(request, kind()) for request in (*SERVED.values(), *REFUSED.values())]
    assert {field for request in requests for field in fields_set(request)} == fields_below(kind.DESCRIPTOR)


@with_the_gateway
@pytest.mark.parametrize("name", SERVED)
async def test_a_generation_is_served_whatever_it_asks_for(channel: grpc.aio.Channel, name: str) -> None:
    (answer,) = await call(channel, "Generate", SERVED[name])
    assert len(answer.candidates) == SERVED[name].get("candidate_count", 1)
    assert [warning.field for warning in answer.call.warnings] == LEFT_OUT.get(name, [])
    assert list(unknown_in(answer)) == []


@with_the_gateway
@pytest.mark.parametrize("field", REFUSED)
async def test_a_wrong_field_is_refused_in_words_of_the_image(channel: grpc.aio.Channel, field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, "Generate", REFUSED[field])
    metadata = dict(caught.value.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    details = {detail.type_url.rpartition(".")[2]: detail.value for detail in status.details}

    bad = error_details_pb2.BadRequest.FromString(details["BadRequest"])
    assert [violation.field for violation in bad.field_violations] == [field]
    reason = error_details_pb2.ErrorInfo.FromString(details["ErrorInfo"]).reason
    reasons = POOL.FindEnumTypeByName("llmgateway.v1.ErrorReason").values_by_name
    assert reasons[reason].number == 1
    failure = class_named("CallFailure").FromString(details["CallFailure"])
    assert failure.call_id == metadata["x-request-id"]
    assert list(unknown_in(failure)) == []
