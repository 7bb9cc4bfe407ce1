"""The JSON of docs/protocol.md that the cloud says: its members are the documented ones, no more and no fewer."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.benchmark import last_period
from flukso_cloud.claim import claim_code
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Server, run
from tests.cloud.test_peers import Person
from tests.documented import Page, members

PAGE = Page("docs/protocol.md")


def in_line(words: str) -> Any:
    """The JSON in the running text after `words`, where … stands for any value."""
    found = re.search(r"`(\{[^`]*\})`", PAGE.text[PAGE.text.index(words) :])
    assert found is not None
    return json.loads(found[1].replace("…", "0"))


def post(server: Server, device: Fluksometer, path: str, content: Any) -> Any:
    """Upload as `device`, and return what is answered."""
    body = compact(content)
    wire = server.connect()
    answer = wire.request("POST", path, device.headers(body), body)
    wire.close()
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def claim(server: Server, device: Fluksometer) -> str:
    """Give the device to kees with the code that docs/protocol.md derives; return the token of kees."""
    code = claim_code(device.key.encode(), device.id)
    claimed = run("claim", code, "--account", "kees", "--dir", server.home)
    assert claimed.returncode == 0, claimed.stderr
    return run("token", "--account", "kees", "--dir", server.home).stdout.strip()


def test_answers(server: Server) -> None:
    """What the documented requests of a device are answered with, and what its owner is shown."""
    device = Fluksometer()
    registration = json.loads(PAGE.block_after("### Autoregistration", "json"))
    registration |= {"key": device.key, "sensors": device.sensors}
    answered = post(server, device, f"/device/{device.id}", registration)
    assert members(answered) == members(in_line("The signed answer has"))
    token = claim(server, device)
    upload = json.loads(PAGE.block_after("### Live gauges", "json"))
    now = int(time.time())
    for pairs in upload.values():
        pairs[0][0] = now
    address = f"{server.url}/api/v2/live?sensor={device.sensor}"
    stream = urllib.request.Request(address, headers={"X-Token": token})
    with urllib.request.urlopen(stream, context=server.trust(), timeout=10) as live:
        post(server, device, f"/sensor/{device.sensor}", upload)
        event = [live.readline().decode() for _ in range(3)]
    assert event[0].startswith("id: ")
    assert event[1] == "event: reading\n"
    assert members(json.loads(event[2].removeprefix("data: "))) == members(in_line("`GET /api/v2/live?"))
    documented = json.loads(PAGE.block_after("`GET /api/v2/devices`", "json"))
    shown = server.get_json("/api/v2/devices", token)["devices"]
    mine = [one for one in shown if one["id"] == device.id]
    assert members({"devices": mine}) == members(documented)
    sensor, example = mine[0]["sensors"][0], documented["devices"][0]["sensors"][0]
    constant = ("type", "class", "name", "counter_unit", "gauge_unit")
    assert [sensor[name] for name in constant] == [example[name] for name in constant]
    assert sensor["measurement"] == {"time": now, "counter": upload["measurements"][0][1]}
    assert sensor["gauge"] == {"time": now, "value": upload["gauges"][0][1]}


def test_answers_to_people(client: TestClient, device: Fluksometer) -> None:
    """What is told of tokens, the account, shares, groups and requests."""
    anna, bert = Person(client, "kees"), Person(client, "mallory")
    anna.claim(device)
    anna.share(device.sensor, {"account": "mallory", "past": True})
    offers = bert.ask("GET", "/api/v2/offers").json()
    bert.ask("PUT", f"/api/v2/subscriptions/{device.sensor}")
    bert.ask("POST", "/api/v2/requests", {"account": "kees"})
    token = anna.ask("POST", "/api/v2/tokens", {"name": "x", "sensors": [device.sensor], "expires": 2**40}).json()
    client.get(f"/sensor/{device.sensor}", headers={"X-Token": token["token"]}, params={"version": "1.0"})
    now = int(time.time())
    body = compact({"measurements": [[now, 1]], "gauges": [[now, 1]]})
    client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body))
    group = anna.ask("POST", "/api/v2/groups", {"name": "Street"}).json()["id"]
    anna.ask("POST", f"/api/v2/groups/{group}/invitations", {"account": "mallory"})
    anna.ask("PUT", "/api/v2/account", {"time_zone": "UTC", "persons": 3, "area": 1})
    shares = anna.ask("GET", f"/api/v2/sensors/{device.sensor}/shares").json()
    answers = {
        "`GET /api/v2/tokens`": anna.ask("GET", "/api/v2/tokens").json(),
        "Session only. `GET /api/v2/account`": anna.ask("GET", "/api/v2/account").json(),
        "`GET` and `PUT /api/v2/sensors/<id>/shares`": shares,
        "`GET /api/v2/offers`": offers,
        "`GET /api/v2/subscriptions`\n": bert.ask("GET", "/api/v2/subscriptions").json(),
        "`GET /api/v2/groups`": anna.ask("GET", "/api/v2/groups").json(),
        "`POST /api/v2/requests` with": anna.ask("GET", "/api/v2/requests").json(),
    }
    for words, answer in answers.items():
        documented = json.loads(PAGE.block_after(words, "json"))
        assert members(answer) == members(documented), words
    created = members(json.loads(PAGE.block_after("`GET /api/v2/tokens`", "json"))["tokens"][0])
    assert members({name: value for name, value in token.items() if name != "token"}).keys() == created.keys()


def test_seconds_for_those_who_listen(server: Server) -> None:
    device, now = Fluksometer(), int(time.time())
    post(server, device, f"/device/{device.id}", json.loads(device.registration()))
    upload = json.loads(PAGE.block_after("`POST /api/v2/sensors/<id>/live`", "json"))
    upload["time"] = [now // 60 * 60 - 59, now // 60 * 60 - 58]
    answered = post(server, device, f"/api/v2/sensors/{device.sensor}/live", upload)
    documented = json.loads(PAGE.block_after('"counter": [4521337, 4521337]}', "json"))
    assert answered == documented | {"kept": 0}


def test_the_benchmark(client: TestClient, device: Fluksometer) -> None:
    """Of a group that has been compared before; the homes are those of test_benchmark.py."""
    kees = Person(client, "kees")
    kees.claim(device)
    period = last_period("month", int(time.time()))
    body = compact({"measurements": [[at, i] for i, at in enumerate(range(period.start, period.end + 1, 3600))]})
    assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    path = f"/api/v2/groups/{kees.ask('POST', '/api/v2/groups', {'name': 'Street'}).json()['id']}/benchmark"

    async def compared() -> None:
        [found] = await kees.cloud.store.groups_of(kees.account)
        await kees.cloud.store.keep_compared(found.number, "electricity", "home", *period, 7, [1, 2, 30, 40, 50])

    kees.store(compared)
    answer = kees.ask("GET", f"{path}?sensor={device.sensor}").json()
    documented = json.loads(PAGE.block_after("`GET /api/v2/groups/<id>/benchmark`", "json"))
    assert members(answer) == members(documented)
    assert answer["own"]["value"] == pytest.approx(24)
    assert 25 < answer["own"]["percentile"] < 50
