"""Topics and payloads of a sensor's gauge and counter, as FLM02 publishes them. Pure.

Old clients split the payload at its commas instead of reading the JSON, so there are no spaces (trap 25).
"""

from __future__ import annotations

import json
import math

from fluksod.decimals import three_decimals
from fluksod.sensor import SensorType


def gauge_topic(sensor: str) -> str:
    """The retained topic of a sensor's gauge. Topics start with a slash (trap 21)."""
    return f"/sensor/{sensor}/gauge"


def counter_topic(sensor: str) -> str:
    """The retained topic of a sensor's counter."""
    return f"/sensor/{sensor}/counter"


def gauge_payload(kind: SensorType, time: int, gauge: float) -> bytes:
    """`[time,value,"unit"]` of a gauge in W or L/min: whole W, or whole L/day as FLM02 has it (trap 31)."""
    return _payload(time, math.floor(gauge * kind.v1_per_gauge + 0.5), gauge_unit(kind))


def counter_payload(kind: SensorType, time: int, counter: float) -> bytes:
    """`[time,value,"unit"]` of a counter in Wh or L, with at most three decimals."""
    return _payload(time, three_decimals(counter), kind.counter_unit)


def gauge_unit(kind: SensorType) -> str:
    """Unit of a gauge on this wire."""
    return "W" if kind is SensorType.ELECTRICITY else "L/day"


def _payload(time: int, value: float, unit: str) -> bytes:
    return json.dumps([time, value, unit], separators=(",", ":")).encode()
