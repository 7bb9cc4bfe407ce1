"""GET /api/v2/series: columns of several sensors, by the clock of a time zone, in any unit."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import zstandard
from starlette.testclient import TestClient

from flukso_cloud.meter import Sample
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner

BRUSSELS = ZoneInfo("Europe/Brussels")
HOURS = 24 * 31


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BRUSSELS).timestamp())


MARCH, APRIL = at("2026-03-01"), at("2026-04-01")


@pytest.fixture
def fed(device: Fluksometer, owner: Owner) -> Fluksometer:
    """A claimed device with March 2026 in quarters of an hour at 600 W."""
    owner.claim(device)
    store(owner, device.sensor, [Sample(time, (time - MARCH) // 6) for time in range(MARCH, APRIL + 1, 900)])
    return device


def store(owner: Owner, sensor_id: str, samples: list[Sample]) -> None:
    sensor = owner.store(owner.cloud.store.sensor, sensor_id)
    owner.store(owner.cloud.store.append, sensor, samples, samples[-1].time)


def ask(owner: Owner, sensor: str | list[str], status: int = 200, **query: Any) -> Any:
    query = {"start": MARCH, "end": APRIL, "sensor": sensor} | query
    answer = owner.client.get("/api/v2/series", params=query, headers={"X-Token": owner.token})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_days_of_a_month_with_a_clock_change(fed: Fluksometer, owner: Owner) -> None:
    found = ask(owner, fed.sensor, zone="Europe/Brussels")
    assert found["zone"] == "Europe/Brussels"
    assert len(found["time"]) == 31
    assert found["time"][28:30] == [at("2026-03-29"), at("2026-03-30")]
    assert found["end"] == APRIL
    [series] = found["series"]
    assert series["sensor"] == fed.sensor
    assert (series["unit"], series["flowed_unit"]) == ("W", "Wh")
    assert series["flowed"] == [600 * 24.0] * 28 + [600 * 23.0] + [600 * 24.0] * 2
    assert series["mean"] == series["min"] == series["max"] == series["last"] == [600.0] * 31
    assert series["coverage"] == [1.0] * 31


def test_columns_add_up_at_every_resolution(fed: Fluksometer, owner: Owner) -> None:
    whole = ask(owner, fed.sensor, resolution="month", zone="Europe/Brussels")["series"][0]["flowed"]
    assert whole == [600 * (31 * 24 - 1.0)]
    for resolution, count in (
        ("15min", 2972),
        ("hour", 743),
        ("week", 6),
        ("86400", 32),
        ("7200", 372),
        ("minute", 44580),
    ):
        found = ask(owner, fed.sensor, resolution=resolution, zone="Europe/Brussels")
        flowed = found["series"][0]["flowed"]
        assert len(flowed) == len(found["time"]) == count
        assert sum(value or 0 for value in flowed) == pytest.approx(whole[0])


def test_the_zone_is_the_account_s_unless_one_is_named(fed: Fluksometer, owner: Owner) -> None:
    owner.store(owner.cloud.store.describe_account, owner.account, "Asia/Kolkata", None, None)
    assert ask(owner, fed.sensor)["zone"] == "Asia/Kolkata"
    assert (ask(owner, fed.sensor)["time"][0] + 19800) % 86400 == 0
    assert ask(owner, fed.sensor, zone="UTC")["time"][0] % 86400 == 0


@pytest.mark.parametrize(
    ("unit", "label", "value"),
    [
        ("watt", "W", 600),
        ("kwhperday", "kWh/day", 14.4),
        ("kwhpermonth", "kWh/month", 438),
        ("kwhperyear", "kWh/year", 5256),
    ],
)
def test_units(fed: Fluksometer, owner: Owner, unit: str, label: str, value: float) -> None:
    [series] = ask(owner, fed.sensor, unit=unit, end=MARCH + 86400)["series"]
    assert series["unit"] == label
    assert series["mean"] == [value] * len(series["mean"])


def test_several_sensors_each_in_its_usual_unit(fed: Fluksometer, owner: Owner) -> None:
    water = "12" * 16
    body = fed.heartbeat(sensors=fed.sensors | {water: {"type": "water", "class": "pulse", "function": "Water"}})
    assert owner.client.post(f"/device/{fed.id}", content=body, headers=fed.headers(body)).status_code == 200
    store(owner, water, [Sample(MARCH, 0), Sample(APRIL, (APRIL - MARCH) // 60)])
    found = ask(owner, [water, fed.sensor], end=MARCH + 3600, resolution="hour")["series"]
    assert [(one["sensor"], one["type"], one["unit"], one["flowed_unit"]) for one in found] == [
        (water, "water", "L/min", "L"),
        (fed.sensor, "electricity", "W", "Wh"),
    ]
    assert found[0]["mean"] == [1]
    for unit, value in (("lperday", 1440), ("m3peryear", 525.6)):
        assert ask(owner, water, end=MARCH + 3600, resolution="hour", unit=unit)["series"][0]["mean"] == [value]
    wrong = ask(owner, [water, fed.sensor], 400, unit="watt")
    assert wrong["field"] == "unit"
    assert "water" in wrong["detail"]


def test_nights_are_from_two_to_five(device: Fluksometer, owner: Owner) -> None:
    """3 kW from 02:00 to 05:00, else nothing; one of the nights has two hours."""
    owner.claim(device)
    counter, samples = 0, []
    for time in range(MARCH, APRIL + 1, 900):
        samples.append(Sample(time, counter))
        counter += 750 if 2 <= datetime.fromtimestamp(time, BRUSSELS).hour < 5 else 0
    store(owner, device.sensor, samples)
    found = ask(owner, device.sensor, night=True, zone="Europe/Brussels")
    [series] = found["series"]
    assert len(found["time"]) == 31
    assert found["time"][0] == at("2026-03-01 02:00")
    assert found["end"] == at("2026-03-31 05:00")
    assert series["mean"] == [3000.0] * 31
    assert series["flowed"] == [9000.0] * 28 + [6000.0] + [9000.0] * 2
    assert ask(owner, device.sensor, 400, night=True, resolution="hour")["field"] == "night"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start": -1}, "start"),
        ({"start": 2**32}, "start"),
        ({"start": "noon"}, "start"),
        ({"start": APRIL, "end": APRIL}, "end"),
        ({"resolution": "fortnight"}, "resolution"),
        ({"resolution": "0"}, "resolution"),
        ({"resolution": "1"}, "resolution"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "Europe"}, "zone"),
        ({"unit": "lpermin"}, "unit"),
        ({"unit": "euro"}, "unit"),
        ({"sensor": "f" * 31}, "sensor"),
        ({"sensor": []}, "sensor"),
        ({"sensor": ["0" * 32] * 65}, "sensor"),
        ({"night": "perhaps"}, "night"),
        ({"interval": "day"}, "interval"),
        ({"start": [MARCH, MARCH]}, "start"),
    ],
)
def test_what_is_wrong_is_a_problem_that_names_the_field(
    fed: Fluksometer, owner: Owner, query: dict[str, Any], field: str
) -> None:
    params = {"start": MARCH, "end": APRIL, "sensor": fed.sensor} | query
    answer = owner.client.get("/api/v2/series", params=params, headers={"X-Token": owner.token})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = answer.json()
    assert found.keys() == {"type", "title", "status", "detail", "field"}
    assert (found["type"], found["title"], found["status"], found["field"]) == (
        "about:blank",
        "Bad Request",
        400,
        field,
    )


def test_all_errors_of_v2_are_problems_and_those_of_v1_plain_lines(fed: Fluksometer, owner: Owner) -> None:
    for method, path, status in (
        ("GET", "/api/v2/series", 401),
        ("GET", "/api/v2/nothing", 404),
        ("POST", "/api/v2/series", 405),
        ("GET", f"/api/v2/live?sensor={fed.sensor}", 401),
    ):
        answer = owner.client.request(method, path, params={"sensor": fed.sensor, "start": 1})
        assert answer.status_code == answer.json()["status"] == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]
    plain = owner.client.get(f"/sensor/{fed.sensor}?version=1.0&interval=hour&unit=watt")
    assert (plain.status_code, plain.text) == (401, "Access refused\n")
    assert plain.headers["Content-Type"].startswith("text/plain")


def test_who_has_it_already_gets_nothing_again(fed: Fluksometer, owner: Owner, client: TestClient) -> None:
    params: dict[str, Any] = {"sensor": fed.sensor, "start": MARCH, "end": APRIL}
    head = {"X-Token": owner.token, "Accept-Encoding": "identity"}
    first = client.get("/api/v2/series", params=params, headers=head)
    tag = first.headers["ETag"]
    again = client.get("/api/v2/series", params=params, headers=head | {"If-None-Match": f'"x", {tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    store(owner, fed.sensor, [Sample(APRIL, (APRIL - MARCH) // 6 + 7)])
    changed = client.get("/api/v2/series", params=params, headers=head | {"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0.1, gzip", "gzip"), ("identity", None), ("zstd;q=0", None)],
)
def test_it_is_compressed_as_the_asker_likes(
    fed: Fluksometer, owner: Owner, client: TestClient, accepted: str, encoding: str | None
) -> None:
    params: dict[str, Any] = {"sensor": fed.sensor, "start": MARCH, "end": APRIL, "token": owner.token}
    with client.stream("GET", "/api/v2/series", params=params, headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("Content-Encoding") == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]
    read = {"gzip": gzip.decompress, "zstd": zstandard.ZstdDecompressor().decompress, None: bytes}[encoding]
    assert json.loads(read(raw))["series"][0]["sensor"] == fed.sensor
