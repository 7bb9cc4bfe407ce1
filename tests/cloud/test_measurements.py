"""POST /sensor: measurements, configuration, gauges."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.store import SensorConfig
from flukso_cloud.upload import SKEW, MalformedError, Measurements, read_measurements
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner

Send = Callable[..., int]
T = 1_450_000_000


def newest(owner: Owner, device: Fluksometer) -> list[int]:
    found: list[int] = owner.series(device.sensor, param="all", unit=None).json()["lastupdate"]
    return found


def test_stored_and_answered_200(client: TestClient, device: Fluksometer, owner: Owner) -> None:
    """Trap 4: FLM02 clears its buffer on 200 only."""
    owner.claim(device)
    body = compact({"measurements": [[T, 2510783], [T + 28, 2510784], [T + 59, 2510785]]})
    answer = client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
    assert (answer.status_code, answer.content) == (200, b'{"response":"ok"}')
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert newest(owner, device) == [T + 59, 2510785]


def test_duplicates_and_older_times_lose_nothing(send: Send, device: Fluksometer, owner: Owner) -> None:
    """Trap 17: the original answered 200 and lost the rest of the batch."""
    owner.claim(device)
    assert send(device, compact({"measurements": [[T + 600, 60]]})) == 200
    batch = [[T + 600, 60], [T, 0], [T, 0], [T + 300, 30], [T + 1200, 120], [T + 900, 90]]
    assert send(device, compact({"measurements": batch})) == 200
    assert newest(owner, device) == [T + 1200, 120]
    points = owner.series(device.sensor, start=T // 60 * 60 + 60, end=T + 1080, resolution="minute").json()
    assert [value for _, value in points] == [360] * len(points)


def test_sending_it_again_changes_nothing(send: Send, device: Fluksometer, owner: Owner) -> None:
    owner.claim(device)
    body = compact({"measurements": [[T + 60 * i, 10 * i] for i in range(100)]})
    assert send(device, body) == send(device, body) == 200
    first = owner.series(device.sensor, start=T, end=T + 5000, resolution="minute").content
    assert send(device, body) == 200
    assert owner.series(device.sensor, start=T, end=T + 5000, resolution="minute").content == first


@pytest.mark.parametrize("body", [b'{"measurements":[]}', b'{"measurements":[],"gauges":[]}'])
def test_nothing_measured_is_fine(send: Send, device: Fluksometer, body: bytes) -> None:
    assert send(device, body) == 200


def test_an_unknown_sensor(send: Send, client: TestClient) -> None:
    device = Fluksometer()
    body = compact({"measurements": [[T, 1]]})
    answer = client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "No proper provisioning for this sensor"


def test_a_wrong_digest_stores_nothing(client: TestClient, device: Fluksometer, owner: Owner) -> None:
    """Traps 5 to 7: another key, the decoded key, another body, upper case."""
    import hmac

    owner.claim(device)
    body = compact({"measurements": [[T, 1]]})
    wrong = [
        Fluksometer().sign(body),
        hmac.new(bytes.fromhex(device.key), body, "sha1").hexdigest(),
        device.sign(json.dumps({"measurements": [[T, 1]]}).encode()),
        device.sign(body).upper(),
    ]
    if wrong[3] == wrong[3].lower():  # a digest of digits only
        wrong.pop()
    for digest in wrong:
        headers = device.headers(body, **{"X-Digest": digest})
        answer = client.post(f"/sensor/{device.sensor}", content=body, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Incorrect digest")
    assert newest(owner, device)[1] == "NaN"


def test_the_key_of_another_device_does_not_open_it(send: Send, device: Fluksometer, client: TestClient) -> None:
    other = Fluksometer()
    body = other.registration()
    assert client.post(f"/device/{other.id}", content=body, headers=other.headers(body)).status_code == 200
    other.sensor = device.sensor
    assert send(other, compact({"measurements": [[T, 1]]})) == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[[1450000000,1]]",
        b'{"measurements":',
        b'{"measurements":[[1450000000,1]]}x',
        b'{"measurements":{}}',
        b'{"measurements":"[[1450000000,1]]"}',
        b'{"measurements":[[1450000000,NaN]]}',
        b'{"measurements":[[1450000000,Infinity]]}',
        b'{"measurements":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b',"measurements":[]}',
        b'{"measurements":[[1450000000,1]],"config":{"enable":1}}',
        b'{"config":[]}',
        b'{"config":{"enable":"yes"}}',
        b'{"config":{"enable":1,"type":"<b>"}}',
        b"\xff\xff",
        b'{"gauges":7,"measurements":[]}',
    ],
)
def test_bodies_that_cannot_be_read(send: Send, client: TestClient, device: Fluksometer, body: bytes) -> None:
    answer = client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
    assert answer.status_code == 400
    assert len(answer.text) > 5
    assert send(device, compact({"measurements": [[T, 1]]})) == 200


NOW = 1_795_401_443


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ([NOW, 1.5], "no integer"),
        ([NOW, 2.0], "no integer"),
        ([NOW, "7"], "no integer"),
        ([NOW, None], "no integer"),
        ([NOW, True], "no integer"),
        ([NOW, 2**32], "beyond 32 bits"),
        ([NOW, -(2**31) - 1], "beyond 32 bits"),
        ([NOW, 10**30], "beyond 32 bits"),
        ([NOW + SKEW + 1, 1], "time in the future"),
        ([10**30, 1], "time in the future"),
        ([-1, 1], "no time"),
        ([0, 1], "no time"),
        ([float(NOW), 1], "no time"),
        ([str(NOW), 1], "no time"),
        ([NOW], "no pair"),
        ([NOW, 1, 2], "no pair"),
        (7, "no pair"),
        ({}, "no pair"),
    ],
)
def test_a_bad_pair_is_left_out_and_the_others_stay(pair: Any, reason: str) -> None:
    """Section 2.3: the rest of the batch is stored, wherever the bad one stands (trap 17)."""
    good = [NOW - 60, 5]
    for batch in ([pair, good], [good, pair]):
        upload = read_measurements(compact({"measurements": batch}), NOW)
        assert isinstance(upload, Measurements)
        assert upload.samples == [tuple(good)]
        assert upload.refused == {reason: 1}


@pytest.mark.parametrize("pair", [[NOW + SKEW, 1], [NOW, 0], [NOW, 2**32 - 1], [NOW, -(2**31)], [1_199_487_600, 3]])
def test_pairs_at_the_limits(pair: list[int]) -> None:
    upload = read_measurements(compact({"measurements": [pair]}), NOW)
    assert isinstance(upload, Measurements)
    assert upload.samples == [tuple(pair)]


def test_times_in_the_future_are_answered_ok_counted_and_not_stored(
    send: Send, device: Fluksometer, owner: Owner, caplog: pytest.LogCaptureFixture
) -> None:
    owner.claim(device)
    now = int(time.time())
    assert send(device, compact({"measurements": [[now - 60, 1], [now + 3600, 2], [now + 7200, 3]]})) == 200
    assert newest(owner, device) == [now - 60, 1]
    assert owner.cloud.ingest.refused == {"time in the future": 2}
    assert "time in the future" in caplog.text


def test_configuration_is_answered_204(client: TestClient, send: Send, device: Fluksometer, owner: Owner) -> None:
    """Section 2.4, and 11.1: the UART sensor's body has no type."""
    owner.claim(device)
    config = {"class": "analog", "type": "electricity", "function": "kitchen", "voltage": 230, "current": 50}
    body = compact({"config": config | {"enable": 1}})
    answer = client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
    assert (answer.status_code, answer.content) == (204, b"")
    found = owner.series(device.sensor, param="all", unit=None).json()
    assert {name: found[name] for name in config} == config
    assert found["constant"] is None
    assert send(device, compact({"config": {"enable": 1, "class": "uart"}})) == 204
    assert send(device, compact({"measurements": [[T, 1]]})) == 200


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=20))
def test_no_measurements_break_the_reader(content: Any) -> None:
    try:
        body = json.dumps({"measurements": content, "gauges": content}, allow_nan=False).encode()
    except ValueError:
        body = json.dumps({"measurements": content}).encode()
    try:
        upload = read_measurements(body, NOW)
    except MalformedError:
        return
    assert isinstance(upload, Measurements)


MEMBERS = st.sampled_from(["type", "class", "function", "voltage", "phase", "enable"])


@given(st.dictionaries(MEMBERS, st.none() | st.integers() | st.text()))
def test_no_config_breaks_the_reader(members: dict[str, Any]) -> None:
    try:
        config = read_measurements(compact({"config": members}), NOW)
    except MalformedError:
        return
    assert isinstance(config, SensorConfig)


def test_gauges_are_shown_and_not_stored(client: TestClient, send: Send, device: Fluksometer, owner: Owner) -> None:
    owner.claim(device)
    now = int(time.time())
    assert send(device, compact({"measurements": [], "gauges": [[now - 1, 400], [now, 463.5], [now, "x"]]})) == 200
    [found] = client.get("/api/v2/devices", headers={"X-Token": owner.token}).json()["devices"]
    assert found["name"] == f"flukso-{device.id[:6]}"
    assert abs(found["last_seen"] - now) < 60
    assert found["sensors"] == [
        {
            "id": device.sensor,
            "type": "electricity",
            "class": "analog",
            "name": "Main",
            "counter_unit": "Wh",
            "gauge_unit": "W",
            "measurement": None,
            "gauge": {"time": now, "value": 463.5},
        }
    ]
    assert newest(owner, device)[1] == "NaN"
