"""From lines to readings, with a clock that the test turns."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.link.lines import LineSplitter
from fluksod.meter.metering import MAX_UNCONFIGURED, Metering, Reading
from fluksod.meter.register import Mark
from fluksod.sensor import Sensor, SensorClass, SensorType
from tests.device.board import CLAMP, GAS, PULSE, pls, pwr

MAIN = Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG)
HEATING = Sensor(GAS, "Heating", SensorType.GAS, SensorClass.PULSE)


@dataclass
class House:
    """A metering whose clock is `wall`; `readings` are what came out, `sensors` as last told."""

    sensors_configured: list[Sensor] = field(default_factory=lambda: [MAIN, HEATING])
    saved: dict[str, Mark] = field(default_factory=dict)
    wall: float = 1_795_000_000.0
    steady: float = 50.0
    readings: list[Reading] = field(default_factory=list)
    sensors: dict[str, Sensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.splitter = LineSplitter()
        self.metering = Metering(
            self.sensors_configured,
            on_sensor=lambda sensor: self.sensors.__setitem__(sensor.id, sensor),
            on_reading=self.readings.append,
            wall=lambda: self.wall,
            steady=lambda: self.steady,
            saved=self.saved,
        )

    def hear(self, *lines: bytes, seconds: float = 1.0) -> Reading | None:
        """Take lines, then let time pass; the newest reading."""
        for line in self.splitter.feed(b"".join(lines)):
            self.metering.line(line)
        self.wall += seconds
        self.steady += seconds
        return self.readings[-1] if self.readings else None


def test_a_clamp_has_its_counter_and_its_power() -> None:
    house = House()
    assert house.hear(pls(CLAMP, 4521337)) == Reading(CLAMP, 1_795_000_000, 4521337, None, measured=False)
    assert house.hear(pwr(CLAMP, 463)) == Reading(CLAMP, 1_795_000_001, 4521337, 463, measured=True)


def test_a_gas_meter_has_litres_and_litres_a_minute() -> None:
    house = House()
    house.hear(pls(GAS, 1000, 5_000), seconds=30)
    reading = house.hear(pls(GAS, 1010, 35_000))
    assert reading is not None
    assert reading.counter == 1010
    assert reading.gauge == pytest.approx(20)
    assert reading.measured


def test_an_overdue_pulse_lets_the_gauge_fall_but_not_the_time_of_the_reading() -> None:
    house = House()
    house.hear(pls(GAS, 1000, 9_000), seconds=30)
    house.hear(pls(GAS, 1010, 39_000), seconds=30)
    pulse = house.readings[-1]
    house.metering.tick()
    assert house.readings[-1] is pulse, "not overdue yet"
    house.hear(seconds=30)
    house.metering.tick()
    assert house.readings[-1] == Reading(GAS, pulse.time, 1010, 10.0, measured=False)
    told = len(house.readings)
    house.metering.tick()
    assert len(house.readings) == told, "told once"


def test_a_clock_that_is_not_set_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    house = House(wall=1_234_567_888.0)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            house.hear(pls(CLAMP, 7), pwr(CLAMP, 100), seconds=0.1)
        assert {reading.time for reading in house.readings} == {1_234_567_888}, "whoever keeps them knows what to do"
        house.wall = 1_795_000_000.0
        house.hear(pls(CLAMP, 8))
    assert house.readings[-1].counter == 8
    assert len([record for record in caplog.records if "clock" in record.message]) == 2


def test_a_sensor_the_configuration_does_not_name_is_served_from_its_second_line_on() -> None:
    house = House([])
    assert house.hear(pwr(CLAMP, 100)) is None, "it may be another sensor's id with a wrong digit"
    house.hear(pwr(CLAMP, 101), pls(PULSE, 1, 1000))
    house.hear(pls(PULSE, 2, 2000))
    assert house.sensors[CLAMP] == Sensor(CLAMP, "Clamp 1", SensorType.ELECTRICITY, SensorClass.ANALOG)
    assert house.sensors[PULSE] == Sensor(PULSE, "Pulse input 1", SensorType.ELECTRICITY, SensorClass.PULSE)
    assert house.readings[-1].sensor == PULSE


def test_noise_cannot_fill_the_memory_with_sensors() -> None:
    house = House([])
    for number in range(3 * MAX_UNCONFIGURED):
        house.hear(pwr(f"{number:032x}", 1), pwr(f"{number:032x}", 1), seconds=0.01)
    assert len(house.sensors) == MAX_UNCONFIGURED


def test_a_sensor_belongs_to_one_board_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    """Two boards flashed alike: their counters must not be mixed; a board on another port is taken up in a minute."""
    house = House()
    for second in range(10):
        for line in house.splitter.feed(pls(CLAMP, 100 + second) + pwr(CLAMP, 50)):
            house.metering.line(line, "attic")
        for line in house.splitter.feed(pls(CLAMP, 90_000 + second) + pwr(CLAMP, 70)):
            house.metering.line(line, "cellar")
        house.hear()
    assert {reading.counter for reading in house.readings} == {None, *range(100, 110)} - {None}
    assert {reading.gauge for reading in house.readings} == {None, 50.0}
    assert len([record for record in caplog.records if "attic and from cellar" in record.message]) == 1
    house.hear(seconds=61)
    for line in house.splitter.feed(pls(CLAMP, 110) + pls(CLAMP, 111)):
        house.metering.line(line, "cellar")
    assert house.readings[-1].counter == 111


def test_the_board_decides_the_class_of_a_sensor() -> None:
    house = House([MAIN])
    house.hear(pls(CLAMP, 1, 1000))
    assert house.sensors[CLAMP].sensor_class is SensorClass.PULSE
    house.hear(pls(CLAMP, 2))
    assert house.sensors[CLAMP].sensor_class is SensorClass.PULSE, "decided by the first line"


def test_power_no_clamp_can_see_is_ignored() -> None:
    house = House()
    house.hear(pwr(CLAMP, 500), pwr(CLAMP, 4_000_000_000))
    assert house.readings[-1].gauge == 500


def test_a_board_that_restarts_in_the_middle_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """Counter and ms go back: neither falls upstream, and no gauge comes from the pair across the restart."""
    house = House()
    for number in range(5):
        house.hear(pls(GAS, 100 + 10 * number, 600_000 + 30_000 * number), seconds=30)
    house.hear(b"msg BROWN-OUT\n", seconds=20)
    house.hear(pls(GAS, 100, 21_000), seconds=30)
    house.hear(pls(GAS, 110, 51_000), seconds=30)
    counters = [reading.counter for reading in house.readings]
    assert counters == sorted(counters, key=lambda counter: counter or 0)
    assert counters[-1] == 150
    assert {round(reading.gauge) for reading in house.readings if reading.gauge is not None} == {20}
    assert "goes on from 140" in caplog.text


def test_the_registers_of_one_run_are_taken_up_by_the_next() -> None:
    house = House()
    house.hear(pls(CLAMP, 5000), pls(CLAMP, 5001))
    marks = house.metering.marks()
    assert marks[CLAMP] == Mark(5001, 5001, house.wall - 1)
    again = House(saved=marks, wall=house.wall + 600, steady=3.0)
    again.hear(pls(CLAMP, 17))
    again.hear(pls(CLAMP, 18))
    again.hear(pls(CLAMP, 19))
    assert [reading.counter for reading in again.readings] == [5001, 5002, 5003]
    assert again.metering.marks()[CLAMP].total == 5003


def test_marks_of_sensors_that_stay_away_are_kept() -> None:
    saved = {PULSE: Mark(9, 1009, 1_700_000_000.0)}
    assert House([], saved=saved).metering.marks() == saved


@given(st.binary(max_size=400), st.lists(st.integers(0, 1 << 32), max_size=8))
def test_no_input_crashes_it_and_no_counter_falls(noise: bytes, counters: list[int]) -> None:
    house = House()
    house.hear(noise, b"\n")
    for counter in counters:
        house.hear(pls(CLAMP, counter), pls(GAS, counter, counter))
        house.metering.tick()
    for sensor in (CLAMP, GAS):
        shown = [
            reading.counter for reading in house.readings if reading.sensor == sensor and reading.counter is not None
        ]
        assert shown == sorted(shown)
