"""Tokens with a scope: shown once, limited to what they are for, listed and revoked."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.test_peers import Person

PATH = "/api/v2/tokens"
GAS = "12" * 16


@pytest.fixture
def kees(client: TestClient, device: Fluksometer) -> Person:
    """The owner of a device with two sensors."""
    more = device.sensors | {GAS: {"type": "gas", "class": "pulse", "function": "Gas"}}
    body = device.heartbeat(sensors=more)
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    kees = Person(client, "kees")
    kees.claim(device)
    return kees


def made(person: Person, **members: Any) -> Any:
    answer = person.ask("POST", PATH, {"name": "test"} | members)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_shown_once_and_stored_as_its_hash(kees: Person, home: Home) -> None:
    token = made(kees, name="Home Assistant", resolution="hour")
    assert token["token"].startswith("flk_")
    (listed,) = kees.ask("GET", PATH).json()["tokens"]
    assert listed == {name: value for name, value in token.items() if name != "token"}
    assert (listed["name"], listed["sensors"], listed["write"], listed["resolution"], listed["used"]) == (
        "Home Assistant",
        None,
        False,
        "hour",
        None,
    )
    with sqlite3.connect(home.database) as conn:
        assert token["token"] not in "\n".join(conn.iterdump())
        digest = hashlib.sha256(token["token"].encode()).digest()
        assert conn.execute("SELECT count(*) FROM tokens WHERE hash = ?", [digest]).fetchone() == (1,)


@pytest.mark.parametrize("by", ["X-Token", "Authorization", "token"])
def test_however_it_comes(kees: Person, device: Fluksometer, by: str) -> None:
    token = made(kees)["token"]
    headers = {"X-Token": token} if by == "X-Token" else {"Authorization": f"Bearer {token}"}
    query = {"token": token} if by == "token" else {}
    answer = kees.client.get("/api/v2/devices", headers={} if query else headers, params=query)
    assert [one["id"] for one in answer.json()["devices"]] == [device.id]
    twice = kees.client.get("/api/v2/devices", headers={"X-Token": token}, params={"token": token})
    assert twice.status_code == 400


def test_the_last_day_of_use(kees: Person) -> None:
    token = made(kees)["token"]
    kees.client.get("/api/v2/devices", headers={"X-Token": token})
    days = {datetime.now(UTC).date().isoformat()}
    (listed,) = kees.ask("GET", PATH).json()["tokens"]
    assert listed["used"] in days | {datetime.now(UTC).date().isoformat()}


def test_for_some_sensors_alone(kees: Person, device: Fluksometer) -> None:
    token = made(kees, sensors=[GAS])["token"]
    assert kees.series(GAS, interval="hour", token=token).status_code == 200
    assert kees.series(device.sensor, interval="hour", token=token).status_code == 401
    for path in ("/api/v2/devices", "/api/v2/subscriptions", f"/api/v2/sensors/{GAS}/shares"):
        assert kees.client.get(path, headers={"X-Token": token}).status_code == 401, path


def test_at_its_resolution_or_coarser(kees: Person, device: Fluksometer) -> None:
    token = made(kees, resolution="hour")["token"]
    assert kees.series(device.sensor, interval="day", resolution="hour", token=token).status_code == 200
    assert kees.series(device.sensor, interval="hour", token=token).status_code == 403
    for path in (f"/sensor/{device.sensor}?version=1.0&param=all", f"/api/v2/sensors/{device.sensor}/shares"):
        assert kees.client.get(path, headers={"X-Token": token}).status_code in {401, 403}, path


def test_until_it_expires(kees: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    token = made(kees, expires=now + 60)["token"]
    header = {"X-Token": token}
    assert kees.client.get("/api/v2/devices", headers=header).status_code == 200
    monkeypatch.setattr("flukso_cloud.api.access.unix_now", lambda: now + 60)
    assert kees.client.get("/api/v2/devices", headers=header).status_code == 401


def test_revoked(kees: Person) -> None:
    kept, gone = made(kees), made(kees)
    assert kees.ask("DELETE", f"{PATH}/{gone['id']}").status_code == 204
    assert kees.ask("DELETE", f"{PATH}/{gone['id']}").status_code == 401
    assert kees.client.get("/api/v2/devices", headers={"X-Token": gone["token"]}).status_code == 401
    assert kees.client.get("/api/v2/devices", headers={"X-Token": kept["token"]}).status_code == 200
    assert [one["id"] for one in kees.ask("GET", PATH).json()["tokens"]] == [kept["id"]]


def test_a_token_that_writes_manages_and_makes_no_tokens(kees: Person, device: Fluksometer) -> None:
    path = f"/api/v2/sensors/{device.sensor}/shares"
    shares = {"shares": [{"account": "mallory"}]}
    for wanted, status in (({}, 401), ({"write": True, "sensors": [device.sensor]}, 401), ({"write": True}, 200)):
        headers = {"X-Token": made(kees, **wanted)["token"]}
        assert kees.client.put(path, json=shares, headers=headers).status_code == status, wanted
        assert kees.client.get(PATH, headers=headers).status_code == 401
        assert kees.client.post(PATH, json={"name": "more"}, headers=headers).status_code == 401


def test_an_old_token_stays_when_others_are_made(kees: Person) -> None:
    made(kees)
    made(kees, sensors=[GAS])
    assert kees.client.get("/api/v2/devices", headers={"X-Token": kees.token}).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        ({}, 400, "send {"),
        ({"name": ""}, 400, "send {"),
        ({"name": " x"}, 400, "send {"),
        ({"name": "x\n"}, 400, "send {"),
        ({"name": "x" * 65}, 400, "send {"),
        ({"name": "x", "sensors": []}, 400, "send {"),
        ({"name": "x", "sensor": GAS}, 400, "send {"),
        ({"name": "x", "resolution": "second"}, 400, "resolution is one of live"),
        ({"name": "x", "expires": 1}, 400, "a time to come"),
        ({"name": "x", "sensors": ["0" * 32]}, 401, "Access refused"),
    ],
)
def test_what_is_wrong_with_a_wish(kees: Person, wanted: dict[str, Any], status: int, said: str) -> None:
    answer = kees.ask("POST", PATH, wanted)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert kees.ask("GET", PATH).json() == {"tokens": []}


def test_not_for_a_sensor_of_somebody_else(kees: Person, client: TestClient, device: Fluksometer) -> None:
    mallory = Person(client, "mallory")
    foreign, unknown = (mallory.ask("POST", PATH, {"name": "x", "sensors": [one]}) for one in (GAS, "0" * 32))
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
    assert foreign.status_code == 401
