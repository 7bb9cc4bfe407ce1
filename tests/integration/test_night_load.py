"""The load at night and what is usual."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.flukso.night_load import NightJudgement, judge_night, night_loads

BRUSSELS = ZoneInfo("Europe/Brussels")
NIGHT = date(2026, 11, 20)


def hours(first: datetime, *means: float) -> list[tuple[datetime, float]]:
    """Return hours as local times, from their averages one after the other."""
    start = first.astimezone(ZoneInfo("UTC"))
    return [((start + timedelta(hours=index)).astimezone(first.tzinfo), mean) for index, mean in enumerate(means)]


def test_three_hours_make_a_night() -> None:
    whole = hours(datetime(2026, 11, 20, 0, tzinfo=BRUSSELS), 900, 800, 100, 110, 120, 700, 600)
    assert night_loads(whole) == {NIGHT: 110}


def test_night_of_which_too_little_is_known_is_left_out() -> None:
    assert night_loads(hours(datetime(2026, 11, 20, 4, tzinfo=BRUSSELS), 100, 900)) == {}


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 2), (date(2026, 10, 25), 4)])
def test_nights_of_the_changing_clocks(day: date, count: int) -> None:
    """In spring the hour from two to three is missing, in autumn it comes twice."""
    start = datetime(day.year, day.month, day.day, tzinfo=BRUSSELS)
    listed = hours(start, *(100.0 for _ in range(24)))
    assert sum(begin.hour in (2, 3, 4) and begin.date() == day for begin, _ in listed) == count
    assert night_loads(listed)[day] == 100


def test_zone_that_is_off_by_half_an_hour() -> None:
    first = datetime(2026, 11, 20, 1, 30, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert night_loads(hours(first, 900, 100, 110, 120, 900)) == {NIGHT: 110}


def test_median_of_the_nights_before() -> None:
    loads = {NIGHT - timedelta(days=back): load for back, load in enumerate((200, 100, 90, 110, 3000, 105))}
    assert judge_night(loads, NIGHT) == NightJudgement(200, 105)


def test_later_nights_do_not_count() -> None:
    loads = {NIGHT + timedelta(days=day): 100.0 for day in range(-4, 10)}
    assert judge_night(loads, NIGHT) is None


def test_unknown_night() -> None:
    assert judge_night({NIGHT - timedelta(days=back): 100.0 for back in range(1, 10)}, NIGHT) is None


@pytest.mark.parametrize(
    ("load", "usual", "above"),
    [(126, 100, True), (125, 100, False), (119, 90, True), (25, 10, False), (31, 10, True), (90, 100, False)],
)
def test_above_by_share_and_by_watts(load: float, usual: float, above: bool) -> None:
    assert NightJudgement(load, usual).is_above(0.25, 20) is above
