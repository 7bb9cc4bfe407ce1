"""Version 1 of the local API: the minute of the original Fluksometers."""

import json

import pytest
from aiohttp import ClientSession, web

from custom_components.flukso.client import (
    Address,
    FluksoConnectionError,
    FluksometerV1,
    FluksoNotFoundError,
    FluksoPayloadError,
    Reading,
    SensorType,
    V1Sensor,
)
from custom_components.flukso.client.v1 import Minute, parse_minute
from tests.integration.fluksometer import GAS, MAIN, SOLAR, WATER, LoopbackFluksometer

CLAMP = V1Sensor(MAIN, 1, SensorType.ELECTRICITY)
WATER_METER = V1Sensor(WATER, 4, SensorType.WATER)


def test_seconds_with_a_value_are_taken_and_gaps_are_nan() -> None:
    """Trap 11: a missing value is the text "nan", in any case of letters."""
    body = b'[[1310047446,124],[1310047447,125],[1310047448,"nan"],[1310047449,"NaN"]]'
    assert parse_minute(body) == Minute(1310047449, ((1310047446, 124), (1310047447, 125)))


def test_minute_of_a_dead_sensor() -> None:
    body = json.dumps([[1310047446 + second, "nan"] for second in range(60)]).encode()
    assert parse_minute(body) == Minute(1310047505, ())


def test_empty_minute() -> None:
    """Unknown sensors and those that never measured get a bare []."""
    assert parse_minute(b"[]") == Minute(None, ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"\xff\xfe\xfa",
        b"null",
        b"{}",
        b"[1]",
        b"[[1310047446]]",
        b"[[1310047446,1,2]]",
        b'[["1310047446",1]]',
        b"[[true,1]]",
        b"[[1310047446.5,1]]",
        b"[[-1,1]]",
        b"[[99999999999,1]]",
        b"[[1310047446,null]]",
        b"[[1310047446,true]]",
        b'[[1310047446,"12"]]',
        b"[[1310047446,NaN]]",
        b"[[1310047446,1e999]]",
        b"[[1310047446,99999999999999999999999]]",
        b"[[1310047446,[]]]",
        b"[[1310047446,1],[1310047446,2]]",
        b"[[1310047447,1],[1310047446,2]]",
        b"[" * 100_000,
        b"callback([[1310047446,1]]);",
        json.dumps([[second, 1] for second in range(3601)]).encode(),
        b"[[1310047446,1" + b"0" * 5000 + b"]]",
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_minute(body)


def client(session: ClientSession, fluksometer: LoopbackFluksometer, *sensors: V1Sensor) -> FluksometerV1:
    return FluksometerV1(session, Address("127.0.0.1", fluksometer.port), "flukso-a1b2c3", "Fluksometer", sensors)


async def test_fetch(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.minutes = {
        MAIN: [[1310047446, 124], [1310047447, 2306], [1310047448, "nan"]],
        WATER: [[1310047440, 8640], [1310047441, "nan"]],
        SOLAR: [],
    }
    sensors = (CLAMP, V1Sensor(SOLAR, 2, SensorType.ELECTRICITY), WATER_METER, V1Sensor(GAS, 5, SensorType.GAS))

    snapshot = await client(session, fluksometer, *sensors).fetch()

    assert snapshot.device.id == "flukso-a1b2c3"
    assert snapshot.device.time == 1310047448
    assert snapshot.device.board is None
    readings = {sensor_id: sensor.reading for sensor_id, sensor in snapshot.sensors.items()}
    assert readings == {
        MAIN: Reading(1310047447, None, 2306),
        SOLAR: None,
        WATER: Reading(1310047440, None, 6.0),
        GAS: None,  # not served: 404
    }
    assert not any(sensor.has_counter for sensor in snapshot.sensors.values())


async def test_units(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    """Trap 31: an FLM02 gives water and gas in L/day. Traps 16 and 32: version in the query only, all three given."""
    fluksometer.minutes = {MAIN: [[1, 1]], WATER: [[1, 1]]}
    await client(session, fluksometer, CLAMP, WATER_METER).fetch()
    assert fluksometer.requests == [
        f"/sensor/{MAIN}?version=1.0&interval=minute&unit=watt",
        f"/sensor/{WATER}?version=1.0&interval=minute&unit=lperday",
    ]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (web.Response(status=400, text="Malformed query string"), FluksoPayloadError),
        (web.Response(status=500), FluksoPayloadError),
        (web.Response(status=302, headers={"Location": "/login"}), FluksoPayloadError),
        (web.Response(text="<html>"), FluksoPayloadError),
        (web.Response(status=404), FluksoNotFoundError),
    ],
)
async def test_refusals(
    session: ClientSession, fluksometer: LoopbackFluksometer, reply: web.Response, error: type[Exception]
) -> None:
    fluksometer.replies[f"/sensor/{MAIN}"] = reply
    with pytest.raises(error):
        await client(session, fluksometer).minute(CLAMP)


async def test_unreachable(session: ClientSession, fluksometer: LoopbackFluksometer) -> None:
    await fluksometer.stop()
    with pytest.raises(FluksoConnectionError, match=r"127\.0\.0\.1"):
        await client(session, fluksometer, CLAMP).fetch()
