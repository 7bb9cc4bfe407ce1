"""Who may read by API v1, and how it refuses: on every route alike (sections 2, 2.5 and 2.8)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import PASSWORD
from tests.cloud.served import ServedOwner

ABSENT = "0" * 32


@pytest.fixture(scope="module")
def device(served: ServedOwner) -> Fluksometer:
    device = served.device()
    served.upload(device, [[1_450_000_000, 1]])
    return device


def every_get(device: Fluksometer) -> list[tuple[str, dict[str, Any]]]:
    sensor = f"/sensor/{device.sensor}"
    return [
        (sensor, {"interval": "hour", "unit": "watt"}),
        (sensor, {"param": "all"}),
        (sensor, {"update": "true"}),
        (f"{sensor}/tmpo/sync", {"rid": 0, "lvl": 0, "bid": 0}),
        ("/user/1/sensor", {}),
        ("/user/1/device", {}),
        (f"/device/{device.id}/sensor", {}),
    ]


def test_the_token_of_every_get(served: ServedOwner, device: Fluksometer) -> None:
    """Trap 16: in the header, in the query or a session; two of them are wrong, none is nobody."""
    http = served.http
    for path, query in every_get(device):
        versioned = {"version": "1.0", **query}
        assert http.get(path, params=versioned).status_code == 200, path
        assert http.get(path, params={**versioned, "token": served.token}).status_code == 400, path
    token = http.headers.pop("X-Token")
    try:
        for path, query in every_get(device):
            versioned = {"version": "1.0", **query}
            assert http.get(path, params={**versioned, "token": token}).status_code == 200, path
            nobody = http.get(path, params=versioned)
            assert (nobody.status_code, nobody.headers["WWW-Authenticate"]) == (401, "Access refused"), path
            assert http.get(path, params={**versioned, "token": ABSENT}).status_code == 401, path
        http.post("/login", data={"name": "kees", "password": PASSWORD, "next": "/"})
        for path, query in every_get(device):
            versioned = {"version": "1.0", **query}
            assert http.get(path, params=versioned).status_code == 200, path
            assert http.get(path, params={**versioned, "token": token}).status_code == 400, path
    finally:
        http.cookies.clear()
        http.headers["X-Token"] = token


def test_bodies_of_errors_are_no_json(served: ServedOwner, device: Fluksometer) -> None:
    """They are for people; programs look at the status and, of a 401, at WWW-Authenticate."""
    http, sensor = served.http, f"/sensor/{device.sensor}"
    series = {"version": "1.0", "interval": "hour", "unit": "watt"}
    body = compact({"measurements": []})
    unsigned = {**device.headers(body), "X-Digest": "0" * 40}
    empty = served.device()
    disabled = compact({"config": {"class": "analog", "enable": 0}})
    assert served.post(empty, f"/sensor/{empty.sensor}", disabled).status_code == 204
    answers = {
        400: [http.get(sensor, params=series | {"unit": "volt"}), http.get("/sensor/x", params=series)],
        401: [
            http.get(f"/sensor/{ABSENT}", params=series),
            http.post(sensor, content=body, headers=unsigned),
            http.get("/user/0/device", params={"version": "1.0"}),
        ],
        404: [
            http.get(f"{sensor}/tmpo/0/8/256", params={"version": "1.0"}),
            http.get(f"/sensor/{empty.sensor}", params=series),
        ],
        405: [http.put(sensor), http.delete(f"/device/{device.id}")],
        406: [http.get(sensor, params=series, headers={"Accept": "image/png"})],
        413: [http.post(sensor, content=b"x" * (1024 * 1024 + 1), headers=unsigned)],
    }
    for status, refused in answers.items():
        for answer in refused:
            assert answer.status_code == status, answer.text
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert int(answer.headers["Content-Length"]) == len(answer.content) > 5
            assert ("WWW-Authenticate" in answer.headers) == (status == 401)
