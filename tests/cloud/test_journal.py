"""Uploads that wait in the journal: whoever asks gets them, and a restart keeps them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from flukso_cloud.meter import Sample
from flukso_cloud.store import Appended
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.test_store import START, add_sensor


async def test_what_waits_is_read_at_once_and_kept_over_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    store = SqliteStore.open(path)
    made = await add_sensor(store)
    sensor = await store.sensor(made.id)
    assert sensor is not None
    news = [Sample(START + 60 * i, i) for i in range(5)]
    assert await store.append(sensor, news, START) == Appended(5, 0)
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM uploads").fetchone() == (1,)
    crashed = SqliteStore.open(path)  # as another process finds it, the first one never closed
    assert await crashed.samples(sensor, START, START + 3600, 100) == news
    assert await store.newest([sensor.number]) == {sensor.number: news[-1]}
    assert await store.append(sensor, news[2:], START) == Appended(0, 3)
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM uploads").fetchone() == (0,)
    await crashed.close()
    await store.close()
