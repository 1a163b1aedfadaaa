"""A turn is found by the turn before it, for as long as its provider keeps a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.catalog.knowledge import PROMPT_CACHE_S, load_knowledge
from llmgateway_server.config.settings import Settings
from llmgateway_server.routing.sticky import MAX_CONVERSATIONS, StickyBook, Thread, lifetime_s, thread_of

from tests.server.attempts.scripted import Scripted, Stage
from tests.server.routing.world import World, chat, targets

(TARGET,) = targets("a/m")
TEXTS = st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=7).filter(lambda texts: len(texts) % 2)


@given(TEXTS, st.text(min_size=1), st.text(min_size=1))
def test_the_next_turn_looks_where_this_one_noted_itself(texts: list[str], answer: str, question: str) -> None:
    now, then = thread_of(chat(*texts), "ci\0r"), thread_of(chat(*texts, answer, question), "ci\0r")
    assert then.before == now.after
    assert then.after != now.after


@given(TEXTS, TEXTS, st.sampled_from(["ci\0r", "ci\0s", "other\0r"]))
def test_other_conversations_callers_and_routes_are_others(some: list[str], others: list[str], scope: str) -> None:
    one, other = thread_of(chat(*some), "ci\0r"), thread_of(chat(*others), scope)
    assert (one.after == other.after) == (some == others and scope == "ci\0r")


def test_a_result_of_a_tool_goes_on_with_the_turn_that_called_it() -> None:
    asked = chat("What is the weather?")
    called = generation_pb2.GenerateRequest(messages=asked.messages)
    call = message_pb2.Part(tool_call=message_pb2.ToolCall(id="c", name="weather", arguments_json="{}"))
    called.messages.add(role=message_pb2.ROLE_ASSISTANT).parts.append(call)
    result = message_pb2.Part(
        tool_result=message_pb2.ToolResult(tool_call_id="c", parts=[message_pb2.Part(text="sun")])
    )
    called.messages.add(role=message_pb2.ROLE_TOOL).parts.append(result)
    assert thread_of(called, "").before == thread_of(asked, "").after


def test_a_first_turn_has_none_before_it_and_a_key_stands_above_all() -> None:
    assert thread_of(chat("Hi"), "").before == b""
    keyed = generation_pb2.PromptCacheOptions(key="k")
    first, second = thread_of(chat("Hi", prompt_cache=keyed), ""), thread_of(chat("Else", prompt_cache=keyed), "")
    assert (first.before, first.after) == (second.before, second.after)
    assert first.is_named


@pytest.mark.parametrize(
    ("ttl", "seconds"), [("", 42.0), ("5m", 300.0), ("1h", 3_600.0), ("24h", 86_400.0), ("for ever", 42.0)]
)
def test_a_lifetime_is_the_request_s_else_the_catalogue_s(ttl: str, seconds: float) -> None:
    asked = chat("Hi", prompt_cache=generation_pb2.PromptCacheOptions(ttl=ttl))
    assert lifetime_s(asked, 42.0) == seconds


def test_the_catalogue_knows_how_long_vendors_keep_a_prompt() -> None:
    knowledge = load_knowledge(Settings())
    assert knowledge.prompt_cache_s("anthropic") == 300.0
    assert knowledge.prompt_cache_s("deepseek") > knowledge.prompt_cache_s("openai")
    assert knowledge.prompt_cache_s("somebody") == PROMPT_CACHE_S


async def test_an_answer_is_remembered_for_as_long_as_the_catalogue_says() -> None:
    world = World({"r": {"strategy": "weighted", "targets": ["anthropic/m", "b/m"]}}, providers=["anthropic", "b"])
    stage = Stage(world, {name: Scripted(name, world) for name in ("anthropic", "b")})
    await stage.generate("r", chat("Hi"))
    went = next(name for name in ("anthropic/m", "b/m") if world.of(name).whole.value is not None)
    world.now_s += 299.0
    assert {world.order("r", chat("Hi", "Hello!", "?"))[0] for _ in range(30)} == {went}
    world.now_s += 2.0
    assert {world.order("r", chat("Hi", "Hello!", "?"))[0] for _ in range(30)} == {"anthropic/m", "b/m"}


def test_no_more_than_so_many_conversations_are_kept() -> None:
    book = StickyBook(lambda: 0.0)
    for number in range(MAX_CONVERSATIONS + 10):
        book.remember(named(number), TARGET, 0, 300.0)
    assert len(book._kept) == MAX_CONVERSATIONS
    assert book.recall(named(0)) is None
    assert book.recall(named(10)) is not None


def named(number: int) -> Thread:
    return Thread("", [], f"key {number}", 0)
