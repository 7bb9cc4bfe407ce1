"""An original Fluksometer with a broker of its own and a real Home Assistant: found by mDNS, shown, its broker gone and
back. Inside the network namespace of the end-to-end tests, on its house network.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from demo.home_assistant import HomeAssistant, command, write_configuration
from demo.namespace import HOUSE_ADDRESS
from demo.processes import Programs
from tests.device.mosquitto import PROGRAM, free_port
from tests.integration.published import FLM02, MAIN, WATER, T, publishing

HOSTNAME = "flukso-a1b2c3"
BROKER_PORT = 1883
HOME_ASSISTANT = "127.0.0.1"


@asynccontextmanager
async def announced() -> AsyncIterator[None]:
    """Announce the broker as an original does."""
    zeroconf = AsyncZeroconf(interfaces=[HOUSE_ADDRESS])
    kind = "_mqtt._tcp.local."
    service = ServiceInfo(
        kind,
        f"MQTT Broker on {HOSTNAME}.{kind}",
        port=BROKER_PORT,
        server=f"{HOSTNAME}.local.",
        addresses=[socket.inet_aton(HOUSE_ADDRESS)],
    )
    await zeroconf.async_register_service(service)
    try:
        yield
    finally:
        await zeroconf.async_close()


async def broker(programs: Programs, folder: Path, name: str) -> None:
    """Run the Fluksometer's broker, which has forgotten what it retained."""
    assert PROGRAM is not None
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {BROKER_PORT} {HOUSE_ADDRESS}\nallow_anonymous true\n")
    await programs.start(name, [PROGRAM, "-c", configuration])


@pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed: run scripts/setup broker")
def test_found_shown_gone_and_back(tmp_path: Path) -> None:
    """In a thread of its own: the tests with a browser keep an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, follow(tmp_path)).result()


async def follow(tmp_path: Path) -> None:
    """Watch one Home Assistant while the Fluksometer comes, goes and comes back."""
    port, folder = free_port(), tmp_path / "home-assistant"
    write_configuration(folder, HOME_ASSISTANT, port, loopback_only=False)
    programs, device = Programs(tmp_path / "logs"), Programs(tmp_path / "device")
    try:
        await broker(device, tmp_path, "broker")
        await programs.until("the broker", answers, 10)
        async with announced(), aiohttp.ClientSession() as session:
            async with publishing(BROKER_PORT, host=HOUSE_ADDRESS) as flm02:
                await flm02.configure(FLM02)
                await flm02.counter(MAIN, f'[{T},4521337,"Wh"]')
                await programs.start("home-assistant", command(folder))
                async with HomeAssistant(session, f"http://{HOME_ASSISTANT}:{port}") as home:
                    await programs.until("Home Assistant", home.answers, 90)
                    await home.onboard()
                    await home.connect()
                    await programs.until("the Fluksometer", home.accept_discovered, 60)
                    await programs.until("its entry", home.flukso_entry, 30)

                    async def power(watt: int) -> bool:
                        return (await home.states()).get("sensor.main_power") == str(watt)

                    async def told(watt: int) -> bool:
                        await flm02.gauge(MAIN, f'[{T + watt},{watt},"W"]')
                        await flm02.counter(WATER, f'[{T + watt},81234,"L"]')
                        return await power(watt)

                    await programs.until("its power", lambda: told(463), 30)
                    states = await home.states()
                    assert states["sensor.main_energy"] == "4521.337"
                    assert states["sensor.12_volume"] == "81.234"
                    await device.stop()

                    async def gone() -> bool:
                        return (await home.states())["sensor.main_power"] == "unavailable"

                    await programs.until("its absence", gone, 60)
            await broker(device, tmp_path, "broker-again")
            await programs.until("the broker", answers, 10)
            async with publishing(BROKER_PORT, host=HOUSE_ADDRESS) as flm02:
                await flm02.configure(FLM02)
                async with HomeAssistant(session, f"http://{HOME_ASSISTANT}:{port}") as again:
                    again.token = home.token

                    async def back() -> bool:
                        await flm02.gauge(MAIN, f'[{T + 1000},470,"W"]')
                        return (await again.states())["sensor.main_power"] == "470"

                    await programs.until("its return", back, 60)
    finally:
        await programs.stop()
        await device.stop()
    log = (folder / "home-assistant.log").read_text(encoding="utf-8", errors="replace")
    assert "never retrieved" not in log, log
    assert "Exception in callback" not in log, log
    ours = [line for line in log.splitlines() if " ERROR " in line and "flukso" in line]
    assert len(ours) == 1, "one line for the loss"
    assert "The Fluksometer does not answer" in ours[0]


async def answers() -> bool:
    """Whether the broker takes connections."""
    try:
        _, writer = await asyncio.open_connection(HOUSE_ADDRESS, BROKER_PORT)
    except OSError:
        return False
    writer.close()
    return True
