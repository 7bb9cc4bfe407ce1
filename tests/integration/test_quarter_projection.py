"""The average of the running quarter, as it will be."""

import random

import pytest

from custom_components.flukso.quarter_projection import QUARTER, QuarterProjection

T = 1795401900.0  # a quarter begins
assert T % QUARTER == 0


@pytest.fixture
def projection() -> QuarterProjection:
    return QuarterProjection()


def test_nothing_yet(projection: QuarterProjection) -> None:
    assert projection.projected(T) is None


def test_constant_power(projection: QuarterProjection) -> None:
    projection.observe(T, 1000)
    for at in (0, 1, 450, 899.9, 900, 2000):
        assert projection.projected(T + at) == pytest.approx(1000)


def test_kettle_for_three_minutes(projection: QuarterProjection) -> None:
    projection.observe(T, 400)
    projection.observe(T + 300, 2400)
    assert projection.projected(T + 300) == pytest.approx((400 * 300 + 2400 * 600) / 900)
    projection.observe(T + 480, 400)
    assert projection.projected(T + 480) == pytest.approx(400 + 2000 * 180 / 900)
    assert projection.projected(T + 900) == pytest.approx(400)
    assert projection.left(T + 480) == 420


def test_what_is_fed_in_does_not_make_up(projection: QuarterProjection) -> None:
    projection.observe(T, -3000)
    projection.observe(T + 450, 2000)
    assert projection.projected(T + 450) == pytest.approx(1000)


def test_unknown_part_counts_as_the_others(projection: QuarterProjection) -> None:
    projection.observe(T + 600, 500)
    assert projection.projected(T + 600) == pytest.approx(500)
    projection.observe(T + 700, None)
    assert projection.projected(T + 750) is None
    projection.observe(T + 800, 1500)
    assert projection.projected(T + 800) == pytest.approx(1000)


def test_whole_quarters_without_news(projection: QuarterProjection) -> None:
    projection.observe(T + 100, 700)
    assert projection.projected(T + 5 * QUARTER + 30) == pytest.approx(700)
    assert projection.quarter == T // QUARTER + 5


def test_clock_that_is_put_back(projection: QuarterProjection) -> None:
    projection.observe(T + 100, 5000)
    projection.observe(T + 50, 300)
    assert projection.projected(T + 50) == pytest.approx(300)
    projection.observe(T - 2000, 400)
    assert projection.projected(T - 2000) == pytest.approx(400)


@pytest.mark.parametrize("seed", range(100))
def test_average_at_the_end_is_the_energy(seed: int) -> None:
    """With the last power of a quarter the projection is what was drawn in it, whatever happened on the way."""
    chance = random.Random(seed)
    projection, at, drawn, power = QuarterProjection(), T, 0.0, 0.0
    projection.observe(T, power)
    while (following := at + chance.uniform(0.1, 300)) < T + QUARTER:
        drawn += max(0.0, power) * (following - at)
        at, power = following, chance.uniform(-5000, 20000)
        projection.observe(at, power)
    drawn += max(0.0, power) * (T + QUARTER - at)
    assert projection.projected(at) == pytest.approx(drawn / QUARTER)
