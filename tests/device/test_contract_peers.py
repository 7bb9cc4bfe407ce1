"""A neighbour's fluksod, ours and the real cloud: what the neighbour shares arrives on our network, and goes again."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from flukso_cloud.claim import claim_code
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.process import Server, run
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until

PASSWORD = "a long pass phrase"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Server]:
    """A cloud with two accounts."""
    home = tmp_path / "cloud"
    made = run("init", "--dir", home, "--account", "anna", FLUKSO_CLOUD_PASSWORD=PASSWORD)
    assert made.returncode == 0, made.stderr
    made = run("user", "add", "bert", "--dir", home, FLUKSO_CLOUD_PASSWORD=PASSWORD)
    assert made.returncode == 0, made.stderr
    with Server(home) as server:
        yield server


@pytest.fixture
async def houses(tmp_path: Path, cloud: Server) -> AsyncIterator[tuple[Board, Fluksod, Board, Path]]:
    """Anna's board and fluksod, then Bert's board and the configuration of his fluksod; both claimed."""
    folders = [tmp_path / "anna", tmp_path / "bert"]
    tables = [sensor_table(CLAMP, "Roof", "electricity"), sensor_table(PULSE, "Water", "water")]
    for folder, table in zip(folders, tables, strict=True):
        folder.mkdir()
        upload = f'[cloud]\nurl = "{cloud.url}"\nca = "{cloud.home / "ca.pem"}"\ninterval = 1\n'
        configuration(folder, sensors=table, cloud=upload)
    boards = [Board(folder / "board") for folder in folders]
    async with running(folders[1] / "fluksod.toml") as bert:
        await claim(bert, cloud, "bert")
    async with running(folders[0] / "fluksod.toml") as anna:
        await claim(anna, cloud, "anna")
        boards[0].send(pls(CLAMP, 100), pls(CLAMP, 101), pwr(CLAMP, 463))
        yield boards[0], anna, boards[1], folders[1] / "fluksod.toml"
    for board in boards:
        board.close()


async def claim(fluksod: Fluksod, cloud: Server, account: str) -> None:
    async def code() -> Any:
        state = (await fluksod.get("/api/v2/device"))["cloud"]
        return state["claim_code"] if state["state"] == "connected" else None

    claimed = await asyncio.to_thread(run, "claim", "--dir", cloud.home, "--account", account, await until(code))
    assert claimed.returncode == 0, claimed.stderr


async def as_person(cloud: Server, name: str, method: str, path: str, content: Any = None) -> int:
    """Send a request to the cloud with a new session of this person's; the status."""
    connector = aiohttp.TCPConnector(ssl=cloud.trust())
    async with aiohttp.ClientSession(connector=connector) as session:
        form = {"name": name, "password": PASSWORD, "next": "/"}
        async with session.post(f"{cloud.url}/login", data=form, allow_redirects=False) as response:
            assert response.status == 303
        async with session.request(method, cloud.url + path, json=content) as response:
            return response.status


async def test_a_shared_stream_appears_on_the_lan_and_goes_with_the_share(
    cloud: Server, houses: tuple[Board, Fluksod, Board, Path]
) -> None:
    board, _anna, own_board, config = houses
    shares, subscription = f"/api/v2/sensors/{CLAMP}/shares", f"/api/v2/subscriptions/{CLAMP}"

    async def shared() -> bool:
        return await as_person(cloud, "anna", "PUT", shares, {"shares": [{"account": "bert"}]}) == 200

    await until(shared)
    assert await as_person(cloud, "bert", "PUT", subscription) == 204
    async with running(config) as bert:
        own_board.send(pls(PULSE, 1, 1000), pls(PULSE, 2, 2000))

        async def peer() -> Any:
            return next(iter((await bert.get("/api/v2/peers"))["peers"]), None)

        shown = await until(peer, 20)
        assert (shown["id"], shown["class"], shown["name"]) == (CLAMP, "peer", "Roof (anna)")
        assert (shown["owner"], shown["resolution"], shown["type"]) == ("anna", "live", "electricity")
        assert shown["reading"]["counter"] == 101
        assert (await bert.get("/api/v2/device"))["cloud"]["claimed"] is True
        async with bert.session.get(f"{bert.url}/api/v2/events") as stream:
            board.send(pls(CLAMP, 102), pwr(CLAMP, 470))
            await until(lambda: event_of(stream, CLAMP, 102))
        sensors = [sensor["id"] for sensor in (await bert.get("/api/v2/sensors"))["sensors"]]
        assert sensors == [PULSE, CLAMP]
        assert await bert.get(f"/sensor/{CLAMP}?version=1.0&interval=minute&unit=watt") == [], "not one of ours"
        assert await as_person(cloud, "anna", "PUT", shares, {"shares": []}) == 200

        async def gone() -> bool:
            return await peer() is None

        await until(gone)
        assert await bert.get("/api/v2/peers") == {"peers": [], "error": None}
        assert not bert.said("peers:"), bert.log
        assert not bert.said("belongs to another device"), "a peer is never registered as one of ours"


async def test_a_coarse_peer_is_there_at_once(tmp_path: Path, cloud: Server) -> None:
    """With the counter at the end of its last complete hour, not only after the next one."""
    anna, now = Fluksometer(), int(time.time())
    wire = cloud.connect()
    history = compact({"measurements": [[now - 600 * i, 10**6 - 100 * i] for i in range(24)]})
    for path, body in ((f"/device/{anna.id}", anna.registration()), (f"/sensor/{anna.sensor}", history)):
        answer = await asyncio.to_thread(wire.request, "POST", path, anna.headers(body), body)
        assert answer.status == 200, answer.body
    wire.close()
    code = claim_code(anna.key.encode(), anna.id)
    claimed = await asyncio.to_thread(run, "claim", code, "--account", "anna", "--dir", cloud.home)
    assert claimed.returncode == 0, claimed.stderr
    hourly = {"shares": [{"account": "bert", "resolution": "hour", "past": True}]}
    assert await as_person(cloud, "anna", "PUT", f"/api/v2/sensors/{anna.sensor}/shares", hourly) == 200
    assert await as_person(cloud, "bert", "PUT", f"/api/v2/subscriptions/{anna.sensor}") == 204
    upload = f'[cloud]\nurl = "{cloud.url}"\nca = "{cloud.home / "ca.pem"}"\ninterval = 1\n'
    configuration(tmp_path, sensors=sensor_table(PULSE, "Water", "water"), cloud=upload)
    board = Board(tmp_path / "board")
    try:
        async with running(tmp_path / "fluksod.toml") as bert:
            await claim(bert, cloud, "bert")
        async with running(tmp_path / "fluksod.toml") as bert:

            async def reading() -> Any:
                found = next(iter((await bert.get("/api/v2/peers"))["peers"]), None)
                return None if found is None else found["reading"] and found

            shown = await until(reading, 20)
            edge = now // 3600 * 3600
            assert shown["resolution"] == "hour"
            assert shown["reading"]["time"] == edge
            assert shown["reading"]["counter"] == 10**6 - math.ceil((now - edge) / 6)
            assert shown["reading"]["gauge"] == pytest.approx(600)
    finally:
        board.close()


async def event_of(stream: aiohttp.ClientResponse, sensor: str, counter: int) -> bool:
    """Read a line; whether it is this sensor's event with this counter."""
    line = (await asyncio.wait_for(stream.content.readline(), 10)).decode()
    if not line.startswith("data: "):
        return False
    members = json.loads(line[6:])
    return (members["sensor"], members["counter"]) == (sensor, counter)
