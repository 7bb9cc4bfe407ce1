"""Two real parts against each other: fluksod with a board's serial port, and this cloud."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.cloud.process import Server, run
from tests.device.board import Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until


async def test_fluksod_registers_is_claimed_and_its_counters_arrive(server: Server, tmp_path: Path) -> None:
    clamp = "c0" * 16
    board = Board(tmp_path / "board")
    config = configuration(
        tmp_path,
        sensors=sensor_table(clamp, "Main", "electricity"),
        cloud=f'[cloud]\nurl = "{server.url}"\nca = "{server.home / "ca.pem"}"\ninterval = 1\n',
    )
    try:
        async with running(config) as fluksod:

            async def cloud() -> Any:
                return (await fluksod.get("/api/v2/device"))["cloud"]

            async def connected() -> bool:
                found: bool = (await cloud())["state"] == "connected"
                return found

            board.send(pls(clamp, 100), pwr(clamp, 460))
            await until(connected, 20)
            code = (await cloud())["claim_code"]
            claimed = await asyncio.to_thread(run, "claim", code, "--account", "kees", "--dir", server.home)
            assert claimed.returncode == 0, claimed.stderr
            token = (await asyncio.to_thread(run, "token", "--account", "kees", "--dir", server.home)).stdout.strip()

            async def shown() -> Any:
                devices = (await asyncio.to_thread(server.get_json, "/api/v2/devices", token))["devices"]
                sensors = [sensor for device in devices for sensor in device["sensors"] if sensor["id"] == clamp]
                return sensors[0] if sensors else None

            for counter in range(101, 106):
                board.send(pls(clamp, counter), pwr(clamp, 463))
                await asyncio.sleep(0.2)

            async def arrived() -> bool:
                found = await shown()
                return bool(
                    found and found["measurement"] and found["measurement"]["counter"] == 105 and found["gauge"]
                )

            await until(arrived, 20)
            found = await shown()
            assert found["name"] == "Main"
            assert found["gauge"]["value"] == 463
            assert abs(found["measurement"]["time"] - time.time()) < 30
            here = (await fluksod.reading(clamp))["counter"]
            assert found["measurement"]["counter"] == here
            assert (await cloud())["error"] is None
    finally:
        board.close()


async def test_fluksod_refuses_a_cloud_of_another_authority(server: Server, folder_made: Path, tmp_path: Path) -> None:
    from flukso_cloud.home import Home
    from flukso_cloud.tls import make_authority

    other = Home(tmp_path / "other")
    other.make()
    assert make_authority(other)
    board = Board(tmp_path / "board")
    config = configuration(
        tmp_path, cloud=f'[cloud]\nurl = "{server.url}"\nca = "{other.ca_certificate}"\ninterval = 1\n'
    )
    try:
        async with running(config) as fluksod:

            async def error() -> Any:
                return (await fluksod.get("/api/v2/device"))["cloud"]["error"]

            assert "certificate" in (await until(error, 20)).lower()
    finally:
        board.close()
