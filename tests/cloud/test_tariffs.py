"""Tariffs: flat, by day and night, by a series of prices; and costs that add up."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flukso_cloud.columns import Columns
from flukso_cloud.periods import edges
from flukso_cloud.tariffs import DayNight, Flat, Hourly, Rate, Tariff, cost, fine_edges, steps

BRUSSELS = ZoneInfo("Europe/Brussels")
MOST = 1_000_000


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp())


def tariff(begin: str, rate: Rate) -> Tariff:
    return Tariff("electricity", "EUR", date.fromisoformat(begin), rate)


def steady(fine: list[int], watt: float = 3600.0) -> Columns:
    """Columns of a constant power."""
    rate = watt / 3600
    lengths = [b - a for a, b in pairwise(fine)]
    same: list[float | None] = [rate for _ in lengths]
    return Columns([rate * length for length in lengths], [*map(float, lengths)], same, same, same, same)


def priced(
    tariffs: list[Tariff], begin: str, end: str, period: str, prices: list[tuple[int, float]] | None = None
) -> Columns:
    buckets = edges(at(begin), at(end), period, BRUSSELS, MOST)
    found = steps(tariffs, prices or [], buckets[0], buckets[-1], BRUSSELS)
    fine = fine_edges(buckets, found)
    return cost(buckets, fine, steady(fine), found)


def test_a_flat_price() -> None:
    """3.6 kW for a day of 23 hours."""
    found = priced([tariff("2026-01-01", Flat(0.25))], "2026-03-29", "2026-03-30", "day")
    assert found.flowed == [pytest.approx(3.6 * 23 * 0.25)]
    assert found.covered == [23 * 3600]
    assert found.mean == [pytest.approx(0.25 / 1000)]


def test_day_night_and_weekend() -> None:
    rate = DayNight(0.4, 0.2)
    found = priced([tariff("2026-01-01", rate)], "2026-06-05", "2026-06-08", "day")  # Friday, Saturday, Sunday
    friday, saturday, sunday = found.flowed
    assert friday == pytest.approx(3.6 * (15 * 0.4 + 9 * 0.2))
    assert saturday == sunday == pytest.approx(3.6 * 24 * 0.2)
    assert found.low[0] == pytest.approx(0.2 / 1000)
    assert found.high[0] == pytest.approx(0.4 / 1000)
    assert found.last[0] == pytest.approx(0.2 / 1000)


def test_a_night_within_a_day_and_no_weekend() -> None:
    rate = DayNight(0.4, 0.2, "00:30", "07:30", weekend=False)
    found = priced([tariff("2026-01-01", rate)], "2026-06-06", "2026-06-07", "day")
    assert found.flowed == [pytest.approx(3.6 * (17 * 0.4 + 7 * 0.2))]


def test_a_new_tariff_leaves_old_costs_as_they_were() -> None:
    old = [tariff("2025-01-01", Flat(0.25))]
    new = [*old, tariff("2026-06-01", DayNight(0.4, 0.2))]
    before, after = (priced(one, "2026-05-25", "2026-06-08", "day").flowed for one in (old, new))
    assert before[:7] == after[:7]
    assert all(a != b for a, b in zip(before[7:], after[7:], strict=True))


def test_what_has_no_price_is_not_covered() -> None:
    found = priced([tariff("2026-06-01", Flat(0.25))], "2026-05-31", "2026-06-02", "day")
    assert found.flowed == [None, pytest.approx(3.6 * 24 * 0.25)]
    assert found.covered == [0, 86400]
    assert priced([], "2026-05-31", "2026-06-02", "day").flowed == [None, None]


def test_prices_of_a_series_hold_an_hour_or_until_the_next() -> None:
    start = at("2026-06-01")
    prices = [(start, 0.1), (start + 900, -0.2), (start + 3600, 0.3)]
    found = priced([tariff("2026-01-01", Hourly())], "2026-06-01", "2026-06-02", "hour", prices)
    assert found.flowed[:3] == [pytest.approx(3.6 * (0.25 * 0.1 - 0.75 * 0.2)), pytest.approx(3.6 * 0.3), None]
    assert found.low[0] == pytest.approx(-0.2 / 1000)


@pytest.mark.parametrize("rate", [Flat(0.31), DayNight(0.41, 0.23), DayNight(0.41, 0.23, "13:00", "16:15"), Hourly()])
def test_a_year_costs_what_its_days_months_and_hours_cost(rate: Rate) -> None:
    start = at("2026-01-01")
    prices = [(start + 3600 * hour, 0.1 + (hour * 7 % 24) / 100) for hour in range(8760)]
    tariffs = [tariff("2025-01-01", rate), tariff("2026-04-01", rate), tariff("2026-07-15", Flat(0.3))]
    whole = priced(tariffs, "2026-01-01", "2027-01-01", "year", prices).flowed[0]
    for period in ("hour", "day", "month", "quarter"):
        parts = priced(tariffs, "2026-01-01", "2027-01-01", period, prices).flowed
        assert sum(part for part in parts if part is not None) == pytest.approx(whole, rel=1e-9)
    assert whole is not None
    assert whole > 0


@given(
    st.lists(st.tuples(st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.floats(-1, 1)), max_size=5),
    st.sampled_from(["hour", "day", "week"]),
)
@settings(max_examples=50)
def test_prices_are_in_order_and_overlap_nowhere(changes: list[tuple[date, float]], period: str) -> None:
    tariffs = [Tariff("electricity", "EUR", day, DayNight(price, price / 2)) for day, price in changes]
    buckets = edges(at("2026-03-20"), at("2026-04-05"), period, BRUSSELS, MOST)
    found = steps(tariffs, [], buckets[0], buckets[-1], BRUSSELS)
    assert all(step.start < step.end for step in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    fine = fine_edges(buckets, found)
    assert set(buckets) <= set(fine)
