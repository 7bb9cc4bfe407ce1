"""The SQLite store: order does not matter, commits are grouped, failures keep nothing."""

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
    AccountExistsError,
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


async def test_the_same_again_changes_nothing_and_a_corrected_one_replaces(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * i, 10 * i) for i in range(10)]
    assert await store.append(sensor, series, START) == Appended(10, 0)
    assert await store.append(sensor, series, START) == Appended(0, 10)
    assert await store.append(sensor, [Sample(START + 60, 11)], START) == Appended(1, 0)
    assert (await store.neighbours(sensor.number, [START + 60]))[START + 60].before == Sample(START + 60, 11)


async def test_of_two_at_one_time_the_later_counts(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    assert await store.append(sensor, [Sample(START, 1), Sample(START, 2)], START) == Appended(1, 0)
    assert (await store.newest([sensor.number]))[sensor.number] == Sample(START, 2)


async def test_a_corrected_counter_takes_its_breaks_along(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START, 100), Sample(START + 60, 0), Sample(START + 120, 120)], START)
    assert len(await store.breaks(sensor.number, START, START + 999)) == 1
    await store.append(sensor, [Sample(START + 60, 110)], START)
    assert await store.breaks(sensor.number, START, START + 999) == []


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


async def test_one_callers_error_is_not_the_others(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    await store.add_account("kees", "hash", "UTC", START)
    outcomes = await asyncio.gather(
        store.append(sensor, [Sample(START, 1)], START),
        store.add_account("Kees", "hash", "UTC", START),
        store.append(sensor, [Sample(START + 1, 2)], START),
        store.replace_password(99, "hash"),
        return_exceptions=True,
    )
    assert outcomes[0] == outcomes[2] == Appended(1, 0)
    assert isinstance(outcomes[1], AccountExistsError)
    assert isinstance(outcomes[3], Exception)
    assert (await store.newest([sensor.number]))[sensor.number] == Sample(START + 1, 2)


async def test_close_commits_what_waits(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "cloud.db")
    sensor = await add_sensor(store)
    waiting = [asyncio.ensure_future(store.append(sensor, [Sample(START + i, i)], START)) for i in range(50)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*waiting) == [Appended(1, 0)] * 50
    assert len(rows(tmp_path / "cloud.db", "samples")) == 50
    with pytest.raises(StoreUnavailableError, match="closing"):
        await store.append(sensor, [Sample(START + 99, 1)], START)


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


async def test_a_net_meter_may_go_back_without_breaks(store: SqliteStore) -> None:
    sensor = await add_sensor(store, class_="cosem")
    await store.append(sensor, [Sample(START, 100), Sample(START + 60, 90), Sample(START + 120, 95)], START)
    assert await store.breaks(sensor.number, START, START + 999) == []


async def test_a_sensor_of_another_device_is_left_alone(store: SqliteStore) -> None:
    sensor = await add_sensor(store)
    other = await store.register("ef" * 16, b"sealed", b"other", START)
    plans = [SensorPlan(sensor.id, "gas", "pulse", "Mine"), SensorPlan("12" * 16, "gas", "pulse", "Gas")]
    assert await store.heartbeat(other.number, Heartbeat(START), plans) == [sensor.id]
    assert await store.sensor(sensor.id) == sensor
    added = await store.sensor("12" * 16)
    assert added is not None
    assert added.device == other.number


async def test_a_device_has_at_most_128_sensors(store: SqliteStore) -> None:
    device = await store.register("ab" * 16, b"sealed", b"claim", START)
    plans = [SensorPlan(f"{i:032x}", "electricity", "analog", "") for i in range(130)]
    assert await store.heartbeat(device.number, Heartbeat(START), plans) == [f"{128:032x}", f"{129:032x}"]


async def test_restarts_are_counted(store: SqliteStore, tmp_path: Path) -> None:
    device = await store.register("ab" * 16, b"sealed", b"claim", START)
    for reset in (1, 0, 1):
        await store.heartbeat(device.number, Heartbeat(START, reset=reset), [])
    with sqlite3.connect(tmp_path / "cloud.db") as conn:
        assert conn.execute("SELECT resets FROM devices").fetchall() == [(2,)]


async def test_a_code_that_two_devices_share_claims_neither(store: SqliteStore) -> None:
    account = await store.add_account("kees", "hash", "UTC", START)
    for name in ("ab", "cd"):
        await store.register(name * 16, b"sealed", b"same", START)
    assert (await store.claim(b"same", account.number)).outcome == "unknown"


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
