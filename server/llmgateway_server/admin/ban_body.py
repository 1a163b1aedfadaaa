"""A target that strict quotas of cost keep calls from, since it charged more than it could.

Its id is `provider/model`.
"""

from __future__ import annotations

import msgspec

BAN_KIND = "ban"


class BanBody(msgspec.Struct, frozen=True):
    """Why a target is banned: the attempt, and how much more than it held it cost, in 1e-9 US dollars."""

    attempt_id: str
    overrun_usd_nanos: int
