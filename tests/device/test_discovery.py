"""What the real mDNS on the loopback interface tells of a running fluksod."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_interface
from pathlib import Path

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from fluksod.addresses import OwnAddress, nearest
from fluksod.siblings import Sibling, Siblings, sibling_of
from tests.device.board import CLAMP, GAS, PULSE, Board, pls
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.neighbours import STORIES
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


async def test_one_that_lost_its_power_is_no_longer_listed(
    network: AsyncZeroconf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says no goodbye. Here its addresses hold for two seconds, not two minutes, and it is looked for as often."""
    monkeypatch.setattr("fluksod.siblings.LOOK_EVERY", 0.5)
    monkeypatch.setattr("fluksod.siblings.PATIENCE_MS", 1000)
    listed = Siblings("0" * 32)
    browser = AsyncServiceBrowser(network.zeroconf, SERVICE, handlers=[listed.changed])

    def names() -> list[str]:
        return [one["name"] for one in listed.describe()]

    powered = AsyncZeroconf(interfaces=["127.0.0.1"])
    flm02 = AsyncServiceInfo(
        SERVICE,
        f"Flukso RESTful API on flukso-0d0e0f.{SERVICE}",
        port=8080,
        properties={"id1": CLAMP, "path": "/sensor", "version": "1.0"},
        server="flukso-0d0e0f.local.",
        parsed_addresses=["127.0.0.8"],
        host_ttl=2,
    )
    await powered.async_register_service(flm02)
    await until(lambda: "flukso-0d0e0f" in names())
    await asyncio.sleep(3)
    assert "flukso-0d0e0f" in names(), "it answers, and so it stays"
    await powered.zeroconf._async_close()  # without a goodbye
    await until(lambda: "flukso-0d0e0f" not in names())
    await browser.async_cancel()
    listed.forget()


def test_what_strangers_announce_is_fit_for_a_terminal() -> None:
    told = AsyncServiceInfo(
        SERVICE,
        f"Flukso RESTful API on somebody.{SERVICE}",
        port=80,
        properties={"device": "no id", "api": "\x1b[2J" + "9" * 200},
        server="\x1b]0;mine\x07.local.",
        parsed_addresses=["fe80::1", "203.0.113.7"],
    )
    assert sibling_of(told) == Sibling(None, "]0;mine", "203.0.113.7", 80, "[2J" + "9" * 60)


def test_the_nearest_address_is_one_in_a_network_that_is_shared() -> None:
    own = [OwnAddress(2, ip_interface("192.168.1.5/24")), OwnAddress(2, ip_interface("2001:db8:1::5/64"))]
    nears = [
        (["10.0.3.1", "192.168.1.9"], "192.168.1.9"),
        (["10.0.3.1", "2001:db8:1::9"], "2001:db8:1::9"),
        (["192.168.1.9", "2001:db8:1::9"], "192.168.1.9"),
        (["fe80::9", "2001:db8:7::9"], "2001:db8:7::9"),
        (["10.0.3.1"], "10.0.3.1"),
    ]
    assert [str(nearest(told, own)) for told, _ in nears] == [near for _, near in nears]
    assert nearest([], own) is None


def in_a_network_of_its_own(module: str, *story: str) -> None:
    inside = [sys.executable, "-m", "demo.namespace", sys.executable, "-m", module, *story]
    ran = subprocess.run(inside, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_follows_the_addresses_of_the_machine() -> None:
    """In a network of its own, where an address may be taken away and another one given."""
    in_a_network_of_its_own("tests.device.moving_address")


@pytest.mark.parametrize("story", STORIES)
def test_on_a_network_of_several_machines(story: str) -> None:
    in_a_network_of_its_own("tests.device.neighbours", story)
