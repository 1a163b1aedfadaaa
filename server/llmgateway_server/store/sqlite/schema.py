"""The tables, and how a file comes to have them. Each step is one transaction; its number is the file's version."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from llmgateway_server.store.ledger import StoreRefused
from llmgateway_server.store.sqlite import histogram
from llmgateway_server.store.sqlite.rolling import DETAILS, rolling_up
from llmgateway_server.store.usage import SUMMED

# "LLMG": what tells a file of ours from another's.
APPLICATION_ID = 0x4C4C4D47

SUMS = ", ".join(f"{name} INTEGER NOT NULL" for name in SUMMED)

LEDGER = (
    # An attempt that runs. Once it has ended it is a row of `attempts`, which only grows.
    "CREATE TABLE intents (attempt_id TEXT PRIMARY KEY, intent BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE groups (
        group_id INTEGER PRIMARY KEY, team TEXT NOT NULL, teams TEXT NOT NULL, key TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL,
        UNIQUE (key, team, teams, provider, model, route)
    )""",
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, started_ns INTEGER NOT NULL, group_id INTEGER NOT NULL, source TEXT NOT NULL,
        is_first INTEGER NOT NULL, cost_usd_nanos INTEGER, latency_bucket INTEGER, outcome TEXT NOT NULL,
        input_token_count INTEGER NOT NULL, cached_input_token_count INTEGER NOT NULL,
        cache_write_input_token_count INTEGER NOT NULL, output_token_count INTEGER NOT NULL,
        reasoning_token_count INTEGER NOT NULL, request_count INTEGER NOT NULL,
        held_usd_nanos INTEGER NOT NULL, overrun_usd_nanos INTEGER NOT NULL,
        attempt_id TEXT NOT NULL, call_id TEXT NOT NULL, method TEXT NOT NULL, kind TEXT NOT NULL,
        end_user TEXT NOT NULL, labels TEXT NOT NULL, price_version TEXT NOT NULL, ended_ns INTEGER NOT NULL,
        latency_us INTEGER NOT NULL, first_content_us INTEGER, http_status INTEGER NOT NULL, cache TEXT NOT NULL,
        adjusts TEXT NOT NULL, reason TEXT NOT NULL, presumed BLOB
    )""",
    "CREATE INDEX attempts_by_start ON attempts (started_ns)",
    # `presumed` is what a presumption charged, until a late settlement has corrected it.
    "CREATE INDEX presumptions ON attempts (attempt_id) WHERE presumed IS NOT NULL",
    """CREATE TABLE counters (
        scope TEXT NOT NULL, metric TEXT NOT NULL, window TEXT NOT NULL, start_s INTEGER NOT NULL,
        committed INTEGER NOT NULL, PRIMARY KEY (scope, metric, window, start_s)
    ) WITHOUT ROWID""",
    """CREATE TABLE families (
        scope_kind TEXT NOT NULL, metric TEXT NOT NULL, window TEXT NOT NULL, start_s INTEGER NOT NULL,
        PRIMARY KEY (scope_kind, metric, window)
    ) WITHOUT ROWID""",
    *(
        f"""CREATE TABLE {level}s (
            start_s INTEGER, group_id INTEGER, {SUMS}, latencies BLOB NOT NULL, PRIMARY KEY (start_s, group_id)
        ) WITHOUT ROWID"""
        for level in ("hour", "day")
    ),
    # `rolled` is the last row that the sums of hours and days hold, `pruned` the time before which they alone are left.
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO marks VALUES ('rolled', 0), ('pruned', 0)",
)

OBJECTS = (
    """CREATE TABLE objects (
        kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, revision INTEGER NOT NULL UNIQUE,
        created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL, is_deleted INTEGER NOT NULL, PRIMARY KEY (kind, id)
    ) WITHOUT ROWID""",
)

DETAIL_TABLES = tuple(
    statement
    for table, (_, column) in DETAILS.items()
    for statement in (
        f"""CREATE TABLE {table} (
            start_s INTEGER, {column} TEXT, {SUMS}, latencies BLOB NOT NULL, PRIMARY KEY (start_s, {column})
        ) WITHOUT ROWID""",
        rolling_up(table, "id <= (SELECT value FROM marks WHERE name = 'rolled')"),
    )
)

STEPS: Sequence[Sequence[str]] = ((*LEDGER, *OBJECTS), DETAIL_TABLES)


def connect(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes, and bring the file up to date.

    Raise `StoreRefused` where it must not be used.
    """
    make_private(path)
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    histogram.register(connection)
    try:
        prepare(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise StoreRefused(f"{path} is no database of SQLite: name another file in store.url.") from error
        raise StoreRefused(f"{path} cannot be used ({error}): name another file in store.url.") from error
    except StoreRefused:
        connection.close()
        raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = 1")
    histogram.register(connection)
    return connection


def make_private(path: Path) -> None:
    """Create the file and its folder where they are missing, for their owner alone: SQLite would ask the umask."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check whose file it is, and bring it up to date."""
    application_id = pragma(connection, "application_id")
    version = pragma(connection, "user_version")
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application_id != APPLICATION_ID and not (is_empty and application_id == 0):
        raise StoreRefused(f"{path} is another program's database: name another file in store.url.")
    if version > len(STEPS):
        raise StoreRefused(f"{path} was written by a newer gateway: start that one, or name another file in store.url.")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for number, statements in enumerate(STEPS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return a number that the file's header holds."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
