"""Days folded into chunks: whatever is asked, the answer is the same before, after and between; nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from flukso_cloud.folding import fold_all
from flukso_cloud.meter import WRAP, Meter, Sample
from flukso_cloud.series import Neighbours
from flukso_cloud.store import Appended, chunks, statistics
from flukso_cloud.store import samples as statements
from flukso_cloud.store.chunks import DAY, SETTLED
from flukso_cloud.store.schema import migrations
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.test_store import add_sensor

START = 1_795_400_000 // DAY * DAY
ANALOG = Meter.of_class("analog")
SENSOR = 1


def memory() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:")
    migrations.apply(Database(conn))
    return conn


def fold_whole(conn: sqlite3.Connection, before: int, most: int = 50) -> int:
    """Fold all days before a time; how many samples that were."""
    sensor: int | None = 0
    count = 0
    while sensor is not None:
        done = chunks.fold(conn, sensor, before + SETTLED, most)
        count, sensor = count + done.samples, done.next_sensor
    return count


times = st.one_of(
    st.integers(0, 4 * DAY),
    st.integers(0, 96).map(lambda hour: hour * 3600),
    st.integers(0, 4).map(lambda day: day * DAY),
)
batches = st.lists(
    st.builds(
        Sample,
        times.map(lambda time: START + time),
        st.one_of(st.integers(0, 3000), st.integers(WRAP - 3000, WRAP - 1)),
    ),
    max_size=12,
)
steps = st.one_of(
    st.tuples(st.just("append"), batches),
    st.tuples(st.just("run"), st.tuples(st.integers(1, DAY), st.sampled_from([60, 173, 300]), st.integers(-9, 9))),
    st.tuples(st.just("fold"), st.integers(0, 5)),
    st.tuples(st.just("delete"), st.tuples(times, times).map(sorted)),
)


@given(st.lists(steps, max_size=12), st.lists(times, min_size=1, max_size=6), st.integers(1, 90_000))
def test_folded_or_not_it_reads_the_same(done: list[tuple[str, object]], asked: list[int], length: int) -> None:
    """Trap 17, with folding in between: late samples, corrected ones, the same again, and ranges that are deleted."""
    conn, plain = memory(), memory()
    kept: dict[int, int] = {}
    for what, how in done:
        if what == "fold":
            fold_whole(conn, START + how * DAY)  # type: ignore[operator]  # by its step
            continue
        if what == "append":
            batch: list[Sample] = how  # type: ignore[assignment]  # by its step
            news = sum(kept.get(time) != counter for time, counter in dict(batch).items())
            appended = statements.append(conn, SENSOR, ANALOG, batch)
            assert appended == Appended(news, len(dict(batch)) - news)
            assert statements.append(plain, SENSOR, ANALOG, batch) == appended
            kept.update(batch)
        elif what == "run":
            gap, length, step = how  # type: ignore[misc]  # by its step
            first = max(kept, default=START) + gap
            run = [Sample(first + length * number, 5000 + step * number) for number in range(statements.LONG + 100)]
            statements.append_run(conn, SENSOR, ANALOG, chunks.from_rows(run), START + 3 * DAY + SETTLED)
            statements.append(plain, SENSOR, ANALOG, run)
            kept.update(run)
        else:
            start, end = (START + time for time in how)  # type: ignore[attr-defined]  # by its step
            gone = [time for time in kept if start <= time < end]
            assert statements.delete(conn, SENSOR, ANALOG, start, end) == len(gone)
            statements.delete(plain, SENSOR, ANALOG, start, end)
            for time in gone:
                del kept[time]
    unique = [Sample(*pair) for pair in sorted(kept.items())]
    assert statements.between(conn, SENSOR, START, START + 99 * DAY, 99_999) == unique
    assert (
        statements.between(conn, SENSOR, START + 5, START + 2 * DAY, 3)
        == [sample for sample in unique if START + 5 <= sample.time < START + 2 * DAY][:3]
    )
    assert statements.newest(conn, SENSOR) == (unique[-1] if unique else None)
    broken = [pair for pair in pairwise(unique) if not ANALOG.is_regular(*pair)]
    assert [tuple(pair) for pair in statements.breaks(conn, SENSOR, START, START + 99 * DAY)] == broken
    for at, near in statements.neighbours(conn, SENSOR, [START + time for time in asked]).items():
        before = [sample for sample in unique if sample.time <= at]
        after = [sample for sample in unique if sample.time > at]
        assert near == Neighbours(before[-1] if before else None, after[0] if after else None)
    for resolution in (length, 3600, 900):
        edges = [START - DAY + number * resolution for number in range(40)]
        found, expected = (statistics.columns(each, SENSOR, ANALOG, edges) for each in (conn, plain))
        for name, column, right in zip(found._fields, found, expected, strict=True):
            for one, other in zip(column, right, strict=True):
                assert one == (None if other is None else pytest.approx(other, rel=1e-6, abs=1e-6)), name


@pytest.mark.parametrize("pieces", [1, 2, 7])
def test_a_long_run_of_days_that_are_over_goes_into_chunks_at_once(pieces: int) -> None:
    """However it is cut: a day that had begun, in rows or in a chunk, is gone on with."""
    series = [Sample(START + 60 * number + 30, (number * 7) % 4000) for number in range(4 * 1440 + 700)]
    conn, plain = memory(), memory()
    statements.append(conn, SENSOR, ANALOG, series[:100])
    now = START + 4 * DAY + SETTLED
    length = (len(series) - 100) // pieces
    for piece in range(pieces):
        end = len(series) if piece == pieces - 1 else 100 + length * (piece + 1)
        run = chunks.from_rows(series[100 + length * piece : end])
        statements.append_run(conn, SENSOR, ANALOG, run, now)
    statements.append(plain, SENSOR, ANALOG, series)
    if pieces < 7:  # else the last piece has too little of days that are over
        assert conn.execute("SELECT count(*), min(time) FROM samples").fetchone() == (700, START + 4 * DAY + 30)
    fold_whole(conn, START + 4 * DAY)
    fold_whole(plain, START + 4 * DAY)
    for table in ("chunks", "hours", "samples", "breaks"):
        assert conn.execute(f"SELECT * FROM {table}").fetchall() == plain.execute(f"SELECT * FROM {table}").fetchall()


def test_a_run_goes_on_after_a_day_whose_chunk_cannot_be_read() -> None:
    conn = memory()
    series = [Sample(START + 60 * number, number) for number in range(2 * 1440)]
    statements.append_run(conn, SENSOR, ANALOG, chunks.from_rows(series[:700]), START + 9 * DAY)
    conn.execute("UPDATE chunks SET data = substr(data, 1, length(data) / 2)")
    statements.append_run(conn, SENSOR, ANALOG, chunks.from_rows(series[700:]), START + 9 * DAY)
    assert statements.between(conn, SENSOR, START, START + 2 * DAY, 9999) == series[700:]
    assert conn.execute("SELECT sensor, day FROM damaged_chunks").fetchall() == [(SENSOR, START // DAY)]


def test_days_are_folded_once_they_are_over() -> None:
    conn = memory()
    statements.append(conn, SENSOR, ANALOG, [Sample(START + 60 * number, number) for number in range(3 * 1440)])
    statements.append(conn, 7, ANALOG, [Sample(START + 2 * DAY, 5)])
    assert fold_whole(conn, START + DAY) == 1440
    assert fold_whole(conn, START + DAY) == 0
    assert chunks.fold(conn, 0, START + 2 * DAY + SETTLED - 1, 50).samples == 0, "the second day may get late samples"
    assert fold_whole(conn, START + 2 * DAY) == 1440
    assert conn.execute("SELECT sensor, day - ?, count FROM chunks", (START // DAY,)).fetchall() == [
        (SENSOR, 0, 1440),
        (SENSOR, 1, 1440),
    ]
    assert conn.execute("SELECT sensor, count(*) FROM samples GROUP BY sensor").fetchall() == [(SENSOR, 1440), (7, 1)]


def test_a_chunk_that_cannot_be_read_is_told_and_the_rest_is_served(caplog: pytest.LogCaptureFixture) -> None:
    conn = memory()
    statements.append(conn, SENSOR, ANALOG, [Sample(START + 60 * number, number) for number in range(3 * 1440)])
    fold_whole(conn, START + 3 * DAY)
    conn.execute("UPDATE chunks SET data = substr(data, 1, length(data) / 2) WHERE day = ?", (START // DAY + 1,))
    found = statistics.columns(conn, SENSOR, ANALOG, [START + 900 * number for number in range(3 * 96)])
    assert found.covered[0] == found.covered[-1] == 900
    assert found.covered[96 + 48] == 0
    again = statistics.columns(conn, SENSOR, ANALOG, [START + 900 * number for number in range(3 * 96)])
    assert again == found
    assert caplog.text.count("a chunk cannot be read; run `flukso-cloud check`") == 1
    late = Sample(START + DAY + 3600, 1500)
    assert statements.append(conn, SENSOR, ANALOG, [late]) == Appended(1, 0)
    assert statements.between(conn, SENSOR, START + DAY, START + 2 * DAY, 9) == [late]
    assert conn.execute("SELECT sensor, day FROM damaged_chunks").fetchall() == [(SENSOR, START // DAY + 1)]


async def test_a_store_folds_while_it_takes_in(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "cloud.db")
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * number, 10 * number) for number in range(5 * 1440)]
    await store.append(sensor, series, START)
    folding = asyncio.create_task(fold_all(store, START + 5 * DAY + SETTLED))
    for number in range(100):
        late = Sample(START + 864 * 4 * number + 30, 10 * (864 * 4 * number // 60) + 5)
        assert await store.append(sensor, [late], START) == Appended(1, 0)
        series.append(late)
    await folding
    await fold_all(store, START + 5 * DAY + SETTLED)
    assert await store.samples(sensor, START, START + 9 * DAY, 99_999) == sorted(series)
    with sqlite3.connect(tmp_path / "cloud.db") as conn:
        assert conn.execute("SELECT count(*) FROM samples").fetchone() == (0,)
    await store.close()


FOLDER = """
import sqlite3, sys
from flukso_cloud.store import chunks
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
sensor = 0
while sensor is not None:
    conn.execute("BEGIN IMMEDIATE")
    done = chunks.fold(conn, sensor, int(sys.argv[2]), 1500)
    conn.execute("COMMIT")
    print("folded", flush=True)
    sensor = done.next_sensor
"""


@pytest.mark.parametrize("seed", range(6))
async def test_kill_9_while_folding_loses_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path / "cloud.db"
    store = SqliteStore.open(path)
    sensor = await add_sensor(store)
    series = [Sample(START + 60 * number, 10 * number) for number in range(40 * 1440)]
    await store.append(sensor, series, START)
    for _ in range(4):
        command = (sys.executable, "-c", textwrap.dedent(FOLDER), path, str(START + 40 * DAY + SETTLED))
        with subprocess.Popen(command, stdout=subprocess.PIPE) as folder:
            assert folder.stdout is not None
            assert folder.stdout.readline() == b"folded\n"
            await asyncio.sleep(chance.uniform(0, 0.06))
            os.kill(folder.pid, signal.SIGKILL)
        assert await store.samples(sensor, START, START + 99 * DAY, 99_999) == series
    found = await store.columns(sensor, [START + DAY * number for number in range(41)])
    assert found.flowed[:-1] == [14_400] * 39
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM chunks").fetchone()[0] > 0
    await store.close()


async def test_what_is_read_is_of_one_moment(tmp_path: Path) -> None:
    """A day that is folded between two statements of a reading is neither missing in it nor there twice."""
    store = SqliteStore.open(tmp_path / "cloud.db")
    sensor = await add_sensor(store)
    await store.append(sensor, [Sample(START + 60 * number, 10 * number) for number in range(1441)], START)

    def counted(db: Database) -> tuple[int, int]:
        rows = db.conn.execute("SELECT count(*) FROM samples").fetchone()[0]
        with closing(sqlite3.connect(tmp_path / "cloud.db", isolation_level=None)) as conn:
            chunks.fold(conn, 0, START + DAY + SETTLED)
        return rows, db.conn.execute("SELECT count(*) FROM chunks").fetchone()[0]

    assert await store._read(counted) == (1441, 0)
    assert await store.samples(sensor, START, START + 2 * DAY, 9999) == [
        Sample(START + 60 * number, 10 * number) for number in range(1441)
    ]
    await store.close()
