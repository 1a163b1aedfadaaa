"""Where to listen: `host:port`, with brackets around an IPv6 host."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_HOST_PORT = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)):(?P<port>[0-9]{1,5})"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host, without brackets, and a TCP port; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it.

        A name other than `localhost` counts as reachable: what it resolves to may change.
        """
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """Read `127.0.0.1:8000`, `[::1]:8000` or `localhost:8000`.

    Raises `ValueError` with a sentence that says how to write one.
    """
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        raise ValueError("an address is host:port, such as 127.0.0.1:8000, 0.0.0.0:8000 or [::1]:8000")
    if int(match["port"]) > 65535:
        raise ValueError("a port is at most 65535")
    if match["ipv6"] is not None:
        check_ip(match["ipv6"], 6)
    elif re.fullmatch(r"[0-9.]+", match["host"]):
        check_ip(match["host"], 4)
    return Address(match["ipv6"] or match["host"], int(match["port"]))


def check_ip(text: str, version: int) -> None:
    """Raise `ValueError` unless `text` is an IP address of this version."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or address.version != version:
        raise ValueError(f"the host is no IPv{version} address")
