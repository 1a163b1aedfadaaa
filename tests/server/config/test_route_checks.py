from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.document import Value
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.route_checks import MAX_CHAIN, Known, find_problems
from llmgateway_server.config.routes import RouteSettings, RuleSettings, TargetSettings
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.config.start import check_start
from llmgateway_server.routing.expressions import find_problem

from tests.server.config.load import load, load_problems

ROUTES_OF_THE_ISSUE = """
    providers: {openai: {api_keys: [none]}, anthropic: {api_keys: [none]}, ollama: , groq: {api_keys: [none]}}
    routes:
      small: openai/gpt-4o-mini
      tiny: small
      vision: openai/gpt-4o
      cheap: {targets: [groq/llama]}
      coder: {targets: [anthropic/claude-sonnet], fallback: [cheap], content_filter_fallback: [ollama/llama3.2]}
      fast:
        strategy: weighted
        targets:
          - {model: openai/gpt-4o-mini, weight: 3}
          - {model: anthropic/claude-haiku, weight: 1}
        fallback: [ollama/llama3.2]
        timeouts: {connect: 5s, first_content: 20s, gap: 30s, total: 300s}
      auto:
        rules:
          - {when: {has: [image]}, route: vision}
          - {when: {input_tokens: "<500", has_not: [tools]}, route: cheap}
          - {when: {label: {task: code}}, route: coder}
          - {when: 'request.turn_count > 20 && principal.team != "research"', route: cheap}
          - {when: {time: {hours: 22:00-06:00, days: [sat, sun], timezone: Europe/Berlin}}, route: groq/llama}
        otherwise: fast
        require: {region: eu, zero_retention: true}
    """


def test_the_routes_of_the_issue_load(tmp_path: Path) -> None:
    routes = load(tmp_path, ROUTES_OF_THE_ISSUE).routes
    assert (routes["small"].otherwise, routes["tiny"].otherwise) == ("openai/gpt-4o-mini", "small")
    assert routes["cheap"].targets == (TargetSettings(model="groq/llama"),)
    assert [target.weight for target in routes["fast"].targets] == [3, 1]
    assert [rule.route for rule in routes["auto"].rules] == ["vision", "cheap", "coder", "cheap", "groq/llama"]
    assert routes["auto"].rules[3].when.expression == 'request.turn_count > 20 && principal.team != "research"'
    assert routes["auto"].require == {"region": "eu", "zero_retention": "true"}


@pytest.mark.parametrize(
    ("routes", "path", "expected"),
    [
        ("{fast: mock/x, a: fsat}", "routes.a", "'fsat' is no route, and no provider/model; did you mean fast?"),
        ("{fast: mock/x, a: {otherwise: fsat}}", "routes.a.otherwise", "'fsat' is no route, and no provider/model; did"),
        ("{team/fast: mock/x, a: team/fats}", "routes.a", "'team/fats' is no route, and names no configured provider; "
         "did you mean team/fast?"),
        ("{a: {targets: [mock/x], fallback: [opnai/x]}}", "routes.a.fallback[0]", "'opnai/x' is no route, and names no"),
        ("{a: {targets: [mock/x], content_filter_fallback: [mokc]}}", "routes.a.content_filter_fallback[0]",
         "'mokc' is no route, and no provider/model; did you mean mock?"),
        ("{a: {rules: [{when: {model: x}, route: y}], otherwise: mock/x}}", "routes.a.rules[0].route", "'y' is no route"),
        ("{a: {targets: [b]}, b: mock/x}", "routes.a.targets[0]", "'b' is a route; a target is provider/model, and a"),
        ("{a: {targets: [{model: opnai/x}]}}", "routes.a.targets[0].model", "'opnai/x' names no configured provider; did "
         "you mean openai?"),
        ("{a: {targets: [mock]}}", "routes.a.targets[0]", "'mock' is a provider; a target is provider/model"),
        ("{a: {targets: [mock/]}}", "routes.a.targets[0]", "'mock/' names no target: write provider/model"),
        ("{a: {targets: [x]}}", "routes.a.targets[0]", "'x' names no target: write provider/model; known here: mock"),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere_come_with_the_nearest_one(
    tmp_path: Path, routes: str, path: str, expected: str
) -> None:
    (problem,) = load_problems(tmp_path, f"{{providers: {{mock: , openai: }}, routes: {routes}}}")
    assert problem.startswith(f"1: {path}: {expected}")


@pytest.mark.parametrize(
    ("routes", "places"),
    [
        ("{a: a}", {"routes.a": "a → a"}),
        ("{a: b, b: a}", {"routes.b": "a → b → a"}),
        ("{a: b, b: c, c: b}", {"routes.c": "b → c → b"}),
        ("{a: {targets: [mock/x], fallback: [b]}, b: {targets: [mock/y], content_filter_fallback: [a]}}",
         {"routes.b.content_filter_fallback[0]": "a → b → a"}),
        ("{a: {rules: [{when: {model: x}, route: b}], otherwise: mock/x}, b: a}", {"routes.b": "a → b → a"}),
        ("{a: a, b: c, c: {otherwise: b}}", {"routes.a": "a → a", "routes.c.otherwise": "b → c → b"}),
        ("{a: {rules: [{when: {model: x}, route: b}], otherwise: c}, b: d, c: d, d: d}", {"routes.d": "d → d"}),
        ("{a: b, b: c, c: d, d: e, e: f, f: g, g: h, h: i, i: a}", {"routes.i": "a → b → c → d → … → i → a"}),
    ],
)  # fmt: skip
def test_a_circle_of_routes_is_named(tmp_path: Path, routes: str, places: dict[str, str]) -> None:
    problems = load_problems(tmp_path, f"{{providers: {{mock: }}, routes: {routes}}}")
    assert problems == [f"1: {path}: this leads in a circle: {circle}" for path, circle in places.items()]


def test_routes_that_meet_again_are_no_circle(tmp_path: Path) -> None:
    both = "rules: [{when: {model: x}, route: b}, {when: {model: y}, route: c}], otherwise: c"
    assert load(tmp_path, f"{{providers: {{mock: }}, routes: {{a: {{{both}}}, b: c, c: mock/x}}}}").routes.keys() == {
        "a",
        "b",
        "c",
    }


def test_routes_follow_each_other_for_a_bounded_way(tmp_path: Path) -> None:
    def chain(length: int) -> str:
        links = ", ".join(f"r{index}: r{index + 1}" for index in range(1, length))
        return f"{{providers: {{mock: }}, routes: {{{links}, r{length}: mock/x}}}}"

    assert len(load(tmp_path, chain(MAX_CHAIN)).routes) == MAX_CHAIN
    assert load_problems(tmp_path, chain(5_000)) == [
        f"1: routes.r{5_000 - MAX_CHAIN}: more than {MAX_CHAIN} routes follow each other from here: lead on directly"
    ]


def test_fallbacks_of_fallbacks_do_not_branch_without_end(tmp_path: Path) -> None:
    levels = [
        f"r{level}: {{targets: [mock/x], fallback: [{', '.join(f'r{level + 1}{side}' for side in 'abcd')}]}}, "
        + ", ".join(f"r{level + 1}{side}: {{targets: [mock/{side}], fallback: [r{level + 1}]}}" for side in "abcd")
        for level in range(7)
    ]
    text = f"{{providers: {{mock: }}, routes: {{{', '.join(levels)}, r7: mock/x}}}}"
    (problem,) = load_problems(tmp_path, text)
    assert problem == "1: routes.r1: this leads on in more than 10,000 ways: lead to fewer routes"


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("{}", "", "a route needs `targets`, or `otherwise` with the name of another route or model"),
        ("{targets: []}", "", "a route needs `targets`, or `otherwise`"),
        ("{strategy: cheapest}", "", "a route needs `targets`, or `otherwise`"),
        ("{rules: [{when: {model: x}, route: mock/x}]}", ".rules", "rules need `otherwise`: where a call goes if none"),
        ("{targets: [mock/x], otherwise: mock/y}", ".otherwise", "a route has either targets, or rules and `otherwise`"),
        ("{targets: [mock/x], rules: [{when: {model: x}, route: mock/y}]}", ".rules", "a route has either targets, or"),
        ("{otherwise: mock/x, strategy: cheapest}", ".strategy", "this has no effect on a route that only leads on"),
        ("{otherwise: mock/x, fallback: [mock/y]}", ".fallback", "this has no effect on a route that only leads on"),
        ("{otherwise: mock/x, timeouts: {gap: 3s}}", ".timeouts", "this has no effect on a route that only leads on"),
        ("{targets: [mock/x, mock/y, mock/x]}", ".targets[2]", "'mock/x' stands here twice: it is tried once"),
        ("{targets: [mock/x, {model: mock/x}]}", ".targets[1].model", "'mock/x' stands here twice: it is tried once"),
        ("{targets: [mock/x], fallback: [mock/x]}", ".fallback[0]", "'mock/x' stands here twice: it is tried once"),
        ("{targets: [mock/x], fallback: [mock/y, mock/y]}", ".fallback[1]", "'mock/y' stands here twice: it is tried"),
        ("{targets: [mock/x], content_filter_fallback: [mock/y, mock/y]}", ".content_filter_fallback[1]", "'mock/y' st"),
        ("{strategy: weighted, targets: [{model: mock/x, weight: 0}]}", ".targets[0].weight",
         "a weight is 1 or more: leave the target out to turn it off"),
        ("{strategy: weighted, targets: [{model: mock/x, weight: -1}]}", ".targets[0].weight", "a weight is 1 or more"),
        ("{strategy: weighted, targets: [{model: mock/x, weight: 0.5}]}", ".targets[0].weight", "a whole number is"),
        ("{strategy: weighted, targets: [{model: mock/x, weight: yes}]}", ".targets[0].weight", "a whole number is"),
        ("{targets: [{model: mock/x, weight: 2}]}", ".targets[0].weight",
         "a weight has an effect with `strategy: weighted` only: set that, or leave it out"),
        ("{strategy: cheapest, targets: [mock/y, {model: mock/x, weight: 2}]}", ".targets[1].weight", "a weight has an"),
        ("{strategy: wieghted, targets: [mock/x]}", ".strategy", "unknown word; did you mean weighted?"),
        ("{targets: mock/x}", ".targets", "a list is needed here, such as [a, b]"),
        ("{targets: [5]}", ".targets[0]", "a text is needed here, and YAML reads this one as a number"),
        ("{targets: ['']}", ".targets[0]", "'' names no target: write provider/model"),
        ("{targets: [{model: mock/x, wieght: 2}]}", ".targets[0].wieght", "unknown key; did you mean weight?"),
        ("{targets: [mock/x], fallbck: []}", ".fallbck", "unknown key; did you mean fallback?"),
        ("{targets: [mock/x], timeouts: {first_contnt: 3s}}", ".timeouts.first_contnt", "unknown key; did you mean first_content?"),
        ("{targets: [mock/x], resilience: {retry: {atempts: 3}}}", ".resilience.retry.atempts", "unknown key; did you"),
        ("{targets: [mock/x], require: {region: 1.5}}", ".require.region", "a text is needed here, and YAML reads this"),
        ("{targets: [mock/x], require: {'a b': eu}}", ".require.'a b'", "this should match pattern"),
        ("{targets: [mock/x], require: [eu]}", ".require", "keys with values are needed here"),
        ("{targets: [mock/x], unsupported_policy: dorp}", ".unsupported_policy", "unknown word; did you mean drop?"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_has_no_effect_is_refused(
    tmp_path: Path, route: str, path: str, expected: str
) -> None:
    (problem,) = load_problems(tmp_path, f"{{providers: {{mock: }}, routes: {{a: {route}}}}}")
    assert problem.startswith(f"1: routes.a{path}: {expected}")


def test_what_a_filter_withheld_may_go_to_a_target_of_the_route(tmp_path: Path) -> None:
    route = "{targets: [mock/x, mock/y], fallback: [mock/z], content_filter_fallback: [mock/y, mock/z]}"
    assert load(tmp_path, f"{{providers: {{mock: }}, routes: {{a: {route}}}}}").routes["a"].targets


@pytest.mark.parametrize(
    ("when", "path", "expected"),
    [
        ("{}", "", "this asks nothing and would always hold: give it something to ask, or use `otherwise`"),
        ("{has: [], label: {}, principal: {}}", "", "this asks nothing and would always hold"),
        ("{time: {timezone: Europe/Berlin}}", "", "this asks nothing and would always hold"),
        ("{expression: 'true', model: x}", "", "an expression stands alone: write what stands beside it into the"),
        ("5", "", "a text is needed here, and YAML reads this one as a number"),
        ("{moodel: x}", ".moodel", "unknown key; did you mean model?"),
        ("{principal: {teem: x}}", ".principal.teem", "unknown key; did you mean team?"),
        ("{time: {hour: '1'}}", ".time.hour", "unknown key; did you mean hours?"),
        ("{has: [imgae]}", ".has[0]", "unknown word; did you mean image?"),
        ("{has_not: [tools, tool]}", ".has_not[1]", "unknown word; did you mean tools?"),
        ("{has: image}", ".has", "a list is needed here, such as [a, b]"),
        ("{time: {days: [mo]}}", ".time.days[0]", "unknown word; did you mean mon?"),
        (
            "{time: {days: [5]}}",
            ".time.days[0]",
            "one of these words is needed here: mon, tue, wed, thu, fri, sat, sun",
        ),
        ("{time: {hours: 8-18}}", ".time.hours", "hours are written 08:00-18:00, and midnight 00:00"),
        ("{time: {hours: 18:00-24:00}}", ".time.hours", "hours are written 08:00-18:00, and midnight 00:00"),
        ("{time: {hours: 08:00-08:00}}", ".time.hours", "these hours end as they begin: leave them out for the whole"),
        ("{time: {days: [mon], timezone: Europe/Berln}}", ".time.timezone", "a time zone is named as in the IANA"),
        ("{input_tokens: '~5'}", ".input_tokens", "this compares with a number: write '<500', "),
        ("{input_tokens: true}", ".input_tokens", "this compares with a number: write '<500', "),
        ("{turn_count: 20..5}", ".turn_count", "a span goes from the smaller number to the larger one: 500..2000"),
        ("{complexity: '>60'}", ".complexity", "complexity goes from 0 to 1: write '>0.6' or 0.2..0.4"),
        ("{complexity: 1.5}", ".complexity", "complexity goes from 0 to 1"),
        ("{label: {task: 5}}", ".label.task", "a text is needed here, and YAML reads this one as a number"),
        ("{label: {task: no}}", ".label.task", "a text is needed here, and YAML reads this one as true or false"),
        ("{model: x, label: {task: []}}", ".label.task", "at least one entry is needed here"),
        ("{label: [task]}", ".label", "keys with values are needed here"),
        ("{model: {a: b}}", ".model", "a list is needed here, such as [a, b]"),
        ("''", "", "this should have at least 1 character"),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(tmp_path: Path, when: str, path: str, expected: str) -> None:
    rules = f"[{{when: {{model: x}}, route: mock/x}}, {{when: {when}, route: mock/x}}]"
    (problem,) = load_problems(
        tmp_path, f"{{providers: {{mock: }}, routes: {{a: {{rules: {rules}, otherwise: mock/y}}}}}}"
    )
    assert problem.startswith(f"1: routes.a.rules[1].when{path}: {expected}")


@pytest.mark.parametrize(
    ("rule", "path", "expected"),
    [
        ("{route: mock/x}", ".when", "this key is required"),
        ("{when: {model: x}}", ".route", "this key is required"),
        ("{when: {model: x}, rout: mock/x, route: mock/x}", ".rout", "unknown key; did you mean route?"),
        ("{when: {model: x}, route: mock/x, require: {region: []}}", ".require.region", "a text is needed here"),
        ("text", "", "keys with values are needed here"),
    ],
)
def test_a_rule_says_when_and_where_to(tmp_path: Path, rule: str, path: str, expected: str) -> None:
    text = f"{{providers: {{mock: }}, routes: {{a: {{rules: [{rule}], otherwise: mock/y}}}}}}"
    (problem,) = load_problems(tmp_path, text)
    assert problem.startswith(f"1: routes.a.rules[0]{path}: {expected}")


def test_every_problem_of_routes_comes_at_once_with_its_line(tmp_path: Path) -> None:
    problems = load_problems(
        tmp_path,
        """\
        providers: {mock: }
        routes:
          fast:
            targets:
              - mock/x
              - model: mock/x
                weight: 2
            fallback:
              - mcok/y
          auto:
            rules:
              - when:
                  has: [imgae]
                route: fats
            otherwise: auto
        """,
    )
    assert problems == [
        "6: routes.fast.targets[1].model: 'mock/x' stands here twice: it is tried once",
        "7: routes.fast.targets[1].weight: a weight has an effect with `strategy: weighted` only: set that, or leave it "
        "out",
        "9: routes.fast.fallback[0]: 'mcok/y' is no route, and names no configured provider; did you mean mock?",
        "13: routes.auto.rules[0].when.has[0]: unknown word; did you mean image?",
        "14: routes.auto.rules[0].route: 'fats' is no route, and no provider/model; did you mean fast?",
        "15: routes.auto.otherwise: this leads in a circle: auto → auto",
    ]


def find_no_seven(expression: str) -> str | None:
    return "no seven is known here" if "7" in expression else None


@pytest.mark.parametrize(
    ("when", "path"), [("'x == 7'", ""), ("{expression: 'x == 7'}", ".expression"), ("'${SEVEN:-x == 7}'", "")]
)
def test_expressions_are_checked_by_whoever_knows_them(tmp_path: Path, when: str, path: str) -> None:
    file = tmp_path / "gateway.yaml"
    text = "{{providers: {{mock: }}, routes: {{a: {{rules: [{{when: {}, route: mock/x}}], otherwise: mock/y}}}}}}"
    file.write_text(text.format(when))
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {}, load_vendors(), find_no_seven)
    (problem,) = caught.value.problems
    assert (problem.path, problem.message) == (f"routes.a.rules[0].when{path}", "no seven is known here")
    file.write_text(text.format("'x == 8'"))
    rule = load_settings(file, {}, load_vendors(), find_no_seven).routes["a"].rules[0]
    assert rule.when.expression == "x == 8"


def test_an_expression_over_an_unknown_fact_comes_with_its_line_and_the_nearest_fact(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(textwrap.dedent(ROUTES_OF_THE_ISSUE).replace("turn_count > 20", "turn_cout > 20"))
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {}, load_vendors(), find_problem)
    assert str(caught.value) == (
        f"{file}:21: routes.auto.rules[3].when: 'request.turn_cout' is no fact of a request; "
        "did you mean request.turn_count?"
    )


def test_what_a_reference_stands_for_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        textwrap.dedent("""\
        providers: {mock: }
        routes:
          a: {targets: ["${SECRET}"], fallback: ["${SECRET}"]}
          b: {rules: [{when: "${SECRET}", route: mock/x}], otherwise: "${SECRET}"}
        """)
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {"SECRET": "hidden-7"}, load_vendors(), lambda text: f"{text!r} is wrong")
    assert "hidden-7" not in str(caught.value)
    assert "routes.b.rules[0].when: '${SECRET}' is no expression that compiles" in str(caught.value)


def settings_of(**routes: RouteSettings) -> Settings:
    return Settings(providers={"mock": ProviderSettings()}, routes=routes)


WHEN_X = RuleSettings.model_validate({"when": {"model": "x"}, "route": "b"})


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ({"a": RouteSettings(otherwise="mocc/x")}, "routes.a.otherwise: 'mocc/x' is no route, and names no configured"),
        ({"a": RouteSettings()}, "routes.a: a route needs `targets`, or `otherwise`"),
        ({"a": RouteSettings(otherwise="a")}, "routes.a.otherwise: this leads in a circle: a → a"),
        ({"a": RouteSettings(rules=(WHEN_X,), otherwise="mock/x"), "b": RouteSettings(otherwise="a")},
         "routes.b.otherwise: this leads in a circle: a → b → a"),
        ({"a": RouteSettings(targets=(TargetSettings(model="mock/x", weight=2),))},
         "routes.a.targets[0].weight: a weight has an effect with `strategy: weighted` only"),
        ({"a": RouteSettings(targets=(TargetSettings(model="mock/x"), TargetSettings(model="mock/x")))},
         "routes.a.targets[1].model: 'mock/x' stands here twice"),
        ({"a": RouteSettings(otherwise="mock/x", timeouts=TimeoutSettings(gap_s=1))}, "routes.a.timeouts: this has no"),
        ({"a": RouteSettings(rules=(RuleSettings.model_validate({"when": {"has": []}, "route": "mock/y"}),),
                             otherwise="mock/x")}, "routes.a.rules[0].when: this asks nothing"),
        ({"a b": RouteSettings(otherwise="mock/x")}, "routes.'a b': a route's name has 1 to 200 visible ASCII"),
    ],
)  # fmt: skip
def test_a_gateway_does_not_start_with_routes_from_code_that_lead_nowhere(
    routes: dict[str, RouteSettings], expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_start(settings_of(**routes), load_vendors(), "code")
    assert str(caught.value).startswith(f"code: {expected}")


def test_a_gateway_starts_with_good_routes_from_code() -> None:
    targets = (TargetSettings(model="mock/x", weight=2), TargetSettings(model="mock/y"))
    fast = RouteSettings(strategy="weighted", targets=targets, fallback=("mock/z",))
    auto = RouteSettings(
        rules=(RuleSettings.model_validate({"when": {"turn_count": ">3"}, "route": "fast"}),), otherwise="fast"
    )
    check_start(settings_of(fast=fast, auto=auto), load_vendors(), "code")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "b", "mock/x", "mock", "", "x == 7"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["targets", "otherwise", "rules", "when", "route", "fallback", "model", "weight", "expression"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "mock/y"]), VALUES, max_size=4))
def test_values_of_any_shape_are_checked_without_a_fault(routes: dict[str, Value]) -> None:
    known = Known(routes, frozenset({"mock"}), lambda _, text: repr(text), lambda _, text: find_no_seven(text))
    for path, message in find_problems(routes, known):
        assert path[0] == "routes"
        assert message
