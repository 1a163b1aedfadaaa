"""Keeps what a chain found, and has it renewed: in a thread, once for all who wait, and before it ends."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from llmgateway_server import errors
from llmgateway_server.dialects.failures import redact
from llmgateway_server.upstream.credentials.credentials import ChainError, Fetch, Lease, Secret

# Credentials count as ended so long before they do: a request takes its time, and clocks differ.
ENDS_EARLY_S = 10.0
# After a failure, calls get the same failure for so long before the chain is asked again.
BACK_OFF_S = 1.0
# While credentials last, they are renewed no more often than this: a chain may give the same ones again.
PAUSE_S = 30.0
# A chain that has not answered after so long counts as failed. Its thread cannot be stopped, so only few may hang.
FETCH_S = 60.0
MAX_THREADS = 3
# The same failure is logged no more often than this.
LOG_EVERY_S = 60.0

# Libraries quote files, answers and processes: whatever could be a secret is masked, though names may go with it.
_DENSE = re.compile(r"(?=[^\s\"']*\d)[\w+/=.~-]{16,}")

# (provider, what is wrong with it, as in "PROVIDER is …") → tells the operator
Report = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Clocks:
    """`monotonic` counts seconds from anywhere, `now` seconds since the epoch."""

    monotonic: Callable[[], float]
    now: Callable[[], float]


class Renewal(Generic[Secret]):
    """One provider's lease on credentials. Everything but the fetch runs on the event loop."""

    def __init__(self, provider: str, title: str, fetch: Fetch[Secret], clocks: Clocks, report: Report) -> None:
        self._provider = provider
        self._title = title
        self._fetch = fetch
        self._clocks = clocks
        self._report = report
        self._lease: Lease[Secret] | None = None
        self._flight: asyncio.Future[ChainError | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._threads: list[threading.Thread] = []
        self._failure: ChainError | None = None
        self._retry_s = self._renew_s = clocks.monotonic()
        self._reported: tuple[str, float] = ("", 0.0)

    @property
    def value(self) -> Secret:
        """What the chain found last, to be asked for once `is_ready` or after `ready`."""
        if self._lease is None:
            raise RuntimeError("nothing has been found yet")
        return self._lease.value

    def is_ready(self) -> bool:
        """Whether `value` can be used; where it ends soon, its renewal begins."""
        lease = self._lease
        if lease is None:
            return False
        now_s = self._clocks.now()
        if has_ended(lease, now_s):
            return False
        if now_s >= lease.renew_s:
            self.doubt()
        return True

    async def ready(self) -> None:
        """Wait for the renewal under way, or for a new one; raise what it fails with.

        Cancelling ends the wait alone: others may wait for the same.
        """
        if self._flight is None:
            if self._failure is not None and self._clocks.monotonic() < self._retry_s:
                raise self._call_error(self._failure)
            self.start()
        flight = self._flight
        if flight is not None:
            await asyncio.wait({flight})
            if (failed := flight.result()) is not None:
                raise self._call_error(failed)
        elif self._failure is not None:
            raise self._call_error(self._failure)

    def start(self) -> None:
        """Begin to ask the chain, unless too many threads still hang in it."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= MAX_THREADS:
            return
        loop = asyncio.get_running_loop()
        flight: asyncio.Future[ChainError | None] = loop.create_future()
        hangs = ChainError(f"gave no answer within {FETCH_S:.0f} s", "Try again.", is_unreachable=True)
        self._flight = flight
        self._timer = loop.call_later(FETCH_S, self._settle, flight, hangs)
        # Not the loop's executor: that one would hold up the end of the process for a thread that hangs.
        thread = threading.Thread(
            target=self._run, args=(loop, flight), name=f"credentials-{self._provider}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def doubt(self) -> None:
        """Renew what a provider refused, which may have been revoked or replaced; no more often than every pause."""
        if self._flight is None and self._clocks.monotonic() >= self._renew_s:
            self.start()

    def close(self) -> None:
        """Forget the renewal under way."""
        if self._timer is not None:
            self._timer.cancel()

    def _run(self, loop: asyncio.AbstractEventLoop, flight: asyncio.Future[ChainError | None]) -> None:
        outcome = self._ask()
        with contextlib.suppress(RuntimeError):  # the gateway has stopped meanwhile
            loop.call_soon_threadsafe(self._settle, flight, outcome)

    def _ask(self) -> Lease[Secret] | ChainError:
        try:
            return self._fetch(self._clocks.now())
        except ChainError as error:
            return error
        except Exception as error:  # noqa: BLE001  # the end of a thread: calls wait for whatever a library raises
            what = f"failed with {type(error).__name__}"
            return ChainError(what, "The gateway's log says why.", detail=f"{type(error).__name__}: {error}")

    def _settle(self, flight: asyncio.Future[ChainError | None], outcome: Lease[Secret] | ChainError) -> None:
        if flight.done():
            return  # it came too late
        self.close()
        self._flight = None
        now_s = self._clocks.monotonic()
        self._renew_s = now_s + PAUSE_S
        if isinstance(outcome, Lease):
            self._lease, self._failure = outcome, None
            self._reported = ("", 0.0)
            flight.set_result(None)
            return
        self._failure = outcome
        self._retry_s = now_s + BACK_OFF_S
        self._tell(outcome, now_s)
        flight.set_result(outcome)

    def _tell(self, failed: ChainError, now_s: float) -> None:
        lasts = self._lease is not None and not has_ended(self._lease, self._clocks.now())
        state = "cannot renew its credentials, which last for now" if lasts else "has no usable credentials"
        text = f"{state}: the chain of {self._title} {failed}"
        detail = redact(_DENSE.sub("***", failed.detail))
        last, told_s = self._reported
        if text != last or now_s >= told_s + LOG_EVERY_S:
            self._reported = (text, now_s)
            self._report(self._provider, f"{text}. {failed.advice}{f' ({detail})' if detail else ''}")

    def _call_error(self, failed: ChainError) -> errors.CallError:
        leaf = errors.ProviderUnreachable if failed.is_unreachable else errors.ProviderKeyRejected
        message = f"{self._provider} has no usable credentials: the chain of {self._title} {failed}. {failed.advice}"
        return leaf(message, metadata={"provider": self._provider}, retry_after_s=BACK_OFF_S)


def has_ended(lease: Lease[Secret], now_s: float) -> bool:
    """Whether a lease has ended, or is about to, at `now_s` seconds since the epoch."""
    return lease.ends_s is not None and now_s >= lease.ends_s - ENDS_EARLY_S
