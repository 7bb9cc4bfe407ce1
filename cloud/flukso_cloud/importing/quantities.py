"""What the numbers of a source are: a counter's register, or a rate, in one of the units people have them in."""

from __future__ import annotations

import math
from typing import NamedTuple

from flukso_cloud.clock import unix_now
from flukso_cloud.meter import HIGHEST, LOWEST, MAX_RATE, Meter
from flukso_cloud.upload import EPOCH, SKEW


class Quantity(NamedTuple):
    """A unit: what its numbers are multiplied by to get Wh or L (Wh/s or L/s for a rate), and whose it can be."""

    factor: float
    is_rate: bool
    types: frozenset[str]


_ENERGY = frozenset({"electricity"})
_VOLUME = frozenset({"water", "gas"})
QUANTITIES = {
    "Wh": Quantity(1, False, _ENERGY),
    "kWh": Quantity(1000, False, _ENERGY),
    "W": Quantity(1 / 3600, True, _ENERGY),
    "kW": Quantity(1000 / 3600, True, _ENERGY),
    "L": Quantity(1, False, _VOLUME),
    "m3": Quantity(1000, False, _VOLUME),
    "L/min": Quantity(1 / 60, True, _VOLUME),
    "m3/h": Quantity(1000 / 3600, True, _VOLUME),
}


def objection(time: float, value: float, quantity: Quantity, meter: Meter) -> str | None:
    """Return why a value, multiplied already, at a time (unix seconds) cannot be taken, or None if it can."""
    if not time >= EPOCH:
        return "its time lies before 2008"
    if time > unix_now() + SKEW:
        return "its time lies in the future"
    if not math.isfinite(value):
        return "it is no number"
    if quantity.is_rate:
        if abs(value) > MAX_RATE:
            return "it is faster than any meter here (72 kW, or 20 L/s)"
        if value < 0 and not meter.net:
            return "it is negative, which only a sensor that nets can be (--class uart)"
    elif not LOWEST <= value <= HIGHEST:
        return "it does not fit a counter of 32 bits"
    return None
