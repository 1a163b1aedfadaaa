"""Any answer, cut any way into events: the stream adds up to what the whole answer says, and its events are in order."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from tests.server.dialects.bedrock.answers import (
    METADATA,
    Event,
    decoded_whole,
    delta,
    message,
    start,
    stop,
    streamed,
    whole,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
CITATION = st.fixed_dictionaries({"title": TEXT}, optional={"source": TEXT, "sourceContent": st.just([{"text": "x"}])})


@st.composite
def pieces(draw: st.DrawFn, whole_text: str) -> list[str]:
    """Cut a text anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole_text)), max_size=3)))
    return [whole_text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole_text)], strict=True)]


@st.composite
def blocks(draw: st.DrawFn, index: int) -> tuple[dict[str, Any], list[Event]]:
    """Draw a content block, whole and as events."""
    kind = draw(st.sampled_from(["text", "toolUse", "reasoning", "redacted", "citations"]))
    said = draw(TEXT)
    if kind == "text":
        return {"text": said}, [*[delta(index, text=piece) for piece in draw(pieces(said))], stop(index)]
    if kind == "toolUse":
        given_input = draw(st.dictionaries(TEXT, st.integers(-9, 9) | TEXT | st.none(), max_size=3))
        text = json.dumps(given_input, ensure_ascii=False, separators=(",", ":"))
        use = {"toolUseId": f"t{index}", "name": "f"}
        inputs = [delta(index, toolUse={"input": piece}) for piece in draw(pieces(text))]
        return {"toolUse": {**use, "input": given_input}}, [start(index, toolUse=use), *inputs, stop(index)]
    if kind == "redacted":
        return {"reasoningContent": {"redactedContent": said}}, [
            delta(index, reasoningContent={"redactedContent": said}),
            stop(index),
        ]
    if kind == "reasoning":
        thoughts = [delta(index, reasoningContent={"text": piece}) for piece in draw(pieces(said))]
        proof = draw(TEXT)
        return {"reasoningContent": {"reasoningText": {"text": said, "signature": proof}}}, [
            *thoughts,
            delta(index, reasoningContent={"signature": proof}),
            stop(index),
        ]
    citations = draw(st.lists(CITATION, min_size=1, max_size=3))
    return {"citationsContent": {"content": [{"text": said}], "citations": citations}}, [
        *[delta(index, text=piece) for piece in draw(pieces(said))],
        *[delta(index, citation=citation) for citation in citations],
        stop(index),
    ]


@given(st.data(), st.integers(0, 4), st.sampled_from(["end_turn", "tool_use", "max_tokens", "?"]))
def test_a_stream_adds_up_to_the_whole_answer_however_it_is_cut(data: st.DataObject, count: int, reason: str) -> None:
    drawn = [data.draw(blocks(index)) for index in range(count)]
    answer = whole(*[block for block, _ in drawn], reason=reason)
    events = [event for _, block_events in drawn for event in block_events]
    assert MessageToDict(streamed(*message(*events, reason=reason), METADATA)) == MessageToDict(decoded_whole(answer))
