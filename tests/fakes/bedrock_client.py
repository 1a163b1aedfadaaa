"""AWS's own client of Bedrock Runtime, as tests use it. It blocks, and so runs in a thread."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.fakes import bedrock_wire as wire

Json = dict[str, Any]  # Any: JSON values of every shape.

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO: list[Json] = [{"role": "user", "content": [{"text": "Hello there"}]}]
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10, proxies={})


def forget_environment(patch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own settings of AWS's tools from the client."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("AWS_CONFIG_FILE", os.devnull)
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


def client_of(endpoint_url: str) -> Any:  # Any: boto3 makes its clients while it runs.
    """Return a client with static credentials that asks once."""
    session = boto3.Session("AKIDEXAMPLE", "fake-secret", "fake-session", region_name="eu-north-1")
    return session.client("bedrock-runtime", endpoint_url=endpoint_url, config=CONFIG)


def asked_of(more: Json) -> Json:
    return {"modelId": MODEL, "messages": HELLO, **more}


async def ask(client: Any, **more: Any) -> Json:
    """Ask, and take the answer whole, without what HTTP said. `more` are further members of the request."""
    answer: Json = await asyncio.to_thread(client.converse, **asked_of(more))
    assert answer.pop("ResponseMetadata")["RequestId"] == wire.REQUEST_ID
    return answer


def events_now(client: Any, more: Json) -> list[Json]:
    """Return the events of a stream, and close it also where one of them is an error."""
    stream = client.converse_stream(**asked_of(more))["stream"]
    try:
        return [*stream]
    finally:
        stream.close()


async def events_of(client: Any, **more: Any) -> list[Json]:
    """Ask, and return the events of the answer's stream, each by its name."""
    return await asyncio.to_thread(events_now, client, more)


async def read(client: Any, **more: Any) -> Json:
    """Ask, and fold the stream of the answer: the client has no fold of its own."""
    begun, *events, stop, metadata = await events_of(client, **more)
    blocks: list[Json] = []
    inputs: dict[int, str] = {}
    for event in events:
        ((name, told),) = event.items()
        index = told["contentBlockIndex"]
        if index == len(blocks) and name != "contentBlockStop":
            blocks.append(json.loads(json.dumps(told.get("start", {}))))
        if name == "contentBlockDelta":
            fold(blocks[index], told["delta"], inputs, index)
    for index, text in inputs.items():
        blocks[index]["toolUse"]["input"] = json.loads(text)
    message = {**begun["messageStart"], "content": blocks}
    return {"output": {"message": message}, **stop["messageStop"], **metadata["metadata"]}


def fold(block: Json, delta: Json, inputs: dict[int, str], index: int) -> None:
    """Add what a delta brings to its block; the pieces of a call's input are gathered apart."""
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        inputs[index] = inputs.get(index, "") + delta["toolUse"]["input"]
    else:
        thought = block.setdefault("reasoningContent", {})
        for name, told in delta["reasoningContent"].items():
            into = thought if name == "redactedContent" else thought.setdefault("reasoningText", {})
            into[name] = into[name] + told if name in into else told


def text_of(answer: Json) -> str:
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


async def invoke(client: Any, model: str, body: Json) -> Json:
    """Return what InvokeModel answers."""

    def call() -> Json:
        with client.invoke_model(modelId=model, body=json.dumps(body))["body"] as answer:
            told: Json = json.load(answer)
            return told

    return await asyncio.to_thread(call)
