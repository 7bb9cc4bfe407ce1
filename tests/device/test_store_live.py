"""The last minute of seconds, as the original publishes it."""

from __future__ import annotations

from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.store import Store
from tests.device.board import CLAMP, PULSE

T = 1_795_000_000


def store_with(*readings: tuple[str, int, float]) -> Store:
    """A store of a clamp and a pulse input that took these (sensor, seconds after T, gauge)."""
    store = Store()
    store.put_sensor(Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG))
    store.put_sensor(Sensor(PULSE, "Solar", SensorType.ELECTRICITY, SensorClass.PULSE))
    for sensor, second, gauge in readings:
        store.put(Reading(sensor, T + second, 1, gauge, measured=True))
    return store


def minute(store: Store, sensor: str) -> list[tuple[int, float | None]]:
    return [(second - T, gauge) for second, gauge in store.minute(store.streams[sensor])]


def test_fewer_than_sixty_until_a_minute_has_passed() -> None:
    store = store_with(*((CLAMP, second, 100.0 + second) for second in range(3)))
    assert minute(store, CLAMP) == [(0, 100), (1, 101), (2, 102)]
    for second in range(3, 200):
        store.put(Reading(CLAMP, T + second, 1, 100.0 + second, measured=True))
        assert len(minute(store, CLAMP)) == min(second + 1, 60)
    assert minute(store, CLAMP) == [(second, 100.0 + second) for second in range(140, 200)]


def test_a_gap_shows_the_reading_after_it_and_the_tail_is_nan() -> None:
    readings = [(CLAMP, second, 1.0) for second in range(61)]
    pulses = [(PULSE, 0, 10.0), (PULSE, 20, 20.0), (PULSE, 50, 50.0)]
    store = store_with(*sorted(readings + pulses, key=lambda reading: reading[1]))
    shown = dict(minute(store, PULSE))
    assert list(shown) == list(range(1, 61))
    assert {shown[second] for second in range(1, 21)} == {20}
    assert {shown[second] for second in range(21, 51)} == {50}
    assert {shown[second] for second in range(51, 61)} == {None}


def test_a_sensor_stale_for_ninety_seconds_is_sixty_times_nan() -> None:
    store = store_with((PULSE, 0, 10.0), *((CLAMP, second, 1.0) for second in range(91)))
    assert minute(store, PULSE) == [(second, None) for second in range(31, 91)]


def test_nothing_before_the_first_gauge() -> None:
    store = store_with((CLAMP, 0, 1.0))
    store.put(Reading(PULSE, T, 5, None, measured=False))
    assert minute(store, PULSE) == []


def test_the_newest_of_two_readings_in_one_second_counts() -> None:
    assert minute(store_with((CLAMP, 0, 1.0), (CLAMP, 0, 2.0)), CLAMP) == [(0, 2)]


def test_falling_gauges_are_not_published() -> None:
    store = store_with((PULSE, 0, 10.0))
    store.put(Reading(PULSE, T, 1, 5.0, measured=False))
    assert minute(store, PULSE) == [(0, 10)]


def test_a_clock_set_back_by_an_hour_goes_on_at_once() -> None:
    store = store_with(*((CLAMP, second, 7.0) for second in range(100)))
    store.put(Reading(CLAMP, T - 3600, 1, 8.0, measured=True))
    assert minute(store, CLAMP) == [(-3600, 8)]
    store.put(Reading(CLAMP, T - 3599, 1, 9.0, measured=True))
    assert minute(store, CLAMP) == [(-3600, 8), (-3599, 9)]


def test_a_clock_set_forward_by_an_hour_goes_on_at_once() -> None:
    store = store_with(*((CLAMP, second, 7.0) for second in range(100)), (CLAMP, 3700, 8.0))
    assert len(minute(store, CLAMP)) == 60
    assert minute(store, CLAMP)[-1] == (3700, 8)
