"""`llmgateway keys`, `teams` and `quotas` against scripted admin services: a real gRPC server on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import grpc
import pytest
import trustme
from click.testing import CliRunner, Result
from google.protobuf.message import Message
from llmgateway.admin.v1 import (
    banned_target_pb2,
    key_pb2,
    key_service_pb2,
    quota_pb2,
    quota_service_pb2,
    team_pb2,
    team_service_pb2,
    usage_service_pb2,
)
from llmgateway.v1 import gateway_pb2_grpc
from llmgateway_server.cli import main

from tests.server.administered import Refusal, ScriptedAdmin, Silence, administered
from tests.server.served import on_terminal, run, serving

Key = key_pb2.Key
Quota = quota_pb2.Quota
Team = team_pb2.Team
Run = Callable[..., Result]

SECRET = "llmgw_SeenOnceAndNeverAgain0123456789abcdefghijkl"
CI = Key(name="keys/ci", team="teams/platform", role="ROLE_MEMBER", models=["*"], managed_by="MANAGED_BY_API", etag="7")
BUDGET = Quota(
    name="quotas/ci", scope="key/ci", metric="METRIC_COST", window="WINDOW_TOTAL", limit=500_000_000, etag="7"
)


@pytest.fixture
def admin() -> ScriptedAdmin:
    return ScriptedAdmin()


@pytest.fixture
def ask(admin: ScriptedAdmin) -> Iterator[Run]:
    """Run a sub-command against the scripted services."""
    with administered(admin) as target:

        def run_there(*arguments: str) -> Result:
            return run(*arguments, "--target", target)

        yield run_there


def asked_for(text: str) -> list[str]:
    return text.split()


REQUESTS: list[tuple[str, str, Message]] = [
    ("keys list", "ListKeys", key_service_pb2.ListKeysRequest(page_size=1000)),
    ("keys list --team a", "ListKeys", key_service_pb2.ListKeysRequest(page_size=1000, team="teams/a")),
    ("keys list --team teams/a", "ListKeys", key_service_pb2.ListKeysRequest(page_size=1000, team="teams/a")),
    ("keys get ci", "GetKey", key_service_pb2.GetKeyRequest(name="keys/ci")),
    ("keys create ci", "CreateKey", key_service_pb2.CreateKeyRequest(key_id="ci", key=Key())),
    (
        "keys create keys/ci --display-name CI --team a --role viewer --model mock/* --model fast --cache-scope end_user"
        " --label a=b=c --label task=code --require region=eu --weight 5 --expires 2027-01-01 --ip-range 10.0.0.0/8",
        "CreateKey",
        key_service_pb2.CreateKeyRequest(
            key_id="ci",
            key=Key(
                display_name="CI",
                team="teams/a",
                role="ROLE_VIEWER",
                models=["mock/*", "fast"],
                cache_scopes=["SCOPE_END_USER"],
                labels={"a": "b=c", "task": "code"},
                require={"region": "eu"},
                weight=5,
                expire_time={"seconds": 1_798_761_600},
                ip_ranges=["10.0.0.0/8"],
            ),
        ),
    ),
    (
        "keys update ci --role admin --clear models --clear expire_time --etag 7",
        "UpdateKey",
        key_service_pb2.UpdateKeyRequest(
            key=Key(name="keys/ci", role="ROLE_ADMIN", etag="7"),
            update_mask={"paths": ["role", "models", "expire_time"]},
        ),
    ),
    ("keys revoke ci --etag 7", "RevokeKey", key_service_pb2.RevokeKeyRequest(name="keys/ci", etag="7")),
    ("keys rotate ci", "RotateKey", key_service_pb2.RotateKeyRequest(name="keys/ci")),
    (
        "keys rotate ci --overlap 1.5h --etag 7",
        "RotateKey",
        key_service_pb2.RotateKeyRequest(name="keys/ci", overlap={"seconds": 5_400}, etag="7"),
    ),
    ("keys delete ci --etag 7", "DeleteKey", key_service_pb2.DeleteKeyRequest(name="keys/ci", etag="7")),
    ("teams list --parent a", "ListTeams", team_service_pb2.ListTeamsRequest(page_size=1000, parent="teams/a")),
    ("teams get a", "GetTeam", team_service_pb2.GetTeamRequest(name="teams/a")),
    (
        "teams create b --display-name B --parent a --label x=y",
        "CreateTeam",
        team_service_pb2.CreateTeamRequest(
            team_id="b", team=Team(display_name="B", parent="teams/a", labels={"x": "y"})
        ),
    ),
    (
        "teams update b --clear parent --etag 7",
        "UpdateTeam",
        team_service_pb2.UpdateTeamRequest(team=Team(name="teams/b", etag="7"), update_mask={"paths": ["parent"]}),
    ),
    ("teams delete b", "DeleteTeam", team_service_pb2.DeleteTeamRequest(name="teams/b")),
    ("quotas list --scope key/*", "ListQuotas", quota_service_pb2.ListQuotasRequest(page_size=1000, scope="key/*")),
    ("quotas get ci", "GetQuota", quota_service_pb2.GetQuotaRequest(name="quotas/ci")),
    (
        "quotas create --scope key/ci --metric cost --window total --limit 0.50",
        "CreateQuota",
        quota_service_pb2.CreateQuotaRequest(
            quota=Quota(scope="key/ci", metric="METRIC_COST", window="WINDOW_TOTAL", limit=500_000_000)
        ),
    ),
    (
        "quotas create day --scope key/* --metric tokens --window month --limit 1000 --timezone Europe/Berlin"
        " --anchor-day 2 --anchor-hour 3 --warn 0.8 --warn 0.95 --enforcement estimate",
        "CreateQuota",
        quota_service_pb2.CreateQuotaRequest(
            quota_id="day",
            quota=Quota(
                scope="key/*",
                metric="METRIC_TOKENS",
                window="WINDOW_MONTH",
                limit=1_000,
                timezone="Europe/Berlin",
                anchor_day=2,
                anchor_hour=3,
                warn_fractions=[0.8, 0.95],
                enforcement="ENFORCEMENT_ESTIMATE",
            ),
        ),
    ),
    (
        "quotas create --scope organization --metric concurrency --limit 200",
        "CreateQuota",
        quota_service_pb2.CreateQuotaRequest(quota=Quota(scope="organization", metric="METRIC_CONCURRENCY", limit=200)),
    ),
    (
        "quotas update ci --warn 0.5 --clear enforcement",
        "UpdateQuota",
        quota_service_pb2.UpdateQuotaRequest(
            quota=Quota(name="quotas/ci", warn_fractions=[0.5]),
            update_mask={"paths": ["warn_fractions", "enforcement"]},
        ),
    ),
    ("quotas delete ci", "DeleteQuota", quota_service_pb2.DeleteQuotaRequest(name="quotas/ci")),
    ("quotas banned", "ListBannedTargets", quota_service_pb2.ListBannedTargetsRequest(page_size=1000)),
    (
        "quotas acknowledge fake/a/b",
        "AcknowledgeOverrun",
        quota_service_pb2.AcknowledgeOverrunRequest(name="bannedTargets/fake/a/b"),
    ),
]


@pytest.mark.parametrize(("command", "rpc", "request_"), REQUESTS, ids=[command for command, _, _ in REQUESTS])
def test_every_sub_command_asks_what_it_was_told_to(
    ask: Run, admin: ScriptedAdmin, command: str, rpc: str, request_: Message
) -> None:
    result = ask(*asked_for(command))
    assert (result.exit_code, result.stderr) == (0, "")
    assert admin.asked == [(rpc, request_)]


def test_a_span_of_expiry_lies_after_now(ask: Run, admin: ScriptedAdmin) -> None:
    before_ns = time.time_ns()
    assert ask("keys", "create", "ci", "--expires", "30d").exit_code == 0
    expires_ns = admin.request.key.expire_time.ToNanoseconds()
    assert before_ns <= expires_ns - 30 * 86_400 * 10**9 <= time.time_ns()


def test_every_rpc_but_those_of_usage_has_a_sub_command() -> None:
    services = (key_service_pb2, team_service_pb2, quota_service_pb2)
    rpcs = {
        method.name
        for module in services
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert {rpc for _, rpc, _ in REQUESTS} == rpcs


@pytest.mark.parametrize(
    ("command", "module", "field", "makes"),
    [
        ("keys", key_service_pb2.ListKeysResponse, "keys", lambda id_: Key(name=f"keys/{id_}")),
        ("teams", team_service_pb2.ListTeamsResponse, "teams", lambda id_: Team(name=f"teams/{id_}")),
        ("quotas", quota_service_pb2.ListQuotasResponse, "quotas", lambda id_: Quota(name=f"quotas/{id_}")),
    ],
)
def test_a_list_follows_its_pages_to_the_end(
    ask: Run, admin: ScriptedAdmin, command: str, module: type, field: str, makes: Callable[[str], Message]
) -> None:
    pages = [module(**{field: [makes("a")]}, next_page_token="2"), module(next_page_token="3")]
    admin.answer(f"List{command.capitalize()}", *pages, module(**{field: [makes("b")]}))
    told = json.loads(ask(command, "list", "--format", "json").stdout)
    assert [each["name"] for each in told] == [f"{command}/a", f"{command}/b"]
    assert [request.page_token for _, request in admin.asked] == ["", "2", "3"]


def test_json_has_every_field_numbers_as_numbers_and_the_configurations_words(ask: Run, admin: ScriptedAdmin) -> None:
    quota = Quota()
    quota.CopyFrom(BUDGET)
    quota.limit, quota.used = 2**60, 0
    quota.reset_time.FromJsonString("2026-12-02T00:00:00Z")
    admin.answer("GetQuota", quota_service_pb2.GetQuotaResponse(quota=quota))
    told = json.loads(ask("quotas", "get", "ci", "--format", "json").stdout)
    assert list(told) == [field.name for field in Quota.DESCRIPTOR.fields]
    assert (told["limit"], told["used"], told["held"]) == (2**60, 0, None)
    assert (told["metric"], told["window"], told["enforcement"]) == ("cost", "total", None)
    assert told["reset_time"] == "2026-12-02T00:00:00Z"
    assert told["warn_fractions"] == []


def test_a_new_secret_is_shown_once_and_apart(ask: Run, admin: ScriptedAdmin) -> None:
    for command, rpc, response in (
        ("create", "CreateKey", key_service_pb2.CreateKeyResponse),
        ("rotate", "RotateKey", key_service_pb2.RotateKeyResponse),
    ):
        admin.answer(rpc, response(key=CI, secret=SECRET))
        result = ask("keys", command, "ci")
        assert result.stdout.startswith(f"The secret, shown this once:\n\n  {SECRET}\n\nname        keys/ci\n")
        assert (result.output.count(SECRET), result.stderr) == (1, "")


def test_of_a_new_key_json_is_all_that_is_printed(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("CreateKey", key_service_pb2.CreateKeyResponse(key=CI, secret=SECRET))
    result = ask("keys", "create", "ci", "--format", "json")
    told = json.loads(result.stdout)
    assert (told["secret"], told["key"]["name"], told["key"]["role"]) == (SECRET, "keys/ci", "member")
    assert (result.stdout.count(SECRET), result.stderr) == (1, "")


def test_keys_stand_in_a_table(ask: Run, admin: ScriptedAdmin) -> None:
    gone = Key(name="keys/gone", role="ROLE_OWNER", models=["a", "b\x1b[2J\nc"], managed_by="MANAGED_BY_CONFIG")
    gone.expire_time.FromJsonString("2027-01-01T00:00:00Z")
    gone.revoke_time.FromJsonString("2026-12-01T11:00:00Z")
    admin.answer("ListKeys", key_service_pb2.ListKeysResponse(keys=[CI, gone]))
    assert ask("keys", "list").stdout == (
        "key   team      role    models      expires     managed by  revoked\n"
        "ci    platform  member  *                       api\n"
        "gone            owner   a, b\N{REPLACEMENT CHARACTER}[2J c  2027-01-01  config      2026-12-01\n"
    )


def test_teams_stand_in_a_table(ask: Run, admin: ScriptedAdmin) -> None:
    teams = [
        Team(name="teams/platform", display_name="The platform", labels={"b": "2", "a": "1"}),
        Team(name="teams/search", parent="teams/platform", managed_by="MANAGED_BY_API"),
    ]
    admin.answer("ListTeams", team_service_pb2.ListTeamsResponse(teams=teams))
    assert ask("teams", "list").stdout == (
        "team      name          part of   labels    managed by\n"
        "platform  The platform            a=1, b=2\n"
        "search                  platform            api\n"
    )


def test_quotas_stand_in_a_table_cost_in_dollars(ask: Run, admin: ScriptedAdmin) -> None:
    spent = Quota(used=1_000_000_001, held=0)
    spent.MergeFrom(BUDGET)
    spent.reset_time.FromJsonString("2026-12-02T00:00:00Z")
    tokens = Quota(name="quotas/t", scope="key/*", metric="METRIC_TOKENS", window="WINDOW_MINUTE", limit=100_000)
    admin.answer("ListQuotas", quota_service_pb2.ListQuotasResponse(quotas=[spent, tokens]))
    assert ask("quotas", "list").stdout == (
        "quota  scope   metric  window    limit          used   held  resets                   enforcement  managed by\n"
        "ci     key/ci  cost    total     $0.50  $1.000000001  $0.00  2026-12-02 00:00:00 UTC\n"
        "t      key/*   tokens  minute  100,000\n"
    )


def test_one_object_is_told_line_by_line(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("GetQuota", quota_service_pb2.GetQuotaResponse(quota=BUDGET))
    assert ask("quotas", "get", "ci").stdout == (
        "name    quotas/ci\nscope   key/ci\nmetric  cost\nwindow  total\nlimit   $0.50\netag    7\n"
    )


def test_banned_targets_stand_in_a_table(ask: Run, admin: ScriptedAdmin) -> None:
    target = banned_target_pb2.BannedTarget(name="bannedTargets/fake/a/b", attempt_id="a1", overrun_usd_nanos=1_500)
    target.create_time.FromJsonString("2026-12-01T11:00:00Z")
    admin.answer("ListBannedTargets", quota_service_pb2.ListBannedTargetsResponse(banned_targets=[target]))
    assert ask("quotas", "banned").stdout == (
        "target       overrun  attempt  since\nfake/a/b  $0.0000015  a1       2026-12-01 11:00:00 UTC\n"
    )


@pytest.mark.parametrize(
    ("metric", "limit", "counted"),
    [
        ("METRIC_COST", "1.25", 1_250_000_000),
        ("METRIC_COST", "0.000000001", 1),
        ("METRIC_TOKENS", "1000", 1_000),
        ("METRIC_CONCURRENCY", "0", 0),
    ],
)
def test_a_new_limit_is_read_as_the_quotas_metric_counts(
    ask: Run, admin: ScriptedAdmin, metric: Quota.Metric.ValueType, limit: str, counted: int
) -> None:
    admin.answer("GetQuota", quota_service_pb2.GetQuotaResponse(quota=Quota(metric=metric, etag="9")))
    assert ask("quotas", "update", "ci", "--limit", limit).exit_code == 0
    (_, _), (rpc, request) = admin.asked
    assert (rpc, request.quota.limit, list(request.update_mask.paths)) == ("UpdateQuota", counted, ["limit"])
    # Were it deleted and made anew with another metric meanwhile, the number would mean something else.
    assert request.quota.etag == "9"


@pytest.mark.parametrize(
    "command",
    [
        "quotas create --scope key/ci --metric cost --window day --limit 1e3",
        "quotas create --scope key/ci --metric cost --window day --limit -1",
        "quotas create --scope key/ci --metric cost --window day --limit 0.0000000001",
        "quotas create --scope key/ci --metric cost --window day --limit 1000000000.000000001",
        "quotas create --scope key/ci --metric cost --window day --limit $5",
        "quotas create --scope key/ci --metric tokens --window day --limit 0.5",
        "quotas create --scope key/ci --metric tokens --window day --limit 1000000000000000001",
        "quotas create --scope key/ci --metric euros --window day --limit 1",
        "quotas create --scope key/ci --metric cost --window year --limit 1",
        "quotas create --scope key/ci --metric cost --window day",
        "quotas create --scope key/ci --metric cost --window day --limit 1 --warn 0",
        "quotas update ci --limit 1 --limit",
        "keys update ci",
        "keys update ci --role admin --clear role",
        "keys update ci --clear secret",
        "keys create ci --expires soon",
        "keys create ci --role root",
        "keys create ci --label a",
        "keys create ci --weight 0",
        "keys rotate ci --overlap 5",
        "keys get",
        "teams create",
    ],
)
def test_wrong_usage_is_refused_before_anything_is_asked(ask: Run, admin: ScriptedAdmin, command: str) -> None:
    result = ask(*asked_for(command))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: " in result.stderr
    assert admin.asked == []


def test_a_new_limit_that_does_not_fit_the_metric_changes_nothing(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer("GetQuota", quota_service_pb2.GetQuotaResponse(quota=Quota(metric="METRIC_TOKENS")))
    result = ask("quotas", "update", "ci", "--limit", "0.5")
    assert result.exit_code == 2
    assert "a limit of tokens is a whole number" in result.stderr
    assert [rpc for rpc, _ in admin.asked] == ["GetQuota"]


def test_a_refusal_is_one_sentence_with_the_id_of_the_call(ask: Run, admin: ScriptedAdmin) -> None:
    admin.answer(
        "GetKey",
        Refusal(
            grpc.StatusCode.NOT_FOUND, "There is no keys/ci\x1b[2J that you may see.", "ERROR_REASON_RESOURCE_NOT_FOUND"
        ),
    )
    result = ask("keys", "get", "ci")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "There is no keys/ci\N{REPLACEMENT CHARACTER}[2J that you may see. (call call_1)\n"


def test_a_list_that_fails_midway_prints_nothing(ask: Run, admin: ScriptedAdmin) -> None:
    first = key_service_pb2.ListKeysResponse(keys=[CI], next_page_token="2")
    admin.answer("ListKeys", first, Refusal(grpc.StatusCode.UNAVAILABLE, "The store does not answer."))
    result = ask("keys", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "The store does not answer. (call call_1)\n"


def test_what_cannot_be_reached_is_told_with_where_admin_services_listen() -> None:
    result = run("keys", "list", "--target", "127.0.0.1:1", "--timeout", "20")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Nothing answers at 127.0.0.1:1: ")
    assert "`server.admin_listen`" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_address_for_calls_is_no_address_for_administration() -> None:
    with serving(gateway_pb2_grpc.LLMGatewayServicer()) as target:
        result = run("quotas", "list", "--target", target)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"What answers at {target} has no admin services. ")
    assert "`server.admin_listen`" in result.stderr


@pytest.mark.parametrize(("option", "variable"), [("of-option", None), (None, "of-variable"), ("a", "b"), (None, None)])
def test_the_key_travels_as_a_bearer_and_the_option_wins(
    admin: ScriptedAdmin, option: str | None, variable: str | None
) -> None:
    given = ["--key", option] if option else []
    with administered(admin) as target:
        arguments = ["teams", "list", "--target", target, *given]
        CliRunner().invoke(main, arguments, env={"LLMGATEWAY_KEY": variable}, catch_exceptions=False)
    key = option or variable
    assert admin.authorizations == [f"Bearer {key}" if key else None]


def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(ask: Run, admin: ScriptedAdmin) -> None:
    result = ask("keys", "list", "--key", "secret\nx-injected: 1")
    assert result.exit_code == 1
    assert result.stderr.startswith("The key holds a space or a character that cannot be sent.")
    assert admin.asked == []


def test_a_ca_asks_for_tls(admin: ScriptedAdmin, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    with administered(admin, credentials) as target:
        assert run("keys", "list", "--target", target, "--ca", str(ca)).exit_code == 0
        refused = run("keys", "list", "--target", target)
    assert (refused.exit_code, len(admin.asked)) == (1, 1)
    assert refused.stderr.startswith(f"{target} does not speak gRPC in plain text, so it may want TLS")


def test_ctrl_c_cancels_the_call(admin: ScriptedAdmin) -> None:
    silence = Silence()
    admin.answer("ExportUsage", usage_service_pb2.ExportUsageResponse(chunk=b"a\r\n"), silence)
    with administered(admin) as target:
        command = [sys.executable, "-m", "llmgateway_server", "usage", "export", "--target", target]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.read(3) == b"a\r\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert (process.returncode, errors.strip()) == (130, b"")
        assert silence.is_over.wait(30)


def test_a_table_fits_its_terminal_and_numbers_stay_whole(admin: ScriptedAdmin) -> None:
    quota = Quota()
    quota.CopyFrom(BUDGET)
    quota.limit, quota.scope = 123_456_789_000_000_001, "end_user/someone-with-a-name-that-is-too-long"
    admin.answer("ListQuotas", quota_service_pb2.ListQuotasResponse(quotas=[quota]))
    with administered(admin) as target, on_terminal("quotas", "list", "--target", target, width=90, height=30) as seen:
        assert seen.read_to_end() == 0
    lines = seen.text.splitlines()
    assert max(map(len, lines)) <= 90
    assert "$123,456,789.000000001" in seen.text


def sub_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from sub_commands(below, (*path, name))


@pytest.mark.parametrize("path", [*sub_commands(main)], ids=" ".join)
def test_every_sub_command_explains_itself_on_short_lines(path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.output.splitlines())) <= 80


def test_help_loads_nothing_that_it_does_not_need() -> None:
    heavy = "grpc", "google", "llmgateway", "rich", "pydantic", "msgspec", "asyncpg", "aiohttp"
    program = f"import sys, llmgateway_server.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
