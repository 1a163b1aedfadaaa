"""`llmgateway migrate`, against a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from llmgateway_server.cli import main
from llmgateway_server.store.postgres.schema import REVISIONS

from tests.postgres import shared_server

PASSWORD = "c4nary-of-the-database"
DONE = f"The database's schema is up to date, at revision {REVISIONS[-1]}.\n"


def run(*arguments: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(main, ["migrate", *map(str, arguments)], env=environment, catch_exceptions=False)


def test_a_database_gets_its_schema_once() -> None:
    url = shared_server().create_database().replace("postgres@", f"postgres:{PASSWORD}@")
    for _ in range(2):
        result = run("--url", url)
        assert (result.exit_code, result.stdout, result.stderr) == (0, DONE, "")


def test_the_configuration_says_where_the_database_is(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("store: {url: '${DATABASE}'}\nproviders: {mock: {}}\n")
    result = run("--config", config, DATABASE=shared_server().create_database())
    assert (result.exit_code, result.stdout, result.stderr) == (0, DONE, "")


def test_the_option_stands_above_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("store: {url: 'memory:'}\nproviders: {mock: {}}\n")
    assert run("--config", config, "--url", shared_server().create_database()).stdout == DONE


@pytest.mark.parametrize("store", ["store: {url: 'sqlite:///ledger.db'}", "store: {url: 'memory:'}", ""])
def test_nothing_else_needs_it(tmp_path: Path, store: str) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"{store}\nproviders: {{mock: {{}}}}\n")
    result = run("--config", config, XDG_DATA_HOME=str(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("Only PostgreSQL has a schema to migrate: ")
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.yaml"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://u:{password}@127.0.0.1:1/db", "PostgreSQL cannot be reached (ConnectionRefusedError)."),
        ("postgresql://u:{password}@127.0.0.1:port/db", "The database's address cannot be read: "),
        ("postgresql://u:{password}@@:{password}/db", "The database's address cannot be read: "),
        ("postgresql://u:{password}@h/db?sslmode={password}", "The database's address cannot be read: "),
        ("postgresql://postgres:{password}@/nowhere?host={root}&port=5432", "(InvalidCatalogNameError)"),
    ],
)
def test_a_failure_is_one_sentence_without_the_address(url: str, sentence: str) -> None:
    result = run("--url", url.format(password=PASSWORD, root=shared_server().root))
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr
    assert PASSWORD not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_no_store_is_refused_and_not_shown() -> None:
    result = run("--url", f"mysql://u:{PASSWORD}@h/db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "The address of the store is wrong: a ledger's address is sqlite:///FILE, postgresql://… or memory:.\n"
    )


def test_a_schema_that_is_too_new_is_left_alone() -> None:
    server = shared_server()
    url = server.create_database()
    assert run("--url", url).exit_code == 0
    database = url.partition("@/")[2].partition("?")[0]
    server.execute("UPDATE llmgateway.alembic_version SET version_num = '9999'", database)
    result = run("--url", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is of revision 9999, which this gateway is too old for" in result.stderr


def test_a_configuration_that_is_wrong_is_told_in_full(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"store: {{url: 'mysql://u:{PASSWORD}@h/db'}}\n")
    result = run("--config", config)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "store.url" in result.stderr
    assert PASSWORD not in result.stderr
