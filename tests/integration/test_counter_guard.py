"""Totals that never go back and never spike (pain points P3, P4 and P5)."""

from itertools import pairwise
from random import Random

import pytest

from custom_components.flukso.counter_guard import CONFIRM_SECONDS, CounterGuard, GuardMemory

T = 1_795_401_443.0


@pytest.fixture
def guard() -> CounterGuard:
    """Return a guard that has seen 4521337."""
    guard = CounterGuard()
    assert guard.observe(4_521_337, T) == 4_521_337
    return guard


def test_total_is_the_register(guard: CounterGuard) -> None:
    assert guard.observe(4_521_337, T + 5) == 4_521_337
    assert guard.observe(4_521_350, T + 10) == 4_521_350
    assert not guard.holding


def test_first_register_may_be_zero() -> None:
    assert CounterGuard().observe(0, T) == 0


def test_large_pulses_and_long_absences_are_no_spikes(guard: CounterGuard) -> None:
    assert guard.observe(4_522_337, T + 1) == 4_522_337  # a pulse of 1 kWh
    assert guard.observe(4_522_337 + 250_000, T + 6 * 3600) == 4_772_337  # 42 kW for six hours


def test_zero_for_a_moment_after_a_restart(guard: CounterGuard) -> None:
    """P3: the register reads 0 until the daemon has its counters back."""
    for seconds in (5, 10, 15, 20):
        assert guard.observe(0, T + seconds) == 4_521_337
    assert guard.holding
    assert guard.observe(4_521_340, T + 25) == 4_521_340
    assert not guard.holding


def test_zero_before_the_daemon_has_its_counters_back_after_our_restart() -> None:
    """P3: the same while Home Assistant restarts too."""
    guard = CounterGuard()
    guard.restore(GuardMemory(total=4_521_337, register=4_521_337, time=T))
    assert guard.observe(0, T + 60) == 4_521_337
    assert guard.observe(4_521_340, T + 65) == 4_521_340


def test_tiny_decrease_is_held_then_carried(guard: CounterGuard) -> None:
    """P4: rounding makes a total a thousandth smaller; Home Assistant would warn."""
    guard.observe(4_521_338.001, T + 1)
    assert guard.observe(4_521_338.0, T + 2) == 4_521_338.001
    assert guard.observe(4_521_338.002, T + 3) == 4_521_338.002


def test_garbage_upwards_is_no_spike(guard: CounterGuard) -> None:
    assert guard.observe(4_294_967_295, T + 5) == 4_521_337
    assert guard.observe(4_521_341, T + 10) == 4_521_341


def test_register_that_was_reset_is_a_new_cycle(guard: CounterGuard) -> None:
    """Home Assistant counts from zero when a total drops below nine tenths, so it must have counted from zero."""
    assert guard.observe(0, T + 5) == 4_521_337
    assert guard.observe(3, T + 20) == 4_521_337
    assert guard.observe(4, T + 5 + CONFIRM_SECONDS) == 4
    assert guard.observe(5, T + 40) == 5


def test_register_that_lost_some_hours_goes_on_from_the_total(guard: CounterGuard) -> None:
    """The board lost its last save: 50 kWh back, which is no new cycle. What it counts from now on is added."""
    low = 4_471_337
    assert guard.observe(low, T + 5) == 4_521_337
    assert guard.observe(low + 20, T + 20) == 4_521_337
    assert guard.observe(low + 40, T + 36) == 4_521_377
    assert guard.observe(low + 45, T + 41) == 4_521_382


def test_register_that_wrapped_is_a_new_cycle() -> None:
    """Trap 10: 32 bits are full after 4.3 GWh. fluksod counts on; a register that does not starts a new cycle."""
    guard = CounterGuard()
    guard.observe(2**32 - 1, T)
    assert guard.observe(2, T + 5) == 2**32 - 1
    assert guard.observe(10, T + 40) == 10


def test_small_register_that_was_reset_goes_on_from_the_total() -> None:
    """Home Assistant takes 95 of 100 for a dip, not for a new cycle."""
    guard = CounterGuard()
    guard.observe(100, T)
    guard.observe(95, T + 5)
    assert guard.observe(95, T + 36) == 100


def test_replaced_meter_goes_on_from_the_total(guard: CounterGuard) -> None:
    """P5: the new meter shows 2000 kWh, which nobody has used here."""
    guard.observe(2_000_000, T + 5)
    assert guard.observe(2_000_010, T + 40) == 4_521_347
    assert guard.memory == GuardMemory(total=4_521_347, register=2_000_010, time=T + 40)


def test_register_set_to_what_the_meter_shows_goes_on_from_the_total(guard: CounterGuard) -> None:
    guard.observe(98_000_000, T + 5)
    assert guard.observe(98_000_010, T + 40) == 4_521_347


def test_new_register_must_stay_where_it_is(guard: CounterGuard) -> None:
    """Garbage that is different each time is never believed."""
    registers = Random(7)
    for step in range(1, 60):
        assert guard.observe(registers.randrange(0, 4_000_000), T + 2 * step) == 4_521_337
    assert guard.observe(4_521_400, T + 130) == 4_521_400


def test_our_clock_set_back_does_not_confirm(guard: CounterGuard) -> None:
    guard.observe(0, T + 5)
    assert guard.observe(0, T - 3600) == 4_521_337
    assert guard.observe(0, T - 3580) == 4_521_337
    assert guard.observe(0, T - 3569) == 4_521_337  # confirmed, but nothing can have been counted before T
    assert guard.observe(5, T + 10) == 4_521_342


def test_memory_outlives_a_restart(guard: CounterGuard) -> None:
    guard.observe(2_000_000, T + 5)
    guard.observe(2_000_010, T + 40)
    memory = guard.memory
    assert memory is not None
    again = CounterGuard()
    again.restore(memory)
    assert again.observe(2_000_011, T + 50) == 4_521_348


@pytest.mark.parametrize("seed", range(20))
def test_total_under_every_kind_of_trouble(seed: int) -> None:
    """It never dips as Home Assistant understands it, and never gains more than can have been used."""
    random = Random(seed)
    guard = CounterGuard()
    time = T
    register = 5_000_000
    totals: list[tuple[float, int | float]] = []
    for _ in range(2000):
        elapsed = random.choice([1, 1, 5, 5, 5, 60, 3600])
        time += elapsed
        register += random.randrange(0, 12 * elapsed + 1)
        shown = register
        match random.randrange(40):
            case 0:
                register = shown = 0
            case 1:
                register = shown = random.randrange(0, 2 * register + 1)
            case 2:
                shown = 0
            case 3:
                shown = random.randrange(0, 2**32)
        sure = T if guard.memory is None else guard.memory.time
        totals.append((time - sure, guard.observe(shown, time)))
    for (_, old), (since, new) in pairwise(totals):
        if new < 0.9 * old:
            assert new <= 20 * since, "a new cycle cannot have counted more since"
        else:
            assert old <= new <= old + 100 * since + 1000
