"""What a model wrote goes back to the gateway as it came, whichever way LangChain took it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from llmgateway import unfold
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2
from llmgateway_langchain import encode_messages
from llmgateway_langchain.chunks import Chunks
from llmgateway_langchain.content import register
from llmgateway_langchain.decode_messages import decode_answer
from llmgateway_langchain.decode_response import decode_response

from tests.clients.test_fold import responses, streams

Part = message_pb2.Part
Response = generation_pb2.GenerateResponse

register()


@st.composite
def answers(draw: st.DrawFn) -> Response:
    """Draw any answer of one candidate. The gateway gives each call an id of its own."""
    response = draw(responses())
    parts = [part for candidate in response.candidates for part in candidate.message.parts]
    parts += draw(st.lists(st.sampled_from(USUAL), max_size=3))
    parts = draw(st.permutations(parts))
    del response.candidates[1:]
    if not response.candidates:
        response.candidates.add().message.role = message_pb2.ROLE_ASSISTANT
    del response.candidates[0].message.parts[:]
    response.candidates[0].index = 0
    response.candidates[0].message.parts.extend(parts)
    for index, part in enumerate(response.candidates[0].message.parts):
        if part.HasField("tool_call"):
            part.tool_call.id, part.tool_call.name = f"call_{index}", part.tool_call.name or "tool"
            if part.tool_call.HasField("arguments_json") and not is_json(part.tool_call.arguments_json):
                # LangChain completes JSON that was cut off in a stream, which makes other arguments of it.
                part.tool_call.arguments_json = "No JSON at all"
    return response


USUAL = [
    Part(text="Hello"),
    Part(text="Hello", item_id="item_1"),
    Part(reasoning=message_pb2.Reasoning(text="Hm."), signature=message_pb2.Signature(provider="anthropic", value="s")),
    Part(tool_call=message_pb2.ToolCall(name="add", arguments_json='{"a":1}')),
    Part(
        tool_call=message_pb2.ToolCall(name="add", arguments_json='{"a": 1}'),
        signature=message_pb2.Signature(provider="gemini", value="s"),
    ),
    Part(tool_call=message_pb2.ToolCall(name="add", arguments_json="No JSON at all")),
    Part(tool_call=message_pb2.ToolCall(name="run", text='print("Hi")\n')),
    Part(tool_call=message_pb2.ToolCall(name="search", arguments_json='{"q": 1}', executor="EXECUTOR_PROVIDER")),
    Part(tool_call=message_pb2.ToolCall(name="search", arguments_json="No JSON", executor="EXECUTOR_PROVIDER")),
    Part(tool_call=message_pb2.ToolCall(name="search", text="cats", executor="EXECUTOR_PROVIDER")),
    Part(media=message_pb2.Media(mime_type="audio/wav", data=b"wav", transcript="Hi")),
    Part(provider_part=message_pb2.ProviderPart(dialect="anthropic", type="x", json="{}")),
]


def json_of(text: str) -> object:
    """Return the value; None where it is null, or no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def is_json(text: str) -> bool:
    return text == "null" or json_of(text) is not None


def sent_back(parts: Sequence[Part]) -> list[Part]:
    """Return what is expected to be sent: all but what an answer has for its reader alone, and texts that are empty."""
    expected = []
    for part in parts:
        copied = Part()
        copied.CopyFrom(part)
        copied.ClearField("logprobs")
        copied.ClearField("cache_breakpoint")
        if copied != Part(text=""):
            expected.append(copied)
    return expected


def assert_same(message: BaseMessage, response: Response) -> None:
    """Arguments are JSON: their spaces may differ."""
    (encoded,) = encode_messages([message])
    assert encoded.role == message_pb2.ROLE_ASSISTANT
    assert [normal(part) for part in encoded.parts] == [
        normal(part) for part in sent_back(response.candidates[0].message.parts)
    ]


def normal(part: Part) -> Part:
    copied = Part()
    copied.CopyFrom(part)
    if is_json(copied.tool_call.arguments_json):
        copied.tool_call.arguments_json = json.dumps(json.loads(copied.tool_call.arguments_json))
    return copied


def added_up(events: Sequence[stream_pb2.GenerationEvent], *, as_blocks: bool) -> AIMessageChunk:
    chunks = Chunks(as_blocks=as_blocks)
    made = [chunk for event in events if (chunk := chunks.add(event)) is not None]
    assert [chunk.chunk_position for chunk in made] == [*[None] * (len(made) - 1), "last"]
    return made[0] + made[1:] if len(made) > 1 else made[0]


@given(answers())
def test_a_whole_answer_goes_back_as_it_came(response: Response) -> None:
    (generation,) = decode_response(response).generations
    assert_same(generation.message, response)


@given(answers())
def test_an_answer_stored_as_json_goes_back_as_it_came(response: Response) -> None:
    message = decode_answer(response.candidates[0].message.parts)
    assert_same(AIMessage.model_validate_json(message.model_dump_json()), response)


@pytest.mark.parametrize("as_blocks", [False, True])
@given(data=st.data())
def test_a_stream_added_up_goes_back_as_it_came(as_blocks: bool, data: st.DataObject) -> None:
    response = data.draw(answers())
    whole = added_up(data.draw(streams(response)), as_blocks=as_blocks)
    assert_same(whole, response)
    assert_same(message_chunk_to_message(whole), response)


class Played(BaseChatModel):
    """Streams what it is told to."""

    events: list[Any]
    as_blocks: bool

    @property
    def _llm_type(self) -> str:
        return "played"

    def _generate(self, *arguments: object, **options: object) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *arguments: object, **options: object) -> Iterator[ChatGenerationChunk]:
        chunks = Chunks(as_blocks=self.as_blocks)
        for event in self.events:
            chunk = chunks.add(event)
            if chunk is not None:
                yield ChatGenerationChunk(message=chunk)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("as_blocks", [False, True])
@given(data=st.data())
def test_a_stream_of_langchain_s_events_goes_back_as_it_came(as_blocks: bool, data: st.DataObject) -> None:
    response = data.draw(answers())
    parts = response.candidates[0].message.parts
    # LangChain's stream of events, which is not settled, has no room for a refusal, and breaks on arguments that are
    # JSON but no object.
    spoken = [part for part in parts if not part.HasField("refusal")]
    for part in spoken:
        if is_json(part.tool_call.arguments_json) and not isinstance(json_of(part.tool_call.arguments_json), dict):
            part.tool_call.arguments_json = "No JSON at all"
    del parts[:]
    parts.extend(spoken)
    model = Played(events=data.draw(streams(response)), as_blocks=as_blocks)
    assert_same(model.stream_events("Hello", version="v3").output, response)


def text_in(message: AIMessage) -> str:
    return "".join(block["text"] for block in message.content_blocks if block["type"] == "text")


@pytest.mark.parametrize("as_blocks", [False, True])
@given(data=st.data())
def test_a_stream_says_what_the_whole_answer_says(as_blocks: bool, data: st.DataObject) -> None:
    response = data.draw(answers())
    (generation,) = decode_response(response).generations
    whole, streamed = generation.message, added_up(data.draw(streams(response)), as_blocks=as_blocks)
    assert isinstance(whole, AIMessage)
    # By its blocks: where two texts come by turns, `text` has the pieces as they came.
    assert text_in(streamed) == text_in(whole) == whole.text
    assert streamed.usage_metadata == whole.usage_metadata
    assert streamed.response_metadata == whole.response_metadata
    assert streamed.additional_kwargs == whole.additional_kwargs


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_text_that_speaks_after_the_call_behind_it_stays_before_it() -> None:
    text, call = Part(text="Let me add."), Part(tool_call=message_pb2.ToolCall(id="c", name="add", arguments_json="{}"))
    response = Response()
    response.candidates.add().message.role = message_pb2.ROLE_ASSISTANT
    response.candidates[0].message.parts.extend([text, call])
    started, open_text, close_text, open_call, close_call, ended, finished = unfold(response)
    open_text.part_started.part.text = ""
    late = stream_pb2.GenerationEvent(part_delta=stream_pb2.PartDelta(index=0, text="Let me add."))
    events = [started, open_text, open_call, late, close_text, close_call, ended, finished]
    assert_same(added_up(events, as_blocks=False), response)
    assert_same(Played(events=events, as_blocks=False).stream_events("Hello", version="v3").output, response)
