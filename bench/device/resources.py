"""Processor time and memory: one board, eight boards, and every feature at once. Run side by side."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from bench.figure import Effort, Figure, Figures
from tests.device.board import Board
from tests.device.mosquitto import Mosquitto
from tests.device.rs485 import Meter as EnergyMeter
from tests.device.rs485 import rs485
from tests.device.telegrams import Meter as P1Meter

from .cloud_process import cloud
from .daemon import configuration, running
from .feed import Feed, feeding
from .house import House
from .listeners import listening
from .process_figures import MIB, cpu_seconds, private_bytes, resident_bytes
from .real_disk import folder_on_disk

BOARDS = 8
MEGABYTE = 1_000_000


async def measure(effort: Effort) -> Figures:
    """Measure cpu_share, cpu_share_8_boards, rss_mb and rss_private_mb."""
    warm_up, seconds = {Effort.FULL: (60.0, 120.0), Effort.SHORT: (3.0, 5.0), Effort.GLANCE: (2.0, 2.0)}[effort]
    one, eight, everything = await asyncio.gather(
        _share(1, warm_up, seconds), _share(BOARDS, warm_up, seconds), _memory(warm_up + seconds)
    )
    rss, private = everything
    return {
        "cpu_share": Figure(
            round(one, 3),
            "%",
            f"of one core, 6 sensors at 1 Hz, 9 lines a second, one listener,"
            f" {seconds:g} s after {warm_up:g} s; goal 1",
        ),
        "cpu_share_8_boards": Figure(
            round(eight, 3), "%", f"of one core, {BOARDS} such boards: 48 sensors, 72 lines a second; goal 2"
        ),
        "rss_mb": Figure(
            round(rss / MEGABYTE, 1),
            "MB",
            f"{rss / MIB:.1f} MiB; board, P1, Modbus, cloud, MQTT with Home Assistant, mDNS, a listener; goal 60",
        ),
        "rss_private_mb": Figure(round(private / MEGABYTE, 1), "MB", "what of it no other process shares"),
    }


async def _share(boards: int, warm_up: float, seconds: float) -> float:
    """Percent of a core that a daemon with so many boards takes."""
    with folder_on_disk() as folder:
        feeds = [Feed(House(number), folder / f"board-{number}") for number in range(boards)]
        tables = "".join(feed.house.tables() for feed in feeds)
        config = configuration(folder, [feed.board.path for feed in feeds], tables)
        async with running(config) as daemon, feeding(feeds), listening(daemon.url, 1):
            await asyncio.sleep(warm_up)
            before = cpu_seconds(daemon.pid)
            await asyncio.sleep(seconds)
            return 100 * (cpu_seconds(daemon.pid) - before) / seconds


async def _memory(seconds: float) -> tuple[int, int]:
    """Resident and private bytes of a daemon with everything on."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(folder_on_disk())
        feed = Feed(House(), folder / "board")
        p1 = Board(folder / "p1")
        stack.callback(p1.close)
        broker = await Mosquitto(folder).start()
        stack.callback(broker.kill)
        stub = await stack.enter_async_context(cloud(folder))
        await stack.enter_async_context(rs485(folder / "bus", {1: _energy_meter()}))
        config = configuration(
            folder,
            [feed.board.path],
            'mdns = true\nmdns_interfaces = ["127.0.0.1"]\n',
            f'[cloud]\nurl = "{stub.url}"\nca = "{stub.ca}"\ninterval = 1\n',
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nhome_assistant = true\n',
            f'[[p1]]\nname = "Grid"\nport = "{p1.path}"\n',
            f'[[modbus]]\nname = "Heat pump"\nport = "{folder / "bus"}"\nmodel = "SDM230"\n',
            feed.house.tables(),
        )
        daemon = await stack.enter_async_context(running(config))
        await stack.enter_async_context(feeding([feed]))
        await stack.enter_async_context(listening(daemon.url, 1))
        meter = P1Meter()
        for _ in range(round(seconds)):
            meter.in_1 += 0.001
            p1.send(meter.dsmr_5())
            await asyncio.sleep(1.0)
        device = await daemon.get("/api/v2/device")
        states = [device["cloud"]["state"], device["mqtt"]["state"], *(one["connected"] for one in device["meters"])]
        if states != ["connected", "connected", True, True]:
            raise RuntimeError(f"not everything was on: {states}")
        return resident_bytes(daemon.pid), private_bytes(daemon.pid)


def _energy_meter() -> EnergyMeter:
    """A meter like an SDM230: 100 W, 5 kWh."""
    meter = EnergyMeter()
    meter.put(0x00, 230.5)
    meter.put(0x06, 0.43)
    meter.put(0x0C, 100.0)
    meter.put(0x48, 5.0, 0.0)
    return meter
