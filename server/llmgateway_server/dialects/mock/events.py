"""Events that a script spells out: what no other member of it can make a model write. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from llmgateway.fold import Fold, GrammarError
from llmgateway.v1 import stream_pb2

from llmgateway_server.dialects.mock.tokens import split_tokens

Event = stream_pb2.GenerationEvent
# An event as JSON, or its bytes in base64, which may hold fields that this gateway does not know.
WrittenEvent = dict[str, Any] | str  # Any: an event's JSON.

# Made by the mock and by the gateway: they say who answers, what it costs, and that the call is alive.
MADE_ELSEWHERE = ("started", "finished", "heartbeat")


def read_events(written: Sequence[WrittenEvent], *, is_whole: bool) -> list[Event]:
    """Return the events of a script; raise `ValueError` for what is no event, and for what the grammar forbids.

    With `is_whole` they must close every candidate that they open.
    """
    whole = Fold()
    whole.add(Event(started=stream_pb2.GenerationStarted()))
    events: list[Event] = []
    for index, item in enumerate(written):
        try:
            event = read_event(item)
            whole.add(event)
        except (ValueError, json_format.ParseError, DecodeError) as error:
            raise ValueError(f"events[{index}]: {error}") from error
        events.append(event)
    if is_whole:
        try:
            whole.add(Event(finished=stream_pb2.GenerationFinished()))
        except GrammarError as error:
            raise ValueError(f"events: {error}") from error
    return events


def read_event(written: WrittenEvent) -> Event:
    """Return one event, without a number: the gateway counts."""
    if isinstance(written, str):
        try:
            event = Event.FromString(base64.b64decode(written, validate=True))
        except binascii.Error as error:
            raise ValueError(f"must be an event as a JSON object, or its bytes in base64: {error}") from error
    else:
        event = json_format.ParseDict(written, Event())
    kind = event.WhichOneof("event")
    if kind in MADE_ELSEWHERE:
        raise ValueError(f"{kind} is made without being asked for: leave it out")
    event.ClearField("sequence_number")
    return event


def count_tokens(events: Sequence[Event]) -> int:
    """Return how many tokens the texts of the events have, whatever they are part of."""
    texts: dict[tuple[int, int], str] = {}
    for event in events:
        started, delta = event.part_started, event.part_delta
        key = (event.candidate_index, started.index or delta.index)
        content = started.part
        call = content.tool_call
        said = content.text or content.reasoning.text or content.refusal or call.arguments_json or call.text
        texts[key] = texts.get(key, "") + said + delta.text + delta.arguments_json
    return sum(len(split_tokens(text)) for text in texts.values())
