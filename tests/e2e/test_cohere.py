"""What only Cohere has, from end to end: ranking, plans, citations, and errors told by the end of a stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, message_pb2, usage_pb2

from tests.e2e.caller import grpc_request
from tests.e2e.dialect_bench import Bench, benches
from tests.fakes import cohere_wire as wire
from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.dialect import opened
from tests.fakes.replies import chat
from tests.specs import FOLDER, closed_validator

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENTS = ["The sea is blue.", "Oslo is the capital of Norway.", "Norway has many fjords."]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started() -> AsyncIterator[Bench]:
    async with benches() as made:
        yield made["cohere"]


@pytest_asyncio.fixture(loop_scope="session")
async def bench(started: Bench) -> AsyncIterator[Bench]:
    started.fake.reset()
    yield started
    started.fake.check()


async def test_documents_are_ranked_and_billed_by_the_search(bench: Bench) -> None:
    answer = await bench.grpc.rerank("Capital of Norway?", DOCUMENTS, model=bench.model, result_count=2)
    assert [result.index for result in answer.results] == [1, 2]
    assert answer.results[0].score > answer.results[1].score > 0
    assert (answer.usage.source, answer.usage.search_unit_count) == (usage_pb2.Usage.SOURCE_PROVIDER, 1)
    (asked,) = bench.fake.calls
    assert (asked.path, asked.body["top_n"], asked.body["documents"]) == ("/v2/rerank", 2, DOCUMENTS)
    if FOLDER.exists():
        assert closed_validator("cohere", "POST /v2/rerank", "request")(asked.body) == []


@pytest.mark.parametrize(
    ("encoding", "size_bytes"),
    [
        (embedding_pb2.EMBEDDING_ENCODING_INT8, 16),
        (embedding_pb2.EMBEDDING_ENCODING_UINT8, 16),
        (embedding_pb2.EMBEDDING_ENCODING_UBINARY, 2),
    ],
)
async def test_vectors_arrive_in_other_encodings(
    bench: Bench, encoding: embedding_pb2.EmbeddingEncoding.ValueType, size_bytes: int
) -> None:
    inputs = [embedding_pb2.EmbedInput(text=text) for text in ("one", "two")]
    answer = await bench.grpc.embed(
        embedding_pb2.EmbedRequest(
            model=bench.model, inputs=inputs, encoding=encoding, dimension_count=16, input_type="query"
        )
    )
    assert [len(embedding.quantized) for embedding in answer.embeddings] == [size_bytes, size_bytes]
    assert answer.usage.input_token_count == 6
    (asked,) = bench.fake.calls
    assert asked.body["input_type"] == "search_query"
    if FOLDER.exists():
        assert closed_validator("cohere", "POST /v2/embed", "request")(asked.body) == []


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("is_plan", [True, False])
async def test_a_plan_goes_back_as_a_plan_and_a_thought_as_a_thought(
    bench: Bench, is_plan: bool, streams: bool
) -> None:
    call = ToolCall("call_a", "weather", "{}")
    planned = Answer(tool_calls=[call], extra={"tool_plan": "I look out."})
    bench.fake.script(chat(planned if is_plan else Answer(tool_calls=[call], reasoning="I look out.")))
    request = grpc_request(bench.model)
    request.tools.add().function.name = "weather"
    if streams:
        answer = fold([event async for event in bench.grpc.stream(request)])
    else:
        answer = await bench.grpc.generate(request)
    message = answer.candidates[0].message
    assert [part.reasoning.text for part in message.parts if part.HasField("reasoning")] == ["I look out."]
    request.messages.append(message)
    result = request.messages.add(role=message_pb2.ROLE_TOOL).parts.add().tool_result
    result.tool_call_id, result.tool_name, result.output_json = "call_a", "weather", '{"sky":"grey"}'
    closing = await bench.grpc.generate(request)
    sent = bench.fake.calls[1].body["messages"]
    assert sent[1].get("tool_plan") == ("I look out." if is_plan else None)
    thought = [{"type": "thinking", "thinking": "I look out."}]
    assert sent[1].get("content") == (None if is_plan else thought)
    assert sent[2]["content"] == [{"type": "document", "document": {"data": {"sky": "grey"}}}]
    assert json.loads(closing.candidates[0].message.parts[0].text) == {"sky": "grey"}


async def test_citations_arrive_as_annotations(bench: Bench) -> None:
    citations = [wire.citation(0, "Norway", 1), wire.citation(16, "fjords", 1)]
    answer = Answer("Norway has many fjords.", reasoning="Read.", extra={"citations": citations})
    bench.fake.script(chat(answer), chat(answer))
    whole = await bench.grpc.generate(grpc_request(bench.model))
    streamed = fold([event async for event in bench.grpc.stream(grpc_request(bench.model))])
    assert streamed.candidates == whole.candidates
    (told,) = [part for part in whole.candidates[0].message.parts if part.text]
    assert [(note.start_index, note.end_index, note.uri) for note in told.annotations] == [
        (0, 6, "https://no.example"),
        (16, 22, "https://no.example"),
    ]


async def test_a_stream_that_ends_for_too_long_a_context_says_so(bench: Bench) -> None:
    """The only kind of error that Cohere names inside a stream."""
    failures = await bench.failures(faults.refusal_in_stream(opened, "context_too_long"), streams=True)
    assert {failure.code for failure in failures.values()} == {"context_length_exceeded"}
