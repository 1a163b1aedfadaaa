"""Scripts: strict, and laid over one another."""

from __future__ import annotations

from typing import Any

import pytest
from llmgateway_server.dialects.mock.options import Options, OptionsError, overlay, read_options, read_options_json

Json = Any  # what a caller may send


def test_every_member_is_read() -> None:
    options = read_options(
        {
            "text": "Hello",
            "reasoning": "Hm.",
            "tool_calls": [{"name": "f", "arguments": {"a": [1]}}, {"name": "g", "text": "free", "id": "x"}],
            "latency": "300ms",
            "tokens_per_second": 50,
            "error": {"status": 429, "message": "Slow down", "retry_after": "7s", "after_token_count": 3},
            "cut_after_token_count": 10,
            "finish_reason": "length",
            "usage": {"output_token_count": -7},
        }
    )
    assert (options.latency, options.gap_s) == (0.3, 0.02)
    assert options.error is not None
    assert options.error.retry_after == 7
    assert options.tool_calls is not None
    assert options.tool_calls[0].arguments == {"a": [1]}
    assert options.usage is not None
    assert options.usage.output_token_count == -7


WRONG: list[tuple[Json, str, str]] = [
    ({"txt": "a"}, "txt", "is not a member of a mock's script"),
    ({"error": {"status": 429, "retry_after_s": 1}}, "error.retry_after_s", "is not a member"),
    ({"tool_calls": [{"name": "f"}, {"arguments": {}}]}, "tool_calls[1].name", "Field required"),
    ({"tool_calls": [{"name": "f", "arguments": {}, "text": "x"}]}, "tool_calls[0]", "takes one of"),
    (
        {"tool_calls": [{"name": "f", "arguments": []}]},
        "tool_calls[0].arguments",
        "valid mapping|valid dictionary|object",
    ),
    ({"latency": 5}, "latency", "a number with a unit"),
    ({"latency": "5"}, "latency", "a number with a unit"),
    ({"text": 5}, "text", "valid string"),
    ({"text": "a", "json": None}, "", "takes one of text"),
    ({"gap": "1s", "tokens_per_second": 1}, "", "takes either tokens_per_second or gap"),
    ({"tokens_per_second": 0}, "tokens_per_second", "greater than 0"),
    ({"error": {"status": 200}}, "error.status", "greater than or equal to 400"),
    ({"error": {"status": 600}}, "error.status", "less than or equal to 599"),
    ({"error": {}}, "error", "takes either status or reason"),
    ({"error": {"reason": "BAD_LUCK"}}, "error", "reason must be one of CONTEXT_TOO_LONG"),
    ({"cut_after_token_count": -1}, "cut_after_token_count", "greater than or equal to 0"),
    ({"text_token_count": 10**9}, "text_token_count", "less than or equal to"),
    ({"usage": {"output_token_count": 2**31}}, "usage.output_token_count", "less than or equal to"),
    ({"usage": {"cost": 1}}, "usage.cost", "is not a member"),
    ({"json_value": 1}, "json_value", "is not a member"),
    ([], "", "object"),
]


@pytest.mark.parametrize(("script", "path", "message"), WRONG)
def test_what_is_wrong_is_named_with_its_path(script: Json, path: str, message: str) -> None:
    with pytest.raises(OptionsError, match=message) as caught:
        read_options(script)
    assert [violation.field for violation in caught.value.violations] == [path]


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(OptionsError):
        read_options_json("{")
    with pytest.raises(OptionsError, match="plain JSON data"):
        read_options({"text": object()})


def test_members_above_replace_those_below_and_null_takes_one_away() -> None:
    below = read_options({"text": "below", "latency": "1s", "error": {"status": 500}})
    above = overlay(below, read_options({"latency": "2s", "error": None}))
    assert (above.text, above.latency, above.error) == ("below", 2.0, None)


def test_an_answer_above_replaces_any_answer_below() -> None:
    below = read_options({"text": "below", "reasoning": "kept", "gap": "1s"})
    above = overlay(below, read_options({"json": None, "tokens_per_second": 4}))
    assert above.writes_json
    assert (above.text, above.reasoning, above.gap_s) == (None, "kept", 0.25)


def test_usage_may_be_left_out() -> None:
    assert Options().usage is not None
    assert overlay(Options(), read_options({"usage": None})).usage is None
