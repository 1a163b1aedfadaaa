"""Messages and content blocks in every form that LangChain's users write them, as the contract's."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from google.protobuf import text_format
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from llmgateway.v1 import message_pb2
from llmgateway_langchain import decode_messages, encode_messages

Part = message_pb2.Part
PNG = b"\x89PNG"
PNG_BASE64 = base64.b64encode(PNG).decode()


def chat(text: str) -> message_pb2.ChatMessage:
    return text_format.Parse(text, message_pb2.ChatMessage())


def part(text: str) -> message_pb2.Part:
    return text_format.Parse(text, message_pb2.Part())


TEXTS: list[tuple[BaseMessage, str]] = [
    (SystemMessage("Be brief."), 'role: ROLE_SYSTEM parts { text: "Be brief." }'),
    (
        convert_to_messages([{"role": "developer", "content": "Be brief."}])[0],
        'role: ROLE_DEVELOPER parts { text: "Be brief." }',
    ),
    (HumanMessage("Hi", name="ada"), 'role: ROLE_USER name: "ada" parts { text: "Hi" }'),
    (HumanMessage([]), "role: ROLE_USER"),
    (
        HumanMessage(["Hi", {"type": "text", "text": "there"}]),
        'role: ROLE_USER parts { text: "Hi" } parts { text: "there" }',
    ),
    (ChatMessage("Hi", role="developer"), 'role: ROLE_DEVELOPER parts { text: "Hi" }'),
    (ChatMessage("Hi", role="user"), 'role: ROLE_USER parts { text: "Hi" }'),
    (AIMessage(""), "role: ROLE_ASSISTANT"),
    (AIMessage("Hello", name="bot"), 'role: ROLE_ASSISTANT name: "bot" parts { text: "Hello" }'),
    (
        HumanMessage("Hi", additional_kwargs={"llmgateway_provider_json": {"openai": "{}"}}),
        'role: ROLE_USER parts { text: "Hi" } provider_json { key: "openai" value: "{}" }',
    ),
    (
        ToolMessage("3", tool_call_id="call_1", name="add", artifact={"not": "sent"}),
        'role: ROLE_TOOL parts { tool_result { tool_call_id: "call_1" tool_name: "add" parts { text: "3" } } }',
    ),
    (
        ToolMessage("", tool_call_id="call_1", status="error"),
        'role: ROLE_TOOL parts { tool_result { tool_call_id: "call_1" failed: true } }',
    ),
]


@pytest.mark.parametrize(("message", "expected"), TEXTS)
def test_messages_of_each_role(message: BaseMessage, expected: str) -> None:
    assert encode_messages([message]) == [chat(expected)]


MEDIA: list[tuple[dict[str, Any], str]] = [
    # Standard blocks.
    ({"type": "image", "base64": PNG_BASE64, "mime_type": "image/png"}, 'mime_type: "image/png" data: "\\x89PNG"'),
    ({"type": "image", "url": "https://x.test/a.png?b=c"}, 'mime_type: "image/png" uri: "https://x.test/a.png?b=c"'),
    ({"type": "image", "url": "https://x.test/a"}, 'mime_type: "image/*" uri: "https://x.test/a"'),
    ({"type": "image", "file_id": "file_1"}, 'file_id: "file_1"'),
    (
        {"type": "image", "file_id": "file_1", "mime_type": "image/png", "extras": {"detail": "low"}},
        'mime_type: "image/png" file_id: "file_1" detail: "low"',
    ),
    ({"type": "audio", "base64": PNG_BASE64, "mime_type": "audio/wav"}, 'mime_type: "audio/wav" data: "\\x89PNG"'),
    ({"type": "video", "url": "gs://bucket/a.mp4"}, 'mime_type: "video/mp4" uri: "gs://bucket/a.mp4"'),
    ({"type": "file", "url": "https://x.test/a"}, 'mime_type: "application/octet-stream" uri: "https://x.test/a"'),
    (
        {"type": "text-plain", "text": "Hé", "mime_type": "text/plain", "title": "a.txt"},
        'mime_type: "text/plain" data: "H\\303\\251" file_name: "a.txt"',
    ),
    # Blocks of LangChain before version 1.
    (
        {"type": "image", "source_type": "base64", "data": PNG_BASE64, "mime_type": "image/png"},
        'mime_type: "image/png" data: "\\x89PNG"',
    ),
    (
        {"type": "image", "source_type": "url", "url": "https://x.test/a.gif"},
        'mime_type: "image/gif" uri: "https://x.test/a.gif"',
    ),
    (
        {
            "type": "file",
            "source_type": "base64",
            "data": PNG_BASE64,
            "mime_type": "application/pdf",
            "filename": "a.pdf",
        },
        'mime_type: "application/pdf" data: "\\x89PNG" file_name: "a.pdf"',
    ),
    # OpenAI's.
    (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_BASE64}", "detail": "high"}},
        'mime_type: "image/png" data: "\\x89PNG" detail: "high"',
    ),
    (
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        'mime_type: "image/png" uri: "https://x.test/a.png"',
    ),
    ({"type": "image_url", "image_url": "https://x.test/a.png"}, 'mime_type: "image/png" uri: "https://x.test/a.png"'),
    (
        {"type": "image_url", "image_url": f"data:image/png;base64,{PNG_BASE64}"},
        'mime_type: "image/png" data: "\\x89PNG"',
    ),
    ({"type": "image_url", "image_url": "data:,Hi%20you"}, 'mime_type: "text/plain" data: "Hi you"'),
    (
        {"type": "input_audio", "input_audio": {"data": PNG_BASE64, "format": "mp3"}},
        'mime_type: "audio/mpeg" data: "\\x89PNG"',
    ),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG_BASE64}"}},
        'mime_type: "application/pdf" data: "\\x89PNG" file_name: "a.pdf"',
    ),
    ({"type": "file", "file": {"file_id": "file_1"}}, 'file_id: "file_1"'),
    # Anthropic's.
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_BASE64}},
        'mime_type: "image/png" data: "\\x89PNG"',
    ),
    (
        {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}, "title": "A"},
        'mime_type: "application/pdf" uri: "https://x.test/a.pdf" file_name: "A"',
    ),
    ({"type": "document", "source": {"type": "file", "file_id": "file_1"}}, 'file_id: "file_1"'),
]


@pytest.mark.parametrize(("block", "expected"), MEDIA)
def test_media_in_every_form(block: dict[str, Any], expected: str) -> None:
    (message,) = encode_messages([HumanMessage([block])])
    assert list(message.parts) == [part(f"media {{ {expected} }}")]
    (returned,) = encode_messages([ToolMessage([block], tool_call_id="call_1")])
    assert list(returned.parts[0].tool_result.parts) == list(message.parts)


ANSWERS: list[tuple[AIMessage, list[str]]] = [
    (
        AIMessage("Let me see.", tool_calls=[{"name": "add", "args": {"a": 1, "b": "é"}, "id": "call_1"}]),
        [
            'text: "Let me see."',
            'tool_call { id: "call_1" name: "add" arguments_json: "{\\"a\\": 1, \\"b\\": \\"é\\"}" }',
        ],
    ),
    (
        AIMessage("", invalid_tool_calls=[{"name": "add", "args": "{a", "id": "call_1", "error": "It is no JSON."}]),
        ['tool_call { id: "call_1" name: "add" arguments_json: "{a" }'],
    ),
    (
        AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": None}]),
        ['tool_call { name: "add" arguments_json: "{}" }'],
    ),
    # The order of the content, the arguments of `tool_calls`, which may have been edited.
    (
        AIMessage(
            [
                {"type": "tool_call", "name": "add", "args": {"a": 1}, "id": "call_1"},
                {"type": "text", "text": "Done."},
            ],
            tool_calls=[{"name": "add", "args": {"a": 2}, "id": "call_1"}],
        ),
        ['tool_call { id: "call_1" name: "add" arguments_json: "{\\"a\\": 2}" }', 'text: "Done."'],
    ),
    # OpenAI's old way.
    (
        AIMessage(
            "",
            additional_kwargs={
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
                ]
            },
        ),
        ['tool_call { id: "call_1" name: "add" arguments_json: "{\\"a\\": 1}" }'],
    ),
    # Anthropic's, where nobody says that it is.
    (
        AIMessage(
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
                {"type": "redacted_thinking", "data": "enc"},
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "call_1", "name": "add", "input": {"a": 1}},
            ],
            tool_calls=[{"name": "add", "args": {"a": 1}, "id": "call_1"}],
        ),
        [
            'reasoning { text: "Hm." } signature { provider: "anthropic" value: "sig" }',
            'reasoning { kind: KIND_REDACTED } signature { provider: "anthropic" value: "enc" }',
            'text: "Well."',
            'tool_call { id: "call_1" name: "add" arguments_json: "{\\"a\\": 1}" }',
        ],
    ),
    # Of other integrations: a signature goes back to its maker, a block that only the maker knows as its own.
    (
        AIMessage(
            [{"type": "thinking", "thinking": "Hm.", "signature": "sig"}, {"type": "text", "text": "Well."}],
            response_metadata={"model_provider": "anthropic"},
        ),
        [
            'reasoning { text: "Hm." kind: KIND_TEXT } signature { provider: "anthropic" value: "sig" }',
            'text: "Well."',
        ],
    ),
    (
        AIMessage(
            [{"type": "container_upload", "file_id": "file_1"}], response_metadata={"model_provider": "anthropic"}
        ),
        [
            'provider_part { dialect: "anthropic" type: "container_upload" '
            'json: "{\\"type\\": \\"container_upload\\", \\"file_id\\": \\"file_1\\"}" }'
        ],
    ),
    (
        AIMessage([{"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "whose?"}}]),
        ['reasoning { text: "Hm." kind: KIND_TEXT }'],
    ),
    (
        AIMessage("Well.", additional_kwargs={"reasoning_content": "Hm."}),
        ['reasoning { text: "Hm." kind: KIND_TEXT }', 'text: "Well."'],
    ),
    (AIMessage([{"type": "refusal", "refusal": ""}]), []),
    (AIMessage([{"type": "refusal", "refusal": "No."}]), ['refusal: "No."']),
    (
        AIMessage(
            [
                {
                    "type": "text",
                    "text": "So it is.",
                    "annotations": [
                        {"type": "citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 2},
                        {"type": "non_standard_annotation", "value": {"own": 1}},
                    ],
                }
            ]
        ),
        [
            'text: "So it is." annotations { uri: "https://x.test" title: "X" start_index: 0 end_index: 2 } '
            'annotations { provider_json: "{\\"own\\": 1}" }'
        ],
    ),
    (
        AIMessage(
            [
                {"type": "server_tool_call", "id": "s1", "name": "web_search", "args": {"q": "x"}},
                {"type": "server_tool_result", "tool_call_id": "s1", "status": "error", "output": {"code": 1}},
                {"type": "server_tool_result", "tool_call_id": "s2", "status": "success", "output": "Found."},
            ]
        ),
        [
            'tool_call { id: "s1" name: "web_search" arguments_json: "{\\"q\\": \\"x\\"}" executor: EXECUTOR_PROVIDER }',
            'tool_result { tool_call_id: "s1" output_json: "{\\"code\\": 1}" failed: true }',
            'tool_result { tool_call_id: "s2" parts { text: "Found." } }',
        ],
    ),
]


@pytest.mark.parametrize(("message", "expected"), ANSWERS)
def test_answers_in_every_form(message: AIMessage, expected: list[str]) -> None:
    (encoded,) = encode_messages([message])
    assert list(encoded.parts) == [part(text) for text in expected]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "Hi", "extras": {"cache_control": {"type": "ephemeral", "ttl": "1h"}}},
    ],
)
def test_a_cached_prefix_ends_where_cache_control_says(block: dict[str, Any]) -> None:
    (message,) = encode_messages([SystemMessage([block])])
    assert list(message.parts) == [part('text: "Hi" cache_breakpoint { ttl: "1h" }')]


def test_words_about_a_document_go_to_anthropic() -> None:
    block = {"type": "text-plain", "mime_type": "text/plain", "text": "Hi", "context": "A greeting."}
    (message,) = encode_messages([HumanMessage([block])])
    assert dict(message.parts[0].provider_json) == {"anthropic": '{"context": "A greeting."}'}


REFUSED: list[tuple[BaseMessage, str]] = [
    (HumanMessage([{"type": "image"}]), "'image' needs one of url, base64 and file_id"),
    (HumanMessage([{"type": "image", "base64": "no base64!"}]), "no base64"),
    (HumanMessage([{"type": "image_url", "image_url": "data:no-comma"}]), "no comma"),
    (HumanMessage([{"type": "hologram"}]), "'hologram' cannot be sent"),
    (AIMessage([{"type": "hologram"}]), "'hologram' cannot be sent"),
    (HumanMessage([{"type": "tool_call_chunk", "args": ""}]), "'tool_call_chunk' cannot be sent"),
    (FunctionMessage("3", name="add"), "A FunctionMessage cannot be sent"),
    (RemoveMessage(id="1"), "A RemoveMessage cannot be sent"),
    (ChatMessage("Hi", role="critic"), "with the role 'critic' cannot be sent"),
]


@pytest.mark.parametrize(("message", "says"), REFUSED)
def test_what_cannot_be_sent_is_refused(message: BaseMessage, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode_messages([message])


CONVERSATION = [
    'role: ROLE_SYSTEM parts { text: "Be brief." cache_breakpoint { ttl: "1h" } }',
    'role: ROLE_DEVELOPER parts { text: "Answer in French." }',
    'role: ROLE_USER name: "ada" parts { text: "What is it?" } '
    'parts { media { mime_type: "image/png" data: "png" detail: "low" } }',
    'role: ROLE_ASSISTANT parts { text: "Let me look." } parts { tool_call { id: "c" name: "look" arguments_json: "{}" } }',
    'role: ROLE_TOOL parts { tool_result { tool_call_id: "c" tool_name: "look" parts { text: "A cat." } } }',
    'role: ROLE_TOOL parts { tool_result { tool_call_id: "d" failed: true } }',
    'role: ROLE_ASSISTANT parts { text: "Un chat." }',
    'role: ROLE_USER parts { text: "Bien." } provider_json { key: "openai" value: "{}" }',
]


def test_a_conversation_comes_back_as_it_was() -> None:
    messages = [chat(text) for text in CONVERSATION]
    decoded = decode_messages(messages)
    assert [message.type for message in decoded] == ["system", "system", "human", "ai", "tool", "tool", "ai", "human"]
    assert encode_messages(decoded) == messages


def test_a_message_of_several_results_becomes_as_many() -> None:
    decoded = decode_messages(
        [
            chat(
                'role: ROLE_TOOL parts { tool_result { tool_call_id: "a" output_json: "{\\"x\\": 1}" } } '
                'parts { tool_result { tool_call_id: "b" failed: true parts { text: "No." } } }'
            )
        ]
    )
    assert decoded == [
        ToolMessage('{"x": 1}', tool_call_id="a"),
        ToolMessage("No.", tool_call_id="b", status="error"),
    ]


def test_a_role_newer_than_this_client_is_refused() -> None:
    with pytest.raises(ValueError, match="role 99"):
        decode_messages([message_pb2.ChatMessage(role=99)])  # type: ignore[arg-type]


def test_an_edited_block_is_sent_as_edited() -> None:
    """The part that a block keeps is no way around an edit, for example of what must not be sent."""
    newer = message_pb2.Part.FromString(Part(text="My key is 42.").SerializeToString() + b"\xfa\x3f\x02hi")
    secret = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[newer, Part(text="So.")])
    (message,) = decode_messages([secret])
    assert encode_messages([message])[0].SerializeToString() == secret.SerializeToString()
    assert isinstance(message.content, list)
    assert "llmgateway_part" in message.content[0]["extras"]  # type: ignore[index]
    message.content[0]["text"] = "My key is [removed]."  # type: ignore[index]
    (encoded,) = encode_messages([message])
    assert [part.text for part in encoded.parts] == ["My key is [removed].", "So."]
