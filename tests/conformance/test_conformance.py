"""Every client sees of every case what it must; and the suite itself finds what is wrong."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from llmgateway.v1 import error_reason_pb2, gateway_pb2, gateway_pb2_grpc, generation_pb2, message_pb2

from tests.clients.building import LANGUAGES, languages_with, need
from tests.clients.languages.language import Language
from tests.conformance.case import CASES, REQUESTS, Case, read_case, read_cases
from tests.conformance.driver import (
    KEYS,
    Runner,
    RunnerError,
    ask,
    conformance_gateway,
    run_cases,
    runner_of,
)
from tests.conformance.judge import judge
from tests.e2e.serving import Served

Json = Any  # Any: decoded JSON.

PYTHON = next(language for language in LANGUAGES if language.name == "python")
# What waits for its part of the gateway, and what calls of models never meet.
NOT_RAISED = ("Not raised yet", "Raised by the admin services")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with conformance_gateway(tmp_path_factory.mktemp("conformance") / "log") as served:
        yield served


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", languages_with(lambda language: language.runner))
async def test_a_client_sees_what_it_must(language: Language, gateway: Served) -> None:
    await asyncio.to_thread(need, language)
    cases = read_cases(CASES)
    result = await run_cases(language.name, runner_of(language), cases, gateway.grpc)
    assert result.failed == {}, "\n".join(f"{name}: {wrong}" for name, wrong in result.failed.items())
    assert result.passed == len(cases)


# The cases.


def test_the_cases_are_many_and_reach_every_rpc() -> None:
    cases = read_cases(CASES)
    assert len(cases) >= 60
    assert {case.rpc for case in cases} == set(REQUESTS)
    service = gateway_pb2.DESCRIPTOR.services_by_name["LLMGateway"]
    assert set(REQUESTS) == {method.name for method in service.methods}


def test_every_reason_that_is_raised_has_a_case() -> None:
    proto = (Path(__file__).parents[2] / "proto" / "llmgateway" / "v1" / "error_reason.proto").read_text()
    expected = {case.expected.get("error", {}).get("reason") for case in read_cases(CASES)}
    comment = ""
    absent = []
    for line in proto.splitlines():
        stripped = line.strip()
        if stripped.startswith("//"):
            comment += stripped.removeprefix("//")
        elif stripped.startswith("ERROR_REASON_") and not stripped.startswith("ERROR_REASON_UNSPECIFIED"):
            name = stripped.split(" ")[0]
            assert name in error_reason_pb2.ErrorReason.keys()  # noqa: SIM118  # a proto enum, not a dict
            if not any(words in comment for words in NOT_RAISED) and name not in expected:
                absent.append(name)
            comment = ""
        else:
            comment = ""
    assert absent == []


def test_every_kind_of_part_and_event_has_a_case() -> None:
    text = "\n".join(path.read_text() for path in CASES.glob("*.json"))
    kinds = message_pb2.Part.DESCRIPTOR.oneofs_by_name["content"].fields
    assert [kind.name for kind in kinds if f'"{kind.name}":' not in text] == []
    used: Counter[str] = Counter()
    for case in read_cases(CASES):
        for event in case.expected.get("events", []):
            used.update(event.keys())
    assert {"started", "part_started", "part_delta", "part_finished", "candidate_finished", "finished"} <= set(used)
    assert {"provider_event", "unknown_fields"} <= set(used)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_case_of_several_events_a_message_has_several(gateway: Served) -> None:
    """What a client shows singly came together: else the case would test nothing."""
    case = read_case("several", json.loads((CASES / "several_events_a_message.json").read_text()))
    line = json.loads(case.line({}))
    request = generation_pb2.GenerateRequest.FromString(base64.b64decode(line["request_bytes"]))
    async with grpc.aio.insecure_channel(gateway.grpc) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        stream = stub.StreamGenerate(request, metadata=(("authorization", f"Bearer {KEYS['valid']}"),))
        sizes = [len(message.events) async for message in stream]
    assert max(sizes) > 1


# The suite finds what is wrong.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def answers(gateway: Served) -> Mapping[str, tuple[Case, Mapping[str, Json]]]:
    """What the Python client saw of some cases."""
    names = (
        "tool_call_stream",
        "text_unary",
        "error_provider_rate_limited",
        "compare_with_failure",
        "cancel",
        "list_models",
        "unknown_part_kind_echoed",
    )
    seen = {}
    async with runner_of(PYTHON) as runner:
        for case in read_cases(CASES):
            if case.name in names:
                seen[case.name] = (case, await ask(runner, case, gateway.grpc))
    assert len(seen) == len(names)
    return seen


def lose_an_event(answer: Json) -> None:
    del answer["events"][2]


def repeat_an_event(answer: Json) -> None:
    answer["events"].insert(2, answer["events"][2])


def say_another_text(answer: Json) -> None:
    answer["text"] += "!"


def lose_the_fold(answer: Json) -> None:
    answer["response"] = ""


def say_another_reason(answer: Json) -> None:
    answer["error"]["reason"] = "ERROR_REASON_INTERNAL_ERROR"


def lose_retry_after(answer: Json) -> None:
    answer["error"]["retry_after_ms"] = None


def lose_attempts(answer: Json) -> None:
    answer["error"]["attempts"] = []


def wait_in_silence(answer: Json) -> None:
    answer["elapsed_ms"] = answer["error"]["retry_after_ms"]


def be_silent(answer: Json) -> None:
    for name in [name for name in answer if name != "name"]:
        del answer[name]


def fail_too(answer: Json) -> None:
    answer["error"] = {"attempts": [], "quota_violations": [], "usage": None}


def lose_a_model_s_error(answer: Json) -> None:
    answer["models"][0]["error"] = None


def lose_a_model(answer: Json) -> None:
    answer["model_ids"].remove("mock/echo")


def lose_the_unknown(answer: Json) -> None:
    sent = generation_pb2.GenerateRequest.FromString(base64.b64decode(answer["sent"]))
    for message in sent.messages:
        for part in message.parts:
            part.DiscardUnknownFields()
    answer["sent"] = base64.b64encode(sent.SerializeToString()).decode()


def write_nonsense(answer: Json) -> None:
    answer["response"] = "no base64"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("tool_call_stream", lose_an_event),
        ("tool_call_stream", repeat_an_event),
        ("tool_call_stream", say_another_text),
        ("tool_call_stream", lose_the_fold),
        ("tool_call_stream", write_nonsense),
        ("text_unary", lose_the_fold),
        ("text_unary", fail_too),
        ("error_provider_rate_limited", say_another_reason),
        ("error_provider_rate_limited", lose_retry_after),
        ("error_provider_rate_limited", lose_attempts),
        ("error_provider_rate_limited", wait_in_silence),
        ("compare_with_failure", lose_a_model_s_error),
        ("list_models", lose_a_model),
        ("unknown_part_kind_echoed", lose_the_unknown),
        *[
            (name, be_silent)
            for name in ("tool_call_stream", "text_unary", "error_provider_rate_limited", "cancel", "list_models")
        ],
    ],
)
async def test_what_is_spoilt_is_found(
    answers: Mapping[str, tuple[Case, Mapping[str, Json]]], name: str, spoil: Any
) -> None:
    case, answer = answers[name]
    assert judge(case, answer) == []
    spoilt = copy.deepcopy(dict(answer))
    spoil(spoilt)
    assert judge(case, spoilt) != []


def test_a_runner_is_never_told_what_is_expected() -> None:
    for case in read_cases(CASES):
        line = json.loads(case.line({"target": "t"}))
        assert "expected" not in line
        assert not set(line) & set(case.expected)


@pytest.mark.parametrize(
    "content",
    [
        {"rpc": "Generate", "request": {}, "expected": {"respones": {}}},
        {"rpc": "Generate", "request": {}, "expected": {}},
        {"rpc": "Invent", "request": {}, "expected": {"left": True}},
        {"rpc": "Generate", "request": {}, "expected": {"left": True}, "odd": 1},
    ],
)
def test_a_case_that_nobody_would_read_is_refused(content: Json) -> None:
    with pytest.raises(ValueError, match="wrong"):
        read_case("x", content)


ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
SILENT = "import sys\nfor line in sys.stdin: pass"
DYING = "import sys\nsys.stdin.readline()\nsys.exit(3)"
BABBLING = "import sys\nfor line in sys.stdin: print('hello', flush=True)"


@pytest.mark.parametrize("program", [ECHO, DYING, BABBLING])
async def test_a_runner_that_cannot_answer_fails_every_case(program: str) -> None:
    cases = read_cases(CASES)[:3]
    result = await run_cases("x", Runner([sys.executable, "-c", program], CASES), cases, "127.0.0.1:1")
    assert {case.name for case in cases} <= set(result.failed)
    assert result.passed == 0


async def test_a_runner_that_is_silent_is_killed() -> None:
    async with Runner([sys.executable, "-c", SILENT], CASES) as runner:
        with pytest.raises(RunnerError, match="did not answer"):
            await runner.ask("{}", timeout_s=0.2)
