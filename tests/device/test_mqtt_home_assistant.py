"""Home Assistant's MQTT discovery at a real broker; that Home Assistant takes it is shown in tests/integration."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.device.board import CLAMP, GAS, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.mosquitto import Mosquitto, listening, retained
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity") + sensor_table(GAS, "Heating", "gas")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = await Mosquitto(tmp_path).start()
    yield broker
    broker.kill()


def config(folder: Path, broker: Mosquitto, *, found: bool = True) -> Path:
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nhome_assistant = {str(found).lower()}\n'
    return configuration(folder, sensors=SENSORS, mqtt=mqtt)


async def test_the_message_has_the_device_and_two_entities_a_sensor(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    async with running(config(tmp_path, broker)) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        message: dict[str, Any] = json.loads(await retained(broker, f"homeassistant/device/flukso_{device}/config"))
        assert message["device"] == {
            "identifiers": [f"flukso_{device}"],
            "name": "Cellar",
            "manufacturer": "Flukso",
            "model": "fluksod",
            "sw_version": "0.1.0",
            "configuration_url": f"{fluksod.url}/",
        }
        assert message["origin"] == {"name": "fluksod", "sw_version": "0.1.0"}
        assert message["availability_topic"] == f"/device/{device}/availability"
        shown = {
            entity["unique_id"]: [entity[key] for key in ("name", "device_class", "state_class", "unit_of_measurement")]
            for entity in message["components"].values()
        }
        assert shown == {
            f"flukso_{CLAMP}_gauge": ["Main power", "power", "measurement", "W"],
            f"flukso_{CLAMP}_counter": ["Main energy", "energy", "total_increasing", "Wh"],
            f"flukso_{GAS}_gauge": ["Heating flow", "volume_flow_rate", "measurement", "L/min"],
            f"flukso_{GAS}_counter": ["Heating volume", "gas", "total_increasing", "m³"],
        }
        components = message["components"]
        assert {entity["platform"] for entity in components.values()} == {"sensor"}
        assert components[f"{CLAMP}_gauge"]["expire_after"] == 60
        assert "expire_after" not in components[f"{GAS}_gauge"], "a pulse input may be silent"


async def test_everything_is_told_again_when_home_assistant_starts(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    async with running(config(tmp_path, broker)) as fluksod:
        board.send(pls(CLAMP, 100), pwr(CLAMP, 50))
        await retained(broker, f"/sensor/{CLAMP}/gauge")
        async with listening(broker) as heard:
            await until(lambda: heard.get(f"/sensor/{CLAMP}/gauge"))
            heard.order.clear()
            await heard.client.publish("homeassistant/status", "offline")
            await heard.client.publish("homeassistant/status", "online")
            await until(lambda: len({topic for topic, _ in heard.order if topic != "homeassistant/status"}) == 4)
        assert not fluksod.said("Traceback")


async def test_nothing_is_said_to_home_assistant_unless_asked_for(
    tmp_path: Path, board: Board, broker: Mosquitto
) -> None:
    async with running(config(tmp_path, broker, found=False)) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        await retained(broker, f"/device/{device}/availability")
        async with listening(broker) as heard:
            await until(lambda: heard.get(f"/device/{device}/config/sensor"))
            assert not [topic for topic in heard.newest if topic.startswith("homeassistant")]
