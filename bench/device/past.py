"""A state directory with a past: minutes of many days that no cloud has, as a long outage leaves them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from fluksod.config import StoreConfig
from fluksod.meter.metering import Reading
from fluksod.store.archive import Archive
from fluksod.store.clock import Clock
from fluksod.store.minutes import HOUR, MINUTE

from .house import House

DAYS = 30
FIRST_COUNTER = 1000


async def fill(state: Path, house: House, days: float = DAYS) -> int:
    """Fill `state` with a reading of each sensor a minute, `days` long and until now; how many measurements that is.

    The store itself writes it, with a clock that is turned. Each counter goes up with each reading.
    """
    state.mkdir(mode=0o700, exist_ok=True)
    until = int(time.time()) // MINUTE * MINUTE
    start = until - round(days * 24 * HOUR)
    now = float(start)
    archive = Archive(state, StoreConfig(3600, 400), Clock(lambda: now, lambda: now - start, bytes(16)), lambda _: None)
    archive.open()
    for minute, second in enumerate(range(start, until, MINUTE)):
        now = second + MINUTE - 1.0
        if second % HOUR == 0:
            await archive.fold()
        for sensor in house.sensors:
            archive.take(Reading(sensor, int(now), FIRST_COUNTER + minute, 100.0 + minute % 1000, measured=True))
    await archive.fold()
    archive.close()
    return len(house.sensors) * ((until - start) // MINUTE - 1)  # the first counter ever is only a guard


def fill_in_a_process(state: str, house: House, days: float) -> int:
    """As `fill`, to be run in a process of its own."""
    return asyncio.run(fill(Path(state), house, days))
