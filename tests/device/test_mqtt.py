"""What a real broker hears of a running fluksod, read as the clients of the original read it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.device.board import CLAMP, GAS, PULSE, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, run_to_end, running, sensor_table
from tests.device.mosquitto import PASSWORD, USER, Mosquitto, listening, retained
from tests.device.waiting import until

SENSORS = (
    sensor_table(CLAMP, "Main", "electricity")
    + sensor_table(PULSE, "Solar, roof", "electricity")
    + sensor_table(GAS, "12", "gas")
)


def table(broker: Mosquitto, more: str = "") -> str:
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{more}'


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = await Mosquitto(tmp_path).start()
    yield broker
    broker.kill()


async def device_of(fluksod: Fluksod) -> str:
    return str((await fluksod.get("/api/v2/device"))["id"])


async def mqtt_state(fluksod: Fluksod) -> tuple[str, str | None]:
    shown = (await fluksod.get("/api/v2/device"))["mqtt"]
    return shown["state"], shown["error"]


async def test_gauges_and_counters_to_the_letter(tmp_path: Path, board: Board, broker: Mosquitto) -> None:
    """Traps 21, 25 and 31: topics begin with a slash, no spaces, L/day for gas."""
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        async with listening(broker, "/sensor/#") as heard:
            await until(lambda: fluksod.said("connected to the broker"))
            before = int(time.time())
            board.send(pls(CLAMP, 4521337), pwr(CLAMP, 463), pls(GAS, 7, 1000), pls(GAS, 8, 61000), pwr(CLAMP, 464))
            await until(lambda: heard.get(f"/sensor/{CLAMP}/gauge") and b"464" in heard[f"/sensor/{CLAMP}/gauge"])
            after = int(time.time())
        expected = {
            f"/sensor/{CLAMP}/gauge": '[{},464,"W"]',
            f"/sensor/{CLAMP}/counter": '[{},4521337,"Wh"]',
            f"/sensor/{GAS}/gauge": '[{},1440,"L/day"]',
            f"/sensor/{GAS}/counter": '[{},8,"L"]',
        }
        assert set(heard.newest) == set(expected)
        for topic, form in expected.items():
            assert heard[topic].decode() in [form.format(second) for second in range(before, after + 1)]
        for topic in expected:
            assert await retained(broker, topic) == heard[topic]


async def test_a_counter_is_told_when_it_changes_a_gauge_with_each_line(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        async with listening(broker, "/sensor/#") as heard:
            await until(lambda: fluksod.said("connected to the broker"))
            board.send(pls(CLAMP, 100), pwr(CLAMP, 50), pls(CLAMP, 100))
            await until(lambda: heard.get(f"/sensor/{CLAMP}/gauge"))
            second = int(time.time())
            await until(lambda: int(time.time()) > second)
            board.send(pls(CLAMP, 100), pwr(CLAMP, 50), pls(CLAMP, 101), pwr(CLAMP, 50))
            await until(lambda: len([topic for topic, _ in heard.order if topic.endswith("/gauge")]) >= 2)
            await until(lambda: b",101," in heard[f"/sensor/{CLAMP}/counter"])
        assert len([topic for topic, _ in heard.order if topic.endswith("/counter")]) == 2


async def test_the_configuration_as_the_clients_of_the_original_read_it(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    """Traps 21 to 24: `config/sensor` retained, five parts, a known type, data_type and rid; never `test/tap`."""
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        topic = f"/device/{await device_of(fluksod)}/config/sensor"
        await retained(broker, topic)
        async with listening(broker) as heard:
            await until(lambda: topic in heard.newest)
            found = discovered(topic, heard[topic])
            assert set(found) == {CLAMP, PULSE, GAS}
            assert found[PULSE]["function"] == "Solar, roof"
            assert found[GAS] == {
                "id": GAS,
                "class": "pulse",
                "type": "gas",
                "function": 12,
                "rid": 0,
                "data_type": "counter",
                "enable": 1,
                "tmpo": 1,
            }
            added = "00000000000000000000000000000abc"
            board.send(pls(added, 1, 1000), pls(added, 2, 2000))
            await until(lambda: added in discovered(topic, heard[topic]))
            assert not [heard_topic for heard_topic in heard.newest if "test/tap" in heard_topic]
            # Value and unit as ha2 takes them from a payload: the second of the fields between commas.
            await until(lambda: heard.get(f"/sensor/{added}/counter"))
            assert float(heard[f"/sensor/{added}/counter"].decode().split(",")[1]) == 2


def discovered(topic: str, payload: bytes) -> dict[str, Any]:
    """The enabled sensors, found as flukso-hacs does: it gives up at the first section that it does not know."""
    parts = topic.split("/")
    assert len(parts) == 5
    assert len(parts[2]) == 32
    assert parts[3:] == ["config", "sensor"]
    found = {}
    for section in json.loads(payload).values():
        if not section.get("enable", 0):
            continue
        assert (section["type"], section["data_type"]) in [
            (kind, "counter") for kind in ("electricity", "gas", "water")
        ]
        assert section["rid"] == 0
        found[section["id"]] = section
    return found


async def test_a_broker_that_was_killed_knows_everything_again_within_two_seconds(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        device = await device_of(fluksod)
        await until(lambda: fluksod.said("connected to the broker"))
        board.send(pls(CLAMP, 100), pwr(CLAMP, 50))
        broker.kill()
        await until(lambda: fluksod.said("broker unreachable"))
        assert (await mqtt_state(fluksod))[0] == "unreachable"
        board.send(pls(CLAMP, 101), pwr(CLAMP, 60), pls(CLAMP, 102), pwr(CLAMP, 70))

        async def counted() -> bool:
            return bool((await fluksod.reading(CLAMP))["counter"] == 102)

        await until(counted)
        await broker.start()
        started = time.monotonic()
        async with listening(broker) as heard:
            everything = {f"/device/{device}/config/sensor", f"/device/{device}/availability"}
            everything |= {f"/sensor/{CLAMP}/gauge", f"/sensor/{CLAMP}/counter"}
            await until(lambda: everything <= set(heard.newest), 5)
            assert time.monotonic() - started < 2
            assert b",102," in heard[f"/sensor/{CLAMP}/counter"]
            told = [payload for topic, payload in heard.order if topic.endswith("/counter")]
            assert len(told) == 1, "of what happened meanwhile only the newest is told"
        assert len(fluksod.said("broker unreachable")) == 1, "one line for each change of state"


async def test_the_broker_says_when_fluksod_is_gone(tmp_path: Path, board: Board, broker: Mosquitto) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        availability = f"/device/{await device_of(fluksod)}/availability"
        async with listening(broker, availability) as heard:
            await until(lambda: heard.get(availability) == b"online")
            fluksod.process.kill()
            await until(lambda: heard[availability] == b"offline")
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=table(broker))) as fluksod:
        async with listening(broker, availability) as heard:
            await until(lambda: heard.get(availability) == b"online")
            assert await fluksod.stop() == 0
            await until(lambda: heard[availability] == b"offline")
        assert not fluksod.said("Traceback")


async def test_a_wrong_password_is_named_and_never_shown(tmp_path: Path, board: Board) -> None:
    broker = await Mosquitto(tmp_path, closed=True).start()
    config = configuration(tmp_path, mqtt=table(broker, f'username = "{USER}"\npassword = "wrong-secret"\n'))
    config.chmod(0o600)
    async with running(config) as fluksod:
        await until(lambda: fluksod.said("broker refused"))
        state, error = await mqtt_state(fluksod)
        assert state == "refused"
        assert "correct username and password in [mqtt]" in str(error)
        assert not fluksod.said("wrong-secret")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o600)
    config = configuration(tmp_path, mqtt=table(broker, f'username = "{USER}"\npassword_file = "password"\n'))
    async with running(config) as fluksod, listening(broker, password=PASSWORD) as heard:
        await until(
            lambda: f"/device/{(tmp_path / 'state' / 'device').read_text().strip()}/config/sensor" in heard.newest
        )
        assert await mqtt_state(fluksod) == ("connected", None)
        assert not fluksod.said(PASSWORD)
    broker.kill()


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path, board: Board) -> None:
    authority = trustme.CA()
    broker = await Mosquitto(tmp_path, authority).start()
    async with running(configuration(tmp_path, mqtt=table(broker, "tls = true\n"))) as fluksod:
        await until(lambda: fluksod.said("its certificate is not trusted"))
        assert (await mqtt_state(fluksod))[0] == "refused"
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    config = configuration(tmp_path, mqtt=table(broker, 'tls = true\nca = "ca.pem"\n'))
    async with running(config) as fluksod, listening(broker, authority=authority) as heard:
        await until(lambda: [topic for topic in heard.newest if topic.endswith("/config/sensor")])
    broker.kill()


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, board: Board) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    broker = await Mosquitto(tmp_path, authority).start()
    elsewhere = table(broker, 'tls = true\nca = "ca.pem"\n').replace('"127.0.0.1"', '"localhost"')
    async with running(configuration(tmp_path, mqtt=elsewhere)) as fluksod:
        await until(lambda: fluksod.said("its certificate is not trusted"))
    broker.kill()


async def test_without_a_broker_all_else_works_and_it_stops_at_once(tmp_path: Path, board: Board) -> None:
    mqtt = '[mqtt]\nhost = "127.0.0.1"\nport = 9\n'
    async with running(configuration(tmp_path, sensors=SENSORS, mqtt=mqtt)) as fluksod:
        await until(lambda: fluksod.said("broker unreachable"))
        board.send(pwr(CLAMP, 463))
        await until(lambda: fluksod.reading(CLAMP))
        asked = time.monotonic()
        assert await fluksod.stop() == 0
        assert time.monotonic() - asked < 3  # it takes 0.1 s; other work on the machine may delay it


async def test_check_says_what_is_published(tmp_path: Path, board: Board) -> None:
    config = configuration(tmp_path, mqtt='[mqtt]\nhost = "broker.example"\ntls = true\nhome_assistant = true\n')
    status, out, _ = await run_to_end("check", "--config", str(config))
    assert status == 0
    assert "publish to the broker at broker.example:8883, trusting the authorities of the system" in out
    assert "Home Assistant finds the sensors" in out
    (tmp_path / "ca.pem").write_text("nothing")
    config = configuration(tmp_path, mqtt='[mqtt]\nhost = "broker.example"\ntls = true\nca = "ca.pem"\n')
    status, _, err = await run_to_end("check", "--config", str(config))
    assert status == 1
    assert "ca in [mqtt]" in err
