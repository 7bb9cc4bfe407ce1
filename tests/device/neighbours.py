"""Run in a network namespace of its own: several machines on one network, each in a network namespace, with fluksod."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from tests.device.board import CLAMP
from tests.device.daemon_process import Fluksod, configuration, running
from tests.device.moving_address import SERVICE, ip
from tests.device.waiting import until

NETWORK = "10.99.0"
OURS = f"{NETWORK}.1"
"""Our own address on that network: we are the phone, and the original Fluksometer."""


class Machine:
    """A machine: `number` is the last part of its address. It has only its loopback until it is plugged in."""

    def __init__(self, number: int) -> None:
        self.address = f"{NETWORK}.{number}"
        self._number = number
        self._process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self._network = Path(f"/proc/{self._process.pid}/ns/net")
        self.within = ("nsenter", f"--net={self._network}")

    async def start(self) -> None:
        """Wait until it has a network of its own."""
        await until(lambda: self._network.readlink() != Path("/proc/self/ns/net").readlink())
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> None:
        """Run `ip` there."""
        subprocess.run([*self.within, "ip", *words], check=True)

    def plug_in(self) -> None:
        """Give it an interface in the network, with its address."""
        ip("link", "add", f"port{self._number}", "type", "veth", "peer", "name", f"eth{self._number}")
        ip("link", "set", f"port{self._number}", "master", "lan", "up")
        ip("link", "set", f"eth{self._number}", "netns", str(self._process.pid))
        self.ip("address", "add", f"{self.address}/24", "dev", f"eth{self._number}")
        self.ip("link", "set", f"eth{self._number}", "up")

    def unplug(self) -> None:
        """Take the interface away, as of a USB adapter."""
        ip("link", "del", f"port{self._number}")

    def end(self) -> None:
        """Take the machine away."""
        self._process.kill()
        self._process.wait()


@asynccontextmanager
async def machine(number: int) -> AsyncIterator[Machine]:
    """A machine until the block ends."""
    one = Machine(number)
    try:
        await one.start()
        yield one
    finally:
        one.end()


@asynccontextmanager
async def fluksod_on(machine: Machine, folder: Path, host: str = "0.0.0.0") -> AsyncIterator[Fluksod]:
    """A fluksod on that machine, which we ask over the network."""
    own = folder / machine.address
    own.mkdir()
    config = configuration(own, lan="mdns = true")
    config.write_text(config.read_text().replace('host = "127.0.0.1"\nport = 0', f'host = "{host}"\nport = 8080'))
    async with running(config, within=machine.within) as fluksod:
        fluksod.url = f"http://{machine.address}:8080"
        yield fluksod
        assert not fluksod.said("Traceback"), fluksod.log


def hostname(folder: Path, machine: Machine) -> str:
    """The name that its fluksod goes by."""
    return f"flukso-{(folder / machine.address / 'state' / 'device').read_text()[:6]}"


async def addresses(hostname: str) -> list[str]:
    """The addresses at which somebody who has just come to the network finds it."""
    async with AsyncZeroconf(interfaces=[OURS]) as phone:
        found = AsyncServiceInfo(SERVICE, f"Flukso RESTful API on {hostname}.{SERVICE}")
        await found.async_request(phone.zeroconf, 1500)
        return found.parsed_addresses()


async def sibling(fluksod: Fluksod, name: str) -> Any:
    """What it tells of its sibling of that name, None if it has none."""
    listed = (await fluksod.get("/api/v2/device"))["siblings"]
    return next((one for one in listed if one["name"] == name), None)


async def siblings_at_an_address_that_can_be_reached(folder: Path) -> None:
    """Two of ours and an original find each other; one has a network of containers too, which nobody else reaches."""
    async with machine(2) as first, machine(3) as second:
        first.plug_in()
        second.plug_in()
        second.ip("link", "add", "containers", "type", "bridge")
        second.ip("address", "add", "10.0.3.1/24", "dev", "containers")
        second.ip("link", "set", "containers", "up")
        async with fluksod_on(first, folder) as one:
            async with fluksod_on(second, folder) as other:
                id_of_other = (await other.get("/api/v2/device"))["id"]
                assert await until(lambda: sibling(one, hostname(folder, second))) == {
                    "id": id_of_other,
                    "name": hostname(folder, second),
                    "address": second.address,
                    "port": 8080,
                    "api": "2.0",
                }
                assert (await until(lambda: sibling(other, hostname(folder, first))))["address"] == first.address
                async with AsyncZeroconf(interfaces=[OURS]) as network:
                    original = AsyncServiceInfo(
                        SERVICE,
                        f"Flukso RESTful API on flukso-0a1b2c.{SERVICE}",
                        port=8080,
                        properties={"id1": CLAMP, "id4": CLAMP[::-1], "path": "/sensor", "version": "1.0"},
                        server="flukso-0a1b2c.local.",
                        parsed_addresses=[OURS],
                    )
                    await network.async_register_service(original)
                    for fluksod in (one, other):
                        told = await until(lambda fluksod=fluksod: sibling(fluksod, "flukso-0a1b2c"))
                        assert (told["id"], told["address"], told["api"]) == (None, OURS, "1.0")
                assert await sibling(one, hostname(folder, first)) is None, "it is none of its own"

            async def are_gone() -> bool:
                return (await one.get("/api/v2/device"))["siblings"] == []

            await until(are_gone)


async def a_cable_that_is_plugged_in_late(folder: Path) -> None:
    async with machine(2) as one, fluksod_on(one, folder) as fluksod:
        await until(lambda: fluksod.said("announced by mDNS"))
        one.plug_in()
        await until(lambda: is_at(folder, one))


async def an_adapter_that_is_plugged_out_and_in_again(folder: Path) -> None:
    """With the address fixed in the configuration."""
    async with machine(2) as one:
        one.plug_in()
        async with fluksod_on(one, folder, one.address) as fluksod:
            await until(lambda: is_at(folder, one))
            one.unplug()
            await until(lambda: fluksod.said(f"has no address {one.address} now"))
            one.plug_in()
            await until(lambda: is_at(folder, one))
            assert len(fluksod.said("is not announced")) == 1


async def is_at(folder: Path, machine: Machine) -> bool:
    """Whether its fluksod is announced at its address, and at no other."""
    return await addresses(hostname(folder, machine)) == [machine.address]


STORIES = {
    story.__name__: story
    for story in (
        siblings_at_an_address_that_can_be_reached,
        a_cable_that_is_plugged_in_late,
        an_adapter_that_is_plugged_out_and_in_again,
    )
}


async def main(story: str) -> None:
    """Make the network, then let the story happen on it."""
    ip("link", "add", "lan", "type", "bridge")
    ip("address", "add", f"{OURS}/24", "dev", "lan")
    ip("link", "set", "lan", "up")
    with tempfile.TemporaryDirectory() as folder:
        await STORIES[story](Path(folder))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
