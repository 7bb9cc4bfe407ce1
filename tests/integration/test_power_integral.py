"""Energy made from the watts of single seconds: each once, none invented."""

from random import Random

import pytest

from custom_components.flukso.power_integral import IntegralMemory, PowerIntegral

T = 1310047446


def minute(end: int, watt: int = 3600, *, first: int | None = None) -> list[tuple[int, int]]:
    """Return the last 60 seconds until `end`, or those from `first` on; 3600 W make 1 Wh a second."""
    return [(second, watt) for second in range(max(end - 59, first or 0), end + 1)]


@pytest.fixture
def integral() -> PowerIntegral:
    """Have seen one minute, of which nobody knows how old it is."""
    integral = PowerIntegral()
    integral.observe(minute(T), 100)
    return integral


def test_the_first_minute_may_be_old(integral: PowerIntegral) -> None:
    assert integral.total == 0
    integral.observe(minute(T), 105)
    assert integral.total == 0


def test_nothing_before_the_first_second() -> None:
    integral = PowerIntegral()
    integral.observe([], 100)
    assert integral.total is None
    assert integral.memory is None


def test_each_second_counts_once(integral: PowerIntegral) -> None:
    for after in range(5, 301, 5):
        integral.observe(minute(T + after), 100 + after)
        integral.observe(minute(T + after), 100 + after)
    assert integral.total == 300


def test_a_long_wait_that_the_window_covers_is_filled_from_it(integral: PowerIntegral) -> None:
    integral.observe(minute(T + 60), 160)
    assert integral.total == 60


def test_a_longer_wait_is_a_gap(integral: PowerIntegral) -> None:
    """An hour without us: the last minute is known, the 59 before are not."""
    integral.observe(minute(T + 3600), 3700)
    assert integral.total == 60


def test_seconds_without_a_value_count_nothing(integral: PowerIntegral) -> None:
    integral.observe([(T + 1, 3600), (T + 2, 3600), (T + 40, 3600)], 140)
    assert integral.total == 3


def test_seconds_that_got_their_value_later_count_then(integral: PowerIntegral) -> None:
    """A pulse tells what flowed since the one before: the Fluksometer fills the seconds in between."""
    integral.observe(minute(T), 130)
    integral.observe(minute(T + 45, 80), 145)
    assert integral.total == 1  # 45 s at 80 W


@pytest.mark.parametrize("watt", [-500, 0, 360_001, 4_294_967_295])
def test_what_flows_back_and_what_no_house_has_counts_nothing(integral: PowerIntegral, watt: int) -> None:
    integral.observe([(T + 1, 3600), (T + 2, watt), (T + 3, 3600)], 103)
    assert integral.total == 2


def test_a_clock_that_is_set_back_counts_nothing_twice(integral: PowerIntegral) -> None:
    integral.observe(minute(T + 5), 105)
    integral.observe(minute(T - 3000), 110)
    assert integral.total == 5
    integral.observe(minute(T - 2995), 115)
    assert integral.total == 10


def test_a_clock_that_jumps_to_and_fro_does_not_make_energy(integral: PowerIntegral) -> None:
    """No more than has passed on our clock, but for one window."""
    for turn in range(100):
        integral.observe(minute(T - 1000), 100 + 2 * turn + 1)
        integral.observe(minute(T), 100 + 2 * turn + 2)
    assert integral.total is not None
    assert integral.total <= 200 + 60


def test_goes_on_after_a_restart(integral: PowerIntegral) -> None:
    integral.observe(minute(T + 20), 120)
    again = PowerIntegral(integral.memory)
    assert again.memory == IntegralMemory(watt_seconds=20 * 3600, counted_to=T + 20)
    again.observe(minute(T + 50), 7)
    assert again.total == 50


@pytest.mark.parametrize("seed", range(20))
def test_any_rhythm_of_polls_within_a_minute_gives_the_same_energy(integral: PowerIntegral, seed: int) -> None:
    chance = Random(seed)
    watts = {T + second: chance.randrange(0, 12_000) for second in range(1, 3601)}
    after = 0
    while after < 3600:
        before, after = after, min(3600, after + chance.randrange(1, 61))
        integral.observe([(T + s, watts[T + s]) for s in range(max(1, after - 59), after + 1)], 100 + after)
        assert integral.total == round(sum(watts[T + s] for s in range(1, after + 1)) / 3600, 3), before
