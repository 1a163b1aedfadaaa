"""Quotas, and where what they count is kept."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from llmgateway_server.config.section import PositiveDuration, Section, Several

QuotaMetric = Literal["requests", "tokens", "cost", "concurrency"]
QuotaWindow = Literal["second", "minute", "hour", "day", "week", "month", "total"]
SCOPE_KINDS = ("team", "key", "end_user", "model", "provider")
MAX_AMOUNT = 10**18
USD_NANOS = 10**9

_SCOPE = re.compile(r"organization|(team|key|end_user|model|provider)/.{1,512}", re.DOTALL)


def check_scope(scope: str) -> str:
    """Refuse what is no scope of a quota."""
    if _SCOPE.fullmatch(scope) is None:
        kinds = ", ".join(f"{kind}/NAME" for kind in SCOPE_KINDS)
        raise ValueError(f"a scope is organization, or one of {kinds}; `*` as the name means each by itself")
    name = scope.partition("/")[2]
    if "*" in name and name != "*":
        raise ValueError("in a scope `*` stands alone, as in key/*")
    if not scope.isprintable():
        raise ValueError("a scope has printable characters only")
    return scope


def check_zone(name: str) -> str:
    """Refuse what is no time zone of the IANA's."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError("a time zone is one of the IANA's, such as UTC or Europe/Berlin") from error
    return name


def read_amount(value: object, info: ValidationInfo) -> object:
    """Turn a limit into what its metric counts: US dollars into 1e-9 dollars, all else a whole number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    is_cost = info.data.get("metric") == "cost"
    try:
        amount = Decimal(str(value)) * (USD_NANOS if is_cost else 1)
    except InvalidOperation as error:
        raise ValueError(
            "a limit of cost is US dollars as a plain number, such as 0.50"
            if is_cost
            else "a limit is a whole number, such as 1000"
        ) from error
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT or amount != amount.to_integral_value():
        raise ValueError(
            "a limit of cost is 0 to 1000000000 US dollars, with at most 9 decimals"
            if is_cost
            else f"a limit is a whole number from 0 to {MAX_AMOUNT}"
        )
    return int(amount)


Scope = Annotated[str, AfterValidator(check_scope)]
Zone = Annotated[str, AfterValidator(check_zone)]
Share = Annotated[float, Field(gt=0, le=1, strict=False)]


class QuotaSettings(Section):
    """A limit on what a scope may use in a window.

    `limit` is US dollars for cost, else a whole number; it is kept as what the metric counts, cost in 1e-9 dollars.
    """

    scope: Scope
    """`organization`, `team/NAME`, `key/NAME`, `end_user/ID`, `model/PROVIDER/MODEL`, `provider/NAME`, `key/*`."""
    metric: QuotaMetric
    window: QuotaWindow | None = None
    """Concurrency has none. `second` and `minute` flow evenly, longer ones begin by the calendar."""
    limit: Annotated[int, BeforeValidator(read_amount)]
    timezone: Zone = "UTC"
    """Whose days, weeks and months: an IANA name."""
    anchor_day: int | None = Field(default=None, ge=1, le=28)
    """On which day a month begins (1 to 28), or a week (1, Monday, to 7)."""
    anchor_hour: int = Field(default=0, ge=0, le=23)
    """At which hour days, weeks and months begin."""
    warn: Several[Share] = ()
    """Shares of the limit, such as 0.8: the log and a metric tell once a window of each that is reached.

    Of rates and calls at once they tell once a minute at most, by what this gateway knows.
    """
    enforcement: Literal["strict", "estimate", "soft"] = "strict"
    """Of cost: `strict` reserves the most that a call may cost, `estimate` what such calls usually cost.

    `soft` warns only, whatever the metric: at its limit where `warn` says nothing.
    """

    @field_validator("limit")
    @classmethod
    def check_window(cls, limit: int, info: ValidationInfo) -> int:
        """See to it that the window goes with the metric. It stands here, where both are known."""
        metric, window = info.data.get("metric"), info.data.get("window")
        if "window" not in info.data or metric is None:
            return limit  # reported already
        if metric == "concurrency" and window is not None:
            raise ValueError("a quota of concurrency has no window: leave `window` out")
        if metric != "concurrency" and window is None:
            raise ValueError(f"a quota of {metric} needs a window: second, minute, hour, day, week, month or total")
        return limit

    @field_validator("enforcement")
    @classmethod
    def check_enforcement(cls, enforcement: str, info: ValidationInfo) -> str:
        """See to it that only cost is estimated."""
        if enforcement == "estimate" and info.data.get("metric") != "cost":
            raise ValueError("only cost can be estimated")
        return enforcement

    @field_validator("anchor_day")
    @classmethod
    def check_anchor(cls, anchor_day: int | None, info: ValidationInfo) -> int | None:
        """See to it that the anchor is one of the window's days."""
        window = info.data.get("window")
        if anchor_day is not None and window not in ("week", "month"):
            raise ValueError("only weeks and months have a day that they begin on")
        if anchor_day is not None and window == "week" and anchor_day > 7:
            raise ValueError("a week begins on a day from 1 (Monday) to 7")
        return anchor_day


def check_store_url(url: str) -> str:
    """Refuse what is no address of a ledger."""
    if url == "memory:" or url.startswith(("postgresql://", "postgres://")):
        return url
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return url
    raise ValueError("a ledger's address is sqlite:///FILE, postgresql://… or memory:")


def check_redis_url(url: SecretStr) -> SecretStr:
    """Refuse what is no address of Redis."""
    if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://", "valkey://", "valkeys://")):
        raise ValueError("an address of Redis or Valkey is redis://…, rediss://… or unix://…")
    return url


def read_store_url(value: Any) -> Any:  # Any: whatever a file holds
    """Check an address; it may hold a password, so it is kept as a secret."""
    return SecretStr(check_store_url(value)) if isinstance(value, str) else value


class RedisSettings(Section):
    """Where several gateways count rates and calls at once together. Money is never kept there."""

    url: Annotated[SecretStr, AfterValidator(check_redis_url)]
    """`redis://HOST:PORT/DATABASE`, with a password by reference."""


class StoreSettings(Section):
    """Where the ledger is kept, with all that the admin services manage."""

    url: Annotated[SecretStr, BeforeValidator(read_store_url)] | None = None
    """`sqlite:///FILE`, relative to the configuration file; `postgresql://…` for several gateways; `memory:` for tests.

    If absent, a file in the user's data directory.
    """
    redis: RedisSettings | None = None
    timeout_s: PositiveDuration = Field(default=2.0, alias="timeout")
    """How long a reservation waits for PostgreSQL before its call is refused."""
    retention_s: PositiveDuration | None = Field(default=None, alias="retention")
    """How long rows are kept one by one; then as sums. If absent, for ever."""
