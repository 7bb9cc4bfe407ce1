"""The JSON of docs/protocol.md that the cloud says: its members are the documented ones, no more and no fewer."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import Any

from flukso_cloud.claim import claim_code
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Server, run
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
        event = [live.readline().decode() for _ in range(2)]
    assert event[0] == "event: reading\n"
    assert members(json.loads(event[1].removeprefix("data: "))) == members(in_line("`GET /api/v2/live?"))
    documented = json.loads(PAGE.block_after("`GET /api/v2/devices`", "json"))
    shown = server.get_json("/api/v2/devices", token)["devices"]
    mine = [one for one in shown if one["id"] == device.id]
    assert members({"devices": mine}) == members(documented)
    sensor, example = mine[0]["sensors"][0], documented["devices"][0]["sensors"][0]
    constant = ("type", "class", "name", "counter_unit", "gauge_unit")
    assert [sensor[name] for name in constant] == [example[name] for name in constant]
    assert sensor["measurement"] == {"time": now, "counter": upload["measurements"][0][1]}
    assert sensor["gauge"] == {"time": now, "value": upload["gauges"][0][1]}
