"""`llmgateway compare`: against a scripted gateway as a pipe and on a terminal, and what its columns look like."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.compare import ComparedEvent, ComparedModel, error_from_failure
from llmgateway.v1 import call_pb2, compare_pb2, error_reason_pb2, gateway_pb2_grpc, message_pb2, stream_pb2
from llmgateway_server.terminal_compare import ComparisonView
from rich.cells import cell_len
from rich.console import Console

from tests.clients.scripted import CLOSED, ENDED, STARTED, Event, delta
from tests.server.served import on_terminal, run, serving

Context = grpc.ServicerContext
Response = compare_pb2.CompareResponse

WAIT_S = 30
OPENED = Event(part_started=stream_pb2.PartStarted(part=message_pb2.Part(text="")))
NOT_FOUND = compare_pb2.CompareFailure(
    code=5,
    reason=error_reason_pb2.ERROR_REASON_MODEL_NOT_FOUND,
    message="No model is\nnamed \x1b[2J so.",
    failure=call_pb2.CallFailure(call_id="call_1-1"),
)


def finished(model: str, token_count: int = 4, cost_usd_nanos: int = 1_500_000) -> Event:
    event = Event(finished=stream_pb2.GenerationFinished())
    call_info, usage = event.finished.call, event.finished.usage
    call_info.provider, call_info.model = "mock", model
    call_info.first_content_latency.FromMilliseconds(250)
    usage.output_token_count, usage.cost_usd_nanos = token_count, cost_usd_nanos
    return event


class ScriptedGateway(gateway_pb2_grpc.LLMGatewayServicer):
    """Answers for each model by its name; what a model whose name begins with `held` says last waits for `released`."""

    def __init__(self) -> None:
        self.requests: list[compare_pb2.CompareRequest] = []
        self.released = threading.Event()
        self.call_ended = threading.Event()

    def Compare(self, request: compare_pb2.CompareRequest, context: Context) -> Iterator[Response]:
        self.requests.append(request)
        context.add_callback(self.call_ended.set)
        if len(request.models) < 2:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "models: must name 2 to 16 models or routes, not 1")
        names = list(enumerate(request.models))
        held = [(index, name) for index, name in names if name.startswith("held")]
        for index, name in [*held, *(row for row in names if row not in held)]:
            yield from self.begin(index, name)
        if held:
            self.released.wait(WAIT_S)
        for index, name in held:
            yield self.end(index, name)

    def begin(self, index: int, name: str) -> Iterator[Response]:
        if name.startswith("refused"):
            yield Response(model_index=index, failure=NOT_FOUND)
            return
        yield of(index, STARTED, OPENED, delta(f"I am {name}\x1b[31m."))
        if not name.startswith("held"):
            yield self.end(index, name)

    def end(self, index: int, name: str) -> Response:
        last = finished(name.removeprefix("mock/"))
        if name == "warned":
            last.finished.call.warnings.add(field="usage", description="It is doubtful.")
        return of(index, delta(" Bye."), CLOSED, ENDED, last)


def of(index: int, *events: Event) -> Response:
    return Response(model_index=index, events=stream_pb2.StreamGenerateResponse(events=events))


@pytest.fixture
def gateway() -> Iterator[ScriptedGateway]:
    made = ScriptedGateway()
    yield made
    made.released.set()


@pytest.fixture
def target(gateway: ScriptedGateway) -> Iterator[str]:
    with serving(gateway) as address:
        yield address


def compare(target: str, *models: str) -> list[str]:
    return ["compare", *(word for name in models for word in ("-m", name)), "--target", target, "Hi"]


# As a pipe.


def test_answers_follow_each_other_in_the_order_of_the_models(target: str, gateway: ScriptedGateway) -> None:
    gateway.released.set()
    result = run(*compare(target, "held", "mock/a"))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "=== held ===\nI am held\x1b[31m. Bye.\n[mock/held · 0.25 s to first content · 4 tokens · $0.0015]\n"
        "\n"
        "=== mock/a ===\nI am mock/a\x1b[31m. Bye.\n[0.25 s to first content · 4 tokens · $0.0015]\n"
    )


def test_one_prompt_goes_to_all_models(target: str, gateway: ScriptedGateway) -> None:
    run("compare", "-m", "a", "-m", "b", "--system", "Be brief.", "--max-tokens", "9", "--target", target, "Hi")
    (request,) = gateway.requests
    assert list(request.models) == ["a", "b"]
    assert request.generation.model == ""
    assert [part.text for message in request.generation.messages for part in message.parts] == ["Be brief.", "Hi"]
    assert request.generation.max_output_token_count == 9


def test_one_that_fails_is_told_in_its_place_and_is_no_failure_of_the_whole(target: str) -> None:
    result = run(*compare(target, "refused", "b"))
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "=== refused ===\n[model_not_found: No model is named \N{REPLACEMENT CHARACTER}[2J so. (call call_1-1)]\n\n=== b ==="
    )


def test_all_that_fail_are_a_failure(target: str) -> None:
    result = run(*compare(target, "refused-1", "refused-2"))
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.count("model_not_found") == 2


def test_what_is_wrong_with_the_whole_is_one_sentence(target: str) -> None:
    result = run(*compare(target, "a"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "models: must name 2 to 16 models or routes, not 1\n"


def test_warnings_of_an_answer_are_told_with_its_model_on_standard_error(target: str) -> None:
    assert run(*compare(target, "a", "warned")).stderr == "warning: warned: usage: It is doubtful.\n"


def test_no_gateway_is_one_sentence() -> None:
    result = run(*compare("127.0.0.1:1", "a", "b"), "--timeout", "20")
    assert result.exit_code == 1
    assert result.stderr.startswith("No gateway answers at 127.0.0.1:1. Start one with `llmgateway serve`")
    assert len(result.stderr.splitlines()) == 1


def test_the_command_explains_itself_and_wants_models() -> None:
    assert "--model" in run("compare", "--help").output
    assert run("compare", "Hi").exit_code == 2


def test_ctrl_c_cancels_the_call(target: str, gateway: ScriptedGateway) -> None:
    command = [sys.executable, "-m", "llmgateway_server", *compare(target, "a", "held")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "=== a ===\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=WAIT_S)
    assert (process.returncode, errors.strip()) == (130, "")
    assert gateway.call_ended.wait(WAIT_S)


# On a terminal.


def test_a_terminal_shows_what_has_come_while_the_rest_is_awaited(target: str, gateway: ScriptedGateway) -> None:
    with on_terminal(*compare(target, "held", "b"), width=100, height=30) as terminal:
        terminal.read_until("I am held")
        terminal.read_until("writing")
        assert "mock/held" not in terminal.text
        gateway.released.set()
        assert terminal.read_to_end() == 0
    whole = terminal.text[terminal.text.rindex(" held  mock/held") :].splitlines()
    assert whole[0].split() == ["held", "mock/held", "│", "b", "mock/b"]
    assert [line.count("│") for line in whole[:4]] == [1] * 4
    assert whole[5].split("│")[0].strip() == "I am held\N{REPLACEMENT CHARACTER}[31m. Bye."
    assert "\x1b[31m" not in terminal.written


def test_ctrl_c_on_a_terminal_leaves_what_has_come_and_shows_the_cursor_again(
    target: str, gateway: ScriptedGateway
) -> None:
    with on_terminal(*compare(target, "held", "b"), width=100, height=30) as terminal:
        terminal.read_until("I am held")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.read_to_end() == 130
    assert gateway.call_ended.wait(WAIT_S)
    assert terminal.written.rindex("\x1b[?25h") > terminal.written.rindex("\x1b[?25l")
    assert "I am b" in terminal.text[terminal.text.rindex(" held") :]


# What it looks like.


class Screen:
    """A comparison as it is drawn, without a gateway. `now_s` is its clock."""

    def __init__(self, *names: str, width: int = 80, height: int = 24) -> None:
        self.now_s = 0.0
        self.models = [ComparedModel(index, name) for index, name in enumerate(names)]
        self.view = ComparisonView(self.models, "gateway:50051", lambda: self.now_s)
        self.console = Console(file=io.StringIO(), width=width, height=height, color_system=None)

    def see(self, index: int, *events: Event) -> None:
        for event in events:
            self.models[index].add(event)
            self.view.see(ComparedEvent(self.models[index], event))

    def fail(self, index: int) -> None:
        self.models[index].error = error_from_failure(NOT_FOUND, content_came=False)
        self.view.see(ComparedEvent(self.models[index], None))

    def whole(self) -> list[str]:
        return self._draw(self.view.whole(self.console))

    def live(self) -> list[str]:
        return self._draw(self.view.live(self.console))

    def _draw(self, drawn: object) -> list[str]:
        with self.console.capture() as capture:
            self.console.print(drawn)
        return [line.rstrip() for line in capture.get().splitlines()]


def test_models_stand_side_by_side_with_their_figures() -> None:
    screen = Screen("fast", "mock/b")
    screen.see(0, STARTED, OPENED, delta("Hello"))
    screen.now_s = 2.0
    screen.see(0, CLOSED, ENDED, finished("small", token_count=1_200))
    screen.see(1, STARTED, OPENED, delta("Hi"), CLOSED, ENDED, finished("b", token_count=1))
    assert screen.whole() == [
        " fast  mock/small                      │ mock/b",
        " 0.25 s to first content               │ 0.25 s to first content",
        " 1,200 tokens at 600/s                 │ 1 token",
        " $0.0015                               │ $0.0015",
        "───────────────────────────────────────┼───────────────────────────────────────",
        " Hello                                 │ Hi",
        "",
    ]


def test_what_is_under_way_says_how_long_it_has_taken() -> None:
    screen = Screen("a", "b")
    screen.now_s = 0.5
    screen.see(0, STARTED, OPENED)
    screen.now_s = 1.25
    head = screen.live()[:3]
    assert [cell.strip() for line in head for cell in line.split("│")] == [
        *("a", "b"),
        *("0.50 s to first content", "waiting, 1.2 s"),
        *("writing, 1.2 s", ""),
    ]


def test_a_failure_is_red_and_steers_nothing() -> None:
    screen = Screen("a", "b")
    screen.console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    screen.fail(1)
    with screen.console.capture() as capture:
        screen.console.print(screen.view.whole(screen.console))
    assert "\x1b[31mmodel_not_found: No model is named \N{REPLACEMENT CHARACTER}[2J so. (call " in capture.get()
    assert "\x1b[2J" not in capture.get()


@pytest.mark.parametrize(
    ("width", "count", "rows"),
    [(80, 2, 1), (80, 3, 2), (70, 2, 2), (140, 3, 1), (140, 4, 2), (200, 5, 1), (30, 2, 2)],
)
def test_as_many_stand_side_by_side_as_can_be_read(width: int, count: int, rows: int) -> None:
    screen = Screen(*(f"m{index}" for index in range(count)), width=width)
    assert sum("───" in line for line in screen.whole()) == rows


def test_a_long_answer_is_followed_live_and_whole_in_the_end() -> None:
    screen = Screen("a", "b", height=12)
    screen.see(0, STARTED, OPENED, *(delta(f"line {number}\n") for number in range(100)))
    live = screen.live()
    assert len(live) <= 12
    assert "line 99" in "".join(live)
    assert "line 50" not in "".join(live)
    answer = [line.partition("│")[0].strip() for line in screen.whole()[4:]]
    assert answer == [*(f"line {number}" for number in range(100)), ""]


def test_thoughts_are_dim_and_stay_out_of_a_pipe() -> None:
    thought = message_pb2.Part(reasoning=message_pb2.Reasoning(text="Hm."))
    screen = Screen("a", "b")
    screen.see(0, STARTED, Event(part_started=stream_pb2.PartStarted(part=thought)), CLOSED)
    screen.see(0, Event(part_started=stream_pb2.PartStarted(index=1, part=message_pb2.Part(text="So."))))
    answer = screen.view.models[0].answer
    assert answer.said() == "So."
    assert [(span.style, answer.whole().plain[span.start : span.end]) for span in answer.whole().spans] == [
        ("dim", "Hm."),
        ("dim", "\n"),
    ]


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\t\n\x1b\x9b"), max_size=40), max_size=12
    ),
    st.integers(20, 200),
    st.integers(8, 60),
    st.integers(2, 5),
)
def test_no_answer_leaves_its_column_or_steers_the_terminal(
    pieces: list[str], width: int, height: int, count: int
) -> None:
    screen = Screen(*(f"m{index}" for index in range(count)), width=width, height=height)
    screen.see(0, STARTED, OPENED, *map(delta, pieces))
    for lines in (screen.whole(), screen.live()):
        assert all(cell_len(line) <= width for line in lines)
        assert all(line.isprintable() for line in lines)
