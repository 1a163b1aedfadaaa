"""A quota as it is stored."""

from __future__ import annotations

import msgspec

from llmgateway_server.quota.quotas import EACH, STRICT, Quota
from llmgateway_server.quota.windows import Window

QUOTA_KIND = "quota"


class QuotaBody(msgspec.Struct, frozen=True):
    """A quota; its fields are those of the configuration. `limit` of cost is in 1e-9 US dollars.

    `window` is empty for concurrency; `anchor_day` is 0 where the window begins on its first day.
    """

    scope: str
    metric: str
    window: str
    limit: int
    timezone: str = "UTC"
    anchor_day: int = 0
    anchor_hour: int = 0
    warn: tuple[float, ...] = ()
    enforcement: str = STRICT

    @property
    def is_template(self) -> bool:
        """Whether each of a kind has it for itself."""
        return self.scope.partition("/")[2] == EACH

    @property
    def kind(self) -> tuple[str, str, str]:
        """What two quotas have in common that can be compared: the kind of their scope, metric and window."""
        return self.scope.partition("/")[0], self.metric, self.window


def quota_of(body: QuotaBody) -> Quota:
    """Return the quota that a call is held to."""
    window = Window(body.window, body.timezone, body.anchor_day or 1, body.anchor_hour) if body.window else None
    return Quota(body.scope, body.metric, window, body.limit, tuple(sorted(body.warn)), body.enforcement)
