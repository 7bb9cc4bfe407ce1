"""A state directory with a past: minutes of many days that no cloud has, as a long outage leaves them."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fluksod.store.history import Folded, History
from fluksod.store.minutes import HOUR, MINUTE, Minute
from fluksod.store.record import Position
from fluksod.store.timeline import Timeline

from .house import House

DAYS = 30
AGO = 2 * HOUR
"""How long ago the past ends: beyond the seconds that a store keeps, so that it is told in minutes only."""


@dataclass(frozen=True, slots=True)
class Past:
    """How many measurements there are, and the unix second at which the last minute ends."""

    measurements: int
    end: int


def fill(state: Path, house: House, days: float = DAYS) -> Past:
    """Fill `state` with each minute of `days` days, in which each counter goes up.

    A process of its own does it, so that its memory is given back.
    """
    with ProcessPoolExecutor(1) as process:
        return process.submit(_fill, state, house, days).result()


def _fill(state: Path, house: House, days: float) -> Past:
    state.mkdir(mode=0o700, exist_ok=True)
    end = (int(time.time()) - AGO) // HOUR * HOUR
    hours = range(end - round(days * 24) * HOUR, end, HOUR)
    first = hours.start - 1  # the first counter ever is only a guard: the last second before the first minute
    history = History(state / "history.db")
    for hour in hours:
        minutes = {
            start: Minute((start - hours.start + MINUTE) // MINUTE * 1000, 90, 110, 100.0 + start % 7, 105, MINUTE)
            for start in range(hour, hour + HOUR, MINUTE)
        }
        firsts = {sensor: Position(first, 0) for sensor in house.sensors}
        history.fold(dict.fromkeys(house.sensors, minutes), Folded(1, Timeline(hour + HOUR), {}, firsts))
    history.close()
    return Past(len(house.sensors) * len(hours) * (HOUR // MINUTE), end)
