"""Quarter-hour averages and the month's peak, against a count by hand, through restarts and summer time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fluksod.config import StoreConfig
from fluksod.demand import Demand
from fluksod.link.lines import CounterLine, PowerLine
from fluksod.meter.metering import Metering
from fluksod.meter.quarter_hours import QUARTER
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType
from fluksod.store import Store
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

BRUSSELS = ZoneInfo("Europe/Brussels")
MAIN = Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG)


class House:
    """An archive, the store that hears it, and the demand computed from both. Counts `wh` as it draws."""

    def __init__(self, archived: Archived, sensor: Sensor = MAIN, wh: float = 1000.0) -> None:
        self.archived = archived
        self.wh = wh
        self.store = Store()
        self.store.put_sensor(sensor)
        self.demand = Demand(self.store, archived.archive, BRUSSELS, wall=lambda: self.archived.now)

    async def draw(self, watts: float, seconds: int, step: int = 10) -> None:
        """Draw so much power for so long; fold at full hours as the daemon does."""
        for _ in range(seconds // step):
            self.wh += watts * step / 3600
            hour = self.archived.now // 3600
            self.archived.show(int(self.wh), watts, seconds=step)
            await self.demand.look()
            if self.archived.now // 3600 != hour:
                await self.archived.archive.fold()

    def again(self) -> House:
        """The same house after kill -9."""
        return House(self.archived.again(), wh=self.wh)

    def of(self) -> dict[str, Any]:
        found = self.demand.of(CLAMP)
        assert found is not None
        return found


async def test_the_running_quarter_and_the_months_peak(tmp_path: Path) -> None:
    house = House(Archived(tmp_path, now=NOON - 10))
    await house.draw(1000, 20)
    assert house.of()["mean_month_peak"] is None, "the months before are not read yet"
    await house.draw(1000, QUARTER - 10)
    await house.draw(4000, QUARTER)
    await house.draw(2000, 450)
    shown = house.of()
    assert shown["quarter"] == NOON + 2 * QUARTER
    assert shown["whole"] is True
    assert shown["average"] == pytest.approx(2000, abs=60)
    assert shown["projected"] == pytest.approx(2000, abs=60)
    assert shown["month_peak"] == pytest.approx(4000, abs=30)
    assert shown["month_peak_time"] == NOON + QUARTER
    passed = (NOON - datetime(2026, 11, 1, tzinfo=BRUSSELS).timestamp()) // QUARTER + 2
    assert shown["month_coverage"] == round(2 / passed, 4)
    await house.draw(6000, 300)
    assert house.of()["projected"] == pytest.approx((2000 * 450 + 6000 * 450) / 900, abs=80)
    assert house.of()["month_peak"] == pytest.approx(4000, abs=30), "a quarter counts when it is over"
    assert house.of()["mean_month_peak"] == house.of()["month_peak"]
    assert house.of()["meter"] is None


async def test_begun_within_a_quarter_it_is_known_in_part(tmp_path: Path) -> None:
    house = House(Archived(tmp_path, now=NOON + 300))
    await house.draw(2000, 300)
    shown = house.of()
    assert shown["whole"] is False
    assert shown["average"] == pytest.approx(2000, abs=60)
    assert shown["projected"] == pytest.approx(2000, abs=60)
    await house.draw(2000, 600)
    assert house.of()["whole"] is True
    assert house.of()["month_peak"] is None


@pytest.mark.parametrize("seconds", [600, 3600])
async def test_a_restart_anywhere_changes_nothing(tmp_path: Path, seconds: int) -> None:
    """Over quarters, folds and the hour in which seconds become minutes, with another power every seven seconds."""
    house = House(Archived(tmp_path, now=NOON - 14, config=StoreConfig(seconds, 400)))
    for index in range(100):
        await house.draw(200 + index * 977 % 5000, 98, step=7)
        if index % 9 == 0:
            after = house.again()
            await after.demand.look()
            shown, again = house.of(), after.of()
            if not again["whole"]:  # in the first quarter: what came before it was not seen
                shown = {name: again[name] for name in shown}
            assert {**again, "mean_month_peak": None} == {**shown, "mean_month_peak": None}


async def test_the_mean_of_the_months_that_are_known(tmp_path: Path) -> None:
    """In three months with one before the year's turn; the clock is put forward over the days between."""
    house = House(Archived(tmp_path, now=int(datetime(2026, 12, 1, 12, tzinfo=BRUSSELS).timestamp())))
    for month, watts in ((12, 4000), (1, 1000), (2, 6000)):
        house.archived.now = datetime(2026 + (month < 12), month, 3, 12, tzinfo=BRUSSELS).timestamp()
        await house.draw(watts, 3 * QUARTER)
    mean = house.of()["mean_month_peak"]
    assert mean == pytest.approx((4000 + 2500 + 6000) / 3, abs=20)
    after = house.again()
    for _ in range(12):
        await after.demand.look()
    assert after.of()["mean_month_peak"] == mean
    assert after.of()["month_peak"] == pytest.approx(6000, abs=20)


async def test_what_was_counted_while_nobody_looked_makes_no_peak(tmp_path: Path) -> None:
    house = House(Archived(tmp_path))
    await house.draw(1000, QUARTER + 600)
    house.archived.now += 4 * QUARTER
    house.wh += 3000  # in that hour
    await house.draw(500, 2 * QUARTER)
    assert house.of()["month_peak"] == pytest.approx(500, abs=40)


async def test_a_new_month_begins_with_no_peak(tmp_path: Path) -> None:
    eve = int(datetime(2026, 11, 30, 23, 30, tzinfo=BRUSSELS).timestamp())
    house = House(Archived(tmp_path, now=eve - 10))
    await house.draw(4000, 2 * QUARTER)
    assert house.of()["month_peak"] == pytest.approx(4000, abs=30)
    await house.draw(1000, 60)
    assert house.of()["month_peak"] is None
    await house.draw(1000, QUARTER)
    assert house.of()["month_peak"] == pytest.approx(1000, abs=30)
    assert house.of()["month_peak_time"] == eve + 2 * QUARTER
    await house.draw(1000, 100)
    assert house.of()["mean_month_peak"] == pytest.approx((4000 + 2500) / 2, abs=30), "the last quarter is November's"


@pytest.mark.parametrize("back", [90, 1200, 3600, 5400])
async def test_a_clock_that_was_set_back_makes_no_peak_when_it_is_past_that(tmp_path: Path, back: int) -> None:
    """Trap: what was counted meanwhile comes at once, after the clock is past where it was."""
    house = House(Archived(tmp_path, now=NOON - 10))
    await house.draw(1000, 2 * QUARTER + 300)
    house.archived.now -= back
    for _ in range((back + 3 * QUARTER) // 30):
        await house.draw(1000, 30)
        shown = house.of()
        assert shown["projected"] in (None, pytest.approx(1000, abs=40))
        assert shown["month_peak"] in (None, pytest.approx(1000, abs=40))
    after = house.again()
    await after.demand.look()
    assert after.of()["month_peak"] == house.of()["month_peak"]
    assert after.of()["month_coverage"] == house.of()["month_coverage"]


@pytest.mark.parametrize(("forth", "stay"), [(3600, 2400), (1200, 600), (400, 900), (7200, 60)])
async def test_a_clock_that_was_ahead_makes_no_peak(tmp_path: Path, forth: int, stay: int) -> None:
    """Trap: set forth, back after a while; then the instants that were passed wrongly come again."""
    house = House(Archived(tmp_path, now=NOON - 10))
    await house.draw(1000, 2 * QUARTER + 300)
    house.archived.now += forth
    await house.draw(1000, stay)
    house.archived.now -= forth
    for _ in range((forth + 3 * QUARTER) // 50):
        await house.draw(1000, 50)
        shown = house.of()
        assert shown["projected"] in (None, pytest.approx(1000, abs=40))
        assert shown["month_peak"] == pytest.approx(1000, abs=40)
    after = house.again()
    await after.demand.look()
    assert after.of()["month_peak"] == house.of()["month_peak"]


async def test_a_database_of_an_earlier_fluksod_is_taken_up(tmp_path: Path) -> None:
    """It did not note where the clock was put right."""
    house = House(Archived(tmp_path, now=NOON - 10))
    await house.draw(1000, 3600)
    house.archived.archive.close()
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        database.execute("DROP TABLE leap")
    after = house.again()
    await after.demand.look()
    assert after.of()["month_peak"] == house.of()["month_peak"]
    assert not (tmp_path / "history.db.damaged").exists()


async def test_a_board_that_starts_again_makes_no_peak(tmp_path: Path) -> None:
    """A replaced board counts from 5 on: the register goes on with an offset, and so does the quarter."""
    house = House(Archived(tmp_path, now=NOON - 10))
    metering = Metering(
        [MAIN],
        on_sensor=lambda _sensor: None,
        on_reading=house.archived.archive.take,
        wall=lambda: house.archived.now,
        steady=lambda: house.archived.of_boot,
    )
    raw = 100_000
    for second in range(3 * QUARTER):
        if second == QUARTER + 400:
            raw = 5
        raw += second % 4 == 0  # 900 W
        metering.line(CounterLine(CLAMP, raw, None))
        metering.line(PowerLine(CLAMP, 900))
        house.archived.wait(1)
        if second % 20 == 0:
            await house.demand.look()
    await house.demand.look()
    assert house.of()["month_peak"] == pytest.approx(900, abs=8)


async def test_export_and_water_have_none(tmp_path: Path) -> None:
    for sensor in (replace(MAIN, direction=Direction.EXPORT), replace(MAIN, type=SensorType.WATER)):
        house = House(Archived(tmp_path), sensor)
        await house.draw(1000, 60)
        assert house.demand.of(CLAMP) is None
    assert house.demand.of("0" * 32) is None


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
