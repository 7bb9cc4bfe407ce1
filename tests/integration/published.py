"""What original Fluksometers publish on their own broker: an FLM02 and an FLM03, to the letter of their payloads."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiomqtt import Client

from tests.integration.fluksometer import DEVICE, GAS, MAIN, SOLAR, WATER

T = 1447000000
UART = "77777777777777777777777777777777"
UNUSED = "88888888888888888888888888888888"

FLM02: dict[str, Any] = {
    "1": {
        "id": MAIN,
        "type": "electricity",
        "class": "analog",
        "function": "Main",
        "port": [1],
        "voltage": 230,
        "current": 50,
        "enable": 1,
        "data_type": "counter",
        "rid": 0,
    },
    "2": {"id": SOLAR, "type": "electricity", "class": "analog", "port": [2], "enable": 0},
    "4": {
        "id": WATER,
        "type": "water",
        "class": "pulse",
        "function": 12,
        "port": [4],
        "constant": 10,
        "enable": 1,
        "data_type": "counter",
        "rid": 0,
    },
    "5": {"id": GAS, "type": "gas", "class": "pulse", "port": [5], "constant": 10, "enable": 1, "rid": 0},
    "6": {"id": UART, "class": "uart", "enable": 1},
    "7": {"id": UNUSED},
    "main": {"max_sensors": 6, "phase": 1},
    "daemon": {"wan_base_url": "https://api.flukso.net/"},
}

SUBTYPES = ("pplus", "pminus", "q1", "q2", "q3", "q4", "vrms", "irms", "pf", "vthd", "ithd", "alpha")
PULSE = "ee000000000000000000000000000000"


def clamp(number: int) -> str:
    """Return the id of the FLM03's nth quantity, from 1 on."""
    return f"{number:02d}" * 16


FLM03: dict[str, Any] = {
    **{
        str(number): {
            "id": clamp(number),
            "type": "electricity",
            "subtype": subtype,
            "enable": 1,
            "rid": 0,
            "port": [1],
            "data_type": "counter" if number <= 6 else "gauge",
        }
        for number, subtype in enumerate(SUBTYPES, start=1)
    },
    "37": {"id": PULSE, "type": "water", "enable": 1, "rid": 0, "port": [4], "data_type": "counter"},
    "38": {"id": UNUSED, "enable": 0},
    "tmpo": {"root": "/flukso/"},
}

FLX: dict[str, Any] = {
    "1": {"enable": 1, "class": "ct", "name": "Board", "shift": 0, "current": 50},
    "4": {"enable": 1, "class": "pulse", "name": "Cellar", "constant": 1},
    "main": {"led_mode": 255, "phase": "1p"},
}

TAP = "TAP version 13\n# serial: FL03000123\n# firmware: 2.5.1\n1..1\nok 1 - flash\n"


class Publisher:
    """The daemon of a Fluksometer at its broker."""

    def __init__(self, client: Client, device: str) -> None:
        """Publish as this device."""
        self._client = client
        self._device = device

    async def tell(self, topic: str, payload: str | bytes, *, retain: bool = True) -> None:
        """Publish whatever."""
        await self._client.publish(topic, payload, retain=retain, qos=1)

    async def configure(self, sensors: Any, ports: Any = None) -> None:
        """Publish the configuration."""
        if ports is not None:
            await self.tell(f"/device/{self._device}/config/flx", json.dumps(ports))
            await self.tell(f"/device/{self._device}/test/tap", TAP)
        await self.tell(f"/device/{self._device}/config/sensor", json.dumps(sensors))

    async def gauge(self, sensor: str, payload: str) -> None:
        """Publish a gauge."""
        await self.tell(f"/sensor/{sensor}/gauge", payload)

    async def counter(self, sensor: str, payload: str) -> None:
        """Publish a counter."""
        await self.tell(f"/sensor/{sensor}/counter", payload)


@asynccontextmanager
async def publishing(port: int, device: str = DEVICE, host: str = "127.0.0.1") -> AsyncIterator[Publisher]:
    """Publish as a device for the length of a block."""
    async with Client(host, port) as client:
        yield Publisher(client, device)
