"""The daemon, measured from outside: each module of this package measures one side of a real process."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

from bench.figure import Effort, Figures

from . import catch_up, catch_up_killed, delay, disk, kills, outage, recovery, request_rate, resources

Part = Callable[[Effort], Awaitable[Figures]]

ALONE: tuple[Part, ...] = (
    request_rate.measure,
    delay.measure,
    recovery.measure,
    catch_up.measure_stub,
    catch_up.measure_local_cloud,
    catch_up_killed.measure,
)
"""One after the other: they measure times, and of two cores one is for the daemon and one for what loads it."""
TOGETHER: tuple[Part, ...] = (resources.measure, kills.measure, outage.measure, disk.measure)
"""Side by side: what Linux counts of a process is the same whatever runs beside it."""


def measure(effort: Effort) -> Figures:
    """Run all parts; their figures together."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Figures:
    figures: Figures = {}
    for group in (*((part,) for part in ALONE), TOGETHER):
        for found in await asyncio.gather(*(_told(part, effort) for part in group)):
            figures.update(found)
    return figures


async def _told(part: Part, effort: Effort) -> Figures:
    """Run a part and say how long it took, and how busy the machine was."""
    began = time.monotonic()
    figures = await part(effort)
    took, load = time.monotonic() - began, os.getloadavg()[0]
    sys.stderr.write(f"bench: {', '.join(figures)}: {took:.0f} s, load {load:.1f} on {os.cpu_count()} cores\n")
    return figures
