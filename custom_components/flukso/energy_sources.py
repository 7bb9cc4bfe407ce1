"""What Flukso's meters are in Home Assistant's energy dashboard: sources in the shape of its preferences.

Home Assistant's own schema judges them afterwards, see energy_dashboard.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

DIRECT: Final = frozenset({"analog", "pulse"})
"""Classes of sensors that measure one direction alone. A meter that tells both has the net power at its import."""

type Source = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Meter:
    """A total, an entity, and the entity of its rate, None where that shows nothing."""

    total: str
    rate: str | None
    sensor_class: str | None


def grid_sources(imports: Sequence[Meter], exports: Sequence[Meter]) -> list[Source]:
    """Return a connection for each import with the export at the same place, and for what is left of either."""
    return [_grid(used, returned) for used, returned in zip_longest(imports, exports)]


def _grid(used: Meter | None, returned: Meter | None) -> Source:
    return {
        "type": "grid",
        "stat_energy_from": None if used is None else used.total,
        "stat_energy_to": None if returned is None else returned.total,
        "cost_adjustment_day": 0.0,
        **_grid_power(used, returned),
    }


def _grid_power(used: Meter | None, returned: Meter | None) -> Source:
    """Return the live power of a connection: positive what is drawn, negative what is fed in."""
    if used is None:
        inverted = None if returned is None else returned.rate
        return {} if inverted is None else {"power_config": {"stat_rate_inverted": inverted}}
    if returned is None or returned.rate is None or used.sensor_class not in DIRECT:
        return _rate(used)
    if used.rate is None:
        return {}
    return {"power_config": {"stat_rate_from": used.rate, "stat_rate_to": returned.rate}}


def solar_source(meter: Meter) -> Source:
    """Return a solar production."""
    return {
        "type": "solar",
        "stat_energy_from": meter.total,
        "config_entry_solar_forecast": None,
        **_rate(meter),
    }


def home_source(meter: Meter) -> Source:
    """Return the meter of the whole house."""
    return {"type": "home", "stat_energy_to": meter.total, **_rate(meter)}


def volume_source(kind: str, meter: Meter) -> Source:
    """Return a consumption of gas or water."""
    return {
        "type": kind,
        "stat_energy_from": meter.total,
        "stat_cost": None,
        "entity_energy_price": None,
        "number_energy_price": None,
        **_rate(meter),
    }


def device(meter: Meter) -> Source:
    """Return an individual device."""
    return {"stat_consumption": meter.total, **_rate(meter)}


def _rate(meter: Meter) -> Source:
    return {} if meter.rate is None else {"stat_rate": meter.rate}
