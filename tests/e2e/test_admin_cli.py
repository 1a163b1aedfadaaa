"""The whole life of teams, keys and quotas from the command line, against the installed command, and what usage tells."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import llmgateway
import pytest
import pytest_asyncio
from click.testing import CliRunner, Result
from llmgateway.admin.v1 import usage_service_pb2
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.admin_commands.client import AdminClient
from llmgateway_server.cli import main
from llmgateway_server.terminal_admin.documents import document_of

from tests.e2e.serving import FREE_PORTS, SAFETY_S, Served, serving, write_config

OWNER = "llmgw-e2e-owner-8fT3kQz0Wm5yR1xV"
PERIOD = ("--since", "2020-01-01", "--until", "2100-01-01T00:00Z")
# What a call of `say` costs is told by the ledger; the price only must not be 0.
CONFIG = f"""{FREE_PORTS}
  lame_duck: 0s
store: {{url: "sqlite:///ledger.db"}}
auth:
  keys: [{{name: root, key: "${{OWNER_KEY}}", role: owner, models: ["*"]}}]
providers: {{mock: {{}}}}
routes: {{small: {{targets: [mock/echo]}}}}
models:
  mock/echo: {{price: {{input: 1000, output: 2000}}}}
"""


class Organization(NamedTuple):
    """A gateway, and the command line of who owns it."""

    served: Served

    def administer(self, *arguments: str | Path, key: str = OWNER) -> Result:
        """Run an admin sub-command."""
        command = [*map(str, arguments), "--target", self.served.addresses["admin"]]
        return CliRunner().invoke(main, command, env={"LLMGATEWAY_KEY": key}, catch_exceptions=False)

    def told(self, *arguments: str | Path, key: str = OWNER) -> Any:  # Any: JSON
        """Run an admin sub-command that must succeed; return the JSON that it prints."""
        result = self.administer(*arguments, "--format", "json", key=key)
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    def done(self, *arguments: str) -> None:
        """Run an admin sub-command that must succeed and has nothing to say."""
        result = self.administer(*arguments)
        assert (result.exit_code, result.output) == (0, "")

    def say(self, key: str, text: str = "Hello", *, user: str = "", task: str = "", model: str = "mock/echo") -> str:
        """Call a model; return the reason of its refusal, empty if it answered."""
        message = message_pb2.ChatMessage(role="ROLE_USER", parts=[message_pb2.Part(text=text)])
        labels = {"task": task} if task else {}
        request = generation_pb2.GenerateRequest(model=model, messages=[message], end_user_id=user, labels=labels)
        request.max_output_token_count = 16
        try:
            with llmgateway.SyncClient(self.served.grpc, key=key, channels=1) as client:
                client.generate(request)
        except llmgateway.GatewayError as error:
            return error.reason_name.removeprefix("ERROR_REASON_")
        return ""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def organization(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Organization]:
    folder = tmp_path_factory.mktemp("organization")
    arguments = ["serve", "--config", str(write_config(folder, CONFIG))]
    names = ("gRPC", "admin")
    async with serving(arguments, folder / "log", {"OWNER_KEY": OWNER}, names) as served:
        yield Organization(served)
        assert await served.stop() == 0


def until(is_so: Callable[[], bool]) -> None:
    """Ask until something is so; fail where that takes longer than any healthy gateway."""
    deadline_s = time.monotonic() + SAFETY_S
    while not is_so():
        assert time.monotonic() < deadline_s


def test_a_key_from_its_creation_to_its_end(organization: Organization) -> None:
    organization.told("teams", "create", "life", "--display-name", "The life of a key")
    created = organization.told("keys", "create", "alive", "--team", "life", "--model", "mock/lorem")
    first, key = created["secret"], created["key"]
    assert (key["name"], key["team"], key["role"], key["models"]) == (
        "keys/alive",
        "teams/life",
        "member",
        ["mock/lorem"],
    )
    until(lambda: organization.say(first, model="mock/lorem") == "")
    assert organization.say(first, model="small") == "MODEL_NOT_ALLOWED"

    updated = organization.told("keys", "update", "alive", "--model", "small", "--label", "a=b", "--etag", key["etag"])
    assert (updated["models"], updated["labels"], updated["team"]) == (["small"], {"a": "b"}, "teams/life")
    until(lambda: organization.say(first, model="small") == "")
    assert organization.say(first, model="mock/lorem") == "MODEL_NOT_ALLOWED"
    stale = organization.administer("keys", "update", "alive", "--weight", "2", "--etag", key["etag"])
    assert (stale.exit_code, stale.stdout) == (1, "")

    second = organization.told("keys", "rotate", "alive", "--overlap", "1h")["secret"]
    until(lambda: organization.say(second, model="small") == "")
    assert organization.say(first, model="small") == ""
    third = organization.told("keys", "rotate", "alive")["secret"]
    until(lambda: organization.say(third, model="small") == "")
    assert [organization.say(old, model="small") for old in (first, second)] == ["API_KEY_INVALID"] * 2

    assert organization.told("keys", "revoke", "alive")["revoke_time"]
    until(lambda: organization.say(third, model="small") == "API_KEY_INVALID")
    assert [key["name"] for key in organization.told("keys", "list", "--team", "life")] == ["keys/alive"]
    organization.done("keys", "delete", "alive")
    assert organization.told("keys", "list", "--team", "life") == []
    again = organization.administer("keys", "create", "alive")
    assert (again.exit_code, again.stdout) == (1, "")


def test_no_secret_is_ever_told_again(organization: Organization) -> None:
    secret = organization.told("keys", "create", "quiet")["secret"]
    assert re.fullmatch(r"llmgw_\w+", secret)
    seen = [organization.administer("keys", *rest).output for rest in (["list"], ["get", "quiet"])]
    seen += [organization.administer("keys", "get", "quiet", "--format", "json").output]
    assert not [text for text in seen if secret in text]
    assert secret not in organization.served.log.read_text()


def test_teams_nest_and_only_empty_ones_go(organization: Organization) -> None:
    organization.told("teams", "create", "upper", "--label", "floor=3")
    organization.told("teams", "create", "lower", "--parent", "upper")
    assert [team["name"] for team in organization.told("teams", "list", "--parent", "upper")] == ["teams/lower"]
    refused = organization.administer("teams", "delete", "upper")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "teams/lower" in refused.stderr
    assert organization.administer("teams", "update", "upper", "--parent", "lower").exit_code == 1
    assert organization.told("teams", "update", "lower", "--clear", "parent")["parent"] == ""
    organization.done("teams", "delete", "upper")
    organization.done("teams", "delete", "lower")
    gone = organization.administer("teams", "get", "upper")
    assert (gone.exit_code, gone.stdout) == (1, "")
    assert gone.stderr.startswith("There is no teams/upper that you may see.")


def test_a_quota_of_cost_holds_and_can_be_raised(organization: Organization) -> None:
    secret = organization.told("keys", "create", "spender")["secret"]
    scope = ("--scope", "key/spender", "--metric", "cost", "--window", "total")
    quota = organization.told("quotas", "create", "purse", *scope, "--limit", "0.15", "--warn", "0.8")
    assert (quota["limit"], quota["metric"], quota["warn_fractions"]) == (150_000_000, "cost", [0.8])
    until(lambda: organization.say(secret) != "API_KEY_INVALID")
    assert organization.say(secret) == ""
    until(lambda: organization.say(secret) == "BUDGET_EXCEEDED")

    # What was called before the new quota was in force, within a second, counts for it all the same.
    (spent,) = organization.told("quotas", "list", "--scope", "key/spender")
    assert spent["used"] > 0
    assert organization.say(secret) == "BUDGET_EXCEEDED"
    assert organization.told("quotas", "get", "purse")["used"] == spent["used"]
    assert organization.told("quotas", "update", "purse", "--limit", "5.00")["limit"] == 5_000_000_000
    until(lambda: organization.say(secret) == "")
    organization.done("quotas", "delete", "purse")
    assert organization.told("quotas", "list", "--scope", "key/spender") == []


def test_usage_is_told_by_every_dimension_as_the_service_tells_it(organization: Organization) -> None:
    organization.told("teams", "create", "counted")
    options = ("--team", "counted", "--label", "env=test")
    secrets = {name: organization.told("keys", "create", name, *options)["secret"] for name in ("one", "two")}
    until(
        lambda: all(organization.say(secret, model="nobody/at-all") == "MODEL_NOT_FOUND" for secret in secrets.values())
    )
    for name, user, task, model in (
        ("one", "ann", "code", "mock/echo"),
        ("one", "ann", "chat", "small"),
        ("two", "bob", "chat", "small"),
    ):
        assert organization.say(secrets[name], user=user, task=task, model=model) == ""

    def usage(*by: str) -> list[dict[str, Any]]:
        given = [part for dimension in by for part in ("--by", dimension)]
        found: list[dict[str, Any]] = organization.told("usage", *given, *PERIOD, "--where", "team=counted")
        return found

    until(lambda: sum(row["call_count"] for row in usage()) == 3)
    (total,) = usage()
    assert total["cost_usd_nanos"] > 0
    for option, dimension, calls in (
        ("team", "team", {"counted": 3}),
        ("key", "key", {"one": 2, "two": 1}),
        ("user", "end_user", {"ann": 2, "bob": 1}),
        ("model", "model", {"echo": 3}),
        ("provider", "provider", {"mock": 3}),
        ("route", "route", {"": 1, "small": 2}),
        ("label:task", "label:task", {"code": 1, "chat": 2}),
        ("label:env", "label:env", {"test": 3}),
    ):
        rows = usage(option)
        assert {row[dimension]: row["call_count"] for row in rows} == calls, option
        assert sum(row["cost_usd_nanos"] for row in rows) == total["cost_usd_nanos"], option
        assert rows == asyncio.run(as_served(organization, dimension))


async def as_served(organization: Organization, dimension: str) -> list[dict[str, Any]]:
    """Return what QueryUsage itself says, as the command line is to show it."""
    request = usage_service_pb2.QueryUsageRequest(group_by=[dimension], filters={"team": "counted"})
    request.start_time.FromJsonString("2020-01-01T00:00:00Z")
    request.end_time.FromJsonString("2100-01-01T00:00:00Z")
    async with AdminClient(organization.served.addresses["admin"], key=OWNER, channels=1) as client:
        answer = await client.ask(client.usage.QueryUsage, request)
    documents = [document_of(row) for row in answer.rows]
    return [{**document.pop("group"), **document} for document in documents]


def test_an_export_holds_what_usage_sums_up(organization: Organization) -> None:
    assert organization.say(OWNER) == ""
    until(lambda: exported_cost(organization) == organization.told("usage", *PERIOD)[0]["cost_usd_nanos"] > 0)
    lines = organization.administer("usage", "export", *PERIOD, "--format", "jsonl").stdout.splitlines()
    rows = [*csv.DictReader(io.StringIO(organization.administer("usage", "export", *PERIOD).stdout, newline=""))]
    assert [json.loads(line)["attempt_id"] for line in lines] == [row["attempt_id"] for row in rows]


def exported_cost(organization: Organization) -> int:
    lines = organization.administer("usage", "export", *PERIOD, "--format", "jsonl").stdout.splitlines()
    return sum(json.loads(line)["cost_usd_nanos"] or 0 for line in lines)


def test_an_adjustment_is_booked_and_told_with_its_reason(organization: Organization) -> None:
    organization.told("keys", "create", "corrected")
    result = organization.administer("usage", "adjust", "key/corrected", "-0.000000001", "--reason", "Billed twice.")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = organization.administer("usage", "export", *PERIOD, "--format", "jsonl").stdout.splitlines()
    booked = {row["attempt_id"]: row for row in map(json.loads, lines)}[result.stdout.strip()]
    assert (booked["key"], booked["source"], booked["cost_usd_nanos"]) == ("corrected", "adjustment", -1)
    assert "Billed twice." in booked["reason"]
    (row,) = organization.told("usage", *PERIOD, "--where", "key=corrected")
    assert (row["cost_usd_nanos"], row["call_count"]) == (-1, 0)


def test_an_invoice_is_booked_until_nothing_differs(organization: Organization, tmp_path: Path) -> None:
    organization.told("keys", "create", "billed")
    invoice = tmp_path / "invoice.csv"
    invoice.write_text("date,model,cost_usd\n2026-11-30,echo,0.000000005\n")
    arguments = ("usage", "reconcile", invoice, "--provider", "mock")
    (row,) = organization.told(*arguments)
    assert (row["difference_usd_nanos"], row["adjustment_id"]) == (5, "")
    (booked,) = organization.told(*arguments, "--book")
    assert booked["adjustment_id"]
    (after,) = organization.told(*arguments, "--book")
    assert (after["difference_usd_nanos"], after["adjustment_id"]) == (0, "")


def test_who_may_not_is_told_so(organization: Organization) -> None:
    organization.told("teams", "create", "seen")
    created = organization.told("keys", "create", "viewer", "--team", "seen", "--role", "viewer")
    viewer = created["secret"]
    until(lambda: organization.administer("keys", "list", key=viewer).exit_code == 0)
    assert [key["name"] for key in organization.told("keys", "list", key=viewer)] == ["keys/viewer"]
    for command in (
        ("keys", "create", "mine"),
        ("keys", "update", "viewer", "--role", "owner"),
        ("keys", "delete", "root"),
        ("teams", "create", "mine"),
        ("quotas", "create", "--scope", "organization", "--metric", "requests", "--window", "day", "--limit", "1"),
        ("usage", "adjust", "organization", "1", "--reason", "because"),
    ):
        refused = organization.administer(*command, key=viewer)
        assert (refused.exit_code, refused.stdout) == (1, ""), command
        assert "(call call_" in refused.stderr
    wrong = organization.administer("keys", "list", key="llmgw-nobody-has-this-key-0123456789")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("The API key is not valid.")


def test_what_the_configuration_has_is_read_only(organization: Organization) -> None:
    assert organization.told("keys", "get", "root")["managed_by"] == "config"
    refused = organization.administer("keys", "revoke", "root")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert organization.told("keys", "get", "root")["revoke_time"] is None


def test_tables_are_what_people_get(organization: Organization) -> None:
    organization.told("keys", "create", "shown", "--display-name", "Shown \x1b[2J")
    assert re.search(r"^shown +member +", organization.administer("keys", "list").stdout, re.MULTILINE)
    facts = organization.administer("keys", "get", "shown").stdout
    assert re.search(r"^display name +Shown \N{REPLACEMENT CHARACTER}\[2J$", facts, re.MULTILINE)
    totals = organization.administer("usage", "--by", "key", *PERIOD).stdout.splitlines()
    assert totals[-1].startswith("total ")
