import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from llmgateway.v1 import generation_pb2, message_pb2, model_pb2, stream_pb2
from llmgateway_server.auth.keys import digest, has_valid_checksum
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.cli import main
from llmgateway_server.client_commands import make_request
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.settings import Settings
from llmgateway_server.terminal import AnswerWriter, describe_model, describe_usage, printable

EXAMPLE = Path(__file__).parents[2] / "server" / "gateway.example.yaml"
SECRET = "xK9-the-secret-nobody-may-see-4Qz"


def run(*arguments: str | Path, environment: dict[str, str | None] | None = None, text: str | None = None) -> Result:
    """Run the command; an exception that it lets through is the test's failure."""
    arguments_text = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, arguments_text, input=text, env=environment, catch_exceptions=False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Stand in for the gateway itself, which serves until a signal; keeps the settings it was started with."""
    import llmgateway_server.app

    settings: list[Settings] = []

    def run_gateway(given: Settings, _: object) -> int:
        settings.append(given)
        return 0

    monkeypatch.setattr(llmgateway_server.app, "run", run_gateway)
    return settings


def test_the_version_is_the_distributions() -> None:
    assert run("--version").output == f"llmgateway, version {metadata.version('llmgateway-grpc')}\n"


def test_the_module_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmgateway_server", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith(f"version {metadata.version('llmgateway-grpc')}\n")


@pytest.mark.parametrize("command", ["serve", "serve-http", "check-config", "call", "models", "keys", "keys new"])
def test_every_sub_command_explains_itself(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_check_config_says_in_one_line_what_a_file_holds() -> None:
    result = run("check-config", EXAMPLE)
    assert result.exit_code == 0
    assert result.output == (
        f"{EXAMPLE} is good: 4 providers (openai, groq, local, mock), 3 routes, no keys, so loopback only; "
        "gRPC 127.0.0.1:50051, REST 127.0.0.1:8000.\n"
    )


def test_check_config_lists_everything_that_is_wrong_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("sever: {}\nlog: {level: loud}\n")
    result = run("check-config", path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"{path}:1: sever: unknown key; did you mean server?\n{path}:2: log.level: ")


def test_check_config_of_no_file_is_one_sentence(tmp_path: Path) -> None:
    result = run("check-config", tmp_path / "absent.yaml")
    assert (result.exit_code, result.stderr) == (
        1,
        f"{tmp_path / 'absent.yaml'}: the file cannot be read: No such file or directory\n",
    )


def test_check_config_refuses_what_may_not_start(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("server: {http_listen: 0.0.0.0:8000}\n")
    result = run("check-config", path)
    assert result.exit_code == 1
    assert "there are no keys" in result.stderr


def test_check_config_refuses_what_a_dialect_does_not_understand(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("{providers: {mock: {script: {txet: Hi}}, groq: {quirks: {no_such_quirk: true}}}}")
    result = run("check-config", path)
    assert result.exit_code == 1
    assert f"{path}: providers.mock.script: " in result.stderr
    assert f"{path}: providers.groq.quirks: " in result.stderr
    assert "no_such_quirk" in result.stderr


def test_one_key_given_both_ways_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    kept = digest(SECRET, "")
    path.write_text(f"auth: {{keys: [{{name: a, key: '${{KEY}}'}}, {{name: b, digest: '{kept}'}}]}}")
    result = run("check-config", path, environment={"KEY": SECRET})
    assert (result.exit_code, result.stderr) == (1, "The keys a and b are the same; give each its own.\n")


def test_serve_starts_with_the_file_and_what_the_command_line_overrides(
    tmp_path: Path, started: list[Settings]
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("{server: {grpc_listen: 127.0.0.1:1, http_listen: 127.0.0.1:2}, providers: {mock: }}")
    assert run("serve", "--config", path, "--http-listen", "[::1]:0", "--metrics-listen", "0.0.0.0:3").exit_code == 0
    (settings,) = started
    server = settings.server
    assert (server.grpc_listen, server.http_listen, server.metrics_listen) == ("127.0.0.1:1", "[::1]:0", "0.0.0.0:3")


def test_serve_without_a_file_takes_the_environment(started: list[Settings]) -> None:
    environment: dict[str, str | None] = {row.key_variable: None for row in load_vendors().values() if row.key_variable}
    environment |= {"OPENAI_BASE_URL": None, "OLLAMA_HOST": None, "GROQ_API_KEY": "key"}
    assert run("serve", environment=environment).exit_code == 0
    assert list(started[0].providers) == ["mock", "groq"]


@pytest.mark.parametrize("option", ["--grpc-listen", "--http-listen"])
def test_serve_without_keys_refuses_other_machines(option: str, started: list[Settings]) -> None:
    result = run("serve", option, "0.0.0.0:1")
    assert result.exit_code == 1
    assert "0.0.0.0:1 can be reached from other machines, and there are no keys" in result.stderr
    assert started == []


def test_serve_refuses_what_is_no_address(started: list[Settings]) -> None:
    result = run("serve", "--grpc-listen", "nowhere")
    assert result.exit_code == 2
    assert "an address is host:port" in result.stderr
    assert started == []


def test_keys_new_prints_a_key_once_and_lines_that_let_it_in(tmp_path: Path) -> None:
    result = run("keys", "new", "--name", "ci")
    assert result.exit_code == 0
    (key,) = re.findall(r"llmgw_\w+", result.output)
    assert has_valid_checksum(key)
    path = tmp_path / "gateway.yaml"
    path.write_text(result.output.partition("For the configuration:\n")[2])
    (entry,) = load_settings(path, {}, load_vendors()).auth.keys
    assert (entry.name, entry.digest, entry.models) == ("ci", digest(key, ""), ("*",))
    assert run("keys", "new").output != result.output


def test_keys_new_takes_the_pepper_of_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("auth: {pepper: '${PEPPER}'}")
    result = run("keys", "new", "--config", path, environment={"PEPPER": SECRET})
    (key,) = re.findall(r"llmgw_\w+", result.output)
    assert digest(key, SECRET) in result.output
    assert SECRET not in result.output


def test_keys_new_refuses_a_name_that_the_configuration_would_refuse() -> None:
    result = run("keys", "new", "--name", "a b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("A key's name has 1 to 64 letters")


def test_a_request_holds_what_the_command_line_gave() -> None:
    request = make_request("mock/echo", "Hi", "Be brief.", 5)
    assert request.model == "mock/echo"
    assert [(message.role, message.parts[0].text) for message in request.messages] == [
        (message_pb2.ROLE_SYSTEM, "Be brief."),
        (message_pb2.ROLE_USER, "Hi"),
    ]
    assert request.max_output_token_count == 5
    assert not make_request("mock/echo", "Hi", None, None).HasField("max_output_token_count")


def events_of(*parts: tuple[message_pb2.Part, list[stream_pb2.PartDelta]]) -> list[stream_pb2.GenerationEvent]:
    events = []
    for index, (part, deltas) in enumerate(parts):
        events.append(stream_pb2.GenerationEvent(part_started=stream_pb2.PartStarted(index=index, part=part)))
        for delta in deltas:
            delta.index = index
            events.append(stream_pb2.GenerationEvent(part_delta=delta))
        events.append(stream_pb2.GenerationEvent(part_finished=stream_pb2.PartFinished(index=index)))
    return events


def test_an_answer_is_written_as_it_comes_and_thoughts_stand_aside() -> None:
    written: list[tuple[str, str]] = []
    writer = AnswerWriter(lambda text: written.append(("out", text)), lambda text: written.append(("aside", text)))
    text, arguments = stream_pb2.PartDelta, stream_pb2.PartDelta
    thought = message_pb2.Part(reasoning=message_pb2.Reasoning(text="Hm"))
    call = message_pb2.Part(tool_call=message_pb2.ToolCall(id="1", name="look_up"))
    for event in events_of(
        (thought, [text(text=", well.")]),
        (message_pb2.Part(text="Hel"), [text(text="lo")]),
        (call, [arguments(arguments_json='{"a":'), arguments(arguments_json="1}")]),
        (message_pb2.Part(refusal="No"), []),
    ):
        writer.write(event)
    writer.write(stream_pb2.GenerationEvent(heartbeat=stream_pb2.Heartbeat()))
    writer.finish()
    assert written == [
        ("aside", "Hm"),
        ("aside", ", well."),
        ("aside", "\n"),
        ("out", "Hel"),
        ("out", "lo"),
        ("out", "\n"),
        ("out", 'look_up({"a":1})\n'),
        ("out", "No"),
        ("out", "\n"),
    ]


def test_usage_is_one_line_with_the_exact_cost() -> None:
    response = generation_pb2.GenerateResponse()
    response.call.provider, response.call.model = "mock", "echo"
    response.usage.input_token_count, response.usage.output_token_count = 3, 4
    assert describe_usage(response) == "mock/echo, 3 tokens read, 4 written"
    response.usage.reasoning_token_count = 2
    response.usage.cost_usd_nanos = 1_500_000_010
    response.candidates.add(provider_finish_reason="stop")
    assert describe_usage(response) == (
        "mock/echo, 3 tokens read, 4 written (2 of them thoughts), 1.50000001 US dollars, stop"
    )
    response.usage.cost_usd_nanos = 0
    assert "0 US dollars" in describe_usage(response)


def test_nothing_printable_steers_the_terminal() -> None:
    assert printable("a\tb\n\x1b[31mred\x07\r\u202e") == "a\tb\n\ufffd[31mred\ufffd\ufffd\ufffd"
    assert printable("Grüße, 世界 🎉") == "Grüße, 世界 🎉"


def test_an_empty_prompt_is_refused_before_anything_is_called() -> None:
    for prompt in ("", " \n"):
        result = run("call", "--model", "mock/echo", "-", text=prompt)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("The prompt is empty.")


def test_serve_http_listens_anywhere_since_the_gateway_checks_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import llmgateway_server.app

    ca = tmp_path / "ca.pem"
    ca.touch()
    calls: list[tuple[str, str, bool, Path | None]] = []

    def run_shim(target: str, settings: Settings, *, tls: bool, ca: Path | None) -> int:
        calls.append((target, settings.server.http_listen, tls, ca))
        return 0

    monkeypatch.setattr(llmgateway_server.app, "run_shim", run_shim)
    arguments = ("serve-http", "--target", "dns:///gateway:50051", "--http-listen", "0.0.0.0:8000")
    assert run(*arguments).exit_code == 0
    assert run(*arguments, "--ca", ca).exit_code == 0
    assert calls == [
        ("dns:///gateway:50051", "0.0.0.0:8000", False, None),
        ("dns:///gateway:50051", "0.0.0.0:8000", True, ca),
    ]


def test_all_that_is_known_of_a_model_is_told() -> None:
    model = model_pb2.Model(
        id="openai/gpt-\x1b4o",
        capabilities=[model_pb2.Model.CAPABILITY_GENERATE, model_pb2.Model.CAPABILITY_TOOLS],
        missing_capabilities=["audio"],
        input_modalities=["text", "image"],
        context_token_count=128_000,
        max_output_token_count=16_384,
        accepted_parameters=["sampling.temperature"],
        billing=model_pb2.BillingTerms(on_cancel=model_pb2.BillingTerms.CHARGE_PROCESSED, source="a document"),
    )
    for rate, above in ((150_000_000, 0), (300_000_000, 200_000)):
        price = model.prices.add(token_kind="input", usd_nanos_per_million=rate, source="a list")
        price.above_input_token_count = above
        price.read_time.FromSeconds(1_790_000_000)
    assert describe_model(model).splitlines() == [
        "openai/gpt-\N{REPLACEMENT CHARACTER}4o",
        "  can: generate, tools",
        "  cannot: audio",
        "  reads: text, image",
        "  context: 128,000 tokens",
        "  output: at most 16,384 tokens",
        "  honours: sampling.temperature",
        "  price, input: 0.15 US dollars for a million tokens (a list, 2026-09-21)",
        "  price, input above 200,000: 0.3 US dollars for a million tokens (a list, 2026-09-21)",
        "  bills if cancelled: processed (a document)",
    ]
    assert describe_model(model_pb2.Model(id="x/y")) == "x/y"
