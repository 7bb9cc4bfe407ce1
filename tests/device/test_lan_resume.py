"""A listener that comes back gets what it has missed: each reading, in order, also from another run of the daemon."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, GAS, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity")


async def events(fluksod: Fluksod, last: str | None, count: int) -> list[tuple[str, dict[str, Any], str]]:
    """(kind, data, id) of the first `count` events of a new stream."""
    headers = {} if last is None else {"Last-Event-ID": last}
    found: list[tuple[str, dict[str, Any], str]] = []
    kind = data = name = ""
    async with fluksod.session.get(f"{fluksod.url}/api/v2/events", headers=headers) as response:
        while len(found) < count:
            line = (await asyncio.wait_for(response.content.readline(), 10)).decode().rstrip("\n")
            field, _, value = line.partition(": ")
            kind = value if field == "event" else kind
            data = value if field == "data" else data
            name = value if field == "id" else name
            if not line and data:
                found.append((kind, json.loads(data), name))
                kind = data = name = ""
    return found


async def test_what_was_missed_comes_once_and_in_order(tmp_path: Path, board: Board) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        board.send(pls(CLAMP, 100), pwr(CLAMP, 400))
        await until(lambda: fluksod.reading(CLAMP))
        (heard,) = await events(fluksod, None, 1)
        assert heard[2] == str(heard[1]["time"])
        for step in range(1, 4):
            await asyncio.sleep(1.05)
            board.send(pls(CLAMP, 100 + step), pwr(CLAMP, 400 + step))
        await until(lambda: gauge_is(fluksod, 403))
        missed = await events(fluksod, heard[2], 4)
        assert [data["gauge"] for _, data, _ in missed] == [400, 401, 402, 403]
        assert [data["counter"] for _, data, _ in missed] == [100, 101, 102, 103]
        assert [name for *_, name in missed] == sorted(name for *_, name in missed)
    async with running(tmp_path / "fluksod.toml") as fluksod:
        again = await events(fluksod, missed[1][2], 3)
        assert [data["gauge"] for _, data, _ in again] == [401, 402, 403], "the seconds outlive the daemon"


async def gauge_is(fluksod: Fluksod, gauge: float) -> bool:
    reading = await fluksod.reading(CLAMP)
    return bool(reading and reading["gauge"] == gauge)


async def test_what_is_no_longer_kept_is_named_a_gap(tmp_path: Path, board: Board) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        board.send(pls(CLAMP, 100), pwr(CLAMP, 400))
        await until(lambda: fluksod.reading(CLAMP))
        first, second = await events(fluksod, "1700000000", 2)
        assert first[:2] == ("gap", {"from": 1_700_000_000, "to": second[1]["time"]})
        assert second[1]["gauge"] == 400


@pytest.mark.parametrize("last", ["", "x", "-5", "1" * 40, "99999999999"])
async def test_an_odd_id_is_as_none(tmp_path: Path, board: Board, last: str) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        board.send(pls(CLAMP, 100), pwr(CLAMP, 400))
        await until(lambda: fluksod.reading(CLAMP))
        assert (await events(fluksod, last, 1))[0][0] == "reading"


async def test_seconds_of_several_sensors_are_in_order_of_time(tmp_path: Path) -> None:
    kept = Archived(tmp_path)
    for number in range(50):
        kept.show(1000 + number, 400.0 + number, seconds=0)
        kept.show(5000 + number, 2.5, GAS)
    since, readings = kept.archive.since(NOON + 20)
    told = list(readings)
    assert since == NOON
    assert [reading.time for reading in told] == sorted(reading.time for reading in told)
    assert len(told) == 60
    assert told[0].time == NOON + 20
    assert {reading.exact_counter for reading in told if reading.sensor == GAS} == set(range(5020, 5050))
    kept.archive.close()
