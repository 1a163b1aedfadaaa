"""What only Amazon Bedrock has, from end to end: signatures, checksums, and vectors by the names of models."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from llmgateway import Client, GatewayError
from llmgateway.v1 import embedding_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from pydantic import SecretStr

from tests.e2e.dialect_bench import KEY, LISTEN, Bench, benches
from tests.fakes import faults
from tests.fakes.answer import PROMPT_TOKEN_COUNT
from tests.fakes.bedrock import BEDROCK
from tests.fakes.dialect import Place, after_content, opened
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.framing import aws_message
from tests.fakes.provider import FakeProvider
from tests.fakes.request import RecordedRequest

pytestmark = pytest.mark.asyncio(loop_scope="session")

Embed = embedding_pb2.EmbedRequest
INT8, UBINARY = embedding_pb2.EMBEDDING_ENCODING_INT8, embedding_pb2.EMBEDDING_ENCODING_UBINARY
CREDENTIALS = {
    "access_key_id": SecretStr("AKIDEXAMPLE"),
    "secret_access_key": SecretStr(KEY),
    "session_token": SecretStr("TOKEN"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started() -> AsyncIterator[Bench]:
    async with benches() as made:
        yield made["bedrock"]


@pytest_asyncio.fixture(loop_scope="session")
async def bench(started: Bench) -> AsyncIterator[Bench]:
    started.fake.reset()
    yield started
    started.fake.check()


def signature_by_botocore(request: RecordedRequest, signed: str, origin: str) -> str:
    """Return the signature that AWS's own client makes of a request's signed headers, at the request's own time."""
    headers = {name: request.headers[name] for name in signed.split(";")}
    rebuilt = AWSRequest(request.method, origin + request.path, headers, request.raw_body)
    rebuilt.context["timestamp"] = request.headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", KEY, "TOKEN"), "bedrock", "eu-north-1")
    made: str = auth.signature(auth.string_to_sign(rebuilt, auth.canonical_request(rebuilt)), rebuilt)
    return made


async def test_requests_are_signed_as_aws_s_own_client_signs_them() -> None:
    log = io.BytesIO()
    writer = LineWriter(log)
    async with FakeProvider(BEDROCK) as fake:
        provider = ProviderSettings(base_url=fake.base_url, region="eu-north-1", **CREDENTIALS)  # type: ignore[arg-type]
        settings = Settings(
            server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
            providers={"bedrock": provider},
        )
        gateway = Gateway(settings, writer)
        await gateway.start()
        async with Client(gateway.listening.grpc) as client:
            answer = await client.generate("Grüße", model="bedrock/us.anthropic.claude-sonnet-4-5:0")
        await gateway.close()
        (asked,) = fake.calls
        origin = fake.origin
    writer.close()
    assert answer.candidates[0].message.parts[0].text == "Grüße"
    assert asked.path == "/model/us.anthropic.claude-sonnet-4-5%3A0/converse"
    told = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8})/eu-north-1/bedrock/aws4_request, "
        r"SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})",
        asked.headers["authorization"],
    )
    assert told is not None
    day, signed, signature = told.groups()
    assert asked.headers["x-amz-date"].startswith(day)
    assert {"host", "x-amz-date", "x-amz-security-token"} <= {*signed.split(";")}
    assert signature == signature_by_botocore(asked, signed, origin)
    assert KEY.encode() not in log.getvalue()


TITAN, TITAN_IMAGE = "amazon.titan-embed-text-v2:0", "amazon.titan-embed-image-v1"
COHERE, COHERE_V4 = "cohere.embed-multilingual-v3", "eu.cohere.embed-v4:0"


@pytest.mark.parametrize(
    ("model", "inputs", "dimension_count", "path"),
    [
        (TITAN, ["one two"], 512, "/model/amazon.titan-embed-text-v2%3A0/invoke"),
        ("amazon.titan-embed-text-v1", ["one two"], None, "/model/amazon.titan-embed-text-v1/invoke"),
        (TITAN_IMAGE, ["one two"], 384, "/model/amazon.titan-embed-image-v1/invoke"),
        (COHERE, ["one", "two"], None, "/model/cohere.embed-multilingual-v3/invoke"),
        (COHERE_V4, ["one", "two"], 512, "/model/eu.cohere.embed-v4%3A0/invoke"),
    ],
)
async def test_vectors_arrive(
    bench: Bench, model: str, inputs: list[str], dimension_count: int | None, path: str
) -> None:
    answer = await bench.grpc.embed(inputs, model=f"bedrock/{model}", dimension_count=dimension_count)
    vectors = [tuple(embedding.values) for embedding in answer.embeddings]
    assert [len(vector) for vector in vectors] == [dimension_count or 256] * len(inputs)
    assert len({*vectors}) == len(inputs)
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-5 for vector in vectors)
    assert answer.usage.input_token_count == 2
    assert [asked.path for asked in bench.fake.calls] == [path]


@pytest.mark.parametrize(("model", "encoding", "size_bytes"), [(TITAN, UBINARY, 32), (COHERE, INT8, 256)])
async def test_vectors_arrive_in_other_encodings(
    bench: Bench, model: str, encoding: embedding_pb2.EmbeddingEncoding.ValueType, size_bytes: int
) -> None:
    inputs = [embedding_pb2.EmbedInput(text="one")]
    answer = await bench.grpc.embed(Embed(model=f"bedrock/{model}", inputs=inputs, encoding=encoding))
    (embedding,) = answer.embeddings
    assert len(embedding.quantized) == size_bytes
    assert {*embedding.quantized} != {0}


async def test_a_model_that_embeds_nothing_is_refused_before_it_is_asked(bench: Bench) -> None:
    with pytest.raises(GatewayError, match=r"amazon\.titan-embed"):
        await bench.grpc.embed(["one"], model=bench.model)
    assert bench.fake.calls == []


def spoiled(place: Place, at: int) -> Reply:
    """Stream the first frames, then one with a bit turned over at some byte; then the others in good order."""

    async def spoil(exchange: Exchange) -> None:
        message = aws_message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "no"}})
        await exchange.send(message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :])
        await exchange.end()

    return faults.stream_then(place, spoil)


@pytest.mark.parametrize("at", [3, 9, 20, 120], ids=["its length", "the lengths' sum", "a header", "its content"])
async def test_a_wrong_checksum_breaks_a_stream(bench: Bench, at: int) -> None:
    for place, code in ((opened, "provider_bad_response"), (after_content(3), "stream_broken")):
        bench.fake.reset()
        failures = await bench.failures(spoiled(place, at), streams=True)
        assert {failure.code for failure in failures.values()} == {code}
        assert all("no" not in failure.content for failure in failures.values())


async def test_an_identifier_that_is_invalid_is_a_model_that_is_not_found(bench: Bench) -> None:
    refused = faults.refusal("invalid", "The provided model identifier is invalid.")
    failures = await bench.failures(refused, streams=False)
    assert {failure.code for failure in failures.values()} == {"model_not_found"}


async def test_a_result_that_is_json_goes_back_as_json(bench: Bench) -> None:
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    messages: list[object] = [{"role": "user", "content": "Hi"}]
    body = {"model": bench.model, "messages": messages, "tools": tools}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        turn = (await answer.json())["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": turn["tool_calls"][0]["id"], "content": '{"sky":"grey"}'}
    body["messages"] = [*messages, turn, result]
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        said = (await answer.json())["choices"][0]["message"]["content"]
    assert json.loads(said) == {"sky": "grey"}


async def test_tokens_are_counted_for_claude_and_estimated_for_others(bench: Bench) -> None:
    counted = await bench.grpc.count_tokens("Hi there", model="bedrock/eu.anthropic.claude-sonnet-4-20250514-v1:0")
    assert (counted.exact, counted.input_token_count) == (True, PROMPT_TOKEN_COUNT)
    (request,) = bench.fake.requests
    assert request.path == "/model/anthropic.claude-sonnet-4-20250514-v1%3A0/count-tokens"
    assert request.body == {"input": {"converse": {"messages": [{"role": "user", "content": [{"text": "Hi there"}]}]}}}
    estimated = await bench.grpc.count_tokens("Hi there", model="bedrock/amazon.nova-pro-v1:0")
    assert not estimated.exact
    assert len(bench.fake.requests) == 1
