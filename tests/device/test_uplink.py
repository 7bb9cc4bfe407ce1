"""The uplink of a real fluksod against a real TLS server: registering, heartbeats, signed uploads and what fails."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity") + sensor_table(PULSE, "Water", "water")


@pytest.fixture
async def cloud() -> AsyncIterator[CloudStub]:
    stub = CloudStub(trustme.CA())
    await stub.start()
    yield stub
    await stub.stop()


def configured(folder: Path, cloud: CloudStub, sensors: str = SENSORS, ca: trustme.CA | None = None) -> Path:
    (ca or cloud.authority).cert_pem.write_to_path(str(folder / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n'
    return configuration(folder, sensors=sensors, cloud=table)


async def cloud_state(fluksod: Fluksod) -> dict[str, Any]:
    state = (await fluksod.get("/api/v2/device"))["cloud"]
    assert isinstance(state, dict)
    return state


async def connected(fluksod: Fluksod) -> None:
    async def probe() -> bool:
        return bool((await cloud_state(fluksod))["state"] == "connected")

    await until(probe)


async def test_registers_itself_and_uploads_what_it_counts(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """Traps 5 and 7: the stub signs with the key's ASCII characters and takes lower-case digests only."""
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        device = (await fluksod.get("/api/v2/device"))["id"]
        first = cloud.heartbeats()[0]
        key = (tmp_path / "state" / "key").read_text().strip()
        assert first.members["key"] == key
        assert first.members["reset"] == 1
        assert first.members["port"] == fluksod.url.rsplit(":", 1)[1]
        assert first.members["sensors"] == {
            CLAMP: {"type": "electricity", "class": "analog", "function": "Main"},
            PULSE: {"type": "water", "class": "pulse", "function": "Water"},
        }
        board.send(pls(CLAMP, 100), pls(CLAMP, 101), pwr(CLAMP, 463))
        await until(lambda: cloud.stored.get(CLAMP))
        assert [counter for _, counter in cloud.stored[CLAMP]] == [101]
        await until(lambda: cloud.gauges.get(CLAMP))
        assert cloud.gauges[CLAMP][-1][1] == 463
        upload = cloud.uploads()[0]
        assert upload.headers["X-Version"] == "1.0"
        assert "version" not in upload.path
        assert int(upload.headers["Content-Length"]) == len(upload.body)
        assert re.fullmatch("[0-9a-f]{40}", upload.headers["X-Digest"])
        assert (await cloud_state(fluksod))["pending"] == 0
        assert (await cloud_state(fluksod))["last_upload"] >= cloud.stored[CLAMP][0][0]
        assert not any(key in line for line in fluksod.log)
        assert key not in json.dumps(await fluksod.get("/api/v2/device"))
    async with running(tmp_path / "fluksod.toml") as fluksod:
        await connected(fluksod)
        assert (await fluksod.get("/api/v2/device"))["id"] == device
        assert "key" not in cloud.heartbeats()[-1].members
