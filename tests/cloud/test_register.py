"""POST /device: autoregistration and heartbeat."""

from __future__ import annotations

import hmac
import re
import sqlite3
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner


def beat(client: TestClient, device: Fluksometer, body: bytes, **headers: str) -> Any:
    return client.post(f"/device/{device.id}", content=body, headers=device.headers(body, **headers))


def test_a_new_device_registers_and_gets_a_signed_answer(client: TestClient) -> None:
    """Traps 6 and 9: the digest is that of the raw answer, and upgrade is the integer 0."""
    device = Fluksometer()
    answer = beat(client, device, device.registration())
    assert answer.status_code == 200
    assert answer.headers["X-Digest"] == hmac.new(device.key.encode(), answer.content, "sha1").hexdigest()
    content = answer.json()
    assert content == {"upgrade": 0, "timestamp": content["timestamp"], "live": 1, "claimed": 0, "refused": []}
    assert abs(content["timestamp"] - time.time()) < 60
    assert re.match(rb'\{"upgrade":0,"timestamp":[0-9]+,', answer.content)


def test_upgrade_is_never_the_version(client: TestClient, device: Fluksometer) -> None:
    """Trap 8: an upgrade equal to the device's version reboots it."""
    for version in (0, 1, 250):
        assert beat(client, device, device.heartbeat(version=version)).json()["upgrade"] == 0


def test_heartbeats_of_old_devices_and_unknown_members(client: TestClient, device: Fluksometer) -> None:
    v1 = {"reset": 1, "version": 111, "uptime": 3, "memtotal": 1, "memcached": 1, "membuffers": 1, "memfree": 1}
    for members in (v1, v1 | {"uart_oe": 4, "syslog": "H4sIAA==", "network": {"x": []}}, {}):
        body = compact(members)
        assert beat(client, device, body).status_code == 200


def test_registering_again_changes_nothing(client: TestClient) -> None:
    device = Fluksometer()
    for _ in range(2):
        assert beat(client, device, device.registration()).status_code == 200
    assert beat(client, device, device.heartbeat()).status_code == 200


def test_another_key_is_refused(client: TestClient, device: Fluksometer) -> None:
    thief = Fluksometer(id=device.id, sensor=device.sensor)
    answer = beat(client, thief, thief.registration())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Incorrect digest"
    body = device.registration(key=thief.key)
    assert beat(client, device, body).status_code == 401
    assert beat(client, device, device.heartbeat()).status_code == 200


def test_a_registration_has_to_be_signed_with_its_key(client: TestClient) -> None:
    device = Fluksometer()
    body = device.registration()
    answer = beat(client, device, body, **{"X-Digest": Fluksometer().sign(body)})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Incorrect digest")


def test_an_unknown_device_without_a_key_is_refused(client: TestClient) -> None:
    device = Fluksometer()
    answer = beat(client, device, device.heartbeat())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "No proper provisioning for this device"


def test_a_sensor_of_another_device_is_listed_as_refused(client: TestClient, device: Fluksometer) -> None:
    other = Fluksometer(sensor=device.sensor)
    assert beat(client, other, other.registration()).json()["refused"] == [device.sensor]


def test_a_sensor_added_later(client: TestClient, device: Fluksometer) -> None:
    more = device.sensors | {"12" * 16: {"type": "gas", "class": "pulse", "function": "Gas"}, "not an id": {}}
    assert beat(client, device, device.heartbeat(sensors=more)).json()["refused"] == ["not an id"]
    gas = Fluksometer(device.id, device.key, "12" * 16)
    body = b'{"measurements":[[1450000000,1]]}'
    assert client.post(f"/sensor/{gas.sensor}", content=body, headers=gas.headers(body)).status_code == 200


def test_the_answer_tells_when_it_is_claimed(client: TestClient, device: Fluksometer, owner: Owner) -> None:
    owner.claim(device)
    assert beat(client, device, device.heartbeat()).json()["claimed"] == 1


def test_ids_that_look_like_numbers(client: TestClient, owner: Owner) -> None:
    """Trap 34: digits and one e also read as a number; ids stay text, and are never issued here."""
    device = Fluksometer(id="1" * 29 + "e02", sensor="0" * 28 + "1e05")
    assert beat(client, device, device.registration()).status_code == 200
    body = b'{"measurements":[[1450000000,7]]}'
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    owner.claim(device)
    devices = client.get("/api/v2/devices", headers={"X-Token": owner.token}).json()["devices"]
    assert [found["id"] for found in devices] == [device.id]
    assert devices[0]["sensors"][0]["id"] == device.sensor
    assert devices[0]["sensors"][0]["measurement"]["counter"] == 7


@pytest.mark.parametrize(
    ("changed", "query"),
    [
        ({"X-Version": "2.0"}, ""),
        ({"X-Version": ""}, ""),
        ({}, "?version=1.0"),
        ({"X-Digest": ""}, ""),
        ({"X-Digest": "0" * 39}, ""),
        ({"X-Digest": "0" * 41}, ""),
    ],
)
def test_malformed_headers(client: TestClient, device: Fluksometer, changed: dict[str, str], query: str) -> None:
    """Trap 16 for devices: the version comes in the header only."""
    body = device.heartbeat()
    path = f"/device/{device.id}{query}"
    answer = client.post(path, content=body, headers=device.headers(body, **changed))
    assert answer.status_code == 400
    assert "send X-" in answer.text


@pytest.mark.parametrize("name", ["", "ab", "AB" * 16, "ab" * 16 + "0", "zz" * 16, "ab" * 15 + "%0A0"])
def test_malformed_ids(client: TestClient, name: str) -> None:
    device = Fluksometer(id=name)
    assert beat(client, device, device.registration()).status_code in {400, 404}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"reset":"1"}',
        b'{"reset":-1}',
        b'{"reset":1,"version":99999999999999999999}',
        b'{"reset":1,"sensors":[]}',
        b'{"key":"short"}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"reset":' + b"9" * 100_000 + b"}",
    ],
)
def test_bodies_that_cannot_be_read(client: TestClient, device: Fluksometer, body: bytes) -> None:
    answer = beat(client, device, body)
    assert answer.status_code == 400
    assert len(answer.text) > 5


def test_what_was_lost_by_the_log_is_not_needed(client: TestClient, device: Fluksometer) -> None:
    for uptime in (10**30, -5, 0, 2**40):
        assert beat(client, device, device.heartbeat(uptime=uptime)).status_code == 200


def test_keys_and_codes_are_encrypted_at_rest(client: TestClient, home: Home, device: Fluksometer) -> None:
    from flukso_cloud.claim import claim_code

    with sqlite3.connect(home.database) as conn:
        dump = "\n".join(conn.iterdump()).lower()
    code = claim_code(device.key.encode(), device.id)
    for secret in (device.key, device.key.encode().hex(), code.lower(), code.replace("-", "").encode().hex()):
        assert secret not in dump
    assert home.server_key.stat().st_mode & 0o777 == 0o600


def test_a_foreign_server_key_is_named_and_loses_nothing(
    home: Home, device: Fluksometer, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    from flukso_cloud.app import create_app

    home.server_key.write_bytes(bytes(32))
    with TestClient(create_app(home), base_url="https://cloud.example") as other:
        assert beat(other, device, device.heartbeat()).status_code == 503
    assert "another server.key" in caplog.text


def test_new_devices_of_one_address_are_limited(client: TestClient) -> None:
    device, statuses = Fluksometer(), []
    for _ in range(62):
        device = Fluksometer()
        statuses.append(beat(client, device, device.registration()).status_code)
    assert statuses[:60] == [200] * 60
    assert statuses[60:] == [429] * 2
    assert beat(client, device, device.registration()).headers["Retry-After"] == "60"
