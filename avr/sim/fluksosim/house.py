"""The sensors of the simulated house: what is wired to which input of the board."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HouseSensor:
    """One input of the board. `weight` as in the factory block: the meter constant of a clamp, Wh or L for a pulse."""

    input: int
    name: str
    type: str
    sensor_class: str
    circuit: str
    weight: int
    unit_total: int
    """What one unit of the counter comes to in the household's totals: 3600 Ws for a Wh, 1000 mL for a L."""


METERCONST = 5508  # the original's constant for a 50 A clamp at 230 V

HOUSE: tuple[HouseSensor, ...] = (
    HouseSensor(0, "Main", "electricity", "analog", "main", METERCONST, 3600),
    HouseSensor(1, "Kitchen", "electricity", "analog", "kitchen", METERCONST, 3600),
    HouseSensor(2, "Heat pump", "electricity", "pulse", "heat_pump", 1, 3600),
    HouseSensor(3, "Gas", "gas", "pulse", "gas", 10, 1000),
)
