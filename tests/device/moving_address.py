"""Run in a network namespace of its own: a fluksod whose machine gets another address, and IPv6, is announced there."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from zeroconf import IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from demo.namespace import HOUSE_ADDRESS
from tests.device.board import Board
from tests.device.daemon_process import configuration, running
from tests.device.waiting import until

SERVICE = "_flukso._tcp.local."
MOVED = "10.68.0.77"
SIXTH = "fd00:68::77"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


async def follow(folder: Path, host: str) -> None:
    """Move the machine's address while fluksod runs."""
    board = Board(folder / "board")
    config = configuration(folder, lan="mdns = true")
    config.write_text(config.read_text().replace('host = "127.0.0.1"', f'host = "{host}"'))
    url_host = "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    async with running(config) as fluksod:
        fluksod.url = f"http://{url_host}:{fluksod.url.rsplit(':', 1)[1]}"
        device = (await fluksod.get("/api/v2/device"))["id"]
        name = f"Flukso RESTful API on flukso-{device[:6]}.{SERVICE}"

        async def announced() -> set[str]:
            zeroconf = AsyncZeroconf(ip_version=IPVersion.V4Only)
            try:
                found = AsyncServiceInfo(SERVICE, name)
                await found.async_request(zeroconf.zeroconf, 1500)
                return set(found.parsed_addresses())
            finally:
                await zeroconf.async_close()

        async def is_at(*addresses: str) -> bool:
            return await announced() == set(addresses)

        await until(lambda: is_at(HOUSE_ADDRESS))
        ip("address", "add", f"{MOVED}/24", "dev", "house")
        ip("address", "del", f"{HOUSE_ADDRESS}/24", "dev", "house")
        ip("address", "replace", f"{MOVED}/24", "dev", "house")
        await until(lambda: is_at(MOVED))
        if host == "::":
            ip("-6", "address", "add", f"{SIXTH}/64", "dev", "house", "nodad")
            await until(lambda: is_at(MOVED, SIXTH))
            ip("-6", "address", "del", f"{SIXTH}/64", "dev", "house")
        ip("address", "add", f"{HOUSE_ADDRESS}/24", "dev", "house")
        ip("address", "del", f"{MOVED}/24", "dev", "house")
        ip("address", "replace", f"{HOUSE_ADDRESS}/24", "dev", "house")
        await until(lambda: is_at(HOUSE_ADDRESS))
        assert not fluksod.said("failed, which is a fault"), fluksod.log
    board.close()


async def main() -> None:
    for host in ("0.0.0.0", "::"):
        with tempfile.TemporaryDirectory() as folder:
            await follow(Path(folder), host)


if __name__ == "__main__":
    asyncio.run(main())
