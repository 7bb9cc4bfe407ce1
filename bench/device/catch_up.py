"""After a month without a cloud: how fast the backlog is uploaded, and how live the events stay meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.figure import Effort, Figure, Figures

from .cloud_process import cloud
from .daemon import StuckError, configuration, running, until
from .delays import Lines, percentile
from .feed import Feed, feeding
from .house import House
from .listeners import listening
from .local_cloud import LocalCloud
from .past import DAYS, fill
from .process_figures import cpu_seconds
from .real_disk import folder_on_disk

LISTENERS = 20
SETTLE = 1.0
"""Seconds until every sensor has told a gauge, before the cloud is back."""
PERIOD = 0.25
"""Seconds in which the board tells all its sensors while delays are measured: a backlog is gone too soon for 1 Hz."""


async def measure_stub(effort: Effort) -> Figures:
    """Measure catch_up_per_s and live_p99_while_catching_up_ms."""
    runs = {Effort.FULL: 5, Effort.SHORT: 1, Effort.GLANCE: 1}[effort]
    days = {Effort.FULL: DAYS, Effort.SHORT: DAYS, Effort.GLANCE: 1}[effort]
    rates: list[float] = []
    cpu: list[float] = []
    delays: list[float] = []
    for _ in range(runs):
        with folder_on_disk() as folder:
            caught_up = await _catch_up(folder, days)
            rates.append(caught_up.per_s)
            cpu.append(caught_up.cpu_us)
            delays += caught_up.delays
    waiting = f"{days} days of minutes of 6 sensors"
    return {
        "catch_up_per_s": Figure(
            round(min(rates)),
            "/s",
            f"into a stub over TLS, slowest of {runs}: {waiting}, once and in order, the newest first; goal 100000",
        ),
        "catch_up_cpu_us": Figure(
            round(median(cpu), 2),
            "us",
            "of the daemon's processor time for each, 20 listeners served meanwhile",
        ),
        "live_p99_while_catching_up_ms": Figure(
            round(percentile(delays, 0.99), 2),
            "ms",
            f"line to event meanwhile, {LISTENERS} listeners, 36 lines a second: {len(delays)} delays,"
            f" p50 {percentile(delays, 0.5):.2f}, max {max(delays):.1f}; goal 20",
        ),
    }


async def measure_local_cloud(effort: Effort) -> Figures:
    """Measure catch_up_local_cloud_per_s."""
    days = {Effort.FULL: DAYS, Effort.SHORT: 5, Effort.GLANCE: 1}[effort]
    with folder_on_disk() as folder:
        feed, ours = Feed(House(), folder / "board"), LocalCloud(folder)
        past = await asyncio.to_thread(fill, folder / "state", feed.house, days)
        await ours.start()
        try:
            config = configuration(folder, [feed.board.path], cloud_table(ours.url, ours.ca), feed.house.tables())
            async with running(config), feeding([feed]):
                kept = ours.kept(past.end)
                await until("the first measurement", kept.has_begun)
                began = time.monotonic()
                await until("the backlog", kept.is_complete)
                took = time.monotonic() - began
                there = kept.count()
        finally:
            await ours.stop()
    if there != past.measurements:
        raise StuckError(f"{there} of {past.measurements} measurements arrived")
    return {
        "catch_up_local_cloud_per_s": Figure(
            round(past.measurements / took),
            "/s",
            f"into our cloud beside it, {days} days of 6 sensors, committed to its disk, the newest first; goal 50000",
        )
    }


@dataclass(frozen=True, slots=True)
class _CaughtUp:
    per_s: float
    cpu_us: float
    delays: list[float]


async def _catch_up(folder: Path, days: float) -> _CaughtUp:
    feed, lines = Feed(House(), folder / "board", PERIOD), Lines()
    waiting = (await asyncio.to_thread(fill, folder / "state", feed.house, days)).measurements
    async with cloud(folder) as stub:
        await stub.go_down()
        config = configuration(folder, [feed.board.path], cloud_table(stub.url, stub.ca), feed.house.tables())
        async with (
            running(config) as daemon,
            listening(daemon.url, LISTENERS) as listeners,
            feeding([feed], lines.note),
        ):
            await asyncio.sleep(SETTLE)
            cpu = cpu_seconds(daemon.pid)
            await stub.come_up()

            async def has_arrived() -> bool:
                return await stub.old() >= waiting

            await until("the backlog", has_arrived)
            cpu = cpu_seconds(daemon.pid) - cpu
            arrived = await stub.arrived()
            await asyncio.sleep(PERIOD)
            delays = lines.delays(listeners, arrived.first, arrived.last_old)
    right = (arrived.old, arrived.repeated, arrived.backwards, arrived.in_order, arrived.newest_first)
    if right != (waiting, 0, 0, True, True):
        raise StuckError(f"{waiting} measurements should have arrived in order, the newest first: {arrived}")
    return _CaughtUp(waiting / (arrived.last_old - arrived.first), 1e6 * cpu / waiting, delays)


def cloud_table(url: str, ca: Path) -> str:
    """The table of a configuration that names the cloud."""
    return f'[cloud]\nurl = "{url}"\nca = "{ca}"\ninterval = 1\n'
