"""What the real mDNS on the loopback interface tells of a running fluksod."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from tests.device.board import CLAMP, GAS, PULSE, Board, pls
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.waiting import until

SERVICE = "_flukso._tcp.local."
HTTP = "_http._tcp.local."
SENSORS = sensor_table(CLAMP, "Main", "electricity") + sensor_table(GAS, "Heating", "gas")


class Listener:
    """Knows the services that are announced now."""

    def __init__(self) -> None:
        self.present: set[str] = set()

    def changed(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        assert zeroconf.started
        assert service_type == SERVICE
        (self.present.discard if state_change is ServiceStateChange.Removed else self.present.add)(name)


@pytest.fixture
async def network() -> AsyncIterator[AsyncZeroconf]:
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    yield zeroconf
    await zeroconf.async_close()


async def test_announces_itself_its_sensors_and_its_end(tmp_path: Path, board: Board, network: AsyncZeroconf) -> None:
    listener = Listener()
    browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[listener.changed])
    config = configuration(tmp_path, sensors=SENSORS, lan='mdns_interfaces = ["127.0.0.1"]')
    async with running(config) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        hostname = f"flukso-{device[:6]}"
        name = f"Flukso RESTful API on {hostname}.{SERVICE}"
        await until(lambda: name in listener.present)

        async def properties() -> dict[str, str | None]:
            found = AsyncServiceInfo(SERVICE, name)
            assert await found.async_request(network.zeroconf, 3000)
            assert found.parsed_addresses() == ["127.0.0.1"]
            assert found.server == f"{hostname}.local."
            assert str(found.port) == fluksod.url.rsplit(":", 1)[1]
            return dict(found.decoded_properties)

        ours = {"path": "/sensor", "version": "1.0", "device": device, "api": "2.0"}
        assert await properties() == {"id1": CLAMP, "id2": GAS, **ours}
        board.send(pls(PULSE, 1, 1000), pls(PULSE, 2, 2000))

        async def three_sensors() -> bool:
            return await properties() == {"id1": CLAMP, "id2": GAS, "id3": PULSE, **ours}

        await until(three_sensors)
        assert await fluksod.stop() == 0
    await until(lambda: name not in listener.present, 3)
    await browser.async_cancel()


async def test_says_nothing_when_told_so(tmp_path: Path, board: Board, network: AsyncZeroconf) -> None:
    listener = Listener()
    browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[listener.changed])
    async with running(configuration(tmp_path, lan="mdns = false")) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        await asyncio.sleep(1)
        assert not [name for name in listener.present if device[:6] in name]
    await browser.async_cancel()


async def test_the_page_is_announced_too(tmp_path: Path, board: Board, network: AsyncZeroconf) -> None:
    async with running(configuration(tmp_path, lan='mdns_interfaces = ["127.0.0.1"]')) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        found = AsyncServiceInfo(HTTP, f"Web Server on flukso-{device[:6]}.{HTTP}")

        async def announced() -> bool:
            return await found.async_request(network.zeroconf, 1000)

        await until(announced)
        assert found.decoded_properties == {"path": "/"}
        assert str(found.port) == fluksod.url.rsplit(":", 1)[1]


async def siblings(fluksod: Fluksod) -> dict[str, Any]:
    """The siblings by name; other tests run at the same time."""
    return {one["name"]: one for one in (await fluksod.get("/api/v2/device"))["siblings"]}


async def test_siblings_find_each_other_and_an_original(tmp_path: Path, board: Board, network: AsyncZeroconf) -> None:
    lan = 'mdns_interfaces = ["127.0.0.1"]'
    (tmp_path / "other").mkdir()
    original = AsyncServiceInfo(
        SERVICE,
        f"Flukso RESTful API on flukso-0a1b2c.{SERVICE}",
        port=8080,
        properties={"id1": CLAMP, "path": "/sensor", "version": "1.0"},
        server="flukso-0a1b2c.local.",
        parsed_addresses=["127.0.0.9"],
    )
    async with running(configuration(tmp_path, lan=lan)) as one:
        device = (await one.get("/api/v2/device"))["id"]
        async with running(configuration(tmp_path / "other", lan=lan)) as other:
            name = f"flukso-{(await other.get('/api/v2/device'))['id'][:6]}"

            async def found() -> Any:
                return (await siblings(one)).get(name)

            sibling = await until(found)
            assert sibling["address"] == "127.0.0.1"
            assert other.url.endswith(f":{sibling['port']}")
            assert sibling["api"] == "2.0"
            assert f"flukso-{device[:6]}" not in await siblings(one), "it is none of its own"
            await network.async_register_service(original)

            async def found_original() -> Any:
                return (await siblings(one)).get("flukso-0a1b2c")

            assert await until(found_original) == {
                "id": None,
                "name": "flukso-0a1b2c",
                "address": "127.0.0.9",
                "port": 8080,
                "api": "1.0",
            }

        async def gone() -> bool:
            return await found() is None

        await until(gone)
        await network.async_unregister_service(original)


def test_follows_the_addresses_of_the_machine() -> None:
    """In a network of its own, where an address may be taken away and another one given."""
    inside = [sys.executable, "-m", "demo.namespace", sys.executable, "-m", "tests.device.moving_address"]
    ran = subprocess.run(inside, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
