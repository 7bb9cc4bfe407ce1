"""After a month without a cloud, with kill -9 of the daemon and of our cloud again and again while it catches up."""

from __future__ import annotations

import asyncio
import random
import time

import aiohttp

from bench.figure import Effort, Figure, Figures

from .catch_up import cloud_table
from .daemon import Daemon, StuckError, configuration
from .feed import Feed, feeding
from .house import House
from .local_cloud import LocalCloud
from .past import DAYS, fill
from .real_disk import folder_on_disk

SEED = 20261126
LONGEST_LIFE = 1.0
"""Seconds that both run before one is killed: an undisturbed backlog is gone in a few."""
LONGEST = 120.0
"""Seconds within which the backlog has to be there."""


async def measure(effort: Effort) -> Figures:
    """Measure catch_up_kills, catch_up_killed_missing and catch_up_killed_backwards."""
    days = {Effort.FULL: DAYS, Effort.SHORT: 5, Effort.GLANCE: 1}[effort]
    chance = random.Random(SEED)  # noqa: S311 - chooses instants, keeps no secret
    kills = 0
    with folder_on_disk() as folder:
        feed, ours = Feed(House(), folder / "board"), LocalCloud(folder)
        past = await asyncio.to_thread(fill, folder / "state", feed.house, days)
        await ours.start()
        config = configuration(folder, [feed.board.path], cloud_table(ours.url, ours.ca), feed.house.tables())
        async with aiohttp.ClientSession() as session, feeding([feed]):
            daemon, kept, began = Daemon(config, session), ours.kept(past.end), time.monotonic()
            try:
                await daemon.start()
                while not await kept.is_complete():
                    if time.monotonic() - began > LONGEST:
                        raise StuckError(f"waited {LONGEST:g} s in vain for the backlog, {kept.count()} arrived")
                    await asyncio.sleep(chance.uniform(0.0, LONGEST_LIFE))
                    killed = (daemon, ours)[kills % 2]
                    await killed.kill()
                    await killed.start()
                    kills += 1
                missing, backwards = past.measurements - kept.count(), kept.backwards()
            finally:
                await daemon.stop()
                await ours.stop()
    against = f"{days} days of 6 sensors into our cloud, kill -9 of either within {LONGEST_LIFE:g} s, seed {SEED}"
    return {
        "catch_up_kills": Figure(kills, "", against),
        "catch_up_killed_missing": Figure(missing, "", f"of {past.measurements} minutes, {against}"),
        "catch_up_killed_backwards": Figure(backwards, "", "minutes whose counter is not above that of the one before"),
    }
