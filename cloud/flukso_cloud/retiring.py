"""Lets go what is kept no longer, and gives its room back, a little at a time, for as long as the cloud runs."""

from __future__ import annotations

import asyncio
import logging

from .steady_clock import SteadyClock
from .store import Retention, Store, StoreUnavailableError

log = logging.getLogger(__name__)

LOOK_SECONDS = 3600
"""Between two rounds: a day grows too old once a day."""


async def run(store: Store, most: Retention, clock: SteadyClock) -> None:
    """Retire until cancelled; nothing is kept longer than `most`. A disk that takes nothing is tried again later."""
    while True:
        try:
            await retire_all(store, clock.surely(), most)
        except StoreUnavailableError as error:
            log.warning("what is kept no longer goes later: %s", error)
        await asyncio.sleep(LOOK_SECONDS)


async def retire_all(store: Store, now: int, most: Retention) -> int:
    """Let go what is kept too long at `now` (unix seconds), then give room back; return how many days of samples."""
    days, sensor = 0, 0
    while True:
        done = await store.retire(now, most, sensor)
        days += done.days
        if done.next_sensor is None:
            break
        sensor = done.next_sensor
    if days:
        log.info("samples that are kept no longer are gone", extra={"days": days})
    while await store.shrink():
        pass
    return days
