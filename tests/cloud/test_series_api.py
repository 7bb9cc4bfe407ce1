"""GET /sensor: time series and parameters (sections 2.5 and 2.6)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud.meter import Sample
from flukso_cloud.units import FACTORS
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner

DAY = 1_450_051_200
"""A midnight UTC in 2015."""


@pytest.fixture
def fed(device: Fluksometer, owner: Owner) -> Fluksometer:
    """A claimed device with two days of minutes at 600 W, a two hour gap, and a minute of 1200 W."""
    owner.claim(device)
    counter, samples = 1000, []
    for minute in range(2 * 1440 + 1):
        if not 600 < minute < 720:
            samples.append(Sample(DAY + 60 * minute, counter))
        counter += 20 if minute == 1500 else 10
    store(owner, device, samples)
    return device


def store(owner: Owner, device: Fluksometer, samples: list[Sample]) -> None:
    sensor = owner.store(owner.cloud.store.sensor, device.sensor)
    owner.store(owner.cloud.store.append, sensor, samples, samples[-1].time)


def test_pairs_of_bucket_end_and_whole_number(fed: Fluksometer, owner: Owner) -> None:
    """Traps 12 and 13: integers, stamped with the end of the bucket; explicit ranges end one bucket later."""
    answer = owner.series(fed.sensor, start=DAY + 1498 * 60, end=DAY + 1501 * 60, resolution="minute")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    ends = [DAY + 60 * minute for minute in (1499, 1500, 1501, 1502)]
    assert (
        answer.content
        == json.dumps(
            [[end, value] for end, value in zip(ends, [600, 600, 1200, 600], strict=True)], separators=(",", ":")
        ).encode()
    )


def test_gaps_are_the_text_nan(fed: Fluksometer, owner: Owner) -> None:
    """Trap 11: the string "nan", never null nor NaN."""
    answer = owner.series(fed.sensor, start=DAY + 598 * 60, end=DAY + 722 * 60, resolution="minute")
    values = [value for _, value in answer.json()]
    assert values == [600] * 2 + ["nan"] * 120 + [600] * 3
    assert b"null" not in answer.content
    assert b"NaN" not in answer.content


def test_the_last_bucket_is_in_progress(device: Fluksometer, owner: Owner) -> None:
    """Trap 13, on the running clock."""
    owner.claim(device)
    now = int(time.time())
    store(owner, device, [Sample(now - 7200 + 60 * i, 10 * i) for i in range(121)])
    points = owner.series(device.sensor, interval="hour").json()
    assert len(points) == 60
    assert now <= points[-1][0] <= time.time() + 61
    assert points[-1][1] == "nan"
    assert {value for _, value in points[:-2]} == {600}
    week = owner.series(device.sensor, interval="week").json()
    assert len(week) == 7
    assert week[-1][1] == "nan"


def test_a_month_is_28_days(fed: Fluksometer, owner: Owner) -> None:
    """Trap 14."""
    assert len(owner.series(fed.sensor, interval="month").json()) == 28
    assert len(owner.series(fed.sensor, interval="month", resolution="hour").json()) == 28 * 24


@pytest.mark.parametrize(("unit", "factor"), sorted(FACTORS.items()))
def test_units(fed: Fluksometer, owner: Owner, unit: str, factor: int) -> None:
    points = owner.series(fed.sensor, start=DAY, end=DAY, resolution="hour", unit=unit).json()
    assert points == [[DAY + 3600, (2 * factor * 600 + 3600) // 7200]]


def test_night(device: Fluksometer, owner: Owner) -> None:
    """Section 8.2: 02:00 to 05:00; quarters that are missing count as nothing."""
    owner.claim(device)
    now = int(time.time())
    midnight = now // 86400 * 86400 - 86400
    steady = [Sample(midnight + 60 * i, 5 * i) for i in range(1440)]
    half = [sample._replace(time=sample.time - 86400) for sample in steady if sample.time <= midnight + 12600]
    store(owner, device, half + [Sample(s.time, s.counter + half[-1].counter) for s in steady])
    points = dict(map(tuple, owner.series(device.sensor, interval="night").json()))
    assert len(points) == 28
    assert points[midnight + 86400] == 300
    assert points[midnight] == 150
    assert points[midnight - 86400] == "nan"


def test_csv(fed: Fluksometer, owner: Owner) -> None:
    query = {"version": "1.0", "token": owner.token, "unit": "watt", "start": DAY + 600 * 60, "end": DAY + 601 * 60}
    answer = owner.client.get(f"/sensor/{fed.sensor}", params=query, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text == f"{DAY + 601 * 60},nan\r\n{DAY + 602 * 60},nan\r\n"


def test_callbacks(fed: Fluksometer, owner: Owner) -> None:
    """Trap 15: `callback` ends in a semicolon; the older `jsonp_callback` does not."""
    query = {"start": DAY, "end": DAY, "resolution": "hour"}
    bare = owner.series(fed.sensor, **query).text
    assert owner.series(fed.sensor, **query, callback="fn_1").text == f"fn_1({bare});"
    assert owner.series(fed.sensor, **query, jsonp_callback="fn_1").text == f"fn_1({bare})"
    assert owner.series(fed.sensor, **query, callback="a", jsonp_callback="b").text == f"a({bare});"
    answer = owner.series(fed.sensor, **query, callback="fn")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    for bad in ("a.b", "a(", "<script>", "é", " "):
        assert owner.series(fed.sensor, **query, callback=bad).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"interval": "minute"},
        {"interval": "fortnight"},
        {"interval": "hour", "start": DAY},
        {"interval": "hour", "end": DAY},
        {"interval": "hour", "resolution": "second"},
        {"interval": "hour", "unit": "volt"},
        {"interval": "hour", "unit": None},
        {"end": DAY},
        {},
        {"start": "-1"},
        {"start": "1e9"},
        {"start": "12345678901"},
        {"start": DAY, "end": DAY - 3600},
        {"start": "٣"},
        {"param": "all", "unit": "watt"},
        {"param": "all", "interval": "hour", "unit": None},
        {"param": "some", "unit": None},
    ],
)
def test_queries_that_are_wrong(fed: Fluksometer, owner: Owner, query: dict[str, Any]) -> None:
    answer = owner.series(fed.sensor, **query)
    assert answer.status_code == 400
    assert len(answer.text) > 5


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ("1.0", None, 200),
        (None, "1.0", 200),
        ("1.0", "1.0", 400),
        (None, None, 400),
        ("2.0", None, 400),
        ("1.0", "", 400),
    ],
)
def test_the_version_once(fed: Fluksometer, owner: Owner, header: str | None, query: str | None, status: int) -> None:
    """Trap 16: in the header or in the query, not in both."""
    headers = {"X-Token": owner.token} | ({} if header is None else {"X-Version": header})
    params = {"interval": "hour", "unit": "watt"} | ({} if query is None else {"version": query})
    assert owner.client.get(f"/sensor/{fed.sensor}", params=params, headers=headers).status_code == status


def test_the_token_once(fed: Fluksometer, owner: Owner) -> None:
    """Trap 16: in the header, or in the query, or a session; not two of them."""
    url, query = f"/sensor/{fed.sensor}", {"version": "1.0", "interval": "hour", "unit": "watt"}

    def status(header: str | None, param: str | None) -> int:
        params = query | ({} if param is None else {"token": param})
        answer = owner.client.get(url, params=params, headers={} if header is None else {"X-Token": header})
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"] == "Access refused"
        return answer.status_code

    assert status(owner.token, None) == status(None, owner.token) == 200
    assert status(owner.token, owner.token) == 400
    assert status(None, None) == status("0" * 32, None) == 401
    assert status("short", None) == status(None, "") == 400
    assert owner.log_in().status_code == 303
    assert status(None, None) == 200
    assert status(owner.token, None) == status(None, owner.token) == 400
    assert status("0" * 32, None) == 401


def test_parameters(fed: Fluksometer, owner: Owner, client: TestClient) -> None:
    answer = owner.series(fed.sensor, param="all", unit=None)
    found = answer.json()
    assert abs(found.pop("access") - time.time()) < 60
    assert found == {
        "type": "electricity",
        "function": "Main",
        "class": "analog",
        "voltage": None,
        "current": None,
        "phase": None,
        "constant": None,
        "enabled": 1,
        "lastupdate": [DAY + 2 * 86400, 1000 + 20 + 2879 * 10],
    }


def test_methods(fed: Fluksometer, owner: Owner, client: TestClient) -> None:
    sensor, device = f"/sensor/{fed.sensor}", f"/device/{fed.id}"
    for method, path in (("PUT", sensor), ("GET", device), ("DELETE", device)):
        answer = client.request(method, path)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]


def test_a_year_of_minutes_by_day(device: Fluksometer, owner: Owner) -> None:
    """525,600 rows; the answer reads the edges of its 365 buckets."""
    owner.claim(device)
    sensor = owner.store(owner.cloud.store.sensor, device.sensor)
    year = [Sample(DAY + 60 * minute, 10 * minute) for minute in range(525_601)]
    owner.store(owner.cloud.store.append, sensor, year, DAY)
    points = owner.series(device.sensor, start=DAY, end=DAY + 364 * 86400, resolution="day").json()
    assert [value for _, value in points] == [600] * 365
    minutes = owner.series(device.sensor, start=0, end=DAY + 86400, resolution="minute").json()
    assert len(minutes) == 1441
    hours = owner.series(device.sensor, start=0, end=DAY + 300 * 86400, resolution="hour").json()
    assert len(hours) == 87_601
    assert hours[-1][1] == 600
