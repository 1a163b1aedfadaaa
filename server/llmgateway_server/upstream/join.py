"""Joins deltas that arrived together, so that they leave together.

One message costs about 80 µs of CPU a side and one event a few: joining adjacent deltas of a part is the
largest single lever on streaming throughput.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmgateway.v1 import stream_pb2

from llmgateway_server.dialects.codec import Delta, DeltaKey

Event = stream_pb2.GenerationEvent


def join_deltas(decoded: Iterable[Event | Delta]) -> list[Event]:
    """Return events, with adjacent deltas of one part made one.

    What a decoder returns as an event stays apart: with annotations or log probabilities, say, order carries
    meaning. The fold of the result equals the fold of the input.
    """
    events: list[Event] = []
    key: DeltaKey | None = None
    pieces: list[str] = []
    for item in decoded:
        if isinstance(item, Delta):
            if item.key != key:
                if key is not None:
                    events.append(delta_event(key, "".join(pieces)))
                key, pieces = item.key, []
            pieces.append(item.text)
            continue
        if key is not None:
            events.append(delta_event(key, "".join(pieces)))
            key = None
        events.append(item)
    if key is not None:
        events.append(delta_event(key, "".join(pieces)))
    return events


def delta_event(key: DeltaKey, text: str) -> Event:
    """Return the event that appends `text`."""
    event = Event()
    event.candidate_index = key.candidate_index
    delta = event.part_delta
    delta.index = key.part_index
    if key.field == "text":
        delta.text = text
    else:
        delta.arguments_json = text
    return event
