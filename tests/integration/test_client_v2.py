"""Version 2 of the local API: device and sensors, strictly."""

import json
from copy import deepcopy
from typing import Any

import pytest
from aiohttp import ClientSession, web

from custom_components.flukso.client import (
    Address,
    Board,
    FluksoConnectionError,
    FluksometerV2,
    FluksoNotFoundError,
    FluksoPayloadError,
    FluksoVersionError,
    Reading,
    Sensor,
    SensorClass,
    SensorReading,
    SensorType,
)
from custom_components.flukso.client import lan as lan_module
from custom_components.flukso.client.payload import parse_json
from custom_components.flukso.client.v2_payload import parse_device, parse_event, parse_sensors
from tests.integration.fluksometer import DEVICE, MAIN, NOW, SOLAR, LoopbackFluksometer


def device() -> dict[str, Any]:
    return deepcopy(LoopbackFluksometer().device)


def sensors() -> dict[str, Any]:
    return {"sensors": deepcopy(LoopbackFluksometer().sensors)}


def client(session: ClientSession, fluksometer: LoopbackFluksometer) -> FluksometerV2:
    return FluksometerV2(session, Address("127.0.0.1", fluksometer.port))


async def test_fetch(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.listed(SOLAR)["reading"] = None
    snapshot = await client(session, fluksometer).fetch()
    assert snapshot.device.id == DEVICE
    assert snapshot.device.board == Board(connected=True, last_line=NOW, rejected_lines=0, error=None)
    assert snapshot.device.cloud is not None
    assert snapshot.device.cloud.claim_code == "K7QM-2XWD"
    assert snapshot.sensors[MAIN] == Sensor(
        id=MAIN,
        name="Main",
        type=SensorType.ELECTRICITY,
        sensor_class=SensorClass.ANALOG,
        has_counter=True,
        reading=Reading(NOW, 4521337, 463),
    )
    assert snapshot.sensors[SOLAR].reading is None


def test_device_without_cloud_and_without_lines_yet() -> None:
    answer = {**device(), "cloud": None}
    answer["board"] |= {"connected": False, "last_line": None, "error": "no such file"}
    parsed = parse_device(answer)
    assert parsed.cloud is None
    assert parsed.board == Board(connected=False, last_line=None, rejected_lines=0, error="no such file")


def test_later_minor_versions_may_say_more() -> None:
    answer = {**device(), "api": "2.7", "moon": "full"}
    assert parse_device(answer).api == "2.7"
    listing = sensors()
    listing["sensors"][0] |= {"phase": 1}
    listing["sensors"][1] |= {"type": "heat", "counter_unit": "kJ"}
    listing["sensors"][2] |= {"class": "optical"}
    assert set(parse_sensors(listing)) == {listing["sensors"][0]["id"], listing["sensors"][3]["id"]}


@pytest.mark.parametrize("api", ["3.0", "1.0", "20.1"])
def test_other_generations_are_refused(api: str) -> None:
    with pytest.raises(FluksoVersionError):
        parse_device({**device(), "api": api})


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (("id",), [None, "", 1, DEVICE.upper(), DEVICE[1:], f"{DEVICE}0", f"{DEVICE}\n"]),
        (("name",), [None, 5, ["x"], "x" * 257]),
        (("api",), [None, 2.0, "", "two", "2", "2.x", "²·0"]),
        (("time",), [None, "1795401443", 1795401443.5, -1, True, 99999999999]),
        (("board",), [None, [], "connected"]),
        (("board", "connected"), [None, 1, "true"]),
        (("board", "last_line"), ["never", 1.5, -1]),
        (("board", "rejected_lines"), [None, -1, 1.0, True, 10**20]),
        (("board", "error"), [5, {}]),
        (("cloud",), [[], "none", False]),
        (("cloud", "pending"), [None, "0", -3]),
        (("cloud", "last_upload"), ["never"]),
    ],
)
def test_wrong_device_members_are_refused(path: tuple[str, ...], values: list[Any]) -> None:
    for value in values:
        answer = device()
        place = answer
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        with pytest.raises(FluksoPayloadError, match=path[-1]):
            parse_device(answer)
        del place[path[-1]]
        with pytest.raises(FluksoPayloadError, match=f"lacks {path[-1]}"):
            parse_device(answer)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "main"),
        ("name", None),
        ("type", 1),
        ("class", None),
        ("counter_unit", "kWh"),
        ("gauge_unit", "kW"),
        ("gauge_unit", None),
        ("reading", []),
        ("reading", {"time": NOW, "counter": 1}),
        ("reading", {"time": NOW, "gauge": 1}),
        ("reading", {"counter": 1, "gauge": 1}),
        ("reading", {"time": NOW, "counter": -1, "gauge": 1}),
        ("reading", {"time": NOW, "counter": "1", "gauge": 1}),
        ("reading", {"time": NOW, "counter": True, "gauge": 1}),
        ("reading", {"time": NOW, "counter": 2**53 + 1, "gauge": 1}),
        ("reading", {"time": NOW, "counter": 1, "gauge": "nan"}),
        ("reading", {"time": NOW, "counter": 1, "gauge": float("inf")}),
        ("reading", {"time": NOW, "counter": 1, "gauge": float("nan")}),
    ],
)
def test_wrong_sensor_members_are_refused(key: str, value: Any) -> None:
    listing = sensors()
    listing["sensors"][0][key] = value
    with pytest.raises(FluksoPayloadError):
        parse_sensors(listing)


@pytest.mark.parametrize("answer", [None, [], {}, {"sensors": None}, {"sensors": {}}, {"sensors": [1]}])
def test_what_is_no_list_of_sensors_is_refused(answer: Any) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_sensors(answer)


def test_a_sensor_listed_twice_is_refused() -> None:
    listing = sensors()
    listing["sensors"].append(listing["sensors"][0])
    with pytest.raises(FluksoPayloadError, match="twice"):
        parse_sensors(listing)


def test_readings_with_decimals_and_unknown_values() -> None:
    """Trap 12 is the cloud's: here numbers may have decimals, and whole ones look whole."""
    event = parse_event({"sensor": MAIN, "time": NOW, "counter": 4521337.0, "gauge": -0.125})
    assert event == SensorReading(MAIN, Reading(NOW, 4521337, -0.125))
    assert isinstance(event.reading.counter, int)
    assert parse_event({"sensor": MAIN, "time": NOW, "counter": None, "gauge": None}).reading == Reading(
        NOW, None, None
    )


@pytest.mark.parametrize(
    "text", [b"NaN", b"[Infinity]", b"{", b"\xff", b"1" * 5000, b"[" * 100_000], ids=lambda text: repr(text[:10])
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(FluksoPayloadError, match="JSON"):
        parse_json(text)


def test_errors_quote_little_of_a_wrong_value() -> None:
    with pytest.raises(FluksoPayloadError) as error:
        parse_device({**device(), "time": "x" * 200})
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (web.Response(text="<html>It works!</html>"), FluksoPayloadError),
        (web.Response(status=503), FluksoPayloadError),
        (web.Response(status=301, headers={"Location": "/"}), FluksoPayloadError),
        (web.Response(body=b" " * (1 << 20) + b"{}"), FluksoPayloadError),
        (web.Response(status=404), FluksoNotFoundError),
    ],
)
async def test_wrong_answers(
    session: ClientSession, fluksometer: LoopbackFluksometer, reply: web.Response, error: type[Exception]
) -> None:
    fluksometer.replies["/api/v2/device"] = reply
    with pytest.raises(error):
        await client(session, fluksometer).device()


async def test_no_answer_in_time(
    session: ClientSession, fluksometer: LoopbackFluksometer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lan_module, "REQUEST_SECONDS", 0.05)
    fluksometer.frozen = True
    with pytest.raises(FluksoConnectionError, match="in time"):
        await client(session, fluksometer).device()


async def test_nobody_there(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    await fluksometer.stop()
    with pytest.raises(FluksoConnectionError):
        await client(session, fluksometer).fetch()


async def test_an_answer_that_breaks_off(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.replies["/api/v2/device"] = web.Response(
        body=json.dumps(device()).encode()[:50], headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(FluksoConnectionError):
        await client(session, fluksometer).device()
