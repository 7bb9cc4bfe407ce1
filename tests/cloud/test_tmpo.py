"""tmpo blocks over HTTP: in from devices, out to the client of PyPI, and into the history (sections 2.9 and 7.1)."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tmpo
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.claim import claim_code
from flukso_cloud.meter import Sample
from flukso_cloud.tmpo import BlockError, Place, counters, read
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner
from tests.cloud.process import Server, run

START = 1_450_180_608 // (1 << 20) * (1 << 20)
"""A multiple of all spans."""


def block(points: Iterable[tuple[int, float]], **members: Any) -> bytes:
    """A block as tmpod of FLM02 writes it."""
    times, values = zip(*points, strict=True)
    header = {
        "cfg": {"id": "ab", "data_type": "counter", "rid": 0} | members,
        "tail": [times[-1], values[-1]],
        "vsn": 1,
        "head": [times[0], values[0]],
    }
    steps = [0, *(after - before for before, after in itertools.pairwise(times))]
    changes = [0, *(round(after - before, 3) for before, after in itertools.pairwise(values))]
    text = json.dumps({"h": header, "t": steps, "v": changes}, separators=(",", ":"))
    return gzip.compress(text.encode(), 9, mtime=0)


def minute_by_minute(place: Place, first: int = 0) -> bytes:
    """A block with a point every 30 s, at 1200 W."""
    return block([(at, first + (at - START) // 3) for at in range(place.bid, place.end, 30)])


@pytest.fixture
def claimed(device: Fluksometer, owner: Owner) -> Fluksometer:
    owner.claim(device)
    return device


def post(client: TestClient, device: Fluksometer, place: Place, data: bytes) -> int:
    path = f"/sensor/{device.sensor}/tmpo/{place.rid}/{place.lvl}/{place.bid}"
    return client.post(path, content=data, headers=device.headers(data)).status_code


def get(owner: Owner, path: str, accept: str = "*/*", **query: Any) -> Any:
    headers = {"X-Version": "1.0", "X-Token": owner.token, "Accept": accept}
    return owner.client.get(path, params=query, headers=headers)


def listed(owner: Owner, device: Fluksometer, rid: int = 0, lvl: int = 0, bid: int = 0) -> list[tuple[int, int, int]]:
    answer = get(owner, f"/sensor/{device.sensor}/tmpo/sync", rid=rid, lvl=lvl, bid=bid)
    assert answer.status_code == 200
    assert all(one.keys() == {"rid", "lvl", "bid", "ext"} and one["ext"] == "gz" for one in answer.json())
    return [(one["rid"], one["lvl"], one["bid"]) for one in answer.json()]


def test_a_block_comes_in_and_goes_out_as_it_was(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    place = Place(0, 8, START)
    data = minute_by_minute(place)
    assert post(client, claimed, place, data) == 200
    path = f"/sensor/{claimed.sensor}/tmpo/0/8/{START}"
    for accept in ("*/*", "application/gzip", "application/json;q=0.5, application/gzip"):
        raw = get(owner, path, accept)
        assert (raw.status_code, raw.content, raw.headers["Content-Type"]) == (200, data, "application/gzip")
        assert "Content-Encoding" not in raw.headers
    unpacked = get(owner, path, "application/json")
    assert unpacked.headers["Content-Encoding"] == "gzip"
    assert unpacked.headers["Content-Length"] == str(len(data))
    assert unpacked.content == gzip.decompress(data)
    assert get(owner, path, "text/csv").status_code == 406
    for absent in (f"0/8/{START + 256}", f"0/12/{START}", f"1/8/{START}", "0/8/1", "0/9/0", "9999999999/8/0"):
        assert get(owner, f"/sensor/{claimed.sensor}/tmpo/{absent}").status_code == 404
    for bad in ("0/8/x", "0/99/0", "-1/8/0", "0/8/99999999999"):
        assert get(owner, f"/sensor/{claimed.sensor}/tmpo/{bad}").status_code == 400
    for query in ({}, {"rid": 0, "lvl": 8}, {"rid": 0, "lvl": 8, "bid": "x"}, {"rid": 0, "lvl": 99, "bid": 0}):
        assert get(owner, f"/sensor/{claimed.sensor}/tmpo/sync", **query).status_code == 400
    assert get(owner, f"/sensor/{claimed.sensor}/tmpo/sync", "text/csv", rid=0, lvl=0, bid=0).status_code == 406


def test_the_list_has_what_lies_behind_in_the_original_order(
    client: TestClient, claimed: Fluksometer, owner: Owner
) -> None:
    places = [
        Place(0, 20, START),
        Place(0, 16, START + (1 << 20)),
        Place(0, 12, START + (1 << 20) + (1 << 16)),
        Place(0, 8, START + (1 << 20) + (1 << 16) + (1 << 12)),
        Place(0, 8, START + (1 << 20) + (1 << 16) + (1 << 12) + 256),
        Place(1, 8, START + (1 << 20) + (1 << 16) + (1 << 12) + 512),
    ]
    shuffled = places.copy()
    random.Random(7).shuffle(shuffled)
    for place in shuffled:
        assert post(client, claimed, place, block([(place.bid, 5), (place.end - 1, 6)])) == 200
    assert listed(owner, claimed) == places
    for known in range(len(places)):
        assert listed(owner, claimed, *places[known]) == places[known + 1 :]
    assert listed(owner, claimed, 1, 0, 0) == places[5:]
    assert listed(owner, claimed, 0, 8, START) == places  # the end of the first lies behind that of its first child


def test_a_block_is_never_overwritten(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    place = Place(0, 8, START)
    first, other = block([(START, 1), (START + 9, 2)]), block([(START, 1), (START + 9, 7)])
    assert post(client, claimed, place, first) == post(client, claimed, place, other) == 200
    assert get(owner, f"/sensor/{claimed.sensor}/tmpo/0/8/{START}").content == first
    assert get(owner, f"/sensor/{claimed.sensor}", param="all").json()["lastupdate"] == [START + 9, 2]


def test_children_go_when_their_parent_arrives(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    children = [Place(0, 8, START + 256 * index) for index in range(17)]
    for child in children:
        assert post(client, claimed, child, minute_by_minute(child)) == 200
    other = Place(1, 8, START)
    assert post(client, claimed, other, minute_by_minute(other)) == 200
    parent = Place(0, 12, START)
    assert post(client, claimed, parent, minute_by_minute(parent)) == 200
    assert listed(owner, claimed) == [parent, children[16], other]
    assert post(client, claimed, children[3], minute_by_minute(children[3])) == 200  # sent again, and not needed
    assert listed(owner, claimed) == [parent, children[16], other]
    ends = [place.end for place in (parent, children[16])]
    assert ends == sorted(ends)  # a list that goes up, without the original's 597


def test_blocks_fill_the_history(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    """Also where both ways carry the same measurements, and twice: nothing is counted double."""
    place = Place(0, 12, START)
    assert post(client, claimed, place, minute_by_minute(place, first=1000)) == 200
    body = json.dumps({"measurements": [[START + 60, 1020], [START + 120, 1040]]}).encode()
    assert client.post(f"/sensor/{claimed.sensor}", content=body, headers=claimed.headers(body)).status_code == 200
    query = {"start": START, "end": START + 3000, "resolution": "minute", "unit": "watt"}
    points = get(owner, f"/sensor/{claimed.sensor}", **query).json()
    assert {value for _, value in points[1:]} == {1200}


def test_a_block_of_days_is_taken_in_pieces(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    """A reading every 8 s for 18 hours, twice: all of it is in the history, once."""
    place = Place(0, 16, START)
    data = block([(at, (at - START) // 4) for at in range(place.bid, place.end, 8)])
    assert post(client, claimed, place, data) == post(client, claimed, place, data) == 200
    query = {"start": START, "end": START + 65000, "resolution": "15min", "unit": "watt"}
    values = [value for _, value in get(owner, f"/sensor/{claimed.sensor}", **query).json()]
    assert set(values[1:-1]) == {900}
    assert get(owner, f"/sensor/{claimed.sensor}", param="all").json()["lastupdate"] == [START + 65528, 16382]


def test_blocks_of_gauges_are_no_measurements(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    place = Place(0, 8, START)
    assert post(client, claimed, place, block([(START, 20.5), (START + 60, 21.25)], data_type="gauge")) == 200
    assert get(owner, f"/sensor/{claimed.sensor}", param="all").json()["lastupdate"][1] == "NaN"
    assert listed(owner, claimed) == [place]


def test_a_block_without_data_type_is_a_counters() -> None:
    """Trap 24: the device's own default."""
    place = Place(0, 8, START)
    for header in (b'{"head":[%d,7]}', b'{"cfg":{"rid":0},"head":[%d,7]}'):
        found = read(gzip.compress(b'{"h":' + header % START + b',"t":[0,9],"v":[0,1]}'), place)
        assert counters(found) == [Sample(START, 7), Sample(START + 9, 8)]


LONG = b'{"h":{"head":[%d,0]},"t":[0],"v":[0]}' % START
WRONG = {
    "not gzip": b"12345",
    "nothing": b"",
    "cut off": block([(START, 1)])[:-4],
    "two members": block([(START, 1)]) * 2,
    "not JSON": gzip.compress(b"hello"),
    "other order": gzip.compress(b'{"t":[0],"h":{"head":[%d,0]},"v":[0]}' % START),
    "blanks": gzip.compress(b'{"h": {"head":[%d,0]}, "t":[0],"v":[0]}' % START),
    "no head": gzip.compress(b'{"h":{"x":1},"t":[0],"v":[0]}'),
    "more values": gzip.compress(b'{"h":{"head":[%d,0]},"t":[0],"v":[0,1]}' % START),
    "time goes back": gzip.compress(b'{"h":{"head":[%d,0]},"t":[0,9,-3],"v":[0,1,1]}' % START),
    "before its span": block([(START - 1, 1)]),
    "behind its span": block([(START, 1), (START + 256, 2)]),
    "NaN": gzip.compress(b'{"h":{"head":[%d,0]},"t":[0],"v":[NaN]}' % START),
    "too large a value": gzip.compress(b'{"h":{"head":[%d,1e300]},"t":[0],"v":[0]}' % START),
    "Latin-1": gzip.compress(b'{"h":{"head":[%d,0],"x":"\xe9"},"t":[0],"v":[0]}' % START),
    "a bomb": gzip.compress(LONG[:-1] + b" " * 70_000_000 + b"}"),
    "deep": gzip.compress(b'{"h":{"head":[%d,0],"x":' % START + b"[" * 9999 + b"]" * 9999 + b'},"t":[0],"v":[0]}'),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_block_is_refused(client: TestClient, claimed: Fluksometer, owner: Owner, data: bytes) -> None:
    assert post(client, claimed, Place(0, 8, START), data) == 400
    assert listed(owner, claimed) == []


def test_places_that_cannot_be(client: TestClient, claimed: Fluksometer) -> None:
    future = (int(time.time()) // 256 + 10) * 256
    for place in (Place(0, 8, START + 1), Place(0, 9, START), Place(0, 24, START), Place(0, 8, future)):
        assert post(client, claimed, place, block([(place.bid, 1)])) == 400


def test_who_may(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    place, mallory = Place(0, 8, START), Owner(client, "mallory")
    data = minute_by_minute(place)
    assert post(client, Fluksometer(id=claimed.id, sensor=claimed.sensor), place, data) == 401
    assert post(client, claimed, place, data) == 200
    for path in (f"/sensor/{claimed.sensor}/tmpo/sync?rid=0&lvl=0&bid=0", f"/sensor/{claimed.sensor}/tmpo/0/8/{START}"):
        for headers in ({"X-Token": mallory.token}, {}, {"X-Token": "0" * 32}):
            assert client.get(path, headers=headers | {"X-Version": "1.0"}).status_code == 401


@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 10**9)), min_size=1, max_size=40))
def test_values_are_read_to_the_thousandth(rows: list[tuple[int, int]]) -> None:
    times = list(itertools.accumulate(step for step, _ in rows))
    points = [(START + at, thousandths / 1000) for at, (_, thousandths) in zip(times, rows, strict=True)]
    found = read(block(points), Place(0, 16, START))
    assert list(zip(found.times, found.thousandths, strict=True)) == [(at, round(value * 1000)) for at, value in points]
    assert counters(found) == [
        Sample(at, thousandths // 1000) for (at, _), (_, thousandths) in zip(points, rows, strict=True)
    ]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    for data in (noise, gzip.compress(noise), gzip.compress(b'{"h":{' + noise + b'},"t":[0],"v":[0]}')):
        with pytest.raises(BlockError):
            read(data, Place(0, 8, START))


async def test_the_old_client_gets_all_of_it(server: Server, tmp_path: Path) -> None:
    """`tmpo` of PyPI: twice the same is asked for once, children are left behind, the points are those that came."""
    device = Fluksometer()
    wire = server.connect()
    body = device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200

    def send(place: Place) -> None:
        data = minute_by_minute(place)
        path = f"/sensor/{device.sensor}/tmpo/{place.rid}/{place.lvl}/{place.bid}"
        assert wire.request("POST", path, device.headers(data), data).status == 200

    claim_it = ["claim", claim_code(device.key.encode(), device.id), "--account", "kees", "--dir", str(server.home)]
    await asyncio.to_thread(run, *claim_it)
    made = ["token", "--account", "kees", "--sensor", device.sensor, "--dir", str(server.home)]
    token = (await asyncio.to_thread(run, *made)).stdout.strip()
    session = tmpo.Session(str(tmp_path))
    Path(session.crt).write_bytes((server.home / "ca.pem").read_bytes())
    session.host = f"localhost:{server.port}"
    session.add(device.sensor, token)
    parents = [Place(0, 16, START), Place(0, 12, START + (1 << 16))]
    children = [Place(0, 8, START + (1 << 16) + (1 << 12) + 256 * index) for index in range(3)]

    def sync() -> list[tuple[int, int, int]]:
        session.sync()
        session.sync()
        return [row[1:4] for row in session.list(device.sensor)[0]]

    for place in [*parents, *children]:
        send(place)
    assert await asyncio.to_thread(sync) == [*parents, *children]
    parent = Place(0, 12, START + (1 << 16) + (1 << 12))
    send(parent)
    assert (await asyncio.to_thread(sync))[:3] == [*parents, parent]
    points = []
    for row in session.list(device.sensor)[0]:
        if Place(*row[1:4]) in {*parents, parent}:
            found = read(row[6], Place(*row[1:4]))
            points += list(zip(found.times, found.thousandths, strict=True))
    whole = (at for place in [*parents, parent] for at in range(place.bid, place.end, 30))
    assert points == [(at, (at - START) // 3 * 1000) for at in whole]
    wire.close()
