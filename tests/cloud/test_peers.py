"""Sharing a sensor and subscribing to somebody else's; a device hears what its owner is subscribed to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.api.access import COOKIE
from flukso_cloud.coarse import Coarse
from flukso_cloud.live import Broadcaster, Reading, Told
from flukso_cloud.meter import Meter
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner

SENSOR = "a1" * 16


class Person(Owner):
    """Somebody who is logged in when asked to, and not otherwise."""

    session = ""

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> Any:
        """Send a request with a session of this person's."""
        self.client.cookies.clear()
        if not self.session:
            assert self.log_in().headers["Location"] == "/"
            self.session = self.client.cookies[COOKIE]
            self.client.cookies.clear()
        return self.client.request(
            method, path, json=content, headers={"Cookie": f"{COOKIE}={self.session}", **headers}
        )

    def share(self, sensor: str, *shares: dict[str, Any]) -> Any:
        """Share a sensor so, and no otherwise."""
        return self.ask("PUT", f"/api/v2/sensors/{sensor}/shares", {"shares": list(shares)})

    def subscriptions(self) -> Any:
        """What this person hears of."""
        answer = self.client.get("/api/v2/subscriptions", headers={"X-Token": self.token})
        assert answer.status_code == 200, answer.text
        return answer.json()["subscriptions"]


@pytest.fixture
def kees(client: TestClient) -> Person:
    return Person(client, "kees")


@pytest.fixture
def mallory(client: TestClient) -> Person:
    return Person(client, "mallory")


@pytest.fixture
def sensor(kees: Person, device: Fluksometer) -> str:
    """A sensor of kees."""
    kees.claim(device)
    return device.sensor


def registered(client: TestClient) -> Fluksometer:
    """Another device."""
    device = Fluksometer()
    body = device.registration()
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    return device


def test_shared_subscribed_and_taken_back(kees: Person, mallory: Person, sensor: str) -> None:
    path = f"/api/v2/subscriptions/{sensor}"
    assert mallory.ask("PUT", path).status_code == 401
    answer = kees.share(sensor, {"account": "Mallory", "resolution": "15min"})
    (told,) = answer.json()["shares"]
    assert told.pop("since") >= int(time.time()) - 5, "not the past, unless its owner says so"
    assert told == {"account": "mallory", "group": None, "resolution": "15min", "past": False}
    assert mallory.subscriptions() == []
    assert mallory.ask("PUT", path).status_code == mallory.ask("PUT", path).status_code == 204
    assert [(one["sensor"], one["owner"], one["resolution"]) for one in mallory.subscriptions()] == [
        (sensor, "kees", "15min")
    ]
    kees.share(sensor, {"account": None, "resolution": "live"}, {"account": "mallory", "resolution": "15min"})
    assert [one["resolution"] for one in mallory.subscriptions()] == ["live"], "the finest counts"
    assert kees.share(sensor).json() == {"shares": []}
    assert mallory.subscriptions() == []
    kees.share(sensor, {"account": None})
    assert len(mallory.subscriptions()) == 1, "back again with the share"
    assert mallory.ask("DELETE", path).status_code == 204
    assert mallory.subscriptions() == []


def test_nobody_subscribes_to_what_is_his_own(kees: Person, sensor: str) -> None:
    kees.share(sensor, {"account": None})
    assert kees.ask("PUT", f"/api/v2/subscriptions/{sensor}").status_code == 401
    assert kees.subscriptions() == []


def test_only_the_owner_shares_and_only_with_a_session(kees: Person, mallory: Person, sensor: str) -> None:
    path = f"/api/v2/sensors/{sensor}/shares"
    assert mallory.share(sensor, {"account": None}).status_code == 401
    assert mallory.ask("GET", path).status_code == 401
    token = {"X-Token": kees.token}
    assert kees.client.get(path, headers=token).json() == {"shares": []}
    assert kees.client.put(path, headers=token, json={"shares": [{"account": None}]}).status_code == 401
    assert kees.client.put(f"/api/v2/subscriptions/{sensor}", headers=token).status_code == 401
    assert kees.client.get(path).status_code == kees.client.get("/api/v2/subscriptions").status_code == 401
    assert kees.client.get(path, headers=token).json() == {"shares": []}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"shares": [{"account": "nobody"}]}, "there is no account 'nobody' here; nothing was changed"),
        ({"shares": [{"account": None, "resolution": "second"}]}, "resolution is one of live, minute, 15min"),
        ({"shares": [{"resolution": "live"}]}, "send {"),
        ({"shares": [{"account": None, "resolutoin": "live"}]}, "send {"),
        ({"share": []}, "send {"),
        ([], "send {"),
    ],
)
def test_a_wrong_share_changes_nothing(kees: Person, sensor: str, content: Any, said: str) -> None:
    kees.share(sensor, {"account": None, "resolution": "hour"})
    answer = kees.ask("PUT", f"/api/v2/sensors/{sensor}/shares", content)
    assert (answer.status_code, said in answer.text) == (400, True), answer.text
    shares = kees.ask("GET", f"/api/v2/sensors/{sensor}/shares").json()["shares"]
    assert [(one["account"], one["resolution"]) for one in shares] == [(None, "hour")]


def test_the_newest_values_only_of_what_is_shared_live(
    client: TestClient, kees: Person, mallory: Person, device: Fluksometer, sensor: str
) -> None:
    now = int(time.time())
    body = compact({"measurements": [[now, 4711]], "gauges": [[now, 463]]})
    assert client.post(f"/sensor/{sensor}", content=body, headers=device.headers(body)).status_code == 200
    kees.share(sensor, {"account": None})
    mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}")
    (shown,) = mallory.subscriptions()
    assert shown["measurement"] == {"time": now, "counter": 4711}
    assert shown["gauge"] == {"time": now, "value": 463}
    kees.share(sensor, {"account": None, "resolution": "hour"})
    (shown,) = mallory.subscriptions()
    assert (shown["measurement"], shown["gauge"]) == (None, None)


def token_of(client: TestClient, device: Fluksometer, at: int | None = None) -> Any:
    body = compact({"time": int(time.time()) if at is None else at})
    return client.post(f"/device/{device.id}/token", content=body, headers=device.headers(body))


def test_a_device_hears_its_owners_subscriptions_and_nothing_else(
    client: TestClient, kees: Person, mallory: Person, sensor: str
) -> None:
    device = registered(client)
    answer = token_of(client, device)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Nobody has claimed this device")
    mallory.claim(device)
    answer = token_of(client, device)
    assert answer.status_code == 200
    assert answer.headers["x-digest"] == device.sign(answer.content)
    assert answer.headers["cache-control"] == "no-store"
    token = {"X-Token": answer.json()["token"]}
    assert client.get("/api/v2/subscriptions", headers=token).json() == {"subscriptions": []}
    kees.share(sensor, {"account": "mallory"})
    mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}")
    (shown,) = client.get("/api/v2/subscriptions", headers=token).json()["subscriptions"]
    assert shown["sensor"] == sensor
    for path in (
        "/api/v2/devices",
        f"/api/v2/live?sensor={device.sensor}",
        f"/api/v2/sensors/{device.sensor}/shares",
        f"/sensor/{device.sensor}?version=1.0&unit=watt&interval=day",
        f"/sensor/{sensor}?version=1.0&unit=watt&interval=day",
    ):
        assert client.get(path, headers=token).status_code == 401, path
    again = {"X-Token": token_of(client, device).json()["token"]}
    assert client.get("/api/v2/subscriptions", headers=token).status_code == 401, "the token before is revoked"
    assert client.get("/api/v2/subscriptions", headers=again).status_code == 200
    assert mallory.subscriptions(), "the account's own token is another"


def test_a_token_is_not_given_to_a_recording_or_a_stranger(
    client: TestClient, mallory: Person, device: Fluksometer
) -> None:
    mallory.claim(device)
    assert token_of(client, device, int(time.time()) - 301).status_code == 400
    assert token_of(client, device, int(time.time()) + 301).status_code == 400
    stranger = Fluksometer()
    assert token_of(client, stranger).status_code == 401
    stranger.id = device.id
    assert token_of(client, stranger).status_code == 401
    for body in (b"", b"{}", b'{"time": "now"}', b"[1]", b'{"time": 1e400}'):
        path = f"/device/{device.id}/token"
        assert client.post(path, content=body, headers=device.headers(body)).status_code == 400, body


class TestLive:
    """What a listener gets of somebody else's sensor."""

    def test_a_coarse_share_tells_the_edges_of_its_buckets_and_the_mean_between(self) -> None:
        coarse = Coarse(900, 3600, Meter.of_class("analog"))
        told = [coarse.take(Reading(SENSOR, 900 * 4 + at, 1000 + at // 36, 100.0)) for at in range(0, 1900, 10)]
        heard = [reading for reading in told if reading is not None]
        assert heard == [
            Reading(SENSOR, 3600, 1000, None),
            Reading(SENSOR, 4500, 1025, 100.0),
            Reading(SENSOR, 5400, 1050, 100.0),
        ]
        assert coarse.take(Reading(SENSOR, 9000, None, 7.0)) is None
        assert coarse.take(Reading(SENSOR, 9000, 3, 7.0)) == Reading(SENSOR, 9000, 3, None), "a meter that was reset"

    async def test_a_share_taken_back_ends_the_stream_at_once(self) -> None:
        live = Broadcaster()
        with live.listen([SENSOR], 7) as his, live.listen([SENSOR], 8) as hers:
            live.publish([Reading(SENSOR, 10, 1, None)])
            live.hang_up(7)
            live.publish([Reading(SENSOR, 11, 2, None)])
            assert his.is_over
            assert his.take() == []
            assert not hers.is_over
            assert hers.take() == [Told(Reading(SENSOR, 10, 1, None), 1), Told(Reading(SENSOR, 11, 2, None), 2)]

    def test_a_stream_of_a_peer(
        self, client: TestClient, kees: Person, mallory: Person, device: Fluksometer, sensor: str
    ) -> None:
        kees.share(sensor, {"account": None})
        path = f"/api/v2/live?sensor={sensor}"
        token = {"X-Token": mallory.token}
        assert client.get(path, headers=token).status_code == 401, "nobody hears what he has not subscribed to"
        mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}")
        assert list(self.heard(client, kees, device, path, token)) == [4711]
        assert client.get(path, headers=token).status_code == 401

    @staticmethod
    def heard(client: TestClient, kees: Person, device: Fluksometer, path: str, token: dict[str, str]) -> Iterator[int]:
        """Upload a counter once the stream is open, then take the share back; the counters that were heard."""

        def upload_then_take_back() -> None:
            time.sleep(0.5)
            body = compact({"measurements": [[int(time.time()), 4711]]})
            client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
            time.sleep(0.3)
            kees.share(device.sensor)

        thread = threading.Thread(target=upload_then_take_back)
        thread.start()
        answer = client.get(path, headers=token)
        thread.join()
        for line in answer.text.splitlines():
            if line.startswith("data: "):
                yield json.loads(line[6:])["counter"]


def test_the_latest_values_are_none_from_before_it_was_shared(
    client: TestClient, kees: Person, mallory: Person, device: Fluksometer, sensor: str
) -> None:
    """Nor finer than it is shared; whoever has not subscribed is told nothing."""
    now = int(time.time())
    body = compact({"measurements": [[now - 7200, 1], [now - 60, 2]], "gauges": [[now - 60, 5]]})
    assert client.post(f"/sensor/{sensor}", content=body, headers=device.headers(body)).status_code == 200
    kees.share(sensor, {"account": "mallory"})
    path = f"/api/v2/latest?sensor={sensor}"
    assert mallory.ask("GET", path).status_code == 401
    mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}")

    def latest(person: Person) -> list[Any]:
        (found,) = person.ask("GET", path).json()["sensors"]
        return [found["measurement"], found["gauge"]]

    assert latest(mallory) == [None, None]
    assert latest(kees) == [{"time": now - 60, "counter": 2}, {"time": now - 60, "value": 5}]
    kees.share(sensor, {"account": "mallory", "past": True})
    assert latest(mallory) == latest(kees)
    kees.share(sensor, {"account": "mallory", "resolution": "hour", "past": True})
    measurement, _ = latest(mallory)
    assert measurement["time"] % 3600 == 0
