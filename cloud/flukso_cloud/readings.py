"""What a sensor says."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """What a sensor said: counter in Wh or L, gauge in W or L/min; either may be missing."""

    sensor: str
    time: int
    counter: int | None
    gauge: float | None


class Gauge(NamedTuple):
    """The newest rate of a sensor: unix seconds, W or L/min."""

    time: int
    value: float
