"""Where connections come in: a listening socket that may be shut for a while."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable

# So many are taken in one turn of the loop: a crowd at the entrance must not hold up those inside.
CONNECTIONS_A_TURN = 8
NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
PAUSE_S = 1.0

log = logging.getLogger("llmgateway.rest")


class Entrance:
    """Takes connections from a listening socket while it is open; while it is shut they wait in the kernel's queue.

    The loop's own servers cannot be shut without closing their socket, and take all that wait at once.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
        handshake_timeout_s: float,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._make_protocol = make_protocol
        self._tls = tls
        self._handshake_timeout_s = handshake_timeout_s if tls is not None else None
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self.is_open = False

    def open(self) -> None:
        """Take connections from now on. Safe where it is open already, or closed."""
        if not self.is_open and self._pause is None and self._listener.fileno() >= 0:
            self.is_open = True
            self._loop.add_reader(self._listener, self._accept)

    def shut(self) -> None:
        """Take no connections from now on. Safe where it is shut already."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._listener)

    async def close(self) -> None:
        """Shut for good: who waits is turned away, who was about to come in is cut off."""
        self.shut()
        if self._pause is not None:
            self._pause.cancel()
        self._listener.close()
        await asyncio.sleep(0)  # Who has not begun to come in would leave its connection open.
        for task in self._coming:
            task.cancel()
        if self._coming:
            await asyncio.wait(self._coming)

    def _accept(self) -> None:
        for _ in range(CONNECTIONS_A_TURN):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                self._rest(error)
                return
            task = self._loop.create_task(self._come_in(connection))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    def _rest(self, error: OSError) -> None:
        """The system has no room for another connection: it may have some in a second."""
        log.error("no connection can be taken: %s", error.strerror)
        self.shut()
        self._pause = self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self.open()

    async def _come_in(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._make_protocol, connection, ssl=self._tls, ssl_handshake_timeout=self._handshake_timeout_s
            )
        except OSError:
            connection.close()  # It left, or speaks no TLS of ours.
