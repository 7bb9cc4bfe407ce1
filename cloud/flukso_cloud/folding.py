"""Folds what has been measured into less room, a little at a time, for as long as the cloud runs."""

from __future__ import annotations

import asyncio
import logging
import time

from . import metrics
from .clock import unix_now
from .store import Store, StoreUnavailableError

log = logging.getLogger(__name__)

PAUSE = 300.0
"""Seconds between two rounds over all sensors: a day more is over once a day, and late samples are few."""


async def run(store: Store) -> None:
    """Fold until cancelled. A disk that takes nothing is tried again in the next round."""
    while True:
        try:
            await fold_all(store, unix_now())
        except StoreUnavailableError as error:
            log.warning("folding waits: %s", error)
        await asyncio.sleep(PAUSE)


async def fold_all(store: Store, now: int) -> int:
    """Fold all days that are over at `now` (unix seconds); return how many samples that were."""
    began, count, sensor = time.monotonic(), 0, 0
    while True:
        done = await store.fold(now, sensor)
        count += done.samples
        metrics.FOLDED.inc(done.samples)
        if done.next_sensor is None:
            metrics.FOLDING_SECONDS.set(time.monotonic() - began)
            return count
        sensor = done.next_sensor
