"""What API v2 answers to a GET has an ETag, is not sent twice, and comes in the encoding that is preferred."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
import zstandard

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.served import ServedOwner
from tests.cloud.test_every_route import PUBLIC, RULES, World, world
from tests.documented import Page, members

__all__ = ["world"]  # a fixture

T = 1_790_035_200
GETS = [name for name in RULES if name.startswith("GET /api/v2/") and RULES[name].answer == 200]
ENDLESS = "GET /api/v2/live"
ASKER = "Accept-Encoding, Cookie, X-Token, Authorization"


def unpacked(answer: Any) -> bytes:
    """The body of an answer whose client has unpacked nothing."""
    body = b"".join(answer.iter_raw())
    match answer.headers.get("Content-Encoding"):
        case "gzip":
            return gzip.decompress(body)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body


@pytest.mark.parametrize("name", [name for name in GETS if name != ENDLESS])
def test_what_has_not_changed_is_not_sent_again(world: World, name: str) -> None:
    """Every GET of API v2 that a rule of test_every_route.py can ask; a new one is among them by itself."""
    rule, kees = RULES[name], world.people["kees"]
    query = world.filled(rule.query, world.ids)
    address = name.split(" ")[1].format(**world.ids) + (f"?{query}" if query else "")
    first = kees.ask("GET", address, None, **{"Accept-Encoding": "identity"})
    assert first.status_code == 200, first.text
    tag = first.headers["ETag"]
    is_public = rule.kind == PUBLIC
    assert first.headers["Vary"] == ("Accept-Encoding" if is_public else ASKER)
    assert first.headers["Cache-Control"] == ("no-cache" if is_public else "private, no-cache")
    again = kees.ask("GET", address, None, **{"Accept-Encoding": "identity", "If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    kept = ("ETag", "Vary", "Cache-Control")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    assert "Content-Type" not in again.headers
    other = kees.ask("GET", address, None, **{"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_a_refusal_is_kept_by_nobody(world: World) -> None:
    answer = world.client.get(f"/api/v2/latest?sensor={world.ids['sensor']}", headers={"If-None-Match": "*"})
    assert answer.status_code == 401
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


@pytest.fixture(scope="module")
def device(served: ServedOwner) -> Fluksometer:
    """A device with two days, by a real server."""
    device = served.device()
    served.upload(device, [[T + 60 * at, 10 * at] for at in range(2880)])
    return device


def addresses(device: Fluksometer) -> list[str]:
    span = f"start={T}&end={T + 2 * 86400}"
    return [
        f"/api/v2/series?sensor={device.sensor}&resolution=minute&{span}",
        f"/api/v2/sensors/{device.sensor}/samples",
        f"/api/v2/sensors/{device.sensor}/samples.csv?{span}",
        "/api/v2/openapi.json",
    ]


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0.1, gzip", "gzip"), ("identity", None), ("*;q=0", None)],
)
def test_encodings(served: ServedOwner, device: Fluksometer, place: int, accepted: str, encoding: str | None) -> None:
    address = addresses(device)[place]
    with served.http.stream("GET", address, headers={"Accept-Encoding": "identity"}) as plain:
        whole, tag = unpacked(plain), plain.headers["ETag"]
        assert "Content-Encoding" not in plain.headers
    asked = {"Accept-Encoding": accepted}
    with served.http.stream("GET", address, headers=asked) as answer:
        assert answer.headers.get("Content-Encoding") == encoding
        mine = answer.headers["ETag"]
        assert mine == (tag if encoding is None else f'{tag[:-1]}-{encoding}"')
        assert unpacked(answer) == whole
        sent = answer.num_bytes_downloaded
    assert encoding is None or sent < len(whole) / 2
    for known in (tag, mine):
        again = served.http.get(address, headers=asked | {"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", mine)


def test_what_has_changed_is_sent(served: ServedOwner, device: Fluksometer) -> None:
    """One measurement more, another counter, one less: and the same again once all is folded."""
    path = f"/api/v2/sensors/{device.sensor}/samples"
    mine = addresses(device)[:3]
    tags = [served.http.get(address).headers["ETag"] for address in mine]

    def changed() -> list[bool]:
        nonlocal tags
        answers = [
            served.http.get(address, headers={"If-None-Match": tag}) for address, tag in zip(mine, tags, strict=True)
        ]
        tags = [answer.headers["ETag"] for answer in answers]
        return [answer.status_code == 200 for answer in answers]

    assert changed() == [False] * 3
    for at, counter in ((T + 60, 11), (T + 60, 12)):
        assert served.http.post(path, json={"time": [at], "counter": [counter]}).json()["stored"] == 1
        assert changed() == [True] * 3
    assert served.fold(device, T + 3 * 86400) == 2
    before = served.http.get(mine[2]).content
    changed()
    assert changed() == [False] * 3
    assert served.http.delete(path, params={"start": T + 60, "end": T + 61}).json() == {"deleted": 1}
    assert changed() == [True] * 3
    assert served.http.get(mine[2]).content != before


def test_head(served: ServedOwner, device: Fluksometer) -> None:
    for address in addresses(device):
        head, whole = served.http.head(address), served.http.get(address)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == whole.headers["ETag"]


def test_latest_values_of_several_sensors(served: ServedOwner) -> None:
    """In the order in which they are asked for, each once; one that may not be seen refuses all."""
    full, empty, water = served.device(), served.device(), served.device(type="water", class_="pulse")
    now = T + 86400
    served.upload(full, [[T, 1], [now, 5]])
    served.upload(water, [[T, 7]])
    ids = [water.sensor, full.sensor, empty.sensor]
    answer = served.http.get("/api/v2/latest", params={"sensor": [*ids, full.sensor]})
    assert answer.status_code == 200, answer.text
    found = answer.json()["sensors"]
    assert [one["sensor"] for one in found] == ids
    assert [one["measurement"] for one in found] == [{"time": T, "counter": 7}, {"time": now, "counter": 5}, None]
    assert [(one["type"], one["counter_unit"], one["gauge_unit"]) for one in found[:2]] == [
        ("water", "L", "L/min"),
        ("electricity", "Wh", "W"),
    ]
    body = compact({"measurements": [[now := int(time.time()), 1]], "gauges": [[now, 2]]})
    assert served.post(full, f"/sensor/{full.sensor}", body).status_code == 200
    fresh = served.http.get("/api/v2/latest", params={"sensor": full.sensor}).json()
    documented = json.loads(Page("docs/protocol.md").block_after("`GET /api/v2/latest?", "json"))
    assert members(fresh) == members(documented)
    assert fresh["sensors"][0]["gauge"] == {"time": now, "value": 2}
    assert served.http.get("/api/v2/latest", params={"sensor": [*ids, "0" * 32]}).status_code == 401
    for wrong in ("", "?sensor=x", "?sensor=" + "&sensor=".join(["0" * 32] * 257), f"?sensor={'0' * 32}&x=1"):
        assert served.http.get(f"/api/v2/latest{wrong}").status_code == 400
