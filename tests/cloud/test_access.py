"""The rules of who may do what with which sensor, by themselves and over the series of a peer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.access import Grant, Sight, Viewer, heard, seen, writes
from flukso_cloud.resolutions import RESOLUTIONS
from flukso_cloud.store import Plan
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.test_peers import Person

SENSOR, OWNER, OTHER = 7, 1, 2
GRANTS = st.lists(st.builds(Grant, st.sampled_from(sorted(RESOLUTIONS.values())), st.integers(0, 10**9)), max_size=4)
VIEWERS = st.builds(
    Viewer,
    st.integers(1, 3),
    st.none() | st.frozensets(st.integers(6, 8)),
    st.none() | st.integers(1, 3),
    st.sampled_from(sorted(RESOLUTIONS.values())),
    st.booleans(),
    st.booleans(),
)


def test_the_owner_sees_all_and_changes_it_in_person() -> None:
    person = Viewer(OWNER, writes=True, in_person=True)
    assert seen(person, SENSOR, OWNER, ()) == Sight((Grant(0),), own=True)
    assert writes(person, SENSOR, OWNER)
    assert person.manages


@given(VIEWERS)
def test_without_a_grant_nobody_sees_what_is_not_his(viewer: Viewer) -> None:
    for owner in (None, viewer.account + 1):
        assert heard(viewer, SENSOR, owner, ()) is None
        assert not writes(viewer, SENSOR, owner)


@given(VIEWERS, GRANTS)
def test_a_grant_never_lets_anybody_write(viewer: Viewer, grants: list[Grant]) -> None:
    sight = heard(viewer, SENSOR, viewer.account + 1, grants)
    assert sight is None or not sight.own
    assert not writes(viewer, SENSOR, viewer.account + 1)


@given(VIEWERS, GRANTS)
def test_nobody_sees_more_than_he_hears_nor_finer_than_his_token(viewer: Viewer, grants: list[Grant]) -> None:
    for owner in (viewer.account, viewer.account + 1):
        sight = heard(viewer, SENSOR, owner, grants)
        assert seen(viewer, SENSOR, owner, grants) == (None if viewer.device is not None else sight)
        if sight is not None:
            assert sight.finest >= viewer.resolution
            assert viewer.sensors is None or SENSOR in viewer.sensors
            assert owner == viewer.account or sight.finest >= min(grant.resolution for grant in grants)


@pytest.mark.parametrize(
    ("viewer", "may_write"),
    [
        (Viewer(OWNER, writes=True), True),
        (Viewer(OWNER, frozenset({SENSOR}), writes=True), True),
        (Viewer(OWNER, frozenset({SENSOR + 1}), writes=True), False),
        (Viewer(OWNER), False),
        (Viewer(OWNER, writes=True, resolution=3600), False),
        (Viewer(OWNER, device=3, writes=True), False),
        (Viewer(OTHER, writes=True), False),
    ],
)
def test_a_token_that_writes(viewer: Viewer, may_write: bool) -> None:
    assert writes(viewer, SENSOR, OWNER) is may_write


@pytest.mark.parametrize(
    "viewer",
    [
        Viewer(OWNER),
        Viewer(OWNER, frozenset({SENSOR}), writes=True),
        Viewer(OWNER, writes=True, resolution=60),
        Viewer(OWNER, device=3, writes=True),
    ],
)
def test_who_sees_less_than_all_gives_nobody_anything(viewer: Viewer) -> None:
    assert not viewer.manages


@pytest.mark.parametrize(
    ("grants", "resolution", "since"),
    [
        ([Grant(0, 5)], 60, 5),
        ([Grant(3600, 5)], 60, None),
        ([Grant(3600, 5)], 3600, 5),
        ([Grant(3600, 5)], 5400, None),
        ([Grant(86400, 0), Grant(0, 900)], 86400, 0),
        ([Grant(86400, 0), Grant(0, 900)], 60, 900),
        ([Grant(2419200, 0)], 31536000, None),
    ],
)
def test_from_when_on_buckets_may_be_seen(grants: list[Grant], resolution: int, since: int | None) -> None:
    assert Sight(tuple(grants), own=False).since(resolution) == since


class TestSeries:
    """The history of a sensor that somebody shares."""

    @pytest.fixture
    def shared(self, client: TestClient, device: Fluksometer) -> tuple[Person, Person, str]:
        """Its owner, a neighbour, and a sensor that has measured 100 W for three days."""
        kees, mallory = Person(client, "kees"), Person(client, "mallory")
        kees.claim(device)
        now = int(time.time()) // 3600 * 3600
        body = compact({"measurements": [[now - 3600 * i, 10**6 - 100 * i] for i in range(72)]})
        assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
        return kees, mallory, device.sensor

    @staticmethod
    def values(answer: Any) -> set[Any]:
        assert answer.status_code == 200, answer.text
        return {value for _, value in answer.json()}

    def test_with_the_past_at_its_resolution_and_no_finer(self, shared: tuple[Person, Person, str]) -> None:
        kees, mallory, sensor = shared
        kees.share(sensor, {"account": "mallory", "resolution": "hour", "past": True})
        hours = {"interval": "day", "resolution": "hour"}
        assert mallory.series(sensor, **hours).status_code == 401, "he has not subscribed"
        assert mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}").status_code == 204
        assert 100 in self.values(mallory.series(sensor, **hours))
        assert 100 in self.values(mallory.series(sensor, interval="week", resolution="day"))
        for finer in ({"interval": "hour"}, {"interval": "day"}, {"interval": "night"}):
            refused = mallory.series(sensor, **finer)
            assert (refused.status_code, "in buckets of one hour" in refused.text) == (403, True)
        query = {"version": "1.0", "token": mallory.token}
        assert mallory.client.get(f"/sensor/{sensor}", params=query | {"param": "all"}).status_code == 401
        blocks = query | {"rid": 0, "lvl": 0, "bid": 0}
        assert mallory.client.get(f"/sensor/{sensor}/tmpo/sync", params=blocks).status_code == 401
        kees.share(sensor)
        assert mallory.series(sensor, **hours).status_code == 401

    def test_without_the_past(self, shared: tuple[Person, Person, str]) -> None:
        kees, mallory, sensor = shared
        kees.share(sensor, {"account": "mallory"})
        mallory.ask("PUT", f"/api/v2/subscriptions/{sensor}")
        assert self.values(mallory.series(sensor, interval="day", resolution="hour")) == {"nan"}
        kees.share(sensor, {"account": "mallory", "past": True})
        assert 100 in self.values(mallory.series(sensor, interval="day", resolution="hour"))

    def test_what_was_shared_coarsely_stays_coarse(self, shared: tuple[Person, Person, str]) -> None:
        kees, _, sensor = shared

        def since(resolution: str, now: int) -> int:
            number = kees.store(kees.cloud.store.sensor, sensor).number
            kees.store(kees.cloud.store.replace_shares, number, [Plan(None, None, RESOLUTIONS[resolution])], now)
            found: int = kees.store(kees.cloud.store.shares, number)[0].since
            return found

        assert since("day", 100) == 100
        assert since("day", 200) == since("month", 200) == 100
        assert since("hour", 300) == 300, "finer: only from now on"
