"""Quarter-hour averages and the month's peak, against a count by hand, through restarts and summer time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluksod.demand import Demand
from fluksod.meter.demand import QUARTER, Peak, highest, month_start, running_quarter
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType
from fluksod.store import Store
from fluksod.store.buckets import Columns
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

BRUSSELS = ZoneInfo("Europe/Brussels")
MAIN = Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG)


class House:
    """An archive, the store that hears it, and the demand computed from both."""

    def __init__(self, archived: Archived, sensor: Sensor = MAIN) -> None:
        self.archived = archived
        self.store = Store()
        self.store.put_sensor(sensor)
        self.demand = Demand(self.store, archived.archive.history, BRUSSELS, wall=lambda: self.archived.now)

    async def draw(self, watts: float, seconds: int, step: int = 10) -> None:
        """Draw so much power for so long."""
        for _ in range(seconds // step):
            self.wh = getattr(self, "wh", 1000.0) + watts * step / 3600
            self.archived.show(int(self.wh), watts, seconds=step)
            self.store.put(self.archived.told[-1])
            await self.demand.look()

    def of(self) -> dict[str, Any]:
        found = self.demand.of(CLAMP)
        assert found is not None
        return found


async def test_the_running_quarter_and_the_months_peak(tmp_path: Path) -> None:
    house = House(Archived(tmp_path))
    await house.draw(1000, QUARTER)
    await house.draw(4000, QUARTER)
    await house.draw(2000, 450)
    shown = house.of()
    assert shown["quarter"] == NOON + 2 * QUARTER
    assert shown["average"] == pytest.approx(2000, abs=60)
    assert shown["projected"] == pytest.approx(2000, abs=60)
    assert shown["month_peak"] == pytest.approx(4000, abs=30)
    assert shown["month_peak_time"] == NOON + QUARTER
    await house.draw(6000, 300)
    assert house.of()["projected"] == pytest.approx((2000 * 450 + 6000 * 450) / 900, abs=40)
    assert house.of()["month_peak"] == pytest.approx(4000, abs=30), "a quarter counts when it is over"


async def test_a_restart_in_the_middle_of_a_quarter_changes_nothing(tmp_path: Path) -> None:
    house = House(Archived(tmp_path))
    await house.draw(4000, QUARTER)
    await house.draw(2000, 600)
    before = house.of()
    after = House(house.archived.again())
    after.wh = house.wh
    await after.draw(2000, 10)
    assert after.of()["month_peak"] == before["month_peak"]
    assert after.of()["month_peak_time"] == before["month_peak_time"]
    assert after.of()["average"] == pytest.approx(before["average"], rel=0.01)


async def test_what_was_counted_while_nobody_looked_makes_no_peak(tmp_path: Path) -> None:
    house = House(Archived(tmp_path))
    await house.draw(1000, QUARTER)
    house.archived.now += 4 * QUARTER
    house.wh += 1000  # in that hour
    await house.draw(500, QUARTER + 60)
    assert house.of()["month_peak"] == pytest.approx(1000, abs=40)


async def test_a_new_month_begins_with_no_peak(tmp_path: Path) -> None:
    eve = int(datetime(2026, 11, 30, 23, 30, tzinfo=BRUSSELS).timestamp())
    house = House(Archived(tmp_path, now=eve))
    await house.draw(4000, 2 * QUARTER)
    assert house.of()["month_peak"] == pytest.approx(4000, abs=30)
    await house.draw(1000, 60)
    assert house.of()["month_peak"] is None
    await house.draw(1000, QUARTER)
    assert house.of()["month_peak"] == pytest.approx(1000, abs=30)
    assert house.of()["month_peak_time"] == eve + 2 * QUARTER


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_steps_by_an_hour_makes_no_peak(tmp_path: Path, step: int) -> None:
    house = House(Archived(tmp_path))
    await house.draw(1000, 2 * QUARTER)
    house.archived.now += step
    await house.draw(1000, 2 * QUARTER + 30)
    assert house.of()["month_peak"] == pytest.approx(1000, abs=40)
    assert house.of()["average"] is None or house.of()["average"] < 1300


async def test_export_and_water_have_none(tmp_path: Path) -> None:
    for sensor in (replace(MAIN, direction=Direction.EXPORT), replace(MAIN, type=SensorType.WATER)):
        house = House(Archived(tmp_path), sensor)
        await house.draw(1000, 60)
        assert house.demand.of(CLAMP) is None
    assert house.demand.of("0" * 32) is None


@settings(max_examples=200)
@given(st.lists(st.one_of(st.none(), st.integers(0, 5000)), min_size=1, max_size=100))
def test_the_highest_is_the_highest(steps: list[int | None]) -> None:
    columns, counter = Columns(), 0
    for index, step in enumerate(steps):
        columns.time.append(index * QUARTER)
        columns.counter_start.append(None if step is None else counter)
        counter += step or 0
        columns.counter_end.append(None if step is None else counter)
    known = [step for step in steps if step is not None]
    peak = highest(columns)
    assert (peak is None) == (not known)
    if peak is not None:
        assert peak == Peak(4.0 * max(known), steps.index(max(known)) * QUARTER)
    assert highest(Columns(), peak) == peak


@given(st.floats(0, 5000), st.floats(0, 1e5), st.floats(0.1, 2000))
def test_a_quarter_leads_to_what_it_will_be(energy: float, power: float, elapsed: float) -> None:
    quarter = running_quarter(NOON, NOON + elapsed, energy, power)
    if elapsed >= QUARTER:
        assert quarter.projected == pytest.approx(energy * 4, abs=0.1)
    else:
        assert quarter.projected is not None
        assert quarter.projected >= round(energy * 4, 1) - 0.1


def test_months_begin_at_local_midnight_also_in_summer_time() -> None:
    for year, month, offset in ((2026, 1, 1), (2026, 4, 2), (2026, 7, 2), (2026, 11, 1)):
        start = int(datetime(year, month, 1, tzinfo=UTC).timestamp()) - 3600 * offset
        assert month_start(start, BRUSSELS) == month_start(start + 20 * 86400, BRUSSELS) == start
        assert month_start(start - 1, BRUSSELS) < start


async def test_it_is_in_the_api(tmp_path: Path, board: Board) -> None:
    sensors = sensor_table(CLAMP, "Main", "electricity")
    async with running(configuration(tmp_path, sensors=sensors)) as fluksod:
        board.send(pls(CLAMP, 100), pwr(CLAMP, 463))

        async def projected() -> Any:
            board.send(pwr(CLAMP, 463))
            demand = (await fluksod.sensor(CLAMP))["demand"]
            return demand and demand["projected"] is not None and demand

        demand = await until(projected)
        assert demand["quarter"] % QUARTER == 0
        assert 0 <= demand["projected"] <= 463.1
