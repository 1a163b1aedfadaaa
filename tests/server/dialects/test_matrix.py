"""Every feature in every dialect: sent within the vendor's closed schema and its client's types, or refused by name.

Nothing goes out that a vendor would have to guess at, and nothing is left out without a word.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.codec import Codec
from llmgateway_server.dialects.registry import make_codec, make_sibling
from llmgateway_server.errors import CapabilityMissing, InvalidField
from llmgateway_server.validation.requests import validate_generate

from tests.server.dialects.features import (
    BAD,
    FEATURES,
    PNG,
    USER,
    Part,
    Request,
    asks,
    call,
    media,
    result,
    said,
    text,
)
from tests.server.dialects.sdk_types import CHECKS
from tests.specs import FOLDER, closed_validator


@dataclass(frozen=True, slots=True)
class Row:
    """One target. `schema` is the vendor's description of the request, `sdk` its client's types, both empty if none.

    `undescribed` is a member that the vendor documents, and its client has, but not its description.
    """

    vendor: str
    model: str
    schema: tuple[str, str] | None = None
    sdk: str = ""
    claude: bool = False
    undescribed: str = ""

    @property
    def codec(self) -> Codec:
        vendors = load_vendors()
        row = vendors[self.vendor]
        quirks: Mapping[str, Any] = row.quirks
        if self.claude:
            quirks = {**quirks, "claude": vendors["anthropic"].quirks}
            quirks = {**quirks, "claude_api": "messages"} if self.vendor == "bedrock" else quirks
            sibling = make_sibling(row.dialect, self.vendor, quirks)
            assert sibling is not None
            assert sibling.serves(self.model)
            return sibling.codec
        return make_codec(row.dialect, self.vendor, quirks)


CHAT = "POST /chat/completions"
GEMINI = ("gemini", "POST /v1beta/models/{model}:generateContent")
CLAUDE = ("anthropic-beta", "POST /v1/messages?beta=true")
ROWS = {
    "openai": Row("openai", "gpt-4o", ("openai", CHAT), "openai"),
    "azure": Row("azure", "gpt-4o", ("openai", CHAT), "openai"),
    "openrouter": Row("openrouter", "openai/gpt-4o", ("openrouter", CHAT)),
    "mistral": Row("mistral", "mistral-large-latest", ("mistral", "POST /v1/chat/completions"), "mistral"),
    "groq": Row("groq", "llama-3.3-70b-versatile"),
    "deepseek": Row("deepseek", "deepseek-chat"),
    "xai": Row("xai", "grok-4"),
    "anthropic": Row("anthropic", "claude-opus-5", CLAUDE, "anthropic"),
    "anthropic, an older model": Row("anthropic", "claude-sonnet-4-5", CLAUDE, "anthropic"),
    "anthropic on vertex": Row("vertex", "claude-opus-4-6", None, "anthropic", claude=True),
    "anthropic on bedrock": Row("bedrock", "us.anthropic.claude-opus-4-6-v1", None, "anthropic", claude=True),
    "gemini": Row("gemini", "gemini-3-pro", GEMINI, "gemini", undescribed="serviceTier"),
    "gemini, an older model": Row("gemini", "gemini-2.5-flash", GEMINI, "gemini", undescribed="serviceTier"),
    "vertex": Row("vertex", "gemini-3-pro", ("vertex", "POST /v1/{model}:generateContent"), "gemini"),
    "bedrock, nova": Row("bedrock", "amazon.nova-pro-v1:0", ("bedrock", "POST /model/{modelId}/converse"), "bedrock"),
    "bedrock, claude": Row(
        "bedrock", "anthropic.claude-sonnet-4-5-v1:0", ("bedrock", "POST /model/{modelId}/converse"), "bedrock"
    ),
    "cohere": Row("cohere", "command-a-03-2025", ("cohere", "POST /v2/chat")),
    "ollama": Row("ollama", "llama3.2", ("ollama", "POST /api/chat"), "ollama", undescribed="thinking"),
}


@functools.cache
def schema_check(schema: tuple[str, str]) -> Callable[[Any], list[str]]:
    return closed_validator(*schema, "request")


def test_there_are_enough_features_and_all_are_valid() -> None:
    assert len(FEATURES) >= 40
    for name, asked in FEATURES.items():
        assert validate_generate(asked, LimitSettings()) == [], name


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("row", ROWS)
def test_a_feature_is_sent_as_the_vendor_has_it_or_refused_by_name(row: str, feature: str) -> None:
    asked = Request()
    asked.CopyFrom(FEATURES[feature])
    outcomes = [look(ROWS[row], asked, stream=stream) for stream in (False, True)]
    asked.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    dropping = look(ROWS[row], asked, stream=False)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] in ("sent", "warned", "refused")
    if outcomes[0] == "sent":
        assert dropping in ("sent", "warned")


def look(row: Row, asked: Request, *, stream: bool) -> str:
    """Return what became of a request; whatever is sent must be right."""
    before = asked.SerializeToString(deterministic=True)
    try:
        encoded = row.codec.encode_generate(asked, row.model, stream=stream)
    except (CapabilityMissing, InvalidField) as refusal:
        return "refused" if refusal.metadata.get("capability") or refusal.violations else f"refused blindly: {refusal}"
    assert asked.SerializeToString(deterministic=True) == before
    body = json.loads(encoded.body)
    if row.schema is not None and FOLDER.exists():
        wrong = schema_check(row.schema)(body)
        assert [text for text in wrong if not row.undescribed or f"'{row.undescribed}' was" not in text] == [], body
    if row.sdk:
        assert CHECKS[row.sdk](body if row.sdk != "anthropic" else {"model": row.model, **body}) == "", body
    for warning in encoded.warnings:
        assert warning.field, warning
        assert warning.description, warning
    return "warned" if encoded.warnings else "sent"


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("row", ROWS)
def test_a_bad_conversation_is_refused_by_its_path_or_repaired(row: str, bad: str) -> None:
    violations = validate_generate(BAD[bad], LimitSettings())
    if violations:
        assert all(violation.field.startswith(("messages", "tools")) for violation in violations)
        return
    assert look(ROWS[row], BAD[bad], stream=False) in ("sent", "warned", "refused")


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ("no messages", "messages"),
        ("an empty turn", "messages[0].parts"),
        ("an orphan result", "messages[1].parts[0].tool_result.tool_call_id"),
        ("a result of another call", "messages[2].parts[0].tool_result.tool_call_id"),
        ("a result twice", "messages[2].parts[1].tool_result.tool_call_id"),
        ("a result before its call", "messages[0].parts[0].tool_result.tool_call_id"),
        ("a call of a user", "messages[0].parts[0].tool_call"),
        ("a result within a user's turn", "messages[2].parts[0].tool_result"),
        ("a tool twice", "tools[1].function.name"),
        ("a tool with a bad name", "tools[0].function.name"),
    ],
)
def test_what_is_wrong_for_every_provider_is_found_before_any_dialect(bad: str, field: str) -> None:
    assert [violation.field for violation in validate_generate(BAD[bad], LimitSettings())] == [field]


# What another provider did by itself and knows alone.
RUN = message_pb2.ToolCall(id="run_1", name="web_search", arguments_json="{}", executor="EXECUTOR_PROVIDER")
ELSEWHERE = (
    Part(tool_call=RUN, provider_json={"elsewhere": '{"type":"run"}'}),
    Part(tool_result=message_pb2.ToolResult(tool_call_id="run_1", output_json="[]")),
    Part(provider_part=message_pb2.ProviderPart(dialect="elsewhere", type="new", json='{"type":"new"}')),
)


@pytest.mark.parametrize("row", ROWS)
def test_what_another_provider_ran_and_knows_alone_is_left_out_when_the_model_is_switched(row: str) -> None:
    target = ROWS[row]
    history = asks(USER, said("ASSISTANT", text("Rain."), *ELSEWHERE), USER)
    assert validate_generate(history, LimitSettings()) == []
    assert look(target, history, stream=False) == "warned"
    encoded = target.codec.encode_generate(history, target.model, stream=False)
    plain = target.codec.encode_generate(asks(USER, said("ASSISTANT", text("Rain.")), USER), target.model, stream=False)
    assert encoded.body == plain.body
    assert "messages[1].parts[3]" in [warning.field for warning in encoded.warnings]


TAKE_DRAWN = {"gemini", "gemini, an older model", "vertex", "ollama"}


@pytest.mark.parametrize("row", ROWS)
def test_an_image_that_another_model_drew_is_taken_or_refused_by_name(row: str) -> None:
    history = asks(USER, said("ASSISTANT", text("Here."), media("image/png", data=PNG)), USER)
    outcome = look(ROWS[row], history, stream=False)
    assert outcome == ("sent" if row in TAKE_DRAWN else "refused")
    history.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    assert look(ROWS[row], history, stream=False) == ("sent" if row in TAKE_DRAWN else "warned")


def test_an_id_may_come_again_with_a_later_call() -> None:
    turn = (said("ASSISTANT", call("call_0", "weather")), said("TOOL", result("call_0", text("ok"))))
    assert validate_generate(asks(USER, *turn, USER, *turn), LimitSettings()) == []
    two = (
        said("ASSISTANT", call("a", "weather"), call("a", "clock")),
        said("TOOL", result("a", text("1")), result("a")),
    )
    assert validate_generate(asks(USER, *two), LimitSettings()) == []


def test_each_target_serves_what_all_of_them_have() -> None:
    for row in ROWS.values():
        for feature in ("a text", "a system prompt", "three turns", "an image as data", "a tool", "an output limit"):
            if (row.vendor, feature) != ("deepseek", "an image as data"):
                assert look(row, FEATURES[feature], stream=False) == "sent", (row.vendor, feature)


def test_the_checks_find_what_is_wrong() -> None:
    """A check that lets everything through would prove nothing."""
    message = {"role": "user", "content": "Hi"}
    wrong: Mapping[str, Any] = {
        "openai": {"model": "m", "messages": [{"role": "user", "content": 5}]},
        "anthropic": {"model": "m", "max_tokens": "x", "messages": [message]},
        "mistral": {"model": "m", "messages": [{"role": "nobody", "content": "Hi"}]},
        "ollama": {"model": "m", "messages": message},
        "gemini": {"contents": [{"role": "user", "parts": [{"txt": "Hi"}]}]},
        "bedrock": {"messages": [{"role": "user", "content": [{"txt": "Hi"}]}]},
    }
    assert wrong.keys() == CHECKS.keys()
    for name, body in wrong.items():
        assert CHECKS[name](body), name
