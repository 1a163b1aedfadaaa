from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server.call import Principal
from llmgateway_server.config.routes import RuleSettings
from llmgateway_server.routing.expressions import MAX_CHARACTERS, RuleError, compile_expression, find_problem
from llmgateway_server.routing.facts import FACTS, Fact, Facts
from llmgateway_server.routing.rules import compile_rule

NOON = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)  # a Tuesday
MESSAGE = message_pb2.ChatMessage(
    role=message_pb2.ROLE_USER,
    parts=[
        message_pb2.Part(text="What is on it?"),
        message_pb2.Part(media=message_pb2.Media(mime_type="image/png", data=b"x")),
    ],
)
REQUEST = generation_pb2.GenerateRequest(
    model="auto",
    messages=[MESSAGE, MESSAGE],
    tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="look_up"))],
    max_output_token_count=100,
    labels={"task": "code", "my-label": "x"},
)
APP = Principal("app", team="ops", labels={"env": "test"})


def facts_of(labels: Mapping[str, str] | None = None) -> Facts:
    request = REQUEST
    if labels is not None:
        request = generation_pb2.GenerateRequest(model="auto", labels=labels)
    return Facts(request, APP, lambda: NOON)


def holds(expression: str, labels: Mapping[str, str] | None = None) -> bool:
    return compile_expression(expression)(facts_of(labels))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('request.turn_count > 20 && principal.team != "research"', False),
        ('request.turn_count > 1 && principal.team != "research"', True),
        ('request.model == "auto"', True),
        ('request.model.startsWith("au") && request.model.matches("^a.*o$")', True),
        ('"image" in request.has && "tools" in request.has', True),
        ('"audio" in request.has', False),
        ('request.has == ["image", "tools"]', True),
        ('request.has.exists(thing, thing.startsWith("ima"))', True),
        ("request.input_tokens > 2000 && request.input_tokens < 3000", True),
        ("request.output_tokens == 100", True),
        ("request.message_count == 2 && request.tool_count == 1", True),
        ("request.complexity > 0.0 && request.complexity < 1.0", True),
        ('principal.name == "app" && principal.labels.env == "test"', True),
        ('time == timestamp("2026-12-01T12:30:00Z")', True),
        ('time.getHours("Europe/Berlin") == 13 && time.getDayOfWeek() == 2', True),
        ('time - timestamp("2026-12-01T12:00:00Z") == duration("30m")', True),
        ("request.turn_count + 1 == 3 // that is one more\n || false", True),
        ("1 / 0 == 1 || true", True),
    ],
)
def test_an_expression_is_evaluated_over_the_facts(expression: str, expected: bool) -> None:
    assert find_problem(expression) is None
    assert holds(expression) is expected


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_every_fact_may_stand_in_an_expression(fact: Fact) -> None:
    assert holds(f"{fact.name} == {fact.name}")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('request.labels.task == "code"', False),
        ('request.labels["task"] == "code"', False),
        ("request.labels['task'] == 'code'", False),
        ('request.labels["my-label"] == ""', True),
        ('request.labels.task == ""', True),
        ('request.labels.task != "" && request.labels.task.startsWith("c")', False),
        ("request.labels.task.size() == 0", True),
        ("size(request.labels.task) == 0", True),
        ('(request.labels.task) == ""', True),
        ('request . labels\n. task == ""', True),
        ('.request.labels.task == ""', True),
        ('request.labels [ "task" ] == ""', True),
        ('request.labels["""task"""] == ""', True),
        ('request.labels.task in ["", "chat"]', True),
        ('principal.labels.tier == "" && principal.labels["tier"] == ""', True),
        ('["a"].exists(name, request.labels.task == "")', True),
        ('true ? request.labels.task == "" : false', True),
        ("has(request.labels.task)", False),
        ('has( request . labels . task ) || "task" in request.labels', False),
        ("request.labels.size() == 1", True),
        ('request.labels.all(label, label == "other")', True),
        ('request.labels.exists_one(label, request.labels["other"] == "y")', True),
        ('"request.labels.task".size() == 19', True),
        ("'it\\'s request.labels.task'.size() == 24", True),
        ('"""say "request.labels.task" """.size() > 19', True),
        ('r"request.labels.task".size() == 19', True),
        ('request.labels.task == "" // request.labels.task', True),
    ],
)
def test_a_label_that_is_missing_reads_as_the_empty_text(expression: str, expected: bool) -> None:
    assert holds(expression, {"other": "y"}) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('request.labels.task == "code"', True),
        ('request.labels["task"] == "code"', True),
        ('request.labels["my-label"] == "x"', True),
        ("has(request.labels.task)", True),
        ("request.labels.task.size() == 4", True),
    ],
)
def test_a_label_that_is_there_reads_as_it_is(expression: str, expected: bool) -> None:
    assert holds(expression) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('request.labels.task == "code"', False),
        ('request.labels.task.startsWith("code")', True),
        ("request.labels.size() == 3", True),
        ('request.labels.none == ""', False),
    ],
)
def test_a_text_does_not_end_at_its_first_nul(expression: str, expected: bool) -> None:
    assert holds(expression, {"task": "code\0x", "task\0": "code", "none": "\0"}) is expected


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3), st.sampled_from(["task", "a", "size"]))
def test_both_ways_to_read_a_label_agree_with_the_labels(labels: dict[str, str], name: str) -> None:
    assert holds(f'request.labels.{name} == request.labels["{name}"]', labels)
    assert holds(f'request.labels.{name} == ""', labels) is (labels.get(name, "") == "")
    assert holds(f"has(request.labels.{name})", labels) is (name in labels)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (
            "request.turn_cout > 20",
            "'request.turn_cout' is no fact of a request; did you mean request.turn_count?",
        ),
        ('principal.teem == "x"', "'principal.teem' is no fact of a request; did you mean principal.team?"),
        ("turn_count > 1", "'turn_count' is no fact of a request; did you mean request.turn_count?"),
        ("zzz", "'zzz' is no fact of a request; known here: request.model, request.has, "),
        ('request.has.exists(x, y == "image")', "'y' is no fact of a request; known here: "),
        ('request.model.shout() == "A"', "there is no function 'shout' beyond CEL's standard ones"),
        ("request.model > 3", "`>` takes no (string, int)"),
        ("request.complexity > 1", "`>` takes no (double, int); an int is written 1, a double 1.0"),
        ('"a" + "b" == "ab"', "`+` takes no (string, string)"),
        ("request.turn_count", "an expression is true or false, and this one is of the type int"),
        ("request.model", "an expression is true or false, and this one is of the type string"),
        ("dyn(true)", "an expression is true or false, and this one is of the type dyn"),
        ("null", "an expression is true or false, and this one is of the type null"),
        ("request.turn_count > 3 &&", "this is no expression: line 1, character 26: it ends too early"),
        ('request.model == "x" and true', "this is no expression: line 1, character 22: \"mismatched input 'and'\""),
        ("true\n|| ]", "this is no expression: line 2, character 4: \"mismatched input ']'\""),
        ("", "this is no expression: line 1, character 1: it ends too early"),
        ("\ud800", "this is no expression"),
        ("(" * 40 + "true" + ")" * 40, "this expression nests too deep"),
        ("true || " * 600 + "true", f"an expression has at most {MAX_CHARACTERS:,} characters"),
    ],
)
def test_an_expression_that_cannot_work_is_refused_with_a_sentence(expression: str, problem: str) -> None:
    assert (find_problem(expression) or "").startswith(problem)
    with pytest.raises(RuleError):
        compile_expression(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1 / (request.turn_count - 2) == 1", "'divide by zero'"),
        ('request.has[7] == "image"', "'Index error: index=7 size=2'"),
        ("int(request.model) == 1", "'cannot convert string to int'"),
        ("request.turn_count * 9223372036854775807 > 1", "'integer overflow'"),
        ("request.model.matches(request.model == 'auto' ? '(' : ')')", "'invalid regular expression: missing ): ('"),
        ('time.getHours("Nowhere/Land") == 1', "'Invalid timezone'"),
        ('request.labels[request.model] == ""', "'Key not found in map : \"auto\"'"),
    ],
)
def test_what_fails_while_it_is_evaluated_is_a_rule_error_in_one_sentence(expression: str, reason: str) -> None:
    assert find_problem(expression) is None
    with pytest.raises(RuleError) as caught:
        holds(expression)
    assert str(caught.value).startswith(f"The expression cannot be evaluated: {reason}")
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "expression",
    [
        "{many}.all(a, {many}.all(b, {many}.all(c, a + b + c > 0)))",
        "{many}.all(a, {many}.all(b, a + b > 0))",
        "{many}.exists(a, {many}.exists(b, a + b == 0))",
        "{many}.exists_one(a, {many}.exists_one(b, a == b))",
    ],
)
def test_macros_within_macros_end_when_their_steps_are_used_up(expression: str) -> None:
    many = "[" + ", ".join(["1"] * 150) + "]"
    with pytest.raises(RuleError, match="Iteration budget exceeded"):
        holds(expression.replace("{many}", many))


NO_LISTS = "lists are not joined here, nor made by `map` or `filter`: use `exists`, `exists_one` or `all`"


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ('["aaaaaaaa"].exists(a, [a + a].exists(b, b + b == ""))', "`+` takes no (string, string)"),
        ('[b"aaaaaaaa"].exists(a, a + a == b"")', "`+` takes no (bytes, bytes)"),
        ("[[1]].exists(a, [a + a].exists(b, b + b == []))", NO_LISTS),
        ('request.has.map(thing, thing) == ["image"]', NO_LISTS),
        ('request.has.filter(thing, thing != "image") == []', NO_LISTS),
    ],
)
def test_nothing_can_grow_by_being_joined_with_itself(expression: str, problem: str) -> None:
    assert find_problem(expression) == problem


@pytest.mark.parametrize(
    "expression",
    ["cel.bind(x, 1, x == 1)", "optional.of(1).hasValue()", "math.greatest(1, 2) == 2", '"a".charAt(0) == "a"'],
)
def test_there_is_nothing_beyond_the_standard_functions(expression: str) -> None:
    assert find_problem(expression) is not None


def test_only_the_facts_that_an_expression_mentions_are_found() -> None:
    facts = facts_of()
    assert compile_expression('request.turn_count > 1 && principal.team == "ops"')(facts)
    assert not {"has", "input_token_count", "complexity", "now", "labels"} & vars(facts).keys()
    assert "turn_count" in vars(facts)


def test_without_the_extra_an_expression_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    expected = "an expression needs the extra `cel`: pip install 'llmgateway-grpc[cel]'"
    assert find_problem("true") == expected
    with pytest.raises(RuleError, match="needs the extra `cel`"):
        compile_rule(RuleSettings.model_validate({"when": "true", "route": "x"}))
