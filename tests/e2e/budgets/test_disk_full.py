"""A disk that fills up under a running gateway, and has space again later."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from llmgateway_server.store.ledger import Source

from tests.e2e.budgets.books import Books, read_books
from tests.e2e.budgets.stand import GRPC, GRPC_STREAM, REST, budget, eventually, stand, until

SIZE = "2m"
LIMIT = 100
# In namespaces of its own the gateway sees a small file system where others see a folder.
UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
MOUNT = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && exec "$@"'
LIMITED = ("usual", "held-head", "held-middle")


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return not subprocess.run(
        [*UNSHARE, "sh", "-c", MOUNT, folder, "true"], capture_output=True, check=False
    ).returncode


def copied_books(seen: Path, beside: Path) -> Books:
    """Read a copy: SQLite itself would follow the path out of the gateway's namespace."""
    for name in ("ledger.db", "ledger.db-wal"):
        shutil.copyfile(seen / name, beside / f"copy-{name}")
    return read_books(beside / "copy-ledger.db")


def fill(ballast: Path) -> None:
    """Write until there is no space for one more byte."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.opt_in("a file system of one's own needs root or user namespaces")
async def test_on_a_full_disk_money_is_refused_the_rest_goes_on_and_all_resumes_by_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not can_mount(disk):
        pytest.skip("no file system can be mounted here")
    quotas = [budget(1, f"model/fake/{name}") for name in LIMITED]
    prefix = [*UNSHARE, "sh", "-c", MOUNT, str(disk)]
    async with stand(tmp_path, quotas, file=disk / "ledger.db", prefix=prefix) as it:
        seen = Path(f"/proc/{it.served.process.pid}/root") / disk.relative_to("/")
        running = [
            asyncio.ensure_future(it.ask(model, GRPC_STREAM, write=50, limit=LIMIT))
            for model in ("held-head", "held-middle")
        ]
        await eventually(lambda: it.provider.bill, lambda bill: len(bill) == len(running))
        fill(seen / "ballast")
        refused = [await it.ask("usual", way, limit=LIMIT) for way in (GRPC, REST, GRPC_STREAM)]
        assert [outcome.code for outcome in refused] == ["storage_full"] * 3
        assert all(outcome.retry_after_s for outcome in refused)
        assert len(it.provider.bill) == len(running)
        others = [await it.ask("paced", way, limit=LIMIT) for way in (GRPC, REST)]
        assert [outcome.code for outcome in others] == ["", ""]
        it.provider.gate.set()
        assert [(await call).code for call in running] == ["", ""]
        assert copied_books(seen, tmp_path).covers(it.provider.bill[: len(running)])

        (seen / "ballast").unlink()

        async def is_served() -> bool:
            return not (await it.ask("usual", GRPC, limit=LIMIT)).code

        await until(is_served)
        books = await eventually(lambda: copied_books(seen, tmp_path), lambda books: len(books.attempts) == 5)
        assert not books.open_rows
        assert {row.source for row in books.rows} == {Source.PROVIDER}
        books.check_against(it.provider.bill)
        assert await it.served.stop() == 0
