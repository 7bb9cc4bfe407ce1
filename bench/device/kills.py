"""kill -9 at random instants while measuring and uploading: what was told has to be there afterwards."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import Any

import aiohttp

from bench.figure import Effort, Figure, Figures

from .cloud_process import cloud
from .daemon import Daemon, configuration, until
from .feed import Feed, feeding
from .house import House
from .listeners import Listener, listening
from .real_disk import folder_on_disk

SEED = 20261126
PERIOD = 0.25
"""Seconds in which the board tells all its sensors: the more is under way, the more a kill may hit."""
LONGEST_LIFE = 2.5
"""Seconds after a start within which the kill comes, while starting too."""


async def measure(effort: Effort) -> Figures:
    """Measure kills, readings_lost, counter_regressions, uploads_missing and energy_repeated_wh."""
    kills = {Effort.FULL: 100, Effort.SHORT: 5, Effort.GLANCE: 2}[effort]
    chance = random.Random(SEED)  # noqa: S311 - chooses instants, keeps no secret
    heard: list[Listener] = []
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board", PERIOD)
        async with cloud(folder) as stub, aiohttp.ClientSession() as session, feeding([feed]):
            table = f'[cloud]\nurl = "{stub.url}"\nca = "{stub.ca}"\ninterval = 1\n'
            daemon = Daemon(configuration(folder, [feed.board.path], table, feed.house.tables()), session)
            for _ in range(kills):
                watching = asyncio.create_task(_watch(daemon, heard))
                await asyncio.sleep(chance.uniform(0.0, LONGEST_LIFE))
                await daemon.kill()
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)  # its start may have been cut short
            await daemon.start()
            async with listening(daemon.url, 1) as last:
                heard += last
                await asyncio.sleep(2.0)
                feed.unplug()
                await asyncio.sleep(0.5)
            told = [event for listener in heard for _, event in listener.events()]
            lost = await _lost(daemon, feed.house, told)
            counters = {event["sensor"]: event["counter"] for event in told}

            async def is_uploaded() -> bool:
                return not (await daemon.get("/api/v2/device"))["cloud"]["pending"]

            await until("the upload of what is pending", is_uploaded)
            stored = await stub.stored()
            await daemon.stop()
    missing = sum(max(stored[sensor])[1] != counter for sensor, counter in counters.items())
    return {
        "kills": Figure(kills, "", f"kill -9 within {LONGEST_LIFE} s of the start, 36 lines a second, seed {SEED}"),
        "readings_lost": Figure(lost, "", f"of {len(told)} that a listener has heard, against the history"),
        "counter_regressions": Figure(_regressions(told), "", "events with a counter below an earlier one's"),
        "uploads_missing": Figure(missing, "", "sensors whose newest counter the cloud does not have"),
        "energy_repeated_wh": Figure(
            sum(_fallen(rows) for rows in stored.values()), "Wh", "what counters fell by at the cloud, in order of time"
        ),
    }


async def _watch(daemon: Daemon, heard: list[Listener]) -> None:
    """Start it and listen to it until cancelled."""
    await daemon.start()
    async with listening(daemon.url, 1) as listeners:
        heard += listeners
        await asyncio.Event().wait()


async def _lost(daemon: Daemon, house: House, told: list[dict[str, Any]]) -> int:
    """How many of the readings that were told are not in the history, or with a smaller counter."""
    lost = 0
    for sensor in house.sensors:
        readings = [event for event in told if event["sensor"] == sensor and event["counter"] is not None]
        start, end = readings[0]["time"], readings[-1]["time"] + 1
        query = f"resolution=1&start={start}&end={end}"
        columns = await daemon.get(f"/api/v2/sensors/{sensor}/history?{query}")
        for event in readings:
            if second := event["time"] - start:  # in the first one the history begins: it has no counter at its edges
                counter = columns["counter_end"][second]
                lost += counter is None or counter < event["counter"] or not columns["coverage"][second]
    return lost


def _regressions(told: list[dict[str, Any]]) -> int:
    counted = [(event["sensor"], event["counter"]) for event in told if event["counter"] is not None]
    sensors = {sensor for sensor, _ in counted}
    return sum(
        later < earlier
        for sensor in sensors
        for earlier, later in pairwise(counter for name, counter in counted if name == sensor)
    )


def _fallen(rows: list[list[int]]) -> int:
    """By how much the counter falls from row to row in order of time: as much would be counted twice."""
    return sum(max(earlier[1] - later[1], 0) for earlier, later in pairwise(sorted(rows)))
