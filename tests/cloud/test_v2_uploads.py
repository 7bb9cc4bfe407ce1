"""What cannot be stored is told: of an upload by API v2 each bad measurement, of any body what makes it unreadable."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.meter import Sample
from flukso_cloud.repetition import RepetitionError, refuse_repetition
from flukso_cloud.sorting_out import WHY, sort_out
from flukso_cloud.upload import objection
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import run
from tests.cloud.served import ServedOwner
from tests.documented import Page

T = 1_795_400_040
NOW = T + 86400
PAGE = Page("docs/protocol.md")
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def device(served: ServedOwner) -> Fluksometer:
    return served.device()


def path_of(device: Fluksometer) -> str:
    return f"/api/v2/sensors/{device.sensor}/samples"


def stored(served: ServedOwner, device: Fluksometer) -> list[Sample]:
    page = served.http.get(path_of(device)).json()
    return list(map(Sample, page["time"], page["counter"]))


def test_good_ones_stay_and_each_bad_one_is_named(served: ServedOwner, device: Fluksometer) -> None:
    now = int(time.time())
    times = [T, -5, T + 60, T + 120.0, T + 180, T + 240, "x", now + 86400, T + 300, T + 360, None, T + 420]
    counters = [10, 11, 1.5, 13, 14, 2**32, 16, 17, "18", 19, 20, {"a": [1]}]
    answer = served.http.post(path_of(device), json={"time": times, "counter": counters})
    assert answer.status_code == 200, answer.text
    no_time, future, no_integer, beyond = (
        WHY[reason] for reason in ("no time", "time in the future", "no integer", "beyond 32 bits")
    )
    named = {1: no_time, 2: no_integer, 3: no_time, 5: beyond, 6: no_time, 7: future, 8: no_integer, 10: no_time}
    named[11] = no_integer
    assert answer.json() == {
        "stored": 3,
        "known": 0,
        "refused": 9,
        "reasons": {no_time: 4, no_integer: 3, beyond: 1, future: 1},
        "bad": [{"place": place, "why": why} for place, why in named.items()],
    }
    assert stored(served, device) == [(T, 10), (T + 180, 14), (T + 360, 19)]


def test_the_documented_answer(served: ServedOwner, device: Fluksometer) -> None:
    documented = json.loads(PAGE.block_after("`POST /api/v2/sensors/<id>/samples` with", "json"))
    sent = {"time": list(range(T, T + 60)), "counter": [0.5 if at in (7, 9) else at for at in range(60)]}
    assert served.http.post(path_of(device), json=sent).json() == documented


def test_it_may_be_sent_again_and_corrected(served: ServedOwner, device: Fluksometer) -> None:
    sent = {"time": [T + 60, T, T + 120], "counter": [1, 0, 2]}
    first = {"stored": 3, "known": 0, "refused": 0, "reasons": {}, "bad": []}
    assert served.http.post(path_of(device), json=sent).json() == first
    assert served.http.post(path_of(device), json=sent).json() == first | {"stored": 0, "known": 3}
    corrected = {"time": [T + 120, T + 180], "counter": [3, 4]}
    assert served.http.post(path_of(device), json=corrected).json() == first | {"stored": 2}
    assert stored(served, device) == [(T, 0), (T + 60, 1), (T + 120, 3), (T + 180, 4)]


def test_of_many_bad_ones_all_are_counted_and_the_first_are_named(served: ServedOwner, device: Fluksometer) -> None:
    sent = {"time": [*range(T, T + 700), *[-1] * 3000], "counter": [0.5] * 500 + [1] * 3200}
    told = served.http.post(path_of(device), json=sent).json()
    assert (told["stored"], told["refused"]) == (200, 3500)
    assert told["reasons"] == {WHY["no integer"]: 500, WHY["no time"]: 3000}
    assert [one["place"] for one in told["bad"]] == list(range(100))


def test_v1_says_ok_and_stores_the_same(served: ServedOwner, device: Fluksometer) -> None:
    pairs = [
        [T, 10],
        [-5, 11],
        [T + 60, 1.5],
        [T + 120.0, 13],
        [T + 180, 14],
        [T + 240, 2**32],
        ["x"],
        7,
        [T + 360, 19],
    ]
    answer = served.post(device, f"/sensor/{device.sensor}", compact({"measurements": pairs}))
    assert (answer.status_code, answer.content) == (200, b'{"response":"ok"}')
    assert stored(served, device) == [(T, 10), (T + 180, 14), (T + 360, 19)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"time":[1795400060],"time":[1795400000],"counter":[7]}', "time"),
        (b'{"time":[1795400060],"counter":[{"a":1,"a":2}]}', "a"),
        (b'{"time":[1795400060],"t\\u0069me":[1795400000],"counter":[7]}', "time"),
        (b'{"time":[1795400060],"counter":[NaN]}', None),
        (b'{"time":[1795400060],"counter":[-Infinity]}', None),
        (b'{"time":[1795400060],"counter":[1e999]}', "counter"),
        (b'{"time":[1795400060],"counter":[%s]}' % (b"9" * 5000), "counter"),
        (b'{"time":%s,"counter":[1]}' % DEEP, None),
        (b'{"time":[1795400060],"counter":[1],"x":%s}' % DEEP, None),
        (b'{"time":[1795400060]}', None),
        (b'{"time":[1795400060],"counter":[1,2]}', "counter"),
        (b'{"time":7,"counter":[1]}', "time"),
        (b'{"time":[1795400060],"counter":["\xff"]}', None),
        (b"[1]", None),
        (b"", None),
    ],
)
def test_what_is_no_upload_is_told_and_stores_nothing(
    served: ServedOwner, device: Fluksometer, body: bytes, field: str | None
) -> None:
    for method in ("POST", "PUT"):
        answer = served.http.request(method, path_of(device), content=body)
        assert answer.status_code == 400, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()
        assert len(told["detail"]) > 10
        assert method == "PUT" or told.get("field") == field, told
    assert stored(served, device) == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"measurements":[[1450000000,1]],"measurements":[[1450000060,2]]}',
        b'{"measurements":[[1450000000,1]],"measurem\\u0065nts":[[1450000060,2]]}',
        b'{"measurements":[],"gauges":[],"gauges":[[1450000000,1]]}',
        b'{"measurements":[[1450000000,{"a":1,"a":2}],[1450000060,2]]}',
        b'{"config":{"enable":1,"enable":0}}',
        b'{"measurements":[[1450000000,NaN]]}',
        b'{"measurements":[[1450000000,Infinity]]}',
        b'{"measurements":[],"x":%s}' % DEEP,
        b'{"measurements":%s}' % DEEP,
    ],
)
def test_v1_refuses_what_readers_understand_differently(served: ServedOwner, device: Fluksometer, body: bytes) -> None:
    """So too once the sensor is known, when uploads take the short way."""
    for _ in range(2):
        answer = served.post(device, f"/sensor/{device.sensor}", body)
        assert answer.status_code == 400
        assert len(answer.text) > 10
        good = compact({"measurements": [[T, 1]]})
        assert served.post(device, f"/sensor/{device.sensor}", good).status_code == 200
    assert stored(served, device) == [(T, 1)]


def test_a_heartbeat_with_a_member_twice_registers_nothing(served: ServedOwner) -> None:
    device = Fluksometer()
    body = device.registration()[:-1] + b',"key":"' + device.key.encode() + b'"}'
    answer = served.post(device, f"/device/{device.id}", body)
    assert (answer.status_code, answer.text) == (400, "a member of an object is there twice\n")
    assert served.post(device, f"/device/{device.id}", device.heartbeat()).status_code == 401


def test_a_token_that_reads_adds_nothing(served: ServedOwner, device: Fluksometer) -> None:
    reading = run("token", "--account", "kees", "--dir", served.server.home).stdout.strip()
    sent = {"time": [T], "counter": [1]}
    answer = served.http.post(path_of(device), json=sent, headers={"X-Token": reading})
    assert answer.status_code == 401
    assert stored(served, device) == []


def test_what_is_news_is_heard(served: ServedOwner, device: Fluksometer) -> None:
    now = int(time.time())
    address = f"{served.server.url}/api/v2/live?sensor={device.sensor}"
    stream = urllib.request.Request(address, headers={"X-Token": served.token})
    with urllib.request.urlopen(stream, context=served.server.trust(), timeout=10) as live:
        served.http.post(path_of(device), json={"time": [now - 60, now], "counter": [1, 2]})
        event = [live.readline().decode() for _ in range(3)]
    told = json.loads(event[2].removeprefix("data: "))
    assert told == {"sensor": device.sensor, "time": now, "counter": 2, "gauge": None}


SOME = st.integers(T - 100, T + 100) | st.integers() | st.floats() | st.none() | st.text() | st.booleans()


@given(st.lists(st.tuples(SOME, SOME)))
def test_they_are_sorted_out_as_they_are_one_by_one(pairs: list[tuple[Any, Any]]) -> None:
    found = sort_out([time for time, _ in pairs], [counter for _, counter in pairs], NOW)
    reasons = [objection(pair, NOW) for pair in pairs]
    assert found.samples == [pair for pair, reason in zip(pairs, reasons, strict=True) if reason is None]
    assert found.refused == {reason: reasons.count(reason) for reason in reasons if reason is not None}
    assert found.named == [(place, reason) for place, reason in enumerate(reasons) if reason is not None][:100]


NAMES = st.sampled_from(["a", "b", "c", '"', "\\"])


def pairs_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects as tuples of pairs, so that a name may come twice."""
    return st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple)


JSON = st.recursive(st.none() | st.integers() | NAMES, lambda inner: st.lists(inner) | pairs_of(inner), max_leaves=12)


def written(content: Any) -> str:
    if isinstance(content, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in content) + "}"
    return "[" + ",".join(map(written, content)) + "]" if isinstance(content, list) else json.dumps(content)


def repeats(content: Any) -> bool:
    if isinstance(content, tuple):
        return len({name for name, _ in content}) < len(content) or any(repeats(inner) for _, inner in content)
    return isinstance(content, list) and any(map(repeats, content))


@given(JSON)
def test_a_repetition_is_found_wherever_it_is(content: Any) -> None:
    body = written(content).encode()
    if not repeats(content):
        refuse_repetition(body)
        return
    with pytest.raises(RepetitionError):
        refuse_repetition(body)
