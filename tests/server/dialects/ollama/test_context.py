"""How large a context is asked for: as large as the estimate says, also where it is only bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server.dialects.ollama.context import context_length, most_input
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.tokens import estimate_generation

Part = message_pb2.Part
TEXT = st.text(max_size=9) | st.sampled_from(["", "word " * 500, "é" * 999])
PART = st.one_of(
    TEXT.map(lambda text: Part(text=text)),
    TEXT.map(lambda text: Part(refusal=text)),
    TEXT.map(lambda text: Part(reasoning=message_pb2.Reasoning(text=text))),
    TEXT.map(lambda text: Part(tool_call=message_pb2.ToolCall(name="f", arguments_json=text))),
    TEXT.map(lambda text: Part(tool_result=message_pb2.ToolResult(output_json=text))),
    st.lists(TEXT, max_size=9).map(
        lambda texts: Part(tool_result=message_pb2.ToolResult(parts=[Part(text=text) for text in texts]))
    ),
)
MESSAGE = st.lists(PART, max_size=9).map(lambda parts: message_pb2.ChatMessage(parts=parts))
TOOL = TEXT.map(lambda text: tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f", description=text)))
REQUEST = st.builds(
    generation_pb2.GenerateRequest, messages=st.lists(MESSAGE, max_size=5), tools=st.lists(TOOL, max_size=5)
)


@given(REQUEST)
def test_the_bound_is_never_below_the_estimate(request: generation_pb2.GenerateRequest) -> None:
    assert most_input(request) >= estimate_generation(request)
    looked_at = context_length(request, Quirks(), has_images=True)
    assert context_length(request, Quirks(), has_images=False) == looked_at


def test_an_image_counts_by_what_it_is_worth_and_not_by_its_bytes() -> None:
    image = Part(media=message_pb2.Media(data=b"x", mime_type="image/png"))
    request = generation_pb2.GenerateRequest(messages=[message_pb2.ChatMessage(parts=[image] * 5)])
    assert context_length(request, Quirks(), has_images=True) == 8192
