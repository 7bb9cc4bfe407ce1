"""A fluksod that uploads to the cloud of the tests: its configuration, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trustme

from tests.device.board import CLAMP, PULSE
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, sensor_table
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity") + sensor_table(PULSE, "Water", "water")


def configured(
    folder: Path, cloud: CloudStub, sensors: str = SENSORS, ca: trustme.CA | None = None, more: str = ""
) -> Path:
    """Write a configuration that uploads to `cloud` every second; `more` stands in its table too."""
    (ca or cloud.authority).cert_pem.write_to_path(str(folder / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n{more}'
    return configuration(folder, sensors=sensors, cloud=table)


async def cloud_state(fluksod: Fluksod) -> dict[str, Any]:
    """How the cloud stands, as /api/v2/device shows it."""
    state = (await fluksod.get("/api/v2/device"))["cloud"]
    assert isinstance(state, dict)
    return state


async def connected(fluksod: Fluksod) -> None:
    """Wait until the uplink is connected."""

    async def probe() -> bool:
        return bool((await cloud_state(fluksod))["state"] == "connected")

    await until(probe)


async def stored(cloud: CloudStub, sensor: str, counter: int) -> list[list[int]]:
    """Wait until the cloud has this counter of the sensor; all it has of it."""

    def probe() -> list[list[int]] | None:
        rows = cloud.stored.get(sensor, [])
        return rows if rows and rows[-1][1] == counter else None

    rows = await until(probe)
    assert isinstance(rows, list)
    return rows
