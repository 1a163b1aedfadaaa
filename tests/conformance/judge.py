"""Holds what a runner saw against what its case expects, and against what holds for every case."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from llmgateway.fold import Fold, GrammarError
from llmgateway.text import text_of
from llmgateway.v1 import (
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
)

from tests.conformance.case import Case
from tests.conformance.normal import (
    decode,
    normal_error,
    normal_events,
    normal_message,
)

Json = Any  # Any: decoded JSON.
Event = stream_pb2.GenerationEvent
Response = generation_pb2.GenerateResponse

RESPONSES: Mapping[str, type[Message]] = {
    "Generate": generation_pb2.GenerateResponse,
    "StreamGenerate": generation_pb2.GenerateResponse,
    "Embed": embedding_pb2.EmbedResponse,
    "Rerank": rerank_pb2.RerankResponse,
    "CountTokens": count_tokens_pb2.CountTokensResponse,
    "ExplainRoute": explain_pb2.ExplainRouteResponse,
    "GetModel": model_pb2.Model,
}
SHOWN_LENGTH = 1_000


def judge(case: Case, answer: Mapping[str, Json]) -> list[str]:
    """Return what is wrong with an answer; nothing where all is right."""
    try:
        seen = normal_answer(case, answer)
        wrong = [*check_stream(case, answer), *check_comparison(case, answer), *check_patience(answer)]
    except (KeyError, TypeError, ValueError) as error:
        return [f"the answer is none: {type(error).__name__}: {error}"]
    for name, expected in case.expected.items():
        if name == "response_has":
            wrong += compare_members("response", expected, seen.get("response"))
        else:
            wrong += compare(name, expected, seen.get(name))
    # What nobody expects must not have happened.
    wrong += [
        f"{name} was not expected: {show(seen[name])}"
        for name in ("error", "cancelled", "left")
        if name in seen and name not in case.expected
    ]
    return wrong


def compare(name: str, expected: Json, seen: Json) -> Iterator[str]:
    """Yield how what was seen differs from what is expected."""
    if name in ("error", "follow_up"):
        yield from compare_members(name, expected, seen)
    elif name == "models" and isinstance(seen, list) and len(seen) == len(expected):
        for index, (one, other) in enumerate(zip(expected, seen, strict=True)):
            yield from compare_members(f"models[{index}]", one, other)
    elif name == "model_ids" and isinstance(seen, list):
        absent = [item for item in expected if item not in seen]
        if absent:
            yield f"model_ids lack {absent}"
    elif expected != seen:
        yield f"{name} should be {show(expected)}\n      and is {show(seen)}"


def compare_members(path: str, expected: Json, seen: Json) -> Iterator[str]:
    """Yield how the members that are named differ, however deep they lie; what is not named may be anything."""
    if isinstance(expected, dict) and isinstance(seen, dict):
        for name, value in expected.items():
            yield from compare_members(f"{path}.{name}", value, seen.get(name))
    elif isinstance(expected, list) and isinstance(seen, list) and len(expected) == len(seen):
        for index, (one, other) in enumerate(zip(expected, seen, strict=True)):
            yield from compare_members(f"{path}[{index}]", one, other)
    elif expected != seen:
        yield f"{path} should be {show(expected)}\n      and is {show(seen)}"


def show(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}… ({len(text)} characters)"


def normal_answer(case: Case, answer: Mapping[str, Json]) -> dict[str, Json]:
    """Return an answer in the form of `Case.expected`."""
    seen = {name: answer[name] for name in ("text", "is_finished", "left", "cancelled", "model_ids") if name in answer}
    if "response" in answer:
        seen["response"] = normal_message(decode(RESPONSES[case.rpc], answer["response"]))
    if "error" in answer:
        seen["error"] = normal_error(answer["error"])
    if case.rpc == "StreamGenerate" and "events" in answer:
        seen["events"] = normal_events(events_of(answer))
    if "models" in answer:
        seen["models"] = [
            {
                "name": model["name"],
                "response": normal_message(decode(Response, model["response"])),
                "text": text_of(decode(Response, model["response"])),
                "error": None if model["error"] is None else normal_error(model["error"]),
            }
            for model in answer["models"]
        ]
    if "follow_up" in answer:
        seen["follow_up"] = normal_message(decode(Response, answer["follow_up"]))
        sent = decode(generation_pb2.GenerateRequest, answer["sent"])
        seen["sent_message"] = normal_message(sent.messages[-2])
    return seen


def events_of(answer: Mapping[str, Json]) -> list[Event]:
    """Return a stream's events."""
    return [decode(Event, text) for text in answer["events"]]


def check_stream(case: Case, answer: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is wrong with a stream by itself: its numbers, its fold, its text."""
    if case.rpc != "StreamGenerate" or "events" not in answer:
        return
    events = events_of(answer)
    yield from check_events("the stream", events, decode(Response, answer["response"]))
    text = text_of(decode(Response, answer["response"]))
    if answer["text"] != text:
        yield f"text is {show(answer['text'])}, and the fold's {show(text)}"


def check_events(what: str, events: list[Event], response: generation_pb2.GenerateResponse) -> Iterator[str]:
    """Yield what is wrong with the events of one generation and their fold."""
    numbers = [event.sequence_number for event in events if not event.HasField("heartbeat")]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{what}: its events are numbered {numbers}: one is lost, or comes twice"
    whole = Fold()
    try:
        for event in events:
            whole.add(event)
    except GrammarError as error:
        yield f"{what}: its events make no sense: {error}"
        return
    if whole.response.SerializeToString(deterministic=True) != response.SerializeToString(deterministic=True):
        folded, told = normal_message(whole.response), normal_message(response)
        yield f"{what}: its fold should be {show(folded)}\n      and is {show(told)}"


def check_comparison(case: Case, answer: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is wrong with a comparison by itself: each model's events and their fold."""
    if case.rpc != "Compare" or "models" not in answer:
        return
    events: dict[int, list[Event]] = {index: [] for index in range(len(answer["models"]))}
    for item in answer["events"]:
        if "event" in item:
            events[item["model_index"]].append(decode(Event, item["event"]))
    for index, model in enumerate(answer["models"]):
        yield from check_events(model["name"], events[index], decode(Response, model["response"]))


def check_patience(answer: Mapping[str, Json]) -> Iterator[str]:
    """Yield whether a client waited in silence until it might come back, instead of saying so."""
    retry_after_ms = answer.get("error", {}).get("retry_after_ms")
    if retry_after_ms is not None and answer["elapsed_ms"] >= retry_after_ms:
        yield f"it took {answer['elapsed_ms']} ms to say that it may come back after {retry_after_ms} ms"
