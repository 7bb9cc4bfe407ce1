"""Samples that are kept no longer: their hours stay, sums stay, and nothing brings them back by halves."""

from __future__ import annotations

import random
import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.folding import fold_all
from flukso_cloud.meter import Meter, Sample
from flukso_cloud.retiring import retire_all
from flukso_cloud.settings import SettingsError, parse
from flukso_cloud.store import Appended, Retention, retention, room, statistics
from flukso_cloud.store import samples as statements
from flukso_cloud.store.chunks import DAY, SETTLED, SHEET
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner
from tests.cloud.test_folding import fold_whole, memory
from tests.cloud.test_store import add_sensor

START = 1_795_400_000 // SHEET * SHEET
ANALOG = Meter.of_class("analog")
SENSOR = 1
DAYS = 40
SERIES = [Sample(START + 300 * number, 7 * number + number % 5) for number in range(DAYS * 288)]


def sensor_in(conn: sqlite3.Connection) -> None:
    """Let there be the sensor."""
    conn.execute("PRAGMA foreign_keys = OFF")
    conn.execute(
        "INSERT INTO sensors (number, id, device, type, class, function, enabled, created)"
        " VALUES (1, 'x', 1, 'electricity', 'analog', '', 1, 0)"
    )


def folded() -> sqlite3.Connection:
    conn = memory()
    sensor_in(conn)
    statements.append(conn, SENSOR, ANALOG, SERIES)
    fold_whole(conn, START + DAYS * DAY)
    return conn


def retire(conn: sqlite3.Connection, now: int, most: Retention) -> int:
    """All of it; how many days."""
    days, sensor = 0, 0
    while True:
        done = retention.retire(conn, now, most, sensor)
        days += done.days
        if done.next_sensor is None:
            return days
        sensor = done.next_sensor


@given(st.lists(st.integers(START, START + DAYS * DAY), min_size=2, max_size=30, unique=True).map(sorted))
def test_what_flowed_between_any_two_times_stays_about_the_same(edges: list[int]) -> None:
    """Exactly where they are whole hours; within an hour it flows evenly from then on."""
    conn, whole = RETIRED, WHOLE
    aligned = [edge // 3600 * 3600 for edge in edges]
    aligned = sorted(set(aligned))
    if len(aligned) > 1:
        found, expected = (statistics.columns(each, SENSOR, ANALOG, aligned) for each in (conn, whole))
        assert found == expected
    found, expected = (statistics.columns(each, SENSOR, ANALOG, edges) for each in (conn, whole))
    for one, other in zip(found.flowed, expected.flowed, strict=True):
        assert (one or 0) == pytest.approx(other or 0, abs=9)


WHOLE, RETIRED = folded(), folded()
GONE = retire(RETIRED, START + DAYS * DAY, Retention(samples_days=10))


def test_the_days_of_samples_that_are_kept_no_longer_go() -> None:
    conn = folded()
    now = START + DAYS * DAY
    assert retire(conn, now, Retention()) == 0
    assert retire(conn, now, Retention(samples_days=10)) == 30 == GONE
    assert retire(conn, now, Retention(samples_days=10)) == 0
    assert statements.between(conn, SENSOR, START, now, 99_999) == SERIES[30 * 288 :]
    assert retire(conn, now + 400 * DAY, Retention(samples_days=10)) == 9, "the newest stays"
    assert statements.newest(conn, SENSOR) == SERIES[-1]


def test_hours_go_by_sheets_and_never_before_their_samples() -> None:
    conn = folded()
    now = START + DAYS * DAY
    assert retire(conn, now, Retention(hours_days=5)) == 35
    assert conn.execute("SELECT sheet - ? FROM hours", (START // SHEET,)).fetchall() == [(1,)]
    edges = [START, START + 32 * DAY, now]
    before, after = statistics.columns(conn, SENSOR, ANALOG, edges).flowed
    assert (before or 0) == 0
    assert after == pytest.approx(SERIES[-1].counter - SERIES[32 * 288].counter, abs=1)


def test_owner_and_settings_both_hold_the_shorter_one_of_each() -> None:
    assert Retention(100, 0).within(Retention(0, 0)) == Retention(100, 0)
    assert Retention(100, 0).within(Retention(30, 400)) == Retention(30, 400)
    assert Retention(0, 50).within(Retention(0, 0)) == Retention(50, 50)
    conn = folded()
    retention.keep(conn, SENSOR, Retention(samples_days=3))
    assert retire(conn, START + DAYS * DAY, Retention(samples_days=10)) == 37
    assert retention.of(conn, SENSOR) == Retention(samples_days=3)


def test_a_day_whose_samples_are_gone_takes_none_and_keeps_its_hours() -> None:
    """A lone late sample cannot stand for what its hour was summed up from."""
    conn = folded()
    now = START + DAYS * DAY
    retire(conn, now, Retention(samples_days=10))
    edges = [START + 3600 * hour for hour in range(DAYS * 24)]
    before = statistics.columns(conn, SENSOR, ANALOG, edges)
    late = [Sample(START + 5 * DAY + 77, 3), Sample(START + 35 * DAY + 77, SERIES[35 * 288].counter)]
    assert statements.append(conn, SENSOR, ANALOG, late) == Appended(1, 0, 1)
    assert statements.append(conn, SENSOR, ANALOG, late[:1]) == Appended(0, 0, 1)
    fold_whole(conn, now)
    assert statistics.columns(conn, SENSOR, ANALOG, edges).flowed == pytest.approx(before.flowed)


def test_what_is_deleted_goes_with_its_hours() -> None:
    conn = folded()
    retire(conn, START + DAYS * DAY, Retention(samples_days=10))
    statements.delete(conn, SENSOR, ANALOG, START, START + 20 * DAY)
    found = statistics.columns(conn, SENSOR, ANALOG, [START, START + 20 * DAY, START + 25 * DAY])
    assert (found.covered[0], found.covered[1]) == (0, pytest.approx(5 * DAY))


async def test_a_store_retires_by_itself_and_check_finds_nothing_wrong(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "cloud.db")
    sensor = await add_sensor(store)
    now = START + DAYS * DAY + SETTLED
    await store.append(sensor, SERIES, START)
    await fold_all(store, now)
    assert await store.kept_from(sensor.number) == 0
    assert await retire_all(store, now, Retention(samples_days=10)) == 30
    assert await store.kept_from(sensor.number) == now // DAY * DAY - 10 * DAY
    await store.close()
    from flukso_cloud.store.check import check

    with sqlite3.connect(tmp_path / "cloud.db", isolation_level=None) as conn:
        assert list(check(conn, repair=False)) == []


def test_an_owner_chooses_for_a_sensor(client: TestClient, owner: Owner) -> None:
    device = Fluksometer()
    body = device.registration()
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    series = [Sample(1_790_035_200 + 600 * number, 100 * number) for number in range(3 * 144)]
    body = compact({"measurements": [list(sample) for sample in series]})
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    owner.claim(device)
    owner.log_in()
    path = f"/api/v2/sensors/{device.sensor}/retention"
    assert client.get(path).json() == {"samples_days": 0, "hours_days": 0, "kept_from": 0}
    chosen = {"samples_days": 1, "hours_days": 3650}
    assert client.put(path, json=chosen).json() == chosen | {"kept_from": 0}
    refused = client.put(path, json={"samples_days": -1, "hours_days": 0})
    assert refused.status_code == 400
    assert "samples_days" in refused.text

    later = series[-1].time + DAY
    owner.store(owner.cloud.store.newest, [1])
    assert owner.store(fold_all, owner.cloud.store, later) == 3 * 144
    assert owner.store(retire_all, owner.cloud.store, later, Retention()) == 2
    kept_from = series[2 * 144].time
    assert client.get(path).json() == chosen | {"kept_from": kept_from}
    samples = f"/api/v2/sensors/{device.sensor}/samples"
    assert client.get(samples).json()["time"] == [sample.time for sample in series[2 * 144 :]]
    back = {"start": kept_from - 60, "end": kept_from, "time": [kept_from - 60], "counter": [1]}
    refused = client.put(samples, json=back)
    assert refused.status_code == 400
    assert "kept no longer" in refused.text
    added = client.post(samples, json={"time": [kept_from - 60, kept_from + 60], "counter": [1, 28_810]}).json()
    assert (added["stored"], added["refused"]) == (1, 1)
    assert added["bad"] == [{"place": 0, "why": "measurements of that day are kept no longer"}]
    assert client.delete(samples, params={"start": kept_from + 60, "end": kept_from + 61}).json() == {"deleted": 1}
    hours = {"sensor": device.sensor, "start": series[0].time, "end": later, "resolution": "hour"}
    assert client.get("/api/v2/series", params=hours).json()["series"][0]["coverage"][0] == 1
    assert client.delete(samples, params={"start": 0, "end": later}).json() == {"deleted": 144}
    assert not any(client.get("/api/v2/series", params=hours).json()["series"][0]["coverage"])


def test_the_operator_chooses_for_all() -> None:
    chosen = parse("[retention]\nsamples_days = 800\n", {"FLUKSO_CLOUD_RETENTION_HOURS_DAYS": "4000"}, "x.toml")
    assert chosen.retention.samples_days == 800
    assert chosen.retention.hours_days == 4000
    with pytest.raises(SettingsError, match="0 keeps them for ever"):
        parse("[retention]\nsamples_days = -1\n", {}, "x.toml")


class TestRoom:
    """Free pages go back to the disk, a few at a time."""

    def test_a_database_shrinks_in_steps_and_keeps_what_it_has(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "SPARE", 100)
        path = tmp_path / "cloud.db"
        conn = sqlite3.connect(path, isolation_level=None)
        room.prepare(conn, path)
        conn.execute("PRAGMA journal_mode = WAL").fetchall()
        conn.execute("CREATE TABLE t (number INTEGER PRIMARY KEY, data BLOB)")
        with conn:
            conn.executemany("INSERT INTO t VALUES (?, ?)", [(n, random.randbytes(3000)) for n in range(3000)])
        kept = conn.execute("SELECT * FROM t WHERE number % 7 = 0").fetchall()
        conn.execute("DELETE FROM t WHERE number % 7")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        size = path.stat().st_size
        steps = 0
        while True:
            conn.execute("BEGIN IMMEDIATE")
            more = room.give_back(conn)
            conn.execute("COMMIT")
            steps += 1
            if not more:
                break
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert steps > 5
        assert path.stat().st_size < size / 3
        assert conn.execute("SELECT * FROM t").fetchall() == kept
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        conn.close()

    async def test_a_database_of_an_older_version_is_prepared_once(self, tmp_path: Path) -> None:
        path = tmp_path / "cloud.db"
        store = SqliteStore.open(path)
        sensor = await add_sensor(store)
        await store.append(sensor, SERIES, START)
        await store.close()
        with sqlite3.connect(path, isolation_level=None) as conn:
            conn.execute("PRAGMA auto_vacuum = 0")
            conn.execute("VACUUM")
            assert conn.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        conn.close()
        again = SqliteStore.open(path)
        assert await again.samples(sensor, START, START + DAYS * DAY, 99_999) == SERIES
        await again.close()
        with sqlite3.connect(path) as conn:
            assert conn.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_pairs_of_the_series_are_regular() -> None:
    """What the tests above take for granted."""
    assert all(ANALOG.is_regular(*pair) for pair in pairwise(SERIES))
