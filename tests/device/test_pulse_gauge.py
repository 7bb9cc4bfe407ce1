"""The gauge of a pulse input."""

from __future__ import annotations

import pytest

from fluksod.meter.pulse_gauge import PulseGauge
from fluksod.sensor import SensorType

ELECTRICITY = SensorType.ELECTRICITY.gauge_per_unit_ms
WATER = SensorType.WATER.gauge_per_unit_ms
WRAP = 1 << 32


def test_watt_from_two_pulses() -> None:
    gauge = PulseGauge(ELECTRICITY)
    assert gauge.take(10, 30_000, 0) is None
    assert gauge.now(0) is None, "one pulse tells no rate"
    assert gauge.take(11, 31_800, 1.8) == pytest.approx(2000)
    assert gauge.now(1.8) == pytest.approx(2000)


def test_litres_a_minute_from_two_pulses() -> None:
    """Trap 31: 10 L in 60 s are 10 L/min here, and 14,400 L/day on the v1 wire."""
    gauge = PulseGauge(WATER)
    gauge.take(0, 1_000, 0)
    rate = gauge.take(10, 61_000, 60)
    assert rate == pytest.approx(10)
    assert rate is not None
    assert rate * SensorType.WATER.v1_per_gauge == pytest.approx(14_400)
    assert SensorType.GAS.v1_per_gauge == SensorType.WATER.v1_per_gauge
    assert SensorType.ELECTRICITY.v1_per_gauge == 1


def test_falls_towards_zero_when_the_next_pulse_is_overdue() -> None:
    gauge = PulseGauge(ELECTRICITY)
    gauge.take(0, 5_000, 0)
    gauge.take(1, 7_000, 2)
    assert gauge.now(4) == pytest.approx(1800)
    assert gauge.now(6) == pytest.approx(900), "at most one Wh in 4 s"
    assert gauge.now(2 + 360) == pytest.approx(10)
    assert gauge.now(2 + 3600) == 0


def test_a_pulse_told_again_is_no_pulse() -> None:
    """Our board tells a counter that does not move every 10 s, with the clock of its last pulse."""
    gauge = PulseGauge(ELECTRICITY)
    gauge.take(0, 1_000, 0)
    gauge.take(1, 3_000, 2)
    for at in (12, 22, 32):
        assert gauge.take(1, 3_000, at) is None
        assert not gauge.restarted
    assert gauge.now(32) == pytest.approx(3600 / 30), "still overdue"
    assert gauge.take(2, 43_000, 42) == pytest.approx(90)


def test_the_time_from_power_up_to_the_first_pulse_is_no_period() -> None:
    """A counter told before the first pulse has 1 ms; a pulse soon after would look like a large load."""
    gauge = PulseGauge(ELECTRICITY)
    for at in (1, 11):
        assert gauge.take(3000, 1, at) is None
    assert gauge.take(3001, 11_500, 11.5) is None
    assert gauge.take(3002, 13_300, 13.3) == pytest.approx(2000)
    assert gauge.take(3002, 1, 30) is None
    assert gauge.restarted
    assert gauge.now(31) is None
    assert gauge.take(3003, 1_500, 32) is None


def test_a_slow_pulse_is_not_taken_for_none() -> None:
    gauge = PulseGauge(WATER)
    gauge.take(0, 5_000, 0)
    gauge.take(10, 7_205_000, 7200)
    assert gauge.now(7200 + 7000) == pytest.approx(10 / 120, rel=1e-6)
    assert gauge.now(7200 + 5 * 7200) == 0


def test_both_32_bit_registers_may_wrap() -> None:
    """Trap 10."""
    gauge = PulseGauge(ELECTRICITY)
    gauge.take(WRAP - 1, WRAP - 1_000, 0)
    assert gauge.take(1, 1_000, 2) == pytest.approx(3600)
    assert not gauge.restarted


def test_a_board_that_restarted_only_starts_a_new_measurement() -> None:
    gauge = PulseGauge(ELECTRICITY)
    gauge.take(100, 900_000, 0)
    gauge.take(101, 902_000, 2)
    assert gauge.take(90, 20_500, 40) is None
    assert gauge.restarted
    assert gauge.take(91, 21_500, 41) == pytest.approx(3600)
    assert not gauge.restarted


@pytest.mark.parametrize(("counter", "ms"), [(101, 900_000), (100, 902_000), (90_000, 900_001)])
def test_what_gives_no_rate_leaves_the_old_one(counter: int, ms: int) -> None:
    gauge = PulseGauge(ELECTRICITY)
    gauge.take(99, 898_200, 0)
    gauge.take(100, 900_000, 1.8)
    assert gauge.take(counter, ms, 2) is None
    assert gauge.rate == pytest.approx(2000)
