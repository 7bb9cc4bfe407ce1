"""A sensor that turns out to be of another class: its series become what they would always have been."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flukso_cloud.folding import fold_all
from flukso_cloud.meter import Sample
from flukso_cloud.store import Heartbeat, SensorConfig, SensorPlan
from flukso_cloud.store.check import check
from flukso_cloud.store.chunks import DAY, SETTLED, SHEET
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.test_store import add_sensor

START = 1_795_400_000 // SHEET * SHEET
NOW = START + 80 * DAY + SETTLED
SERIES = [Sample(START + 3600 * number, 5000 + 50 * (number % 24)) for number in range(80 * 24 + 7)]
"""Each midnight it counts back: a reset, or export."""
EDGES = [START + 6 * 3600 * number for number in range(80 * 4)]


async def stored(path: Path, class_: str) -> SqliteStore:
    store = SqliteStore.open(path)
    await store.append(await add_sensor(store, class_=class_), SERIES, NOW)
    await fold_all(store, NOW)
    return store


@pytest.mark.parametrize("how", ["by its configuration", "by a heartbeat"])
@pytest.mark.parametrize(("before", "after"), [("analog", "uart"), ("uart", "analog")])
async def test_it_is_as_if_it_had_always_been_of_that_class(tmp_path: Path, how: str, before: str, after: str) -> None:
    right, store = await stored(tmp_path / "right.db", after), await stored(tmp_path / "cloud.db", before)
    sensor = await store.sensor("cd" * 16)
    assert sensor is not None
    assert await store.breaks(sensor.number, START, NOW) != await right.breaks(sensor.number, START, NOW)
    if how == "by a heartbeat":
        await store.heartbeat(sensor.device, Heartbeat(NOW), [SensorPlan(sensor.id, sensor.type, after, "")])
    else:
        await store.configure(sensor.number, SensorConfig(class_=after, enabled=1, time=NOW))
    await fold_all(store, NOW)
    changed, expected = await store.sensor(sensor.id), await right.sensor(sensor.id)
    assert changed is not None
    assert expected is not None
    assert await store.columns(changed, EDGES) == await right.columns(expected, EDGES)
    assert await store.breaks(changed.number, START, NOW) == await right.breaks(expected.number, START, NOW)
    await store.close()
    await right.close()
    with sqlite3.connect(tmp_path / "cloud.db", isolation_level=None) as conn:
        assert list(check(conn, repair=False)) == []


async def test_a_class_that_makes_no_difference_is_no_work(tmp_path: Path) -> None:
    store = await stored(tmp_path / "cloud.db", "uart")
    sensor = await store.sensor("cd" * 16)
    assert sensor is not None
    await store.configure(sensor.number, SensorConfig(class_="cosem", enabled=1, time=NOW))
    with sqlite3.connect(tmp_path / "cloud.db") as conn:
        assert conn.execute("SELECT count(*) FROM reclassified").fetchone() == (0,)
    await store.close()
