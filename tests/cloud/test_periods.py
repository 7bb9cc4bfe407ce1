"""Edges of hours, days, weeks, months, quarters and years in a time zone, also where its clock changes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flukso_cloud.periods import CIVIL, FIXED, TooManyPeriodsError, at_clock, day_of, edges

MOST = 1_000_000
BRUSSELS = ZoneInfo("Europe/Brussels")
ZONES = [
    "UTC",
    "Europe/Brussels",
    "America/St_Johns",  # half an hour off, and until 2011 its clock went back over midnight
    "America/Sao_Paulo",  # its midnight was skipped
    "America/Havana",  # it has midnight twice
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # its clock changes by half an hour
    "Pacific/Apia",  # it skipped 30 December 2011
    "Africa/Casablanca",
]
TIMES = st.integers(0, 2**31)
SPANS = st.integers(1, 40 * 86400)


def at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def lengths(found: list[int]) -> list[int]:
    return [(b - a) // 3600 for a, b in pairwise(found)]


@given(TIMES, SPANS, st.sampled_from(ZONES), st.sampled_from([*FIXED, *CIVIL, 1, 7, 300, 86400]))
@example(at("2011-12-29 12:00", "Pacific/Apia"), 2 * 86400, "Pacific/Apia", "day")
@example(at("2011-11-05 12:00", "America/St_Johns"), 2 * 86400, "America/St_Johns", "hour")
def test_edges_cover_what_is_asked_for_and_no_period_more(start: int, span: int, zone: str, period: str | int) -> None:
    span = min(span, 5000 * (FIXED.get(str(period)) or (period if isinstance(period, int) else 3600)))
    found = edges(start, start + span, period, ZoneInfo(zone), MOST)
    assert found[0] <= start < found[1]
    assert found[-2] < start + span <= found[-1]
    assert all(a < b for a, b in pairwise(found))


@given(TIMES, st.sampled_from(ZONES))
@example(at("2018-11-04 01:30", "America/Sao_Paulo"), "America/Sao_Paulo")
@example(at("2011-12-29 12:00", "Pacific/Apia"), "Pacific/Apia")
@example(at("2019-11-03 00:30", "America/Havana"), "America/Havana")
@example(at("2022-04-03 01:45", "Australia/Lord_Howe"), "Australia/Lord_Howe")
def test_coarser_edges_are_edges_of_what_is_finer(start: int, zone: str) -> None:
    """So days add up to months, and hours to days."""
    there = ZoneInfo(zone)
    span = (start, start + 100 * 86400)
    found = {period: edges(*span, period, there, MOST) for period in ("hour", "day", "month", "quarter", "year")}
    for fine, coarse in pairwise(found):
        inside = [edge for edge in found[coarse] if found[fine][0] <= edge <= found[fine][-1]]
        assert set(inside) <= set(found[fine])
    assert set(edges(*span, "week", there, MOST)[1:-1]) <= set(found["day"])


@given(TIMES, st.sampled_from(ZONES))
def test_a_day_is_what_has_one_date(start: int, zone: str) -> None:
    there = ZoneInfo(zone)
    for a, b in pairwise(edges(start, start + 5 * 86400, "day", there, MOST)):
        assert day_of(a, there) != day_of(a - 1, there)
        assert day_of(b - 1, there) in {day_of(a, there), day_of(b, there)}
        assert b - a <= 25 * 3600


@given(TIMES, st.sampled_from(["hour", "day", "week", "month", "quarter", "year"]))
def test_in_utc_it_is_the_proleptic_calendar(start: int, period: str) -> None:
    first = datetime.fromtimestamp(edges(start, start + 1, period, ZoneInfo("UTC"), MOST)[0], UTC)
    shown = datetime.fromtimestamp(start, UTC)
    assert (first.minute, first.second) == (0, 0)
    if period == "week":
        assert first.isocalendar()[:2] == shown.isocalendar()[:2]
        assert first.isocalendar().weekday == 1
    elif period == "quarter":
        assert (first.year, (first.month - 1) // 3, first.day) == (shown.year, (shown.month - 1) // 3, 1)
    else:
        depth = {"year": 1, "month": 2, "day": 3, "hour": 4}[period]
        assert first.timetuple()[:depth] == shown.timetuple()[:depth]
        assert first.timetuple()[depth:6] == (1970, 1, 1, 0, 0, 0)[depth:6]


def test_days_of_a_clock_change_have_23_and_25_hours() -> None:
    spring = edges(at("2026-03-28", "Europe/Brussels"), at("2026-03-31", "Europe/Brussels"), "day", BRUSSELS, MOST)
    autumn = edges(at("2026-10-24", "Europe/Brussels"), at("2026-10-27", "Europe/Brussels"), "day", BRUSSELS, MOST)
    assert lengths(spring) == [24, 23, 24]
    assert lengths(autumn) == [24, 25, 24]
    assert len(edges(spring[1], spring[2], "hour", BRUSSELS, MOST)) == 23 + 1
    assert len(edges(autumn[1], autumn[2], "hour", BRUSSELS, MOST)) == 25 + 1


def test_hours_of_half_hour_zones_are_those_of_their_clock() -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    first, *_ = edges(1_700_000_000, 1_700_000_001, "hour", kolkata, MOST)
    assert datetime.fromtimestamp(first, kolkata).minute == 0
    assert datetime.fromtimestamp(first, UTC).minute == 30
    howe = ZoneInfo("Australia/Lord_Howe")
    changes = edges(
        at("2022-04-03 01:00", "Australia/Lord_Howe"), at("2022-04-03 03:00", "Australia/Lord_Howe"), "hour", howe, MOST
    )
    assert [b - a for a, b in pairwise(changes)] == [3600, 1800, 3600]


def test_a_day_that_was_skipped_is_none_and_one_without_midnight_begins_when_the_clock_jumps() -> None:
    apia = ZoneInfo("Pacific/Apia")
    found = edges(at("2011-12-29", "Pacific/Apia"), at("2012-01-01", "Pacific/Apia"), "day", apia, MOST)
    assert [str(day_of(edge, apia)) for edge in found] == ["2011-12-29", "2011-12-31", "2012-01-01"]
    assert lengths(found) == [24, 24]
    paulo = ZoneInfo("America/Sao_Paulo")
    first, last = edges(
        at("2018-11-04 12:00", "America/Sao_Paulo"), at("2018-11-04 13:00", "America/Sao_Paulo"), "day", paulo, MOST
    )
    assert datetime.fromtimestamp(first, paulo).hour == 1
    assert lengths([first, last]) == [23]


def test_weeks_begin_on_monday_and_quarters_with_their_month() -> None:
    span = at("2026-01-01", "Europe/Brussels"), at("2027-01-01", "Europe/Brussels")
    weeks = edges(*span, "week", BRUSSELS, MOST)
    assert {day_of(week, BRUSSELS).weekday() for week in weeks} == {0}
    assert len(weeks) == 53 + 1  # 2026 has 53 weeks by ISO 8601
    quarters = edges(*span, "quarter", BRUSSELS, MOST)
    assert [day_of(quarter, BRUSSELS).month for quarter in quarters] == [1, 4, 7, 10, 1]


def test_a_night_is_as_long_as_its_clock_makes_it() -> None:
    days = edges(at("2026-03-28", "Europe/Brussels"), at("2026-03-30", "Europe/Brussels"), "day", BRUSSELS, MOST)
    dates = [day_of(day, BRUSSELS) for day in days[:-1]]
    nights = zip(at_clock(dates, 2 * 3600, BRUSSELS), at_clock(dates, 5 * 3600, BRUSSELS), strict=True)
    assert [end - start for start, end in nights] == [3 * 3600, 2 * 3600]


def test_too_many_are_refused_before_they_are_made() -> None:
    for period in ("minute", "hour", "day", 1):
        with pytest.raises(TooManyPeriodsError, match="coarser"):
            edges(0, 2**32, period, BRUSSELS, 1000)
