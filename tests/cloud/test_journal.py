"""Uploads that wait in the journal: whoever asks gets them, and a restart keeps them."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlite_utils import Database

from flukso_cloud.cli import main
from flukso_cloud.home import Home
from flukso_cloud.meter import Sample
from flukso_cloud.store import Appended, journal, upload_row
from flukso_cloud.store.schema import migrations
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.kept import measurements
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
        assert journal.waiting(conn) == []
    await crashed.close()
    await store.close()
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM uploads").fetchone() == (0,), "what is sorted in goes when all is"


async def test_two_processes_sort_the_same_upload_in_once(tmp_path: Path) -> None:
    """What one has sorted in and somebody corrected since stays corrected when the other comes to it."""
    path = tmp_path / "cloud.db"
    one = SqliteStore.open(path)
    made = await add_sensor(one, "ab" * 16), await add_sensor(one)
    waits, sensor = await one.sensor(made[0].id), await one.sensor(made[1].id)
    assert sensor is not None
    assert waits is not None
    await one.append(waits, [Sample(START, 1)], START)  # as long as it waits, the rows of both are there
    await one.append(sensor, [Sample(START, 5)], START)
    other = SqliteStore.open(path)  # it too knows of the upload
    corrected = [Sample(START, 7)]
    assert await one.append(sensor, corrected, START) == Appended(1, 0)
    assert await other.samples(sensor, START, START + 1, 9) == corrected
    await other.close()
    await one.close()


async def test_numbers_of_uploads_are_never_given_again(tmp_path: Path) -> None:
    """A sensor is noted up to a number: an upload of a lower one would be taken for sorted in."""
    path = tmp_path / "cloud.db"
    for start in (START, START + 60):
        store = SqliteStore.open(path)
        sensor = await store.sensor((await add_sensor(store)).id) if start == START else await store.sensor("cd" * 16)
        assert sensor is not None
        await store.samples(sensor, start, start + 1, 1)
        await store.append(sensor, [Sample(start, 1)], start)
        await store.close()
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM uploads").fetchone() == (0,)
        assert conn.execute("SELECT seq FROM sqlite_sequence WHERE name = 'uploads'").fetchone() == (2,)
        assert conn.execute("SELECT count(*) FROM samples").fetchone() == (2,)


def test_uploads_of_an_older_version_are_taken_over(tmp_path: Path) -> None:
    """Those that waited when it was replaced were MessagePack."""
    conn = sqlite3.connect(tmp_path / "cloud.db")
    database = Database(conn)
    migrations.apply(database, stop_before="sorted_uploads")
    news = [Sample(START + 60 * number, number - 2) for number in range(5)]
    for number, packed in ((3, msgspec.msgpack.encode(news)), (4, b"\xc1"), (7, msgspec.msgpack.encode(news[:1]))):
        conn.execute("INSERT INTO uploads VALUES (?, 1, ?, ?)", (number, START, packed))
    migrations.apply(database)
    assert journal.waiting(conn) == [(3, 1), (7, 1)]
    assert journal.unsorted(conn, 1) == [*news, news[0]]
    assert journal.add(conn, [(1, START, upload_row.pack(news))]) == [8]


def test_a_damaged_upload_is_named_and_set_aside_and_the_rest_is_sorted_in(
    home: Home, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sensor = asyncio.run(_sensor(home))
    with closing(sqlite3.connect(home.database)) as conn, conn:
        rows = [upload_row.pack([Sample(START + 60 * number, number)]) for number in range(3)]
        journal.add(conn, [(sensor, START, row[:-1] + b"?" if number == 1 else row) for number, row in enumerate(rows)])
    with pytest.raises(SystemExit, match="complaints; --repair mends"):
        main(["check", "--dir", str(home.root)])
    assert "2026-11-23: an upload that came then cannot be read" in capsys.readouterr().out
    assert "an upload cannot be read; run `flukso-cloud check`" in caplog.text
    assert measurements(home.database, "cd" * 16) == [Sample(START, 0), Sample(START + 120, 2)]
    main(["check", "--dir", str(home.root), "--repair"])
    main(["check", "--dir", str(home.root)])
    assert capsys.readouterr().out.endswith("all is well\n")
    with closing(sqlite3.connect(home.database)) as conn:
        assert conn.execute("SELECT count(*) FROM damaged_uploads").fetchone() == (1,), "it is kept"


async def _sensor(home: Home) -> int:
    store = SqliteStore.open(home.database)
    made = await add_sensor(store)
    await store.close()
    return made.number


async def test_many_uploads_are_sorted_in_and_their_rows_go(tmp_path: Path) -> None:
    """While they come, and through a stop; what is noted as sorted in is all that was acknowledged."""
    path = tmp_path / "cloud.db"
    store = SqliteStore.open(path)
    sensors = [await add_sensor(store, f"{number:032x}") for number in range(7)]
    found = [await store.sensor(each.id) for each in sensors]
    for sensor in found:
        assert sensor is not None
        await store.append(sensor, [Sample(START - 60, 0)], START)
    for upload in range(300):
        await asyncio.gather(
            *(store.append(each, [Sample(START + 60 * upload, upload)], START) for each in found if each is not None)
        )
    await store.close()
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT count(*) FROM uploads").fetchone() == (0,)
        expected = [Sample(START - 60, 0), *(Sample(START + 60 * upload, upload) for upload in range(300))]
        for each in sensors:
            assert measurements(path, each.id) == expected
