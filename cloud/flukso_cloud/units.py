"""Units of API v1 (section 2.5) and the units a sensor is shown in."""

from __future__ import annotations

import math

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


def whole(value: float) -> int:
    """Round half away from zero, as the original did: the wire carries integers (trap 12)."""
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)
