"""A gateway in this process before several fake providers, as its callers see it, over both protocols.

async with stand({"r": {"targets": ["a/m", "b/m"]}}) as rig:
    rig.fakes["a"].always(faults.status(503))
    outcome = await rig.call("r", REST_STREAM)
    assert (outcome.text, outcome.tried) == ("Hello there", ["a provider_overloaded", "b"])
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import msgspec
from llmgateway import Client, GatewayError
from llmgateway.v1 import call_pb2, generation_pb2, usage_pb2
from llmgateway_http.attempts import word_of
from llmgateway_server.app import Gateway
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.config.settings import Settings
from llmgateway_server.telemetry.logs import LineWriter

from tests.e2e.caller import REST_NAMES, TEXT, grpc_request
from tests.fakes.dialects import DIALECTS
from tests.fakes.provider import FakeProvider

LISTEN = "127.0.0.1:0"
KEY = "provider-key-0123456789abcdef"
# Long enough for a healthy answer on a busy machine, short enough to wait for.
TIMEOUTS = {"connect": "2s", "first_content": "1s", "gap": "1s", "total": "1500ms"}


class Way(NamedTuple):
    """How a call is made."""

    protocol: str
    streams: bool


WAYS = (Way("rest", False), Way("rest", True), Way("grpc", False), Way("grpc", True))
STREAMS = (WAYS[1], WAYS[3])
WHOLES = (WAYS[0], WAYS[2])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `code` is empty for a success; `tried` names each attempt's provider, and why it failed."""

    text: str = ""
    code: str = ""
    status: int = 200
    tried: Sequence[str] = ()
    retry_after_s: float | None = None
    usage: usage_pb2.Usage | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Rig:
    """The gateway and its providers, each by its name in the configuration."""

    fakes: Mapping[str, FakeProvider]
    gateway: Gateway
    http: aiohttp.ClientSession
    client: Client
    metrics_url: str

    def asked(self) -> dict[str, int]:
        """Return how often each provider was asked."""
        return {name: len(fake.calls) for name, fake in self.fakes.items()}

    async def call(
        self, model: str, way: Way, timeout_s: float | None = None, **fields: Any
    ) -> Outcome:  # Any: fields of the request
        """Make a call. `timeout_s` is its deadline, over gRPC alone."""
        if way.protocol == "rest":
            return await (self._rest_stream if way.streams else self._rest)(model, fields)
        request = grpc_request(model)
        request.MergeFrom(generation_pb2.GenerateRequest(**fields))
        try:
            return await (self._grpc_stream if way.streams else self._grpc)(request, timeout_s)
        except GatewayError as error:
            code = error.reason_name.removeprefix("ERROR_REASON_").lower()
            tried = told(error.attempts)
            return Outcome("", REST_NAMES.get(code, code), 0, tried, error.retry_after_s, error.usage)

    async def metrics(self) -> str:
        async with self.http.get(self.metrics_url) as response:
            return await response.text()

    async def _rest(self, model: str, fields: Mapping[str, Any]) -> Outcome:
        body = {"model": model, "messages": [{"role": "user", "content": TEXT}], **fields}
        async with self.http.post("/v1/chat/completions", json=body) as response:
            read = await response.read()
            if response.status != 200:
                return refused(response, read)
            answer = msgspec.json.decode(read)
            headers = dict(response.headers)
            assert int(headers["x-llmgateway-attempts"]) == len(tried_of(headers))
            return Outcome(answer["choices"][0]["message"]["content"], tried=tried_of(headers), headers=headers)

    async def _rest_stream(self, model: str, fields: Mapping[str, Any]) -> Outcome:
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": TEXT}], **fields}
        text, is_done = "", False
        async with self.http.post("/v1/chat/completions", json=body) as response:
            if response.status != 200:
                return refused(response, await response.read())
            headers = dict(response.headers)
            async for line in response.content:
                data = line.decode().removeprefix("data: ").strip()
                if not data or data.startswith(":"):
                    continue
                if data == "[DONE]":
                    is_done = True
                    continue
                chunk = msgspec.json.decode(data)
                if "error" in chunk:
                    assert not is_done
                    failed = chunk["error"]
                    tried = [told_of(one) for one in failed.get("attempts", ())]
                    return Outcome(text, failed["code"], 200, tried, headers=headers)
                text += chunk["choices"][0]["delta"].get("content") or ""
        assert is_done, "a stream ended without its terminal"
        # The attempt that answers is not over when the headers leave.
        provider = headers["x-llmgateway-provider"]
        return Outcome(text, tried=[*tried_of(headers), provider], headers=headers)

    async def _grpc(self, request: generation_pb2.GenerateRequest, timeout_s: float | None) -> Outcome:
        response = await self.client.generate(request, timeout_s=timeout_s)
        text = "".join(part.text for part in response.candidates[0].message.parts)
        return Outcome(text, tried=told(response.call.attempts), usage=response.usage)

    async def _grpc_stream(self, request: generation_pb2.GenerateRequest, timeout_s: float | None) -> Outcome:
        text = ""
        try:
            async with self.client.stream(request, timeout_s=timeout_s) as stream:
                async for event in stream:
                    text += event.part_delta.text
        except GatewayError as error:
            code = error.reason_name.removeprefix("ERROR_REASON_").lower()
            return Outcome(text, REST_NAMES.get(code, code), 0, told(error.attempts), error.retry_after_s, error.usage)
        return Outcome(text, tried=told(stream.response.call.attempts), usage=stream.response.usage)


def told(attempts: Sequence[call_pb2.Attempt]) -> list[str]:
    """Name the provider of each attempt, and why it failed."""
    return [" ".join([attempt.provider, *([word_of(attempt)] if attempt.error_reason else [])]) for attempt in attempts]


def told_of(attempt: Mapping[str, Any]) -> str:
    """The same of an attempt in JSON."""
    return " ".join([attempt["provider"], *([attempt["reason"]] if "reason" in attempt else [])])


def tried_of(headers: Mapping[str, str]) -> list[str]:
    """The same of the header, whose items are `"provider/model";kind=…;reason=…;…`."""
    items = headers.get("x-llmgateway-attempt-list", "").split(", ")
    found = []
    for item in filter(None, items):
        target, *parameters = item.split(";")
        named = dict(parameter.split("=", 1) for parameter in parameters)
        found.append(" ".join([target.strip('"').partition("/")[0], *([named["reason"]] if "reason" in named else [])]))
    return found


def refused(response: aiohttp.ClientResponse, body: bytes) -> Outcome:
    """Read an answer that is an error; header and body tell the same attempts."""
    error = msgspec.json.decode(body)["error"]
    tried = [told_of(one) for one in error.get("attempts", ())]
    assert tried == tried_of(response.headers)
    after = response.headers.get("retry-after-ms")
    return Outcome(
        "",
        error["code"],
        response.status,
        tried,
        None if after is None else int(after) / 1000,
        None,
        dict(response.headers),
    )


@asynccontextmanager
async def stand(
    routes: Mapping[str, object],
    *,
    names: Sequence[str] = ("a", "b"),
    dialects: Mapping[str, str] | None = None,
    provider_settings: Mapping[str, Mapping[str, object]] | None = None,
    **sections: object,
) -> AsyncIterator[Rig]:
    """Start it all. `provider_settings` are further settings by provider, `sections` of the configuration."""
    log = io.BytesIO()
    async with AsyncExitStack() as opened:
        fakes = {
            name: await opened.enter_async_context(FakeProvider(DIALECTS[(dialects or {}).get(name, "openai")]))
            for name in names
        }
        writer = LineWriter(log)
        opened.callback(writer.close)
        document = {
            "server": {"grpc_listen": LISTEN, "http_listen": LISTEN, "metrics_listen": LISTEN, "admin_listen": LISTEN},
            "timeouts": TIMEOUTS | {"total": "30s"},
            "providers": {
                name: {
                    "dialect": fake.dialect.name,
                    "base_url": fake.base_url,
                    "api_keys": [KEY],
                    "timeouts": TIMEOUTS,
                    **(provider_settings or {}).get(name, {}),
                }
                for name, fake in fakes.items()
            },
            "routes": routes,
            **sections,
        }
        settings = Settings.model_validate(document, context=FROM_FILE, by_alias=True, by_name=False)
        gateway = Gateway(settings, writer)
        await gateway.start()
        opened.push_async_callback(gateway.close)
        listening = gateway.listening
        http = await opened.enter_async_context(aiohttp.ClientSession(f"http://{listening.http}"))
        client = await opened.enter_async_context(Client(listening.grpc))
        yield Rig(fakes, gateway, http, client, f"http://{listening.metrics}/metrics")
    said = log.getvalue()
    assert KEY.encode() not in said
    assert b"Traceback" not in said
