"""What an attempt needs of credentials that are more than a header, and what a chain gives for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, Protocol, TypeVar

from llmgateway_server.config.chains import CHAINS, ChainName

Secret = TypeVar("Secret")

# For how long credentials without an end are used before the chain is asked again: files are rotated, too.
ENDLESS_RENEW_S = 900.0


class Credentials(Protocol):
    """Makes the headers that show who asks.

    A request takes three steps, of which the second is rare: `if not is_ready(): await ready()`, then `headers`.
    """

    def is_ready(self) -> bool:
        """Whether `headers` can be made now. Ones that end soon are renewed meanwhile, without a wait."""
        ...

    async def ready(self) -> None:
        """Wait for usable credentials; raise a leaf of `errors.CallError` where there are none to be had."""
        ...

    def headers(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        """Return the headers to add to a request."""
        ...

    def refused(self) -> None:
        """Hear that the provider refused them: ones that a chain found are renewed in the background."""
        ...


@dataclass(frozen=True, slots=True)
class Lease(Generic[Secret]):
    """What a chain found. Times are seconds since the epoch; `ends_s` is None where it has no end."""

    value: Secret = field(repr=False)
    ends_s: float | None
    renew_s: float


# Asks a chain anew, given the seconds since the epoch. Blocks; raises `ChainError`, and whatever the library does.
Fetch = Callable[[float], Lease[Secret]]


class ChainError(Exception):
    """A chain gave nothing.

    The text continues "the chain of X …" and may go to callers. `advice` is what they can do. `detail` holds the
    library's own words, for the gateway's log only. `is_unreachable` is true where the network was at fault.
    """

    def __init__(self, what: str, advice: str, *, detail: str = "", is_unreachable: bool = False) -> None:
        super().__init__(what)
        self.advice = advice
        self.detail = detail
        self.is_unreachable = is_unreachable


def load_library(chain: ChainName, module: str) -> Any:  # Any: the libraries are optional, their types with them.
    """Import a module of a chain's library; raise `ChainError` where it is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        install = CHAINS[chain].install
        raise ChainError("needs a library that is not installed", f"Run {install}.", detail=str(error)) from error


def found_none(chain: ChainName, detail: str = "") -> ChainError:
    """Say where a chain looked in vain."""
    about = CHAINS[chain]
    advice = f"Set one of them up where the gateway runs, or give it {about.instead}."
    return ChainError(f"looked in {about.tried}, and found none", advice, detail=detail)


def failure(error: Exception, network_errors: tuple[type[Exception], ...] = ()) -> ChainError:
    """Turn a library's error into ours; `network_errors` are the types that mean a broken way."""
    cause: BaseException | None = error
    detail = f"{type(error).__name__}: {error}"
    while cause is not None:
        if isinstance(cause, network_errors):
            what = "could not reach the service that issues them"
            return ChainError(what, "Try again.", detail=detail, is_unreachable=True)
        cause = cause.__cause__ or cause.__context__
    return ChainError(f"failed with {type(error).__name__}", "The gateway's log says why.", detail=detail)
