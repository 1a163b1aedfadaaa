from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, rerank_pb2, tool_pb2
from llmgateway_server.call import Principal
from llmgateway_server.config.conditions import WEEKDAYS, Thing
from llmgateway_server.config.routes import RuleSettings
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.routing.facts import Facts, Request
from llmgateway_server.routing.rules import Rule, RuleError, compile_rule

Generate = generation_pb2.GenerateRequest
Json = Mapping[str, Any]  # Any: a condition as a file has it

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)  # a Tuesday
APP = Principal("app-1", team="research", labels={"env": "test"})


def rule_of(when: object) -> Rule:
    return compile_rule(RuleSettings.model_validate({"when": when, "route": "there"}, context=FROM_FILE))


def request_of(turn_count: int = 1, text: str = "Hi", **fields: Any) -> Generate:  # Any: fields of the message
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=text)])
    return Generate(**{"model": "auto", "messages": [message] * turn_count, **fields})


def facts_of(request: Request | None = None, principal: Principal = APP, now: datetime = NOON) -> Facts:
    return Facts(request if request is not None else request_of(), principal, lambda: now)


TOOL = tool_pb2.Tool(function=tool_pb2.FunctionTool(name="look_up"))


@pytest.mark.parametrize(
    ("when", "request_", "expected"),
    [
        ({"model": "auto"}, request_of(), True),
        ({"model": "aut"}, request_of(), False),
        ({"model": ["x", "a*o"]}, request_of(), True),
        ({"model": "*"}, request_of(), True),
        ({"has": ["tools"]}, request_of(tools=[TOOL]), True),
        ({"has": ["tools", "image"]}, request_of(tools=[TOOL]), False),
        ({"has_not": ["tools", "image"]}, request_of(), True),
        ({"has_not": ["tools", "image"]}, request_of(tools=[TOOL]), False),
        ({"input_tokens": "<500"}, request_of(text="x" * 1_000), True),
        ({"input_tokens": "<500"}, request_of(text="x" * 3_000), False),
        ({"input_tokens": ">=500"}, request_of(text="x" * 3_000), True),
        ({"output_tokens": 0}, request_of(), True),
        ({"output_tokens": "<=100"}, request_of(max_output_token_count=100), True),
        ({"output_tokens": "<100"}, request_of(max_output_token_count=100), False),
        ({"turn_count": ">20"}, request_of(21), True),
        ({"turn_count": ">20"}, request_of(20), False),
        ({"turn_count": "2..4"}, request_of(2), True),
        ({"turn_count": "2..4"}, request_of(4), True),
        ({"turn_count": "2..4"}, request_of(5), False),
        ({"message_count": "=3"}, request_of(3), True),
        ({"tool_count": 2}, request_of(tools=[TOOL, TOOL]), True),
        ({"tool_count": 1}, request_of(tools=[TOOL, TOOL]), False),
        ({"complexity": "<0.2"}, request_of(), True),
        ({"complexity": ">0.2"}, request_of(), False),
        ({"label": {"task": "code"}}, request_of(labels={"task": "code"}), True),
        ({"label": {"task": ["chat", "co*"]}}, request_of(labels={"task": "code"}), True),
        ({"label": {"task": "code"}}, request_of(), False),
        ({"label": {"task": ""}}, request_of(), True),
        ({"label": {"task": ""}}, request_of(labels={"task": "code"}), False),
        ({"label": {"task": "*"}}, request_of(), True),
        ({"label": {"task": "code", "tier": "gold"}}, request_of(labels={"task": "code"}), False),
        ({"principal": {"team": "research"}}, request_of(), True),
        ({"principal": {"team": ["sales", "ops"]}}, request_of(), False),
        ({"principal": {"name": "app-*", "label": {"env": "test"}}}, request_of(), True),
        ({"principal": {"name": "app-*", "label": {"env": "prod"}}}, request_of(), False),
        ({"input_tokens": "<500", "has_not": ["tools"]}, request_of(), True),
        ({"input_tokens": "<500", "has_not": ["tools"]}, request_of(tools=[TOOL]), False),
        ({"model": "auto"}, embedding_pb2.EmbedRequest(model="auto"), True),
        ({"has": ["tools"]}, rerank_pb2.RerankRequest(model="auto"), False),
    ],
)
def test_a_rule_holds_where_all_that_it_asks_is_so(when: Json, request_: Request, expected: bool) -> None:
    assert rule_of(when).holds(facts_of(request_)) is expected


@pytest.mark.parametrize(
    ("when", "now", "expected"),
    [
        ({"hours": "08:00-18:00"}, "2026-12-01T08:00", True),
        ({"hours": "08:00-18:00"}, "2026-12-01T17:59", True),
        ({"hours": "08:00-18:00"}, "2026-12-01T18:00", False),
        ({"hours": "08:00-18:00"}, "2026-12-01T07:59", False),
        ({"hours": "22:00-06:00"}, "2026-12-01T23:00", True),
        ({"hours": "22:00-06:00"}, "2026-12-01T05:59", True),
        ({"hours": "22:00-06:00"}, "2026-12-01T06:00", False),
        ({"hours": "18:00-00:00"}, "2026-12-01T23:59", True),
        ({"hours": "18:00-00:00"}, "2026-12-01T00:00", False),
        ({"hours": "08:00-18:00", "timezone": "Europe/Berlin"}, "2026-12-01T07:00", True),
        ({"hours": "08:00-18:00", "timezone": "Europe/Berlin"}, "2026-07-01T06:00", True),
        ({"hours": "08:00-18:00", "timezone": "Asia/Kolkata"}, "2026-12-01T02:29", False),
        ({"hours": "08:00-18:00", "timezone": "Asia/Kolkata"}, "2026-12-01T02:30", True),
        ({"days": ["tue"]}, "2026-12-01T12:00", True),
        ({"days": ["sat", "sun"]}, "2026-12-01T12:00", False),
        ({"days": ["wed"], "timezone": "Pacific/Auckland"}, "2026-12-01T12:00", True),
        ({"days": ["tue"], "hours": "22:00-06:00"}, "2026-12-02T02:00", False),
        ({"days": ["wed"], "hours": "22:00-06:00"}, "2026-12-02T02:00", True),
    ],
)
def test_hours_and_days_are_those_of_the_time_zone(when: Json, now: str, expected: bool) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert rule_of({"time": when}).holds(facts_of(now=moment)) is expected


def test_a_zone_that_this_machine_does_not_know_is_refused_with_its_name() -> None:
    settings = RuleSettings.model_validate({"when": {"time": {"days": ["mon"]}}, "route": "x"}, context=FROM_FILE)
    assert settings.when.time is not None
    nowhere = settings.when.time.model_copy(update={"timezone": "Nowhere/Land"})
    when = settings.when.model_copy(update={"time": nowhere})
    with pytest.raises(RuleError, match="there is no time zone 'Nowhere/Land' on this machine"):
        compile_rule(settings.model_copy(update={"when": when}))


@pytest.mark.parametrize(
    ("when", "condition"),
    [
        ({"has": ["image"]}, "has: [image]"),
        ({"input_tokens": "<500", "has_not": ["tools"]}, "has_not: [tools], input_tokens: <500"),
        ({"label": {"task": "code"}}, "label: {task: [code]}"),
        ({"complexity": "0.20..0.5", "turn_count": "= 7"}, "turn_count: 7, complexity: 0.2..0.5"),
        ({"message_count": ">=2", "tool_count": ">3", "output_tokens": "<=4"}, None),
        (
            {"principal": {"team": ["a", "b*"]}, "time": {"hours": "22:00-06:00", "days": ["sat"]}},
            "principal: {team: [a, b*]}, time: {hours: 22:00-06:00, days: [sat]}",
        ),
        ("request.turn_count > 20", "request.turn_count > 20"),
    ],
)
def test_a_condition_is_told_about_as_it_is_written(when: object, condition: str | None) -> None:
    shown = condition or "output_tokens: <=4, message_count: >=2, tool_count: >3"
    assert rule_of(when).condition == shown


def test_a_rule_says_where_it_leads_and_what_that_requires() -> None:
    settings = RuleSettings.model_validate(
        {"when": {"has": ["image"]}, "route": "vision", "require": {"region": "eu", "zero_retention": True}}
    )
    rule = compile_rule(settings)
    assert (rule.target, rule.require) == ("vision", {"region": "eu", "zero_retention": "true"})


def test_facts_that_no_rule_asks_for_are_not_found() -> None:
    request = request_of(labels={"task": "code"})

    def never() -> datetime:
        raise AssertionError("the clock was read")

    facts = Facts(request, APP, never)
    assert rule_of({"label": {"task": "code"}, "model": "auto"}).holds(facts)
    assert not {"has", "input_token_count", "complexity", "now", "turn_count"} & vars(facts).keys()


# The reference: a condition as it stands in a file, evaluated word by word.

WORDS = st.text(alphabet="ab*", max_size=3)
PATTERNS = WORDS | st.lists(WORDS, min_size=1, max_size=3)
NUMBERS = st.integers(0, 40)
COMPARISONS = st.one_of(
    NUMBERS,
    st.builds("{}{}".format, st.sampled_from(["<", "<=", ">", ">=", "="]), NUMBERS),
    st.builds(lambda low, more: f"{low}..{low + more}", NUMBERS, NUMBERS),
)
SHARES = st.builds("{}{}".format, st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["0", "0.01", "0.05", "1"]))
THINGS = st.lists(st.sampled_from(get_args(Thing)), max_size=2)
LABELS = st.dictionaries(st.sampled_from(["x", "y"]), PATTERNS, max_size=2)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Auckland"])
HOURS = st.sampled_from(["00:00-06:00", "08:30-17:45", "22:00-05:00", "23:59-00:00"])
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "model": PATTERNS,
        "has": THINGS,
        "has_not": THINGS,
        "input_tokens": COMPARISONS,
        "output_tokens": COMPARISONS,
        "message_count": COMPARISONS,
        "turn_count": COMPARISONS,
        "tool_count": COMPARISONS,
        "complexity": SHARES,
        "label": LABELS,
        "principal": st.fixed_dictionaries({}, optional={"name": PATTERNS, "team": PATTERNS, "label": LABELS}),
        "time": st.fixed_dictionaries(
            {},
            optional={"hours": HOURS, "days": st.lists(st.sampled_from(WEEKDAYS), max_size=3), "timezone": ZONES},
        ),
    },
)
TEXT = st.text(alphabet="ab", max_size=3)
TEXT_LABELS = st.dictionaries(st.sampled_from(["x", "y", "z"]), TEXT, max_size=2)
PARTS = st.sampled_from(
    [
        message_pb2.Part(text="a?"),
        message_pb2.Part(media=message_pb2.Media(mime_type="image/png", data=b"x")),
        message_pb2.Part(media=message_pb2.Media(mime_type="application/pdf", data=b"x")),
    ]
)
MESSAGES = st.builds(
    message_pb2.ChatMessage, role=st.sampled_from([*range(1, 6)]), parts=st.lists(PARTS, min_size=1, max_size=2)
)
REQUESTS = st.one_of(
    st.builds(
        Generate,
        model=TEXT,
        messages=st.lists(MESSAGES, max_size=4),
        tools=st.lists(st.just(TOOL), max_size=3),
        max_output_token_count=st.none() | st.integers(1, 40),
        labels=TEXT_LABELS,
    ),
    st.builds(
        embedding_pb2.EmbedRequest,
        model=TEXT,
        labels=TEXT_LABELS,
        inputs=st.lists(st.builds(embedding_pb2.EmbedInput, text=TEXT), min_size=1, max_size=2),
    ),
    st.builds(rerank_pb2.RerankRequest, model=TEXT, labels=TEXT_LABELS, query=TEXT, documents=st.lists(TEXT)),
)
PRINCIPALS = st.builds(Principal, name=TEXT, team=TEXT, labels=TEXT_LABELS)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive


def fits(patterns: str | list[str], name: str) -> bool:
    several = [patterns] if isinstance(patterns, str) else patterns
    return any(re.fullmatch(fnmatch.translate(pattern), name) for pattern in several)


def compares(comparison: str | int, number: float) -> bool:
    written = str(comparison)
    if ".." in written:
        low, _, high = written.partition("..")
        return float(low) <= number <= float(high)
    sign, bound = re.fullmatch(r"([<>=]*)(.*)", written).groups()  # type: ignore[union-attr]  # it fits always
    return bool(eval(f"{number!r} {'==' if sign in ('', '=') else sign} {bound}"))


def is_time(when: Json, now: datetime) -> bool:
    local = now.astimezone(ZoneInfo(when.get("timezone", "UTC")))
    if when.get("days") and local.strftime("%a").lower() not in when["days"]:
        return False
    if "hours" not in when:
        return True
    begin, end = (timedelta(hours=int(part[:2]), minutes=int(part[3:])) for part in when["hours"].split("-"))
    clock = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return (clock - begin) % timedelta(days=1) < (end - begin) % timedelta(days=1)


def naive(when: Json, facts: Facts) -> bool:
    who = when.get("principal", {})
    numbers = {
        "input_tokens": facts.input_token_count,
        "output_tokens": facts.output_token_count,
        "message_count": facts.message_count,
        "turn_count": facts.turn_count,
        "tool_count": facts.tool_count,
        "complexity": facts.complexity,
    }
    answers = [
        "model" not in when or fits(when["model"], facts.model),
        all(thing in facts.has for thing in when.get("has", [])),
        not any(thing in facts.has for thing in when.get("has_not", [])),
        *(compares(when[name], number) for name, number in numbers.items() if name in when),
        *(fits(patterns, facts.labels.get(label, "")) for label, patterns in when.get("label", {}).items()),
        "name" not in who or fits(who["name"], facts.principal.name),
        "team" not in who or fits(who["team"], facts.principal.team),
        *(fits(patterns, facts.principal.labels.get(label, "")) for label, patterns in who.get("label", {}).items()),
        is_time(when.get("time", {}), facts.now),
    ]
    return all(answers)


@given(CONDITIONS, REQUESTS, PRINCIPALS, MOMENTS)
def test_a_compiled_rule_says_what_its_condition_says(
    when: Json, request: Request, principal: Principal, now: datetime
) -> None:
    facts = facts_of(request, principal, now)
    assert rule_of(when).holds(facts) is naive(when, facts)


@given(st.text(max_size=60) | st.text(alphabet='request.turn_count >&|!()[]"1labels', max_size=60), REQUESTS)
def test_whatever_stands_as_an_expression_raises_nothing_but_rule_errors(expression: str, request: Request) -> None:
    try:
        answer = rule_of({"expression": expression or "true"}).holds(facts_of(request))
    except RuleError:
        return
    assert isinstance(answer, bool)
