"""What only the SQLite store has: statements, grouped commits, a full disk. All else is in store_contract/."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.meter import WRAP, Meter, Sample
from flukso_cloud.series import Neighbours
from flukso_cloud.store import (
    Appended,
    Heartbeat,
    Sensor,
    SensorPlan,
    StoreUnavailableError,
    chunks,
)
from flukso_cloud.store import samples as statements
from flukso_cloud.store.schema import migrations
from flukso_cloud.store.sqlite import SqliteStore
from flukso_cloud.tmpo import Place

START = 1_795_400_000
ANALOG = Meter.of_class("analog")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "cloud.db")
    yield store
    await store.close()


async def add_sensor(store: SqliteStore, name: str = "cd" * 16, class_: str = "analog") -> Sensor:
    device = await store.register("ab" * 16, b"sealed", b"claim", START)
    plans = [SensorPlan(name, "electricity", class_, "Main")]
    assert await store.heartbeat(device.number, Heartbeat(START), plans) == []
    sensor = await store.sensor(name)
    assert sensor is not None
    return sensor


async def test_the_newest_sign_of_life_is_that_of_any_device(store: SqliteStore) -> None:
    assert await store.newest_sign_of_life() == 0
    sensor = await add_sensor(store)
    assert await store.newest_sign_of_life() == START
    await store.register("ef" * 16, b"sealed", b"another", START + 5)
    assert await store.newest_sign_of_life() == START + 5
    await store.append(sensor, [Sample(START, 1)], START + 60)
    await store.samples(sensor, START, START + 1, 1)
    assert await store.newest_sign_of_life() == START + 60


def rows(path: Path, table: str) -> list[tuple[int, ...]]:
    with sqlite3.connect(path) as conn:
        return conn.execute(f"SELECT * FROM {table}").fetchall()


def memory() -> sqlite3.Connection:
    from sqlite_utils import Database

    conn = sqlite3.connect(":memory:")
    migrations.apply(Database(conn))
    return conn


SAMPLES = st.lists(
    st.builds(
        Sample,
        st.integers(START, START + 600),
        st.one_of(st.integers(0, 3000), st.integers(WRAP - 3000, WRAP - 1)),
    ),
    max_size=30,
)


@given(SAMPLES, st.data())
def test_the_order_of_arrival_does_not_matter(series: list[Sample], data: st.DataObject) -> None:
    """Trap 17: out of order, in any batches, repeated: the same rows and breaks as one batch in order."""
    unique = sorted({sample.time: sample for sample in series}.values())
    expected, found = memory(), memory()
    assert statements.append(expected, 1, ANALOG, unique) == Appended(len(unique), 0)
    shuffled = data.draw(st.permutations(unique))
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        batch, shuffled = shuffled[:size], shuffled[size:]
        assert statements.append(found, 1, ANALOG, batch) == Appended(len(batch), 0)
        assert statements.append(found, 1, ANALOG, batch) == Appended(0, len(batch))
    for table in ("samples", "breaks"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2"
        assert found.execute(query).fetchall() == expected.execute(query).fetchall()
    broken = [pair for pair in itertools.pairwise(unique) if not ANALOG.is_regular(*pair)]
    assert [tuple(pair) for pair in statements.breaks(found, 1, START, START + 600)] == broken


@given(SAMPLES, st.lists(st.integers(START, START + 600), max_size=5))
def test_neighbours_are_those_a_person_would_find(series: list[Sample], times: list[int]) -> None:
    conn = memory()
    statements.append(conn, 1, ANALOG, series)
    statements.append(conn, 2, ANALOG, [Sample(START + 300, 77)])
    unique = sorted({sample.time: sample for sample in series}.values())
    for at, near in statements.neighbours(conn, 1, times).items():
        before = [sample for sample in unique if sample.time <= at]
        after = [sample for sample in unique if sample.time > at]
        assert near == Neighbours(before[-1] if before else None, after[0] if after else None)


async def test_writes_of_many_callers_share_commits(store: SqliteStore, tmp_path: Path) -> None:
    sensor = await add_sensor(store)
    before = commits(tmp_path / "cloud.db")
    await asyncio.gather(*(store.append(sensor, [Sample(START + i, i)], START) for i in range(300)))
    assert len(rows(tmp_path / "cloud.db", "samples")) + len(rows(tmp_path / "cloud.db", "uploads")) == 300
    assert commits(tmp_path / "cloud.db") - before < 100


def commits(path: Path) -> int:
    """Return the number of commit frames in the write-ahead log: those that carry the database's size."""
    log = path.with_name(path.name + "-wal").read_bytes()
    page = int.from_bytes(log[8:12], "big")
    salt = log[16:24]
    frames = (log[at : at + 24] for at in range(32, len(log), 24 + page))
    return sum(1 for frame in frames if frame[8:16] == salt and frame[4:8] != bytes(4))


async def test_a_full_disk_keeps_nothing_of_a_commit_and_recovers(store: SqliteStore, tmp_path: Path) -> None:
    sensor = await add_sensor(store)
    db = store._writer.submit(lambda db: db)
    conn = (await db).conn
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    conn.execute(f"PRAGMA max_page_count = {pages + 2}")
    many = [Sample(START + i, i) for i in range(20_000)]
    with pytest.raises(StoreUnavailableError, match="full"):
        await store.append(sensor, many, START)
    assert rows(tmp_path / "cloud.db", "samples") == []
    conn.execute("PRAGMA max_page_count = 1000000")
    assert await store.append(sensor, many, START) == Appended(20_000, 0)


@pytest.mark.parametrize(
    "statement",
    [
        *(statements._NEWEST, statements._AROUND, statements._BEFORE, statements._AFTER, chunks._NEXT, chunks._SHEETS),
        *(chunks._BEFORE, chunks._AFTER, chunks._NEWEST, chunks._CHUNKS),
    ],
)
def test_what_is_looked_for_is_found_by_an_index(statement: str) -> None:
    names = {"sensor": 1, "start": 1, "end": 1, "first": 1, "last": 1}
    values = names if ":sensor" in statement else (1,) * statement.count("?")
    steps = [row[3] for row in memory().execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert steps
    assert [step for step in steps if "SCAN" in step and "SCAN CONSTANT" not in step] == []
    assert [step for step in steps if "SORT" in step] == []


async def test_what_is_deleted_leaves_no_break_and_no_energy(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, counter) for i, counter in enumerate([0, 10, 20, 5, 15, 25])]
    await store.append(sensor, series, START)
    assert len(await store.breaks(sensor.number, START, START + 999)) == 1
    assert await store.delete(sensor, START + 180, START + 300) == 2
    assert await store.samples(sensor, START, START + 999, 99) == [*series[:3], series[5]]
    assert await store.samples(sensor, START + 60, START + 300, 1) == [series[1]]
    assert await store.breaks(sensor.number, START, START + 999) == []
    assert (await store.columns(sensor, [START, START + 300])).flowed == [25]


async def test_a_fingerprint_changes_with_what_it_is_of(store: SqliteStore) -> None:
    """And with nothing else: not with samples beside the span, nor with those of another sensor."""
    sensor = await add_sensor(store)
    day = START // 86400 * 86400
    await store.append(sensor, [Sample(day + 600 * i, i) for i in range(3 * 144)], START)
    spans = [(day, day + 86400), (day + 86400 + 300, day + 86400 + 900), (day, day + 3 * 86400), (0, 2**32 - 1)]

    async def taken() -> list[bytes]:
        return [await store.fingerprint(sensor, *span) for span in spans]

    async def changed(before: list[bytes]) -> list[bool]:
        return [old != new for old, new in zip(before, await taken(), strict=True)]

    seen = await taken()
    assert len(set(seen)) == 3, "the last two are of the same samples"
    assert await changed(seen) == [False] * 4
    await store.append(sensor, [Sample(day + 86400 + 600, 999)], START)
    assert await changed(seen) == [False, True, True, True]
    seen = await taken()
    while (folded := await store.fold(day + 2 * 86400 + 43200, 0)).next_sensor is not None or folded.samples:
        pass
    seen = await taken()
    await store.append(sensor, [Sample(day + 86400 + 600, 998)], START)
    assert await changed(seen) == [False, True, True, True]
    seen = await taken()
    await store.delete(sensor, day + 2 * 86400, day + 2 * 86400 + 1)
    assert await changed(seen) == [False, False, True, True]


async def test_what_is_deleted_takes_the_blocks_that_reach_into_it(store: SqliteStore) -> None:
    sensor, other = await add_sensor(store), await add_sensor(store, "ef" * 16)
    begin = START // 256 * 256
    places = [Place(0, 8, begin + 256 * at) for at in range(4)]
    for one in (sensor, other):
        for place in places:
            assert await store.keep_block(one.number, place, b"gz")
    assert await store.delete(sensor, begin + 255, begin + 256) == 0
    assert await store.blocks(sensor.number, 0) == places[1:]
    assert await store.replace(sensor, begin + 512, begin + 769, []) == 0
    assert await store.blocks(sensor.number, 0) == places[1:2]
    assert await store.blocks(other.number, 0) == places


async def test_a_range_is_replaced_whole(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START + 60 * i, 10 * i) for i in range(6)], START)
    right = [Sample(START + 90, 15), Sample(START + 150, 12)]
    assert await store.replace(sensor, START + 60, START + 240, right) == 3
    assert [sample.time - START for sample in await store.samples(sensor, START, START + 999, 99)] == [
        0,
        90,
        150,
        240,
        300,
    ]
    assert len(await store.breaks(sensor.number, START, START + 999)) == 1
