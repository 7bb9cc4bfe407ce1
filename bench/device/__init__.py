"""The daemon, measured from outside: each module of this package measures one side of a real process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.figure import Effort, Figures

from . import catch_up, delay, disk, kills, recovery, request_rate, resources

PARTS: tuple[Callable[[Effort], Awaitable[Figures]], ...] = (
    request_rate.measure,
    delay.measure,
    resources.measure,
    recovery.measure,
    disk.measure,
    kills.measure,
    catch_up.measure_stub,
    catch_up.measure_local_cloud,
)
"""One after the other: they measure times, and two cores are one for the daemon and one for what loads it."""


def measure(effort: Effort) -> Figures:
    """Run all parts; their figures together."""
    return asyncio.run(_measure(effort))


async def _measure(effort: Effort) -> Figures:
    figures: Figures = {}
    for part in PARTS:
        figures.update(await part(effort))
    return figures
