"""Windows: over which time a limit counts, and when each of its periods begins and ends. Pure.

The periods of a window tile time: every instant lies in just one. A day, week or month begins at the first instant at
which its zone's clock shows its begin or later, so that a midnight that does not exist, or exists twice, is one border.
An hour begins whenever that clock shows a full hour: the hour that a clock lives twice is two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

SECONDS = {"second": 1, "minute": 60}
"""How long a window is whose limits are rates."""

CALENDAR_KINDS = ("day", "week", "month")
KINDS = (*SECONDS, "hour", *CALENDAR_KINDS, "total")
# What the database's folder has beside its zones: some count leap seconds, some differ from machine to machine.
NO_ZONES = ("right/", "posix/", "posixrules", "localtime")
HOUR_S = 3600
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # by the clock on the wall, of whatever zone
FIRST_MONDAY = datetime(1970, 1, 5)  # noqa: DTZ001
TEXT = re.compile(r"(?P<kind>[a-z]+)(?:@(?P<zone>.+?))?(?:\+(?=\d)(?:(?P<day>\d{1,2})d)?(?:(?P<hour>\d{1,2})h)?)?")
# So many windows are remembered: more than a configuration has.
MOST_WINDOWS = 4096


class Window(msgspec.Struct, frozen=True):
    """A window: `second`, `minute`, `hour`, `day`, `week`, `month` or `total`.

    `timezone` is a name of the IANA database; seconds, minutes and `total` have none. `anchor_day` is the day of the
    month (1 to 28) or of the week (1 is Monday) that a period begins on, `anchor_hour` the hour that days, weeks and
    months begin at. Raises `ValueError`, with a sentence, where there is no such window.
    """

    kind: str
    timezone: str = "UTC"
    anchor_day: int = 1
    anchor_hour: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{show(self.kind)} is no window: use one of {', '.join(KINDS)}")
        check_anchor(self)
        find_zone(self.timezone)
        if self.is_rate or self.kind == "total":
            msgspec.structs.force_setattr(self, "timezone", "UTC")

    @property
    def text(self) -> str:
        """The window in a word, such as `day@Europe/Berlin` or `month@Asia/Tokyo+15d6h`; equal windows, equal text."""
        zone = "" if self.timezone == "UTC" else f"@{self.timezone}"
        day = "" if self.anchor_day == 1 else f"{self.anchor_day}d"
        hour = "" if self.anchor_hour == 0 else f"{self.anchor_hour}h"
        return f"{self.kind}{zone}{'+' if day or hour else ''}{day}{hour}"

    @property
    def is_rate(self) -> bool:
        """Whether its limits are rates, which flow, rather than sums over a period."""
        return self.kind in SECONDS

    @property
    def seconds(self) -> int:
        """How long a second or a minute is. Raise `ValueError` for others, which differ in length."""
        if not self.is_rate:
            raise ValueError(f"a {self.kind} has no fixed length: ask for its period")
        return SECONDS[self.kind]


class Period(msgspec.Struct, frozen=True):
    """A stretch of time [start, end), in seconds since the epoch. `end_s` is None for `total`, which starts at 0."""

    start_s: int
    end_s: int | None


def parse_window(text: str) -> Window:
    """Return the window that a text stands for. Raise `ValueError` where it stands for none."""
    match = TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{show(text)} is no window: write it as day, day@Europe/Berlin or month@Asia/Tokyo+15d6h")
    return Window(match["kind"], match["zone"] or "UTC", int(match["day"] or 1), int(match["hour"] or 0))


def period_at(window: Window, at_s: float) -> Period:
    """Return the period of a window that an instant lies in."""
    if window.kind == "total":
        return Period(0, None)
    if window.is_rate:
        start_s = int(at_s // window.seconds) * window.seconds
        return Period(start_s, start_s + window.seconds)
    zone = find_zone(window.timezone)
    if window.kind == "hour":
        return hour_at(zone, int(at_s // 1))
    return calendar_period_at(window, zone, int(at_s // 1))


class Periods:
    """Remembers which period of each window runs, since most look-ups fall into the one before."""

    def __init__(self) -> None:
        self._running: dict[Window, Period] = {}

    def at(self, window: Window, at_s: float) -> Period:
        """Return the period of a window that an instant lies in."""
        period = self._running.get(window)
        if period is not None and period.start_s <= at_s and (period.end_s is None or at_s < period.end_s):
            return period
        if len(self._running) >= MOST_WINDOWS:
            self._running.clear()
        period = self._running[window] = period_at(window, at_s)
        return period


def check_anchor(window: Window) -> None:
    """Raise `ValueError` where a period of this window cannot begin there."""
    last_day = {"week": 7, "month": 28}.get(window.kind, 1)
    if not 1 <= window.anchor_day <= last_day:
        if last_day == 1:
            raise ValueError(f"a {window.kind} has no anchor day: only a week or a month does")
        raise ValueError(f"the anchor day {window.anchor_day} is out of range: a {window.kind} takes 1 to {last_day}")
    if window.anchor_hour != 0 and window.kind not in CALENDAR_KINDS:
        raise ValueError(f"a {window.kind} has no anchor hour: only a day, a week or a month does")
    if not 0 <= window.anchor_hour <= 23:
        raise ValueError(f"the anchor hour {window.anchor_hour} is out of range: use 0 to 23")


def find_zone(name: str) -> ZoneInfo:
    """Return a zone of the IANA database. Raise `ValueError` where it has none of that name."""
    try:
        if name.startswith(NO_ZONES):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{show(name)} is no time zone: use a name of the IANA database, such as Europe/Berlin"
        ) from None


def show(text: str) -> str:
    """Return a text as a message can show it, however long and odd it is."""
    return repr(text if len(text) <= 80 else text[:80] + "…")


def hour_at(zone: ZoneInfo, at_s: int) -> Period:
    """Return the stretch between two instants at which the zone's clock shows a full hour."""
    return Period(last_full_hour(zone, at_s), next_full_hour(zone, at_s))


def last_full_hour(zone: ZoneInfo, at_s: int) -> int:
    """Return the last instant up to this one at which the zone's clock shows a full hour."""
    hour_s = at_s - (at_s + offset_s(zone, at_s)) % HOUR_S
    if offset_s(zone, hour_s) == offset_s(zone, at_s):
        return hour_s
    # The clock was put to another time since, and has shown no full hour after that.
    return last_full_hour(zone, first_change(zone, hour_s, at_s) - 1)


def next_full_hour(zone: ZoneInfo, at_s: int) -> int:
    """Return the first instant after this one at which the zone's clock shows a full hour."""
    hour_s = at_s + HOUR_S - (at_s + offset_s(zone, at_s)) % HOUR_S
    if offset_s(zone, hour_s) == offset_s(zone, at_s):
        return hour_s
    change_s = first_change(zone, at_s, hour_s)
    is_full = (change_s + offset_s(zone, change_s)) % HOUR_S == 0
    return change_s if is_full else next_full_hour(zone, change_s)


def calendar_period_at(window: Window, zone: ZoneInfo, at_s: int) -> Period:
    """Return the day, week or month that an instant lies in. A date that a zone left out has none, or a rest of one."""

    def border(number: int) -> int:
        return first_instant(zone, begin_of(window, number))

    # The clock shows this period's begin or later: it has begun. Where the clock was put back, the next may have, too.
    number = number_of(window, EPOCH + timedelta(seconds=at_s + offset_s(zone, at_s)))
    while border(number + 1) <= at_s:
        number += 1
    return Period(border(number), border(number + 1))


def begin_of(window: Window, number: int) -> datetime:
    """Return when a period begins by the clock on the wall; days, weeks and months are numbered in their order."""
    if window.kind == "month":
        year, month = divmod(number, 12)
        return datetime(year, month + 1, window.anchor_day, window.anchor_hour)  # noqa: DTZ001
    if window.kind == "week":
        return FIRST_MONDAY + timedelta(weeks=number, days=window.anchor_day - 1, hours=window.anchor_hour)
    return EPOCH + timedelta(days=number, hours=window.anchor_hour)


def number_of(window: Window, local: datetime) -> int:
    """Return the number of the period that a time on the wall lies in."""
    shifted = local - timedelta(days=window.anchor_day - 1, hours=window.anchor_hour)
    if window.kind == "month":
        return shifted.year * 12 + shifted.month - 1
    return (shifted - FIRST_MONDAY).days // 7 if window.kind == "week" else (shifted - EPOCH).days


def first_instant(zone: ZoneInfo, local: datetime) -> int:
    """Return the first instant at which the zone's clock shows this time or a later one."""
    first_s, second_s = (instant_of(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first_s <= second_s:
        return first_s
    # The clock leaps over this time: between what it would be by the old offset and by the new one.
    return first_change(zone, second_s, first_s)


def instant_of(local: datetime) -> int:
    return (local.replace(tzinfo=None, fold=0) - (local.utcoffset() or timedelta()) - EPOCH) // timedelta(seconds=1)


def first_change(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    """Return the first instant at which the zone's offset is no longer that of `before_s`; by `after_s` it is not."""
    return bisect(before_s, after_s, lambda at_s: offset_s(zone, at_s) != offset_s(zone, before_s))


def bisect(before: int, after: int, holds: Callable[[int], bool]) -> int:
    """Return the first number up to `after` for which something holds that does not for `before`."""
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if holds(middle) else (middle, after)
    return after


def offset_s(zone: ZoneInfo, at_s: int) -> int:
    """Return by how much the zone's clock is ahead of UTC at an instant."""
    offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(seconds=1)
