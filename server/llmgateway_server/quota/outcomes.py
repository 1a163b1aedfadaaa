"""Which ends of an attempt cost nothing. Pure."""

from __future__ import annotations


def is_free(http_status: int, *, is_server_error_free: bool) -> bool:
    """Whether a provider charges nothing for an attempt that it was sent and that failed with a status, 0 for none.

    No provider charges for what it refuses (4xx). What else is free it must have said.
    """
    return 400 <= http_status < 500 or (is_server_error_free and 500 <= http_status < 600)
