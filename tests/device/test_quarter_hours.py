"""Quarter hours computed from counters, against a count by hand; no I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluksod.meter.quarter_hours import (
    QUARTER,
    SHORT_HOLE,
    Known,
    Peak,
    QuarterHours,
    mean_of_months,
    month_start,
    running_quarter,
)

NOON = 1_795_003_200
BRUSSELS = ZoneInfo("Europe/Brussels")


def told(readings: list[tuple[int, int]], end: int, leaps: tuple[int, ...] = ()) -> QuarterHours:
    hours = QuarterHours(leaps)
    for time, counter in readings:
        hours.take(time, counter)
    hours.end(end)
    return hours


def by_hand(readings: list[tuple[int, int]], end: int) -> dict[int, float]:
    """The average of each whole quarter: what the counter of minutes says at both of its edges."""
    ends = {time // 60 * 60 + 60: counter for time, counter in readings}

    def at(edge: int) -> float | None:
        if edge in ends:
            return ends[edge]
        if edge - 60 in ends and edge + 60 in ends:
            return (ends[edge - 60] + ends[edge + 60]) // 2
        return None

    averages = {}
    for start in range(NOON - QUARTER, end, QUARTER):
        first, last = at(start), at(start + QUARTER)
        if first is not None and last is not None:
            averages[start] = round((last - first) * 3.6 / QUARTER, 1)
    return averages


STEPS = st.lists(
    st.tuples(st.one_of(st.integers(1, 70), st.integers(100, 4000)), st.integers(0, 40_000)), min_size=1, max_size=300
)


@settings(max_examples=200)
@given(STEPS)
def test_any_readings_give_what_is_counted_by_hand(steps: list[tuple[int, int]]) -> None:
    """Pauses of any length, pulses of up to 40 Wh: only quarters whose edges are known count."""
    readings, time, counter = [], NOON, 5000
    for pause, energy in steps:
        time, counter = time + pause, counter + energy
        readings.append((time, counter))
    end = time // 60 * 60 + 60
    averages = by_hand(readings, end)
    hours = told(readings, end)
    assert hours.whole == len(averages)
    if not averages:
        assert hours.peak is None
    else:
        highest = max(averages.values())
        assert hours.peak == Peak(highest, min(at for at, average in averages.items() if average == highest))


@given(STEPS, st.integers(0, 299))
def test_taken_up_in_the_middle_and_from_minutes_alone_it_is_the_same(steps: list[tuple[int, int]], cut: int) -> None:
    """As after a restart: all again, but of each minute only its last reading."""
    readings, time, counter = [], NOON, 5000
    for pause, energy in steps:
        time, counter = time + pause, counter + energy
        readings.append((time, counter))
    minutes = {at // 60: (at, shown) for at, shown in readings[:cut]}
    end = time // 60 * 60 + 60
    whole, again = told(readings, end), told([*minutes.values(), *readings[cut:]], end)
    assert (again.peak, again.whole) == (whole.peak, whole.whole)


def test_a_hole_between_the_edges_costs_nothing_and_one_at_an_edge_its_two_quarters() -> None:
    every_minute = [(NOON + at * 60 - 1, 1000 * at) for at in range(61)]
    assert told(every_minute, NOON + 3600).whole == 4
    without = [reading for reading in every_minute if not 3 * 60 <= reading[0] - NOON < 12 * 60]
    assert told(without, NOON + 3600).peak == told(every_minute, NOON + 3600).peak
    assert told(without, NOON + 3600).whole == 4
    for hole, whole in ((1, 4), (2, 2)):  # minutes without a reading, the last of them ends at the edge or after it
        without = [reading for reading in every_minute if not 0 <= reading[0] - NOON - 14 * 60 < hole * 60]
        assert told(without, NOON + 3600).whole == whole
    assert SHORT_HOLE == 120


def test_what_a_clock_ahead_has_stamped_tells_nothing_of_its_quarter() -> None:
    """Forth by an hour at 12:20 and back at 12:25 of that hour: 13:20 to 13:25 was told twice, lower the first time."""
    ahead = [(NOON + 3600 + at * 60 - 1, 1000 * at) for at in range(20, 26)]
    right = [(NOON + at * 60 - 1, 1000 * at) for at in (*range(20), *range(26, 80), *range(86, 200))]
    hours = told(sorted([*ahead, *right]), NOON + 200 * 60)
    assert hours.peak is not None
    assert hours.peak.average == 60


def test_the_quarter_in_which_a_clock_was_past_its_mistake_does_not_count() -> None:
    """Set back by an hour at 12:20: at 12:20 again the counter jumps by what was counted meanwhile."""
    readings = [(NOON + at * 60 - 1, 1000 * at + (60_000 if at > 20 else 0)) for at in range(100)]
    hours = told(readings, NOON + 6000, leaps=(NOON + 20 * 60,))
    assert hours.peak == Peak(60, NOON)
    assert hours.whole == 5


def test_a_counter_that_was_set_anew_is_believed_after_a_day() -> None:
    """A lost register: the history has counters that the board is far below."""
    before = [(NOON + at * 60 - 1, 10**9 + 1000 * at) for at in range(60)]
    after = [(NOON + 3600 + at * 60 - 1, 2000 * at) for at in range(1500)]
    assert told([*before, *after[:1400]], NOON + 3600 + 1400 * 60).peak == Peak(60, NOON)
    hours = told([*before, *after], NOON + 3600 + 1500 * 60)
    assert hours.peak is not None
    assert hours.peak.average == 120


@given(st.integers(0, 900), st.integers(1, 900), st.integers(0, 5_000_000), st.floats(0, 1e5))
def test_a_running_quarter_leads_to_what_it_will_be(began: int, seconds: int, energy: int, watt: float) -> None:
    now = Known(NOON + began + seconds, 7000 + energy)
    running = running_quarter(NOON, Known(NOON + began, 7000), now, watt)
    if began + seconds > QUARTER:
        assert running is None
        return
    assert running is not None
    assert running.is_whole == (began == 0)
    assert running.average == pytest.approx(energy * 3.6 / seconds, abs=0.06)
    rest = QUARTER - began - seconds
    assert running.projected == pytest.approx((running.average * (QUARTER - rest) + watt * rest) / QUARTER, abs=0.06)


def test_months_begin_at_local_midnight_also_in_summer_time() -> None:
    for year, month, offset in ((2026, 1, 1), (2026, 4, 2), (2026, 7, 2), (2026, 11, 1)):
        start = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) - 3600 * offset
        assert month_start(start, BRUSSELS) == month_start(start + 20 * 86400, BRUSSELS) == start
        assert month_start(start - 1, BRUSSELS) < start
    assert month_start(NOON, UTC, 11) == int(datetime(2025, 12, 1, tzinfo=UTC).timestamp())
    march, april = month_start(1_774_000_000, BRUSSELS), month_start(1_776_000_000, BRUSSELS)
    assert april - march == 31 * 86400 - 3600


def test_quarters_of_all_time_zones_begin_together() -> None:
    for name in ("Europe/Brussels", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Eucla", "Pacific/Chatham"):
        assert datetime.fromtimestamp(NOON, ZoneInfo(name)).minute % 15 == 0


def test_a_low_month_counts_as_two_and_a_half_kilowatts() -> None:
    assert mean_of_months([]) is None
    assert mean_of_months([632.0, 4600.0]) == 3550.0
