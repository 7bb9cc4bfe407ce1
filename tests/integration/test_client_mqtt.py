"""MQTT to the Fluksometer's own broker: a real mosquitto, and the payloads of the originals."""

import asyncio
import contextlib
import gc
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from custom_components.flukso.client import (
    Address,
    FluksoAmbiguousError,
    FluksoConnectionError,
    FluksoError,
    FluksometerMqtt,
    FluksoNotFoundError,
    FluksoPayloadError,
    Quantity,
    Reading,
    ReadingStream,
    SensorClass,
    SensorReading,
    SensorType,
)
from custom_components.flukso.client.mqtt_connection import AIOMQTT_LOGGER
from custom_components.flukso.client.mqtt_payload import parse_config, parse_counter, parse_firmware, parse_gauge
from custom_components.flukso.client.mqtt_topics import MqttTopics
from tests.integration.fluksometer import DEVICE, GAS, MAIN, OTHER_DEVICE, SOLAR, WATER
from tests.integration.mosquitto import Mosquitto, no_mosquitto
from tests.integration.published import FLM02, FLM03, FLX, PULSE, SUBTYPES, UART, UNUSED, T, clamp, publishing
from tests.integration.waiting import until

# Payloads


def test_configuration_of_an_flm02() -> None:
    """Trap 22: enabled sections without a type are no sensors for us; a name of digits is published as a number."""
    sensors = parse_config(json.dumps(FLM02).encode(), None)
    assert list(sensors) == [MAIN, WATER, GAS]
    main, water, gas = sensors.values()
    assert (main.name, main.sensor_class, main.constant) == ("Main", SensorClass.ANALOG, None)
    assert (water.name, water.sensor_class, water.constant) == ("12", SensorClass.PULSE, 10)
    assert (gas.name, gas.type, gas.index) == ("", SensorType.GAS, 5)
    assert all(each.quantity is None and each.has_counter and each.lead == each.id for each in sensors.values())


def test_configuration_of_an_flm03() -> None:
    """The quantities of one port share a device, and the port's name."""
    sensors = parse_config(json.dumps(FLM03).encode(), json.dumps(FLX).encode())
    assert len(sensors) == 13
    assert {sensor.lead for sensor in sensors.values()} == {clamp(1), PULSE}
    assert [sensors[clamp(number)].quantity for number in range(1, 13)] == [None, *Quantity]
    assert [sensors[clamp(number)].has_counter for number in range(1, 13)] == [True] * 6 + [False] * 6
    assert sensors[clamp(7)].name == "Board"
    assert sensors[clamp(7)].sensor_class is SensorClass.ANALOG
    assert (sensors[PULSE].name, sensors[PULSE].sensor_class, sensors[PULSE].constant) == (
        "Cellar",
        SensorClass.PULSE,
        1,
    )


@pytest.mark.parametrize(
    "section",
    [
        {"id": "A" * 32, "type": "electricity", "enable": 1},
        {"id": MAIN, "type": "temperature", "enable": 1},
        {"id": MAIN, "type": "electricity", "subtype": "unheard", "enable": 1},
        {"id": 7, "type": "electricity", "enable": 1},
        {"type": "electricity", "enable": 1},
        "section",
    ],
)
def test_sections_that_are_no_sensors_for_us(section: Any) -> None:
    assert parse_config(json.dumps({"1": section, "main": {}}).encode(), b"{}") == {}


def test_a_sensor_that_is_configured_twice_counts_once() -> None:
    twice = {"1": FLM02["1"], "2": {**FLM02["1"], "function": "Again"}}
    assert [sensor.name for sensor in parse_config(json.dumps(twice).encode(), None).values()] == ["Main"]


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"\xff", b'{"a":NaN}', b"{" + b" " * 70_000 + b"}"])
def test_configurations_that_are_none(payload: bytes) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_config(payload, None)
    with pytest.raises(FluksoPayloadError):
        parse_config(b"{}", payload)


@pytest.mark.parametrize(
    ("payload", "gauge"),
    [
        ('[1447000000,463,"W"]', 463),
        ('[1447000000,14400,"L/day"]', 10),
        ('[1447000000, 0.100, "L/s"]', 6),
        ('[1447000000,6.5,"L/min"]', 6.5),
        ('[1447000000, 231.407, "V"]', 231.407),
        ('[1447000000, 0.973, ""]', 0.973),
        ('[1447000000, 12.500, "°"]', 12.5),
    ],
)
def test_gauges(payload: str, gauge: float) -> None:
    """Trap 31: the unit of water and gas depends on the model."""
    assert parse_gauge(payload.encode(), rounded_down=False) == (1447000000, gauge)


@pytest.mark.parametrize(("text", "mended"), [("-1.500", -0.5), ("-3.999", -2.001), ("-2", -2), ("1.500", 1.5)])
def test_negative_fractions_of_an_flm03(text: str, mended: float) -> None:
    """Its whole part is rounded down, and the fraction counts up from there."""
    payload = f'[1447000000, {text}, "W"]'.encode()
    assert parse_gauge(payload, rounded_down=True)[1] == pytest.approx(mended)
    assert parse_gauge(payload, rounded_down=False)[1] == float(text)


def test_counters() -> None:
    assert parse_counter(b'[1447000000,12.5,"Wh"]') == (1447000000, 12.5)
    assert parse_counter(b'[1447000000, 7.001, "VARh"]') == (1447000000, 7.001)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"12",
        b"[1447000000,12]",
        b'["1447000000",12,"Wh"]',
        b'[true,12,"Wh"]',
        b'[1447000000.5,12,"Wh"]',
        b'[99999999999,12,"Wh"]',
        b'[1447000000,"nan","Wh"]',
        b'[1447000000,null,"Wh"]',
        b'[1447000000,1e300,"Wh"]',
        b'[1447000000,NaN,"Wh"]',
        b"[1447000000,12,7]",
        b'[1447000000,12,"furlong"]',
        b'[1447000000,-12,"Wh"]',
    ],
)
def test_readings_that_are_none(payload: bytes) -> None:
    with pytest.raises(FluksoPayloadError):
        parse_counter(payload)
    with pytest.raises(FluksoPayloadError):
        parse_gauge(payload, rounded_down=True)


def test_firmware() -> None:
    assert parse_firmware(b"TAP version 13\r\n# firmware: 2.5.1\r\n") == "2.5.1"
    assert parse_firmware(b"# serial: FL03000123\n") is None


# Topics


def topics(config: Any = FLM02, ports: Any = None) -> MqttTopics:
    """Return the topics of a Fluksometer whose configuration has just been read."""
    known = MqttTopics(DEVICE, "Fluksometer")
    known.begin()
    if ports is not None:
        known.take(f"/device/{DEVICE}/config/flx", json.dumps(ports).encode(), 0, retained=True)
    known.take(f"/device/{DEVICE}/config/sensor", json.dumps(config).encode(), 0, retained=True)
    return known


def gauge(known: MqttTopics, sensor: str, time: int, value: int, now: float, *, retained: bool = False) -> None:
    unit = "W" if sensor == MAIN else "L/day"
    known.take(f"/sensor/{sensor}/gauge", f'[{time},{value},"{unit}"]'.encode(), now, retained=retained)


@pytest.mark.parametrize("topic", ["/sensor/x/gauge", f"/sensor/{MAIN}/tmpo", f"/device/{DEVICE}/config/kube", "hello"])
def test_other_topics_are_passed_over(topic: str) -> None:
    assert topics().take(topic, b"x", 0, retained=False) is None


def test_the_rate_of_a_tap_that_was_closed_falls() -> None:
    """The broker retains the last rate for ever; 10 L a pulse at 60 L/min come every 10 s."""
    known = topics()
    gauge(known, WATER, T, 86_400, 1000)
    for waited, rate in ((5, 60), (11, 60), (20, 30), (100, 6), (3599, 0.167), (3600, 0)):
        reading = known.reading(WATER, 1000 + waited)
        assert reading is not None
        assert reading.gauge == rate, waited


def test_what_was_retained_is_as_old_as_the_fluksometers_clock_says() -> None:
    known = topics()
    gauge(known, WATER, T - 100, 86_400, 1000, retained=True)
    assert known.snapshot(1000).device.time is None
    gauge(known, MAIN, T, 463, 1000)
    assert known.snapshot(1000).device.time == T
    reading = known.snapshot(1000).sensors[WATER].reading
    assert reading is not None
    assert reading.gauge == 6


def test_a_clamp_keeps_its_gauge() -> None:
    """Whether it is still measured is seen from its time."""
    known = topics()
    gauge(known, MAIN, T, 463, 1000)
    assert known.reading(MAIN, 9000) == Reading(T, None, 463)


def test_a_configuration_that_changes() -> None:
    known = topics()
    config = {**FLM02, "2": {**FLM02["2"], "enable": 1}}
    assert SOLAR not in known.snapshot(0).sensors
    known.take(f"/device/{DEVICE}/config/sensor", json.dumps(config).encode(), 0, retained=False)
    assert SOLAR in known.snapshot(0).sensors


def test_ports_that_are_told_after_the_sensors() -> None:
    known = topics(FLM03)
    assert {sensor.name for sensor in known.snapshot(0).sensors.values()} == {""}
    known.take(f"/device/{DEVICE}/test/tap", b"TAP version 13\n", 0, retained=True)
    known.take(f"/device/{DEVICE}/config/flx", json.dumps(FLX).encode(), 0, retained=True)
    snapshot = known.snapshot(0)
    assert {sensor.name for sensor in snapshot.sensors.values()} == {"Board", "Cellar"}
    assert (snapshot.device.model, snapshot.device.software) == ("FLM03", None)


def test_another_fluksometer_at_the_same_address() -> None:
    """After a new connection only what is told there counts."""
    known = topics()
    known.begin()
    assert known.snapshot(0).device.id == DEVICE
    known.take(f"/device/{OTHER_DEVICE}/config/sensor", b"{}", 0, retained=True)
    assert known.snapshot(0).device.id == OTHER_DEVICE


# The broker


@pytest.fixture
async def broker() -> AsyncIterator[Mosquitto]:
    async with Mosquitto() as mosquitto:
        yield mosquitto


def at(broker: Mosquitto, device: str | None = DEVICE) -> FluksometerMqtt:
    return FluksometerMqtt(Address("127.0.0.1", broker.port), device, "Fluksometer")


@no_mosquitto
async def test_what_an_flm02_retains(broker: Mosquitto) -> None:
    async with publishing(broker.port) as flm02:
        await flm02.configure(FLM02)
        await flm02.counter(MAIN, f'[{T},4521337,"Wh"]')
        await flm02.gauge(MAIN, f'[{T + 1},463,"W"]')
        await flm02.counter(WATER, f'[{T - 50},81234.5,"L"]')
        await flm02.gauge(UNUSED, f'[{T},1,"W"]')
        await flm02.tell(f"/sensor/{GAS}/counter", "garbage")
    snapshot = await at(broker).fetch()
    assert (snapshot.device.id, snapshot.device.model, snapshot.device.software) == (DEVICE, "FLM02", None)
    assert snapshot.device.name == "Fluksometer"
    assert snapshot.device.time is None
    assert {sensor.id: sensor.reading for sensor in snapshot.sensors.values()} == {
        MAIN: Reading(T + 1, 4521337, 463),
        WATER: Reading(T - 50, 81234.5, None),
        GAS: None,
    }
    assert UART not in snapshot.sensors


@no_mosquitto
async def test_what_an_flm03_retains(broker: Mosquitto) -> None:
    async with publishing(broker.port) as flm03:
        await flm03.configure(FLM03, FLX)
        await flm03.gauge(clamp(1), f'[{T}, 463.250, "W"]')
        await flm03.gauge(clamp(SUBTYPES.index("vrms") + 1), f'[{T}, 231.407, "V"]')
        await flm03.gauge(clamp(SUBTYPES.index("pf") + 1), f'[{T}, -1.027, ""]')
        await flm03.counter(PULSE, f'[{T}, 81234, "L"]')
    snapshot = await at(broker, None).fetch()
    assert (snapshot.device.model, snapshot.device.software) == ("FLM03", "2.5.1")
    assert snapshot.sensors[clamp(1)].reading == Reading(T, None, 463.25)
    assert snapshot.sensors[clamp(7)].reading == Reading(T, None, 231.407)
    power_factor = snapshot.sensors[clamp(9)].reading
    assert power_factor is not None
    assert power_factor.gauge == pytest.approx(-0.973)
    assert snapshot.sensors[PULSE].has_gauge is False
    assert all(snapshot.sensors[clamp(number)].has_gauge for number in range(1, 13))


@no_mosquitto
async def test_a_broker_without_fluksometers(broker: Mosquitto) -> None:
    with pytest.raises(FluksoNotFoundError):
        await at(broker, None).fetch()


@no_mosquitto
async def test_a_broker_of_several_fluksometers(broker: Mosquitto) -> None:
    """A broker that several send to: each is found by its id, none without one."""
    for device in (DEVICE, OTHER_DEVICE):
        async with publishing(broker.port, device) as flm02:
            await flm02.configure(FLM02)
    with pytest.raises(FluksoAmbiguousError):
        await at(broker, None).fetch()
    assert (await at(broker, OTHER_DEVICE).fetch()).device.id == OTHER_DEVICE


@no_mosquitto
async def test_another_fluksometer_on_the_broker(broker: Mosquitto) -> None:
    async with publishing(broker.port, OTHER_DEVICE) as flm02:
        await flm02.configure(FLM02)
    assert (await at(broker).fetch()).device.id == OTHER_DEVICE


@no_mosquitto
async def test_a_configuration_that_is_garbage(broker: Mosquitto) -> None:
    async with publishing(broker.port) as flm02:
        await flm02.tell(f"/device/{DEVICE}/config/sensor", "[1,2")
    with pytest.raises(FluksoPayloadError):
        await at(broker).fetch()


@no_mosquitto
async def test_a_daemon_that_says_that_it_goes(broker: Mosquitto) -> None:
    """Ours does so, on whatever broker it publishes."""
    async with publishing(broker.port) as daemon:
        await daemon.configure(FLM02)
        await daemon.tell(f"/device/{DEVICE}/availability", "offline")
        with pytest.raises(FluksoNotFoundError):
            await at(broker).fetch()
        await daemon.tell(f"/device/{DEVICE}/availability", "online")
        assert (await at(broker).fetch()).device.id == DEVICE


@no_mosquitto
async def test_no_broker(broker: Mosquitto) -> None:
    broker.kill()
    with pytest.raises(FluksoConnectionError):
        await at(broker).fetch()


async def test_something_else_than_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.flukso.client.mqtt.ANSWER_SECONDS", 0.2)

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FluksoConnectionError):
            await FluksometerMqtt(Address("127.0.0.1", port)).fetch()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged at warning or above, but that this machine is slow today."""
    serious = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [message for message in serious if not message.startswith("Executing ")]


async def test_a_broker_that_goes_while_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is in the log but what our caller says."""
    monkeypatch.setattr("custom_components.flukso.client.mqtt.ANSWER_SECONDS", 0.2)

    async def accept_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x20\x02\x00\x00")
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(accept_and_go, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FluksoConnectionError):
            await FluksometerMqtt(Address("127.0.0.1", port)).fetch()
    gc.collect()
    assert not complaints(caplog)


@no_mosquitto
async def test_cancelled_at_any_moment(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    """No connection is left, and nothing is logged."""
    async with publishing(broker.port) as flm02:
        await flm02.configure(FLM02)
    for steps in range(60):
        task = asyncio.create_task(at(broker).fetch())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await until(lambda: broker.connections() == 0)
    gc.collect()
    assert not complaints(caplog)


async def test_cancelled_while_it_connects() -> None:
    """The connection is closed as soon as it is there, and only then the cancellation goes on."""
    asked, answer, farewell = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        asked.set()
        await answer.wait()
        writer.write(b"\x20\x02\x00\x00")
        farewell.set_result(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        task = asyncio.create_task(FluksometerMqtt(Address("127.0.0.1", server.sockets[0].getsockname()[1])).fetch())
        await asked.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await farewell == b"\xe0\x00", "DISCONNECT"


async def test_cancelled_while_it_subscribes(caplog: pytest.LogCaptureFixture) -> None:
    """The answer that comes then is no error, only a detail."""
    caplog.set_level(logging.DEBUG)
    asked = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x20\x02\x00\x00")
        await reader.read(100)
        asked.set()
        assert await reader.read(100) == b"\xe0\x00", "DISCONNECT"
        writer.write(b"\x90\x03\x00\x01\x00")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        task = asyncio.create_task(FluksometerMqtt(Address("127.0.0.1", server.sockets[0].getsockname()[1])).fetch())
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not complaints(caplog)


def test_what_aiomqtt_warns_of_is_a_detail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    AIOMQTT_LOGGER.error("Unexpected message ID %d", 7)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "aiomqtt: Unexpected message ID 7")
    ]


@no_mosquitto
async def test_cancelled_while_there_is_no_broker(broker: Mosquitto) -> None:
    broker.kill()
    task = asyncio.create_task(at(broker).fetch())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Followed:
    """A stream of readings and all that it told."""

    def __init__(self, client: FluksometerMqtt) -> None:
        self.readings: list[SensorReading] = []
        self.opened = 0
        self.lost: list[FluksoError] = []
        self.stream = ReadingStream(
            client,
            on_open=self._open,
            on_reading=self.readings.append,
            on_lost=self.lost.append,
            shortest_wait=0.01,
            longest_wait=0.05,
        )

    def _open(self) -> None:
        self.opened += 1


@no_mosquitto
async def test_stream_of_readings_with_the_broker_gone_and_back(broker: Mosquitto) -> None:
    client = at(broker)
    followed = Followed(client)
    async with publishing(broker.port) as flm02:
        await flm02.configure(FLM02)
        await flm02.counter(MAIN, f'[{T},100,"Wh"]')
        task = asyncio.create_task(followed.stream.run())
        await until(lambda: followed.readings == [SensorReading(MAIN, Reading(T, 100, None))])
        await flm02.gauge(MAIN, f'[{T + 1},463,"W"]')
        await flm02.gauge(UNUSED, f'[{T + 1},463,"W"]')
        await flm02.tell(f"/sensor/{MAIN}/counter", "garbage")
        await flm02.gauge(MAIN, f'[{T + 2},464,"W"]')
        await until(lambda: len(followed.readings) == 3)
        assert followed.readings[1:] == [
            SensorReading(MAIN, Reading(T + 1, 100, 463)),
            SensorReading(MAIN, Reading(T + 2, 100, 464)),
        ]
        # While the stream is open, fetching only asks whether the broker is there.
        assert (await client.fetch()).device.time == T + 2
        broker.kill()
        await until(lambda: followed.lost)
    with pytest.raises(FluksoConnectionError):
        await client.fetch()
    await broker.start()
    await until(lambda: followed.opened == 2)
    # The broker has forgotten the configuration; we have not.
    async with publishing(broker.port) as flm02:
        await flm02.gauge(MAIN, f'[{T + 60},465,"W"]')
        await until(lambda: followed.readings[-1] == SensorReading(MAIN, Reading(T + 60, 100, 465)))
    assert (await client.fetch()).sensors[MAIN].reading == Reading(T + 60, 100, 465)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@no_mosquitto
async def test_a_broker_that_no_longer_answers(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.flukso.client.mqtt.ANSWER_SECONDS", 0.2)
    async with publishing(broker.port) as flm02:
        await flm02.configure(FLM02)
    client = at(broker)
    async with client.subscribe():
        await client.fetch()
        broker.freeze(frozen=True)
        with pytest.raises(FluksoConnectionError):
            await client.fetch()
        broker.freeze(frozen=False)
        assert (await client.fetch()).device.id == DEVICE
