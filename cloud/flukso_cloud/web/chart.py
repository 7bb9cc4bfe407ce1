"""What the chart can show: its scales and units, and the choice of them that a page's address holds.

The page's script takes these tables from the page itself, so that both sides know the same scales.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from flukso_cloud.units import FACTORS

QuantityName = Literal["power", "flow"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A length of time to look at. `interval` and `resolution` are words of `GET /sensor/<id>`.

    In seconds: `step` is the length of a bucket, `span` what the chart shows, `refresh` the age at which the page asks
    again.
    """

    label: str
    interval: str
    resolution: str
    step: int
    span: int
    refresh: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a chart; `factor` makes it out of the gauge's unit (W, L/min), at most `decimals` are shown."""

    key: str
    label: str
    factor: float
    decimals: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """What has an axis of its own. The series is asked for in `wire`, `wire_factor` makes the gauge's unit out of that.

    The wire carries integers: the unit with the largest numbers loses least by rounding. One answer serves every unit.
    """

    label: str
    parameter: Literal["unit", "flow"]
    wire: str
    wire_factor: float
    units: tuple[Unit, ...]


LIVE = "live"
"""The scale whose chart moves; its minutes also tell what a sensor measures now that sends counters only."""
SCALES: Mapping[str, Scale] = {
    LIVE: Scale("Live", "15min", "minute", 60, 600, 60),
    "hour": Scale("Hour", "hour", "minute", 60, 3600, 60),
    "day": Scale("Day", "day", "15min", 900, 86400, 120),
    "week": Scale("Week", "week", "hour", 3600, 604800, 600),
    "month": Scale("Month", "month", "day", 86400, 2419200, 1800),
    "year": Scale("Year", "year", "day", 86400, 31536000, 3600),
}

# EUR and AUD a year are left out: API v1 knows them only at the prices of 2011.
QUANTITIES: Mapping[QuantityName, Quantity] = {
    "power": Quantity(
        "Electricity",
        "unit",
        "kwhperyear",
        FACTORS["watt"] / FACTORS["kwhperyear"],
        (
            Unit("watt", "W", 1, 1),
            Unit("kwhperyear", "kWh/year", FACTORS["kwhperyear"] / FACTORS["watt"], 0),
        ),
    ),
    "flow": Quantity(
        "Gas and water",
        "flow",
        "lperday",
        FACTORS["lpermin"] / FACTORS["lperday"],
        (
            Unit("lpermin", "L/min", 1, 2),
            Unit("lperday", "L/day", FACTORS["lperday"] / FACTORS["lpermin"], 0),
            Unit("m3peryear", "m³/year", FACTORS["m3peryear"] / FACTORS["lpermin"], 1),
        ),
    ),
}

QUANTITY_OF_TYPE: Mapping[str, QuantityName] = {"electricity": "power", "gas": "flow", "water": "flow"}

_HIDDEN = re.compile(r"[0-9a-f]{8,32}")
SHORT = 8
"""Digits of a sensor's id that the address shows."""


def _choice(asked: str | None, known: list[str]) -> str:
    return asked if asked in known else known[0]


@dataclass(frozen=True, slots=True)
class View:
    """The state of a chart.

    `hidden` has the first digits of the ids of hidden sensors, `device` an id, or None for the first one.
    """

    scale: str = LIVE
    unit: str = "watt"
    flow: str = "lpermin"
    hidden: tuple[str, ...] = ()
    device: str | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> View:
        """Read an address; words not known fall back to the first choice, so that an old link still shows a chart."""
        hidden = {part[:SHORT] for part in query.get("hide", "").split(",") if _HIDDEN.fullmatch(part)}
        return cls(
            scale=_choice(query.get("scale"), list(SCALES)),
            unit=_choice(query.get("unit"), [unit.key for unit in QUANTITIES["power"].units]),
            flow=_choice(query.get("flow"), [unit.key for unit in QUANTITIES["flow"].units]),
            hidden=tuple(sorted(hidden)),
            device=query.get("device"),
        )

    def unit_of(self, name: QuantityName) -> Unit:
        """Return the unit chosen for a quantity."""
        quantity = QUANTITIES[name]
        chosen = self.unit if quantity.parameter == "unit" else self.flow
        return next(unit for unit in quantity.units if unit.key == chosen)

    def hides(self, sensor: str) -> bool:
        """Tell whether a sensor is hidden."""
        return sensor[:SHORT] in self.hidden

    def parameters(self) -> dict[str, str]:
        """Return what an address says of this view: all that is not the default."""
        said = {"device": self.device, "scale": self.scale, "unit": self.unit, "flow": self.flow}
        usual = View()
        found = {name: value for name, value in said.items() if value is not None and value != getattr(usual, name)}
        if self.hidden:
            found["hide"] = ",".join(self.hidden)
        return found

    def address(self, **changes: Any) -> str:
        """Return the address of this view, or of one that differs by `changes`."""
        query = urlencode(replace(self, **changes).parameters(), safe=",")
        return f"/?{query}" if query else "/"
