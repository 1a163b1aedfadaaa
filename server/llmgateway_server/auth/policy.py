"""Who may call what. Pure."""

from __future__ import annotations

import ipaddress

from llmgateway_server.auth.keys import invalid_key
from llmgateway_server.call import Principal
from llmgateway_server.patterns import matches


def may_use(principal: Principal, model_id: str) -> bool:
    """Whether a principal may call a model or route by this name: any of its patterns covers it, such as `openai/*`."""
    for pattern in principal.models:  # noqa: SIM110  # a generator costs more than the comparison
        if matches(pattern, model_id):
            return True
    return False


def check_bounds(principal: Principal, now_s: float, address: str) -> None:
    """Raise `ApiKeyInvalid` for a key that has expired, or that comes from elsewhere than it may."""
    if principal.expires_s is not None and now_s >= principal.expires_s:
        raise invalid_key()
    if principal.networks and not is_within(address, principal.networks):
        raise invalid_key()


def is_within(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address lies in one of some networks, such as `10.0.0.0/8`. IPv4 mapped into IPv6 counts as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return any((mapped or found) in ipaddress.ip_network(network) for network in networks)
