"""Every id in every route, tried by everybody whose it is not: refused, and no word of whether it exists.

A route without a rule here fails the test: whoever adds one says whose it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from flukso_cloud.vault import digest_of, new_token
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import PASSWORD
from tests.cloud.test_peers import Person, registered

PUBLIC = "public"
"""Tells nothing of anybody."""
SIGNED = "signed"
"""By a device, with its key. As the original, it tells an unknown id from a wrong digest: the wire format is law."""
MINE = "mine"
"""Of who asks: there is no id to try, but nobody gets an answer without saying who he is."""
OWNED = "owned"
"""Has ids in its path, query or body."""


class Rule(NamedTuple):
    """Whose a route is, and a request that its owner may send: `<sensor>` in the query or body stands for the id.

    `by` is that owner, and `answer` what he gets. `also` are askers who may send it too.
    """

    kind: str
    query: str = ""
    body: Any = None
    by: str = "kees"
    answer: int = 200
    also: tuple[str, ...] = ()


V1 = "version=1.0"
TARIFF = {"type": "electricity", "currency": "EUR", "from": "2026-01-01"}
SERIES = f"{V1}&interval=day&resolution=hour&unit=watt"
RULES = {
    "GET /": Rule(PUBLIC),
    "GET /login": Rule(PUBLIC),
    "POST /login": Rule(PUBLIC),
    "POST /logout": Rule(PUBLIC),
    "POST /claim": Rule(PUBLIC),
    "GET /healthz": Rule(PUBLIC),
    "GET /readyz": Rule(PUBLIC),
    "GET /static": Rule(PUBLIC),
    "GET /api/v1/openapi.json": Rule(PUBLIC),
    "GET /api/v2/openapi.json": Rule(PUBLIC),
    "POST /device/{device}": Rule(SIGNED),
    "POST /device/{device}/token": Rule(SIGNED),
    "POST /sensor/{sensor}": Rule(SIGNED),
    "POST /sensor/{sensor}/tmpo/{rid}/{lvl}/{bid}": Rule(SIGNED),
    "POST /api/v2/sensors/{sensor}/live": Rule(SIGNED),
    "POST /xmlrpc/1": Rule(SIGNED),
    "GET /sensor/{sensor}": Rule(OWNED, SERIES),
    "GET /sensor/{sensor}/tmpo/sync": Rule(OWNED, f"{V1}&rid=0&lvl=0&bid=0"),
    "GET /sensor/{sensor}/tmpo/{rid}/{lvl}/{bid}": Rule(OWNED, V1, answer=404),
    "GET /user/{uid}/sensor": Rule(OWNED, V1),
    "GET /user/{uid}/device": Rule(OWNED, V1),
    "GET /device/{device}/sensor": Rule(OWNED, V1),
    "GET /api/v2/devices": Rule(MINE, also=("writer",)),
    "DELETE /api/v2/devices/{device}": Rule(OWNED, answer=204),
    "POST /api/v2/claims": Rule(MINE, body={"code": "0000-0000"}, answer=404),
    "GET /api/v2/live": Rule(OWNED, "sensor=<sensor>"),
    "GET /api/v2/series": Rule(OWNED, "sensor=<sensor>&start=1"),
    "GET /api/v2/latest": Rule(OWNED, "sensor=<sensor>"),
    "GET /api/v2/sensors/{sensor}/samples": Rule(OWNED),
    "GET /api/v2/sensors/{sensor}/samples.csv": Rule(OWNED, "start=1&end=2"),
    "GET /api/v2/sensors/{sensor}/samples.parquet": Rule(OWNED, "start=1&end=2"),
    "DELETE /api/v2/sensors/{sensor}/samples": Rule(OWNED, "start=1&end=2"),
    "POST /api/v2/sensors/{sensor}/samples": Rule(OWNED, body={"time": [1600000000], "counter": [7]}),
    "PUT /api/v2/sensors/{sensor}/samples": Rule(OWNED, body={"start": 1, "end": 9, "time": [5], "counter": [7]}),
    "GET /api/v2/sensors/{sensor}/retention": Rule(OWNED),
    "PUT /api/v2/sensors/{sensor}/retention": Rule(OWNED, body={"samples_days": 0, "hours_days": 0}),
    "GET /api/v2/tariffs": Rule(MINE),
    "PUT /api/v2/tariffs": Rule(MINE, body=TARIFF | {"rate": {"kind": "flat", "price": 0.3}}),
    "DELETE /api/v2/tariffs": Rule(MINE, urlencode(TARIFF), answer=404),
    "GET /api/v2/prices": Rule(MINE, "type=gas&currency=EUR&start=1&end=2"),
    "PUT /api/v2/prices": Rule(MINE, body={"type": "gas", "currency": "EUR", "start": 0, "prices": [1]}, answer=204),
    "GET /api/v2/profiles": Rule(PUBLIC),
    "GET /api/v2/profiles/series": Rule(
        MINE, "profile=h25&start=1790000000", also=("a token of another sensor", "a token that writes another sensor")
    ),
    "GET /api/v2/sensors/{sensor}/benchmark": Rule(OWNED, "profile=h25&start=1790000000&end=1790100000"),
    "GET /api/v2/sensors/{sensor}/shares": Rule(OWNED),
    "PUT /api/v2/sensors/{sensor}/shares": Rule(OWNED, body={"shares": []}),
    "GET /api/v2/subscriptions": Rule(MINE, also=("device",)),
    "PUT /api/v2/subscriptions/{sensor}": Rule(OWNED, by="dora", answer=204),
    "DELETE /api/v2/subscriptions/{sensor}": Rule(OWNED, by="dora", answer=204),
    "GET /api/v2/offers": Rule(MINE),
    "GET /api/v2/requests": Rule(MINE),
    "POST /api/v2/requests": Rule(MINE, body={"account": "dora"}, answer=201),
    "PUT /api/v2/requests/{request}": Rule(OWNED, body={"sensors": [{"sensor": "<sensor>"}]}, answer=204),
    "DELETE /api/v2/requests/{request}": Rule(OWNED, answer=204),
    "GET /api/v2/blocks": Rule(MINE),
    "PUT /api/v2/blocks/{name}": Rule(MINE, answer=204),
    "DELETE /api/v2/blocks/{name}": Rule(MINE, answer=204),
    "GET /api/v2/groups": Rule(MINE),
    "POST /api/v2/groups": Rule(MINE, body={"name": "x"}, answer=201),
    "PUT /api/v2/groups/{group}": Rule(OWNED, body={"name": "x"}, answer=204),
    "DELETE /api/v2/groups/{group}": Rule(OWNED, answer=204),
    "POST /api/v2/groups/{group}/invitations": Rule(OWNED, body={"account": "kees"}, answer=204),
    "PUT /api/v2/groups/{group}/membership": Rule(OWNED, answer=204),
    "DELETE /api/v2/groups/{group}/membership": Rule(OWNED, answer=204),
    "DELETE /api/v2/groups/{group}/members/{name}": Rule(OWNED, answer=204),
    "GET /api/v2/groups/{group}/benchmark": Rule(OWNED, "sensor=<sensor>", answer=409),
    "GET /api/v2/tokens": Rule(MINE),
    "POST /api/v2/tokens": Rule(OWNED, body={"name": "x", "sensors": ["<sensor>"]}, answer=201),
    "DELETE /api/v2/tokens/{token}": Rule(OWNED, answer=204),
    "GET /api/v2/account": Rule(MINE),
    "PUT /api/v2/account": Rule(MINE, body={"time_zone": "UTC"}, answer=204),
    "DELETE /api/v2/account": Rule(MINE, body={"password": PASSWORD}, answer=204),
    "PUT /api/v2/account/password": Rule(MINE, body={"old": PASSWORD, "new": PASSWORD}, answer=204),
}
IN_PERSON = {"GET /api/v2/tokens", "GET /api/v2/account", "PUT /api/v2/account", "DELETE /api/v2/account"}
IN_PERSON |= {"PUT /api/v2/account/password", "POST /api/v2/tokens", "DELETE /api/v2/tokens/{token}"}
"""For no token, however much it may."""


def routes() -> Iterator[str]:
    """Each method and path that the application serves."""
    for route in create_app(Home(Path("unused"))).routes:
        if isinstance(route, Mount):
            yield f"GET {route.path}"
        else:
            assert isinstance(route, Route), f"what is {route}?"
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield f"{method} {route.path}"


ROUTES = sorted(routes())


def test_every_route_has_a_rule() -> None:
    assert set(ROUTES) - RULES.keys() == set(), "say in RULES whose it is, and which request its owner may send"
    assert RULES.keys() - set(ROUTES) == set(), "these are gone"
    with_ids = {name for name in ROUTES if "{" in name}
    told = {name for name, rule in RULES.items() if rule.kind in {OWNED, SIGNED}}
    assert {name for name in with_ids - told if "{name}" not in name} == set(), "an id is somebody's"


class World:
    """kees with two sensors, a group, tokens, and a request from dora; mallory, whose nothing of this is."""

    def __init__(self, client: TestClient, device: Fluksometer) -> None:
        self.client = client
        self.people = {name: Person(client, name) for name in ("kees", "mallory", "dora")}
        kees, mallory, dora = self.people.values()
        now, other = int(time.time()), registered(client)
        body = compact({"measurements": [[now, 1]]})
        client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
        kees.claim(device)
        kees.claim(other)
        mallory.claim(registered(client))
        kees.share(device.sensor, {"account": "dora"})
        dora.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
        group = kees.ask("POST", "/api/v2/groups", {"name": "Street"}).json()["id"]
        kees.ask("POST", f"/api/v2/groups/{group}/invitations", {"account": "dora"})
        request = dora.ask("POST", "/api/v2/requests", {"account": "kees"}).json()["id"]
        token = kees.ask("POST", "/api/v2/tokens", {"name": "x"}).json()
        self.ids = {
            "sensor": device.sensor,
            "device": device.id,
            "uid": str(kees.account),
            "group": group,
            "request": request,
            "token": token["id"],
            "name": "dora",
        } | {"rid": "0", "lvl": "8", "bid": "256"}
        self.unknown = self.ids | dict.fromkeys(("sensor", "device", "group", "request", "token"), "0" * 32)
        self.unknown["uid"] = "999999"
        old, number = new_token(), kees.store(kees.cloud.store.sensor, other.sensor).number
        kees.store(kees.cloud.store.replace_token, digest_of(old), kees.account, number, now)
        revoked = self.made(kees)
        kees.ask("DELETE", f"/api/v2/tokens/{revoked['id']}")
        asked = compact({"time": now})
        heard = client.post(f"/device/{other.id}/token", content=asked, headers=other.headers(asked)).json()["token"]
        narrow = {"sensors": [other.sensor]}
        self.tokens = {
            "garbage": new_token(),
            "a revoked token": revoked["token"],
            "an old token of another sensor": old,
            "mallory by token": self.made(mallory)["token"],
            "mallory by a token that writes": self.made(mallory, write=True)["token"],
            "mallory by an old token": mallory.token,
            "a token of another sensor": self.made(kees, **narrow)["token"],
            "a token that writes another sensor": self.made(kees, **narrow, write=True)["token"],
            "device": heard,
        }
        self.writer = self.made(kees, write=True)["token"]

    @staticmethod
    def made(person: Person, **wanted: Any) -> Any:
        return person.ask("POST", "/api/v2/tokens", {"name": "x"} | wanted).json()

    def send(self, name: str, rule: Rule, ids: dict[str, str], who: Person | str | None) -> Any:
        """Send a route's request with these ids, by session, token or nobody."""
        method, path = name.split(" ")
        query = self.filled(rule.query, ids)
        address = path.format(**ids) + (f"?{query}" if query else "")
        body = self.filled(rule.body, ids)
        if isinstance(who, Person):
            return who.ask(method, address, body)
        self.client.cookies.clear()
        return self.client.request(method, address, json=body, headers={} if who is None else {"X-Token": who})

    def filled(self, template: Any, ids: dict[str, str]) -> Any:
        if isinstance(template, str):
            return template.replace("<sensor>", ids["sensor"])
        if isinstance(template, list):
            return [self.filled(one, ids) for one in template]
        if isinstance(template, dict):
            return {key: self.filled(one, ids) for key, one in template.items()}
        return template

    @property
    def strangers(self) -> dict[str, Person | str | None]:
        """Everybody whose nothing of this is."""
        return {"nobody": None, "mallory": self.people["mallory"], **self.tokens}


@pytest.fixture
def world(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("FLUKSO_CLOUD_PASSWORD", PASSWORD)
    main(["user", "add", "dora", "--dir", str(home.root)])
    with TestClient(create_app(home), base_url="https://cloud.example", follow_redirects=False) as client:
        yield World(client, registered(client))


def told(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k != "date"}


@pytest.mark.parametrize("name", [name for name in ROUTES if RULES.get(name, Rule("")).kind == OWNED])
def test_what_is_somebody_elses(world: World, name: str) -> None:
    rule = RULES[name]
    for asker, who in world.strangers.items():
        foreign, unknown = (world.send(name, rule, ids, who) for ids in (world.ids, world.unknown))
        assert foreign.status_code in {401, 403, 404}, (asker, foreign.text)
        assert told(foreign) == told(unknown), asker
    if name in IN_PERSON:
        assert world.send(name, rule, world.ids, world.writer).status_code == 401
    if name != "GET /api/v2/live":  # which its owner would hear for ever
        answer = world.send(name, rule, world.ids, world.people[rule.by])
        assert answer.status_code == rule.answer, f"the request itself is wrong: {answer.text}"


@pytest.mark.parametrize("name", [name for name in ROUTES if RULES.get(name, Rule("")).kind == MINE])
def test_what_needs_somebody(world: World, name: str) -> None:
    rule = RULES[name]
    for asker in ("nobody", "garbage", "a token of another sensor", "a token that writes another sensor", "device"):
        if asker not in rule.also:
            answer = world.send(name, rule, world.ids, world.strangers[asker])
            assert answer.status_code == 401, (asker, answer.text)
    if name in IN_PERSON:
        assert world.send(name, rule, world.ids, world.writer).status_code == 401
    answer = world.send(name, rule, world.ids, world.people["kees"])
    assert answer.status_code == rule.answer, f"the request itself is wrong: {answer.text}"


@pytest.mark.parametrize("name", [name for name in ROUTES if RULES.get(name, Rule("")).kind == SIGNED])
def test_what_only_a_device_may(world: World, name: str) -> None:
    stranger, body = Fluksometer(), compact({"measurements": [[int(time.time()), 1]], "time": int(time.time())})
    method, path = name.split(" ")
    headers = stranger.headers(body) | {"X-Token": world.writer}
    for ids in (world.ids, world.unknown):
        answer = world.client.request(method, path.format(**ids), content=body, headers=headers)
        assert answer.status_code == 401 or (name == "POST /xmlrpc/1" and b"<fault>" in answer.content), answer.text


def test_an_expired_token_and_one_of_a_coarse_resolution(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The coarse one knows its own sensors, so it is told 403; what is another's is like what does not exist."""
    kees, mallory = world.people["kees"], world.people["mallory"]
    name, rule = "GET /sensor/{sensor}", Rule(OWNED, f"{V1}&interval=hour&unit=watt")
    coarse, foreign = (world.made(person, resolution="day")["token"] for person in (kees, mallory))
    assert world.send(name, rule, world.ids, coarse).status_code == 403
    assert told(world.send(name, rule, world.ids, foreign)) == told(world.send(name, rule, world.unknown, foreign))
    assert world.send(name, rule, world.ids, foreign).status_code == 401
    expires = int(time.time()) + 100
    short = world.made(kees, expires=expires)["token"]
    assert world.send(name, rule, world.ids, short).status_code == 200
    monkeypatch.setattr("flukso_cloud.api.access.unix_now", lambda: expires)
    assert told(world.send(name, rule, world.ids, short)) == told(world.send(name, rule, world.unknown, short))
