"""From the last byte of a line on the board's wire to the event at a listener: with nothing else to do."""

from __future__ import annotations

import asyncio
import time

from bench.figure import Effort, Figure, Figures

from .daemon import configuration, running
from .delays import Lines, percentile
from .feed import Feed, feeding
from .house import House
from .listeners import listening
from .real_disk import folder_on_disk

LISTENERS = 20
SETTLE = 2.5
"""Seconds until every sensor has told a gauge."""
ON_THE_WAY = 0.2
"""Seconds before the end within which a line may not have arrived yet."""


async def measure(effort: Effort) -> Figures:
    """Measure line_to_event_p50_ms and line_to_event_p99_ms."""
    seconds = {Effort.FULL: 120, Effort.SHORT: 4, Effort.GLANCE: 1}[effort]
    lines = Lines()
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board")
        config = configuration(folder, [feed.board.path], feed.house.tables())
        async with (
            running(config) as daemon,
            listening(daemon.url, LISTENERS) as listeners,
            feeding([feed], lines.note),
        ):
            await asyncio.sleep(SETTLE)
            began = time.monotonic()
            await asyncio.sleep(seconds)
            delays = lines.delays(listeners, began, time.monotonic() - ON_THE_WAY)
    told = f"all events at all {LISTENERS} listeners, 6 sensors at 1 Hz, {seconds} s: {len(delays)} delays"
    return {
        "line_to_event_p50_ms": Figure(round(percentile(delays, 0.5), 3), "ms", f"{told}; goal 2"),
        "line_to_event_p99_ms": Figure(round(percentile(delays, 0.99), 3), "ms", f"goal 5; max {max(delays):.2f}"),
    }
