"""Brings what a runner saw into the form in which cases expect it: without what differs from call to call."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from llmgateway.v1 import call_pb2, stream_pb2, usage_pb2

Json = Any  # Any: decoded JSON.
Event = stream_pb2.GenerationEvent

# Ids, times and durations, which no two calls have in common.
VOLATILE = ("call_id", "create_time", "provider_response_id", "gateway_latency", "first_content_latency")

Decoded = TypeVar("Decoded", bound=Message)


def decode(kind: type[Decoded], text: str) -> Decoded:
    """Return a message from its bytes in base64."""
    message = kind()
    message.ParseFromString(base64.b64decode(text, validate=True))
    return message


def normal_message(message: Message) -> Json:
    """Return a message as JSON without what is volatile; unknown fields are listed by their paths."""
    copied = type(message)()
    copied.CopyFrom(message)
    clear_volatile(copied)
    shown: Json = json_format.MessageToDict(copied, preserving_proto_field_name=True)
    unknown = list(unknown_fields(message))
    return {**shown, "unknown_fields": unknown} if unknown else shown


def clear_volatile(message: Message) -> None:
    """Clear what differs from call to call, however deep it lies."""
    if isinstance(message, call_pb2.CallInfo):
        for name in VOLATILE:
            message.ClearField(name)
    elif isinstance(message, call_pb2.Attempt):
        message.ClearField("latency")
    for _, inner in inner_messages(message):
        clear_volatile(inner)


def inner_messages(message: Message) -> Iterator[tuple[str, Message]]:
    """Yield the messages that a message holds, each with its place."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated:
            yield from ((f"{field.name}[{index}]", item) for index, item in enumerate(value))
        else:
            yield field.name, value


def unknown_fields(message: Message, path: str = "") -> Iterator[str]:
    """Yield what the contract of this driver does not know: `path#number=value`."""
    for unknown in UnknownFieldSet(message):
        value = unknown.data
        shown = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        yield f"{path}#{unknown.field_number}={shown}"
    for place, inner in inner_messages(message):
        yield from unknown_fields(inner, f"{path}.{place}" if path else place)


def normal_events(events: Sequence[Event]) -> list[Json]:
    """Return events without numbers and heartbeats, adjacent deltas of one part joined: how text is cut has no meaning."""
    joined: list[Event] = []
    for event in events:
        if event.HasField("heartbeat"):
            continue
        if joined and continues(joined[-1], event):
            append(joined[-1], event)
            continue
        copied = Event()
        copied.CopyFrom(event)
        copied.ClearField("sequence_number")
        joined.append(copied)
    return [normal_message(event) for event in joined]


def continues(event: Event, following: Event) -> bool:
    """Whether a delta appends to where the one before it did."""
    if not (event.HasField("part_delta") and following.HasField("part_delta")):
        return False
    one, other = event.part_delta, following.part_delta
    return (
        event.candidate_index == following.candidate_index
        and one.index == other.index
        and one.WhichOneof("delta") == other.WhichOneof("delta")
        and not [*unknown_fields(event), *unknown_fields(following)]
    )


def append(event: Event, following: Event) -> None:
    """Append a delta to the one before it."""
    one, other = event.part_delta, following.part_delta
    kind = one.WhichOneof("delta")
    if kind is not None:
        setattr(one, kind, getattr(one, kind) + getattr(other, kind))
    one.annotations.extend(other.annotations)
    one.logprobs.extend(other.logprobs)


def normal_error(error: Json) -> Json:
    """Return a runner's error with its messages as JSON."""
    shown = dict(error)
    shown["attempts"] = [normal_message(decode(call_pb2.Attempt, text)) for text in error["attempts"]]
    shown["quota_violations"] = [
        normal_message(decode(call_pb2.QuotaViolation, text)) for text in error["quota_violations"]
    ]
    if error["usage"] is not None:
        shown["usage"] = normal_message(decode(usage_pb2.Usage, error["usage"]))
    return shown
