"""The v1 local API over a real server: to the byte what old clients of Fluksometers expect."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fluksod.config import StoreConfig
from fluksod.lan.access import Access
from fluksod.lan.app import LanServer, Sources, make_app
from fluksod.lan.firmware import FirmwareApi
from fluksod.lan.tmpo import TmpoApi
from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.store import Store
from fluksod.store.archive import Archive
from fluksod.store.buckets import Columns
from fluksod.store.clock import machine_clock
from fluksod.tmpo.blocks import Blocks
from tests.device.board import CLAMP, GAS, PULSE

CAPTURE = Path(__file__).parents[2] / ".." / "shared" / "data" / "local-api" / "minute.jsonp"
T = 1_795_000_000
QUERY = "version=1.0&interval=minute&unit=watt"


async def no_history(_sensor: str, _start: int, _end: int, _resolution: int) -> Columns:
    """The v1 API does not ask for any."""
    raise AssertionError


def sources(store: Store) -> Sources:
    """A store alone: all that the v1 API asks."""
    nothing: dict[str, Any] = {}
    archive = Archive(Path("/nonexistent"), StoreConfig(3600, 400), machine_clock(), store.put)
    return Sources(
        store=store,
        device=lambda: {"name": "Cellar"},
        history=no_history,
        kept=archive,
        details=lambda _sensor: nothing,
        peers=Store(),
        peers_error=lambda: None,
        firmware=FirmwareApi(dict, lambda _board: None),
        tmpo=TmpoApi(Blocks(store, archive)),
    )


class Lan:
    """A served store; `get` speaks HTTP by hand, so that every byte of the answer is seen."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.put_sensor(Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG))
        self.store.put_sensor(Sensor(GAS, "Heating", SensorType.GAS, SensorClass.PULSE))
        self.store.put_sensor(Sensor(PULSE, "Silent", SensorType.ELECTRICITY, SensorClass.PULSE))
        self.server = LanServer(make_app(sources(self.store), Access(), "1"), "127.0.0.1", 0)

    def put(self, sensor: str, second: int, gauge: float) -> None:
        self.store.put(Reading(sensor, second, 1, gauge, measured=True))

    async def raw(self, path: str, version: str = "HTTP/1.1", method: str = "GET") -> bytes:
        """The whole answer until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(f"{method} {path} {version}\r\nHost: fluksometer\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer

    async def get(self, path: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and the dechunked body of an answer."""
        head, _, rest = (await self.raw(path)).partition(b"\r\n\r\n")
        status, *rows = head.decode().split("\r\n")
        headers = dict(row.split(": ", 1) for row in rows)
        assert headers["Transfer-Encoding"] == "chunked"
        assert rest.endswith(b"0\r\n\r\n")
        body = b""
        while (size := int(rest.partition(b"\r\n")[0], 16)) > 0:
            rest = rest.partition(b"\r\n")[2]
            body, rest = body + rest[:size], rest[size + 2 :]
        return int(status.split()[1]), headers, body.decode()


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    lan = Lan()
    await lan.server.start()
    yield lan
    await lan.server.stop()


async def test_the_captured_answer_of_a_fluksometer(lan: Lan) -> None:
    if not CAPTURE.is_file():
        pytest.skip("the captures in ../shared/data are not there")
    capture = CAPTURE.read_text()
    for second, watt in json.loads(capture[len("get_sensor_data(") : -1]):
        lan.put(CLAMP, second, watt)
    status, headers, body = await lan.get(f"/sensor/{CLAMP}?{QUERY}&jsonp_callback=get_sensor_data")
    assert status == 200
    assert body == capture
    assert headers["Content-Type"] == "application/json"
    assert headers["Connection"] == "close"
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("", "[[1795000000,464]]"),
        ("&callback=fn", "fn([[1795000000,464]]);"),
        ("&jsonp_callback=fn", "fn([[1795000000,464]])"),
        ("&jsonp_callback=old&callback=new", "new([[1795000000,464]]);"),
        ("&callback=", "[[1795000000,464]]"),
        ("&callback=a%20b%3Cscript%3E", "a%20b%3Cscript%3E([[1795000000,464]]);"),
        ("&callback=jQuery17_1.fn&_=1447", "jQuery17_1.fn([[1795000000,464]]);"),
    ],
)
async def test_callbacks(lan: Lan, parameter: str, expected: str) -> None:
    """Trap 15: both parameters; `callback` ends with a semicolon, `jsonp_callback` as in the capture without one.

    The name is not URL-decoded, as the originals were seen to do.
    """
    lan.put(CLAMP, T, 463.5)
    assert (await lan.get(f"/sensor/{CLAMP}?{QUERY}{parameter}"))[2] == expected


async def test_gaps_are_the_string_nan(lan: Lan) -> None:
    """Trap 11: a client expects "nan", not null and not NaN."""
    lan.put(GAS, T, 1.0)
    for second in range(3):
        lan.put(CLAMP, T + second, 100)
    body = (await lan.get(f"/sensor/{GAS}?{QUERY}"))[2]
    assert body == f'[[{T},1440],[{T + 1},"nan"],[{T + 2},"nan"]]'


async def test_values_are_integers(lan: Lan) -> None:
    """Trap 12."""
    for second, watt in enumerate((0.4, 0.5, 1.5, 2.5, 1234.56)):
        lan.put(CLAMP, T + second, watt)
    body = (await lan.get(f"/sensor/{CLAMP}?{QUERY}"))[2]
    assert [value for _, value in json.loads(body)] == [0, 1, 2, 3, 1235]
    assert re.fullmatch(r"\[(\[[0-9]+,[0-9]+\],?)+\]", body)


@pytest.mark.parametrize("unit", ["watt", "lperday"])
async def test_both_units_give_what_the_daemon_computed(lan: Lan, unit: str) -> None:
    """Trap 31: water and gas are in L/day, electricity in W, whatever unit is asked for."""
    lan.put(CLAMP, T, 463)
    lan.put(GAS, T, 12.3456)
    for sensor, expected in ((CLAMP, 463), (GAS, 17778)):
        body = (await lan.get(f"/sensor/{sensor}?version=1.0&interval=minute&unit={unit}"))[2]
        assert json.loads(body) == [[T, expected]]


async def test_sixty_pairs_after_a_minute(lan: Lan) -> None:
    for second in range(75):
        lan.put(CLAMP, T + second, second)
    pairs = json.loads((await lan.get(f"/sensor/{CLAMP}?{QUERY}"))[2])
    assert pairs == [[T + second, second] for second in range(15, 75)]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?version=1.0",
        "?version=1.0&interval=minute",
        "?version=1.0&unit=watt",
        "?interval=minute&unit=watt",
        "?version=2.0&interval=minute&unit=watt",
        "?version=1.0&interval=hour&unit=watt",
        "?version=1.0&interval=minute&unit=kwhperyear",
        "?version=1.0&interval=minute&unit=WATT",
        "?version%3D1.0&interval=minute&unit=watt",
        "?callback=fn",
    ],
)
async def test_a_malformed_query(lan: Lan, query: str) -> None:
    """Trap 32: 400 with a plain line, without a Content-Type, also for sensors that are not there."""
    for sensor in (CLAMP, "f" * 32):
        status, headers, body = await lan.get(f"/sensor/{sensor}{query}")
        assert status == 400
        assert body.startswith("Malformed query string")
        assert "version=1.0" in body
        assert "interval=minute" in body
        assert "unit=watt" in body
        assert "\n" not in body
        assert "Content-Type" not in headers
        assert headers["Connection"] == "close"


@pytest.mark.parametrize("sensor", ["f" * 32, CLAMP.upper(), "fluks", CLAMP + "0", "%00"])
async def test_an_unknown_sensor_is_an_empty_list_also_with_a_callback(lan: Lan, sensor: str) -> None:
    lan.put(CLAMP, T, 463)
    for tail in ("", "&callback=fn", "&jsonp_callback=fn"):
        assert (await lan.get(f"/sensor/{sensor}?{QUERY}{tail}"))[::2] == (200, "[]")


async def test_no_reading_yet_is_an_empty_list_without_the_callback(lan: Lan) -> None:
    lan.put(CLAMP, T, 463)
    assert (await lan.get(f"/sensor/{PULSE}?{QUERY}&callback=fn"))[2] == "[]"


async def test_a_client_that_speaks_http_1_0(lan: Lan) -> None:
    lan.put(CLAMP, T, 463)
    head, _, body = (await lan.raw(f"/sensor/{CLAMP}?{QUERY}", "HTTP/1.0")).partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert body == b"[[1795000000,463]]"


@pytest.mark.parametrize(("method", "path", "status"), [("POST", f"/sensor/{CLAMP}", 405), ("GET", "/sensor/", 404)])
async def test_other_requests(lan: Lan, method: str, path: str, status: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(f"//x:{lan.server.port}").port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.read()).startswith(f"HTTP/1.1 {status} ".encode())
    writer.close()


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000,
        b"\x00" * 9000,
    ],
)
async def test_what_is_no_http_does_not_hurt(lan: Lan, noise: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lan.server.port)
    writer.write(noise)
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 5)
    writer.close()
    lan.put(CLAMP, T, 463)
    assert (await lan.get(f"/sensor/{CLAMP}?{QUERY}"))[0] == 200
