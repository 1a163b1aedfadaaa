"""Windows over the zones that are hardest on them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from llmgateway_server.quota.windows import MOST_WINDOWS, Period, Periods, Window, parse_window, period_at

HOUR = 3600
DAY = timedelta(days=1)
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Tokyo",
    "Asia/Kathmandu",  # 5:45, and 5:30 before 1986
    "Australia/Lord_Howe",  # half an hour of summer time
    "America/Sao_Paulo",  # summer time began at midnight
    "America/Havana",  # it ends at 1:00, so that midnight comes twice
    "America/St_Johns",  # changed at 0:01 until 2011
    "Pacific/Apia",  # left out 30 December 2011
    "Asia/Pyongyang",  # put its clocks on by half an hour in 2018
    "Africa/Monrovia",  # was 44 minutes and 30 seconds behind until 1972
    "Africa/Casablanca",
    "Antarctica/Troll",  # two hours of summer time
)
LONGEST_S = {
    "second": 1,
    "minute": 60,
    "hour": 2 * HOUR,
    "day": 50 * HOUR,
    "week": 8 * 24 * HOUR,
    "month": 32 * 24 * HOUR,
}


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kind = draw(st.sampled_from(tuple(LONGEST_S)))
    day = draw(st.integers(1, {"week": 7, "month": 28}.get(kind, 1)))
    hour = draw(st.integers(0, 23)) if kind in ("day", "week", "month") else 0
    return Window(kind, draw(st.sampled_from(ZONES)), day, hour)


def epoch(zone: str, text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp())


# Changes of the clocks are rare; most instants are drawn near one.
CHANGES = (
    epoch("America/New_York", "2026-03-08 03:00"),
    epoch("America/New_York", "2026-11-01 01:00", fold=1),
    epoch("Europe/Berlin", "2026-03-29 03:00"),
    epoch("Europe/Berlin", "2026-10-25 02:00", fold=1),
    epoch("Australia/Lord_Howe", "2026-04-05 01:30", fold=1),
    epoch("Australia/Lord_Howe", "2026-10-04 02:30"),
    epoch("America/Sao_Paulo", "2017-10-15 01:00"),
    epoch("America/Sao_Paulo", "2018-02-17 23:00", fold=1),
    epoch("America/Havana", "2026-11-01 00:00", fold=1),
    epoch("America/St_Johns", "2010-11-07 00:00", fold=1),
    epoch("America/St_Johns", "2010-03-14 01:01"),
    epoch("Pacific/Apia", "2011-12-31 00:00"),
    epoch("Asia/Pyongyang", "2018-05-05 00:00"),
    epoch("Asia/Kathmandu", "1986-01-01 00:15"),
    epoch("Africa/Monrovia", "1972-01-07 00:44:30"),
    epoch("Africa/Casablanca", "2026-02-15 02:00", fold=1),
    epoch("Antarctica/Troll", "2026-03-29 03:00"),
    epoch("UTC", "2028-02-29 12:00"),
)
INSTANTS = st.one_of(
    st.floats(0, 4e9),
    st.builds(lambda change, offset: change + offset, st.sampled_from(CHANGES), st.integers(-2 * HOUR, 2 * HOUR)),
    st.builds(lambda change, offset: change + offset, st.sampled_from(CHANGES), st.floats(-4e5, 4e5)),
)


@given(windows(), INSTANTS)
@example(Window("day", "Pacific/Apia"), CHANGES[11] - 1)
@example(Window("day", "America/St_Johns"), CHANGES[9])
def test_every_instant_lies_in_just_one_period_and_periods_leave_no_gap(window: Window, at_s: float) -> None:
    period = period_at(window, at_s)
    assert period.end_s is not None
    assert period.start_s <= at_s < period.end_s
    assert period.end_s - period.start_s <= LONGEST_S[window.kind]
    # Whatever instant of a period is asked for, the answer is the same; its neighbours begin and end where it does.
    assert period_at(window, period.start_s) == period == period_at(window, period.end_s - 0.5)
    assert period_at(window, period.start_s - 0.5).end_s == period.start_s
    assert period_at(window, period.end_s).start_s == period.end_s


@given(windows(), INSTANTS, st.floats(0, 1e6))
def test_a_later_instant_never_lies_in_an_earlier_period(window: Window, at_s: float, later_s: float) -> None:
    assert period_at(window, at_s + later_s).start_s >= period_at(window, at_s).start_s


@given(windows(), INSTANTS)
@example(Window("day", "Pacific/Apia", anchor_hour=1), CHANGES[11])
def test_a_period_begins_as_soon_as_the_clock_shows_its_begin(window: Window, at_s: float) -> None:
    period = period_at(window, at_s)
    zone = ZoneInfo(window.timezone)
    before, first = (datetime.fromtimestamp(period.start_s - early_s, zone) for early_s in (1, 0))
    if window.kind == "hour":
        assert (first.minute, first.second) == (0, 0)
    if window.kind not in ("day", "week", "month"):
        return
    begin = first.replace(hour=window.anchor_hour, minute=0, second=0, tzinfo=None)
    if window.kind == "month":
        begin = begin.replace(day=window.anchor_day)
    # Where the clock leaps over the begin, the first instant after it is the border. Samoa leapt over a whole day.
    assert first.replace(tzinfo=None) >= begin or first.replace(tzinfo=None) - before.replace(tzinfo=None) > DAY
    if first.utcoffset() == before.utcoffset():
        assert first.replace(tzinfo=None) == begin
        assert window.kind != "week" or first.isoweekday() == window.anchor_day


@pytest.mark.parametrize(
    ("window", "at", "start", "hours"),
    [
        (Window("day", "America/New_York"), "2026-03-08 12:00", "2026-03-08 00:00", 23),
        (Window("day", "America/New_York"), "2026-11-01 12:00", "2026-11-01 00:00", 25),
        (Window("day", "America/New_York"), "2026-06-01 23:59:59", "2026-06-01 00:00", 24),
        (Window("day", "Europe/Berlin"), "2026-03-29 02:30", "2026-03-29 00:00", 23),
        (Window("day", "Europe/Berlin"), "2026-10-25 02:30", "2026-10-25 00:00", 25),
        (Window("day", "Asia/Tokyo"), "2026-03-08 00:00", "2026-03-08 00:00", 24),
        (Window("day", "Australia/Lord_Howe"), "2026-04-05 12:00", "2026-04-05 00:00", 24.5),
        (Window("day", "Australia/Lord_Howe"), "2026-10-04 12:00", "2026-10-04 00:00", 23.5),
        # Midnight does not exist: the day begins at 1:00.
        (Window("day", "America/Sao_Paulo"), "2017-10-15 12:00", "2017-10-15 01:00", 23),
        # Midnight exists twice: the day begins at the first.
        (Window("day", "America/Havana"), "2026-11-01 12:00", "2026-11-01 00:00", 25),
        # It began at midnight, was put back a minute later, and goes on.
        (Window("day", "America/St_Johns"), "2010-11-07 12:00", "2010-11-07 00:00", 25),
        (Window("day", "Pacific/Apia"), "2011-12-31 12:00", "2011-12-31 00:00", 24),
        (Window("day", "Pacific/Apia"), "2011-12-29 12:00", "2011-12-29 00:00", 24),
        # The anchor's hour does not exist on this day: what began the day before lasts until 3:00.
        (Window("day", "Europe/Berlin", anchor_hour=2), "2026-03-29 12:00", "2026-03-29 03:00", 23),
        # The clock leaps from 1:00 to 3:00, over the anchor in the midst.
        (Window("day", "Antarctica/Troll", anchor_hour=2), "2026-03-29 12:00", "2026-03-29 03:00", 23),
        (Window("day", "Asia/Kathmandu", anchor_hour=6), "2026-01-01 05:59", "2025-12-31 06:00", 24),
        (Window("week", "Europe/Berlin"), "2026-03-29 12:00", "2026-03-23 00:00", 167),
        (Window("week", "UTC"), "2026-12-27 23:59", "2026-12-21 00:00", 168),
        (Window("week", "Asia/Tokyo", anchor_day=7, anchor_hour=9), "2026-12-27 08:59", "2026-12-20 09:00", 168),
        (Window("month", "America/New_York"), "2026-03-20 12:00", "2026-03-01 00:00", 31 * 24 - 1),
        (Window("month", "America/New_York"), "2026-11-20 12:00", "2026-11-01 00:00", 30 * 24 + 1),
        (Window("month", "Asia/Tokyo"), "2028-02-29 23:59", "2028-02-01 00:00", 29 * 24),
        (Window("month", "Asia/Tokyo", 15, 6), "2026-03-15 05:59", "2026-02-15 06:00", 28 * 24),
        (Window("month", "UTC", 28), "2027-03-01 00:00", "2027-02-28 00:00", 28 * 24),
        (Window("month", "UTC"), "2026-12-31 23:59", "2026-12-01 00:00", 31 * 24),
        (Window("hour", "Asia/Kathmandu"), "2026-05-05 10:30", "2026-05-05 10:00", 1),
        # From 1:00 in summer to 2:00 in winter; and the hour before 2:30 lasts on until 3:00.
        (Window("hour", "Australia/Lord_Howe"), "2026-04-05 01:15", "2026-04-05 01:00", 1.5),
        (Window("hour", "Australia/Lord_Howe"), "2026-10-04 02:45", "2026-10-04 01:00", 1.5),
    ],
    ids=lambda value: value.text if isinstance(value, Window) else None,
)
def test_days_weeks_months_and_hours_are_those_of_their_zone(window: Window, at: str, start: str, hours: float) -> None:
    start_s = epoch(window.timezone, start)
    assert period_at(window, epoch(window.timezone, at)) == Period(start_s, start_s + int(hours * HOUR))


def test_the_hour_that_a_clock_lives_twice_is_two() -> None:
    window = Window("hour", "America/New_York")
    first, second = (period_at(window, epoch("America/New_York", "2026-11-01 01:30", fold)) for fold in (0, 1))
    assert first.end_s == second.start_s == first.start_s + HOUR


@pytest.mark.parametrize(("kind", "seconds"), [("second", 1), ("minute", 60)])
@pytest.mark.parametrize("zone", ZONES)
def test_seconds_and_minutes_know_no_zone(kind: str, seconds: int, zone: str) -> None:
    window = Window(kind, zone)
    assert window == Window(kind)
    assert window.is_rate
    assert window.seconds == seconds
    assert period_at(window, 125.9) == Period(125 // seconds * seconds, 125 // seconds * seconds + seconds)


def test_total_begins_at_the_epoch_and_never_ends() -> None:
    assert period_at(Window("total", "Asia/Tokyo"), 1.8e9) == Period(0, None)
    assert Window("total", "Asia/Tokyo") == Window("total")


@pytest.mark.parametrize("kind", ["hour", "day", "week", "month", "total"])
def test_what_differs_in_length_has_no_seconds(kind: str) -> None:
    assert not Window(kind).is_rate
    with pytest.raises(ValueError, match="no fixed length"):
        _ = Window(kind).seconds


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window("day"), "day"),
        (Window("total"), "total"),
        (Window("minute", "Europe/Berlin"), "minute"),
        (Window("day", "Europe/Berlin"), "day@Europe/Berlin"),
        (Window("hour", "Asia/Kathmandu"), "hour@Asia/Kathmandu"),
        (Window("day", anchor_hour=6), "day+6h"),
        (Window("week", anchor_day=7), "week+7d"),
        (Window("month", "Asia/Tokyo", 15, 6), "month@Asia/Tokyo+15d6h"),
        (Window("month", "Etc/GMT+5", 2), "month@Etc/GMT+5+2d"),
        (Window("day", "Etc/GMT-14"), "day@Etc/GMT-14"),
    ],
)
def test_a_window_is_written_in_a_word(window: Window, text: str) -> None:
    assert window.text == text
    assert parse_window(text) == window


@given(windows(), windows())
def test_reading_is_the_inverse_of_writing(one: Window, other: Window) -> None:
    assert parse_window(one.text) == one
    assert (one.text == other.text) == (one == other)


@pytest.mark.parametrize(
    ("window", "says"),
    [
        (("fortnight",), "'fortnight' is no window: use one of second, minute, hour, day, week, month, total"),
        (("day", "Mars/Olympus"), "'Mars/Olympus' is no time zone: use a name of the IANA database"),
        (("day", ""), "'' is no time zone"),
        (("day", "America"), "'America' is no time zone"),
        (("day", "../../etc/passwd"), "is no time zone"),
        (("day", "/etc/localtime"), "is no time zone"),
        (("day", "a\0b"), "is no time zone"),
        (("day", "\ud800"), "is no time zone"),
        (("day", "x" * 100_000), "x…' is no time zone"),
        (("day", "right/Europe/Berlin"), "is no time zone"),
        (("day", "localtime"), "is no time zone"),
        (("minute", "Mars/Olympus"), "is no time zone"),
        (("month", "UTC", 29), "the anchor day 29 is out of range: a month takes 1 to 28"),
        (("month", "UTC", 0), "the anchor day 0 is out of range"),
        (("week", "UTC", 8), "the anchor day 8 is out of range: a week takes 1 to 7"),
        (("day", "UTC", 2), "a day has no anchor day: only a week or a month does"),
        (("total", "UTC", 1, 5), "a total has no anchor hour: only a day, a week or a month does"),
        (("day", "UTC", 1, 24), "the anchor hour 24 is out of range: use 0 to 23"),
        (("day", "UTC", 1, -1), "the anchor hour -1 is out of range"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_window_is_refused_with_a_sentence(window: tuple[str, str, int, int], says: str) -> None:
    with pytest.raises(ValueError, match=r"is no|has no|out of range") as refused:
        Window(*window)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "day@",
        "day+",
        "day+6",
        "day@UTC+",
        "day+6h2d",
        "day +6h",
        "DAY",
        "day@UTC+6h6h",
        "day\n",
        "day+999d",
        "day@Mars/Olympus",
    ],
)
def test_a_text_that_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no window|is no time zone|has no anchor"):
        parse_window(text)


def test_the_running_period_is_remembered_until_it_is_over() -> None:
    periods, window = Periods(), Window("day", "Asia/Tokyo")
    noon = epoch("Asia/Tokyo", "2026-05-05 12:00")
    today = periods.at(window, noon)
    assert periods.at(Window("day", "Asia/Tokyo"), noon + 1.5) is today
    assert today.end_s is not None
    assert periods.at(window, today.end_s - 0.001) is today
    assert periods.at(window, today.end_s).start_s == today.end_s
    assert periods.at(window, noon) == today
    total = periods.at(Window("total"), noon)
    assert periods.at(Window("total"), noon + 1e9) is total


def test_only_so_many_windows_are_remembered() -> None:
    periods = Periods()
    anchors = [(day, hour) for day in range(1, 29) for hour in range(24)]
    for zone in ZONES[:8]:
        for day, hour in anchors:
            window = Window("month", zone, day, hour)
            assert periods.at(window, 1.8e9) == period_at(window, 1.8e9)
    assert len(periods._running) <= MOST_WINDOWS
