"""Whether the daemon grows while no cloud is there for a month: its wall clock hurries, so that minutes do for it."""

from __future__ import annotations

import asyncio
import time

from bench.figure import Effort, Figure, Figures

from .cloud_process import cloud
from .daemon import Daemon, StuckError, configuration, running
from .feed import Feed, feeding
from .house import House
from .process_figures import resident_bytes
from .real_disk import folder_on_disk

SPEED = 14_400
"""Simulated seconds in a second: a month in three minutes, and no more lines than a board could send."""
MINUTE = 60
DAY = 86_400
MEGABYTE = 1_000_000
WARM_UP_DAYS = 0.5


async def measure(effort: Effort) -> Figures:
    """Measure rss_growth_mb."""
    days = {Effort.FULL: 30.0, Effort.SHORT: 1.0, Effort.GLANCE: 0.6}[effort]
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board", MINUTE / SPEED)
        async with cloud(folder) as stub:
            await stub.go_down()
            table = f'[cloud]\nurl = "{stub.url}"\nca = "{stub.ca}"\ninterval = 1\n'
            config = configuration(folder, [feed.board.path], table, feed.house.tables())
            async with running(config, SPEED) as daemon, feeding([feed]):
                began = time.monotonic()
                await _reach(daemon, began, WARM_UP_DAYS)
                before = resident_bytes(daemon.pid)
                await _reach(daemon, began, days)
                grown = resident_bytes(daemon.pid) - before
    return {
        "rss_growth_mb": Figure(
            round(grown / MEGABYTE, 2),
            "MB",
            f"from {WARM_UP_DAYS:g} to {days:g} days without the cloud, 6 sensors told each minute, clock {SPEED} times"
            f" as fast; {before / MEGABYTE:.1f} MB before; goal 2",
        )
    }


async def _reach(daemon: Daemon, began: float, days: float) -> None:
    """Wait until so much time has passed for the daemon, and make sure that it has kept it."""
    await asyncio.sleep(max(began + days * DAY / SPEED - time.monotonic(), 0))
    device = await daemon.get("/api/v2/device")
    kept = (device["time"] - (device["storage"]["oldest_minute"] or device["time"])) / DAY
    if kept < 0.9 * days or device["storage"]["error"] or device["cloud"]["state"] == "connected":
        raise StuckError(f"{kept:.2f} of {days:g} days were kept: {device['storage']}, {device['cloud']}")
