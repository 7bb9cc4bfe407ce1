"""The real fluksod against the real cloud: what one says, the other understands. Both are processes of their own."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cloud.process import Server, run
from tests.device.board import CLAMP, GAS, PULSE, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, run_to_end, running, sensor_table
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity") + sensor_table(GAS, "Heating", "gas")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a cloud with one account."""
    home = tmp_path / "cloud"
    made = run("init", "--dir", home, "--account", "owner", FLUKSO_CLOUD_PASSWORD="a long pass phrase")
    assert made.returncode == 0, made.stderr
    return home


@pytest.fixture
def cloud(home: Path) -> Iterator[Server]:
    with Server(home) as server:
        yield server


@pytest.fixture
async def session(home: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A verified session with the account's token."""
    token = run("token", "--dir", home, "--account", "owner").stdout.split()[-1]
    async with aiohttp.ClientSession(headers={"X-Version": "1.0", "X-Token": token}) as session:
        yield session


def configured(folder: Path, cloud: Server) -> Path:
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "{cloud.home / "ca.pem"}"\ninterval = 1\n'
    return configuration(folder, sensors=SENSORS, cloud=table)


async def cloud_state(fluksod: Fluksod) -> dict[str, Any]:
    state = (await fluksod.get("/api/v2/device"))["cloud"]
    assert isinstance(state, dict)
    return state


async def connected(fluksod: Fluksod) -> None:
    async def probe() -> bool:
        return bool((await cloud_state(fluksod))["state"] == "connected")

    await until(probe, 20)


async def claim(fluksod: Fluksod, cloud: Server) -> None:
    """Give the device to the account with the code that it shows."""
    code = (await cloud_state(fluksod))["claim_code"]
    claimed = await asyncio.to_thread(run, "claim", "--dir", cloud.home, "--account", "owner", code.lower())
    assert claimed.returncode == 0, claimed.stderr


async def sensor_at(session: aiohttp.ClientSession, cloud: Server, sensor: str) -> Any:
    """The sensor as the cloud shows it to its owner, or None."""
    async with session.get(f"{cloud.url}/api/v2/devices", ssl=cloud.trust()) as response:
        assert response.status == 200, await response.text()
        sensors = [shown for device in (await response.json())["devices"] for shown in device["sensors"]]
    return next((shown for shown in sensors if shown["id"] == sensor), None)


async def test_registers_is_claimed_and_shows_what_it_counts(
    tmp_path: Path, board: Board, cloud: Server, session: aiohttp.ClientSession
) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        await claim(fluksod, cloud)
        board.send(pls(CLAMP, 4_521_336), pls(CLAMP, 4_521_337), pwr(CLAMP, 463))
        board.send(pls(GAS, 990, 1_000), pls(GAS, 1_000, 61_000))

        async def both() -> bool:
            main, gas = [await sensor_at(session, cloud, sensor) for sensor in (CLAMP, GAS)]
            return bool(main["measurement"] and main["gauge"] and gas["measurement"] and gas["gauge"])

        await until(both)
        main = await sensor_at(session, cloud, CLAMP)
        assert (main["name"], main["type"], main["class"]) == ("Main", "electricity", "analog")
        assert main["measurement"]["counter"] == (await fluksod.reading(CLAMP))["counter"] == 4_521_337
        assert main["gauge"]["value"] == 463
        gas = await sensor_at(session, cloud, GAS)
        assert (gas["type"], gas["class"], gas["gauge_unit"]) == ("gas", "pulse", "L/min")
        assert gas["measurement"]["counter"] == 1_000
        assert gas["gauge"]["value"] == pytest.approx(10)
        state = await cloud_state(fluksod)
        assert (state["pending"], state["error"]) == (0, None)


async def test_a_change_is_live_at_the_cloud_within_two_seconds(
    tmp_path: Path, board: Board, cloud: Server, session: aiohttp.ClientSession
) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        await claim(fluksod, cloud)
        board.send(pwr(CLAMP, 100))
        address = f"{cloud.url}/api/v2/live?sensor={CLAMP}"
        async with session.get(address, ssl=cloud.trust()) as live:
            assert live.status == 200
            delays = []
            for watt in (2100, 150, 2300):
                sent = time.monotonic()
                board.send(pwr(CLAMP, watt))
                while True:
                    line = (await asyncio.wait_for(live.content.readline(), 10)).decode()
                    if line.startswith("data: ") and json.loads(line[6:])["gauge"] == watt:
                        break
                delays.append(time.monotonic() - sent)
            assert min(delays) < 2


async def test_a_sensor_that_turns_up_later(
    tmp_path: Path, board: Board, cloud: Server, session: aiohttp.ClientSession
) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        await claim(fluksod, cloud)
        board.send(*(pls(PULSE, counter, 1000 * counter) for counter in range(1, 5)))

        async def arrived() -> bool:
            shown = await sensor_at(session, cloud, PULSE)
            return bool(shown and shown["measurement"] and shown["measurement"]["counter"] == 4)

        await until(arrived)
        assert (await sensor_at(session, cloud, PULSE))["name"] == "Pulse input 2"


async def test_a_cloud_killed_and_started_again(
    tmp_path: Path, board: Board, home: Path, session: aiohttp.ClientSession
) -> None:
    with Server(home) as cloud:
        async with running(configured(tmp_path, cloud)) as fluksod:
            await connected(fluksod)
            await claim(fluksod, cloud)
            board.send(pls(CLAMP, 100), pls(CLAMP, 101))

            async def at_the_cloud(counter: int) -> bool:
                shown = await sensor_at(session, cloud, CLAMP)
                return bool(shown["measurement"] and shown["measurement"]["counter"] == counter)

            await until(lambda: at_the_cloud(101))
            port = cloud.port
            cloud.kill()
            for counter in range(102, 105):
                board.send(pls(CLAMP, counter))
                await asyncio.sleep(1.01)
            assert (await cloud_state(fluksod))["state"] == "unreachable"
            with Server(home, "--port", str(port)):
                await until(lambda: at_the_cloud(104), 20)
                await connected(fluksod)
                state = await cloud_state(fluksod)
                assert (state["pending"], state["error"]) == (0, None)


async def test_a_cloud_that_lost_its_database_gets_us_again(tmp_path: Path, board: Board, home: Path) -> None:
    with Server(home) as cloud:
        async with running(configured(tmp_path, cloud)) as fluksod:
            await connected(fluksod)
            port = cloud.port
            cloud.stop()
            lost = list(home.rglob("*.db*"))
            assert lost
            for file in lost:
                file.unlink()
            assert run("init", "--dir", home).returncode == 0
            with Server(home, "--port", str(port)):
                board.send(pls(CLAMP, 100), pls(CLAMP, 101))

                async def acknowledged() -> bool:
                    return bool((await cloud_state(fluksod))["last_upload"])

                await until(acknowledged, 20)


async def test_the_same_device_id_with_another_key_is_refused(tmp_path: Path, board: Board, cloud: Server) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
    thief = tmp_path / "thief"
    (thief / "state").mkdir(parents=True, mode=0o700)
    shutil.copy(tmp_path / "state" / "device", thief / "state" / "device")
    async with running(configured(thief, cloud)) as fluksod:
        await until(lambda: fluksod.said("the cloud refused this device: it answered 401"))
        assert (await cloud_state(fluksod))["state"] == "refused"


async def test_a_cloud_with_another_authority_is_refused(tmp_path: Path, board: Board, cloud: Server) -> None:
    made = run("init", "--dir", tmp_path / "other")
    assert made.returncode == 0, made.stderr
    config = configured(tmp_path, cloud)
    config.write_text(config.read_text().replace(str(cloud.home / "ca.pem"), str(tmp_path / "other" / "ca.pem")))
    async with running(config) as fluksod:
        await until(lambda: fluksod.said("certificate is not accepted"))
        assert (await cloud_state(fluksod))["state"] == "refused"


async def test_both_sides_derive_the_same_claim_code(tmp_path: Path, board: Board, cloud: Server) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        _, out, _ = await run_to_end("identity", "--config", str(tmp_path / "fluksod.toml"))
        assert (await cloud_state(fluksod))["claim_code"] == out.split()[-1]
        wrong = run("claim", "--dir", cloud.home, "--account", "owner", "0000-0000")
        assert wrong.returncode != 0
        await claim(fluksod, cloud)
