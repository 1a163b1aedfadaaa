"""Reading a configuration again, beside the one that is in use."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from llmgateway_server.config.restart import Started
from llmgateway_server.config.settings import Settings
from llmgateway_server.loading import Refused, Reloaded, Source, load, load_again, open_source

SECRET = "xK9-the-secret-nobody-may-see-4Qz"


class File:
    """A configuration file, and a gateway that was started with it."""

    def __init__(self, folder: Path, text: str, listen: Mapping[str, str | None] | None = None) -> None:
        self.path = folder / "gateway.yaml"
        self.write(text)
        self.source: Source = open_source(self.path, listen or {}, {})
        self.settings: Settings = load(self.source)
        self._started = Started.with_settings(self.settings)

    def write(self, text: str) -> None:
        self.path.write_text(textwrap.dedent(text))

    def reload(self, text: str) -> Reloaded:
        self.write(text)
        return load_again(self.source, self._started, self.settings)

    def refused(self, text: str) -> str:
        with pytest.raises(Refused) as caught:
            self.reload(text)
        return str(caught.value)


def test_a_reload_reads_what_the_start_read_and_keeps_the_sockets(tmp_path: Path) -> None:
    file = File(tmp_path, "{server: {grpc_listen: 127.0.0.1:1}, providers: {mock: }}")
    reloaded = file.reload(
        "{server: {grpc_listen: 127.0.0.1:2}, providers: {mock: }, models: {mock/a: {tags: {x: y}}}}"
    )
    assert reloaded.settings.server.grpc_listen == "127.0.0.1:1"
    assert list(reloaded.settings.models) == ["mock/a"]
    assert reloaded.kept == ("server.grpc_listen",)


def test_what_the_command_line_says_stands_above_the_file_in_a_reload_too(tmp_path: Path) -> None:
    file = File(tmp_path, "providers: {mock: }", {"http_listen": "127.0.0.1:7", "grpc_listen": None})
    reloaded = file.reload("{server: {http_listen: 127.0.0.1:8}, providers: {mock: }}")
    assert reloaded.settings.server.http_listen == "127.0.0.1:7"
    assert reloaded.kept == ()


def test_a_file_that_a_secret_lies_in_is_read_again(tmp_path: Path) -> None:
    text = "providers: {openai: {api_keys: ['${file:key}']}}"
    (tmp_path / "key").write_text("first")
    file = File(tmp_path, text)
    (tmp_path / "key").write_text("second")
    (secret,) = file.reload(text).settings.providers["openai"].api_keys or ()
    assert secret.get_secret_value() == "second"


def test_every_problem_is_told_with_its_line_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    file = File(tmp_path, "providers: {mock: }")
    problems = file.refused("""\
        providers:
          mock: {concurrent_calls: "${file:key}"}
        log: {level: loud}
        """).splitlines()
    assert [problem.partition(": ")[0] for problem in problems] == [f"{file.path}:2", f"{file.path}:3"]
    assert SECRET not in "".join(problems)


def test_a_file_that_would_not_start_is_refused_even_where_its_sockets_are_not_used(tmp_path: Path) -> None:
    file = File(tmp_path, "providers: {mock: }")
    assert "there are no keys" in file.refused("{server: {http_listen: 0.0.0.0:1}, providers: {mock: }}")


def test_a_file_that_does_not_fit_the_sockets_in_use_is_refused(tmp_path: Path) -> None:
    file = File(tmp_path, "{server: {http_listen: 127.0.0.1:1}, providers: {mock: }}")
    local = "{dialect: openai, base_url: 'http://127.0.0.1:1/v1'}"
    problem = file.refused(f"{{server: {{http_listen: 127.0.0.1:2}}, providers: {{local: {local}}}}}")
    assert "its base URL is the gateway's own address 127.0.0.1:1" in problem


def test_a_file_without_keys_does_not_open_a_gateway_that_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    keys = "auth: {keys: [{name: ci, key: '${file:key}'}]}"
    file = File(tmp_path, f"{{{keys}, providers: {{mock: }}}}")
    assert file.refused("providers: {mock: }").startswith(f"{file.path}: auth.keys: ")
    assert file.reload(f"{{{keys}, providers: {{mock: }}}}").kept == ()


def test_a_file_that_is_gone_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = File(tmp_path, "providers: {mock: }")
    file.path.unlink()
    with pytest.raises(Refused, match="cannot be read: No such file"):
        load_again(file.source, Started.with_settings(file.settings), file.settings)
