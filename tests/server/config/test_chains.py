"""Who takes credentials from a chain, and what is said where its library is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.cli import main
from llmgateway_server.config.chains import CHAINS, chain_of
from llmgateway_server.config.environment import settings_from_environment

from tests.server.config.load import SECRET, load, load_problems

AZURE = "https://x.openai.azure.com"
# What a provider is given, under which name → its chain.
CASES = {
    "bedrock: {region: r}": "aws",
    "bedrock: {region: r, base_url: 'https://b'}": None,
    "bedrock: {region: r, base_url: 'https://b', credentials: aws}": "aws",
    "bedrock: {region: r, base_url: 'https://vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com'}": "aws",
    "bedrock: {region: r, base_url: 'https://amazonaws.com.example'}": None,
    "bedrock: {region: r, base_url: 'https://evil-amazonaws.com'}": None,
    "bedrock: {base_url: 'https://b'}": None,
    "bedrock: {region: r, api_keys: [k]}": None,
    "bedrock: {region: r, access_key_id: a, secret_access_key: b}": None,
    "bedrock: {region: r, dialect: openai, base_url: 'https://b'}": None,
    "bedrock: {region: r, credentials: none}": None,
    "bedrock-eu: {dialect: bedrock, base_url: 'https://b'}": None,
    "bedrock-eu: {dialect: bedrock, base_url: 'https://b', region: r, credentials: aws}": "aws",
    "vertex: {project: p, location: l}": "google",
    "vertex: {project: p, location: l, base_url: 'https://v'}": None,
    "vertex: {project: p, location: l, base_url: 'https://aiplatform.googleapis.com/v1'}": "google",
    "vertex: {project: p, location: l, access_token: t}": None,
    "vertex-eu: {dialect: gemini, base_url: 'https://v', quirks: {vertex: true}, credentials: google}": "google",
    "gemini: {}": None,
    f"azure: {{base_url: '{AZURE}'}}": "entra",
    "azure: {base_url: 'http://127.0.0.1:9'}": None,
    f"azure: {{base_url: '{AZURE}', api_keys: [k]}}": None,
    f"azure: {{base_url: '{AZURE}', access_token: t}}": None,
    "openai: {}": None,
}


@pytest.mark.parametrize("provider", CASES)
def test_a_chain_serves_where_no_credentials_are_given(provider: str, tmp_path: Path) -> None:
    name = provider.partition(":")[0]
    found = load(tmp_path, f"providers: {{{provider}}}").providers[name]
    assert chain_of(found, load_vendors().get(name)) == CASES[provider]


def test_credentials_of_the_environment_need_no_chain(tmp_path: Path) -> None:
    aws = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}
    for environment in (aws, {"AWS_BEARER_TOKEN_BEDROCK": SECRET}):
        found = load(tmp_path, "providers: {bedrock: {region: r}}", environment).providers["bedrock"]
        assert chain_of(found, load_vendors()["bedrock"]) is None
    asked = load(tmp_path, "providers: {bedrock: {region: r, credentials: aws}}", aws).providers["bedrock"]
    assert asked.access_key_id is None


def test_without_a_file_no_chain_is_asked() -> None:
    found = settings_from_environment({"AZURE_OPENAI_ENDPOINT": AZURE}, load_vendors()).providers["azure"]
    assert chain_of(found, load_vendors()["azure"]) is None


@pytest.mark.parametrize(
    ("provider", "problem"),
    [
        (
            "bedrock: {region: r, credentials: aws, api_keys: [k]}",
            "providers.bedrock.credentials: `api_keys` stands beside it: leave one of the two out",
        ),
        (
            "vertex: {project: p, location: l, credentials: google, access_token: t}",
            "providers.vertex.credentials: `access_token` stands beside it: leave one of the two out",
        ),
        (
            "b: {dialect: bedrock, base_url: 'https://b', credentials: aws}",
            "providers.b: `credentials: aws` needs `region` beside it",
        ),
        (
            "o: {dialect: openai, base_url: 'https://b', region: r, credentials: aws}",
            "providers.o.credentials: only requests of the dialect bedrock are signed for AWS",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(provider: str, problem: str, tmp_path: Path) -> None:
    assert load_problems(tmp_path, f"providers: {{{provider}}}") == [f"1: {problem}"]


def write(folder: Path, provider: str) -> str:
    path = folder / "gateway.yaml"
    path.write_text(f"providers: {{{provider}}}\n")
    return str(path)


MISSING = {
    "botocore": (
        "bedrock: {region: r}",
        "providers.bedrock: its credentials come from the chain of AWS, whose library is not installed: "
        "pip install 'llmgateway-grpc[aws]', or give it `access_key_id` and `secret_access_key`, or `api_keys`",
    ),
    "google.auth": (
        "vertex: {project: p, location: l}",
        "providers.vertex: its credentials come from the chain of Google Cloud, whose library is not installed: "
        "pip install 'llmgateway-grpc[google]', or give it `access_token`",
    ),
    "azure.identity": (
        f"azure: {{base_url: '{AZURE}'}}",
        "providers.azure: its credentials come from the chain of Microsoft Entra, whose library is not installed: "
        "pip install 'llmgateway-grpc[azure]', or give it `api_keys` or `access_token`",
    ),
}
GIVEN = {
    "botocore": "bedrock: {region: r, access_key_id: a, secret_access_key: b}",
    "google.auth": "vertex: {project: p, location: l, access_token: t}",
    "azure.identity": f"azure: {{base_url: '{AZURE}', api_keys: [k]}}",
}


@pytest.mark.parametrize("module", MISSING)
@pytest.mark.parametrize("command", [["check-config"], ["serve", "--config"]])
def test_a_provider_without_its_library_refuses_to_start(
    command: list[str], module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    provider, sentence = MISSING[module]
    monkeypatch.setitem(sys.modules, module, None)
    path = write(tmp_path, provider)
    result = CliRunner().invoke(main, [*command, path], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (1, f"{path}: {sentence}\n")


@pytest.mark.parametrize("module", MISSING)
def test_given_credentials_need_no_library(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = CliRunner().invoke(main, ["check-config", write(tmp_path, GIVEN[module])], catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_base_url_elsewhere_needs_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    elsewhere = "bedrock: {region: r, base_url: 'http://127.0.0.1:9'}"
    assert CliRunner().invoke(main, ["check-config", write(tmp_path, elsewhere)]).exit_code == 0
    asked = "bedrock: {region: r, base_url: 'http://127.0.0.1:9', credentials: aws}"
    assert CliRunner().invoke(main, ["check-config", write(tmp_path, asked)]).exit_code == 1


def test_no_library_is_imported_before_a_chain_is_asked(tmp_path: Path) -> None:
    """Not by the package's modules, and not by a check of providers with and without chains."""
    path = write(tmp_path, ", ".join([MISSING["botocore"][0], MISSING["google.auth"][0], MISSING["azure.identity"][0]]))
    modules = [name for chain in CHAINS.values() for name in chain.modules]
    code = (
        "import sys, llmgateway_server.app, llmgateway_server.cli as cli\n"
        f"cli.main(['check-config', {path!r}], standalone_mode=False)\n"
        f"sys.exit(str([name for name in {modules!r} if name in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert "is good: 3 providers" in done.stdout
