"""The fake upstream, but as slow as one likes: it answers after a while, and streams token by token.

    python -m tests.bench.paced_upstream --answer-s 0.2 --token-s 0.03

Prints the port that it took.
"""

from __future__ import annotations

import argparse
import asyncio

from tests.bench.fake_upstream import STREAM_END, STREAM_START, STREAM_TOKENS, Upstream
from tests.bench.serving import run_server


class PacedUpstream(Upstream):
    """One connection. It costs as little as the other: a timer more an answer."""

    def __init__(self, answer_s: float, token_s: float) -> None:
        super().__init__()
        self._answer_s = answer_s
        self._token_s = token_s

    def _answer(self, head: bytes, body: bytes) -> None:
        asyncio.get_running_loop().call_later(self._answer_s, super()._answer, head, body)

    async def _write_stream(self) -> None:
        self._transport.write(STREAM_START)
        for piece in STREAM_TOKENS:
            self._transport.write(piece)
            await asyncio.sleep(self._token_s)
        self._transport.write(STREAM_END)


async def serve(answer_s: float, token_s: float) -> tuple[int, object]:
    """Listen; return the port and the server."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: PacedUpstream(answer_s, token_s), "127.0.0.1", 0, backlog=4096)
    return server.sockets[0].getsockname()[1], server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--answer-s", type=float, default=0.0)
    parser.add_argument("--token-s", type=float, default=0.0)
    arguments = parser.parse_args()
    run_server(lambda: serve(arguments.answer_s, arguments.token_s))


if __name__ == "__main__":
    main()
