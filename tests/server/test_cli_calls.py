"""The client sub-commands against a scripted gateway: a real gRPC server on loopback."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from click.testing import CliRunner, Result
from google.rpc import error_details_pb2, status_pb2
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2, model_pb2, stream_pb2
from llmgateway_server.cli import main

Request = generation_pb2.GenerateRequest
Context = grpc.ServicerContext


class ScriptedGateway(gateway_pb2_grpc.LLMGatewayServicer):
    """Answers by the name of the model that is asked for; keeps what it was asked and by whom."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.authorizations: list[object] = []
        self.call_ended = threading.Event()

    def StreamGenerate(self, request: Request, context: Context) -> Iterator[stream_pb2.StreamGenerateResponse]:
        self._keep(context)
        self.requests.append(request)
        if request.model == "refused":
            fail(context, grpc.StatusCode.NOT_FOUND, "ERROR_REASON_MODEL_NOT_FOUND", "No model is named refused.")
        context.add_callback(self.call_ended.set)
        started = stream_pb2.GenerationEvent(sequence_number=1)
        started.started.call.call_id = "call_1"
        opened = stream_pb2.GenerationEvent(sequence_number=2)
        opened.part_started.part.text = "Hel\x1blo"
        yield stream_pb2.StreamGenerateResponse(events=[started, opened])
        if request.model == "endless":
            self.call_ended.wait(60)
            return
        if request.model == "broken":
            fail(context, grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STREAM_BROKEN", "The stream broke off.")
        yield stream_pb2.StreamGenerateResponse(events=closing_events())

    def GetModel(self, request: model_pb2.GetModelRequest, context: Context) -> model_pb2.GetModelResponse:
        self._keep(context)
        return model_pb2.GetModelResponse(model=model_pb2.Model(id=request.id))

    def ListModels(self, request: model_pb2.ListModelsRequest, context: Context) -> model_pb2.ListModelsResponse:
        self._keep(context)
        if request.page_token:
            return model_pb2.ListModelsResponse(models=[model_pb2.Model(id="small")])
        return model_pb2.ListModelsResponse(models=[model_pb2.Model(id="mock/echo")], next_page_token="2")

    def _keep(self, context: Context) -> None:
        self.authorizations.append(dict(context.invocation_metadata()).get("authorization"))


def closing_events() -> list[stream_pb2.GenerationEvent]:
    closed = stream_pb2.GenerationEvent(sequence_number=3)
    closed.part_finished.index = 0
    candidate = stream_pb2.GenerationEvent(sequence_number=4)
    candidate.candidate_finished.finish_reason = generation_pb2.FINISH_REASON_STOP
    finished = stream_pb2.GenerationEvent(sequence_number=5)
    finished.finished.call.provider, finished.finished.call.model = "mock", "echo"
    finished.finished.call.warnings.add(field="sampling.top_k", description="It was left out.")
    finished.finished.usage.input_token_count = 3
    finished.finished.usage.output_token_count = 4
    return [closed, candidate, finished]


def fail(context: Context, code: grpc.StatusCode, reason: str, message: str) -> None:
    status = status_pb2.Status(code=code.value[0], message=message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="llmgateway.dev"))
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()), ("x-request-id", "call_1")))
    context.abort(code, message)


class Served:
    """A running scripted gateway and its address."""

    def __init__(self, gateway: ScriptedGateway, target: str) -> None:
        self.gateway = gateway
        self.target = target


@pytest.fixture
def served() -> Iterator[Served]:
    gateway = ScriptedGateway()
    server = grpc.server(ThreadPoolExecutor(4))
    gateway_pb2_grpc.add_LLMGatewayServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Served(gateway, f"127.0.0.1:{port}")
    gateway.call_ended.set()
    server.stop(0).wait(10)


def run(*arguments: str, key: str | None = None, text: str | None = None) -> Result:
    environment: dict[str, str | None] = {"LLMGATEWAY_KEY": key}
    return CliRunner().invoke(main, list(arguments), input=text, env=environment, catch_exceptions=False)


def test_call_streams_the_answer_and_tells_the_rest_on_standard_error(served: Served) -> None:
    result = run("call", "-m", "any", "--system", "Be brief.", "--max-tokens", "9", "--target", served.target, "Hi")
    assert (result.exit_code, result.stdout) == (0, "Hel\x1blo\n")
    assert result.stderr == ("warning: sampling.top_k: It was left out.\nmock/echo, 3 tokens read, 4 written\n")
    (request,) = served.gateway.requests
    assert [part.text for message in request.messages for part in message.parts] == ["Be brief.", "Hi"]
    assert request.max_output_token_count == 9


def test_call_reads_the_prompt_from_standard_input(served: Served) -> None:
    assert run("call", "-m", "any", "--target", served.target, "-", text="Grüße\n").exit_code == 0
    assert served.gateway.requests[0].messages[0].parts[0].text == "Grüße\n"


@pytest.mark.parametrize(("option", "variable"), [("key-of-option", None), (None, "key-of-variable"), ("a", "b")])
def test_the_key_travels_as_a_bearer_and_the_option_wins(
    served: Served, option: str | None, variable: str | None
) -> None:
    arguments = ["--key", option] if option else []
    assert run("models", "--target", served.target, *arguments, key=variable).exit_code == 0
    assert set(served.gateway.authorizations) == {f"Bearer {option or variable}"}


def test_without_a_key_no_authorization_travels(served: Served) -> None:
    assert run("models", "--target", served.target).exit_code == 0
    assert set(served.gateway.authorizations) == {None}


def test_models_lists_every_page_one_id_a_line(served: Served) -> None:
    result = run("models", "--target", served.target)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "mock/echo\nsmall\n", "")


def test_one_model_is_told_by_its_name(served: Served) -> None:
    result = run("models", "mock/echo", "--target", served.target)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == "mock/echo"


def test_a_refusal_is_one_sentence_with_the_id_of_the_call(served: Served) -> None:
    result = run("call", "-m", "refused", "--target", served.target, "Hi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "No model is named refused. (call call_1)\n"


def test_a_broken_stream_ends_its_line_and_is_no_success(served: Served) -> None:
    result = run("call", "-m", "broken", "--target", served.target, "Hi")
    assert (result.exit_code, result.stdout) == (1, "Hel\x1blo\n")
    assert result.stderr == "The stream broke off. (call call_1)\n"


@pytest.mark.parametrize("command", [["models"], ["call", "-m", "any", "Hi"]])
def test_no_gateway_is_one_sentence(command: list[str]) -> None:
    result = run(*command, "--target", "127.0.0.1:1", "--timeout", "20")
    assert result.exit_code == 1
    assert result.stderr.startswith("No gateway answers at 127.0.0.1:1. Start one with `llmgateway serve`")
    assert len(result.stderr.splitlines()) == 1


def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(served: Served) -> None:
    result = run("models", "--target", served.target, key="secret\nx-injected: 1")
    assert result.exit_code == 1
    assert result.stderr.startswith("The key holds a space or a character that cannot be sent.")
    assert served.gateway.authorizations == []


def test_ctrl_c_cancels_the_call(served: Served) -> None:
    command = [sys.executable, "-m", "llmgateway_server", "call", "-m", "endless", "--target", served.target, "Hi"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.read(6) == "Hel\x1blo"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == ""
    assert served.gateway.call_ended.wait(30)
