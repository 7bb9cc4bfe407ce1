"""Devices that are released, forgotten or expire, accounts that close: what is kept of them goes, and nothing else."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from starlette.testclient import TestClient

from flukso_cloud.claim import claim_code
from flukso_cloud.home import Home
from flukso_cloud.store.forgetting import FORGET, RELEASE
from flukso_cloud.store.schema import migrations
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud import kept
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.test_peers import Person, registered

DAY = 86400


def upload(client: TestClient, device: Fluksometer) -> int:
    now = int(time.time())
    body = compact({"measurements": [[now - 60, 100], [now, 101]], "gauges": [[now, 60]]})
    return client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code


def register(client: TestClient, device: Fluksometer) -> int:
    body = device.registration()
    return client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code


def rows(home: Home, table: str) -> int:
    if table == "samples":
        return kept.count(home.database)
    with sqlite3.connect(home.database) as conn:
        return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def kees(client: TestClient, device: Fluksometer) -> Person:
    """The owner of a device that has measured, and shares it with mallory, who listens."""
    kees, mallory = Person(client, "kees"), Person(client, "mallory")
    kees.claim(device)
    assert upload(client, device) == 200
    kees.share(device.sensor, {"account": "mallory"})
    mallory.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    assert kees.ask("POST", "/api/v2/tokens", {"name": "x", "sensors": [device.sensor]}).status_code == 201
    return kees


def test_claimed_by_its_code(client: TestClient, device: Fluksometer) -> None:
    kees, mallory = Person(client, "kees"), Person(client, "mallory")
    code = {"code": claim_code(device.key.encode(), device.id)}
    assert kees.ask("POST", "/api/v2/claims", {"code": "0000-0000"}).status_code == 404
    answer = kees.ask("POST", "/api/v2/claims", code)
    assert (answer.status_code, answer.json()) == (201, {"device": device.id})
    assert mallory.ask("POST", "/api/v2/claims", code).status_code == 409
    assert kees.client.post("/api/v2/claims", json=code, headers={"X-Token": kees.token}).status_code == 401
    for _ in range(19):
        mallory.ask("POST", "/api/v2/claims", {"code": "0000-0000"})
    assert mallory.ask("POST", "/api/v2/claims", code).status_code == 429


def test_released(client: TestClient, kees: Person, device: Fluksometer, home: Home) -> None:
    mallory, path = Person(client, "mallory"), f"/api/v2/devices/{device.id}"
    assert mallory.ask("DELETE", path).status_code == mallory.ask("DELETE", f"/api/v2/devices/{'0' * 32}").status_code
    assert client.delete(path, headers={"X-Token": kees.token}).status_code == 401
    assert kees.ask("DELETE", path).status_code == 204
    assert kees.ask("DELETE", path).status_code == 401
    assert kees.series(device.sensor, interval="hour").status_code == 401
    assert mallory.subscriptions() == []
    for table in ("samples", "shares", "subscriptions", "token_sensors"):
        assert rows(home, table) == 0, table
    assert upload(client, device) == 200, "it goes on measuring, for who claims it next"
    mallory.claim(device)
    (shown,) = client.get("/api/v2/devices", headers={"X-Token": mallory.token}).json()["devices"]
    assert shown["sensors"][0]["measurement"]["counter"] == 101
    assert rows(home, "samples") == 2


def test_a_token_for_sensors_that_are_gone_opens_nothing(client: TestClient, kees: Person, device: Fluksometer) -> None:
    token = kees.ask("POST", "/api/v2/tokens", {"name": "y", "sensors": [device.sensor]}).json()["token"]
    another = registered(client)
    kees.claim(another)
    kees.ask("DELETE", f"/api/v2/devices/{device.id}")
    assert client.get("/api/v2/devices", headers={"X-Token": token}).status_code == 401
    assert kees.series(another.sensor, interval="hour", token=token).status_code == 401


def test_what_nobody_claims_expires_and_registers_anew(client: TestClient, device: Fluksometer, home: Home) -> None:
    kees = Person(client, "kees")
    claimed, now = registered(client), int(time.time())
    kees.claim(claimed)
    assert upload(client, device) == upload(client, claimed) == 200
    expire = kees.cloud.departures.expire
    kees.store(expire, now - DAY, now)
    assert rows(home, "devices") == 2, "not yet"
    kees.store(expire, now + DAY, now)
    assert (rows(home, "devices"), rows(home, "sensors"), rows(home, "samples")) == (1, 1, 2)
    assert upload(client, device) == 401, "also where its key was kept in memory"
    body = compact({"config": {"enable": 1}})
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 401
    assert register(client, device) == 200
    kees.claim(device)
    assert upload(client, device) == 200
    assert rows(home, "samples") == 4


def test_a_number_is_never_given_again(client: TestClient, device: Fluksometer) -> None:
    """An upload that is on its way to a sensor that has just gone must not reach another one."""
    kees, now = Person(client, "kees"), int(time.time())
    before = kees.store(kees.cloud.store.sensor, device.sensor).number
    kees.store(kees.cloud.departures.expire, now + DAY, now)
    register(client, device)
    assert kees.store(kees.cloud.store.sensor, device.sensor).number > before


@pytest.mark.parametrize("how", [RELEASE, FORGET])
def test_cut_off_on_the_way(client: TestClient, kees: Person, device: Fluksometer, home: Home, how: str) -> None:
    number = kees.store(kees.cloud.store.device, device.id).number
    kees.store(kees.cloud.store.mark_leaving, number, how, 1)
    assert kees.series(device.sensor, interval="hour").status_code == 401
    code = claim_code(device.key.encode(), device.id)
    claim = kees.cloud.accounts.claim
    assert kees.store(claim, code, kees.account, "192.0.2.1").outcome == "unknown", "the old readings are still there"
    kees.store(kees.cloud.departures.finish)
    assert rows(home, "samples") == 0
    expected = "ok" if how == RELEASE else "unknown"
    assert kees.store(claim, code, kees.account, "192.0.2.1").outcome == expected


def closed(kees: Person) -> Any:
    kees.store(kees.cloud.departures.close_account, kees.account, int(time.time()))


def test_an_account_takes_all_with_it(client: TestClient, kees: Person, device: Fluksometer, home: Home) -> None:
    theirs, mallory = registered(client), Person(client, "mallory")
    mallory.claim(theirs)
    upload(client, theirs)
    closed(kees)
    with sqlite3.connect(home.database) as conn:
        left = {
            name: conn.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("accounts", "shares", "subscriptions", "token_sensors", "devices")
        }
        tokens = conn.execute("SELECT DISTINCT account FROM tokens").fetchall()
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
    assert kept.count(home.database) == 2
    assert left == {
        "accounts": 1,
        "shares": 0,
        "subscriptions": 0,
        "token_sensors": 0,
        "devices": 2,
    }
    assert tokens == [(mallory.account,)]
    assert kees.log_in().headers["Location"].startswith("/login?error")
    mallory.claim(device)


def test_what_was_unclaimed_before_the_upgrade_expires_from_then_on(tmp_path: Path) -> None:
    """A first start of this version deletes nothing."""
    database = Database(tmp_path / "old.db")
    migrations.apply(database, stop_before="scoped_tokens_groups_and_requests")
    old = {"id": "ab" * 16, "sealed_key": b"", "claim": b"", "created": 1, "last_seen": 1, "resets": 0}
    database["devices"].insert(old)
    database.close()

    async def upgraded() -> int:
        store = SqliteStore.open(tmp_path / "old.db")
        try:
            now = int(time.time())
            await store.mark_expired(now - DAY, now)
            return len(await store.leaving())
        finally:
            await store.close()

    assert asyncio.run(upgraded()) == 0
