"""What a peer hears at a coarse resolution: bucket edges, and the last complete bucket at once."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.access import Grant, Sight
from flukso_cloud.coarse import Coarse
from flukso_cloud.glimpse import glimpse
from flukso_cloud.live import Reading
from flukso_cloud.meter import Meter, Sample
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.test_peers import Person

ANALOG = Meter.of_class("analog")
HOUR = 3600
START = 1_795_392_000
SENSOR = "a1" * 16

STEPS = st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 400)), min_size=2, max_size=60)


def readings(steps: list[tuple[int, int]]) -> list[Reading]:
    at, counter, found = START, 0, []
    for seconds, flowed in steps:
        at, counter = at + seconds, counter + flowed
        found.append(Reading(SENSOR, at, counter, 7.0))
    return found


@given(STEPS)
def test_only_edges_are_told_each_once_and_never_back(steps: list[tuple[int, int]]) -> None:
    coarse = Coarse(900, 3600, ANALOG)
    told = [heard for heard in map(coarse.take, readings(steps)) if heard is not None]
    assert all(heard.time % 900 == 0 for heard in told)
    assert [heard.time for heard in told] == sorted({heard.time for heard in told})
    counters = [heard.counter for heard in told if heard.counter is not None]
    assert counters == sorted(counters)
    assert len(counters) == len(told)


@given(STEPS)
def test_the_means_are_those_of_the_counters(steps: list[tuple[int, int]]) -> None:
    coarse = Coarse(900, 3600, ANALOG)
    told = [heard for heard in map(coarse.take, readings(steps)) if heard is not None]
    for before, after in itertools.pairwise(told):
        assert before.counter is not None and after.counter is not None  # noqa: PT018
        mean = (after.counter - before.counter) * 3600 / (after.time - before.time)
        assert after.gauge == pytest.approx(mean, abs=0.001)


def test_a_gap_is_not_bridged() -> None:
    coarse = Coarse(60, 3600, ANALOG)
    coarse.take(Reading(SENSOR, START, 100, None))
    heard = coarse.take(Reading(SENSOR, START + 2 * HOUR + 30, 900, None))
    assert heard is not None
    assert (heard.time, heard.counter) == (START + 2 * HOUR, 100), "what it was before the gap"


def test_it_goes_on_from_the_last_bucket() -> None:
    coarse = Coarse(HOUR, 3600, ANALOG)
    coarse.begin(Sample(START, 100), Sample(START + 1800, 150))
    assert coarse.take(Reading(SENSOR, START + 1800, 150, None)) is None
    assert coarse.take(Reading(SENSOR, START + HOUR, 200, None)) == Reading(SENSOR, START + HOUR, 200, 100.0)


@pytest.fixture
def shared(client: TestClient, device: Fluksometer) -> tuple[Person, Person]:
    """kees, whose device has measured 100 W for three hours, in full minutes, and mallory, who hears it by the hour."""
    kees, mallory = Person(client, "kees"), Person(client, "mallory")
    kees.claim(device)
    now = int(time.time()) // 60 * 60
    body = compact({"measurements": [[now - 360 * i, 10**6 - 10 * i] for i in range(30)], "gauges": [[now, 99]]})
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    kees.share(device.sensor, {"account": "mallory", "resolution": "hour", "past": True})
    mallory.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    return kees, mallory


def test_the_list_has_the_last_complete_bucket(shared: tuple[Person, Person]) -> None:
    _, mallory = shared
    (shown,) = mallory.subscriptions()
    assert shown["resolution"] == "hour"
    assert shown["gauge"] == {"time": shown["measurement"]["time"], "value": pytest.approx(100, abs=1)}
    assert shown["measurement"]["time"] % HOUR == 0
    assert time.time() - 2 * HOUR < shown["measurement"]["time"] <= time.time()


def test_not_a_bucket_from_before_it_was_shared(shared: tuple[Person, Person], device: Fluksometer) -> None:
    kees, mallory = shared
    kees.share(device.sensor, {"account": "mallory", "resolution": "hour"})
    (shown,) = mallory.subscriptions()
    assert (shown["measurement"], shown["gauge"]) == (None, None)


def test_a_token_that_is_coarse_sees_its_own_devices_so(shared: tuple[Person, Person], device: Fluksometer) -> None:
    kees, _ = shared
    token = kees.ask("POST", "/api/v2/tokens", {"name": "x", "resolution": "hour"}).json()["token"]
    (shown,) = kees.client.get("/api/v2/devices", headers={"X-Token": token}).json()["devices"][0]["sensors"]
    assert shown["measurement"]["time"] % HOUR == 0
    assert shown["gauge"]["value"] == pytest.approx(100, abs=1)


def test_a_stream_begins_with_the_last_bucket_and_ends_with_the_share(
    shared: tuple[Person, Person], device: Fluksometer, client: TestClient
) -> None:
    """Heard without a clock: the share is taken back once the first event has come."""
    kees, mallory = shared
    sent: list[dict[str, Any]] = []

    async def listen() -> None:
        taken_back = asyncio.Event()

        async def send(message: Any) -> None:
            sent.append(message)
            if message.get("body") and not taken_back.is_set():
                taken_back.set()
                number = (await kees.cloud.store.sensor(device.sensor)).number  # type: ignore[union-attr]
                await kees.cloud.store.replace_shares(number, [], 1)
                kees.cloud.live.hang_up(*await kees.cloud.store.subscribers([number]))

        async def receive() -> Any:
            await asyncio.sleep(60)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/v2/live",
            "query_string": f"sensor={device.sensor}".encode(),
            "headers": [(b"x-token", mallory.token.encode())],
            "scheme": "https",
        }
        await asyncio.wait_for(client.app(scope, receive, send), 10)

    assert client.portal is not None
    client.portal.call(listen)
    events = [message["body"].decode() for message in sent if message.get("body")]
    assert len(events) == 1
    assert '"gauge":' in events[0]
    again = mallory.client.get(f"/api/v2/live?sensor={device.sensor}", headers={"X-Token": mallory.token})
    assert again.status_code == 401


def test_a_glimpse_needs_a_coarse_sight(shared: tuple[Person, Person], device: Fluksometer) -> None:
    kees, _ = shared
    sensor = kees.store(kees.cloud.store.sensor, device.sensor)
    assert kees.store(glimpse, kees.cloud.store, sensor, Sight((Grant(0),), own=False)) is None
