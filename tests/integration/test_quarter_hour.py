"""Quarter-hour averages: the arithmetic of capacity tariffs."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.flukso.quarter_hour import QUARTER, Known, Peak, QuarterHours, RunningQuarter

BRUSSELS = ZoneInfo("Europe/Brussels")
T = 1795401000
"""Tuesday 23 November 2026, 04:30 in Brussels: a quarter begins."""


def fed(*readings: tuple[int, float], zone: ZoneInfo = BRUSSELS) -> QuarterHours:
    quarters = QuarterHours(zone)
    for time, counter in readings:
        quarters.observe(time, counter)
    return quarters


def load(start: int, seconds: int, watt: float, counter: float = 1000.0, step: int = 5) -> list[tuple[int, float]]:
    """Return what a steady load counts."""
    return [(start + second, counter + watt * second / 3600) for second in range(0, seconds + 1, step)]


def test_nothing_is_known_of_one_reading() -> None:
    assert QuarterHours(BRUSSELS).running(100) is None
    assert QuarterHours(BRUSSELS).peak is None
    assert QuarterHours(BRUSSELS).mean_peak is None
    assert fed((T, 1000)).running(100) is None


def test_average_and_projection() -> None:
    quarters = fed(*load(T - 60, 360, 3600))
    assert quarters.running(3600) == RunningQuarter(3600, 3600, whole=True)
    # 5 minutes at 3.6 kW, 10 minutes of nothing.
    assert quarters.running(0) == RunningQuarter(3600, 1200, whole=True)
    # What flows out does not lower a quarter that counts what comes in.
    assert quarters.running(-5000) == RunningQuarter(3600, 1200, whole=True)


def test_a_quarter_that_was_joined_late_is_told_but_makes_no_peak() -> None:
    quarters = fed(*load(T + 300, 300, 7200))
    assert quarters.running(7200) == RunningQuarter(7200, 7200, whole=False)
    for time, counter in load(T + 600, 400, 7200, 1600):
        quarters.observe(time, counter)
    assert quarters.peak is None
    running = quarters.running(7200)
    assert running is not None
    assert running.whole


def test_the_highest_whole_quarter_is_the_peak() -> None:
    quarters = fed(*load(T - 10, 910, 4000))
    assert quarters.peak == Peak(4000, T)
    counter = 1000 + 4000 * 910 / 3600
    for time, value in load(T + 900, 900, 2000, counter):
        quarters.observe(time, value)
    assert quarters.peak == Peak(4000, T)
    for time, value in load(T + 1800, 900, 5000, counter + 500):
        quarters.observe(time, value)
    assert quarters.peak == Peak(5000, T + 1800)


def test_a_hole_between_the_edges_costs_nothing() -> None:
    quarters = fed((T - 2, 1000), (T + 2, 1000), (T + 3, 1001), (T + 890, 1500), (T + 902, 1500))
    assert quarters.peak == Peak(2000, T)


def test_a_hole_over_an_edge_costs_both_quarters() -> None:
    quarters = fed((T - 1, 1000), (T, 1000), (T + 800, 1900), (T + 921, 2000), (T + 1799, 2500), (T + 1800, 2500))
    assert quarters.peak is None
    assert quarters.observe(T + 2750, 2600) is True
    assert quarters.peak is None


def test_the_counter_at_an_edge_lies_on_a_line() -> None:
    quarters = fed((T - 60, 1000), (T + 60, 1012), (T + 900, 1306))
    assert quarters.peak == Peak(1200, T)  # 1306 - 1006 Wh


@pytest.mark.parametrize("elsewhere", [0, 5, 2_000_000])
def test_a_register_that_went_elsewhere_makes_no_peak(elsewhere: float) -> None:
    """P3: 0 for a moment, another meter, garbage: neither the drop nor the way back is energy."""
    quarters = fed(*load(T - 10, 310, 1000, 500_000))
    quarters.observe(T + 305, elsewhere)
    assert quarters.running(1000) is None
    for time, counter in load(T + 310, 1500, 1000, 500_100):
        quarters.observe(time, counter)
    assert quarters.peak == Peak(1000, T + 900)


def test_clock_that_is_set_back() -> None:
    quarters = fed(*load(T - 10, 610, 1000))
    for time, counter in load(T + 300, 1510, 1000, 1200):
        quarters.observe(time, counter)
    # The quarter in which it was set lasted longer than a quarter of an hour.
    assert quarters.peak == Peak(1000, T + 900)


def test_clock_that_jumps_ahead() -> None:
    quarters = fed(*load(T - 10, 610, 1000))
    for time, counter in load(T + 86400 + 300, 1510, 1000, 1200):
        quarters.observe(time, counter)
    assert quarters.peak == Peak(1000, T + 86400 + 900)


def test_polled_and_pushed_readings_may_cross() -> None:
    quarters = fed((T - 5, 1000), (T, 1000), (T + 5, 1005), (T + 3, 1005), (T + 5, 1006), (T + 4, 1006))
    assert quarters.running(0) == RunningQuarter(4320, 24, whole=True)


def test_the_month_begins_at_the_owners_midnight() -> None:
    midnight = int(datetime(2026, 12, 1, tzinfo=BRUSSELS).timestamp())
    assert midnight == int(datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp())
    quarters = fed(*load(midnight - 910, 905, 6000))
    assert quarters.peak is None
    quarters.observe(midnight, 1000 + 6000 * 910 / 3600)
    assert quarters.peak is None, "the last quarter of November is not December's"
    assert quarters.mean_peak == 6000
    for time, counter in load(midnight, 900, 3000, 1000 + 6000 * 910 / 3600):
        quarters.observe(time, counter)
    assert quarters.peak == Peak(3000, midnight)
    assert quarters.mean_peak == 4500


def test_mean_of_twelve_months_each_at_least_2500_watt() -> None:
    quarters = QuarterHours(BRUSSELS)
    for month in range(14):
        start = int(datetime(2025 + month // 12, month % 12 + 1, 10, tzinfo=BRUSSELS).timestamp())
        for time, counter in load(start - 5, 910, 1000.0 * month, 1000 * month):
            quarters.observe(time, counter)
    # Months 2 to 13; that of 2 kW counts as 2.5.
    assert quarters.mean_peak == round((2500 + sum(range(3000, 14000, 1000))) / 12, 1)


def test_two_years_are_kept() -> None:
    quarters = QuarterHours(BRUSSELS)
    for month in range(30):
        start = int(datetime(2025 + month // 12, month % 12 + 1, 10, tzinfo=BRUSSELS).timestamp())
        for time, counter in load(start - 5, 910, 1000.0):
            quarters.observe(time, counter)
    assert len(quarters.as_dict()["peaks"]) == 24


@pytest.mark.parametrize("hour", [1, 2, 3])
@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_quarters_of_a_day_on_which_the_clocks_change(day: datetime, hour: int) -> None:
    start = int((day + timedelta(hours=hour - 1)).timestamp())
    assert fed(*load(start - 5, 910, 1234)).peak == Peak(1234, start)


def test_restart_in_the_middle() -> None:
    before = fed(*load(T - 1000, 1300, 2000))
    after = QuarterHours(BRUSSELS)
    after.restore(before.as_dict())
    assert after.as_dict() == before.as_dict()
    assert after.peak == Peak(2000, T - 900)
    # 5 minutes without Home Assistant; the meter went on counting.
    counter = 1000 + 2000 * 1300 / 3600
    for time, value in load(T + 600, 300, 4000, counter + 500):
        after.observe(time, value)
    assert after.peak == Peak(4000, T), "2 kW for 5 minutes, 6 kW, 4 kW"


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"newest": 1, "began": "x", "peaks": {}},
        {"newest": [T], "began": [T, 5], "peaks": [[1, 2], ["x", 1, 2], 5, [None, True, 1]]},
        {"newest": [T, 5], "began": [T, float("nan")], "peaks": None},
    ],
)
def test_what_was_stored_otherwise_is_left_aside(stored: dict[str, Any]) -> None:
    quarters = QuarterHours(BRUSSELS)
    quarters.restore(stored)
    assert quarters.as_dict() == QuarterHours(BRUSSELS).as_dict()


@pytest.mark.parametrize("seed", range(20))
def test_quarters_add_up_to_what_was_counted(seed: int) -> None:
    """However it was sampled, and wherever a restart falls."""
    random = Random(seed)
    steps = [(random.randint(1, 60), random.uniform(0, 20_000)) for _ in range(random.randint(60, 200))]
    time, counter, quarters = T - 1, 1000.0, QuarterHours(BRUSSELS)
    samples = [Known(time, counter)]
    quarters.observe(time, counter)
    for seconds, watt in steps:
        time, counter = time + seconds, counter + watt * seconds / 3600
        samples.append(Known(time, counter))
        quarters.observe(time, counter)
        restarted = QuarterHours(BRUSSELS)
        restarted.restore(quarters.as_dict())
        quarters = restarted

    def at(edge: int) -> float:
        before, after = next((a, b) for a, b in pairwise(samples) if a.time < edge <= b.time)
        return before.counter + (after.counter - before.counter) * (edge - before.time) / (after.time - before.time)

    edges = range(T, time + 1, QUARTER)
    averages = [round((at(end) - at(start)) * 4, 1) for start, end in pairwise(edges)]
    assert (quarters.peak.average if quarters.peak else None) == pytest.approx(max(averages, default=None), abs=0.11)
