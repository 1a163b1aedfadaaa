"""What a reload leaves as it was, and how it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.restart import KEPT, Started, find_opening, section_of
from llmgateway_server.config.settings import (
    LimitSettings,
    LogSettings,
    ServerSettings,
    Settings,
    TlsSettings,
)

# By section of what is read at the start, the settings that hold from the next call on all the same.
FOLLOWED = {
    "store": {"timeout_s", "retention_s"},
    "server": {"lame_duck_s", "drain_s"},
    "limits": {
        "queued_calls",
        "queue_timeout_s",
        "response_bytes",
        "stream_bytes",
        "event_bytes",
        "error_bytes",
        "message_count",
        "tool_count",
        "concurrent_calls",
        "target_calls",
        "stream_join_s",
    },
    "log": {"level"},
}
KEY = KeySettings(name="ci", digest=f"hmac-sha256:{'0' * 64}")
WITH_KEY = Settings(auth=AuthSettings(keys=(KEY,)))


@pytest.mark.parametrize("name", KEPT)
def test_every_setting_is_either_kept_or_followed(name: str) -> None:
    section = type(section_of(Settings(), name))
    assert set(KEPT[name]) | FOLLOWED[name] == set(section.model_fields)
    assert not set(KEPT[name]) & FOLLOWED[name]


def test_what_was_opened_at_the_start_stays_and_everything_else_follows() -> None:
    started = Started.with_settings(Settings())
    wanted = Settings(
        server=ServerSettings(grpc_listen="127.0.0.1:1", drain_s=1.0),
        limits=LimitSettings(request_bytes=1, tool_count=1),
        log=LogSettings(calls=False, level="debug"),
        routes={"a": {"targets": [{"model": "mock/echo"}]}},
    )
    kept = started.keep(wanted)
    assert kept.server == ServerSettings(drain_s=1.0)
    assert kept.limits == LimitSettings(tool_count=1)
    assert kept.log == LogSettings(level="debug")
    assert kept.routes == wanted.routes
    assert list(started.find_changes(wanted)) == ["server.grpc_listen", "limits.request", "log.calls"]


def test_nothing_is_named_where_only_what_follows_has_changed() -> None:
    wanted = Settings(limits=LimitSettings(concurrent_calls=7), log=LogSettings(level="error"))
    started = Started.with_settings(Settings())
    assert list(started.find_changes(wanted)) == []
    assert started.keep(wanted) == wanted


def test_certificates_that_were_renewed_in_place_are_named(tmp_path: Path) -> None:
    names = ("certificate", "key", "client_ca")
    tls = TlsSettings(**{name: str(tmp_path / name) for name in names})
    for name in names:
        (tmp_path / name).write_text("first")
    settings = Settings(server=ServerSettings(http_tls=tls))
    started = Started.with_settings(settings)
    assert list(started.find_changes(settings)) == []
    (tmp_path / "certificate").write_text("second")
    (tmp_path / "key").unlink()
    assert list(started.find_changes(settings)) == [
        "the content of server.http_tls.certificate",
        "the content of server.http_tls.key",
    ]


def test_a_first_key_leaves_the_rest_face_to_this_machine() -> None:
    (named,) = Started.with_settings(Settings()).find_changes(WITH_KEY)
    assert "auth.keys" in named
    assert list(Started.with_settings(WITH_KEY).find_changes(WITH_KEY)) == []


def test_only_a_restart_opens_a_gateway_that_asks_for_keys() -> None:
    (problem,) = find_opening(WITH_KEY, Settings())
    assert problem.path == "auth.keys"
    assert [*find_opening(Settings(), WITH_KEY), *find_opening(WITH_KEY, WITH_KEY)] == []
    assert list(find_opening(Settings(), Settings())) == []
