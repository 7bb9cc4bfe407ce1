"""Units of API v1 (section 2.5), of API v2, and the units a sensor is shown in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

FACTORS: dict[str, int] = {
    "watt": 3600,
    "kwhperyear": 31536,
    "eurperyear": 5676,
    "audperyear": 5991,
    "lpermin": 60,
    "lperday": 86400,
    "m3peryear": 31536,
}
"""Multiplier of a rate in Wh/s or L/s. 0.18 EUR/kWh and 0.19 AUD/kWh, as the original's."""

COUNTER_UNITS = {"electricity": "Wh", "water": "L", "gas": "L"}
GAUGE_UNITS = {"electricity": "W", "water": "L/min", "gas": "L/min"}
GAUGE_FACTORS = {"electricity": FACTORS["watt"], "water": FACTORS["lpermin"], "gas": FACTORS["lpermin"]}
"""Multiplier of the counter's units a second to the gauge."""

YEAR = 31_536_000
"""Seconds of the year in "a year": 365 days. A month is a twelfth of it."""


class RateUnit(NamedTuple):
    """A unit of a rate: how it is written, and the multiplier of Wh/s or L/s."""

    label: str
    factor: float


RATE_UNITS: Mapping[str, Mapping[str, RateUnit]] = {
    "electricity": {
        "watt": RateUnit("W", 3600),
        "kwhperday": RateUnit("kWh/day", 86.4),
        "kwhpermonth": RateUnit("kWh/month", YEAR / 12 / 1000),
        "kwhperyear": RateUnit("kWh/year", YEAR / 1000),
    },
    "water": (
        flow := {
            "lpermin": RateUnit("L/min", 60),
            "lperday": RateUnit("L/day", 86400),
            "m3peryear": RateUnit("m³/year", YEAR / 1000),
        }
    ),
    "gas": flow,
}
"""Units of API v2 by the sensor's type; the first is the one that is meant when none is named."""


def whole(value: float) -> int:
    """Round half away from zero, as the original did: the wire carries integers (trap 12)."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)
