"""A circuit: leaves alone what fails, and looks from time to time whether it has recovered. Pure but for its own state.

    closed ──5 failures in a row, or half of at least 20 calls in 30 s──▶ open
    open ──each `probe_s` one call is let through──▶ closed, if that one succeeds

After it has closed, a target takes its share of calls little by little (`readiness`): a server that has just come back
must not be met by all at once.
"""

from __future__ import annotations

import msgspec

from llmgateway_server.config.resilience import BreakerSettings

WINDOW_S = 30.0
LEAST_CALLS = 20
MOST_FAILED = 0.5
SLOW_START_S = 30.0
LEAST_READINESS = 0.1


class Circuit(msgspec.Struct):
    """The state of one circuit. Times are seconds of a monotonic clock.

    `open_until_s` is when the next probe is due, None while the circuit is closed. `closed_s` is when it closed last,
    None if it was never open or has long been closed.
    """

    failure_count: int = 0
    open_until_s: float | None = None
    closed_s: float | None = None
    window_started_s: float = 0.0
    recent: tuple[int, int] = (0, 0)
    before: tuple[int, int] = (0, 0)

    def is_open(self, now_s: float) -> bool:
        """Whether no call but a probe should be made; false once the probe is due."""
        return self.open_until_s is not None and now_s < self.open_until_s

    def is_probe_due(self, now_s: float) -> bool:
        """Whether the next call would be a probe."""
        return self.open_until_s is not None and now_s >= self.open_until_s

    def claim_probe(self, now_s: float, breaker: BreakerSettings) -> None:
        """Take the probe that is due: no other is, until `probe_s` have passed."""
        self.open_until_s = now_s + breaker.probe_s

    def release_probe(self, now_s: float) -> None:
        """Give back a probe whose call ended without saying anything: the next call may take it."""
        if self.open_until_s is not None:
            self.open_until_s = now_s

    def succeed(self, now_s: float) -> bool:
        """Note a success; return whether it closed the circuit."""
        self.failure_count = 0
        self._count(now_s, failed=0)
        if self.open_until_s is None:
            return False
        self.open_until_s, self.closed_s = None, now_s
        self.recent = self.before = (0, 0)
        return True

    def fail(self, now_s: float, breaker: BreakerSettings) -> bool:
        """Note a failure; return whether it opened the circuit. One that is open stays so for another `probe_s`."""
        self.failure_count += 1
        self._count(now_s, failed=1)
        if self.open_until_s is not None:
            self.open_until_s = max(self.open_until_s, now_s + breaker.probe_s)
            return False
        if self.failure_count < breaker.failures and not self._fails_often():
            return False
        self.open_until_s = now_s + breaker.probe_s
        return True

    def readiness(self, now_s: float) -> float:
        """Return which share of its calls a target should get, above 0 and at most 1."""
        if self.closed_s is None:
            return 1.0
        passed = (now_s - self.closed_s) / SLOW_START_S
        if passed >= 1.0:
            self.closed_s = None
            return 1.0
        return max(passed, LEAST_READINESS)

    def _count(self, now_s: float, failed: int) -> None:
        """Add a call to the window, which moves on by halves."""
        if now_s - self.window_started_s >= WINDOW_S / 2:
            is_next = now_s - self.window_started_s < WINDOW_S
            self.before = self.recent if is_next else (0, 0)
            self.recent, self.window_started_s = (0, 0), now_s
        calls, failures = self.recent
        self.recent = (calls + 1, failures + failed)

    def _fails_often(self) -> bool:
        calls = self.recent[0] + self.before[0]
        return calls >= LEAST_CALLS and self.recent[1] + self.before[1] >= MOST_FAILED * calls
