"""What the real mDNS on the loopback interface tells of a running fluksod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from tests.device.board import CLAMP, GAS, PULSE, Board, pls
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

SERVICE = "_flukso._tcp.local."
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
