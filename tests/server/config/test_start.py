import subprocess
import sys
from pathlib import Path

import pytest
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.start import check_start

from tests.server.config.load import SECRET, load


def start_problems(folder: Path, text: str) -> str:
    loaded = load(folder, text, {"KEY": SECRET})
    try:
        check_start(loaded, load_vendors(), "gateway.yaml")
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("listener", ["grpc_listen", "http_listen"])
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.168.0.1", "gateway.internal"])
def test_a_gateway_without_keys_listens_on_loopback_only(tmp_path: Path, listener: str, host: str) -> None:
    server = f"server: {{{listener}: '{host}:1'}}"
    assert start_problems(tmp_path, server).startswith(f"gateway.yaml: server.{listener}: {host}:1 can be reached")
    assert start_problems(tmp_path, f"{{{server}, auth: {{keys: [{{name: a, key: '${{KEY}}'}}]}}}}") == ""


def test_probes_may_be_reached_from_anywhere(tmp_path: Path) -> None:
    assert start_problems(tmp_path, "server: {metrics_listen: '0.0.0.0:9464'}") == ""


@pytest.mark.parametrize(
    "text",
    [
        "providers: {vllm: }",
        "{server: {http_listen: '127.0.0.1:80'}, providers: {x: {dialect: openai, base_url: http://localhost/v1}}}",
        "{server: {http_listen: '127.0.0.1:9'}, providers: {x: {dialect: openai, base_url: 'http://[::1]:9'}}}",
    ],
)
def test_a_provider_is_not_the_gateway_itself(tmp_path: Path, text: str) -> None:
    assert "its base URL is the gateway's own address" in start_problems(tmp_path, text)


def test_a_provider_on_another_port_or_host_is_no_loop(tmp_path: Path) -> None:
    assert start_problems(tmp_path, "{server: {http_listen: '127.0.0.1:8001'}, providers: {vllm: }}") == ""
    text = "providers: {x: {dialect: openai, base_url: 'http://other:8000/v1'}}"
    assert start_problems(tmp_path, text) == ""


def test_channelz_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert start_problems(tmp_path, "server: {channelz: true}") == ""
    monkeypatch.setitem(sys.modules, "grpc_channelz", None)
    assert start_problems(tmp_path, "server: {channelz: true}") == (
        "gateway.yaml: server.channelz: it needs the extra `debug`: pip install 'llmgateway-grpc[debug]'"
    )
    assert start_problems(tmp_path, "server: {channelz: false}") == ""


def test_a_gateway_without_channelz_does_not_import_it() -> None:
    code = "import sys, llmgateway_server.app; sys.exit('grpc_channelz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
