"""A scripted gateway behind a real gRPC server on loopback, and the command that calls it: as a pipe, or on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from click.testing import CliRunner, Result
from llmgateway.v1 import gateway_pb2_grpc
from llmgateway_server.cli import main

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@contextlib.contextmanager
def serving(gateway: gateway_pb2_grpc.LLMGatewayServicer) -> Iterator[str]:
    """Serve until the block is left; yield the address."""
    server = grpc.server(ThreadPoolExecutor(4))
    gateway_pb2_grpc.add_LLMGatewayServicer_to_server(gateway, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait(10)


def run(*arguments: str) -> Result:
    """Run the command in this process, without a terminal; an exception that it lets through is the test's failure."""
    environment: dict[str, str | None] = {"LLMGATEWAY_KEY": None}
    return CliRunner().invoke(main, list(arguments), env=environment, catch_exceptions=False)


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.written = ""
        self._screen = screen

    def read_until(self, text: str) -> None:
        """Read what the command writes until it has written `text`, control sequences aside."""
        while text not in self.text:
            piece = self._read()
            assert piece, f"the command ended without {text!r}:\n{self.written}"
            self.written += piece

    def read_to_end(self) -> int:
        """Read all that is left, and return the exit code."""
        while piece := self._read():
            self.written += piece
        return self.process.wait(30)

    @property
    def text(self) -> str:
        """What has been written by now, without control sequences."""
        return CONTROL.sub("", self.written)

    def _read(self) -> str:
        try:
            return os.read(self._screen, 4096).decode(errors="replace")
        except OSError:  # Linux's way to say that nobody writes any more
            return ""


@contextlib.contextmanager
def on_terminal(*arguments: str, width: int, height: int) -> Iterator[Terminal]:
    """Run the command on a terminal of a size."""
    screen, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-m", "llmgateway_server", *arguments],
        stdin=end,
        stdout=end,
        stderr=end,
        env={**environment, "TERM": "xterm-256color"},
        start_new_session=True,
    ) as process:
        os.close(end)
        try:
            yield Terminal(process, screen)
        finally:
            process.kill()
            os.close(screen)
