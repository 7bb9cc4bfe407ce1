"""How soon fluksod is there again: after its start, its end, a pulled cable, a broker that was away."""

from __future__ import annotations

import asyncio
import time

import aiohttp

from bench.figure import Effort, Figure, Figures
from tests.device.mosquitto import Mosquitto, listening

from .daemon import Daemon, configuration, running, until
from .feed import Feed, feeding
from .house import House
from .real_disk import folder_on_disk

PAUSE = 1.5
"""Seconds that a cable is pulled and a broker is away, at least."""


async def measure(effort: Effort) -> Figures:
    """Measure start_s, sigterm_s, replug_s and broker_back_s."""
    runs = {Effort.FULL: 10, Effort.SHORT: 1, Effort.GLANCE: 1}[effort]
    starts, ends = await _starts_and_ends(runs)
    replugged, back = await asyncio.gather(_replugged(max(runs // 2, 1)), _broker_back(max(runs // 2, 1)))
    return {
        "start_s": Figure(round(max(starts), 3), "s", f"program start to the first answer, slowest of {runs}; goal 1"),
        "sigterm_s": Figure(round(max(ends), 3), "s", f"while measuring and listened to, slowest of {runs}; goal 1"),
        "replug_s": Figure(
            round(max(replugged), 3),
            "s",
            f"cable back to the first value in the API, 9 lines a second, slowest of {len(replugged)}; goal 2",
        ),
        "broker_back_s": Figure(
            round(max(back), 3), "s", f"broker back to a sensor's value published there, slowest of {len(back)}; goal 2"
        ),
    }


async def _starts_and_ends(runs: int) -> tuple[list[float], list[float]]:
    starts: list[float] = []
    ends: list[float] = []
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board")
        config = configuration(folder, [feed.board.path], feed.house.tables())
        async with aiohttp.ClientSession() as session, feeding([feed]):
            daemon = Daemon(config, session)
            await daemon.start()  # makes its state, and Python its compiled files
            await daemon.stop()
            for _ in range(runs):
                starts.append(await daemon.start())
                async with session.get(daemon.url + "/api/v2/events"):
                    await asyncio.sleep(0.3)
                    ends.append(await daemon.stop())
    return starts, ends


async def _replugged(runs: int) -> list[float]:
    took: list[float] = []
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board")
        config = configuration(folder, [feed.board.path], feed.house.tables())
        async with running(config) as daemon, feeding([feed]):
            await asyncio.sleep(PAUSE)
            for run in range(runs):
                feed.unplug()
                before = feed.second
                await asyncio.sleep(PAUSE + 0.17 * run)
                feed.plug()

                async def shown(before: int = before) -> bool:
                    reading = await daemon.reading(feed.house.sensors[0])
                    return bool(reading and reading["gauge"] and reading["gauge"] > before)

                took.append(await until("a value of the board that is plugged in again", shown))
    return took


async def _broker_back(runs: int) -> list[float]:
    took: list[float] = []
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board")
        broker = await Mosquitto(folder).start()
        table = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nhome_assistant = true\n'
        config = configuration(folder, [feed.board.path], table, feed.house.tables())
        topic = f"/sensor/{feed.house.sensors[-1]}/counter"
        try:
            async with running(config), feeding([feed]):
                await _heard(broker, topic)
                for run in range(runs):
                    broker.kill()
                    await asyncio.sleep(PAUSE + 0.17 * run)
                    began = time.monotonic()
                    await broker.start()
                    await _heard(broker, topic)
                    took.append(time.monotonic() - began)
        finally:
            broker.kill()
    return took


async def _heard(broker: Mosquitto, topic: str) -> None:
    """Wait until something was published."""
    async with listening(broker, topic) as heard:

        async def is_there() -> bool:
            return topic in heard.newest

        await until(f"{topic} at the broker", is_there)
