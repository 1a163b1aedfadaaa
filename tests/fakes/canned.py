"""A provider of any dialect on loopback that answers with what it is given, byte for byte, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `headers` have lower-case names, `body` is decoded JSON (Any), {} where there was none."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Canned:
    """One answer."""

    body: bytes
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: object, status: int = 200, **headers: str) -> Canned:
    """Return an answer of JSON; underscores in the names of headers stand for dashes."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Canned(json.dumps(value).encode(), status=status, headers=named)


class CannedProvider:
    """Answers POSTs with what `script` was given, one after another, GETs by their path from `gets`."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.gets: dict[str, Canned] = {}
        self._answers: list[Canned] = []
        self.base_url = ""

    def script(self, *answers: Canned) -> None:
        """Answer the next POSTs so."""
        self._answers.extend(answers)

    async def __aenter__(self) -> CannedProvider:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if kind is None:
            assert not self._answers, "not every answer was asked for"

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.raw_path, headers, json.loads(body) if body else {}))
        is_get = request.method == "GET"
        answer = self.gets.get(request.path, json_answer({}, 404)) if is_get else self._answers.pop(0)
        sent = {"content-type": answer.content_type, **answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=sent)
