"""Groups, offers, requests and blocks: who finds whom, and what stops when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import PASSWORD
from tests.cloud.test_peers import Person, mallory, registered

__all__ = ["mallory"]

GROUPS, REQUESTS = "/api/v2/groups", "/api/v2/requests"


@pytest.fixture
def client(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A cloud with a third account, dora."""
    monkeypatch.setenv("FLUKSO_CLOUD_PASSWORD", PASSWORD)
    main(["user", "add", "dora", "--dir", str(home.root)])
    with TestClient(create_app(home), base_url="https://cloud.example", follow_redirects=False) as client:
        yield client


@pytest.fixture
def kees(client: TestClient, device: Fluksometer) -> Person:
    kees = Person(client, "kees")
    kees.claim(device)
    return kees


@pytest.fixture
def dora(client: TestClient) -> Person:
    return Person(client, "dora")


@pytest.fixture
def street(kees: Person, mallory: Person) -> str:
    """A group that kees has founded; mallory is invited."""
    answer = kees.ask("POST", GROUPS, {"name": "Our street"})
    assert answer.status_code == 201, answer.text
    street: str = answer.json()["id"]
    assert kees.ask("POST", f"{GROUPS}/{street}/invitations", {"account": "Mallory"}).status_code == 204
    return street


def groups(person: Person) -> Any:
    return person.ask("GET", GROUPS).json()["groups"]


def offers(person: Person, query: str = "") -> list[str]:
    return [one["sensor"] for one in person.ask("GET", f"/api/v2/offers{query}").json()["offers"]]


def subscribed(person: Person, sensor: str) -> int:
    status: int = person.ask("PUT", f"/api/v2/subscriptions/{sensor}").status_code
    return status


def test_invited_accepted_and_left(kees: Person, mallory: Person, dora: Person, street: str) -> None:
    membership = f"{GROUPS}/{street}/membership"
    (shown,) = groups(mallory)
    assert shown == {
        "id": street,
        "name": "Our street",
        "state": "invited",
        "founder": "kees",
        "members": ["kees"],
        "invited": ["mallory"],
    }
    assert dora.ask("PUT", membership).status_code == 401, "nobody joins uninvited"
    assert mallory.ask("PUT", membership).status_code == mallory.ask("PUT", membership).status_code == 204
    assert groups(kees)[0]["members"] == ["kees", "mallory"]
    assert mallory.ask("POST", f"{GROUPS}/{street}/invitations", {"account": "dora"}).status_code == 403
    assert mallory.ask("PUT", f"{GROUPS}/{street}", {"name": "Mine"}).status_code == 403
    assert mallory.ask("DELETE", f"{GROUPS}/{street}").status_code == 403
    assert kees.ask("PUT", f"{GROUPS}/{street}", {"name": "The street"}).status_code == 204
    assert kees.ask("DELETE", membership).status_code == 204
    (shown,) = groups(mallory)
    assert (shown["name"], shown["founder"], shown["members"]) == ("The street", "mallory", ["mallory"])
    assert mallory.ask("DELETE", membership).status_code == 204
    assert groups(mallory) == groups(kees) == []


def test_what_is_shared_with_a_group_ends_with_it(
    client: TestClient, kees: Person, mallory: Person, dora: Person, street: str, device: Fluksometer
) -> None:
    sensor = device.sensor
    assert mallory.share(registered(client).sensor, {"account": None, "group": street}).status_code == 401
    shared = kees.share(sensor, {"account": None, "group": street, "resolution": "hour"})
    assert shared.json()["shares"][0]["group"] == street
    assert offers(mallory) == [], "an invitation is no membership"
    mallory.ask("PUT", f"{GROUPS}/{street}/membership")
    assert offers(mallory) == [sensor]
    assert offers(dora) == []
    assert subscribed(dora, sensor) == 401
    assert subscribed(mallory, sensor) == 204
    assert offers(mallory) == []
    assert [one["resolution"] for one in mallory.subscriptions()] == ["hour"]
    assert kees.ask("DELETE", f"{GROUPS}/{street}/members/mallory").status_code == 204
    assert mallory.subscriptions() == []
    kees.ask("POST", f"{GROUPS}/{street}/invitations", {"account": "mallory"})
    mallory.ask("PUT", f"{GROUPS}/{street}/membership")
    assert len(mallory.subscriptions()) == 1
    kees.ask("DELETE", f"{GROUPS}/{street}/membership")
    assert mallory.subscriptions() == [], "who leaves takes along what he shared"
    assert kees.ask("GET", f"/api/v2/sensors/{sensor}/shares").json() == {"shares": []}


def test_a_dissolved_group_shares_nothing(kees: Person, mallory: Person, street: str, device: Fluksometer) -> None:
    mallory.ask("PUT", f"{GROUPS}/{street}/membership")
    kees.share(device.sensor, {"account": None, "group": street})
    subscribed(mallory, device.sensor)
    assert len(mallory.subscriptions()) == 1
    assert kees.ask("DELETE", f"{GROUPS}/{street}").status_code == 204
    assert mallory.subscriptions() == groups(mallory) == []


def test_only_a_member_shares_with_a_group(mallory: Person, street: str, client: TestClient) -> None:
    theirs = registered(client)
    mallory.claim(theirs)
    wishes = (
        {"account": None, "group": street},
        {"account": None, "group": "0" * 32},
        {"account": "kees", "group": street},
    )
    for wish in wishes:
        answer = mallory.share(theirs.sensor, wish)
        assert (answer.status_code, "a group that you are in" in answer.text) == (400, True)


def test_asked_and_accepted(kees: Person, mallory: Person, device: Fluksometer) -> None:
    assert mallory.ask("POST", REQUESTS, {"account": "mallory"}).status_code == 400
    assert mallory.ask("POST", REQUESTS, {"account": "nobody"}).status_code == 400
    mallory.ask("POST", REQUESTS, {"account": "kees", "message": "please"})
    asked = mallory.ask("POST", REQUESTS, {"account": "Kees", "message": "May I see\nyour roof?"}).json()
    assert (asked["from"], asked["to"], asked["message"]) == ("mallory", "kees", "May I seeyour roof?")
    assert kees.ask("GET", REQUESTS).json() == {"sent": [], "received": [asked]}
    assert mallory.ask("GET", REQUESTS).json() == {"sent": [asked], "received": []}
    path = f"{REQUESTS}/{asked['id']}"
    answer = {"sensors": [{"sensor": device.sensor, "resolution": "day", "past": True}]}
    assert mallory.ask("PUT", path, answer).status_code == 401, "nobody answers his own request"
    assert kees.ask("PUT", path, {"sensors": [{"sensor": "0" * 32}]}).status_code == 401
    kees.share(device.sensor, {"account": "dora"})
    assert kees.ask("PUT", path, answer).status_code == 204
    assert [(one["sensor"], one["resolution"]) for one in mallory.subscriptions()] == [(device.sensor, "day")]
    shares = kees.ask("GET", f"/api/v2/sensors/{device.sensor}/shares").json()["shares"]
    assert [(one["account"], one["past"]) for one in shares] == [("dora", False), ("mallory", True)]
    assert kees.ask("GET", REQUESTS).json()["received"] == []
    assert kees.ask("PUT", path, answer).status_code == 401


def test_refused_and_taken_back(kees: Person, mallory: Person, dora: Person) -> None:
    for who in (kees, mallory):
        asked = mallory.ask("POST", REQUESTS, {"account": "kees"}).json()["id"]
        assert dora.ask("DELETE", f"{REQUESTS}/{asked}").status_code == 401
        assert who.ask("DELETE", f"{REQUESTS}/{asked}").status_code == 204
        assert kees.ask("GET", REQUESTS).json()["received"] == []


def test_blocked(kees: Person, mallory: Person, dora: Person, device: Fluksometer) -> None:
    kees.share(device.sensor, {"account": None})
    assert subscribed(mallory, device.sensor) == subscribed(dora, device.sensor) == 204
    assert kees.ask("PUT", "/api/v2/blocks/mallory").status_code == 204
    assert kees.ask("GET", "/api/v2/blocks").json() == {"blocks": ["mallory"]}
    assert mallory.subscriptions() == offers(mallory) == []
    assert subscribed(mallory, device.sensor) == 401
    assert len(dora.subscriptions()) == 1
    assert mallory.ask("POST", REQUESTS, {"account": "kees"}).status_code == 201, "he does not learn of it"
    assert kees.ask("GET", REQUESTS).json()["received"] == []
    assert mallory.ask("DELETE", "/api/v2/blocks/kees").status_code == 204
    assert offers(mallory) == [], "only who has blocked takes it back"
    kees.ask("DELETE", "/api/v2/blocks/mallory")
    assert offers(mallory) == [device.sensor]
    mallory.ask("PUT", "/api/v2/blocks/kees")
    assert offers(mallory) == [], "who blocks is not offered anything either"


def test_who_is_blocked_invites_in_vain(kees: Person, mallory: Person, street: str) -> None:
    mallory.ask("PUT", "/api/v2/blocks/kees")
    assert groups(mallory) == []
    assert mallory.ask("PUT", f"{GROUPS}/{street}/membership").status_code == 401
    assert groups(kees)[0]["invited"] == ["mallory"], "he does not learn of it"
    mallory.ask("DELETE", "/api/v2/blocks/kees")
    assert mallory.ask("PUT", f"{GROUPS}/{street}/membership").status_code == 204
    mallory.ask("PUT", "/api/v2/blocks/kees")
    assert len(groups(mallory)) == 1, "who is a member stays one"


def test_offers_of_one_owner(kees: Person, mallory: Person, dora: Person, client: TestClient) -> None:
    theirs = registered(client)
    dora.claim(theirs)
    dora.share(theirs.sensor, {"account": None, "resolution": "day"})
    assert offers(mallory) == offers(mallory, "?owner=DORA") == [theirs.sensor]
    assert offers(mallory, "?owner=kees") == offers(dora) == []


class TestAccount:
    """One's own account."""

    def test_described(self, kees: Person) -> None:
        path = "/api/v2/account"
        assert kees.ask("PUT", path, {"time_zone": "Europe/Brussels", "persons": 3, "area": 120.5}).status_code == 204
        assert kees.ask("GET", path).json() == {
            "uid": kees.account,
            "name": "kees",
            "time_zone": "Europe/Brussels",
            "persons": 3,
            "area": 120.5,
        }
        for wrong in ({"time_zone": "Mars"}, {"time_zone": "UTC", "persons": 0}, {"time_zone": "UTC", "area": -1}, {}):
            assert kees.ask("PUT", path, wrong).status_code == 400, wrong
        assert kees.client.get(path, headers={"X-Token": kees.token}).status_code == 401

    def test_a_new_password_ends_all_sessions(self, kees: Person) -> None:
        path = "/api/v2/account/password"
        assert kees.ask("PUT", path, {"old": "wrong", "new": "another pass phrase"}).status_code == 403
        assert kees.ask("PUT", path, {"old": PASSWORD, "new": "short"}).status_code == 400
        assert kees.ask("PUT", path, {"old": PASSWORD, "new": "another pass phrase"}).status_code == 204
        assert kees.ask("GET", "/api/v2/account").status_code == 401
        assert "error" in kees.log_in().headers["Location"]
        assert kees.log_in("another pass phrase").headers["Location"] == "/"

    def test_deleted_with_its_groups(self, kees: Person, mallory: Person, street: str, home: Home) -> None:
        mallory.ask("PUT", f"{GROUPS}/{street}/membership")
        mallory.ask("POST", REQUESTS, {"account": "kees"})
        assert kees.ask("DELETE", "/api/v2/account", {"password": "wrong"}).status_code == 403
        assert kees.ask("DELETE", "/api/v2/account", {"password": PASSWORD}).status_code == 204
        assert groups(mallory)[0]["founder"] == "mallory"
        assert mallory.ask("GET", REQUESTS).json()["sent"] == []
        with sqlite3.connect(home.database) as conn:
            assert conn.execute("SELECT count(*) FROM accounts WHERE name = 'kees'").fetchone() == (0,)
            assert conn.execute("PRAGMA foreign_key_check").fetchall() == []

    def test_guessing_the_password_is_limited(self, kees: Person) -> None:
        kees.ask("GET", "/api/v2/account")
        tries = [kees.ask("DELETE", "/api/v2/account", {"password": "x"}).status_code for _ in range(12)]
        assert set(tries[:9]) == {403}
        assert tries[-1] == 429
