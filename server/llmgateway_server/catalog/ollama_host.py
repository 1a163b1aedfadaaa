"""`OLLAMA_HOST` as Ollama reads it (envconfig/config.go of ollama/ollama, read on 2026-11-25).

Its forms: `HOST`, `HOST:PORT`, `:PORT`, `http://HOST:PORT/`. Without a scheme the port is 11434 by default, with
one it is the scheme's. The server listens where it points, so the address of "every interface" may stand there;
a client then goes to this machine.
"""

from __future__ import annotations

import ipaddress

DEFAULT_PORT = 11434
SCHEME_PORTS = {"http": 80, "https": 443}
UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # Compared with, never bound to.


def read_ollama_host(text: str) -> str:
    """Return the base URL; raise `ValueError` with a sentence."""
    text = text.strip().strip("\"'").strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    elif scheme not in SCHEME_PORTS:
        raise ValueError("OLLAMA_HOST starts with http://, https:// or a host")
    host, port = split_host_port(rest.rstrip("/"))
    if (not port.isdecimal() and port) or len(port) > 5 or int(port or 0) > 65535:
        raise ValueError("the port of OLLAMA_HOST is a number up to 65535")
    host = UNSPECIFIED.get(host, host) or "127.0.0.1"
    number = int(port) if port else SCHEME_PORTS[scheme] if separator else DEFAULT_PORT
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{number}"


def split_host_port(text: str) -> tuple[str, str]:
    """Split `host:port`; a bare IPv6 address, with or without brackets, has no port."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    try:
        return str(ipaddress.IPv6Address(text)), ""
    except ValueError:
        host, _, port = text.rpartition(":")
        return (host, port) if ":" in text else (text, "")
