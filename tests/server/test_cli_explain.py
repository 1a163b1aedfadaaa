"""`llmgateway explain`: against a scripted gateway, and what its tables look like."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import pytest
from llmgateway.v1 import explain_pb2, gateway_pb2_grpc
from llmgateway_server.terminal_explain import explanation, plain_explanation
from rich.console import Console

from tests.server.served import on_terminal, run, serving

Explained = explain_pb2.ExplainRouteResponse
Rule = explain_pb2.RuleOutcome
Target = explain_pb2.TargetOutcome


def target_of(provider: str, model: str, description: str, until: str = "", **fields: object) -> Target:
    target = Target(provider=provider, model=model, description=description, **fields)  # type: ignore[arg-type]
    if until:
        target.unhealthy_until_time.FromJsonString(until)
    return target


def explained() -> Explained:
    return Explained(
        route="fast",
        strategy="weighted",
        facts={"request.turn_count": "3", "label.task": "code\x1b[2J\nred"},
        rules=[
            Rule(route="auto", condition="has: [image]", target="vision"),
            Rule(route="auto", condition="request.depth > 3", target="deep", error="no such fact: request.depth"),
            Rule(route="auto", condition="label: {task: code}", target="fast", matched=True),
        ],
        targets=[
            target_of("openai", "gpt-4o-mini", "Place 1: by lot.", max_cost_usd_nanos=1_234_500),
            target_of("ollama", "llama3.2", "A fallback.", is_fallback=True),
            target_of(
                "groq", "llama", "Its circuit is open.", "2026-11-25T12:31:05Z", exclusion=Target.EXCLUSION_UNHEALTHY
            ),
            target_of("new", "m", "It is newer than you.", exclusion=99),
        ],
        input_token_count=1_234,
        config_revision=7,
    )


PLAIN = """\
auto → fast  weighted  about 1,234 tokens to read, configuration 7

Facts
  label.task          code\N{REPLACEMENT CHARACTER}[2J red
  request.turn_count  3

Rules
  ✗  auto  has: [image]         → vision
  !  auto  request.depth > 3    skipped: no such fact: request.depth
  ✓  auto  label: {task: code}  → fast

Targets, in the order in which they would be tried
  1  openai/gpt-4o-mini          at most $0.0012345  Place 1: by lot.
  2  ollama/llama3.2 (fallback)                      A fallback.

Left out
  groq/llama  unhealthy, until 12:31:05 UTC  Its circuit is open.
  new/m                                      It is newer than you.
"""


class ScriptedGateway(gateway_pb2_grpc.LLMGatewayServicer):
    """Explains every route alike, but for one that it does not know."""

    def __init__(self) -> None:
        self.requests: list[explain_pb2.ExplainRouteRequest] = []

    def ExplainRoute(self, request: explain_pb2.ExplainRouteRequest, context: grpc.ServicerContext) -> Explained:
        self.requests.append(request)
        if request.generation.model == "unknown":
            context.abort(grpc.StatusCode.NOT_FOUND, "No model is named unknown.")
        return explained()


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
def target(gateway: ScriptedGateway) -> Iterator[str]:
    with serving(gateway) as address:
        yield address


def test_a_pipe_gets_every_row_on_a_line_of_its_own(target: str) -> None:
    result = run("explain", "-m", "auto", "--target", target, "Hi")
    assert (result.exit_code, result.stdout, result.stderr) == (0, PLAIN, "")


def test_labels_and_required_tags_travel_with_the_request(target: str, gateway: ScriptedGateway) -> None:
    options = ["--label", "task=code", "--label", "a=b=c", "--require", "region=eu", "--max-tokens", "9"]
    assert run("explain", "-m", "auto", *options, "--target", target, "Hi").exit_code == 0
    generation = gateway.requests[0].generation
    assert (generation.model, generation.max_output_token_count) == ("auto", 9)
    assert dict(generation.labels) == {"task": "code", "a": "b=c"}
    assert dict(generation.routing.required_tags) == {"region": "eu"}
    assert generation.messages[0].parts[0].text == "Hi"


def test_without_tags_no_preference_travels(target: str, gateway: ScriptedGateway) -> None:
    run("explain", "-m", "auto", "--target", target, "Hi")
    assert not gateway.requests[0].generation.HasField("routing")


@pytest.mark.parametrize("option", ["--label", "--require"])
@pytest.mark.parametrize("value", ["task", "=code", ""])
def test_a_pair_without_a_name_or_a_value_is_refused(
    target: str, gateway: ScriptedGateway, option: str, value: str
) -> None:
    result = run("explain", "-m", "auto", option, value, "--target", target, "Hi")
    assert result.exit_code == 2
    assert "is not KEY=VALUE" in result.stderr
    assert gateway.requests == []


def test_json_is_the_message_as_it_came(target: str) -> None:
    result = run("explain", "-m", "auto", "--json", "--target", target, "Hi")
    told = json.loads(result.stdout)
    assert (told["route"], told["configRevision"], len(told["targets"])) == ("fast", "7", 4)


def test_a_model_that_there_is_not_is_one_sentence(target: str) -> None:
    result = run("explain", "-m", "unknown", "--target", target, "Hi")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "No model is named unknown.\n")


def test_an_empty_prompt_is_refused(target: str, gateway: ScriptedGateway) -> None:
    assert run("explain", "-m", "auto", "--target", target, " ").stderr.startswith("The prompt is empty.")
    assert gateway.requests == []


def test_a_terminal_shows_the_same_in_its_width(target: str) -> None:
    with on_terminal("explain", "-m", "auto", "--target", target, "Hi", width=60, height=40) as terminal:
        assert terminal.read_to_end() == 0
    lines = terminal.text.splitlines()
    assert lines[0].rstrip() == "auto → fast  weighted  about 1,234 tokens to read,"
    assert max(map(len, lines)) <= 60
    assert "\x1b[2J" not in terminal.written
    assert "\x1b[32m✓" in terminal.written


def test_what_nothing_is_known_of_has_no_title() -> None:
    bare = Explained(route="small", targets=[target_of("mock", "echo", "The only target.")], config_revision=1)
    assert plain_explanation(bare, "small").splitlines() == [
        "small  about 0 tokens to read, configuration 1",
        "",
        "Targets, in the order in which they would be tried",
        "  1  mock/echo    The only target.",
    ]


def test_a_route_that_leads_nowhere_says_so() -> None:
    left_out = target_of("mock", "echo", "It is busy.", exclusion=Target.EXCLUSION_BUSY)
    lines = plain_explanation(Explained(route="small", targets=[left_out]), "small").splitlines()
    assert lines[1:] == ["No target would be tried.", "", "Left out", "  mock/echo  busy  It is busy."]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_names_of_targets_stay_whole_as_far_as_there_is_room(width: int) -> None:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(explanation(explained(), "auto"))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= width
    assert any("openai/gpt-4o-mini " in line for line in lines)
