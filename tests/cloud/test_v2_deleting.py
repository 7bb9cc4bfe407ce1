"""What an owner deletes or replaces is gone everywhere: from days that are folded, every sum, tmpo, live streams."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flukso_cloud.meter import Sample
from flukso_cloud.tmpo import Place
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.served import ServedOwner
from tests.cloud.test_tmpo import block

T = 1_790_035_200
DAY = 86400
STEP = 1200
LAST = T + 4 * DAY
EVERYTHING = {"start": 0, "end": 2**32 - 1}

instants = st.integers(0, 4 * DAY // STEP - 1).map(lambda place: T + STEP * place)
counters = st.integers(0, 4000) | st.sampled_from([2**32 - 5, 2**32 - 1])
"""Also such that the meter was reset, went back, jumped, or went once around."""
series = st.dictionaries(instants, counters, max_size=30)
spans = st.tuples(instants, st.integers(1, 2 * DAY)).map(lambda span: (span[0] - 300, span[0] + span[1]))
operations = st.one_of(
    st.tuples(st.just("upload"), series),
    st.tuples(st.just("delete"), spans),
    st.tuples(st.just("replace"), spans, series),
    st.tuples(st.just("fold"), st.integers(1, 5)),
)


def path_of(device: Fluksometer) -> str:
    return f"/api/v2/sensors/{device.sensor}/samples"


def stored(served: ServedOwner, device: Fluksometer) -> dict[int, int]:
    page = served.http.get(path_of(device)).json()
    return dict(zip(page["time"], page["counter"], strict=True))


def columns(served: ServedOwner, device: Fluksometer, resolution: str) -> Any:
    """The series of a device without what tells it from another."""
    query = {"sensor": device.sensor, "start": T, "end": LAST, "resolution": resolution, "zone": "Europe/Brussels"}
    answer = served.http.get("/api/v2/series", params=query)
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["series"]
    return {name: value for name, value in found.items() if name != "sensor"}


@pytest.fixture(scope="module")
def devices(served: ServedOwner) -> tuple[Fluksometer, Fluksometer]:
    return served.device(), served.device()


@settings(max_examples=30)
@given(st.lists(operations, min_size=2, max_size=8))
def test_it_is_as_if_only_the_rest_had_ever_come(
    served: ServedOwner, devices: tuple[Fluksometer, Fluksometer], done: list[Any]
) -> None:
    """Whatever was uploaded, deleted, replaced and folded: another sensor that got what is left has the same series."""
    device, other = devices
    http, path, known = served.http, path_of(device), {}
    for one in devices:
        http.delete(path_of(one), params=EVERYTHING)
    for kind, *given_ in done:
        if kind == "upload":
            served.upload(device, list(given_[0].items()))
            known |= given_[0]
        elif kind == "fold":
            served.fold(device, T + given_[0] * DAY + DAY // 2)
        else:
            start, end = given_[0]
            gone = [at for at in known if start <= at < end]
            known = {at: counter for at, counter in known.items() if at not in gone}
            if kind == "delete":
                assert http.delete(path, params={"start": start, "end": end}).json() == {"deleted": len(gone)}
                continue
            news = sorted((at, counter) for at, counter in given_[1].items() if start <= at < end)
            body = {"start": start, "end": end, "time": [at for at, _ in news], "counter": [to for _, to in news]}
            assert http.put(path, json=body).json() == {"deleted": len(gone), "stored": len(news)}
            known |= dict(news)
    assert stored(served, device) == known
    served.upload(other, sorted(known.items()))
    for resolution in ("15min", "hour", "day"):
        assert columns(served, device, resolution) == columns(served, other, resolution)


def test_a_folded_day_deleted_in_part_and_whole(served: ServedOwner) -> None:
    device = served.device()
    whole = {T + 600 * at: 100 * at for at in range(3 * 144)}
    served.upload(device, list(whole.items()))
    assert served.fold(device, T + 4 * DAY) == 3
    span = {"start": T + DAY // 2, "end": T + 2 * DAY}
    assert served.http.delete(path_of(device), params=span).json() == {"deleted": 72 + 144}
    assert served.fold(device, T) == 1, "the first day is taken back, the second is gone"
    left = {at: counter for at, counter in whole.items() if not span["start"] <= at < span["end"]}
    assert stored(served, device) == left
    days = columns(served, device, "day")
    assert served.fold(device, T + 4 * DAY) == 2
    assert (stored(served, device), columns(served, device, "day")) == (left, days)
    times = list(range(T + DAY, T + 2 * DAY, 600))
    lost = [whole[at] for at in times]
    put = {"start": T + DAY, "end": T + 2 * DAY, "time": times, "counter": lost}
    assert served.http.put(path_of(device), json=put).json() == {"deleted": 0, "stored": 144}
    assert stored(served, device) == left | {at: whole[at] for at in times}


def test_years_are_deleted_step_by_step(served: ServedOwner) -> None:
    device = served.device()
    hours = {T - 3600 * at: 10**6 - 100 * at for at in range(400 * 24)}
    served.upload(device, sorted(hours.items()))
    served.fold(device, T)
    span = {"start": T - 399 * DAY, "end": T - DAY}
    assert served.http.delete(path_of(device), params=span).json() == {"deleted": 398 * 24}
    assert set(stored(served, device)) == {at for at in hours if not span["start"] <= at < span["end"]}


def test_blocks_that_reach_into_it_are_gone(served: ServedOwner) -> None:
    """Those beside it stay, and what was measured in them."""
    device = served.device()
    places = [Place(0, 8, T // 256 * 256 + 256 * at) for at in range(4)]
    for place in places:
        data = block([(at, (at - T) // 4 + 500) for at in range(place.bid, place.end, 8)])
        assert served.post(device, f"/sensor/{device.sensor}/tmpo/0/8/{place.bid}", data).status_code == 200

    def listed() -> list[int]:
        query = {"version": "1.0", "rid": 0, "lvl": 0, "bid": 0}
        return [one["bid"] for one in served.http.get(f"/sensor/{device.sensor}/tmpo/sync", params=query).json()]

    before = stored(served, device)
    assert listed() == [place.bid for place in places]
    span = {"start": places[1].bid + 8, "end": places[2].bid}
    assert served.http.delete(path_of(device), params=span).json() == {"deleted": 31}
    assert listed() == [places[0].bid, places[2].bid, places[3].bid]
    assert stored(served, device) == {at: to for at, to in before.items() if not span["start"] <= at < span["end"]}
    put = {"start": places[2].end - 1, "end": places[2].end + 1, "time": [], "counter": []}
    served.http.put(path_of(device), json=put)
    assert listed() == [places[0].bid]
    served.http.delete(path_of(device), params={"start": places[0].end - 1, "end": places[0].end})
    assert listed() == [], "also where nothing was measured"


def test_live_streams_tell_nothing_of_it_again(served: ServedOwner) -> None:
    device, now = served.device(), int(time.time())
    for at in range(3):
        moment = now - 120 + 60 * at
        body = compact({"measurements": [[moment, at]], "gauges": [[moment, 100 + at]]})
        assert served.post(device, f"/sensor/{device.sensor}", body).status_code == 200

    def recent(most: int) -> list[tuple[int, int]]:
        address = f"{served.server.url}/api/v2/live?sensor={device.sensor}&recent=600"
        stream = urllib.request.Request(address, headers={"X-Token": served.token})
        with urllib.request.urlopen(stream, context=served.server.trust(), timeout=10) as live:
            served.post(device, f"/sensor/{device.sensor}", compact({"gauges": [[now + 60 + most, 7]]}))
            told: list[tuple[int, int]] = []
            while not told or told[-1][1] != 7:
                line = live.readline().decode()
                if line.startswith("data: "):
                    one = json.loads(line.removeprefix("data: "))
                    told.append((one["time"], one["gauge"]))
            return told[:-1]

    assert recent(0) == [(now - 120, 100), (now - 60, 101), (now, 102)]
    served.http.delete(path_of(device), params={"start": now - 60, "end": now - 59})
    assert recent(1)[:2] == [(now - 120, 100), (now, 102)]
    served.http.delete(path_of(device), params=EVERYTHING)
    latest = served.http.get("/api/v2/latest", params={"sensor": device.sensor}).json()["sensors"][0]
    assert (latest["measurement"], latest["gauge"]) == (None, None)
    assert recent(2) == []


def test_what_a_replacement_has_brought_is_known(served: ServedOwner) -> None:
    device = served.device()
    served.upload(device, [[T, 1]])
    put = {"start": T, "end": T + 900, "time": [T, T + 60, T + 120], "counter": [1, 2, 3]}
    assert served.http.put(path_of(device), json=put).json() == {"deleted": 1, "stored": 3}
    sent = {"time": [T + 60, T + 120, T + 180], "counter": [2, 3, 4]}
    told = served.http.post(path_of(device), json=sent).json()
    assert (told["stored"], told["known"]) == (1, 2)
    assert [Sample(*one) for one in stored(served, device).items()] == [Sample(T + 60 * at, at + 1) for at in range(4)]
