"""What the last step of the set-up says about the energy dashboard: which sensors have totals that belong there."""

import re
from collections.abc import Iterable
from typing import Final

from .client import Quantity, Sensor, SensorType, V1Sensor

DASHBOARD: Final = "/config/energy"

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|~])")


def energy_places(sensors: Iterable[Sensor]) -> dict[str, str]:
    """Return the placeholders of the text: the names of the sensors by what they measure, and where the dashboard is.

    Names are the owner's own words and stay as they are, whatever they would mean in Markdown.
    """
    names: dict[SensorType, set[str]] = {kind: set() for kind in SensorType}
    for sensor in sensors:
        if sensor.has_counter and sensor.quantity in (None, Quantity.EXPORT):
            names[sensor.type].add(_MARKDOWN.sub(r"\\\1", sensor.name or _number(sensor.index, sensor.id)))
    return _placeholders(names)


def energy_places_v1(sensors: Iterable[V1Sensor]) -> dict[str, str]:
    """Return the placeholders for an original without totals: the numbers of the sensors whose energy is counted here.

    That is electricity alone.
    """
    names: dict[SensorType, set[str]] = {kind: set() for kind in SensorType}
    for sensor in sensors:
        if sensor.type is SensorType.ELECTRICITY:
            names[sensor.type].add(_number(sensor.index, sensor.id))
    return _placeholders(names)


def _number(index: int | None, sensor_id: str) -> str:
    """Return what tells a nameless sensor from its neighbours, as the name of its device does."""
    return sensor_id[:6] if index is None else str(index)


def _placeholders(names: dict[SensorType, set[str]]) -> dict[str, str]:
    return {
        "dashboard": DASHBOARD,
        **{str(kind): ", ".join(sorted(listed)) or "\N{EN DASH}" for kind, listed in names.items()},
    }
